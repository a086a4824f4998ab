"""How a plan comes about: nodes boot, images are pulled, models load; the old placements serve until the new are ready.

Engine-independent: times in, plans out. A component changes over when all its new replicas are ready (make before
break); until then both are paid. Nodes and containers that are already on their way count for another plan, too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import inf

import numpy as np

from twin.errors import Problem
from twin.model.law import Law
from twin.model.plan import Placement, Plan
from twin.model.plan_checks import chosen_deployments, plan_problems
from twin.model.scenario import Scenario
from twin.streams import stream

Node = tuple[str, int]
"""Resource and number of a node."""

Container = tuple[str, str, int]
"""Partition, and the node it is on."""

Occupied = Callable[[str, int], bool]
"""Says whether requests are on a node: then it still runs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rent:
    """A stretch of time during which a node was ordered or wanted."""

    resource: str

    node: int

    begin: float

    end: float


@dataclass(frozen=True, slots=True, kw_only=True)
class _Change:
    target: Plan
    ready: dict[str, float]
    """Component → second at which its new replicas are ready."""
    fails: bool


class Actuator:
    """Brings plans about, one at a time; another order replaces the one under way."""

    def __init__(self, scenario: Scenario, plan: Plan, *, seed: int, replication: int) -> None:
        self.scenario = scenario
        self.rules = scenario.reconfiguration
        self.in_force = plan
        self.done = 0
        """Changes of plan carried out."""
        self.failed = 0
        self._initial = plan
        self._change: _Change | None = None
        self._now = 0.0
        self._seed, self._replication = seed, replication
        self._rngs: dict[str, np.random.Generator] = {}
        self._containers = dict.fromkeys(containers(scenario, plan), 0.0)
        self._nodes = {(host, number): 0.0 for _, host, number in self._containers}
        self._rented_since = dict.fromkeys(self._nodes, 0.0)
        self._rents: list[Rent] = []

    @property
    def pending(self) -> Plan | None:
        """The plan that is being brought about."""
        return self._change.target if self._change else None

    @property
    def due(self) -> float:
        """Second at which the change under way goes on; infinite if there is none."""
        if self._change is None:
            return inf
        times = self._change.ready.values()
        return max(times) if self._change.fails else min((t for t in times if t > self._now), default=inf)

    def problems(self, plan: Plan) -> list[Problem]:
        """Return what keeps *plan* from being brought about."""
        if plan.placements == (self.pending or self.in_force).placements:
            return []  # it asks for nothing new
        problems = plan_problems(self.scenario, plan)
        for name in self.rules.fixed_resources:
            most = self._initial.nodes(name)
            if plan.nodes(name) > most:
                text = f"asks for {plan.nodes(name)} nodes; {name!r} is fixed, and the first plan has {most}"
                problems.append(Problem(f"plan {plan.name}", text))
        return problems or pull_problems(self.scenario, plan)

    def order(self, plan: Plan, now: float, occupied: Occupied) -> str:
        """Begin to bring *plan* about, which has no problems; return ``ordered``, ``unchanged`` or ``cancelled``."""
        if plan.placements == (self.pending or self.in_force).placements:
            return "unchanged"
        if plan.placements == self.in_force.placements:
            self._change = None
            self._release(now)
            return "cancelled"
        fails, late = self._rng("chance").random(2)
        factor = self.rules.late_factor if late < self.rules.late_probability else 1.0
        wanted = list(containers(self.scenario, plan))
        for container in wanted:
            self._start(container, now, factor, occupied)
        ready = {
            name: max((self._containers[each] for each in wanted if each[0] in deployment.partitions), default=now)
            for name, deployment in chosen_deployments(self.scenario, plan).items()
        }
        self._now = -inf
        self._change = _Change(target=plan, ready=ready, fails=bool(fails < self.rules.failure_probability))
        self._release(now)
        return "ordered"

    def progress(self, now: float) -> bool:
        """Carry the change under way as far as it is ready; say whether another plan is in force."""
        change, before = self._change, self.in_force
        self._now = now
        if change is None:
            return False
        if change.fails:
            if now >= max(change.ready.values()):
                self.failed += 1
                self._change = None
                self._release(now)
            return False
        if all(time <= now for time in change.ready.values()):
            self.in_force, self._change = change.target, None
            self.done += 1
        else:
            mixed = self._mixed(change, now)
            self.in_force = self.in_force if plan_problems(self.scenario, mixed) else mixed
        self._release(now)
        return self.in_force.placements != before.placements

    def rents(self, end: float) -> list[Rent]:
        """Return who was ordered or wanted, from when until when, up to the second *end*."""
        open_ones = [Rent(resource=n[0], node=n[1], begin=t, end=end) for n, t in self._rented_since.items()]
        return [*self._rents, *open_ones]

    def rented(self) -> frozenset[Node]:
        """Return the nodes that are ordered or wanted now."""
        return frozenset(self._rented_since)

    # -- nodes and containers -----------------------------------------------------------------------------------

    def _start(self, container: Container, now: float, factor: float, occupied: Occupied) -> None:
        """Order what *container* needs and lacks."""
        if container in self._containers:
            return
        partition, host, number = container
        node = (host, number)
        if node not in self._nodes:
            self._order_node(node, now, factor, runs=occupied(*node))
        profile = self.scenario.profile(partition, host)
        loads = profile.cold_start.scaled(profile.scale) if profile and profile.cold_start else None
        seconds = pull_time(self.scenario, partition, host) + (self._drawn(loads, partition, *node) if loads else 0.0)
        self._containers[container] = max(self._nodes[node], now) + seconds * factor

    def _order_node(self, node: Node, now: float, factor: float, *, runs: bool) -> None:
        """Order *node*; one that still *runs*, since it was withdrawn, was never given back."""
        former = next((rent for rent in reversed(self._rents) if (rent.resource, rent.node) == node), None)
        if runs and former:
            self._rents.remove(former)
            self._nodes[node], self._rented_since[node] = now, former.begin
            return
        boots = self._drawn(self.scenario.continuum.resources[node[0]].start_time, *node)
        self._nodes[node], self._rented_since[node] = now + boots * factor, now

    def _release(self, now: float) -> None:
        """Give back what neither the plan in force nor the one under way wants."""
        plans = [plan for plan in (self.in_force, self.pending) if plan]
        wanted = {each for plan in plans for each in containers(self.scenario, plan)}
        nodes = {(host, number) for _, host, number in wanted}
        self._containers = {each: ready for each, ready in self._containers.items() if each in wanted}
        for node in [node for node in self._nodes if node not in nodes]:
            del self._nodes[node]
            begin = self._rented_since.pop(node)
            self._rents.append(Rent(resource=node[0], node=node[1], begin=begin, end=now))

    def _mixed(self, change: _Change, now: float) -> Plan:
        """Return the plan in force with the components that are ready moved to their new placements."""
        old, new = (chosen_deployments(self.scenario, plan) for plan in (self.in_force, change.target))
        placements: dict[str, Placement] = {}
        for name in self.scenario.application.components:
            plan, chosen = (change.target, new) if change.ready[name] <= now else (self.in_force, old)
            placements |= {partition: plan.placements[partition] for partition in chosen[name].partitions}
        return Plan(name=f"{self.in_force.name} > {change.target.name}", placements=placements)

    # -- times --------------------------------------------------------------------------------------------------

    def _drawn(self, law: Law, *name: object) -> float:
        """Draw a time; each node and container has a stream of its own, so that other orders do not disturb it."""
        rng = self._rng("/".join(map(str, name)))
        return float(law.resolved(self.scenario.run.law).quantiles(rng.random(1))[0])

    def _rng(self, name: str) -> np.random.Generator:
        if name not in self._rngs:
            self._rngs[name] = stream(self._seed, self._replication, f"actuation/{name}")
        return self._rngs[name]


def containers(scenario: Scenario, plan: Plan) -> Iterator[Container]:
    """Yield the containers that *plan* wants on nodes; functions need no start."""
    for partition, placement in plan.placements.items():
        if placement.resource in scenario.continuum.resources:
            yield from ((partition, placement.resource, number) for number in range(placement.replicas))


def pull_time(scenario: Scenario, partition: str, host: str) -> float:
    """Return the seconds that the image of *partition* needs from the registry to *host*; infinite without a way."""
    size = scenario.application.partition(partition)[2].candidates[host].image_mb
    registry = scenario.reconfiguration.registry
    if not size or registry is None:
        return 0.0
    domain = scenario.continuum.best_domain(registry, scenario.continuum.host(host).layer, size)
    return domain.access_delay + 8 * size / domain.bandwidth_mbit_per_s if domain else inf


def pull_problems(scenario: Scenario, plan: Plan) -> list[Problem]:
    """Return which images of *plan* cannot reach their nodes."""
    return [
        Problem(f"plan {plan.name}.{partition}", f"no domain joins the registry and {placement.resource!r}")
        for partition, placement in plan.placements.items()
        if placement.resource in scenario.continuum.resources
        and pull_time(scenario, partition, placement.resource) == inf
    ]
