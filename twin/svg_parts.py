"""The parts of a picture as SVG: strokes, marks that can be told apart, words."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#444444")
"""Okabe and Ito's palette, which people see apart whatever their eyes, without the yellow."""

SHAPES = ("circle", "square", "diamond", "ring")

INK, GREY, GRID, LIMIT = "#222222", "#666666", "#e4e4e4", "#b00020"
FONT = "'DejaVu Sans', Verdana, Helvetica, sans-serif"

TEXT = 12
LETTER = 0.62 * TEXT
"""Room for one letter; sans-serif fonts are narrower on average."""


def colour_of(position: int) -> str:
    """Return the colour of a line."""
    return COLOURS[position % len(COLOURS)]


def shape_of(position: int, x: float, y: float) -> str:
    """Return the mark of a line: its shape tells lines apart where colours do not."""
    colour = colour_of(position)
    shape = SHAPES[position % len(SHAPES)]  # four shapes, seven colours: 28 pairs before one comes again
    if shape in ("circle", "ring"):
        inside = colour if shape == "circle" else "#ffffff"
        return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.6" fill="{inside}" stroke="{colour}" stroke-width="1.6"/>'
    around = {
        "square": [(-3.6, -3.6), (3.6, -3.6), (3.6, 3.6), (-3.6, 3.6)],
        "diamond": [(0, -5.2), (5.2, 0), (0, 5.2), (-5.2, 0)],
    }
    return polygon([(x + dx, y + dy) for dx, dy in around[shape]], colour)


def polygon(corners: Sequence[tuple[float, float]], colour: str, *, opacity: float = 1.0) -> str:
    """Return a filled polygon."""
    return f'<polygon points="{_places(corners)}" fill="{colour}" fill-opacity="{opacity:g}"/>'


def polyline(corners: Sequence[tuple[float, float]], colour: str) -> str:
    """Return a line with corners."""
    return f'<polyline points="{_places(corners)}" fill="none" stroke="{colour}" stroke-width="2"/>'


def _places(corners: Sequence[tuple[float, float]]) -> str:
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in corners)


def stroke(x1: float, y1: float, x2: float, y2: float, colour: str, width: float, *, dashed: bool = False) -> str:
    """Return a straight line."""
    dashes = ' stroke-dasharray="7 5"' if dashed else ""
    return (
        f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" '
        f'stroke="{colour}" stroke-width="{width:g}"{dashes}/>'
    )


def words_at(
    x: float,
    y: float,
    words: str,
    *,
    anchor: str = "middle",
    colour: str = INK,
    size: int = TEXT,
    weight: str = "normal",
) -> str:
    """Return *words* that begin, end or have their middle at a place."""
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{colour}" font-size="{size}" '
        f'font-weight="{weight}">{escape(words)}</text>'
    )


def shortened(words: str, room: int) -> str:
    """Return *words*, their middle left out where there is no room."""
    if len(words) <= room:
        return words
    half = max((room - 1) // 2, 1)
    return f"{words[:half]}…{words[-half:]}"
