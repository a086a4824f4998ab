"""The formulas of SPACE4AI-D and SPACE4AI-R, with what they count, check and forget.

A pool of n nodes is n processor-sharing servers with the load split evenly: ``R = D / (1 - U)``. A function is the
scale-per-request model (Mahmoudi and Khazaei 2020). Only means enter.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import lru_cache
from itertools import pairwise

from design.evaluation import ConstraintFigures, Evaluation, HostFigures, Violation, time_violation, within
from design.rules import TOLERANCE, Rules
from design.traffic_rates import component_rates, reaches
from twin.engines.queueing import faas_chain
from twin.model.application import Deployment, Partition
from twin.model.constraints import Constraint, GlobalConstraint, LocalConstraint, constraint_name
from twin.model.continuum import CloudFunction, Resource
from twin.model.plan import Plan
from twin.model.plan_checks import chosen_deployments, require_fitting
from twin.model.scenario import Scenario

function_time = lru_cache(maxsize=100_000)(lambda *figures: faas_chain(*figures).response_time)
"""Mean seconds on a function by arrival rate, warm and cold service time and idle time; once for equal figures."""


def evaluate_space4ai(scenario: Scenario, plan: Plan, rules: Rules) -> Evaluation:
    """Return what a tool of the SPACE4AI family says of *plan*.

    Raises:
        PlanError: The plan does not fit the scenario.
    """
    require_fitting(scenario, plan)
    return _Formula(scenario, plan, rules).evaluation()


def at_edge(scenario: Scenario, host: Resource | CloudFunction) -> bool:
    """Say whether *host* is a physical device, as opposed to a virtual machine or a function."""
    return scenario.continuum.layers[host.layer].type.startswith("Physical")


def warm_and_cold(scenario: Scenario, partition: str, function: CloudFunction) -> tuple[float, float]:
    """Return mean seconds of a warm and of a cold execution, start included."""
    profile = scenario.profile(partition, function.name)
    assert profile is not None, "the plan was checked"
    warm = profile.scaled_service_time.expectation
    if profile.cold_service_time is not None:
        return warm, profile.cold_service_time.expectation * profile.scale
    if profile.cold_start is not None:
        return warm, warm + profile.cold_start.expectation * profile.scale
    return warm, warm + function.cold_start.expectation


class _Formula:
    """One plan under one dialect."""

    def __init__(self, scenario: Scenario, plan: Plan, rules: Rules) -> None:
        self.scenario, self.plan, self.rules = scenario, plan, rules
        self.chosen = chosen_deployments(scenario, plan)
        self.rates = component_rates(scenario, self.chosen)
        self.reach = {name: share for each in self.chosen.values() for name, share in reaches(each).items()}
        self.owner = {name: owner for owner, each in self.chosen.items() for name in each.partitions}
        self.utilisation = self._utilisations()
        self.partitions = {
            name: self._partition_time(name) for each in self.chosen.values() for name in each.partitions
        }
        self.components = {name: self._component_time(each) for name, each in self.chosen.items()}
        self.paths = {constraint_name(c): self._path_time(c.path) for c in self._constraints(GlobalConstraint)}

    def evaluation(self) -> Evaluation:
        """Gather figures and checks."""
        resources = self._resources()
        constraints = tuple(self._constraint(constraint) for constraint in self.scenario.constraints)
        violations = [*self._unstable(), *self._memory(), *self._returns()]
        violations += [time_violation(each) for each in constraints if each.satisfied is False]
        notes = [f"{each.name}: {each.note}" for each in constraints if each.satisfied is None]
        return Evaluation(
            dialect=self.rules.dialect,
            cost=sum(figures.cost for figures in resources.values()),
            components=self.components,
            partitions=self.partitions,
            paths=dict(self.paths),
            resources=resources,
            constraints=constraints,
            violations=tuple(violations),
            notes=tuple(notes),
        )

    # -- times --------------------------------------------------------------------------------------------------

    def _host(self, partition: str) -> Resource | CloudFunction:
        return self.scenario.continuum.host(self.plan.placements[partition].resource)

    def _demand(self, partition: str) -> float:
        profile = self.scenario.profile(partition, self.plan.placements[partition].resource)
        assert profile is not None, "the plan was checked"
        return profile.scaled_service_time.expectation

    def _rate(self, partition: str) -> float:
        """Return the requests/s that reach a partition."""
        return self.rates[self.owner[partition]] * self.reach[partition]

    def _function_rate(self, partition: str) -> float:
        if self.rules.function_rate == "component":
            return self.rates[self.owner[partition]]
        return self._rate(partition)

    def _utilisations(self) -> dict[str, float]:
        loads: dict[str, float] = {}
        for name, placement in self.plan.placements.items():
            if placement.resource in self.scenario.continuum.resources:
                own = self._demand(name) * self._rate(name) / placement.replicas
                loads[placement.resource] = loads.get(placement.resource, 0.0) + own
        return loads

    def _partition_time(self, partition: str) -> float:
        host = self._host(partition)
        if isinstance(host, CloudFunction):
            warm, cold = warm_and_cold(self.scenario, partition, host)
            return float(function_time(self._function_rate(partition), warm, cold, host.idle_time))
        free = 1.0 - self.utilisation[host.name]
        if free == 0.0 or (free < 0.0 and self.rules.stability == "always"):
            return math.inf
        return self._demand(partition) / free

    def _component_time(self, deployment: Deployment) -> float:
        chain = deployment.chain
        total = self.partitions[chain[0].name]
        for before, after in pairwise(chain):
            delay = self._delay(before.name, after.name, before.data_mb)
            total += self.reach[after.name] * (self.partitions[after.name] + delay)
        return total

    def _path_time(self, path: tuple[str, ...]) -> float:
        hops = sum(self._hop(before, after) for before, after in pairwise(path))
        return sum((self.components[name] for name in path), hops)

    def _hop(self, before: str, after: str) -> float:
        deployment, target = self.chosen[before], self.chosen[after].chain[0].name
        edge = next(e for e in self.scenario.application.dependencies_of(before) if e.to == after)
        size = deployment.dependency_data_mb.get(after, edge.data_mb) if self.rules.component_data else 0.0
        last = deployment.chain[-1]
        if self.rules.hops == "last":
            return self._delay(last.name, target, size)
        return self._mean_over_exits(deployment.chain, target, size)

    def _mean_over_exits(self, chain: tuple[Partition, ...], target: str, size: float) -> float:
        reach, total = 1.0, 0.0
        for partition in chain[:-1]:
            total += reach * partition.exit_probability * self._delay(partition.name, target, size)
            on_target = self.plan.placements[partition.name].resource == self.plan.placements[target].resource
            if not on_target or self.rules.hops == "exits":
                reach *= 1.0 - partition.exit_probability
        return total + reach * self._delay(chain[-1].name, target, size)

    def _delay(self, origin: str, target: str, size_mb: float) -> float:
        here, there = self._host(origin), self._host(target)
        if here.name == there.name:
            return 0.0
        domain = self.scenario.continuum.best_domain(here.layer, there.layer, size_mb)
        assert domain is not None, "the plan was checked"
        return domain.access_delay + 8 * size_mb / domain.bandwidth_mbit_per_s

    # -- cost ---------------------------------------------------------------------------------------------------

    def _resources(self) -> dict[str, HostFigures]:
        figures: dict[str, HostFigures] = {}
        for name in dict.fromkeys(placement.resource for placement in self.plan.placements.values()):
            host = self.scenario.continuum.host(name)
            if isinstance(host, Resource):
                nodes = self.plan.nodes(name)
                share = self.rules.edge_share if at_edge(self.scenario, host) else 1.0
                cost = share * host.cost_per_hour * nodes
                figures[name] = HostFigures(utilisation=self.utilisation[name], nodes=nodes, cost=cost)
            else:
                figures[name] = HostFigures(utilisation=None, nodes=0, cost=self._function_cost(host))
        return figures

    def _function_cost(self, function: CloudFunction) -> float:
        """Return price × mean busy instances; SPACE4AI-R counts a function once, whoever else uses it."""
        costs = [
            function.cost_per_hour * self._demand(name) * self._function_rate(name)
            for name, placement in self.plan.placements.items()
            if placement.resource == function.name
        ]
        return costs[0] if self.rules.dialect.startswith("r") else sum(costs)

    # -- checks -------------------------------------------------------------------------------------------------

    def _constraints(self, kind: type[GlobalConstraint]) -> list[GlobalConstraint]:
        return [constraint for constraint in self.scenario.constraints if isinstance(constraint, kind)]

    def _constraint(self, constraint: Constraint) -> ConstraintFigures:
        if not isinstance(constraint, LocalConstraint | GlobalConstraint) or constraint.statistic != "mean":
            return ConstraintFigures(
                name=constraint_name(constraint),
                kind=constraint.kind,
                target=constraint.target,
                value=None,
                limit=getattr(constraint, "limit", 0.0),
                satisfied=None,
                note="SPACE4AI judges mean response times of components and paths only",
            )
        components = [constraint.component] if isinstance(constraint, LocalConstraint) else constraint.path
        local = isinstance(constraint, LocalConstraint)
        value = self.components[components[0]] if local else self.paths[constraint_name(constraint)]
        positive = all(math.isfinite(self.components[name]) and self.components[name] > 0 for name in components)
        return ConstraintFigures(
            name=constraint_name(constraint),
            kind=constraint.kind,
            target=constraint.target,
            value=value,
            limit=constraint.limit,
            satisfied=positive and within(value, constraint.limit),
        )

    def _unstable(self) -> Iterator[Violation]:
        for name, utilisation in self.utilisation.items():
            sharing = [p for p, placement in self.plan.placements.items() if placement.resource == name]
            if utilisation >= 1.0 and (len(sharing) > 1 or self.rules.stability == "always"):
                yield overloaded(name, utilisation)

    def _memory(self) -> Iterator[Violation]:
        for name in dict.fromkeys(placement.resource for placement in self.plan.placements.values()):
            host = self.scenario.continuum.host(name)
            nodes = self.plan.nodes(name) if self.rules.memory == "pool" and isinstance(host, Resource) else 1
            need = sum(
                self.scenario.application.partition(partition)[2].candidates[name].memory_mb
                for partition, placement in self.plan.placements.items()
                if placement.resource == name
            )
            if host.memory_mb is not None and need > nodes * host.memory_mb * (1 + TOLERANCE):
                amount = need - nodes * host.memory_mb
                message = f"{name} needs {need:g} MB and has {nodes * host.memory_mb:g} MB"
                yield Violation(kind="memory", name=name, amount=amount, unit="MB", message=message)

    def _returns(self) -> Iterator[Violation]:
        """Find data that comes back to the edge."""
        hops = [(a.name, b.name) for each in self.chosen.values() for a, b in pairwise(each.chain)]
        for edge in self.scenario.application.dependencies:
            hops.append((self.chosen[edge.origin].chain[-1].name, self.chosen[edge.to].chain[0].name))
        for before, after in hops:
            if at_edge(self.scenario, self._host(after)) and not at_edge(self.scenario, self._host(before)):
                message = f"data of {before} comes back to the edge, to {after} on {self._host(after).name}"
                yield Violation(kind="return", name=f"{before} > {after}", amount=1.0, unit="", message=message)


def overloaded(name: str, utilisation: float) -> Violation:
    """Return the violation of a pool that cannot keep up."""
    return Violation(
        kind="stability",
        name=name,
        amount=utilisation - 1.0,
        unit="",
        message=f"{name} is offered {utilisation:.1%} of what it can do",
    )
