"""The Pareto front of any two or three of cost, response time, energy and accuracy.

One objective is made small under limits on the others (the ε-constraint method: Haimes, Lasdon and Wismer 1971), so
that every point comes with its own proof. Where to look next is a list of *zones*: upper bounds below which better
plans may lie. A point splits each zone that holds it into as many as there are objectives (search region
decomposition: Klamroth, Lacour and Vanderpooten 2015); a zone without a plan is closed. No zone left: the front is
complete.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from math import exp, inf
from typing import Any, Literal

from design.goal_sums import WORST
from design.goals import CHEAPEST, LOOSE, Goal, Objective
from design.optimise import Result, optimise
from design.plan_figures import PlanFigures
from design.thresholds import PRECISION, doubt_of
from twin.errors import TwinError
from twin.model.plan import Plan
from twin.model.scenario import Scenario

EQUAL = 1e-9
"""Relative difference below which two figures count as equal."""

FINEST = 1e-7
"""Smallest step between two points, relative; searches cannot tell less apart."""

BEST_FIRST: tuple[Objective, ...] = ("cost", "energy", "response_time", "accuracy")
"""Which objective is made small: sums over nodes are searched with better bounds than times and accuracies."""

End = Literal["complete", "time", "points", "interrupted"]

Vector = tuple[float, ...]
"""A plan in all objectives looked at, each to be small; the first is the one that the searches make small."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One plan of the front."""

    figures: PlanFigures

    nondominated: bool
    """Whether it is proved that no plan is at least as good in all objectives and better in one, to the resolution."""

    plan: Plan


@dataclass(frozen=True, slots=True, kw_only=True)
class Front:
    """The points, those that are best in the first objective first."""

    objectives: tuple[Objective, ...]

    target: str
    """What response times are of."""

    points: tuple[Point, ...]

    end: End
    """``complete``: each plan is matched by a point that is no worse by more than the resolution, proved."""


@dataclass(frozen=True, slots=True)
class _Zone:
    """Where better plans may lie."""

    upper: Vector
    """They are below this in each objective."""

    low: float
    """None is below this in the first."""


def front(
    scenario: Scenario,
    objectives: Sequence[Objective] = ("cost", "response_time"),
    *,
    within: Goal = CHEAPEST,
    resolution: float = 0.01,
    most: int = 100,
    time_limit: float | None = None,
    on_point: Callable[[PlanFigures], None] = lambda _figures: None,
    **more: Any,
) -> Front:
    """Return the front of two or three *objectives*; an interrupt ends it with the points found so far.

    Args:
        scenario: Its own limits hold for every point.
        objectives: Two or three different ones.
        within: Limits that hold for every point as well, and what response times are of; its objective plays no part.
        resolution: Steps in response time and energy smaller than this share are passed over.
        most: Points at most.
        time_limit: Seconds for all together.
        on_point: Told of each point found.
        more: ``dialect`` and ``one_type_per_layer`` as in :func:`design.optimise.optimise`.

    Raises:
        TwinError: An argument makes no sense, or the formulas do not know the time.
        EngineError: The scenario does not state what an objective needs.
    """
    if not 0.0 < resolution < 1.0 or most < 1:
        raise TwinError(f"resolution must lie between 0 and 1 and points be at least 1, got {resolution:g} and {most}")
    if len(set(objectives)) != len(objectives) or not 2 <= len(objectives) <= 3:
        raise TwinError(f"a front has two or three different objectives, got {', '.join(objectives)}")
    deadline = inf if time_limit is None else time.perf_counter() + time_limit
    search = _FrontSearch(scenario, tuple(objectives), within, max(resolution, FINEST), deadline, more)
    try:
        search.run(most, on_point)
    except KeyboardInterrupt:
        search.end = "interrupted"
    return Front(objectives=tuple(objectives), target=within.target, points=tuple(search.points()), end=search.end)


