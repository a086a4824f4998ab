"""The quickest or most accurate plan: is there one that is better than so much, asked again and again.

Response time and accuracy are limits to the exact search, not what it makes small. So each question is a search of its
own for any plan within all limits; its yes is a plan, its no a proof. Bisection comes near the best soon; after two
noes the question is whether anything at all is better than the best plan known, for plans are few and far between. The
last search finds the cheapest of the best plans.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from math import inf, log
from typing import Protocol

from design.exact import PROOF, ExactSearch, Solution
from design.goal_sums import accuracy_row
from design.goals import LIMITED, LOOSE, Goal
from design.kernels import Options
from design.problem import Problem
from twin.errors import TwinError

PRECISION = 1e-6
"""Relative difference of a response time or an accuracy below which a plan counts as best."""

ALMOST = 0.99
"""Share of that difference that is asked about, so that rounding does not leave it open."""

NOES = 2
"""Noes in a row after which bisection has come near enough."""

SHARE = 0.3
"""Share of the time left that one question may take before another one is asked."""

Measure = Callable[[Problem, Solution], float]
"""How good a plan is: less is better."""


class Axis(Protocol):
    """What is made small; nothing lies below 0."""

    def limited(self, problem: Problem, most: float) -> Problem:
        """Return *problem* for plans of at most so much."""

    def is_close(self, low: float, high: float) -> bool:
        """Say whether a plan at *high* counts as best where none lies below *low*."""

    def just_below(self, value: float) -> float:
        """Return the lowest value that is close to *value*."""


@dataclass(frozen=True, slots=True)
class Seconds:
    """The response time that the goal looks at."""

    goal: Goal

    def limited(self, problem: Problem, most: float) -> Problem:
        """Return *problem* with that limit; TwinError where its formulas do not know the time."""
        place = -1
        if self.goal.target in problem.components:
            place = -1 - problem.components.index(self.goal.target)
        for position, (name, own) in enumerate(problem.limits):
            if name == LIMITED or (place < 0 and own == place and self.goal.target in problem.components):
                return problem.with_limits({position: min(problem.limit(position), most)})
        raise TwinError(f"the formulas of the search do not know the time of {self.goal.target!r}")

    def is_close(self, low: float, high: float) -> bool:
        """Compare relative to the time."""
        return high - low <= PRECISION * high

    def just_below(self, value: float) -> float:
        """Leave out a millionth, rounding aside."""
        return value * (1.0 - PRECISION * ALMOST)


@dataclass(frozen=True, slots=True)
class Doubt:
    """The negative logarithm of the accuracy."""

    def limited(self, problem: Problem, most: float) -> Problem:
        """Return *problem* with a row for it."""
        return replace(problem, rows=(*problem.rows, accuracy_row(problem, most)))

    def is_close(self, low: float, high: float) -> bool:
        """Compare logarithms, which compares accuracies relative to each other."""
        return high - low <= PRECISION

    def just_below(self, value: float) -> float:
        """Leave out a millionth of the accuracy, rounding aside."""
        return value - PRECISION * ALMOST


@dataclass(kw_only=True)
class ThresholdSearch:
    """The search for the best plan of several problems; found and proved so far can be read at any time."""

    problems: Sequence[Problem]
    """The engine's objective is what has the limit *enough*, or the cost."""

    axis: Axis

    measure: Measure

    enough: float = inf
    """Most of the engine's objective."""

    deadline: float = inf

    watched: Callable[[ExactSearch], None] = lambda _search: None
    """Runs a search; an interrupt may halt it."""

    best: tuple[Problem, Solution] | None = None

    value: float = inf

    bound: float = 0.0
    """No plan lies below, proved."""

    finished: bool = False

    interrupted: bool = False

    evaluations: int = 0

    first_after: float | None = None

    started: float = field(default_factory=time.perf_counter)

    caches: dict[int, dict[bytes, Options]] = field(default_factory=dict)
    """Options by position of the problem and pools: no question changes them."""

    def run(self) -> None:
        """Search until the proof, an interrupt or the deadline."""
        answer = self._ask(LOOSE, self.deadline)
        if answer is None or self.best is None:
            self.finished = answer is False
            return
        hopeless, noes = self.bound, 0
        while not self.axis.is_close(low := max(self.bound, hopeless), self.value) and self._has_time():
            most = self.axis.just_below(self.value) if noes >= NOES else (low + self.value) / 2.0
            answer = self._ask(most, self._share())
            noes = 0 if answer else noes + 1
            if answer is False:
                self.bound = most
            elif answer is None:
                hopeless = most
        most = self.axis.just_below(self.value)
        if self.bound < most and self._has_time() and self._ask(most, self.deadline) is False:
            self.bound = most
        self.finished = self.axis.is_close(self.bound, self.value) and not self.interrupted
        if self.finished:
            self._cheapen()

    def _has_time(self) -> bool:
        return not self.interrupted and time.perf_counter() < self.deadline

    def _share(self) -> float:
        now = time.perf_counter()
        return inf if self.deadline == inf else now + max(SHARE * (self.deadline - now), 0.05)

    def _ask(self, most: float, deadline: float) -> bool | None:
        """Say whether any plan lies at or below *most*, and keep it; None where that stayed open."""
        answer: bool | None = False
        for i, problem in enumerate(self.problems):
            search = ExactSearch(
                problem=self.axis.limited(problem, most), deadline=min(deadline, self.deadline), enough=self.enough
            )
            search.cache = self.caches.setdefault(i, {})
            self.watched(search)
            self.evaluations += search.outcome.evaluations
            found = search.outcome.solution
            if found is not None and found.cost <= self.enough:
                self._keep(problem, found)
                return True
            answer = answer if search.outcome.finished else None
            if self.interrupted:
                return None
        return answer

    def _keep(self, problem: Problem, found: Solution) -> None:
        value = self.measure(problem, found)
        if self.best is None:
            self.first_after = time.perf_counter() - self.started
        if value <= self.value:
            self.best, self.value = (problem, found), value

    def _cheapen(self) -> None:
        """Find what costs least among the plans that are as good, if there is time."""
        most = self.value if self.value == 0.0 else self.value * (1.0 + PROOF)
        for problem in self.problems:
            assert self.best is not None
            search = ExactSearch(
                problem=self.axis.limited(problem, most), deadline=self._share(), below=self.best[1].cost
            )
            self.watched(search)
            self.evaluations += search.outcome.evaluations
            if search.outcome.solution is not None:
                self.best = problem, search.outcome.solution
                self.value = self.measure(*self.best)


def axis_of(goal: Goal) -> Axis:
    """Return what *goal* makes small by thresholds."""
    return Seconds(goal) if goal.objective == "response_time" else Doubt()


def doubt_of(accuracy: float) -> float:
    """Return the negative logarithm of an accuracy, infinite for 0."""
    return -log(accuracy) if accuracy > 0.0 else inf
