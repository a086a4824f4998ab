"""A line chart as SVG, written by hand: lines with intervals, limits, a legend, and room for every word."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from html import escape
from itertools import pairwise
from math import ceil, floor, isfinite, log10

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#444444")
"""Okabe and Ito's palette, which people see apart whatever their eyes, without the yellow."""

SHAPES = ("circle", "square", "diamond", "ring")

INK, GREY, GRID, LIMIT = "#222222", "#666666", "#e4e4e4", "#b00020"
FONT = "'DejaVu Sans', Verdana, Helvetica, sans-serif"

_TEXT = 12
_LETTER = 0.62 * _TEXT
"""Room for one letter; sans-serif fonts are narrower on average."""

_PLOT_WIDTH, _PLOT_HEIGHT = 560.0, 340.0
_STEP = 20.0
"""Between two lines of text."""

_LONGEST = 46
"""Letters of a legend's entry that are shown; the whole of it appears under the pointer."""

_FAR = 3.0
"""A limit beyond so many times the largest value would squeeze everything else; it stands in the legend alone."""


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


def draw(chart: Chart) -> str:
    """Return *chart* as an SVG document."""
    return _Drawing(chart).svg()


def ticks(low: float, high: float, most: int = 7) -> list[float]:
    """Return round numbers from at most *low* to at least *high*, about *most* of them."""
    span = (high - low) or abs(high) or 1.0
    rough = span / max(most - 1, 1)
    size = 10.0 ** floor(log10(rough))
    step = next(factor * size for factor in (1, 2, 5, 10) if factor * size >= rough * 0.999)
    return [i * step for i in range(floor(low / step + 1e-9), ceil(high / step - 1e-9) + 1)]


def log_ticks(low: float, high: float) -> list[float]:
    """Return 1, 2, 5, 10, … from at most *low* to at least *high*, powers of ten alone over many decades."""
    first, last = floor(log10(low) + 1e-9), ceil(log10(high) - 1e-9)
    factors = (1, 2, 5) if last - first <= 3 else (1,)
    every = [float(f"{factor}e{power}") for power in range(first, last + 1) for factor in factors]
    start = max((i for i, tick in enumerate(every) if tick <= low * (1 + 1e-9)), default=0)
    end = min((i for i, tick in enumerate(every) if tick >= high * (1 - 1e-9)), default=len(every) - 1)
    return every[start : max(end, start + 1) + 1]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Scale:
    """Where numbers lie on an axis."""

    ticks: list[float]

    low: float

    high: float

    start: float
    """Coordinate of *low*."""

    end: float

    logarithmic: bool = False

    def at(self, value: float) -> float:
        """Return the coordinate of *value*."""
        turned: Callable[[float], float] = log10 if self.logarithmic else float
        share = (turned(value) - turned(self.low)) / ((turned(self.high) - turned(self.low)) or 1.0)
        return self.start + share * (self.end - self.start)


