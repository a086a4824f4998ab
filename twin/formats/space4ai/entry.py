"""A value of a SPACE4AI file together with the path that leads to it, so that a wrong one can be named.

Nothing here raises: a fault is noted and a harmless value goes on, so that one pass finds all faults of a file.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from twin.errors import Problem, did_you_mean
from twin.model.base import LARGEST

_ABSENT = object()


@dataclass(slots=True)
class Findings:
    """What is wrong with a file, and what was put right on reading it; each thing once."""

    _problems: dict[Problem, None] = field(default_factory=dict)

    _notes: dict[str, None] = field(default_factory=dict)

    marks: set[str] = field(default_factory=set)
    """Features that date the file."""

    @property
    def problems(self) -> list[Problem]:
        """What is wrong, in the order found."""
        return list(self._problems)

    @property
    def notes(self) -> tuple[str, ...]:
        """What was put right, in the order found."""
        return tuple(self._notes)

    def problem(self, where: str, message: str) -> None:
        """Keep a fault."""
        self._problems[Problem(where, message)] = None

    def note(self, text: str, *, mark: str = "") -> None:
        """Keep what was put right, and the feature that dates the file."""
        self._notes[text] = None
        self.marks.add(mark)


@dataclass(frozen=True, slots=True)
class Entry:
    """One value and its path."""

    value: object

    where: str

    findings: Findings

    def problem(self, message: str) -> None:
        """Keep a fault at this place."""
        self.findings.problem(self.where, message)

    @property
    def is_absent(self) -> bool:
        """Whether the file has no such key; that was noted when it was asked for."""
        return self.value is _ABSENT

    def has(self, key: str) -> bool:
        """Say whether this is an object with *key*."""
        return isinstance(self.value, Mapping) and key in self.value

    def child(self, key: str, otherwise: object = _ABSENT) -> Entry:
        """Return the value at *key*, or *otherwise* if it is absent or null; without that the key is required."""
        where = f"{self.where}.{key}" if self.where else key
        if self.is_absent:
            return Entry(_ABSENT, where, self.findings)
        if not isinstance(self.value, Mapping):
            self._must_be("an object {...}")
            return Entry(_ABSENT, where, self.findings)
        if key in self.value and (self.value[key] is not None or otherwise is _ABSENT):
            return Entry(self.value[key], where, self.findings)
        if otherwise is _ABSENT:
            self.findings.problem(where, "is missing")
        return Entry(otherwise, where, self.findings)

    def entries(self) -> list[tuple[str, Entry]]:
        """Return keys and values of an object."""
        if self.is_absent:
            return []
        if not isinstance(self.value, Mapping):
            self._must_be("an object {...}")
            return []
        prefix = f"{self.where}." if self.where else ""
        return [(str(key), Entry(value, f"{prefix}{key}", self.findings)) for key, value in self.value.items()]

    def items(self) -> list[Entry]:
        """Return the values of a list; a value alone is a list of one, and ``""`` an empty one, as in 2021 and 2022."""
        if self.is_absent:
            return []
        values = self.value if isinstance(self.value, list) else [] if self.value == "" else [self.value]
        return [Entry(value, f"{self.where}.{i}", self.findings) for i, value in enumerate(values)]

    def number(self, *, low: float = 0.0, above: bool = False, high: float = LARGEST, fallback: float = 1.0) -> float:
        """Return a number from *low* (excluded if *above*) to *high*; text that holds one will do, as in the tools."""
        if self.is_absent:
            return fallback
        found = as_number(self.value)
        if found is None or math.isnan(found) or math.isinf(found):
            self._must_be("a finite number")
        elif found < low or (above and found == low):
            self.problem(f"must be {'above' if above else 'at least'} {low:g}, got {found:g}")
        elif found > high:
            self.problem(f"must be at most {high:g}, got {found:g}")
        else:
            return found
        return fallback

    def count(self) -> int:
        """Return a whole number from 1."""
        found = self.number(low=1, high=10**9)
        if found != int(found):
            self.problem(f"must be a whole number, got {found:g}")
        return int(found)

    def limit(self) -> float | None:
        """Return a positive number of seconds; None for what the tools write where there is no limit."""
        found = as_number(self.value)
        if self.value is None or (found is not None and found >= LARGEST):
            return None
        return self.number(above=True)

    def text(self) -> str:
        """Return a text that is not empty."""
        if self.is_absent:
            return ""
        if not isinstance(self.value, str) or not self.value:
            self._must_be("a name")
            return ""
        return self.value

    def known(self, what: str, names: Mapping[str, object]) -> str:
        """Return a text that is one of *names*; whatever else it is, it is noted."""
        return self.text() if self.text() == "" else self.known_key(self.text(), what, names)

    def known_key(self, key: str, what: str, names: Mapping[str, object]) -> str:
        """Return *key* if it is one of *names*, else note it at this place and return nothing."""
        if key in names:
            return key
        self.problem(f"unknown {what} {key!r}{did_you_mean(key, names)}")
        return ""

    def _must_be(self, what: str) -> None:
        self.problem(f"must be {what}, got {_shown(self.value)}")


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def as_number(value: object) -> float | None:
    """Return *value* as a number, infinite and NaN included; None for what is none."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        return float(value)
    except OverflowError:
        return math.inf
    except ValueError:
        return None
