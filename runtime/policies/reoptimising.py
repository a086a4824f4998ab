"""What all policies share that look for the best plan anew: they differ in the load they expect, and in what they may.

A plan is judged by what it costs over the look-ahead plus what it costs to get there. The exact search hands over
plans in rising cost, and since no change costs less than nothing, the first one that costs more without its change
than the best one with it ends the search: that is exact, unless the number of plans or the time ends it before.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil, exp, inf, isfinite, log

from runtime.policies.ranking import Ranking, cost_if_it_holds
from runtime.policies.switching import HOUR, switching_cost
from runtime.policies.views import at_rates, beside_down, limited_to, modelled, with_bandwidths, without_down
from runtime.policies.warming import warm_up
from twin.actuation import pull_problems
from twin.control import Observation
from twin.errors import PolicyError, TwinError
from twin.model.plan import Plan
from twin.model.plan_checks import plan_problems
from twin.model.scenario import Scenario

KEPT = 64
"""Views whose plans are remembered."""

Allowed = Mapping[str, frozenset[str]]
"""Component → deployments that it may take."""


@dataclass(frozen=True, slots=True)
class Situation:
    """What a decision starts from."""

    current: Plan
    """The plan in force, or the one on its way."""

    rates: Mapping[str, float]
    """Source → requests/s to reckon with, before the margin."""

    bandwidths: Mapping[str, float]

    down: Mapping[str, int]
    """Resource → nodes that are down."""

    deadline: float


class Reoptimising:
    """Keeps the plan while that is the cheapest way to hold the limits, else changes to the best one.

    Where no plan holds at the load with its margin, one that holds without the margin is taken; where none does, the
    plan in force on all nodes that its resources have. Without figures about the load nothing is decided. A change
    that is on its way is left alone unless another plan is better than it.
    """

    def __init__(
        self,
        scenario: Scenario,
        plan: Plan,
        *,
        dialect: str = "auto",
        look_ahead: float = 900.0,
        margin: float = 0.1,
        grid: float = 0.02,
        plans: int = 50,
        time_limit: float = 1.0,
        retry: float = 300.0,
        one_type_per_layer: bool = True,
    ) -> None:
        """Take what to look for.

        Args:
            scenario: What there is, and the limits that must hold.
            plan: The plan to begin with; it says how many nodes there are of ``fixed_resources``.
            dialect: Formulas, see :mod:`design.rules`; ``auto``: ``twin``, or ``d`` where that cannot say.
            look_ahead: Seconds over which a cheaper plan must pay for the change.
            margin: Share by which the load is taken to be higher than it is seen to be.
            grid: Loads are rounded up to powers of 1 + grid, so that plans found once serve again.
            plans: Plans looked at in one decision.
            time_limit: Seconds that one decision may search; a decision that it ends depends on the machine.
            retry: Seconds after which a resource that was left because it was down counts as up again, if nothing is
                seen of it.
            one_type_per_layer: Whether a plan uses at most one resource of each layer, as in SPACE4AI.

        Raises:
            PolicyError: An option makes no sense, or no formula holds the scenario.
        """
        self.name = type(self).__name__.lower()
        positive = {"look_ahead": look_ahead, "grid": grid, "plans": plans, "time_limit": time_limit}
        wrong = [f"{key} {value:g}" for key, value in positive.items() if not (value > 0 and isfinite(value))]
        wrong += [f"{k} {v:g}" for k, v in {"margin": margin, "retry": retry}.items() if not (v >= 0 and isfinite(v))]
        if wrong:
            raise PolicyError(f"policy {self.name}: {', '.join(wrong)} makes no sense; give a positive number")
        dialects = ("twin", "d") if dialect == "auto" else (dialect,)
        self.scenario = scenario
        self.modelled, self.dialect = modelled(scenario, dialects, self.name)
        self.hours, self.margin, self.grid = look_ahead / HOUR, margin, grid
        self.plans, self.time_limit, self.retry = int(plans), time_limit, retry
        self.one_type_per_layer = one_type_per_layer
        self.fixed = {name: plan.nodes(name) for name in scenario.reconfiguration.fixed_resources}
        self._rankings: dict[tuple[object, ...], Ranking | None] = {}
        self._last_down: dict[str, tuple[float, int]] = {}
        warm_up()

    def decide(self, observation: Observation) -> Plan | None:
        """Return the best plan, or None where that is the one in force or on its way."""
        rates = self.forecast(observation)
        if rates is None:
            return None
        situation = Situation(
            current=observation.pending or observation.plan,
            rates=rates,
            bandwidths=self.bandwidths(observation),
            down=self.down(observation),
            deadline=time.perf_counter() + self.time_limit,
        )
        wanted = self.plan_for(situation)
        return None if wanted.placements == situation.current.placements else wanted

    # -- what kinds of this policy differ in --------------------------------------------------------------------

    def forecast(self, observation: Observation) -> Mapping[str, float] | None:
        """Return source → requests/s to reckon with, or None where nothing is known: here, what was seen."""
        return seen_rates(self.scenario, observation)

    def bandwidths(self, observation: Observation) -> Mapping[str, float]:
        """Return domain → Mbit/s to reckon with."""
        known = self.scenario.continuum.domains
        return {name: value for name, value in observation.bandwidths.items() if name in known}

    def down(self, observation: Observation) -> Mapping[str, int]:
        """Return resource → nodes that are down, or were when the resource was left."""
        for name, seen in observation.resources.items():
            if seen.down or seen.nodes:
                self._last_down[name] = observation.time, seen.down
        return {
            name: count
            for name, (since, count) in self._last_down.items()
            if count and (name in observation.resources or observation.time - since < self.retry)
        }

    def plan_for(self, situation: Situation) -> Plan:
        """Return the plan to have."""
        return self.best(situation) or self.widest(situation)

    # -- the search ---------------------------------------------------------------------------------------------

    def best(self, situation: Situation, allowed: Allowed | None = None, *, above: float = 1.0) -> Plan | None:
        """Return the plan that costs least over the look-ahead, change included; None where none holds.

        *above* is a further factor on the load.
        """
        for factor in dict.fromkeys(((1.0 + self.margin) * above, above)):
            key, view = self._view(situation, factor, allowed)
            found = self._cheapest(situation, key, view) if view else None
            if found is not None:
                return found
        return None

    def widest(self, situation: Situation) -> Plan:
        """Return the plan in force on all nodes that its resources have."""
        plan = situation.current
        for name, resource in self.scenario.continuum.resources.items():
            if plan.nodes(name):
                plan = plan.with_nodes(name, min(resource.nodes, self.fixed.get(name, resource.nodes)))
        return plan

    def _view(
        self, situation: Situation, factor: float, allowed: Allowed | None
    ) -> tuple[tuple[object, ...], Scenario | None]:
        """Return the scenario to search, and what it depends on."""
        rates = {name: self._rounded(rate * factor) for name, rate in situation.rates.items()}
        most = self._most(situation)
        key = (*rates.items(), *situation.bandwidths.items(), *most.items(), *(allowed or {}).items())
        limited = limited_to(self.modelled, most, allowed)
        return key, limited and at_rates(with_bandwidths(limited, situation.bandwidths), rates)

    def _most(self, situation: Situation) -> dict[str, int]:
        """Return how many nodes of a resource can serve, where they are fewer than it has."""
        nodes = {name: resource.nodes for name, resource in self.scenario.continuum.resources.items()}
        names = [name for name in nodes if situation.down.get(name) or name in self.fixed]
        return {
            name: max(min(nodes[name], self.fixed.get(name, nodes[name])) - situation.down.get(name, 0), 0)
            for name in names
        }

    def _rounded(self, rate: float) -> float:
        step = log(1.0 + self.grid)
        return exp(step * ceil(log(rate) / step - 1e-9)) if rate > 0 else 0.0

    def _cheapest(self, situation: Situation, key: tuple[object, ...], view: Scenario) -> Plan | None:
        """Return the plan with the least cost over the look-ahead, change included."""
        best, total = self._staying(situation, view)
        ranking = self._ranking(key, view)
        if ranking is None:
            return best
        for position, ranked in enumerate(ranking.plans(self.plans, situation.deadline)):
            if ranked.cost * self.hours >= total * (1.0 - 1e-9):
                break
            if position == 0:
                best, total = self._scaled(situation, view, best, total)
            best, total = self._better(situation, ranked.plan, ranked.cost, best, total)
        return best

    def _staying(self, situation: Situation, view: Scenario) -> tuple[Plan | None, float]:
        """Return the plan in force, and euro to keep it, where it holds."""
        running = without_down(situation.current, situation.down)
        cost = None if running is None else cost_if_it_holds(view, running, self.dialect)
        return (None, inf) if cost is None else (situation.current, cost * self.hours)

    def _scaled(
        self, situation: Situation, view: Scenario, best: Plan | None, total: float
    ) -> tuple[Plan | None, float]:
        """Compare with the placements in force on fewer or more nodes, which cost little to get: a bound to begin with.

        All resources take all their nodes, and give them back one by one while the plan holds.
        """
        running = without_down(self.widest(situation), situation.down)
        cost = None if running is None else cost_if_it_holds(view, running, self.dialect)
        if running is None or cost is None:
            return best, total
        for name in sorted({placement.resource for placement in running.placements.values()}):
            while running.nodes(name) > 1:
                fewer = running.with_nodes(name, running.nodes(name) - 1)
                less = cost_if_it_holds(view, fewer, self.dialect)
                if less is None:
                    break
                running, cost = fewer, less
        return self._better(situation, running, cost, best, total)

    def _better(
        self, situation: Situation, running: Plan, cost: float, best: Plan | None, total: float
    ) -> tuple[Plan | None, float]:
        """Return the better one of *best* and the plan whose nodes that are up are those of *running*."""
        plan = beside_down(running, situation.down)
        if plan_problems(self.scenario, plan) or pull_problems(self.scenario, plan):
            return best, total
        value = cost * self.hours + switching_cost(self.scenario, situation.current, plan)
        return (plan, value) if value < total * (1.0 - 1e-9) else (best, total)

    def _ranking(self, key: tuple[object, ...], view: Scenario) -> Ranking | None:
        """Return the plans of *view*, remembered; None where it cannot even be searched."""
        if key not in self._rankings:
            try:
                ranking = Ranking(view, self.dialect, one_type_per_layer=self.one_type_per_layer)
            except TwinError:
                ranking = None
            self._rankings[key] = ranking
            if len(self._rankings) > KEPT:
                del self._rankings[next(iter(self._rankings))]
        return self._rankings[key]


def seen_rates(scenario: Scenario, observation: Observation) -> dict[str, float] | None:
    """Return the requests/s seen of each source; None where one was not measured."""
    rates = {name: observation.arrival_rates.get(name) for name in scenario.workload.sources}
    found = {name: rate for name, rate in rates.items() if rate is not None and isfinite(rate)}
    return found if len(found) == len(rates) else None
