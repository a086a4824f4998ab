"""The points of a sweep: every combination of the axes as a scenario of its own, with a key that stands for it."""

from __future__ import annotations

import json
import platform
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from twin.commands.options import changed
from twin.errors import Problem, ScenarioError, TwinError
from twin.formats.reading import Loaded, read_scenario, scenario_form
from twin.model.checks import plan_problems, scenario_problems
from twin.model.scenario import Scenario
from twin.report import VERSIONED, fingerprint
from twin.sweep.axes import Axis, Value, combinations, shown
from twin.sweep.changes import changed_by, turn
from twin.sweep.engines import engines_for

NO_OVERRIDE = "none"
"""Value of an ``override`` axis that stands for the scenario as it is."""

ROWS = 1
"""Number of the form in which results are kept; another form makes other keys."""

_MOST = 20
"""Reasons that are listed where no point can run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Base:
    """What all points have in common: where the scenario comes from, and the settings of its run."""

    path: Path

    override: str | None = None

    arrival_rate: float | None = None
    """Requests/s of all sources together."""

    plan: Path | None = None

    dialect: str = "auto"

    profiles: Path | None = None

    settings: Mapping[str, object] = field(default_factory=dict)
    """Settings of the run; None leaves that of the scenario."""


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


def lay_out(base: Base, axes: Sequence[Axis], *, engine: str) -> Layout:
    """Return the points of a sweep over *axes*, run by *engine*: ``simpy``, ``compiled``, ``theory`` or ``auto``.

    A combination that does not fit together makes a point with a problem. Raises ScenarioError, with all problems at
    once, for axes that do not exist, values that can be in no combination, and where no point can run at all.
    """
    reader = _Reader(base, axes)
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


@dataclass(frozen=True, slots=True, kw_only=True)
class _Draft:
    """A scenario with the values of one point, as far as they could be put in."""

    values: tuple[Value, ...]

    scenario: Scenario

    refused: Mapping[str, str]
    """Axis → why its value could not be."""


class _Reader:
    """Reads the scenario once for each form that a file of it can take, and puts values in."""

    def __init__(self, base: Base, axes: Sequence[Axis]) -> None:
        self.base, self.axes = base, axes
        reads_rate = scenario_form(base.path) != "scenario"
        self.read_with = ("override", "arrival_rate") if reads_rate else ("override",)
        self.in_turn = sorted((i for i, axis in enumerate(axes) if axis.name not in self.read_with), key=self._turn)
        self.found: dict[tuple[Value, ...], Loaded | TwinError] = {}

    def _turn(self, number: int) -> int:
        return turn(self.axes[number].name)

    @property
    def notes(self) -> tuple[str, ...]:
        """What the reader of the files had to say."""
        loaded = [each for each in self.found.values() if isinstance(each, Loaded)]
        return tuple(dict.fromkeys(note for each in loaded for note in each.notes))

    def draft(self, values: tuple[Value, ...]) -> _Draft:
        """Put *values* into the scenario."""
        given = {axis.name: value for axis, value in zip(self.axes, values, strict=True)}
        start, refused = self._start({name: value for name, value in given.items() if name in self.read_with})
        scenario = start
        for number in self.in_turn:
            name = self.axes[number].name
            try:
                scenario = changed_by(scenario, name, values[number])
            except TwinError as error:
                refused[name] = _sentence(error)
        return _Draft(values=values, scenario=scenario, refused=refused)

    def _start(self, given: dict[str, Value]) -> tuple[Scenario, dict[str, str]]:
        """Return the scenario as read with *given*, or without it where it cannot be read so, and why."""
        found = self._read(given)
        if isinstance(found, Loaded):
            return found.scenario, {}
        # The other axes are tried on what can be read.
        readable = (each for each in self.found.values() if isinstance(each, Loaded))
        spare = next(readable, None) or (self._read({}) if given else found)
        if isinstance(spare, TwinError):
            raise found
        return spare.scenario, dict.fromkeys(given, _sentence(found))

    def _read(self, given: dict[str, Value]) -> Loaded | TwinError:
        key = tuple(given.values())
        if key not in self.found:
            try:
                self.found[key] = self._loaded(given)
            except TwinError as error:
                self.found[key] = error
        return self.found[key]

    def _loaded(self, given: dict[str, Value]) -> Loaded:
        base = self.base
        rate = given.get("arrival_rate", base.arrival_rate)
        if rate is not None and (isinstance(rate, bool) or not isinstance(rate, int | float)):
            raise ScenarioError(f"expected a number of requests/s, got {shown(rate)!r}")
        loaded = read_scenario(
            base.path,
            override=_overrides(base.override, given.get("override")),
            dialect=base.dialect,
            arrival_rate=rate,
            profiles=base.profiles,
            plan=base.plan,
        )
        return Loaded(scenario=changed(loaded.scenario, **base.settings), notes=loaded.notes)


def _overrides(always: str | None, value: Value) -> str | None:
    """Return the overrides of a point as the reader takes them; ``a+b`` stands for both."""
    further = None if value in (None, NO_OVERRIDE) else str(value).replace("+", ",")
    return ",".join(part for part in (always, further) if part) or None


def _sentence(error: TwinError) -> str:
    if not error.problems:
        return error.message
    said = "; ".join(str(problem) for problem in error.problems)
    return f"{error.message}: {said}" if error.message else "; ".join(one.message for one in error.problems)


def _hopeless(axes: Sequence[Axis], drafts: Sequence[_Draft]) -> Iterator[Problem]:
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


def _problem(draft: _Draft, axes: Sequence[Axis]) -> str:
    """Return why a point cannot run; empty if it can."""
    refused = [
        f"{axis.name}={shown(value)}: {draft.refused[axis.name]}"
        for axis, value in zip(axes, draft.values, strict=True)
        if axis.name in draft.refused
    ]
    return "; ".join(refused or map(str, _contradictions(draft.scenario)))


def _point(draft: _Draft, engine: str) -> Point:
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
