"""The Pareto front of cost and response time: the cheapest plan, then the cheapest that is quicker, and so on.

Each point is a search of its own under a limit just below the time of the point before (the ε-constraint method:
Haimes, Lasdon and Wismer 1971), so that every point comes with its own proof.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from design.optimise import Result, optimise
from twin.errors import TwinError, did_you_mean
from twin.model.constraints import GlobalConstraint, LocalConstraint, ResponseConstraint, TimeLimit, constraint_name
from twin.model.plan import Plan
from twin.model.scenario import Scenario

LOOSE = 1e9
"""Seconds of a limit that limits nothing."""

NAME = "response time of the front"

End = Literal["complete", "time", "points", "interrupted"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One plan of the front."""

    cost: float
    """Euro an hour."""

    response_time: float
    """Mean seconds of what is looked at."""

    optimal: bool
    """Whether no plan that is as quick costs less, proved."""

    plan: Plan


@dataclass(frozen=True, slots=True, kw_only=True)
class Front:
    """The points, the cheapest first."""

    target: str

    points: tuple[Point, ...]

    end: End
    """``complete``: nothing quicker exists, proved."""


def front(
    scenario: Scenario,
    target: str = "application",
    *,
    dialect: str = "twin",
    resolution: float = 0.01,
    most: int = 100,
    time_limit: float | None = None,
    one_type_per_layer: bool = True,
) -> Front:
    """Return the front of cost and the mean response time of *target*.

    Args:
        scenario: Its own limits hold for every point.
        target: ``application``, a component, a global constraint by name, or a path such as ``a > b > c``.
        dialect: Formulas and checks.
        resolution: Each point is quicker than the one before by at least this share; finer steps are passed over.
        most: Points at most.
        time_limit: Seconds for all together.
        one_type_per_layer: As in :func:`design.optimise.optimise`.

    Raises:
        TwinError: There is no such target, an argument makes no sense, or the formulas do not know its time.
    """
    if not 0.0 < resolution < 1.0 or most < 1:
        raise TwinError(f"resolution must lie between 0 and 1 and points be at least 1, got {resolution:g} and {most}")
    limit = limit_on(scenario, target)
    deadline = None if time_limit is None else time.perf_counter() + time_limit
    points: list[Point] = []
    seconds, end = LOOSE, "points"
    while len(points) < most:
        left = None if deadline is None else max(deadline - time.perf_counter(), 1e-3)
        own = limit.model_copy(update={"limit": seconds})
        limited = scenario.model_copy(update={"constraints": (*scenario.constraints, own)})
        result = optimise(limited, dialect=dialect, time_limit=left, one_type_per_layer=one_type_per_layer)
        if result.plan is None:
            end = "complete" if result.feasible is False else "interrupted" if result.interrupted else "time"
            break
        point = _point(result, result.plan, target)
        points.append(point)
        if result.interrupted:
            end = "interrupted"
            break
        seconds = point.response_time * (1.0 - resolution)
    return Front(target=target, points=tuple(_undominated(points)), end=end)  # type: ignore[arg-type]


def limit_on(scenario: Scenario, target: str) -> TimeLimit:
    """Return a limit on the mean response time of *target* that limits nothing yet; TwinError for an unknown one."""
    if target == "application":
        return ResponseConstraint(kind="response", name=NAME, limit=LOOSE)
    if target in scenario.application.components:
        return LocalConstraint(kind="local", name=NAME, component=target, limit=LOOSE)
    paths = {constraint_name(c): c.path for c in scenario.constraints if isinstance(c, GlobalConstraint)}
    path = paths.get(target) or tuple(part.strip() for part in target.split(">"))
    sends = {(edge.origin, edge.to) for edge in scenario.application.dependencies}
    if len(path) < 2 or not set(pairwise(path)) <= sends:
        known = ["application", *scenario.application.components, *paths]
        raise TwinError(
            f"unknown target {target!r}{did_you_mean(target, known)}; it is one of {', '.join(known)}, "
            "or a path such as a > b > c"
        )
    return GlobalConstraint(kind="global", name=NAME, path=tuple(path), limit=LOOSE)


def _point(result: Result, plan: Plan, target: str) -> Point:
    assert result.evaluation is not None
    value = next((each.value for each in result.evaluation.constraints if each.name == NAME), None)
    if value is None:
        raise TwinError(f"the formulas of dialect {result.evaluation.dialect} do not know the time of {target!r}")
    return Point(cost=result.evaluation.cost, response_time=value, optimal=result.optimal, plan=plan)


def _undominated(points: list[Point]) -> Iterator[Point]:
    """Yield the points that no later one, which is quicker, equals or beats in cost."""
    for i, point in enumerate(points):
        if all(later.cost > point.cost * (1.0 + 1e-9) for later in points[i + 1 :]):
            yield point
