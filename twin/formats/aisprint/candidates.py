"""candidate_deployments.yaml: where components and their segments may run, and in which container."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from twin.errors import did_you_mean
from twin.formats.aisprint.graph import Graph
from twin.formats.aisprint.names import fold, replaced_key
from twin.formats.aisprint.plan import PlanFile
from twin.formats.aisprint.reading import Entry
from twin.model.application import Container
from twin.model.continuum import Continuum

CANDIDATES = "common_config/candidate_deployments.yaml"

IMAGES = "images"
"""Property that keeps the images of all architectures, where the file lists several."""

_CONTAINER_KEYS = {
    "memorySize",
    "computingUnits",
    "image",
    "trustedExecution",
    "networkProtection",
    "fileSystemProtection",
    "GPURequirement",
    "candidateExecutionResources",
    "selectedExecutionResource",
    "selectedExecutionResources",
}

Candidates = dict[str, dict[str, Container]]
"""Name in the file (of a component, a segment or a template) → resource → container."""


def read_alternatives(root: Entry | None) -> dict[str, str]:
    """Return alternative → component, as far as the keys of candidate_deployments.yaml tell."""
    entries = root.at("Components").children() if root else {}
    names = {key: entry.at("name").value for key, entry in entries.items()}
    pairs = [(name, names.get(replaced_key(key) or "")) for key, name in names.items() if replaced_key(key)]
    return {name: component for name, component in pairs if isinstance(name, str) and isinstance(component, str)}


def read_candidates(root: Entry | None, graph: Graph, continuum: Continuum, *, reduced: bool) -> Candidates:
    """Return the candidates of every name in candidate_deployments.yaml.

    *reduced*: the continuum knows only resources that a plan selected, so that others are left out with a note.
    """
    found: Candidates = {}
    for entry in (root.at("Components").children() if root else {}).values():
        name = entry.text("name")
        component = fold(name, graph.alternatives).component
        if component not in graph.components and name != "?":
            entry.problem(f"unknown component {name!r}{did_you_mean(name, graph.components)}")
        if name in found:
            entry.problem(f"{name!r} appears twice")
        found[name] = _containers(entry, continuum, reduced=reduced)
        _check_layers(entry, found[name], continuum)
    return found


def _containers(entry: Entry, continuum: Continuum, *, reduced: bool) -> dict[str, Container]:
    found: dict[str, Container] = {}
    containers = entry.at("Containers").children()
    if not containers:
        entry.problem("'Containers' is missing or empty; add container1 with candidateExecutionResources")
    for container in containers.values():
        resources = container.at("candidateExecutionResources")
        if not resources.value:
            container.problem("'candidateExecutionResources' is missing or empty; list where it may run")
            continue
        for resource in resources.names():
            if resource in found:
                resources.problem(f"{resource!r} is a candidate already; name it in one container")
            if _exists(resource, resources, continuum, reduced=reduced):
                body = read_container(container, continuum.host(resource).architecture)
                found.update({resource: body} if body else {})
    return found


def _exists(resource: str, entry: Entry, continuum: Continuum, *, reduced: bool) -> bool:
    hosts = [*continuum.resources, *continuum.functions]
    if resource in hosts:
        return True
    if reduced:
        entry.reading.note(f"{entry.place}: {resource!r} is not described in this folder; left out")
    elif resource != "?":
        entry.problem(f"candidate resource {resource!r} does not exist{did_you_mean(resource, hosts)}")
    return False


def read_container(entry: Entry, architecture: str) -> Container | None:
    """Return a container as it runs on a resource of *architecture*."""
    image = entry.at("image").value
    properties: dict[str, Any] = {}
    if isinstance(image, list):
        properties[IMAGES] = image
        image = next((one for one in image if isinstance(one, str) and architecture in one), None)
        if image is None:
            entry.reading.note(f"{entry.place}: no image is for {architecture}; none is taken")
    rest = {key: inner.value for key, inner in entry.children().items() if key not in _CONTAINER_KEYS}
    properties.update(rest)
    if not entry.has("memorySize"):
        entry.reading.note(f"{entry.place} has no memorySize; 0 MB are assumed")
    return entry.build(
        Container,
        memory_mb=entry.number("memorySize", 0.0),
        computing_units=entry.number("computingUnits", 1.0, positive=True),
        gpu=entry.flag("GPURequirement"),
        trusted_execution=entry.flag("trustedExecution"),
        network_protection=entry.flag("networkProtection"),
        file_system_protection=entry.flag("fileSystemProtection"),
        image=image,
        properties=properties,
    )


def _check_layers(entry: Entry, candidates: Mapping[str, Container], continuum: Continuum) -> None:
    """Compare candidateExecutionLayers with the layers of the candidate resources, which count."""
    listed = entry.at("candidateExecutionLayers")
    numbers = {layer.number for layer in continuum.layers.values()}
    named = set()
    for item in listed.items():
        if not isinstance(item.value, int) or isinstance(item.value, bool):
            item.problem(f"expected the number of a layer, got {item.value!r}")
            return
        named.add(item.value)
    actual = {continuum.layers[continuum.host(resource).layer].number for resource in candidates}
    if listed.value is not None and (named & numbers) != actual:
        layers = ", ".join(map(str, sorted(number for number in actual if number is not None)))
        entry.reading.note(f"{listed.place} are {sorted(named)}; the resources lie on {layers} and count")


def read_selected(plan: PlanFile | None, continuum: Continuum) -> Candidates:
    """Return what the plan says of its partitions: candidates for those that have no others."""
    found: Candidates = {}
    for selection in plan.selections if plan else ():
        if selection.resource in continuum.resources or selection.resource in continuum.functions:
            body = read_container(selection.container, continuum.host(selection.resource).architecture)
            found[selection.partition] = {selection.resource: body} if body else {}
    return found
