"""candidate_deployments.yaml and component_partitions.yaml: the ways to run each component, and where they may run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from twin.errors import did_you_mean
from twin.formats.aisprint_graph import Graph
from twin.formats.aisprint_names import BASE, TEMPLATE, cut_of, fold, replaced_key, template_of
from twin.formats.aisprint_plan import PlanFile
from twin.formats.aisprint_reading import Entry, Reading, natural
from twin.model.application import Component, Container, Deployment, Partition
from twin.model.continuum import Continuum

CANDIDATES = "common_config/candidate_deployments.yaml"
PARTITIONS = "aisprint/designs/component_partitions.yaml"

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


@dataclass(slots=True)
class Chains:
    """Which deployments there are: component → deployment → position → name of the partition."""

    graph: Graph

    found: dict[str, dict[str, dict[int, str]]] = field(default_factory=dict)

    def add(self, names: Iterable[str]) -> None:
        """Take in every name that means a part of a known component."""
        for name in names:
            component, deployment, position = fold(name, self.graph.alternatives)
            if component in self.graph.components and cut_of(name) != TEMPLATE:
                self.found.setdefault(component, {}).setdefault(deployment, {})[position] = name

    def of(self, component: str) -> dict[str, list[str]]:
        """Return the deployments of *component*: whole, cut, replaced; each as its chain of names."""
        chains = self.found.get(component, {})
        cuts = natural(name for name in chains if name != BASE and name not in self.graph.alternatives)
        others = [name for name in self.graph.alternatives if name in chains]
        order = [*([BASE] if BASE in chains else []), *cuts, *others]
        return {name: [chains[name][position] for position in sorted(chains[name])] for name in order}


def read_partitions(root: Entry | None, graph: Graph) -> list[str]:
    """Return the names of all parts that component_partitions.yaml lists."""
    names: list[str] = []
    spelling = "Components" if root and root.has("Components") else "components"
    for component, entry in (root.at(spelling).children() if root else {}).items():
        if fold(component, graph.alternatives).component not in graph.components:
            entry.problem(f"unknown component {component!r}{did_you_mean(component, graph.components)}")
        for item in entry.at("partitions").items():
            part = item.as_text()
            name = component if part == BASE else f"{component}_{part}"
            if part != BASE and cut_of(name) is None and part != "?":
                item.problem(f"expected 'base' or 'partition<k>_<i>', got {part!r}")
            names.append(name)
    return names


def note_unused_templates(reading: Reading, candidates: Candidates, chains: Chains) -> None:
    """Note the templates of components that no file cuts."""
    for name in candidates:
        component = fold(name, chains.graph.alternatives).component
        cuts = [part for chain in chains.of(component).values() for part in chain if cut_of(part)]
        if cut_of(name) == TEMPLATE and not cuts:
            reading.note(f"{CANDIDATES}: {name!r} is left out; no file says how {component!r} is partitioned")


def build_components(
    reading: Reading, graph: Graph, candidates: Candidates, chains: Chains, selected: Candidates
) -> dict[str, Component]:
    """Return the components with every deployment all of whose partitions have candidates."""
    components: dict[str, Component] = {}
    for component in graph.components:
        deployments: dict[str, Deployment] = {}
        for name, chain in chains.of(component).items():
            hosts = {partition: _hosts_of(partition, candidates, selected) for partition in chain}
            lacking = [f"{partition} has no candidates" for partition in chain if not hosts[partition]]
            if len(chain) < fold(chain[-1], graph.alternatives).position:
                lacking.append(f"there is a gap in {', '.join(chain)}")
            if lacking:
                reading.note(f"{component}: deployment {name!r} is left out: {'; '.join(lacking)} in {CANDIDATES}")
                continue
            deployments[name] = Deployment(name=name, partitions=_partitions(hosts, graph.exits))
        if deployments:
            components[component] = Component(name=component, deployments=deployments)
        else:
            reading.problem(CANDIDATES, f"component {component!r} has no entry that says where it may run; add one")
    return components


def _partitions(hosts: Mapping[str, dict[str, Container]], exits: Mapping[str, float]) -> dict[str, Partition]:
    last = list(hosts)[-1]
    return {
        name: Partition(name=name, candidates=own, exit_probability=0.0 if name == last else exits.get(name, 0.0))
        for name, own in hosts.items()
    }


def read_selected(plan: PlanFile | None, continuum: Continuum) -> Candidates:
    """Return what the plan says of its partitions: candidates for those that have no others."""
    found: Candidates = {}
    for selection in plan.selections if plan else ():
        if selection.resource in continuum.resources or selection.resource in continuum.functions:
            body = read_container(selection.container, continuum.host(selection.resource).architecture)
            found[selection.partition] = {selection.resource: body} if body else {}
    return found


def _hosts_of(partition: str, candidates: Candidates, selected: Candidates) -> dict[str, Container]:
    """Return the candidates of one partition: its own, those of its template, or what the plan selected."""
    template = template_of(partition)
    cut = cut_of(partition)
    hosts = candidates.get(partition, {})
    if not hosts and template and cut:
        hosts = {name: _of_cut(container, cut) for name, container in candidates.get(template, {}).items()}
    chosen = selected.get(partition, {})
    if not hosts:
        return chosen
    return {name: _with_image(container, chosen.get(name)) for name, container in hosts.items()}


def _of_cut(container: Container, cut: str) -> Container:
    """Return the container of a template as the segment of cut *cut* uses it."""
    written, meant = f"_partition{TEMPLATE}_", f"_partition{cut}_"
    image = container.image.replace(written, meant) if container.image else None
    properties = dict(container.properties)
    images = properties.get(IMAGES)
    if isinstance(images, list):
        properties[IMAGES] = [one.replace(written, meant) if isinstance(one, str) else one for one in images]
    return container.model_copy(update={"image": image, "properties": properties})


def _with_image(container: Container, chosen: Container | None) -> Container:
    """Return *container* with the image of the plan where it has none: Studio fills that one in first."""
    if container.image is None and chosen is not None and chosen.image is not None:
        return container.model_copy(update={"image": chosen.image})
    return container
