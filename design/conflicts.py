"""Why there is no plan: the limits that cannot be met together, and by how much each would have to give.

Whether any plan holds is decided exactly, all nodes running. Without limits on times only the load can be too much;
then the share of it that could be carried is found by bisection. Otherwise limits are left out one by one until those
remain that clash (a minimal set: without any one of them, the rest can be met), and for each of them the smallest
value is found at which a plan exists, all other limits of the scenario standing. Where only a budget, or a limit on
energy or accuracy, is in the way, the search says what is needed of it at least.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from math import exp, inf

from design.exact import ExactSearch
from design.goals import UNITS
from design.problem import Problem, Row

PRECISION = 1e-3
"""Relative width at which a bisection ends; the feasible end is reported."""

WIDEST = 1e6
"""Factor on a limit beyond which no plan is expected."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Conflict:
    """One requirement that cannot be met beside the others."""

    kind: str
    """``limit``, ``sum``, ``load`` or ``placement``."""

    name: str

    limit: float | None = None
    """What is asked: seconds, or the load as 1."""

    needed: float | None = None
    """Value of this limit alone at which a plan exists (within 0.1 %); None if none was found."""

    message: str


def conflicts_of(problem: Problem, deadline: float) -> tuple[Conflict, ...]:
    """Return what clashes in a *problem* without a plan; *deadline* on the clock of ``time.perf_counter``."""
    if problem.rows:
        bare = replace(problem, rows=())
        if _feasible(bare, deadline) is True:
            return tuple(_needed(problem, row, deadline) for row in problem.rows)
        problem = bare
    every = range(len(problem.limits))
    free = problem.with_limits(dict.fromkeys(every, inf))
    state = _feasible(free, deadline)
    if state is None:
        return ()
    if state is False:
        return (_too_much(free, deadline),)
    clashing = _minimal(problem, deadline)
    return tuple(_relaxed(problem, position, clashing, deadline) for position in clashing)


def _needed(problem: Problem, row: Row, deadline: float) -> Conflict:
    """Return how much of a limited sum is needed at least: all other limits standing, or those on times alone."""
    others = tuple(each for each in problem.rows if each is not row)
    least = _least(problem, row, others, deadline)
    beside = f" beside {', '.join(each.name for each in others)}" if others else ""
    alone = ""
    if least is None and others:
        least, alone = _least(problem, row, (), deadline), ", even without the others"
    limit, needed = row.limit, least
    ask, best = "at most", "it takes at least"
    if row.name == "accuracy":
        limit, needed = exp(-row.limit), None if least is None else exp(-least)
        ask, best = "at least", "no plan reaches more than"
    unit = f" {UNITS[row.name]}".rstrip()  # type: ignore[index]
    way = "how much is needed was not found in time" if needed is None else f"{best} {needed:.4g}{unit}{alone}"
    message = f"{row.name}: {ask} {limit:.6g}{unit} cannot be kept{beside}; {way}"
    return Conflict(kind="sum", name=row.name, limit=limit, needed=needed, message=message)


def _least(problem: Problem, row: Row, others: tuple[Row, ...], deadline: float) -> float | None:
    """Return the least that the sum of *row* can be; None where no plan holds, or none was proved to be least."""
    choices = problem.choices._replace(cost=row.pattern)
    alone = replace(problem, price=row.node, part_price=row.part, choices=choices, rows=others)
    outcome = ExactSearch(problem=alone, deadline=deadline).run()
    return outcome.solution.cost if outcome.solution and outcome.finished else None


def _feasible(problem: Problem, deadline: float) -> bool | None:
    return ExactSearch(problem=problem, deadline=deadline).find_any()


def _minimal(problem: Problem, deadline: float) -> list[int]:
    """Return limits that clash, none of which can be left out (as far as the time allows)."""
    kept = list(range(len(problem.limits)))
    dropped: dict[int, float] = {}
    for position in range(len(problem.limits)):
        if time.perf_counter() > deadline:
            break
        if _feasible(problem.with_limits({**dropped, position: inf}), deadline) is False:
            dropped[position] = inf
            kept.remove(position)
    return kept


def _relaxed(problem: Problem, position: int, clashing: list[int], deadline: float) -> Conflict:
    name, limit = problem.limits[position][0], problem.limit(position)
    needed = _smallest(lambda value: _feasible(problem.with_limits({position: value}), deadline), limit, deadline)
    others = ", ".join(problem.limits[other][0] for other in clashing if other != position)
    beside = f" beside {others}" if others else " by any plan"
    way = f"with at least {needed:.4g} s a plan exists" if needed else "giving way alone is not enough"
    return Conflict(
        kind="limit",
        name=name,
        limit=limit,
        needed=needed,
        message=f"{name}: {limit:g} s cannot be met{beside}; {way}",
    )


def _smallest(holds: Callable[[float], bool | None], limit: float, deadline: float) -> float | None:
    """Return about the smallest value above *limit* that *holds*, by doubling and bisection."""
    low, high = limit, limit * 2
    while holds(high) is not True:
        low, high = high, high * 4
        if high > limit * WIDEST or time.perf_counter() > deadline:
            return None
    while high - low > PRECISION * limit and time.perf_counter() < deadline:
        middle = (low + high) / 2
        if holds(middle):
            high = middle
        else:
            low = middle
    return high


def _too_much(problem: Problem, deadline: float) -> Conflict:
    """Return by how much the load exceeds what can be carried, or that there is no placement at any load."""
    if _feasible(_loaded(problem, 0.0), deadline) is False:
        return Conflict(kind="placement", name="placement", message=_no_placement(problem))
    low, high = 0.0, 1.0
    while high - low > PRECISION and time.perf_counter() < deadline:
        middle = (low + high) / 2
        if _feasible(_loaded(problem, middle), deadline):
            low = middle
        else:
            high = middle
    what, more = ("nodes and links", "nodes or bandwidth") if problem.links else ("nodes", "nodes")
    message = f"the load is too much for all {what} together: {low:.1%} of it could be carried; add {more} or slow it"
    return Conflict(
        kind="load",
        name="load",
        limit=1.0,
        needed=low,
        message=message,
    )


def _loaded(problem: Problem, share: float) -> Problem:
    return replace(problem, choices=problem.choices._replace(rate=problem.choices.rate * share))


def _no_placement(problem: Problem) -> str:
    empty = [
        name
        for i, name in enumerate(problem.components)
        if problem.choices.pattern_ptr[i] == problem.choices.pattern_ptr[i + 1]
    ]
    if empty:
        listed = ", ".join(empty)
        return f"{listed}: no deployment can be placed; check candidates, profiles, memory, devices and networks"
    return "components fit alone but not together: check memory, networks between layers, and ways back to the edge"
