"""The application's graph, from the application_dag.yaml of the folder and of its deployments.

The first file that is there names components and dependencies. The others add what only a cut application shows: its
segments, and the early exits between them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import networkx as nx

from twin.errors import did_you_mean
from twin.formats.aisprint.names import BASE, Part, fold
from twin.formats.aisprint.reading import Entry, Reading, natural, shown
from twin.model.application import EPSILON

DEPLOYMENTS = "aisprint/deployments"
DAG = "application_dag.yaml"

Edges = dict[tuple[str, str], float]


@dataclass(slots=True)
class Graph:
    """What the graphs of all files say together, names folded into their components."""

    name: str = ""

    components: list[str] = field(default_factory=list)

    probabilities: Edges = field(default_factory=dict)
    """Transition probability of each dependency between components."""

    parts: dict[str, Part] = field(default_factory=dict)
    """Every name that a graph uses, and what it means."""

    exits: dict[str, float] = field(default_factory=dict)
    """Exit probability of segments, where requests leave early."""

    alternatives: dict[str, str] = field(default_factory=dict)
    """Alternative → component it can replace."""


def read_graph(reading: Reading, chosen: str | None, alternatives: Mapping[str, str]) -> Graph:
    """Return the graph of the folder; *chosen* is the deployment whose plan counts."""
    return _read_graphs(reading, graph_files(reading, chosen), chosen, alternatives)


def read_own_graph(reading: Reading, alternatives: Mapping[str, str]) -> Graph:
    """Return the graph of common_config alone, whatever the graphs of deployments say."""
    return _read_graphs(reading, [f"common_config/{DAG}"], None, alternatives)


def _read_graphs(reading: Reading, files: list[str], chosen: str | None, alternatives: Mapping[str, str]) -> Graph:
    roots = [(name, entry.at("System")) for name in files if (entry := reading.open(name))]
    graph = Graph(alternatives=dict(alternatives))
    for _, root in roots:
        for component, entry in root.at("alternative_components").children().items():
            graph.alternatives.update(dict.fromkeys(entry.names(), component))
    for name, root in roots:
        dag = _Dag(root, graph.alternatives)
        if not graph.components:
            _take(graph, dag, root)
        else:
            _compare(graph, dag, root, contradiction=chosen is not None and f"/{chosen}/" in name)
        graph.parts.update({name: part for name, part in dag.parts.items() if part.component in graph.components})
        graph.exits = {**dag.exits, **graph.exits}
    if not roots and not reading.problems:
        reading.problem(f"common_config/{DAG}", "the file is absent or empty; it lists components and dependencies")
    return graph


def graph_files(reading: Reading, chosen: str | None) -> list[str]:
    """Return where a graph may stand, the one that counts first."""
    first = [BASE, *([chosen] if chosen else [])]
    others = [name for name in deployment_names(reading) if name not in first]
    return [f"common_config/{DAG}", *(f"{DEPLOYMENTS}/{name}/{DAG}" for name in [*first, *others])]


def deployment_names(reading: Reading) -> list[str]:
    """Return the folders under aisprint/deployments, in natural order."""
    folder = reading.folder / DEPLOYMENTS
    return natural(path.name for path in folder.iterdir() if path.is_dir()) if folder.is_dir() else []


def _take(graph: Graph, dag: _Dag, root: Entry) -> None:
    graph.name = root.words("name")
    graph.components = list(dict.fromkeys(part.component for part in dag.parts.values()))
    graph.probabilities = dag.edges
    if not graph.components:
        root.problem("'components' names none; list them, such as components: [detector]")
    for alternative, component in graph.alternatives.items():
        if component not in graph.components:
            known = did_you_mean(component, graph.components)
            root.problem(f"alternative {alternative!r} is meant for unknown component {component!r}{known}")


def _compare(graph: Graph, dag: _Dag, root: Entry, *, contradiction: bool) -> None:
    """Complain of a graph unlike the first one; where it is not the chosen one, only note it."""
    for name, part in dag.parts.items():
        if part.component not in graph.components:
            unlike = f"unknown component {name!r}{did_you_mean(part.component, graph.components)}"
            _object(root.at("components"), unlike, contradiction)
            return
    if set(dag.edges) != set(graph.probabilities):
        differing = sorted(set(dag.edges) ^ set(graph.probabilities))
        listed = ", ".join(f"{origin} > {to}" for origin, to in differing)
        _object(root.at("dependencies"), f"differs from the first graph in {listed}", contradiction)
    for edge, probability in dag.edges.items():
        if abs(probability - graph.probabilities.get(edge, probability)) > EPSILON:
            first = f"{graph.probabilities[edge]:g} of the first graph is taken"
            root.reading.note(f"{root.source.name}: {edge[0]} > {edge[1]} has probability {probability:g}; {first}")


def _object(entry: Entry, message: str, contradiction: bool) -> None:
    if contradiction:
        entry.problem(message)
    else:
        entry.reading.note(f"{entry.place}: {message}; left out")


class _Dag:
    """One graph as it stands in its file."""

    def __init__(self, root: Entry, alternatives: Mapping[str, str]) -> None:
        self.root = root
        self.parts: dict[str, Part] = {}
        for entry in root.at("components").items():
            name = entry.as_text()
            if name in self.parts:
                entry.problem(f"component {name!r} appears twice")
            self.parts[name] = fold(name, alternatives)
        self.lengths = self._lengths()
        self.raw = self._triplets()
        self.edges: Edges = {}
        self.exits: dict[str, float] = {}
        self._inner_edges()
        self._outer_edges()
        self._require_no_cycle()

    def _lengths(self) -> dict[tuple[str, str], int]:
        """Return the number of segments of each chain; a chain with a gap, or a second chain, is a problem."""
        chains: dict[str, dict[str, list[int]]] = {}
        for part in self.parts.values():
            chains.setdefault(part.component, {}).setdefault(part.deployment, []).append(part.position)
        for component, by_deployment in chains.items():
            if len(by_deployment) > 1:
                listed = ", ".join(by_deployment)
                self.root.at("components").problem(f"component {component!r} appears in several forms: {listed}")
        lengths = {}
        for component, by_deployment in chains.items():
            for deployment, positions in by_deployment.items():
                lengths[component, deployment] = len(positions)
                if sorted(positions) != list(range(1, len(positions) + 1)):
                    numbers = ", ".join(map(str, sorted(positions)))
                    what = f"segments {numbers} of {component!r} ({deployment}); they must be numbered from 1 on"
                    self.root.at("components").problem(what)
        return lengths

    def _triplets(self) -> Edges:
        edges: Edges = {}
        for entry in self.root.at("dependencies").items():
            if not isinstance(entry.value, list) or len(entry.value) != 3:
                entry.problem(f"expected [from, to, probability], got {_listed(entry.value)}")
                continue
            origin, to, probability = entry.at(0).as_text(), entry.at(1).as_text(), entry.at(2).as_number()
            for i, name in enumerate((origin, to)):
                if name not in self.parts and name != "?":
                    entry.at(i).problem(f"unknown component {name!r}{did_you_mean(name, self.parts)}")
            if probability > 1:
                entry.at(2).problem(f"expected a probability between 0 and 1, got {probability:g}")
            if (origin, to) in edges:
                entry.problem(f"the edge {origin} > {to} appears twice")
            if origin in self.parts and to in self.parts:
                edges[origin, to] = min(probability, 1.0)
        return edges

    def _inner_edges(self) -> None:
        """Read the edges between segments of one component: whoever does not take them leaves early."""
        names = {part: name for name, part in self.parts.items()}
        for name, part in self.parts.items():
            if part.position == self.lengths[part.component, part.deployment]:
                continue
            after = names.get(part._replace(position=part.position + 1))
            if after is None:
                continue
            if (name, after) not in self.raw:
                self.root.at("dependencies").problem(f"no edge leads from {name!r} to its next segment {after!r}")
                continue
            left = round(1 - self.raw[name, after], 12)
            if left > EPSILON:
                self.exits[name] = left

    def _outer_edges(self) -> None:
        """Read the edges between components; those of earlier segments are the ways of early exits."""
        early: dict[tuple[str, str], tuple[str, str]] = {}
        for (origin, to), probability in self.raw.items():
            before, after = self.parts[origin], self.parts[to]
            if before.component == after.component:
                self._require_next(origin, to)
                continue
            if after.position > 1:
                self.root.at("dependencies").problem(
                    f"the edge {origin} > {to} enters {after.component!r} in its middle"
                )
            edge = (before.component, after.component)
            if before.position == self.lengths[before.component, before.deployment]:
                self.edges[edge] = probability
                continue
            early[edge] = (origin, to)
            if abs(probability - self.exits.get(origin, 0.0)) > EPSILON:
                taken = f"early exits of {origin!r} are read from its other edge: {self.exits.get(origin, 0.0):g}"
                self.root.reading.note(
                    f"{self.root.source.name}: {origin} > {to} has probability {probability:g}; {taken}"
                )
        for edge, (origin, to) in early.items():
            if edge not in self.edges:
                lacking = f"{origin} > {to} is an early exit, but no edge leads from the last segment to {to!r}"
                self.root.at("dependencies").problem(lacking)

    def _require_next(self, origin: str, to: str) -> None:
        before, after = self.parts[origin], self.parts[to]
        if before.deployment != after.deployment or after.position != before.position + 1:
            self.root.at("dependencies").problem(f"the edge {origin} > {to} does not lead to the next segment")

    def _require_no_cycle(self) -> None:
        try:
            cycle = nx.find_cycle(nx.DiGraph(list(self.edges)))
        except nx.NetworkXNoCycle:
            return
        path = " > ".join([*(edge[0] for edge in cycle), cycle[0][0]])
        self.root.at("dependencies").problem(f"the graph has a cycle: {path}")


def _listed(value: object) -> str:
    return f"{value}" if isinstance(value, list) and len(str(value)) < 80 else shown(value)
