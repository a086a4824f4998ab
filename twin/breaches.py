"""How constraints fared in a controlled replication: each of them, and the requests that broke any."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from twin.controlled_run import Course
from twin.engines.trajectory import BoolArray, FloatArray
from twin.model.constraints import Constraint, GlobalConstraint, LocalConstraint, TimeLimit, constraint_name
from twin.universe import Universe


@dataclass(frozen=True, slots=True, kw_only=True)
class Breach:
    """How one constraint fared."""

    requests: float | None
    """Share of its requests beyond the limit, lost and overdue ones included; None: it limits no time."""

    windows: float | None
    """Share of the windows of the monitoring in which it was broken; None: it was never measured."""


def breaches(universe: Universe, course: Course) -> dict[str, Breach]:
    """Return how each constraint fared that was measured at all."""
    found = {}
    for constraint, path in _numbered(universe.scenario.constraints):
        name = constraint_name(constraint)
        windows = course.broken.get(name)
        requests = _share_beyond(universe, course, constraint, path) if isinstance(constraint, TimeLimit) else None
        if windows or requests is not None:
            found[name] = Breach(requests=requests, windows=sum(windows) / len(windows) if windows else None)
    return found


def share_in_breach(universe: Universe, course: Course) -> float | None:
    """Return the share of requests that were lost or broke a time limit, whichever; None where there is no such limit.

    Requests in the system at the end count only if they have broken a limit already.
    """
    run, limits = course.trajectory, 0
    broken: BoolArray = run.lost.copy()
    for constraint, path in _numbered(universe.scenario.constraints):
        if isinstance(constraint, TimeLimit):
            limits += 1
            requests, times = _limited(universe, course, constraint, path)
            broken[requests[times > constraint.limit]] = True
            if not isinstance(constraint, LocalConstraint | GlobalConstraint):
                broken |= _overdue(course, constraint.limit)
    known = int((np.isfinite(run.ends) | broken).sum())
    return float(broken.sum()) / known if limits and known else None


def _numbered(constraints: tuple[Constraint, ...]) -> Iterator[tuple[Constraint, int]]:
    """Yield each constraint with the number of paths that are measured before it."""
    paths = 0
    for constraint in constraints:
        yield constraint, paths
        paths += isinstance(constraint, GlobalConstraint)


def _share_beyond(universe: Universe, course: Course, constraint: TimeLimit, path: int) -> float | None:
    _, times = _limited(universe, course, constraint, path)
    failed = 0
    if not isinstance(constraint, LocalConstraint | GlobalConstraint):
        failed = int(course.trajectory.lost.sum() + _overdue(course, constraint.limit).sum())
    count = len(times) + failed
    return float((times > constraint.limit).sum() + failed) / count if count else None


def _limited(
    universe: Universe, course: Course, constraint: TimeLimit, path: int
) -> tuple[np.ndarray[tuple[int], np.dtype[np.int64]], FloatArray]:
    """Return the requests that *constraint* concerns, once for each time it limits, and these times."""
    run = course.trajectory
    if isinstance(constraint, LocalConstraint):
        stage = universe.stage_index[constraint.component]
        steps = universe.stages[stage].steps
        rows = run.executions if len(steps) > 1 else run.visits
        rows = rows[rows[:, 1] == (stage if len(steps) > 1 else steps[0])]
    elif isinstance(constraint, GlobalConstraint):
        rows = run.passages[run.passages[:, 1] == path]
    else:
        done = np.flatnonzero(np.isfinite(run.ends) & ~run.lost)
        return done, run.ends[done] - run.arrivals[done]
    return rows[:, 0].astype(np.int64), rows[:, 3] - rows[:, 2]


def _overdue(course: Course, limit: float) -> BoolArray:
    """Say of each request whether it is still there, and late already."""
    run = course.trajectory
    overdue: BoolArray = ~np.isfinite(run.ends) & ~run.lost & (run.horizon - run.arrivals > limit)
    return overdue
