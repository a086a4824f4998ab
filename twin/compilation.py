"""Compilation: from a scenario and a plan, connected by names, to a queueing network, connected by indices."""

from __future__ import annotations

from collections.abc import Mapping

from twin.model.application import Component, Dependency, Deployment
from twin.model.constraints import GlobalConstraint
from twin.model.continuum import CloudFunction, NetworkDomain
from twin.model.law import Law
from twin.model.plan import Placement, Plan
from twin.model.plan_checks import chosen_deployments, require_fitting
from twin.model.scenario import Scenario
from twin.model.workload import Source
from twin.network import Entry, FunctionPool, Hop, Link, Network, NodePool, Send, Stage, Step


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
            links=tuple(link(domain) for domain in self.scenario.continuum.domains.values()),
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

    def _open_station(self, partition: str) -> None:
        host = self.plan.placements[partition].resource
        name = station_name(self.scenario, partition, host)
        self.stations.setdefault(name, station(self.scenario, partition, host, self.plan.nodes(host)))

    def _steps(self, component: Component, order: dict[str, int]) -> list[Step]:
        deployment = self.chosen[component.name]
        steps = []
        for i, partition in enumerate(deployment.chain):
            follower = deployment.chain[i + 1].name if i + 1 < len(deployment.chain) else None
            placement = self.plan.placements[partition.name]
            service, cold_start, cold_service = service_times(self.scenario, partition.name, placement.resource)
            steps.append(
                Step(
                    name=partition.name,
                    component=self.stage_index[component.name],
                    station=order[station_name(self.scenario, partition.name, placement.resource)],
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

    def _sends(self, component: Component, deployment: Deployment, partition: str) -> tuple[Send, ...]:
        return tuple(
            Send(
                probability=deployment.transition_probabilities.get(edge.to, edge.probability),
                step=self._first_step(edge.to),
                hop=self._hop(partition, self.chosen[edge.to].chain[0].name, edge_size(deployment, edge)),
            )
            for edge in self.scenario.application.dependencies_of(component.name)
        )

    def _first_step(self, component: str) -> int:
        return self.step_index[self.chosen[component].chain[0].name]

    def _hop(self, origin: str, destination: str, size_mb: float) -> Hop | None:
        """Return the transfer between two partitions, or None where it is free."""
        here, there = (self.plan.placements[name] for name in (origin, destination))
        return transfer(self.scenario, self.links, here, there, size_mb)

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
        hop = ingress(self.scenario, self.links, source, self.plan.placements[first].resource)
        return Entry(source=source, step=self.step_index[first], hop=hop)


def station_name(scenario: Scenario, partition: str, host: str) -> str:
    """Return the station of *partition* on *host*: on a cloud function each partition has its own."""
    return f"{host}/{partition}" if host in scenario.continuum.functions else host


def station(scenario: Scenario, partition: str, host_name: str, nodes: int) -> NodePool | FunctionPool:
    """Return the station of *partition* on a host, with so many *nodes* if it has any."""
    name = station_name(scenario, partition, host_name)
    host = scenario.continuum.host(host_name)
    if isinstance(host, CloudFunction):
        return FunctionPool(
            name=name,
            function=host.name,
            idle_time=host.idle_time,
            concurrency_limit=host.concurrency_limit,
            on_limit=host.on_limit,
        )
    return NodePool(
        name=name,
        nodes=nodes,
        cores=host.cores,
        discipline=host.discipline or scenario.run.discipline,
        dispatch=host.dispatch,
        queue_capacity=host.queue_capacity,
    )


def service_times(scenario: Scenario, partition: str, host_name: str) -> tuple[Law, Law | None, Law | None]:
    """Return service time, cold start and cold service time of *partition* on a host, families filled in."""
    profile = scenario.profile(partition, host_name)
    assert profile is not None, "the plan was checked"
    bare = scenario.run.law
    service = profile.scaled_service_time.resolved(bare)
    host = scenario.continuum.host(host_name)
    if not isinstance(host, CloudFunction):
        return service, None, None
    if profile.cold_service_time:
        return service, None, profile.cold_service_time.scaled(profile.scale).resolved(bare)
    start = profile.cold_start.scaled(profile.scale) if profile.cold_start else host.cold_start
    return service, start.resolved(bare), None


def transfer(
    scenario: Scenario, links: Mapping[str, int], here: Placement, there: Placement, size_mb: float
) -> Hop | None:
    """Return the transfer of *size_mb* from one placement to another, or None where it is free."""
    continuum = scenario.continuum
    within = here.resource == there.resource
    if within and (
        scenario.run.transfers_within_resource == "free"
        or max(here.replicas, there.replicas) == 1
        or here.resource in continuum.functions
    ):
        return None
    layers = [continuum.host(placement.resource).layer for placement in (here, there)]
    domain = continuum.best_domain(layers[0], layers[1], size_mb)
    return Hop(link=links[domain.name], size_mb=size_mb, within_pool=within) if domain else None


def ingress(scenario: Scenario, links: Mapping[str, int], source: Source, host: str) -> Hop | None:
    """Return the transfer of the requests of *source* to the *host* of their first partition, or None."""
    if source.at is None:
        return None
    layer = scenario.continuum.host(host).layer
    domain = scenario.continuum.best_domain(source.at, layer, source.data_mb)
    return Hop(link=links[domain.name], size_mb=source.data_mb) if domain else None


def edge_size(deployment: Deployment, edge: Dependency) -> float:
    """Return the megabytes that travel along *edge* under *deployment*."""
    return deployment.dependency_data_mb.get(edge.to, edge.data_mb)


def link(domain: NetworkDomain) -> Link:
    """Return the medium of *domain*."""
    return Link(
        name=domain.name,
        bandwidth_mbit_per_s=domain.bandwidth_mbit_per_s,
        access_delay=domain.access_delay,
        contention=domain.contention,
    )
