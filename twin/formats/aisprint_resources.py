"""Network domains, computational layers and resources of AI-SPRINT files as a continuum.

They stand in candidate_resources.yaml and, reduced to what is used, in every production_deployment.yaml.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple, get_args

from twin.errors import did_you_mean
from twin.formats.aisprint_reading import Entry, shown
from twin.formats.aisprint_units import Units
from twin.model.continuum import Accelerator, CloudFunction, Continuum, Layer, LayerType, NetworkDomain, Resource

GIGABYTE_MB = 1024.0
"""Megabytes of a gigabyte, as the tools of AI-SPRINT count."""

KEY = "key"
"""Property that keeps the key a resource has in its file, such as ``resource1``."""

NODE = "physicalNode"
"""Property that keeps what physical_nodes.yaml says of a resource, without its credentials."""

_LAYER_KEY = re.compile(r"computationalLayer([0-9]{1,9})")
_CREDENTIALS = ("password", "secret", "token", "access_key", "ssh_key", "private_key", "username")
_RESOURCE_KEYS = {"name", "totalNodes", "description", "cost", "memorySize"}
_FUNCTION_KEYS = {"name", "description", "architecture", "cost", "memorySize", "idleTime", "transitionCost"}
_LEAST_HOURLY_GB = 0.001
"""A gigabyte of a cloud function costs about 0.06 euro an hour and 0.00002 a second; between them lies this."""

_LARGEST_PER_CALL = 0.001
"""No provider asks more than this for one invocation; 0.025 is the price of a thousand state transitions."""


class Processing(NamedTuple):
    """What the processors of a resource say together."""

    cores: float
    architecture: str
    sgx: bool


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
    layer = entry.build(Layer, name=key, type=kind, number=number, description=_words(entry.at("name").value))
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
        function = _function(key, entry, name, layer, found.nodes)
        found.functions.update({name: function} if function else {})
        return
    resource = _resource(key, entry, name, layer, found.nodes)
    found.resources.update({name: resource} if resource else {})


def _resource(key: str, entry: Entry, name: str, layer: str, nodes: dict[str, Any]) -> Resource | None:
    processing = read_processing(entry.at("processors"))
    if not entry.has("processors"):
        entry.reading.note(f"{entry.place} ({name}) has no processors; one core of architecture amd64 is assumed")
    return entry.build(
        Resource,
        name=name,
        layer=layer,
        nodes=entry.whole("totalNodes", least=1),
        cores=processing.cores,
        memory_mb=_memory(entry, name),
        architecture=processing.architecture,
        accelerators=read_accelerators(entry.at("accelerators")),
        sgx=processing.sgx,
        cost_per_hour=_cost(entry, name),
        description=_words(entry.at("description").value),
        properties=_properties(key, entry, _RESOURCE_KEYS, nodes.get(name)),
    )


def _function(key: str, entry: Entry, name: str, layer: str, nodes: dict[str, Any]) -> CloudFunction | None:
    memory, cost = _memory(entry, name), _cost(entry, name)
    per_call = entry.number("transitionCost", 0.0)
    if not entry.has("idleTime"):
        entry.reading.note(f"{entry.place} ({name}) has no idleTime; 600 s are assumed")
    if cost and memory and cost / memory * GIGABYTE_MB < _LEAST_HOURLY_GB:
        entry.reading.note(f"{entry.place} ({name}): cost {cost:g} is taken per hour, but looks like a second's price")
    if per_call > _LARGEST_PER_CALL:
        taken = "is taken per invocation, but looks like the price of a thousand"
        entry.reading.note(f"{entry.place} ({name}): transitionCost {per_call:g} {taken}")
    return entry.build(
        CloudFunction,
        name=name,
        layer=layer,
        memory_mb=memory,
        architecture=entry.text("architecture", "amd64"),
        idle_time=entry.number("idleTime", 600.0, positive=True),
        cost_per_hour=cost,
        cost_per_request=per_call,
        description=_words(entry.at("description").value),
        properties=_properties(key, entry, _FUNCTION_KEYS, nodes.get(name)),
    )


def _memory(entry: Entry, name: str) -> float | None:
    if entry.has("memorySize"):
        return entry.number("memorySize", positive=True)
    entry.reading.note(f"{entry.place} ({name}) has no memorySize; its memory counts as never short")
    return None


def _cost(entry: Entry, name: str) -> float:
    if not entry.has("cost"):
        entry.reading.note(f"{entry.place} ({name}) has no cost; 0 is assumed")
    return entry.number("cost", 0.0)


def _words(value: object) -> str:
    return "" if value is None else str(value).strip()


def _properties(key: str, entry: Entry, modelled: set[str], node: Any) -> dict[str, Any]:
    """Return what the model has no place for, as it stands in the file."""
    body = entry.value if isinstance(entry.value, dict) else {}
    rest = {name: value for name, value in body.items() if name not in modelled}
    return {KEY: key, **rest, **({NODE: node} if node is not None else {})}


def read_processing(processors: Entry) -> Processing:
    """Return the computing units of all processors together, their architecture, and whether one has SGX."""
    entries = list(processors.children().values())
    units = [entry.number("computingUnits", positive=True) for entry in entries]
    architectures = [entry.text("architecture", "amd64") for entry in entries]
    if len(set(architectures)) > 1:
        listed = ", ".join(architectures)
        processors.reading.note(f"{processors.place} differ in architecture ({listed}); {architectures[0]} counts")
    flags = [entry.flag("SGXFlag") for entry in entries]
    return Processing(sum(units) or 1.0, architectures[0] if architectures else "amd64", any(flags))


def read_accelerators(accelerators: Entry) -> dict[str, Accelerator]:
    """Return one accelerator for each processor of each entry of ``accelerators``."""
    found: dict[str, Accelerator] = {}
    for key, entry in accelerators.children().items():
        processors = entry.at("processors").children()
        for inner, processor in processors.items():
            name = key if len(processors) == 1 else f"{key}.{inner}"
            accelerator = processor.build(
                Accelerator,
                name=name,
                type=processor.text("type", "GPU"),
                model=_words(processor.at("architecture").value) or _words(processor.at("name").value),
                count=_accelerator_count(processor),
                memory_mb=processor.number("internalMemory", 0.0) * GIGABYTE_MB,
            )
            found.update({name: accelerator} if accelerator else {})
    return found


def _accelerator_count(processor: Entry) -> int:
    value = processor.at("computingUnits").value
    if value is not None and (isinstance(value, bool | str | dict | list) or value % 1 != 0 or value < 1):
        processor.at("computingUnits").problem(f"expected a number of devices, at least 1, got {shown(value)}")
        return 1
    return int(value or 1)
