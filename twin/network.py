"""The queueing network that a scenario and a plan compile to; all engines run it and nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import networkx as nx

from twin.model.application import Component, Dependency, Deployment
from twin.model.checks import chosen_deployments, require_fitting
from twin.model.constraints import GlobalConstraint
from twin.model.continuum import CloudFunction, NetworkDomain
from twin.model.law import Law
from twin.model.plan import Plan
from twin.model.scenario import Scenario
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """A component as it runs: a chain of steps."""

    name: str

    steps: tuple[int, ...]

    exclusive: bool = True
    """Whether a request takes at most one of the sends."""

    join_all: bool = False


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
        return tuple(
            i for i in nx.topological_sort(self.graph) if self.stages[i].join_all and self.graph.in_degree(i)
        )


def compile_network(scenario: Scenario, plan: Plan) -> Network:
    """Return the queueing network of *scenario* under *plan*.

    Raises:
        PlanError: The plan does not fit the scenario.
    """
    require_fitting(scenario, plan)
    return _Compiler(scenario, plan).network()


class _Compiler:
    """Turns names into indices, once."""

    def __init__(self, scenario: Scenario, plan: Plan) -> None:
        self.scenario = scenario
        self.plan = plan
        self.chosen: dict[str, Deployment] = chosen_deployments(scenario, plan)
        self.components: list[Component] = list(scenario.application.components.values())
        names = [name for component in self.components for name in self.chosen[component.name].partitions]
        self.step_index = {name: i for i, name in enumerate(names)}
        self.stage_index = {component.name: i for i, component in enumerate(self.components)}
        self.links = {domain.name: i for i, domain in enumerate(scenario.continuum.domains.values())}
        self.stations: dict[str, NodePool | FunctionPool] = {}

    def network(self) -> Network:
        """Build the whole network."""
        for name in self.step_index:
            self._open_station(name)
        order = {name: i for i, name in enumerate(self.stations)}
        steps = [step for component in self.components for step in self._steps(component, order)]
        return Network(
            stations=tuple(self.stations.values()),
            links=tuple(_link(domain) for domain in self.scenario.continuum.domains.values()),
            steps=tuple(steps),
            stages=tuple(self._stage(component) for component in self.components),
            entries=tuple(self._entry(source) for source in self.scenario.workload.sources.values()),
            paths=tuple(
                tuple(self.stage_index[name] for name in constraint.path)
                for constraint in self.scenario.constraints
                if isinstance(constraint, GlobalConstraint)
            ),
            bare=self.scenario.run.bare_mean,
        )

    def _station_name(self, partition: str) -> str:
        host = self.plan.placements[partition].resource
        return f"{host}/{partition}" if host in self.scenario.continuum.functions else host

    def _open_station(self, partition: str) -> None:
        name = self._station_name(partition)
        host = self.scenario.continuum.host(self.plan.placements[partition].resource)
        if isinstance(host, CloudFunction):
            self.stations[name] = FunctionPool(
                name=name,
                function=host.name,
                idle_time=host.idle_time,
                concurrency_limit=host.concurrency_limit,
                on_limit=host.on_limit,
            )
        elif name not in self.stations:
            self.stations[name] = NodePool(
                name=name,
                nodes=self.plan.nodes(name),
                cores=host.cores,
                discipline=host.discipline or self.scenario.run.discipline,
                dispatch=host.dispatch,
                queue_capacity=host.queue_capacity,
            )

    def _steps(self, component: Component, order: dict[str, int]) -> list[Step]:
        deployment = self.chosen[component.name]
        steps = []
        for i, partition in enumerate(deployment.chain):
            follower = deployment.chain[i + 1].name if i + 1 < len(deployment.chain) else None
            placement = self.plan.placements[partition.name]
            service, cold_start, cold_service = self._times(partition.name, placement.resource)
            steps.append(
                Step(
                    name=partition.name,
                    component=self.stage_index[component.name],
                    station=order[self._station_name(partition.name)],
                    replicas=placement.replicas,
                    computing_units=partition.candidates[placement.resource].computing_units,
                    service_time=service,
                    cold_start=cold_start,
                    cold_service_time=cold_service,
                    exit_probability=partition.exit_probability if follower else 1.0,
                    next_step=self.step_index[follower] if follower else None,
                    next_hop=self._hop(partition.name, follower, partition.data_mb) if follower else None,
                    sends=self._sends(component, deployment, partition.name),
                )
            )
        return steps

    def _times(self, partition: str, host_name: str) -> tuple[Law, Law | None, Law | None]:
        """Return service time, cold start and cold service time, families filled in."""
        profile = self.scenario.profile(partition, host_name)
        assert profile is not None, "the plan was checked"
        bare = self.scenario.run.law
        service = profile.scaled_service_time.resolved(bare)
        host = self.scenario.continuum.host(host_name)
        if not isinstance(host, CloudFunction):
            return service, None, None
        if profile.cold_service_time:
            return service, None, profile.cold_service_time.scaled(profile.scale).resolved(bare)
        start = profile.cold_start.scaled(profile.scale) if profile.cold_start else host.cold_start
        return service, start.resolved(bare), None

    def _sends(self, component: Component, deployment: Deployment, partition: str) -> tuple[Send, ...]:
        return tuple(
            Send(
                probability=deployment.transition_probabilities.get(edge.to, edge.probability),
                step=self._first_step(edge.to),
                hop=self._hop(partition, self.chosen[edge.to].chain[0].name, _edge_size(deployment, edge)),
            )
            for edge in self.scenario.application.dependencies_of(component.name)
        )

    def _first_step(self, component: str) -> int:
        return self.step_index[self.chosen[component].chain[0].name]

    def _hop(self, origin: str, destination: str, size_mb: float) -> Hop | None:
        """Return the transfer between two partitions, or None where it is free."""
        here, there = (self.plan.placements[name] for name in (origin, destination))
        continuum = self.scenario.continuum
        within = here.resource == there.resource
        if within and (
            self.scenario.run.transfers_within_resource == "free"
            or max(here.replicas, there.replicas) == 1
            or here.resource in continuum.functions
        ):
            return None
        layers = [continuum.host(placement.resource).layer for placement in (here, there)]
        domain = continuum.best_domain(layers[0], layers[1], size_mb)
        if domain is None:
            return None
        return Hop(link=self.links[domain.name], size_mb=size_mb, within_pool=within)

    def _stage(self, component: Component) -> Stage:
        deployment = self.chosen[component.name]
        probabilities = tuple(
            deployment.transition_probabilities.get(edge.to, edge.probability)
            for edge in self.scenario.application.dependencies_of(component.name)
        )
        return Stage(
            name=component.name,
            steps=tuple(self.step_index[name] for name in deployment.partitions),
            exclusive=self.scenario.application.sends_exclusively(component.name, probabilities),
            join_all=component.join == "all",
        )

    def _entry(self, source: Source) -> Entry:
        first = self.chosen[self.scenario.entry(source.name)].chain[0].name
        hop = None
        if source.at is not None:
            layer = self.scenario.continuum.host(self.plan.placements[first].resource).layer
            domain = self.scenario.continuum.best_domain(source.at, layer, source.data_mb)
            hop = Hop(link=self.links[domain.name], size_mb=source.data_mb) if domain else None
        return Entry(source=source, step=self.step_index[first], hop=hop)


def _edge_size(deployment: Deployment, edge: Dependency) -> float:
    return deployment.dependency_data_mb.get(edge.to, edge.data_mb)


def _link(domain: NetworkDomain) -> Link:
    return Link(
        name=domain.name,
        bandwidth_mbit_per_s=domain.bandwidth_mbit_per_s,
        access_delay=domain.access_delay,
        contention=domain.contention,
    )
