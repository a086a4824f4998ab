"""A plan that holds for every load and every service time that is possible, and what that costs.

On nodes, response times grow with the load and with every service time, so that a plan holds for all of the intervals
if it holds at their upper ends: that is the proof. On functions more requests mean fewer cold starts; their times are
taken at their worst over a grid of loads, and the result says that the loads between were not proved. What is made
small is the objective at the scenario's own load and service times.
"""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass, replace
from math import inf
from typing import Any

from design.goals import CHEAPEST, Goal
from design.optimise import Result, optimise
from design.plan_figures import judge
from design.rules import TOLERANCE, Rules
from design.uncertainty import Uncertainty, World, corners, further_worlds, require_nominal, starts_cold
from twin.errors import TwinError
from twin.model.plan import Plan
from twin.model.scenario import Scenario


@dataclass(frozen=True, slots=True, kw_only=True)
class CornerFigures:
    """What becomes of the plan at one end of the intervals."""

    load: float
    """Requests/s."""

    place: float
    """-1 for the shortest service times, 1 for the longest, 0 where they are taken for certain."""

    cost: float
    """Euro an hour there."""

    holds: bool

    tightest: str
    """The limit that is used up most; empty without one."""

    used: float
    """Share of it that is used up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Robust:
    """The plan that holds for all of it."""

    result: Result
    """The plan with its figures at the scenario's own load and service times."""

    nominal: Result
    """The plan that is best when nothing is uncertain."""

    proved: bool
    """Whether it is proved that the plan holds for all of the intervals, not only where it was looked at."""

    looked_at: int
    """Worlds in which the plan was evaluated."""

    corners: tuple[CornerFigures, ...]

    @property
    def price(self) -> float | None:
        """Euro an hour that the plan costs more than the nominal optimum; None unless both are proved to be best."""
        if self.result.cost is None or self.nominal.cost is None:
            return None
        return self.result.cost - self.nominal.cost if self.result.optimal and self.nominal.optimal else None

    def to_dict(self) -> dict[str, Any]:
        """Return what is beside the result as JSON has it."""
        return {
            "proved": self.proved,
            "looked_at": self.looked_at,
            "price": self.price,
            "nominal_cost": self.nominal.cost,
            "nominal_optimal": self.nominal.optimal,
            "corners": [asdict(corner) for corner in self.corners],
        }


def robust(
    scenario: Scenario,
    uncertainty: Uncertainty,
    *,
    goal: Goal = CHEAPEST,
    time_limit: float | None = None,
    **more: Any,
) -> Robust:
    """Return the best plan that keeps all limits for everything that *uncertainty* holds possible.

    Args:
        scenario: Its own load and service times must lie in the intervals; the objective is taken there.
        uncertainty: The intervals.
        goal: As in :func:`design.optimise.optimise`; its limits hold for everything possible too.
        time_limit: Seconds for all searches together.
        more: The other arguments of :func:`design.optimise.optimise`.

    Raises:
        TwinError: The intervals make no sense, or the objective is the response time, which has no nominal value.
    """
    require_nominal(scenario, uncertainty)
    dialect = more.get("dialect", "twin")
    if goal.objective == "response_time":
        raise TwinError("a robust plan is best in cost, energy or accuracy; limit its response time instead")
    deadline = inf if time_limit is None else time.perf_counter() + time_limit

    def left(share: float) -> float | None:
        return None if deadline == inf else max(share * (deadline - time.perf_counter()), 1e-3)

    ends = corners(scenario, uncertainty)
    every = (*ends, *further_worlds(scenario, uncertainty))
    nominal = optimise(scenario, goal=goal, time_limit=left(0.3), **more)
    # The upper ends alone leave out what is worse at other loads: none that holds everywhere is better than this one.
    result = optimise(scenario, goal=goal, worlds=(ends[-1].scenario,), time_limit=left(0.6), **more)
    if result.plan is not None and not _holds_everywhere(every, result.plan, goal, dialect):
        cautious = optimise(
            scenario, goal=goal, worlds=tuple(each.scenario for each in every), time_limit=left(1.0), **more
        )
        result = _bounded(cautious, result)
    if result.plan is None:
        return Robust(result=result, nominal=nominal, proved=False, looked_at=0, corners=())
    return Robust(
        result=result,
        nominal=nominal,
        proved=not _starts_cold_somewhere(scenario, result.plan),
        looked_at=len(every),
        corners=tuple(_figures(each, result.plan, goal, dialect) for each in ends),
    )


def _bounded(found: Result, relaxed: Result) -> Result:
    """Return *found* with the bound of an easier problem, which alone proves that no plan is better."""
    seconds, evaluations = found.seconds + relaxed.seconds, found.evaluations + relaxed.evaluations
    if found.value is None:
        none = None if found.feasible is False else found.feasible
        notes = (
            *found.notes,
            "no plan holds where all functions are at their worst at once; one may hold all the same",
        )
        return replace(found, feasible=none, bound=relaxed.bound, seconds=seconds, notes=notes, conflicts=())
    optimal = relaxed.optimal and abs(found.value - relaxed.bound) <= TOLERANCE * (1.0 + abs(found.value))
    return replace(found, optimal=optimal, bound=relaxed.bound, seconds=seconds, evaluations=evaluations)


def _holds_everywhere(worlds: tuple[World, ...], plan: Plan, goal: Goal, dialect: str | Rules) -> bool:
    return all(_figures(world, plan, goal, dialect).holds for world in worlds)


def _figures(world: World, plan: Plan, goal: Goal, dialect: str | Rules) -> CornerFigures:
    """Evaluate *plan* in one world, by the formulas that found it."""
    evaluation, figures = judge(world.scenario, plan, goal, dialect)
    uses = [
        (each.value / each.limit, each.name)
        for each in evaluation.constraints
        if each.value is not None and each.kind in ("local", "global", "response") and each.limit
    ]
    uses += [(figures.cost / goal.budget, "budget")]
    if goal.response_time < inf:
        uses.append((figures.of("response_time") / goal.response_time, "response time"))
    if goal.energy < inf:
        uses.append((figures.of("energy") / goal.energy, "energy"))
    used, tightest = max(uses)
    return CornerFigures(
        load=world.load,
        place=world.place,
        cost=evaluation.cost,
        holds=evaluation.feasible and used <= 1.0 + 2 * TOLERANCE,
        tightest=tightest if used else "",
        used=used,
    )


def _starts_cold_somewhere(scenario: Scenario, plan: Plan) -> bool:
    """Say whether the plan uses a function whose times change with the load otherwise than by growing."""
    return any(
        starts_cold(scenario, partition, placement.resource)
        for partition, placement in plan.placements.items()
        if placement.resource in scenario.continuum.functions
    )