class _Drawing:
    def __init__(self, chart: Chart) -> None:
        self.chart = chart
        self.limits = _in_sight(chart)
        y_ticks, self.y_is_log = _y_ticks(chart, self.limits)
        widest = max(len(number(tick)) for tick in y_ticks)
        stacked = self._stacked()
        self.left = 48 + widest * _LETTER
        self.top = 52.0 + (10.0 + 9.0 * stacked if stacked else 0.0)
        self.right, self.bottom = self.left + _PLOT_WIDTH, self.top + _PLOT_HEIGHT
        self.y = _Scale(
            ticks=y_ticks, low=y_ticks[0], high=y_ticks[-1], start=self.bottom, end=self.top, logarithmic=self.y_is_log
        )
        self.x = self._x_scale()
        self.entries = list(self._legend_entries())
        longest = max((min(len(label), _LONGEST) for label, _ in self.entries), default=0)
        self.width = self.right + (52 + longest * _LETTER if self.entries else 24)
        self.height = max(self.bottom + 56 + len(chart.notes) * _STEP + 8, self.top + len(self.entries) * _STEP + 16)

    def _stacked(self) -> int:
        """Return how many triangles stand above each other at most."""
        places = [mark.x for line in self.chart.lines for mark in line.marks if mark.beyond]
        if self.chart.categories:  # there they stand side by side
            return min(len(places), 1)
        return max((places.count(x) for x in places), default=0)

    def _x_scale(self) -> _Scale:
        if self.chart.categories:
            count = len(self.chart.categories)
            return _Scale(
                ticks=[float(i) for i in range(count)], low=-0.5, high=count - 0.5, start=self.left, end=self.right
            )
        values = sorted({mark.x for line in self.chart.lines for mark in line.marks}) or [0.0]
        logarithmic = _is_spread(values)
        nice = log_ticks(values[0], values[-1]) if logarithmic else ticks(values[0], values[-1], 9)
        own = len(values) <= 12 and _fit(values, values[0], values[-1])
        shown = values if own and not logarithmic else nice
        low, high = (nice[0], nice[-1]) if logarithmic else (values[0], values[-1])
        if not logarithmic:
            margin = 0.03 * ((high - low) or abs(high) or 1.0)
            low, high = low - margin, high + margin
        inside = [tick for tick in shown if low <= tick <= high]
        return _Scale(ticks=inside, low=low, high=high, start=self.left, end=self.right, logarithmic=logarithmic)

    def _legend_entries(self) -> Iterator[tuple[str, str]]:
        """Yield the words and the drawing of each entry, the latter around the point (0, 0)."""
        for i, line in enumerate(self.chart.lines):
            if line.label:
                stroke = "" if self.chart.categories else _stroke(-12, 0, 12, 0, _colour(i), 2)
                yield line.label, stroke + _shape(i, 0, 0)
        for label, _ in self.chart.limits:
            yield label, _stroke(-12, 0, 12, 0, LIMIT, 1.5, dashed=True)
        if self._stacked():
            yield self.chart.beyond, _polygon([(-5, 4), (5, 4), (0, -5)], GREY)

    def svg(self) -> str:
        """Put the picture together."""
        parts = [
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{self.width:.0f}" height="{self.height:.0f}" '
            f'viewBox="0 0 {self.width:.0f} {self.height:.0f}" font-family="{FONT}" font-size="{_TEXT}" role="img">',
            f"<title>{escape(self.chart.title)}</title>",
            '<rect width="100%" height="100%" fill="#ffffff"/>',
            _text(self.left, 26, _short(self.chart.title, 80), size=15, anchor="start", weight="bold"),
            *self._axes(),
            *self._limit_lines(),
            *(part for i, line in enumerate(self.chart.lines) for part in self._line(i, line)),
            *self._triangles(),
            *self._legend(),
            *self._notes(),
            "</svg>",
        ]
        return "\n".join(part for part in parts if part) + "\n"

    def _axes(self) -> Iterator[str]:
        for tick in self.y.ticks:
            y = self.y.at(tick)
            yield _stroke(self.left, y, self.right, y, GRID, 1)
            yield _text(self.left - 8, y + 4, number(tick), anchor="end")
        for tick in self.x.ticks:
            x = self.x.at(tick)
            yield _stroke(x, self.bottom, x, self.bottom + 5, GREY, 1)
            yield _text(x, self.bottom + 20, self._word(tick))
        yield _stroke(self.left, self.bottom, self.right, self.bottom, GREY, 1)
        yield _text((self.left + self.right) / 2, self.bottom + 44, self.chart.x_label)
        middle = (self.top + self.bottom) / 2
        label = _text(0, 0, self.chart.y_label)
        yield f'<g transform="translate(18 {middle:.1f}) rotate(-90)">{label}</g>'

    def _word(self, tick: float) -> str:
        if not self.chart.categories:
            return number(tick)
        room = int(_PLOT_WIDTH / len(self.chart.categories) / _LETTER)
        return _short(self.chart.categories[int(tick)], max(room, 4))

    def _limit_lines(self) -> Iterator[str]:
        for _, value in self.limits:
            y = self.y.at(value)
            yield _stroke(self.left, y, self.right, y, LIMIT, 1.5, dashed=True)

    def _line(self, position: int, line: Line) -> Iterator[str]:
        colour = _colour(position)
        known = [(self._x_of(position, mark), mark) for mark in line.marks if self._is_shown(mark)]
        numbers = {id(mark): i for i, mark in enumerate(line.marks)}
        for (x, mark), (next_x, following) in pairwise(known):
            joined = numbers[id(following)] == numbers[id(mark)] + 1 and not self.chart.categories
            if joined:
                yield _stroke(x, self.y.at(mark.y or 0.0), next_x, self.y.at(following.y or 0.0), colour, 2)
        for x, mark in known:
            yield from self._bar(x + self._aside(position), mark, colour)
            yield _shape(position, x, self.y.at(mark.y or 0.0))

    def _is_shown(self, mark: Mark) -> bool:
        return mark.y is not None and (mark.y > 0 or not self.y_is_log)

    def _x_of(self, position: int, mark: Mark) -> float:
        """Return where a mark stands; those of a category stand side by side."""
        if not self.chart.categories:
            return self.x.at(mark.x)
        count = len(self.chart.lines)
        return self.x.at(mark.x + (position - (count - 1) / 2) * min(0.6 / count, 0.15))

    def _aside(self, position: int) -> float:
        """Return how far the bar of a line is moved so as not to hide those of the others."""
        count = len(self.chart.lines)
        return 0.0 if self.chart.categories else (position - (count - 1) / 2) * min(2.5, 16 / count)

    def _bar(self, x: float, mark: Mark, colour: str) -> Iterator[str]:
        if mark.low is None or mark.high is None:
            return
        low, high = (self.y.at(min(max(end, self.y.low), self.y.high)) for end in (mark.low, mark.high))
        yield _stroke(x, low, x, high, colour, 1.2)
        for end in (low, high):
            yield _stroke(x - 4, end, x + 4, end, colour, 1.2)

    def _triangles(self) -> Iterator[str]:
        places: list[float] = []
        for i, line in enumerate(self.chart.lines):
            for mark in line.marks:
                if mark.beyond:
                    x = self._x_of(i, mark)
                    y = self.top - 8 - 9 * places.count(x)
                    places.append(x)
                    yield _polygon([(x - 5, y + 3), (x + 5, y + 3), (x, y - 5)], _colour(i))

    def _legend(self) -> Iterator[str]:
        for i, (label, drawing) in enumerate(self.entries):
            x, y = self.right + 28, self.top + 8 + i * _STEP
            yield f'<g transform="translate({x:.1f} {y:.1f})"><title>{escape(label)}</title>{drawing}</g>'
            yield _text(x + 18, y + 4, _short(label, _LONGEST), anchor="start")

    def _notes(self) -> Iterator[str]:
        for i, note in enumerate(self.chart.notes):
            yield _text(self.left, self.bottom + 68 + i * _STEP, note, anchor="start", colour=GREY, size=11)


