"""SPACE4AI's components, partitions and directed acyclic graph → the application."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

import networkx as nx

from twin.formats.space4ai.continuum import Dialect
from twin.formats.space4ai.entry import Entry
from twin.formats.space4ai.names import Names
from twin.model.application import Application, Component, Container, Dependency, Deployment, Partition

Sizes = dict[str, float]
"""Successor → megabytes."""

_NO_DEPLOYMENT = Deployment(name="none", partitions={"none": Partition(name="none", candidates={"none": Container()})})
_NO_COMPONENT = Component(name="none", deployments={"none": _NO_DEPLOYMENT})
"""These stand where the file is at fault, so that the rest can be read; they never leave this reader."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reading:
    """What all parts of the application are read with."""

    root: Entry

    dialect: Dialect

    names: Names

    hosts: Mapping[str, object]
    """Resources and functions that partitions may run on."""

    edges: dict[str, dict[str, float]]
    """Component → successor → transition probability, all by code."""

    exits_stand_at_entry: bool
    """Whether a probability of early exit belongs to the step into its partition."""


def read_application(root: Entry, dialect: Dialect, names: Names, hosts: Mapping[str, object]) -> Application:
    """Return the application; *hosts* are the names of the resources and functions there are."""
    components = root.child("Components")
    if components.value == {}:
        components.problem("names no component")
    edges = _graph(root, dict(components.entries()))
    reading = _Reading(
        root=root,
        dialect=dialect,
        names=names,
        hosts=hosts,
        edges=edges,
        exits_stand_at_entry=_exits_stand_at_entry(components),
    )
    _check_compatibility_keys(root, components)
    found = {code: _component(reading, code, body) for code, body in components.entries()}
    return Application(
        components={component.name: component for component, _ in found.values()} or {"none": _NO_COMPONENT},
        dependencies=tuple(
            Dependency(
                origin=names.component(origin),
                to=names.component(to),
                probability=probability,
                data_mb=found[origin][1].get(to, 0.0) if origin in found else 0.0,
            )
            for origin, successors in edges.items()
            for to, probability in successors.items()
        ),
    )


def partitions_of(component: Entry) -> list[str]:
    """Return the codes of all partitions of a component, of all its deployments."""
    return [code for _, deployment in component.entries() for code, _ in deployment.entries()]


def _graph(root: Entry, components: Mapping[str, object]) -> dict[str, dict[str, float]]:
    """Return the edges by origin; leaves may be absent."""
    graph = root.child("DirectedAcyclicGraph")
    edges: dict[str, dict[str, float]] = {}
    for origin, body in graph.entries():
        body.known_key(origin, "component", components)
        successors = body.child("next", []).items()
        probabilities = body.child("transition_probability", []).items()
        if len(successors) != len(probabilities):
            body.problem(f"has {len(successors)} successors but {len(probabilities)} transition probabilities")
        edges[origin] = {}
        for successor, probability in zip(successors, probabilities, strict=False):
            to = successor.known("component", components)
            if to in edges[origin]:
                successor.problem(f"the edge {origin} > {to} stands twice")
            if to:
                edges[origin][to] = probability.number(high=1.0, fallback=0.0)
    _check_graph(graph, components, edges)
    return edges


def _check_graph(graph: Entry, components: Mapping[str, object], edges: dict[str, dict[str, float]]) -> None:
    directed: nx.DiGraph[str] = nx.DiGraph([(origin, to) for origin in edges for to in edges[origin]])
    try:
        cycle = nx.find_cycle(directed)
        graph.problem(f"has a cycle: {' > '.join([edge[0] for edge in cycle] + [cycle[0][0]])}")
    except nx.NetworkXNoCycle:
        pass
    mentioned = {*edges, *directed.nodes}
    if len(components) > 1 and not graph.is_absent:
        for code in components:
            if code not in mentioned:
                graph.problem(f"component {code!r} is neither a key nor a successor; say what comes before or after it")


def _check_compatibility_keys(root: Entry, components: Entry) -> None:
    """Find components and partitions of the matrix that do not exist: what they allow would be lost."""
    known = {code: dict.fromkeys(partitions_of(body)) for code, body in components.entries()}
    for code, body in root.child("CompatibilityMatrix").entries():
        if body.known_key(code, "component", known):
            for partition, entry in body.entries():
                entry.known_key(partition, "partition", known[code])


def _exits_stand_at_entry(components: Entry) -> bool:
    """Say whether exits are written as the tools of 2021 and 2022 read them: at the partition that is then not entered.

    Those files give the first partition 0 and may give the last one, which nobody leaves early, more than 0.
    """
    chains = [deployment.entries() for _, body in components.entries() for _, deployment in body.entries()]
    old = any(isinstance(entry.child("next", []).value, str) for chain in chains for _, entry in chain)
    firsts = [_exit(chain[0][1]) for chain in chains if chain]
    lasts = [_exit(chain[-1][1]) for chain in chains if chain]
    return old and any(lasts) and not any(firsts)


def _exit(partition: Entry) -> float:
    if partition.has("stop_probability"):
        partition.findings.note("stop_probability is read as early_exit_probability", mark="v0")
        return partition.child("stop_probability").number(high=1.0, fallback=0.0)
    return partition.child("early_exit_probability", 0.0).number(high=1.0, fallback=0.0)


