"""The largest load: how many requests/s a plan carries by the mean formulas, and how many any plan at all carries.

Found by bisection between a load that is carried and one that is not. Where times grow with the load, that is the
largest one. With functions that start cold less often under load a limit may also break at a lower load; then it is
the end of the stretch around the load that was asked for.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from design.candidates import cases
from design.evaluate import evaluate
from design.evaluation import Evaluation, finite
from design.exact import ExactSearch
from design.optimise import plan_of, rules_for
from design.problem_building import build_problem
from design.rules import Rules
from design.traffic_rates import entry_rates
from twin.model.plan import Plan
from twin.model.rates import scaled_to
from twin.model.scenario import Scenario

PRECISION = 1e-6
"""Relative width at which the bisection ends."""

RANGE = 1024.0
"""Factor on the asked load, up and down, beyond which none is looked for: functions alone carry any load."""


@dataclass(frozen=True, kw_only=True)
class LargestLoad:
    """The load that is carried, with the one next to it that is not."""

    carried: float
    """Requests/s of all sources together; 0 where none was found."""

    not_carried: float
    """Requests/s within 1e-6 of the other that break a limit; infinite where 1024 times the load asked breaks none."""

    asked: float
    """Requests/s of the scenario."""

    plan: Plan | None = None
    """A plan that carries it."""

    binding: tuple[str, ...] = ()
    """What breaks at the load that is not carried; empty where the formula is asked about all plans at once."""

    complete: bool = True
    """Whether time was enough."""

    def to_dict(self) -> dict[str, Any]:
        """Return the result as JSON has it."""
        return {
            "carried": self.carried,
            "not_carried": finite(self.not_carried),
            "asked": self.asked,
            "binding": list(self.binding),
            "complete": self.complete,
            "plan": self.plan.model_dump(mode="json") if self.plan else None,
        }


def load_of_plan(scenario: Scenario, plan: Plan, *, dialect: str | Rules = "twin") -> LargestLoad:
    """Return the largest load at which *plan* breaks no limit, all sources scaled alike.

    Raises:
        PlanError: The plan does not fit the scenario.
        ScenarioError: A source has no rate that could be scaled.
        EngineError: No closed form is known for such a network.
    """

    def found(rate: float) -> Evaluation:
        return evaluate(_at(scenario, rate), plan, dialect=dialect)

    asked = sum(entry_rates(scenario).values())
    low, high = _bisect(lambda rate: found(rate).feasible, asked)
    violations = found(high).violations if math.isfinite(high) else ()
    names = tuple(dict.fromkeys(f"{each.kind}: {each.name}" for each in violations))
    return LargestLoad(carried=low, not_carried=high, asked=asked, plan=plan, binding=names)


def load_of_continuum(
    scenario: Scenario,
    *,
    dialect: str | Rules = "twin",
    time_limit: float | None = None,
    one_type_per_layer: bool = True,
) -> LargestLoad:
    """Return the largest load for which any plan holds, decided exactly at each load, and such a plan.

    A load at which the time ended before it was decided does not count as carried.

    Raises:
        EngineError: The scenario holds what the search has no formula for.
        ScenarioError: A source has no rate that could be scaled.
        TwinError: An argument makes no sense.
    """
    rules = rules_for(scenario, dialect, time_limit)
    deadline = time.perf_counter() + (math.inf if time_limit is None else time_limit)
    plans: dict[float, Plan] = {}

    def holds(rate: float) -> bool:
        if time.perf_counter() > deadline:
            return False
        plan = _any_plan(_at(scenario, rate), rules, deadline, one_type_per_layer)
        if plan is not None:
            plans[rate] = plan
        return plan is not None

    asked = sum(entry_rates(scenario).values())
    low, high = _bisect(holds, asked)
    return LargestLoad(
        carried=low,
        not_carried=high,
        asked=asked,
        plan=plans[max(plans)] if plans else None,
        complete=time.perf_counter() < deadline,
    )


def _at(scenario: Scenario, rate: float) -> Scenario:
    return scenario.model_copy(update={"workload": scaled_to(scenario.workload, rate)})


def _any_plan(scenario: Scenario, rules: Rules, deadline: float, one_type_per_layer: bool) -> Plan | None:
    for selection in cases(scenario):
        problem = build_problem(scenario, rules, selection, one_type_per_layer=one_type_per_layer)
        search = ExactSearch(problem=problem, deadline=deadline)
        if search.find_any() and search.outcome.solution is not None:
            return plan_of(problem, search.outcome.solution)
    return None


def _bisect(holds: Callable[[float], bool], start: float) -> tuple[float, float]:
    """Return the last value that *holds* and the first that does not, around *start*; 0 and infinity where none is."""
    low = high = start
    if holds(start):
        while holds(high := high * 2.0):
            low = high
            if high >= start * RANGE:
                return low, math.inf
    else:
        while not holds(low := low / 2.0):
            high = low
            if low <= start / RANGE:
                return 0.0, high
    while high - low > PRECISION * high:
        middle = (low + high) / 2.0
        low, high = (middle, high) if holds(middle) else (low, middle)
    return low, high
