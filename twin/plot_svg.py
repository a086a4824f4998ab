"""A line chart as SVG, written by hand: lines with intervals, limits, a legend, and room for every word."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from html import escape
from itertools import groupby, pairwise
from math import isfinite

from twin.chart import Chart, Line, Mark
from twin.plot_scales import Scale, is_spread, log_ticks, number, ticks
from twin.svg_parts import (
    FONT,
    GREY,
    GRID,
    LETTER,
    LIMIT,
    TEXT,
    colour_of,
    polygon,
    polyline,
    shape_of,
    shortened,
    stroke,
    words_at,
)

_PLOT_WIDTH, _PLOT_HEIGHT = 560.0, 340.0
_STEP = 20.0
"""Between two lines of text."""

_LONGEST = 46
"""Letters of a legend's entry that are shown; the whole of it appears under the pointer."""

_DENSE = 40
"""Points of a line from which on marks and bars would only blacken it; a band shows the intervals."""

_FAR = 3.0
"""A limit beyond so many times the largest value would squeeze everything else; it stands in the legend alone."""


def draw(chart: Chart) -> str:
    """Return *chart* as an SVG document."""
    return _Drawing(chart).svg()


class _Drawing:
    def __init__(self, chart: Chart) -> None:
        self.chart = chart
        self.limits = _in_sight(chart)
        self.is_dense = any(len(line.marks) > _DENSE and line.joined for line in chart.lines) and not chart.categories
        y_ticks, self.y_is_log = _y_ticks(chart, self.limits)
        widest = max(len(number(tick)) for tick in y_ticks)
        stacked = self._stacked()
        self.left = 48 + widest * LETTER
        self.top = 52.0 + (10.0 + 9.0 * stacked if stacked else 0.0)
        self.right, self.bottom = self.left + _PLOT_WIDTH, self.top + _PLOT_HEIGHT
        self.y = Scale(
            ticks=y_ticks, low=y_ticks[0], high=y_ticks[-1], start=self.bottom, end=self.top, logarithmic=self.y_is_log
        )
        self.x = self._x_scale()
        self.entries = list(self._legend_entries())
        longest = max((min(len(label), _LONGEST) for label, _ in self.entries), default=0)
        self.width = self.right + (52 + longest * LETTER if self.entries else 24)
        self.height = max(self.bottom + 56 + len(chart.notes) * _STEP + 8, self.top + len(self.entries) * _STEP + 16)

    def _stacked(self) -> int:
        """Return how many triangles stand above each other at most."""
        places = Counter(mark.x for line in self.chart.lines for mark in line.marks if mark.beyond)
        if self.chart.categories:  # there they stand side by side
            return min(len(places), 1)
        return max(places.values(), default=0)

    def _x_scale(self) -> Scale:
        if self.chart.categories:
            count = len(self.chart.categories)
            return Scale(
                ticks=[float(i) for i in range(count)], low=-0.5, high=count - 0.5, start=self.left, end=self.right
            )
        values = sorted({mark.x for line in self.chart.lines for mark in line.marks}) or [0.0]
        logarithmic = is_spread(values)
        nice = log_ticks(values[0], values[-1]) if logarithmic else ticks(values[0], values[-1], 9)
        own = len(values) <= 12 and _fit(values, values[0], values[-1])
        shown = values if own and not logarithmic else nice
        low, high = (nice[0], nice[-1]) if logarithmic else (values[0], values[-1])
        if not logarithmic:
            margin = 0.03 * ((high - low) or abs(high) or 1.0)
            low, high = low - margin, high + margin
        inside = [tick for tick in shown if low <= tick <= high]
        return Scale(ticks=inside, low=low, high=high, start=self.left, end=self.right, logarithmic=logarithmic)

    def _legend_entries(self) -> Iterator[tuple[str, str]]:
        """Yield the words and the drawing of each entry, the latter around the point (0, 0)."""
        for i, line in enumerate(self.chart.lines):
            if line.label:
                dash = "" if self.chart.categories or not line.joined else stroke(-12, 0, 12, 0, colour_of(i), 2)
                yield line.label, dash + shape_of(i, 0, 0)
        for label, _ in self.chart.limits:
            yield label, stroke(-12, 0, 12, 0, LIMIT, 1.5, dashed=True)
        if self._stacked():
            yield self.chart.beyond, polygon([(-5, 4), (5, 4), (0, -5)], GREY)

    def svg(self) -> str:
        """Put the picture together."""
        parts = [
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{self.width:.0f}" height="{self.height:.0f}" '
            f'viewBox="0 0 {self.width:.0f} {self.height:.0f}" font-family="{FONT}" font-size="{TEXT}" role="img">',
            f"<title>{escape(self.chart.title)}</title>",
            '<rect width="100%" height="100%" fill="#ffffff"/>',
            words_at(self.left, 26, shortened(self.chart.title, 80), size=15, anchor="start", weight="bold"),
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
            yield stroke(self.left, y, self.right, y, GRID, 1)
            yield words_at(self.left - 8, y + 4, number(tick), anchor="end")
        for tick in self.x.ticks:
            x = self.x.at(tick)
            yield stroke(x, self.bottom, x, self.bottom + 5, GREY, 1)
            yield words_at(x, self.bottom + 20, self._word(tick))
        yield stroke(self.left, self.bottom, self.right, self.bottom, GREY, 1)
        yield words_at((self.left + self.right) / 2, self.bottom + 44, self.chart.x_label)
        middle = (self.top + self.bottom) / 2
        label = words_at(0, 0, self.chart.y_label)
        yield f'<g transform="translate(18 {middle:.1f}) rotate(-90)">{label}</g>'

    def _word(self, tick: float) -> str:
        if not self.chart.categories:
            return number(tick)
        room = int(_PLOT_WIDTH / len(self.chart.categories) / LETTER)
        return shortened(self.chart.categories[int(tick)], max(room, 4))

    def _limit_lines(self) -> Iterator[str]:
        for _, value in self.limits:
            y = self.y.at(value)
            yield stroke(self.left, y, self.right, y, LIMIT, 1.5, dashed=True)

    def _line(self, position: int, line: Line) -> Iterator[str]:
        colour = colour_of(position)
        runs = [] if self.chart.categories else list(self._runs(line))
        for run in runs:
            if self.is_dense and all(mark.low is not None and mark.high is not None for mark in run):
                yield self._band(run, colour)
            if len(run) > 1 and line.joined:
                yield polyline([(self.x.at(mark.x), self.y.at(mark.y or 0.0)) for mark in run], colour)
        for mark in line.marks:
            is_alone = [mark] in runs
            if mark.y is not None and self._is_shown(mark) and (not self.is_dense or is_alone):
                x = self._x_of(position, mark)
                yield from self._bar(x + self._aside(position), mark, colour)
                yield shape_of(position, x, self.y.at(mark.y))

    def _runs(self, line: Line) -> Iterator[list[Mark]]:
        """Yield the pieces of a line between its gaps."""
        for is_shown, run in groupby(line.marks, self._is_shown):
            if is_shown:
                yield list(run)

    def _band(self, run: Sequence[Mark], colour: str) -> str:
        """Return the intervals of marks that lie too close for bars."""
        low = [(self.x.at(mark.x), self.y.within(mark.low or 0.0)) for mark in run]
        high = [(self.x.at(mark.x), self.y.within(mark.high or 0.0)) for mark in run]
        return polygon([*low, *reversed(high)], colour, opacity=0.18)

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
        low, high = (self.y.within(end) for end in (mark.low, mark.high))
        yield stroke(x, low, x, high, colour, 1.2)
        for end in (low, high):
            yield stroke(x - 4, end, x + 4, end, colour, 1.2)

    def _triangles(self) -> Iterator[str]:
        places: Counter[float] = Counter()
        for i, line in enumerate(self.chart.lines):
            for mark in line.marks:
                if mark.beyond:
                    x = self._x_of(i, mark)
                    y = self.top - 8 - 9 * places[x]
                    places[x] += 1
                    yield polygon([(x - 5, y + 3), (x + 5, y + 3), (x, y - 5)], colour_of(i))

    def _legend(self) -> Iterator[str]:
        for i, (label, drawing) in enumerate(self.entries):
            x, y = self.right + 28, self.top + 8 + i * _STEP
            yield f'<g transform="translate({x:.1f} {y:.1f})"><title>{escape(label)}</title>{drawing}</g>'
            yield words_at(x + 18, y + 4, shortened(label, _LONGEST), anchor="start")

    def _notes(self) -> Iterator[str]:
        for i, note in enumerate(self.chart.notes):
            yield words_at(self.left, self.bottom + 68 + i * _STEP, note, anchor="start", colour=GREY, size=11)


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
    if min(values) > 0 and is_spread(positive):
        return log_ticks(positive[0], max(values)), True
    return ticks(min(0.0, *values), max(*values, 0.0) or 1.0), False


def _fit(values: Sequence[float], low: float, high: float) -> bool:
    """Whether the numbers of all *values* have room beside each other."""
    places = [(value - low) / ((high - low) or 1.0) * _PLOT_WIDTH for value in values]
    widths = [len(number(value)) * LETTER for value in values]
    return all(
        b - a >= (wide + next_wide) / 2 + 6
        for (a, b), (wide, next_wide) in zip(pairwise(places), pairwise(widths), strict=True)
    )
