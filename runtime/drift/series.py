"""A recorded or synthetic series of one field of one metric."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

import numpy as np
from numpy.typing import NDArray

from twin.model.drift import HOUR

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Series:
    """Values in the order of their times; missing ones are left out."""

    times: FloatArray
    """Seconds, not decreasing."""

    values: FloatArray

    missing: int = 0
    """Rows that had a time and no value."""

    def between(self, start: float, end: float) -> FloatArray:
        """Return the values with start < time <= end."""
        first, last = np.searchsorted(self.times, [start, end], side="right")
        return self.values[first:last]

    @property
    def start(self) -> float:
        """Just before the first time, as `between` leaves out its start."""
        return float(np.nextafter(self.times[0], -np.inf))

    @property
    def end(self) -> float:
        """The last time."""
        return float(self.times[-1])


def remarks(series: Series, window_hours: float) -> list[str]:
    """Return what a user should know about *series* before they trust a detector on it."""
    found = []
    if series.missing:
        found.append(f"{series.missing} rows have no value and are left out")
    steps = np.diff(series.times)
    equal = int((steps == 0).sum())
    if equal:
        found.append(f"{equal} values share their time with the one before; all of them count")
    gaps = int((steps > window_hours * HOUR).sum())
    if gaps:
        found.append(f"{gaps} gaps are longer than the window of {window_hours:g} h; nothing is seen in them")
    if np.ptp(series.values) == 0:
        found.append(f"every value is {series.values[0]:g}: no drift can be found in a constant")
    resemblance = neighbour_correlation(series.values)
    if abs(resemblance) > max(4 / sqrt(len(series.values)), 0.1):
        found.append(
            f"neighbours resemble each other (correlation {resemblance:.2f}): the detectors assume independent values, "
            "so false alarms are more frequent than stated; take means over longer times"
        )
    return found


def neighbour_correlation(values: FloatArray) -> float:
    """Return the correlation of neighbours from their differences, which a change of the mean hardly touches.

    It is 1 - (mean squared difference) / (2 variance within blocks of 20); 0 for constants and short series.
    """
    blocks = len(values) // 20
    if blocks < 2:
        return 0.0
    table = values[: blocks * 20].reshape(blocks, 20)
    centred = table - table.mean(axis=1, keepdims=True)
    squares = float((centred**2).sum())
    if squares <= 0:
        return 0.0
    # The mean of a block takes away about 1/20 of the product of neighbours.
    return float((centred[:, :-1] * centred[:, 1:]).sum() / squares * 20 / 19 + 1 / 20)
