"""A line chart as values: lines of marks with intervals, limits, words."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """One point of a line."""

    x: float

    y: float | None
    """None where there is no value: the line has a gap."""

    low: float | None = None

    high: float | None = None

    beyond: bool = False
    """Whether the value grows without bound; a triangle above the picture says so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """What belongs together."""

    label: str

    marks: tuple[Mark, ...]

    joined: bool = True
    """Whether lines lead the eye from mark to mark."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """A picture to draw."""

    title: str

    x_label: str

    y_label: str

    lines: tuple[Line, ...]

    limits: tuple[tuple[str, float], ...] = ()
    """Label and height of dashed lines."""

    categories: tuple[str, ...] = ()
    """Words that stand for x = 0, 1, 2, …; then the marks of a line are not joined."""

    notes: tuple[str, ...] = ()
    """Lines of small print below."""

    beyond: str = "grows without bound"
    """What a triangle above the picture means."""
