"""The units of AI-SPRINT files, which the files themselves do not state: *dialects*.

``kb`` takes Bandwidth as kb/s and data sizes as kB (what OSCAR-P measures), ``mb`` as Mb/s and MB; ``s`` takes the
thresholds of constraints as seconds (what all tools do), ``ms`` as milliseconds (what the annotations' text says). A
dialect is one word of each pair, joined by a comma, such as ``kb,s``; whatever is left out is ``auto``.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from math import isfinite
from typing import NamedTuple

from twin.errors import ScenarioError, did_you_mean

KILO_FROM = 5000.0
"""A bandwidth from here on is taken for kb/s: links of 5 Gb/s are rarer in these files than links of 5 Mb/s."""

_WORDS = {"auto": "auto", "kb": "data", "mb": "data", "s": "time", "ms": "time"}


class Units(NamedTuple):
    """How numbers of the files become megabits, megabytes and seconds."""

    kilo: bool
    """Whether bandwidths and data sizes are in kilobits and kilobytes."""

    milliseconds: bool = False

    def mega(self, value: float) -> float:
        """Return megabits or megabytes."""
        return scaled(value, -3) if self.kilo else value

    def from_mega(self, value: float) -> float:
        """Return the number that stands for *value* megabits or megabytes in a file."""
        return scaled(value, 3) if self.kilo else value

    def seconds(self, threshold: float) -> float:
        """Return the seconds of a threshold."""
        return scaled(threshold, -3) if self.milliseconds else threshold


def units_of(dialect: str, bandwidths: Iterable[float]) -> tuple[Units, tuple[str, ...]]:
    """Return the units of *dialect*, and notes on what had to be guessed; ScenarioError if it is none."""
    chosen = _words(dialect)
    found = sorted(set(bandwidths))
    notes: list[str] = []
    kilo = chosen.get("data") == "kb"
    if "data" not in chosen and found:
        kilo = found[-1] >= KILO_FROM
        units = "kb/s and data sizes as kB" if kilo else "Mb/s and data sizes as MB"
        other = "mb" if kilo else "kb"
        largest = f"the largest is {found[-1]:g}, {'at least' if kilo else 'below'} {KILO_FROM:g}"
        notes.append(f"bandwidths are read as {units} ({largest}); dialect {other!r} reads them otherwise")
    return Units(kilo=kilo, milliseconds=chosen.get("time") == "ms"), tuple(notes)


def writing_units(bandwidths: Iterable[float]) -> Units:
    """Return the units in which bandwidths (Mbit/s) are written so that they are read again as what they are."""
    found = list(bandwidths)
    return Units(kilo=not found or scaled(max(found), 3) >= KILO_FROM)


def scaled(value: float, power: int) -> float:
    """Return ``value * 10**power`` as in decimal notation, so that there and back gives the same number."""
    return float(Decimal(repr(value)).scaleb(power)) if isfinite(value) else value


def _words(dialect: str) -> dict[str, str]:
    chosen: dict[str, str] = {}
    for word in (part.strip() for part in dialect.split(",")):
        if word not in _WORDS:
            raise ScenarioError(f"unknown dialect {word!r}{did_you_mean(word, _WORDS)}; such as 'kb,s'")
        kind = _WORDS[word]
        if chosen.setdefault(kind, word) != word:
            raise ScenarioError(f"dialect {dialect!r} asks for both {chosen[kind]!r} and {word!r}; give one")
    return chosen
