"""Statistics of simulation output: intervals over replications, the end of the warm-up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf, isfinite, nan, sqrt
from typing import Any

import numpy as np
from scipy import special

FloatArray = np.ndarray[Any, np.dtype[np.float64]]


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure with its confidence interval; NaN bounds where there is no interval."""

    value: float

    low: float = nan

    high: float = nan

    @property
    def half_width(self) -> float:
        """Half the width of the interval; infinite where there is none."""
        return (self.high - self.low) / 2 if isfinite(self.high - self.low) else inf

    @property
    def relative_half_width(self) -> float:
        """Half-width relative to the value; 0 where the value is surely 0."""
        if not self.half_width:
            return 0.0
        return self.half_width / abs(self.value) if self.value else inf

    def around(self, value: float) -> Estimate:
        """Return an interval as wide as this one around *value*."""
        half = (self.high - self.low) / 2
        return Estimate(value, value - half, value + half)


def over_replications(values: Sequence[float], confidence: float) -> Estimate:
    """Return the mean of independent *values* with Student's t interval; NaN values are left out.

    Source: A. M. Law, Simulation Modeling and Analysis, section 9.5 (replication/deletion).
    """
    sample = [value for value in values if isfinite(value)]
    if not sample:
        return Estimate(nan)
    mean = float(np.mean(sample))
    if len(sample) < 2:
        return Estimate(mean)
    quantile = float(special.stdtrit(len(sample) - 1, (1 + confidence) / 2))
    half = quantile * float(np.std(sample, ddof=1)) / sqrt(len(sample))
    return Estimate(mean, mean - half, mean + half)


def warm_up_length(series: FloatArray, *, batch: int = 5) -> int:
    """Return how many values at the start of *series* to leave out (MSER-5), at most half of them.

    Source: K. P. White, An effective truncation heuristic for bias reduction in simulation output (Simulation 69,
    1997); batches of five after White, Cobb and Spratt (WSC 2000).
    """
    count = len(series) // batch
    if count < 4:
        return 0
    means = series[: count * batch].reshape(count, batch).mean(axis=1)
    if np.ptp(means) <= 1e-9 * float(np.abs(means).max()):
        return 0  # nothing changes but the last digits
    means -= means.mean()  # so that the differences of squares below keep their digits
    # Sums over the tail that begins at each batch, from the back.
    remaining = np.arange(count, 0, -1)
    tail = np.cumsum(means[::-1])[::-1]
    squares = np.cumsum(means[::-1] ** 2)[::-1]
    errors = (squares - tail**2 / remaining) / remaining**2
    return int(np.argmin(errors[: count // 2])) * batch
