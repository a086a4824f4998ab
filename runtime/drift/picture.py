"""The picture of a series: its values, thinned where there are many, the beginning of the drift, every alarm."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from runtime.drift.evaluate import Evaluation
from runtime.drift.series import Series
from twin.chart import Chart, Line, Mark
from twin.model.drift import DAY, HOUR

_POINTS = 280
"""Columns of the picture; each shows the lowest, the mean and the highest of its values."""

_FLOOR = 0.06
"""Distance between the lines of two detectors' alarms, relative to the height of the values."""


def series_chart(
    series: Series, found: Sequence[Evaluation], *, title: str, label: str, drift_at: float | None
) -> Chart:
    """Return *series* with what each of *found* did in the first replication, which is the series shown."""
    start = series.times[0]
    band = _thinned(series)
    heights = [end for mark in band for end in (mark.low, mark.high) if end is not None]
    low, high = min(heights), max(heights)
    height = (high - low) or abs(high) or 1.0
    lines = [Line(label=label, marks=tuple(band))]
    if drift_at is not None:
        x = (drift_at - start) / HOUR / DAY
        lines.append(Line(label="drift begins", marks=(Mark(x=x, y=low), Mark(x=x, y=high))))
    for i, each in enumerate(found, start=1):
        days = [(time - start) / HOUR / DAY for time in _alarms(each)]
        marks = _alone(days, high + i * _FLOOR * height)
        lines.append(Line(label=_label(each), marks=marks, joined=False))
    return Chart(
        title=title,
        x_label="days",
        y_label=label,
        lines=tuple(lines),
        notes=("The band spans the lowest and the highest of neighbouring values; marks above it are alarms.",),
    )


def _label(each: Evaluation) -> str:
    count = len(_alarms(each))
    return f"{each.detector}: {count} alarm{'' if count == 1 else 's'}"


def _alarms(each: Evaluation) -> tuple[float, ...]:
    return each.watches[0].alarms


def _alone(places: Sequence[float], height: float) -> tuple[Mark, ...]:
    """Return marks that no line joins."""
    return tuple(mark for x in places for mark in (Mark(x=x, y=height), Mark(x=x, y=None)))


def _thinned(series: Series) -> list[Mark]:
    """Return means of neighbouring values with their extremes; a gap where no values are."""
    days = (series.times - series.times[0]) / HOUR / DAY
    if len(days) <= _POINTS or days[-1] <= 0:
        return [
            Mark(x=float(x), y=float(y), low=float(y), high=float(y)) for x, y in zip(days, series.values, strict=True)
        ]
    column = np.minimum((days / days[-1] * _POINTS).astype(np.int64), _POINTS - 1)
    width = float(days[-1]) / _POINTS
    marks = []
    for i in range(_POINTS):
        inside = series.values[column == i]
        x = (i + 0.5) * width
        if len(inside):
            low, high = float(inside.min()), float(inside.max())
            marks.append(Mark(x=x, y=float(inside.mean()), low=low, high=high))
        else:
            marks.append(Mark(x=x, y=None))
    return marks
