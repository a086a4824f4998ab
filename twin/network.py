"""The queueing network that a scenario and a plan compile to; all engines run it and nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import networkx as nx

from twin.model.law import Law
from twin.model.workload import Source


@dataclass(frozen=True, slots=True, kw_only=True)
class NodePool:
    """The running nodes of one resource: each is a queue of its own."""

    name: str

    nodes: int

    cores: float = 1.0

    discipline: Literal["ps", "fifo"] = "ps"

    dispatch: Literal["random", "round_robin", "shortest_queue"] = "random"

    queue_capacity: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionPool:
    """The instances of one partition on a cloud function."""

    name: str

    function: str

    idle_time: float

    concurrency_limit: int | None = None

    on_limit: Literal["reject", "queue"] = "reject"


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """The medium of one network domain."""

    name: str

    bandwidth_mbit_per_s: float

    access_delay: float = 0.0

    contention: Literal["none", "fifo", "shared"] = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Hop:
    """A transfer between two steps."""

    link: int
    """Index of the link."""

    size_mb: float

    within_pool: bool = False
    """Whether both ends lie in one pool: then the transfer is free when they meet on the same node."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Send:
    """A possible continuation after a component: to the first step of another one."""

    probability: float

    step: int

    hop: Hop | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One execution of a partition at its station."""

    name: str
    """The partition."""

    component: int

    station: int

    service_time: Law

    replicas: int = 1

    computing_units: float = 1.0

    cold_start: Law | None = None
    """Time before the service when no instance is warm (functions)."""

    cold_service_time: Law | None = None
    """Whole time of a cold execution; it then replaces ``cold_start`` plus service."""

    exit_probability: float = 0.0

    next_step: int | None = None

    next_hop: Hop | None = None

    sends: tuple[Send, ...] = ()
    """Where a request goes that leaves the component here."""

    forward: int | None = None
    """The step that takes the place of this one, under the plan in force; absent: none does."""

    retired: bool = False
    """Whether the component now runs in another deployment: what has begun here is still finished here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """A component as it runs: a chain of steps."""

    name: str

    steps: tuple[int, ...]

    exclusive: bool = True
    """Whether a request takes at most one of the sends."""

    join_all: bool = False

    beginnings: tuple[int, ...] = ()
    """Steps at which an execution may begin, where there are several candidates; absent: the first of ``steps``."""

    @property
    def first_steps(self) -> tuple[int, ...]:
        """Steps at which an execution may begin."""
        return self.beginnings or self.steps[:1]


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """Where the requests of a source enter."""

    source: Source

    step: int

    hop: Hop | None = None


@dataclass(frozen=True, kw_only=True)
class Network:
    """Stations, links and routes. Indices point into the tuples."""

    stations: tuple[NodePool | FunctionPool, ...]

    steps: tuple[Step, ...]

    stages: tuple[Stage, ...]

    entries: tuple[Entry, ...]

    links: tuple[Link, ...] = ()

    paths: tuple[tuple[int, ...], ...] = ()
    """Chains of stages whose time is measured."""

    bare: Literal["exponential", "deterministic"] = "exponential"
    """Law of bare means in the workload."""

    @cached_property
    def steps_at(self) -> tuple[tuple[int, ...], ...]:
        """For each station, the steps that run there."""
        steps: list[list[int]] = [[] for _ in self.stations]
        for i, step in enumerate(self.steps):
            steps[step.station].append(i)
        return tuple(tuple(each) for each in steps)

    @cached_property
    def successors(self) -> tuple[frozenset[int], ...]:
        """For each stage, the stages its requests may go to next."""
        return tuple(
            frozenset(self.steps[send.step].component for step in stage.steps for send in self.steps[step].sends)
            for stage in self.stages
        )

    @cached_property
    def graph(self) -> nx.DiGraph[int]:
        """The graph of the stages."""
        graph: nx.DiGraph[int] = nx.DiGraph()
        graph.add_nodes_from(range(len(self.stages)))
        graph.add_edges_from((i, j) for i, targets in enumerate(self.successors) for j in targets)
        return graph

    @cached_property
    def parts(self) -> tuple[tuple[int, ...], ...]:
        """Groups of stages that hang together, such as applications: no request passes from one to another."""
        return tuple(tuple(sorted(part)) for part in nx.weakly_connected_components(self.graph))

    @cached_property
    def part_of(self) -> tuple[int, ...]:
        """For each stage, the index of its part."""
        parts = {stage: i for i, part in enumerate(self.parts) for stage in part}
        return tuple(parts[stage] for stage in range(len(self.stages)))

    @cached_property
    def has_loops(self) -> bool:
        """Whether a request may come back to a stage (never so for a compiled scenario)."""
        return not nx.is_directed_acyclic_graph(self.graph)

    @cached_property
    def forks(self) -> bool:
        """Whether a request may be at several places at once."""
        return any(not stage.exclusive and len(self.successors[i]) > 1 for i, stage in enumerate(self.stages))

    @cached_property
    def joins(self) -> tuple[int, ...]:
        """Stages that wait for several inputs, in topological order."""
        if not self.forks or self.has_loops:
            return ()
        return tuple(i for i in nx.topological_sort(self.graph) if self.stages[i].join_all and self.graph.in_degree(i))

    @cached_property
    def waiting_stages(self) -> frozenset[int]:
        """The same stages, to look one up."""
        return frozenset(self.joins)

    @cached_property
    def path_places(self) -> tuple[tuple[tuple[int, int], ...], ...]:
        """For each stage, the measured paths it lies on, each with its place there."""
        places: list[list[tuple[int, int]]] = [[] for _ in self.stages]
        for path, chain in enumerate(self.paths):
            for place, stage in enumerate(chain):
                places[stage].append((path, place))
        return tuple(tuple(each) for each in places)

    @cached_property
    def final_paths(self) -> tuple[tuple[int, ...], ...]:
        """For each stage, the measured paths that end with it."""
        final: list[list[int]] = [[] for _ in self.stages]
        for path, chain in enumerate(self.paths):
            final[chain[-1]].append(path)
        return tuple(tuple(each) for each in final)
