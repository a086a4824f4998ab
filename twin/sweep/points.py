"""The points of a sweep: every combination of the axes as a scenario of its own, with a key that stands for it."""

from __future__ import annotations

import json
import platform
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, version

from twin.errors import Problem, ScenarioError
from twin.model.checks import scenario_problems
from twin.model.plan_checks import plan_problems
from twin.model.scenario import Scenario
from twin.report import VERSIONED, fingerprint
from twin.sweep.axes import Axis, Value, combinations, shown
from twin.sweep.drafts import Base, Draft, Reader
from twin.sweep.engines import engines_for, processes_for

ROWS = 2
"""Number of the form in which results are kept; another form makes other keys."""

_MOST = 20
"""Reasons that are listed where no point can run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One combination of values."""

    values: tuple[Value, ...]
    """One for each axis."""

    scenario: Scenario | None = None

    engine: str = ""

    key: str = ""
    """Equal for points that must have equal results, whenever and wherever they run; empty where it cannot run."""

    problem: str = ""
    """Why it cannot run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """All points of a sweep, in the order of its table, and what the reader of the scenario chose or put right."""

    axes: tuple[Axis, ...]

    points: tuple[Point, ...]

    notes: tuple[str, ...] = ()

    @property
    def processes(self) -> int:
        """How many processes of this machine it is worth to run the points."""
        return processes_for((point.scenario, point.engine) for point in self.points if point.scenario is not None)


def lay_out(base: Base, axes: Sequence[Axis], *, engine: str) -> Layout:
    """Return the points of a sweep over *axes*, run by *engine*: ``simpy``, ``compiled``, ``theory`` or ``auto``.

    A combination that does not fit together makes a point with a problem. Raises ScenarioError, with all problems at
    once, for axes that do not exist, values that can be in no combination, and where no point can run at all.
    """
    reader = Reader(base, axes)
    drafts = [reader.draft(values) for values in combinations(axes)]
    problems = list(_hopeless(axes, drafts))
    if problems:
        raise ScenarioError("the axes of the sweep", problems)
    faults = [_problem(draft, axes) for draft in drafts]
    if all(faults):
        reasons = list(dict.fromkeys(faults))[:_MOST]
        raise ScenarioError("no point of the sweep can run", [Problem("", reason) for reason in reasons])
    sound = [draft.scenario for draft, fault in zip(drafts, faults, strict=True) if not fault]
    engines = iter(engines_for(engine, sound))
    points = [
        Point(values=draft.values, problem=fault) if fault else _point(draft, next(engines))
        for draft, fault in zip(drafts, faults, strict=True)
    ]
    return Layout(axes=tuple(axes), points=tuple(points), notes=reader.notes)


@cache
def program_versions() -> dict[str, str]:
    """Return what can change the digits of a result beside the scenario: versions of Python and of packages."""
    return {"python": platform.python_version(), **{name: _version(name) for name in (*VERSIONED, "numba")}}


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "unknown"


def _hopeless(axes: Sequence[Axis], drafts: Sequence[Draft]) -> Iterator[Problem]:
    """Yield what is wrong with values that were refused in every combination."""
    for i, axis in enumerate(axes):
        fine = {draft.values[i] for draft in drafts if axis.name not in draft.refused}
        reasons = {
            draft.values[i]: draft.refused[axis.name] for draft in reversed(drafts) if draft.values[i] not in fine
        }
        if len(reasons) == len(axis.values) and len(set(reasons.values())) == 1:
            yield Problem(axis.name, next(iter(reasons.values())))
            continue
        for value in axis.values:
            if value in reasons:
                yield Problem(f"{axis.name}={shown(value)}", reasons[value])


def _problem(draft: Draft, axes: Sequence[Axis]) -> str:
    """Return why a point cannot run; empty if it can."""
    refused = [
        f"{axis.name}={shown(value)}: {draft.refused[axis.name]}"
        for axis, value in zip(axes, draft.values, strict=True)
        if axis.name in draft.refused
    ]
    return "; ".join(refused or map(str, _contradictions(draft.scenario)))


def _point(draft: Draft, engine: str) -> Point:
    key = point_key(draft.scenario, engine)
    return Point(values=draft.values, scenario=draft.scenario, engine=engine, key=key)


def _contradictions(scenario: Scenario) -> list[Problem]:
    if scenario.plan is None:
        return [Problem("plan", "there is no plan; add one to the scenario, or give --plan FILE")]
    return list(dict.fromkeys([*scenario_problems(scenario), *plan_problems(scenario, scenario.plan)]))


def point_key(scenario: Scenario, engine: str) -> str:
    """Return a fingerprint of everything that results depend on: scenario, plan, run, engine and versions."""
    # Neither the names of scenario and plan nor what is asked of a report changes its figures.
    facts = {
        "scenario": scenario.model_dump_json(
            exclude={"name": True, "question": True, "expect": True, "plan": {"name"}}
        ),
        "engine": engine,
        "versions": program_versions(),
        "rows": ROWS,
    }
    return fingerprint(json.dumps(facts, sort_keys=True))[:32]
