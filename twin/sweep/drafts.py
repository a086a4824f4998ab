"""The scenario of a sweep with the values of one point put in, as far as that is possible."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from twin.commands.options import changed
from twin.errors import ScenarioError, TwinError
from twin.formats.reading import Loaded, read_scenario, scenario_form
from twin.model.scenario import Scenario
from twin.sweep.axes import Axis, Value, shown
from twin.sweep.changes import changed_by, turn

NO_OVERRIDE = "none"
"""Value of an ``override`` axis that stands for the scenario as it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Base:
    """What all points have in common: where the scenario comes from, and the settings of its run."""

    path: Path

    override: str | None = None

    arrival_rate: float | None = None
    """Requests/s of all sources together."""

    plan: Path | None = None

    dialect: str = "auto"

    profiles: tuple[Path, ...] = ()

    settings: Mapping[str, object] = field(default_factory=dict)
    """Settings of the run; None leaves that of the scenario."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A scenario with the values of one point, as far as they could be put in."""

    values: tuple[Value, ...]

    scenario: Scenario

    refused: Mapping[str, str]
    """Axis → why its value could not be."""


class Reader:
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

    def draft(self, values: tuple[Value, ...]) -> Draft:
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
        return Draft(values=values, scenario=scenario, refused=refused)

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