def number(value: float) -> str:
    """Return *value* as an axis shows it."""
    return f"{value:.6g}" if value else "0"


def _in_sight(chart: Chart) -> list[tuple[str, float]]:
    """Return the limits that lie near what is drawn."""
    top = max(_heights(chart), default=None)
    return [(label, value) for label, value in chart.limits if top is None or value <= _FAR * top]


def _heights(chart: Chart) -> list[float]:
    ends = [end for line in chart.lines for mark in line.marks for end in (mark.y, mark.high) if mark.y is not None]
    return [end for end in ends if end is not None and isfinite(end)]


def _y_ticks(chart: Chart, limits: Sequence[tuple[str, float]]) -> tuple[list[float], bool]:
    """Return the ticks of the upright axis and whether it is logarithmic: where most values would lie on the floor."""
    values = _heights(chart) + [1.03 * value for _, value in limits]
    if not values:
        return ticks(0.0, 1.0), False
    positive = sorted(mark.y for line in chart.lines for mark in line.marks if mark.y is not None and mark.y > 0)
    if min(values) > 0 and _is_spread(positive):
        return log_ticks(positive[0], max(values)), True
    return ticks(min(0.0, *values), max(*values, 0.0) or 1.0), False


def _is_spread(values: Sequence[float]) -> bool:
    """Whether *values*, in order, ask for a logarithmic axis."""
    if len(values) < 3 or values[0] <= 0 or values[-1] < 30 * values[0]:
        return False
    return values[len(values) // 2] < values[-1] / 4


def _fit(values: Sequence[float], low: float, high: float) -> bool:
    """Whether the numbers of all *values* have room beside each other."""
    places = [(value - low) / ((high - low) or 1.0) * _PLOT_WIDTH for value in values]
    widths = [len(number(value)) * _LETTER for value in values]
    return all(
        b - a >= (wide + next_wide) / 2 + 6
        for (a, b), (wide, next_wide) in zip(pairwise(places), pairwise(widths), strict=True)
    )


def _colour(position: int) -> str:
    return COLOURS[position % len(COLOURS)]


def _shape(position: int, x: float, y: float) -> str:
    """Return the mark of a line: its shape tells lines apart where colours do not."""
    colour = _colour(position)
    shape = SHAPES[position % len(SHAPES)]  # four shapes, seven colours: 28 pairs before one comes again
    if shape in ("circle", "ring"):
        inside = colour if shape == "circle" else "#ffffff"
        return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.6" fill="{inside}" stroke="{colour}" stroke-width="1.6"/>'
    around = {
        "square": [(-3.6, -3.6), (3.6, -3.6), (3.6, 3.6), (-3.6, 3.6)],
        "diamond": [(0, -5.2), (5.2, 0), (0, 5.2), (-5.2, 0)],
    }
    return _polygon([(x + dx, y + dy) for dx, dy in around[shape]], colour)


def _polygon(corners: Sequence[tuple[float, float]], colour: str) -> str:
    places = " ".join(f"{x:.1f},{y:.1f}" for x, y in corners)
    return f'<polygon points="{places}" fill="{colour}"/>'


def _stroke(x1: float, y1: float, x2: float, y2: float, colour: str, width: float, *, dashed: bool = False) -> str:
    dashes = ' stroke-dasharray="7 5"' if dashed else ""
    return (
        f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" '
        f'stroke="{colour}" stroke-width="{width:g}"{dashes}/>'
    )


def _text(
    x: float,
    y: float,
    words: str,
    *,
    anchor: str = "middle",
    colour: str = INK,
    size: int = _TEXT,
    weight: str = "normal",
) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{colour}" font-size="{size}" '
        f'font-weight="{weight}">{escape(words)}</text>'
    )


def _short(words: str, room: int) -> str:
    """Return *words*, their middle left out where there is no room."""
    if len(words) <= room:
        return words
    half = max((room - 1) // 2, 1)
    return f"{words[:half]}…{words[-half:]}"
