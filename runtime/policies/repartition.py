"""Moves the cut of a model, and partitions, over the nodes that run, as load and bandwidth change."""

from __future__ import annotations

import time
from collections.abc import Iterator
from itertools import islice, product
from math import inf
from typing import Any

from design.evaluate import evaluate
from design.evaluation import Evaluation
from design.traffic_rates import component_rates, entry_rates, reaches
from runtime.policies.reoptimising import Reoptimising, Situation
from runtime.policies.views import without_down
from twin.errors import PlanError, PolicyError
from twin.model.application import Component, Deployment
from twin.model.plan import Placement, Plan
from twin.model.plan_checks import chosen_deployments, plan_problems
from twin.model.rates import mean_rate
from twin.model.scenario import Scenario

MOST_WAYS = 500
"""Ways to lay out one component that are looked at in each round."""

Score = tuple[float, float]
"""By how much the worst limit is broken (1: by nothing), then the mean seconds of a request."""


class Repartition(Reoptimising):
    """Looks for the quickest plan that holds, on the nodes and functions of the first plan and no others.

    One component after the other takes the deployment and the places that are best for all, until none of them moves:
    a local search, which may miss what only two components together could gain. The plan in force stays while it holds
    and no other one is quicker by *gain*; where none holds, the one that breaks its limits least is taken.
    """

    def __init__(self, scenario: Scenario, plan: Plan, *, gain: float = 0.1, **options: Any) -> None:
        """Take what is worth a move.

        Args:
            scenario: What there is.
            plan: The plan whose nodes stay.
            gain: Share of the mean time of a request that must be saved.
            options: Those of :class:`~runtime.policies.reoptimising.Reoptimising`.

        Raises:
            PolicyError: An option makes no sense.
        """
        super().__init__(scenario, plan, **options)
        if not 0 <= gain < 1:
            raise PolicyError(f"policy repartition: gain {gain:g} must be at least 0 and below 1")
        self.gain = gain
        self.hosts = {placement.resource: plan.nodes(placement.resource) for placement in plan.placements.values()}

    def plan_for(self, situation: Situation) -> Plan:
        """Return the plan to have."""
        _, view = self._view(situation, 1.0 + self.margin, None)
        if view is None:
            return situation.current
        best, score = situation.current, self._score(view, situation, situation.current)
        worst, seconds = score
        moved = True
        while moved and time.perf_counter() < situation.deadline:
            moved = False
            for component in self.scenario.application.components.values():
                for plan in islice(self._moves(best, component), MOST_WAYS):
                    found = self._score(view, situation, plan)
                    if found < (score[0] - 1e-9, inf) or (found[0] <= score[0] and found[1] < score[1] * (1.0 - 1e-9)):
                        best, score, moved = plan, found, True
        better = score[0] < worst - 1e-9 or score[1] < seconds * (1.0 - self.gain)
        return best if better else situation.current

    def _moves(self, plan: Plan, component: Component) -> Iterator[Plan]:
        """Yield *plan* with *component* laid out in every other way."""
        names = {name for each in component.deployments.values() for name in each.partitions}
        others = {name: placement for name, placement in plan.placements.items() if name not in names}
        for deployment in component.deployments.values():
            places = [[host for host in each.candidates if host in self.hosts] for each in deployment.chain]
            for chosen in product(*places):
                own = {
                    name: Placement(resource=host, replicas=max(self.hosts[host], 1))
                    for name, host in zip(deployment.partitions, chosen, strict=True)
                }
                found = Plan(name=f"{component.name} as {deployment.name}", placements={**others, **own})
                if found.placements != plan.placements and not plan_problems(self.scenario, found):
                    yield found

    def _score(self, view: Scenario, situation: Situation, plan: Plan) -> Score:
        running = without_down(plan, situation.down)
        if running is None:
            return inf, inf
        try:
            found = evaluate(view, running, dialect=self.dialect)
        except PlanError:  # over a link that is cut
            return inf, inf
        seconds = mean_seconds(view, running, found)
        return (1.0, seconds) if found.feasible else (_worst(found), seconds)


def _worst(found: Evaluation) -> float:
    """Return the largest excess of *found*, as a multiple of its limit."""
    limits = [each.value / each.limit for each in found.constraints if each.value is not None and each.limit]
    loads = [each.utilisation for each in found.resources.values() if each.utilisation is not None]
    return max([1.0 + 1e-6, *limits, *(1e3 * load for load in loads if load >= 1.0)])


def mean_seconds(scenario: Scenario, plan: Plan, found: Evaluation) -> float:
    """Return the mean seconds that a request spends in all its components and on all its ways together.

    What runs side by side counts in full: a sum of times, not the response time of a request that forks.
    """
    chosen = chosen_deployments(scenario, plan)
    rates = component_rates(scenario, chosen)
    total = sum(rates[name] * seconds for name, seconds in found.components.items())
    for edge in scenario.application.dependencies:
        deployment = chosen[edge.origin]
        probability = deployment.transition_probabilities.get(edge.to, edge.probability)
        size = deployment.dependency_data_mb.get(edge.to, edge.data_mb)
        target = plan.placements[chosen[edge.to].chain[0].name].resource
        for partition, leaving in _exits(deployment):
            origin = plan.placements[partition].resource
            total += rates[edge.origin] * probability * leaving * _transfer(scenario, origin, target, size)
    for name, source in scenario.workload.sources.items():
        if source.at is not None:
            target = plan.placements[chosen[scenario.entry(name)].chain[0].name].resource
            total += (mean_rate(source.arrivals) or 0.0) * _passing(scenario, source.at, target, source.data_mb)
    return total / sum(entry_rates(scenario).values())


def _exits(deployment: Deployment) -> Iterator[tuple[str, float]]:
    """Yield the partitions, and the share of requests that leave the component there."""
    share, last = reaches(deployment), deployment.chain[-1].name
    for partition in deployment.chain:
        leaving = share[partition.name] * (1.0 if partition.name == last else partition.exit_probability)
        if leaving:
            yield partition.name, leaving


def _transfer(scenario: Scenario, origin: str, target: str, size_mb: float) -> float:
    """Return seconds from host to host; within one they count as none."""
    if origin == target:
        return 0.0
    return _passing(scenario, scenario.continuum.host(origin).layer, target, size_mb)


def _passing(scenario: Scenario, layer: str, target: str, size_mb: float) -> float:
    domain = scenario.continuum.best_domain(layer, scenario.continuum.host(target).layer, size_mb)
    return inf if domain is None else domain.access_delay + 8 * size_mb / domain.bandwidth_mbit_per_s
