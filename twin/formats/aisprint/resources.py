"""Network domains, computational layers and resources of AI-SPRINT files as a continuum.

They stand in candidate_resources.yaml and, reduced to what is used, in every production_deployment.yaml.
"""

from __future__ import annotations

import re
from typing import Any, get_args

from twin.errors import did_you_mean
from twin.formats.aisprint.hosts import read_function, read_resource
from twin.formats.aisprint.reading import Entry
from twin.formats.aisprint.units import Units
from twin.model.continuum import CloudFunction, Continuum, Layer, LayerType, NetworkDomain, Resource

_LAYER_KEY = re.compile(r"computationalLayer([0-9]{1,9})")
_CREDENTIALS = ("password", "secret", "token", "access_key", "ssh_key", "private_key", "username")


class _Found:
    """What is gathered while the domains are walked through."""

    def __init__(self, nodes: dict[str, Any]) -> None:
        self.nodes = nodes
        self.domains: dict[str, NetworkDomain] = {}
        self.layers: dict[str, Layer] = {}
        self.bodies: dict[str, Any] = {}
        self.resources: dict[str, Resource] = {}
        self.functions: dict[str, CloudFunction] = {}
        self.homes: dict[str, str] = {}


def read_continuum(domains: Entry, units: Units, nodes: dict[str, Any]) -> Continuum | None:
    """Return the continuum of a ``NetworkDomains`` mapping, or None if nothing could be built.

    *nodes* is what physical_nodes.yaml says, by the name of the resource.
    """
    found = _Found(nodes)
    entries = domains.children()
    if not entries:
        domains.problem("there are no network domains; add one, such as ND1")
    for key, entry in entries.items():
        _domain(key, entry, entries, units, found)
    for name in sorted(set(nodes) - set(found.resources) - set(found.functions)):
        domains.reading.note(f"common_config/physical_nodes.yaml: {name!r} is no resource; left out")
    if not domains.reading.problems and not found.resources and not found.functions:
        domains.problem("the layers hold no resources; add one under a layer's Resources")
    return domains.build(
        Continuum, domains=found.domains, layers=found.layers, resources=found.resources, functions=found.functions
    )


def bandwidths(domains: Entry) -> list[float]:
    """Return the bandwidths as they are written, wrong ones left out."""
    bodies = domains.value.values() if isinstance(domains.value, dict) else []
    values = [body.get("Bandwidth") for body in bodies if isinstance(body, dict)]
    return [float(value) for value in values if isinstance(value, int | float) and not isinstance(value, bool)]


def read_physical_nodes(root: Entry | None) -> dict[str, Any]:
    """Return what physical_nodes.yaml says of each resource, by its name, without credentials."""
    nodes: dict[str, Any] = {}
    layers = root.at("ComputationalLayers").children() if root else {}
    for layer in layers.values():
        for entry in layer.at("Resources").children().values():
            body = {key: inner.value for key, inner in entry.children().items() if key != "name"}
            nodes[entry.text("name")] = _without_credentials(body)
    if root and nodes:
        root.reading.note(f"{root.source.name}: addresses are kept, credentials are not")
    return nodes


def _without_credentials(value: Any) -> Any:
    if isinstance(value, list):
        return [_without_credentials(item) for item in value]
    if not isinstance(value, dict):
        return value
    open_keys = [key for key in value if not any(word in str(key).lower() for word in _CREDENTIALS)]
    return {key: _without_credentials(value[key]) for key in open_keys}


def _domain(key: str, entry: Entry, domains: dict[str, Entry], units: Units, found: _Found) -> None:
    layers = [name for name, layer in entry.at("ComputationalLayers").children().items() if _layer(name, layer, found)]
    contains = [_domain_key(inner, domains) for inner in _list(entry.at("subNetworkDomains"))]
    domain = entry.build(
        NetworkDomain,
        name=key,
        layers=layers,
        contains=contains,
        access_delay=entry.number("AccessDelay"),
        bandwidth_mbit_per_s=units.mega(entry.number("Bandwidth", positive=True)),
    )
    if domain:
        found.domains[key] = domain


def _list(entry: Entry) -> list[Entry]:
    return [entry] if isinstance(entry.value, str) else entry.items()


def _domain_key(entry: Entry, domains: dict[str, Entry]) -> str:
    """Return the key of the domain that is named by its key or by its ``name``."""
    name = entry.as_text()
    by_name = {str(other.at("name").value): key for key, other in domains.items()}
    if name not in domains and name not in by_name:
        entry.problem(f"unknown network domain {name!r}{did_you_mean(name, domains)}")
    return name if name in domains else by_name.get(name, name)


def _layer(key: str, entry: Entry, found: _Found) -> bool:
    """Read one layer with its resources; say whether it counts as one of its domain's."""
    match = _LAYER_KEY.fullmatch(key)
    if match is None:
        entry.problem("the key of a layer must be 'computationalLayer' and a number, such as computationalLayer1")
        return False
    if key in found.layers:
        if found.bodies[key] != entry.value:
            entry.problem("this layer appears in another domain with other contents; give it a number of its own")
        return True
    number = entry.whole("number", int(match[1]))
    if number != int(match[1]):
        entry.reading.note(f"{entry.place} has number {number}; plans mean it by that number")
    kind = _layer_type(entry)
    layer = entry.build(Layer, name=key, type=kind, number=number, description=entry.words("name"))
    if layer:
        found.layers[key] = layer
        found.bodies[key] = entry.value
    for name, resource in entry.at("Resources").children().items():
        _host(name, resource, key, kind, found)
    return True


def _layer_type(entry: Entry) -> LayerType:
    kinds = get_args(LayerType)
    kind: Any = entry.text("type", None)
    if kind not in kinds and entry.has("type"):
        entry.at("type").problem(f"unknown type of layer {kind!r}{did_you_mean(kind, kinds)}")
    return kind if kind in kinds else "Virtual"


def _host(key: str, entry: Entry, layer: str, kind: LayerType, found: _Found) -> None:
    name = entry.text("name")
    home = found.homes.setdefault(name, entry.place)
    if name != "?" and home != entry.place:
        entry.problem(f"{name!r} is already the name of {home}; names of resources are unique")
        return
    if kind == "NativeCloudFunction":
        function = read_function(key, entry, name, layer, found.nodes)
        found.functions.update({name: function} if function else {})
        return
    resource = read_resource(key, entry, name, layer, found.nodes)
    found.resources.update({name: resource} if resource else {})
