"""What varies in a sweep: ``name=low:high:step`` and ``name=a,b,c`` as axes with values."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from itertools import product
from math import prod
from pathlib import PurePath

from twin.errors import Problem, ScenarioError
from twin.formats.yaml_scalars import plain_scalar

Value = str | int | float | bool | None

TEXTS = ("plan", "override")
"""Axes whose values are names, even where they look like numbers."""

MOST_POINTS = 100_000
"""Points a sweep may have."""

_NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d{1,3})?"
_RANGE = re.compile(rf"({_NUMBER}):({_NUMBER}):({_NUMBER})")
_HALF_RANGE = re.compile(rf"{_NUMBER}:{_NUMBER}")
_WHOLE = re.compile(r"[-+]?\d+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Axis:
    """One thing that varies."""

    name: str

    values: tuple[Value, ...]

    @property
    def is_numeric(self) -> bool:
        """Whether all values are numbers."""
        return all(isinstance(value, int | float) and not isinstance(value, bool) for value in self.values)

    def label(self, value: Value) -> str:
        """Return *value* as a table shows it: of a plan the name of its file, if that tells it from the others."""
        names = [PurePath(str(one)).name for one in self.values]
        name = PurePath(str(value)).name
        return name if self.name == "plan" and names.count(name) == 1 else shown(value)


def axes_from(texts: Iterable[str]) -> tuple[Axis, ...]:
    """Read axes as a command line has them, such as ``arrival_rate=1:20:1`` or ``override=none,faas``.

    A range includes its end, within rounding. Raises ScenarioError with all problems at once.
    """
    problems: list[Problem] = []
    axes: list[Axis] = []
    for text in texts:
        name, equals, listed = text.partition("=")
        name = name.strip()
        if not equals or not name:
            problems.append(Problem(text, "write NAME=LOW:HIGH:STEP or NAME=VALUE,VALUE"))
            continue
        values, wrong = _values(name, listed)
        problems += wrong
        if any(axis.name == name for axis in axes):
            problems.append(Problem(name, "is given twice; write all its values behind one --over"))
        axes.append(Axis(name=name, values=tuple(values)))
    count = prod(len(axis.values) for axis in axes)
    if not problems and count > MOST_POINTS:
        problems.append(Problem("", f"{count} points; a sweep may have {MOST_POINTS}"))
    if problems:
        raise ScenarioError("the axes of the sweep", problems)
    return tuple(axes)


def combinations(axes: Iterable[Axis]) -> Iterator[tuple[Value, ...]]:
    """Yield the values of every point, the last axis varying fastest."""
    return product(*(axis.values for axis in axes))


def shown(value: Value) -> str:
    """Return *value* as a person writes it."""
    if value is None or isinstance(value, bool):
        return "null" if value is None else str(value).lower()
    return f"{value:.12g}" if isinstance(value, float) else str(value)


def _values(name: str, listed: str) -> tuple[list[Value], list[Problem]]:
    values: list[Value] = []
    problems: list[Problem] = []
    for item in (piece.strip() for piece in listed.split(",")):
        found = _item(name, item)
        if isinstance(found, Problem):
            problems.append(found)
            continue
        for value in found:
            if value in values and not problems:
                problems.append(Problem(name, f"{shown(value)} appears twice"))
            values.append(value)
    return values, problems


def _item(name: str, item: str) -> list[Value] | Problem:
    """Return the values that one piece between commas stands for."""
    if not item:
        return Problem(name, "a value is missing; write NAME=VALUE,VALUE without gaps")
    if name in TEXTS:
        return [item]
    parts = _RANGE.fullmatch(item)
    if parts:
        return _range(name, item, parts.groups())
    if _HALF_RANGE.fullmatch(item):
        return Problem(name, f"a range is LOW:HIGH:STEP, got {item}")
    return [plain_scalar(item)]


def _range(name: str, item: str, parts: tuple[str, ...]) -> list[Value] | Problem:
    low, high, step = (Decimal(part) for part in parts)
    if not step or (high - low) / step < 0:
        return Problem(name, f"the step does not lead from {parts[0]} to {parts[1]}, got {item}")
    # In decimals 0.1 + 0.2 is 0.3; a step such as 0.3333 may still end a hair's breadth short of the end.
    steps = int((high - low) / step + Decimal("1e-6"))
    if steps >= MOST_POINTS:
        return Problem(name, f"{item} has {steps + 1} values; a sweep may have {MOST_POINTS} points")
    whole = all(_WHOLE.fullmatch(part) for part in parts)
    numbers = [low + i * step for i in range(steps + 1)]
    return [int(number) if whole else float(number) for number in numbers]
