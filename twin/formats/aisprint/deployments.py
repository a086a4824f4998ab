"""The ways to run each component: whole, cut as component_partitions.yaml and the graphs say, or replaced."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from twin.errors import did_you_mean
from twin.formats.aisprint.candidates import CANDIDATES, IMAGES, Candidates
from twin.formats.aisprint.graph import Graph
from twin.formats.aisprint.names import BASE, TEMPLATE, cut_of, fold, template_of
from twin.formats.aisprint.reading import Entry, Reading, natural
from twin.model.application import Component, Container, Deployment, Partition

PARTITIONS = "aisprint/designs/component_partitions.yaml"


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
