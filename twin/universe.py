"""The universe of a scenario: a queueing network that holds everything any plan could use, from the start.

Its stations are all hosts that could run something, with all their nodes; its steps all pairs of a partition and a
host. A plan is then only a wiring: networks of one universe differ in their routes and in nothing else, so that an
engine changes from one plan to the next by rewriting routes. Chance is named after partitions and components, hence
the same under all plans, and the same as in the network that ``compile_network`` makes of one plan alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from twin.compilation import edge_size, ingress, link, service_times, station, station_name, transfer
from twin.errors import EngineError, Problem
from twin.model.application import Component, Deployment, Partition
from twin.model.constraints import GlobalConstraint
from twin.model.plan import Placement, Plan
from twin.model.plan_checks import chosen_deployments, require_fitting
from twin.model.scenario import Scenario
from twin.network import Entry, FunctionPool, Hop, Network, NodePool, Send, Stage, Step

Seats = Mapping[str, Placement]
"""Where each partition is, or was last: partition → placement. Partitions that no plan placed sit at a candidate."""


class Universe:
    """All that the plans of one scenario could use.

    Raises:
        EngineError: The deployments of a component send their requests on by different rules.
    """

    def __init__(self, scenario: Scenario) -> None:
        _require_one_rule(scenario)
        self.scenario = scenario
        self.components: list[Component] = list(scenario.application.components.values())
        self.stage_index = {component.name: i for i, component in enumerate(self.components)}
        self.links = {name: i for i, name in enumerate(scenario.continuum.domains)}
        self.step_index: dict[tuple[str, str], int] = {}
        self.stations: dict[str, NodePool | FunctionPool] = {}
        self._steps: list[Step] = []
        self._hosts: list[str] = []
        self._deployments: list[tuple[Component, Deployment, int]] = []
        self.stages = tuple(self._stage(component) for component in self.components)
        self._media = tuple(link(domain) for domain in scenario.continuum.domains.values())
        self._transfers: dict[tuple[object, ...], Hop | None] = {}

    def seats(self, plan: Plan, former: Seats | None = None) -> Seats:
        """Return where everything is under *plan*, after it was at *former*."""
        if former is None:
            former = {partition: Placement(resource=host) for partition, host in reversed(self.step_index)}
        return {**former, **plan.placements}

    def network(self, plan: Plan, seats: Seats | None = None) -> Network:
        """Return the network under *plan*, everything being at *seats*.

        Raises:
            PlanError: The plan does not fit the scenario.
        """
        require_fitting(self.scenario, plan)
        wiring = _Wiring(self, plan, seats or self.seats(plan))
        return Network(
            stations=tuple(self.stations.values()),
            links=self._media,
            steps=tuple(wiring.step(i, step) for i, step in enumerate(self._steps)),
            stages=self.stages,
            entries=wiring.entries(),
            paths=tuple(
                tuple(self.stage_index[name] for name in constraint.path)
                for constraint in self.scenario.constraints
                if isinstance(constraint, GlobalConstraint)
            ),
            bare=self.scenario.run.bare_mean,
        )

    def whereabouts(self, step: int) -> tuple[Component, Deployment, Partition, str]:
        """Return the component, deployment, partition and host of *step*."""
        component, deployment, place = self._deployments[step]
        return component, deployment, deployment.chain[place], self._hosts[step]

    def nodes(self, host: str) -> int:
        """Return how many nodes a plan could use of *host*; 1 for a cloud function."""
        resource = self.scenario.continuum.resources.get(host)
        return resource.nodes if resource else 1

    def moved(self, here: Placement, there: Placement, size_mb: float) -> Hop | None:
        """Return the transfer between two placements; what was found once is kept."""
        spread = max(here.replicas, there.replicas) > 1
        key = (here.resource, there.resource, spread, size_mb)
        if key not in self._transfers:
            self._transfers[key] = transfer(self.scenario, self.links, here, there, size_mb)
        return self._transfers[key]

    # -- what all plans share -----------------------------------------------------------------------------------

    def _stage(self, component: Component) -> Stage:
        first = len(self._steps)
        beginnings: list[int] = []
        for deployment in component.deployments.values():
            for place, partition in enumerate(deployment.chain):
                begin = len(self._steps)
                for host in partition.candidates:
                    if self.scenario.profile(partition.name, host) is not None:
                        self._add_step(component, deployment, place, host)
                beginnings += range(begin, len(self._steps)) if place == 0 else ()
        return Stage(
            name=component.name,
            steps=tuple(range(first, len(self._steps))),
            exclusive=_exclusive(self.scenario, component, next(iter(component.deployments.values()))),
            join_all=component.join == "all",
            beginnings=tuple(beginnings),
        )

    def _add_step(self, component: Component, deployment: Deployment, place: int, host: str) -> None:
        partition = deployment.chain[place]
        name = station_name(self.scenario, partition.name, host)
        self.stations.setdefault(name, station(self.scenario, partition.name, host, self.nodes(host)))
        service, cold_start, cold_service = service_times(self.scenario, partition.name, host)
        self.step_index[partition.name, host] = len(self._steps)
        self._hosts.append(host)
        self._deployments.append((component, deployment, place))
        self._steps.append(
            Step(
                name=partition.name,
                component=self.stage_index[component.name],
                station=list(self.stations).index(name),
                computing_units=partition.candidates[host].computing_units,
                service_time=service,
                cold_start=cold_start,
                cold_service_time=cold_service,
                exit_probability=partition.exit_probability if place + 1 < len(deployment.chain) else 1.0,
            )
        )


class _Wiring:
    """The routes of a plan."""

    def __init__(self, universe: Universe, plan: Plan, seats: Seats) -> None:
        self.universe = universe
        self.seats = seats
        self.chosen = chosen_deployments(universe.scenario, plan)

    def _seat(self, partition: str) -> int:
        return self.universe.step_index[partition, self.seats[partition].resource]

    def _first(self, component: str) -> str:
        """Return the partition with which *component* begins now."""
        return self.chosen[component].chain[0].name

    def step(self, index: int, step: Step) -> Step:
        """Return *step* with its routes."""
        component, deployment, partition, host = self.universe.whereabouts(index)
        seat = self.seats[partition.name]
        here = seat if seat.resource == host else Placement(resource=host, replicas=self.universe.nodes(host))
        retired = self.chosen[component.name].name != deployment.name
        begins = partition is deployment.chain[0]
        heir = self._seat(self._first(component.name) if begins else partition.name)
        follower = _follower(deployment, partition)
        return replace(
            step,
            replicas=here.replicas,
            next_step=self._seat(follower) if follower else None,
            next_hop=self.universe.moved(here, self.seats[follower], partition.data_mb) if follower else None,
            sends=self._sends(component, deployment, here),
            forward=None if heir == index else heir,
            retired=retired,
        )

    def _sends(self, component: Component, deployment: Deployment, here: Placement) -> tuple[Send, ...]:
        return tuple(
            Send(
                probability=deployment.transition_probabilities.get(edge.to, edge.probability),
                step=self._seat(self._first(edge.to)),
                hop=self.universe.moved(here, self.seats[self._first(edge.to)], edge_size(deployment, edge)),
            )
            for edge in self.universe.scenario.application.dependencies_of(component.name)
        )

    def entries(self) -> tuple[Entry, ...]:
        """Return where the requests of each source enter."""
        scenario = self.universe.scenario
        entries = []
        for source in scenario.workload.sources.values():
            first = self._first(scenario.entry(source.name))
            hop = ingress(scenario, self.universe.links, source, self.seats[first].resource)
            entries.append(Entry(source=source, step=self._seat(first), hop=hop))
        return tuple(entries)


def _follower(deployment: Deployment, partition: Partition) -> str | None:
    names = list(deployment.partitions)
    place = names.index(partition.name) + 1
    return names[place] if place < len(names) else None


def _exclusive(scenario: Scenario, component: Component, deployment: Deployment) -> bool:
    probabilities = tuple(
        deployment.transition_probabilities.get(edge.to, edge.probability)
        for edge in scenario.application.dependencies_of(component.name)
    )
    return scenario.application.sends_exclusively(component.name, probabilities)


def _require_one_rule(scenario: Scenario) -> None:
    """Refuse components whose requests choose one way under one deployment, and several under another."""
    problems = [
        Problem(
            f"application.components.{component.name}",
            "its deployments send requests on by different rules; say which with sends: exclusive or independent",
        )
        for component in scenario.application.components.values()
        if len({_exclusive(scenario, component, deployment) for deployment in component.deployments.values()}) > 1
    ]
    if problems:
        raise EngineError(f"scenario {scenario.name!r} cannot change its plan while it runs", problems)