@dataclass
class _FrontSearch:
    scenario: Scenario

    objectives: tuple[Objective, ...]

    within: Goal

    resolution: float

    deadline: float

    more: dict[str, Any]

    found: list[Result] = field(default_factory=list)

    end: End = "complete"

    def __post_init__(self) -> None:
        self.order = sorted(self.objectives, key=BEST_FIRST.index)
        self.zones = [_Zone(upper=(inf,) * len(self.order), low=-inf)]

    def run(self, most: int, on_point: Callable[[PlanFigures], None]) -> None:
        """Search zone after zone."""
        while self.zones:
            if len(self.found) >= most:
                self.end = "points"
                return
            zone = min(self.zones, key=lambda each: (each.low, [-bound for bound in each.upper]))
            result = self._search(zone)
            if result.figures is not None:
                self.found.append(result)
                on_point(result.figures)
                self._split(zone, result, result.figures)
            elif result.feasible is False:
                self.zones.remove(zone)
            if result.interrupted or not (result.optimal or result.feasible is False):
                self.end = "interrupted" if result.interrupted else "time"
                return

    def _search(self, zone: _Zone) -> Result:
        """Look for what is best in the first objective inside *zone*."""
        left = None if self.deadline == inf else max(self.deadline - time.perf_counter(), 1e-3)
        goal = replace(self.within, objective=self.order[0])
        if "response_time" in self.order:
            goal = replace(goal, response_time=min(goal.response_time, LOOSE))
        for objective, bound in zip(self.order[1:], zone.upper[1:], strict=True):
            if bound < inf:
                goal = _bounded(goal, objective, bound)
        return optimise(self.scenario, time_limit=left, goal=goal, **self.more)

    def vector(self, figures: PlanFigures) -> Vector:
        """Return figures in the order of the search, accuracy as its negative logarithm."""
        doubt = min(doubt_of(figures.accuracy), WORST) if figures.accuracy is not None else 0.0
        return tuple(doubt if each == "accuracy" else figures.of(each) for each in self.order)

    def _split(self, searched: _Zone, result: Result, figures: PlanFigures) -> None:
        """Leave out of all zones what is no better than a point, but for the resolution."""
        reached = self.vector(figures)
        corner = (reached[0], *map(self._step, self.order[1:], reached[1:]))
        zones: list[_Zone] = []
        for zone in self.zones:
            if zone is searched:
                zones += _parts(replace(zone, low=max(zone.low, result.bound)), corner)
            elif all(a < b for a, b in zip(corner, zone.upper, strict=True)):
                zones += _parts(zone, corner)
            else:
                zones.append(zone)
        self.zones = [zone for i, zone in enumerate(zones) if not any(_holds(zones, i, j) for j in range(len(zones)))]

    def _step(self, objective: Objective, value: float) -> float:
        """Return what the next plan has to be below."""
        return value - PRECISION if objective == "accuracy" else value * (1.0 - self.resolution)

    def points(self) -> Iterator[Point]:
        """Yield the plans found that no other one found matches."""
        ranked = sorted(self.found, key=lambda each: self.vector(each.figures) if each.figures else ())
        vectors = [self.vector(each.figures) for each in ranked if each.figures]
        for i, (result, own) in enumerate(zip(ranked, vectors, strict=True)):
            matched = any(_matches(other, own, earlier=j < i) for j, other in enumerate(vectors) if j != i)
            if not matched and result.plan is not None and result.figures is not None:
                proved = result.optimal and not any(self._may_beat(zone, own[0]) for zone in self.zones)
                yield Point(figures=result.figures, nondominated=proved, plan=result.plan)

    def _may_beat(self, zone: _Zone, first: float) -> bool:
        """Say whether a zone that is left may hold a plan that beats a point, which is best in the first objective."""
        return zone.low <= first * (1.0 + EQUAL) and zone.upper[0] > first


def _bounded(goal: Goal, objective: Objective, bound: float) -> Goal:
    """Return *goal* with another limit, if that is tighter than its own."""
    if objective == "accuracy":
        return replace(goal, accuracy=max(goal.accuracy, min(exp(-bound), 1.0)))
    if objective == "energy":
        return replace(goal, energy=min(goal.energy, bound))
    return replace(goal, response_time=min(goal.response_time, bound))


def _parts(zone: _Zone, corner: Vector) -> Iterator[_Zone]:
    """Yield the parts of a zone that lie below *corner* in one objective; none where no plan can be."""
    for i, bound in enumerate(corner):
        first = zone.low * (1.0 + EQUAL) if i == 0 else 0.0  # nothing is below 0 either
        if first < bound < zone.upper[i]:
            yield _Zone(upper=(*zone.upper[:i], bound, *zone.upper[i + 1 :]), low=zone.low)


def _holds(zones: list[_Zone], inner: int, outer: int) -> bool:
    """Say whether one zone lies inside another; of equal ones the first stays."""
    one, other = zones[inner].upper, zones[outer].upper
    return inner != outer and all(a <= b for a, b in zip(one, other, strict=True)) and (one != other or outer < inner)


def _matches(other: Vector, own: Vector, *, earlier: bool) -> bool:
    """Say whether *other* is as good in all, and better in one or found before."""
    near = [b - a <= EQUAL * max(abs(a), abs(b)) for a, b in zip(own, other, strict=True)]
    better = any(b < a - EQUAL * max(abs(a), abs(b)) for a, b in zip(own, other, strict=True))
    return all(near) and (better or earlier)
