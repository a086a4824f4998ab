"""Summaries that grow with the run in what they know, not in what they need: counts, means, variances, batches."""

from __future__ import annotations

import numpy as np

from twin.batches import MOST_BATCHES, Batches
from twin.engines.trajectory import FloatArray
from twin.sketch import IntArray, Sketches

MOST_WITH_BATCHES = 256
"""Series up to which all of them have batches: 8 kB each."""


class RunningBatches:
    """Batches of several series, all of the same length: whenever there are too many, neighbours are joined."""

    def __init__(self, series: int) -> None:
        self.length = 1
        self.counts = np.zeros((series, MOST_BATCHES))
        self.sums = np.zeros((series, MOST_BATCHES))

    def add(self, series: IntArray, places: FloatArray, values: FloatArray) -> None:
        """Add *values* of requests whose *places* count from the first one."""
        if not len(places):
            return
        while places.max() >= MOST_BATCHES * self.length:
            self._join()
        flat = series * MOST_BATCHES + (places // self.length).astype(np.int64)
        size = self.counts.size
        self.counts += np.bincount(flat, minlength=size).reshape(self.counts.shape)
        self.sums += np.bincount(flat, weights=values, minlength=size).reshape(self.sums.shape)

    def _join(self) -> None:
        self.length *= 2
        for table in (self.counts, self.sums):
            half = table.shape[1] // 2
            table[:, :half] = table[:, ::2] + table[:, 1::2]
            table[:, half:] = 0

    def of(self, series: int, requests: int) -> Batches:
        """Return the full batches of a series, if so many requests counted."""
        whole = requests // self.length
        return Batches(counts=self.counts[series, :whole].copy(), sums=self.sums[series, :whole].copy())


class RunningTimes:
    """Times of several series: their count, mean, variance, quantiles and batches."""

    def __init__(self, series: int, bits: int) -> None:
        self.count = np.zeros(series)
        self.mean = np.zeros(series)
        self.squares = np.zeros(series)
        self.sketches = Sketches(series, bits)
        self.batches = RunningBatches(series) if series <= MOST_WITH_BATCHES else None

    def add(self, series: IntArray, places: FloatArray, values: FloatArray) -> None:
        """Add *values* of requests whose *places* count from the first one.

        Means and squares of parts are joined as T. F. Chan, G. H. Golub and R. J. LeVeque do (The American
        Statistician 37, 1983), so that no digits are lost.
        """
        size = len(self.count)
        count = np.bincount(series, minlength=size)
        known = np.maximum(count, 1)
        mean = np.bincount(series, weights=values, minlength=size) / known
        squares = np.bincount(series, weights=np.square(values - mean[series]), minlength=size)
        total = self.count + count
        step = np.where(count > 0, mean - self.mean, 0.0)
        self.squares += squares + np.square(step) * self.count * count / np.maximum(total, 1)
        self.mean += step * count / np.maximum(total, 1)
        self.count = total
        self.sketches.add(series, values)
        if self.batches:
            self.batches.add(series, places, values)

    def variance(self, series: int) -> float:
        """Return the variance of a series; 0 where it is empty."""
        return float(self.squares[series] / max(self.count[series], 1))


class RunningBacklog:
    """How many requests arrived and ended before each of many points of time, a few thousand over the whole run."""

    BINS = 3840
    """A multiple of twice the points of the coarse series."""

    def __init__(self, horizon: float | None) -> None:
        self.width = horizon / self.BINS if horizon else 0.0
        self.is_final = horizon is not None
        self.arrived = np.zeros(self.BINS, dtype=np.int64)
        self.ended = np.zeros(self.BINS, dtype=np.int64)

    def add(self, arrivals: FloatArray, ends: FloatArray) -> None:
        """Count requests that arrived, and others that ended."""
        latest = max(arrivals.max(initial=0.0), ends.max(initial=0.0))
        self.width = self.width or latest / self.BINS or 1.0
        while latest >= self.BINS * self.width and not self.is_final:
            self.width *= 2
            for table in (self.arrived, self.ended):
                table[: self.BINS // 2] = table[::2] + table[1::2]
                table[self.BINS // 2 :] = 0
        for table, times in ((self.arrived, arrivals), (self.ended, ends)):
            places = np.minimum((times / self.width).astype(np.int64), self.BINS - 1)
            table += np.bincount(places, minlength=self.BINS)

    def present(self, times: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return the requests present at the points nearest to *times*, and these points."""
        width = self.width or 1.0
        places = np.clip(np.rint(times / width), 0, self.BINS).astype(np.int64)
        before = np.concatenate([[0], np.cumsum(self.arrived - self.ended)])
        return before[places].astype(np.float64), (places * width).astype(np.float64)