def _component(reading: _Reading, code: str, body: Entry) -> tuple[Component, Sizes]:
    """Return the component, and the megabytes its first deployment sends to each successor."""
    partitions = partitions_of(body)
    for partition in dict.fromkeys(partitions):
        if partitions.count(partition) > 1:
            body.problem(f"partition {partition!r} stands in several deployments; its name must be its own")
    if body.value == {}:
        body.problem("has no deployment")
    deployments: list[tuple[Deployment, Sizes]] = []
    for deployment, entry in body.entries():
        chain = _chain(entry, reading.dialect)
        if chain:
            sizes = _sizes(reading, code, chain[-1][1])
            deployments.append((_deployment(reading, code, deployment, chain), sizes))
        else:
            entry.problem("has no partition")
    common = deployments[0][1] if deployments else {}
    named = {
        deployment.name: deployment.model_copy(
            update={
                "dependency_data_mb": {
                    reading.names.component(to): size for to, size in sizes.items() if size != common.get(to)
                }
            }
        )
        for deployment, sizes in deployments
    }
    return Component(name=reading.names.component(code), deployments=named or {"none": _NO_DEPLOYMENT}), common


def _deployment(reading: _Reading, component: str, code: str, chain: list[tuple[str, Entry]]) -> Deployment:
    exits = [_exit(entry) for _, entry in chain]
    if reading.exits_stand_at_entry:
        text = (
            "early exits are moved to the partition before: the tools of 2021 and 2022 read them at the one not entered"
        )
        chain[0][1].findings.note(text, mark="v1")
        exits = [*exits[1:], 0.0]
    elif exits[-1]:
        chain[-1][1].findings.note(
            f"{chain[-1][1].where}: no early exit from the last partition; {exits[-1]:g} left out"
        )
        exits[-1] = 0.0
    partitions = [
        Partition(
            name=reading.names.partition(component, name),
            candidates=_candidates(reading, component, name, entry) or {"none": Container()},
            exit_probability=leaving,
            data_mb=_data_to_next(entry) if entry is not chain[-1][1] else 0.0,
        )
        for (name, entry), leaving in zip(chain, exits, strict=True)
    ]
    return Deployment(
        name=reading.names.deployment(component, code),
        partitions={partition.name: partition for partition in partitions},
    )


def _chain(deployment: Entry, dialect: Dialect) -> list[tuple[str, Entry]]:
    """Return the partitions in order: that of the file for SPACE4AI-D, that of ``next`` for SPACE4AI-R."""
    chain = deployment.entries()
    follows = {code: [item.value for item in entry.child("next", []).items()] for code, entry in chain}
    if all(follows[a[0]] == [b[0]] for a, b in pairwise(chain)):
        return chain
    if not dialect.startswith("r"):
        text = "'next' does not follow the order of the partitions; their order counts, as in SPACE4AI-D"
        deployment.findings.note(f"{deployment.where}: {text}")
        return chain
    entries = dict(chain)
    inner = nx.DiGraph([(code, to[0]) for code, to in follows.items() if len(to) == 1 and to[0] in entries])
    inner.add_nodes_from(entries)
    if not nx.is_directed_acyclic_graph(inner) or len(nx.dag_longest_path(inner)) != len(entries):
        deployment.problem(f"'next' does not chain the partitions {', '.join(entries)}, and SPACE4AI-R goes by it")
        return chain
    return [(code, entries[code]) for code in nx.dag_longest_path(inner)]


def _data_to_next(partition: Entry) -> float:
    sizes = [entry.number() for entry in partition.child("data_size").items()]
    if not sizes and partition.has("data_size"):
        partition.child("data_size").problem("must hold the megabytes handed to the next partition, got none")
    return sizes[0] if sizes else 0.0


def _sizes(reading: _Reading, component: str, last: Entry) -> Sizes:
    """Return the megabytes that the last partition sends to each successor of its component."""
    successors = reading.edges.get(component, {})
    if reading.dialect == "d-file":
        return dict.fromkeys(successors, 0.0)
    following, data = last.child("next", []), last.child("data_size", [])
    if isinstance(following.value, str) or not isinstance(data.value, list):
        text = "next and data_size without lists are read as lists of one; the one size goes to every successor"
        last.findings.note(text, mark="v1")
        sizes = [entry.number() for entry in data.items()]
        return dict.fromkeys(successors, sizes[0] if sizes else 0.0)
    if not successors and not following.items():
        # The tools pass over the data of a component that nothing follows.
        return {}
    given = {item.known("successor", successors): size for item, size in _paired(last, following, data)}
    if list(given) != list(successors):
        text = f"{last.where}: 'next' is not the graph's list of successors; SPACE4AI-D would charge no data"
        last.findings.note(text)
    return {to: given.get(to, 0.0) for to in successors}


def _paired(last: Entry, following: Entry, data: Entry) -> list[tuple[Entry, float]]:
    items, sizes = following.items(), data.items()
    if len(items) != len(sizes):
        last.problem(f"has {len(items)} entries in next but {len(sizes)} in data_size")
    return [(item, size.number()) for item, size in zip(items, sizes, strict=False)]


def _candidates(reading: _Reading, component: str, partition: str, body: Entry) -> dict[str, Container]:
    """Return the hosts of a partition; before 2022 the memory stands at the partition."""
    found: dict[str, Container] = {}
    entry = reading.root.child("CompatibilityMatrix").child(component).child(partition)
    for item in entry.items():
        named = isinstance(item.value, str)
        host = item if named else item.child("resource")
        memory = body.child("memory") if named or not item.has("memory") else item.child("memory")
        if named:
            item.findings.note("memory at the partition holds on each of its resources", mark="v1")
        name = host.known("resource or function", reading.hosts)
        if name in found:
            item.problem(f"{name!r} stands twice")
        if name:
            found[name] = Container(memory_mb=memory.number(), computing_units=1.0)
    if not entry.is_absent and not entry.items():
        entry.problem("names no resource; a partition needs at least one")
    return found
