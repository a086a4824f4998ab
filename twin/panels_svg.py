"""Panels above each other on one axis of time, as SVG: courses, limits, and strips of what lasted or happened."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from itertools import groupby

from twin.plot_scales import Scale, is_spread, log_ticks, number, ticks
from twin.svg_parts import FONT, GREY, GRID, LIMIT, TEXT, colour_of, polygon, polyline, shortened, stroke, words_at

_LEFT, _WIDTH, _RIGHT = 190.0, 620.0, 40.0
_HEIGHT, _ROW, _GAP = 110.0, 20.0, 34.0
_LABEL = 24
"""Letters of a label that have room."""

_UNITS = (
    (3 * 86400.0, 86400.0, "days"),
    (2 * 3600.0, 3600.0, "hours"),
    (600.0, 60.0, "minutes"),
    (0.0, 1.0, "seconds"),
)
"""Length from which on a unit is used, its seconds, and its name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trail:
    """The course of a figure."""

    colour: int
    """Number of the colour; 0 is that of the first policy."""

    points: tuple[tuple[float, float | None], ...]
    """Second and value; None leaves a gap."""

    steps: bool = False
    """Whether a value holds until the next one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """Courses over one upright axis that begins at 0, or is logarithmic where values spread far."""

    label: str

    trails: tuple[Trail, ...]

    limits: tuple[float, ...] = ()

    counts: bool = False
    """Whether the values are whole numbers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What lasted, and what happened, on a line of its own."""

    label: str

    colour: int

    spans: tuple[tuple[float, float], ...] = ()
    """Begin and end of what lasted."""

    moments: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Strip:
    """Rows under one heading."""

    label: str

    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """All panels."""

    title: str

    horizon: float
    """Seconds."""

    names: tuple[str, ...]
    """What the colours mean, from number 0 on."""

    panels: tuple[Panel, ...]

    strip: Strip


def draw_panels(picture: Picture) -> str:
    """Return *picture* as an SVG document."""
    return _Panels(picture).svg()


class _Panels:
    def __init__(self, picture: Picture) -> None:
        self.picture = picture
        self.seconds, self.unit = next((s, name) for least, s, name in _UNITS if picture.horizon >= least)
        end = picture.horizon / self.seconds or 1.0
        self.x = Scale(ticks=_time_ticks(end), low=0.0, high=end, start=_LEFT, end=_LEFT + _WIDTH)
        self.top = 52.0 + _ROW * ((len(picture.names) + 1) // 2)
        self.strip_top = self.top + len(picture.panels) * (_HEIGHT + _GAP) + 16
        self.bottom = self.strip_top + _ROW * len(picture.strip.rows) + 6

    def svg(self) -> str:
        """Put the picture together."""
        width, height = _LEFT + _WIDTH + _RIGHT, self.bottom + 56
        parts = [
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}" '
            f'viewBox="0 0 {width:.0f} {height:.0f}" font-family="{FONT}" font-size="{TEXT}" role="img">',
            f"<title>{escape(self.picture.title)}</title>",
            '<rect width="100%" height="100%" fill="#ffffff"/>',
            words_at(24, 26, shortened(self.picture.title, 90), size=15, anchor="start", weight="bold"),
            *self._legend(),
            *(part for i, panel in enumerate(self.picture.panels) for part in self._panel(i, panel)),
            *self._strip(),
            *self._time(),
            "</svg>",
        ]
        return "\n".join(parts) + "\n"

    def _legend(self) -> Iterator[str]:
        for i, name in enumerate(self.picture.names):
            x, y = 24 + (i % 2) * (_LEFT + _WIDTH) / 2, 50 + _ROW * (i // 2)
            yield f"<g><title>{escape(name)}</title>{stroke(x, y - 4, x + 24, y - 4, colour_of(i), 3)}</g>"
            yield words_at(x + 32, y, shortened(name, 48), anchor="start")

    def _panel(self, position: int, panel: Panel) -> Iterator[str]:
        top = self.top + position * (_HEIGHT + _GAP) + 12
        values = [value for trail in panel.trails for _, value in trail.points if value is not None]
        near = [limit for limit in panel.limits if values and limit <= 3 * max(values)]
        y = _upright(sorted(values), near, top, counts=panel.counts)
        yield words_at(24, top + 6, shortened(panel.label, _LABEL), anchor="start", weight="bold")
        for tick in y.ticks:
            yield stroke(_LEFT, y.at(tick), _LEFT + _WIDTH, y.at(tick), GRID, 1)
            yield words_at(_LEFT - 8, y.at(tick) + 4, number(tick), anchor="end", size=11)
        for limit in near:
            yield stroke(_LEFT, y.at(limit), _LEFT + _WIDTH, y.at(limit), LIMIT, 1.2, dashed=True)
        for order, trail in enumerate(panel.trails):
            for corners in self._corners(trail, y):
                # Courses that coincide stay visible: each lies a pixel above the one before.
                yield polyline([(a, b - (order if trail.steps else 0)) for a, b in corners], colour_of(trail.colour))

    def _corners(self, trail: Trail, y: Scale) -> Iterator[list[tuple[float, float]]]:
        for is_known, run in groupby(trail.points, lambda point: point[1] is not None):
            if not is_known:
                continue
            corners: list[tuple[float, float]] = []
            for time, value in run:
                x, height = self.x.at(time / self.seconds), y.within(value or 0.0)
                if trail.steps and corners:
                    corners.append((x, corners[-1][1]))
                corners.append((x, height))
            yield corners

    def _strip(self) -> Iterator[str]:
        strip = self.picture.strip
        yield words_at(24, self.strip_top - 4, strip.label, anchor="start", weight="bold")
        for i, row in enumerate(strip.rows):
            middle = self.strip_top + _ROW * (i + 0.5) + 4
            yield words_at(_LEFT - 8, middle + 4, shortened(row.label, _LABEL), anchor="end", size=11)
            yield stroke(_LEFT, middle, _LEFT + _WIDTH, middle, GRID, 1)
            for begin, end in row.spans:
                left, right = self.x.within(begin / self.seconds), self.x.within(end / self.seconds)
                yield stroke(left, middle + 4, max(right, left + 1), middle + 4, LIMIT, 5)
            for moment in row.moments:
                x = self.x.within(moment / self.seconds)
                yield polygon([(x - 4, middle - 8), (x + 4, middle - 8), (x, middle)], colour_of(row.colour))

    def _time(self) -> Iterator[str]:
        yield stroke(_LEFT, self.bottom, _LEFT + _WIDTH, self.bottom, GREY, 1)
        for tick in self.x.ticks:
            x = self.x.at(tick)
            yield stroke(x, self.bottom, x, self.bottom + 5, GREY, 1)
            yield words_at(x, self.bottom + 20, number(tick))
        yield words_at(_LEFT + _WIDTH / 2, self.bottom + 42, self.unit)


def _time_ticks(end: float) -> list[float]:
    """Return the marks of the axis of time: every so many units, as clocks and calendars have them."""
    for step in (1.0, 2.0, 3.0, 4.0, 6.0, 12.0, 24.0):
        if 3 <= end / step <= 12:
            return [i * step for i in range(int(end / step + 1e-9) + 1)]
    return [tick for tick in ticks(0.0, end, 9) if tick <= end * (1 + 1e-9)]


def _upright(values: Sequence[float], limits: Sequence[float], top: float, *, counts: bool) -> Scale:
    """Return the upright scale for *values*, which are in order."""
    highest = max((*values, *limits), default=1.0) or 1.0
    logarithmic = is_spread(values) and not counts
    marks = log_ticks(values[0], highest) if logarithmic else ticks(0.0, highest, 5)
    if counts:
        marks = [mark for mark in marks if mark == int(mark)]
    return Scale(ticks=marks, low=marks[0], high=marks[-1], start=top + _HEIGHT, end=top, logarithmic=logarithmic)
