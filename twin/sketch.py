"""Quantiles of more values than fit into memory: counts in buckets whose width grows with the value.

A bucket is a double's exponent and the first bits of its fraction, so that putting a value into its bucket is a shift
of its 64 bits. Sketches of parts of a run are added by adding their counts. The idea is that of DDSketch (C. Masson,
J. E. Rim, H. K. Lee, VLDB 2019), with the buckets of HdrHistogram.
"""

from __future__ import annotations

from typing import Any

import numpy as np

FloatArray = np.ndarray[Any, np.dtype[np.float64]]
IntArray = np.ndarray[Any, np.dtype[np.int64]]

SMALLEST = 2.0**-40
"""Seconds below which all values are the same: a picosecond."""

FRACTION_BITS = 52

FINEST, COARSEST = 11, 7
"""Bits of the fraction that tell buckets apart; many sketches have to be coarser."""

ROOM = 1 << 23
"""Buckets of all sketches together that need not be coarser yet, at 16 octaves each."""


def bits_for(sketches: int) -> int:
    """Return how many bits so many sketches can afford."""
    bits = FINEST
    while bits > COARSEST and sketches * 16 << bits > ROOM:
        bits -= 1
    return bits


class Sketches:
    """As many sketches as there are series of values, filled together."""

    def __init__(self, series: int, bits: int) -> None:
        self.bits = bits
        self.lowest = 0
        self.counts = np.zeros((series, 0), dtype=np.int64)
        self.smallest = np.full(series, np.inf)
        self.largest = np.full(series, -np.inf)

    @property
    def relative_error(self) -> float:
        """How far a quantile may be off, relative to its value: half a bucket."""
        return 2.0 ** -(self.bits + 1)

    def add(self, series: IntArray, values: FloatArray) -> None:
        """Count *values*, each for one of the *series*."""
        if not len(values):
            return
        np.minimum.at(self.smallest, series, values)
        np.maximum.at(self.largest, series, values)
        buckets = np.maximum(values, SMALLEST).view(np.int64) >> (FRACTION_BITS - self.bits)
        self._make_room(int(buckets.min()), int(buckets.max()))
        width = self.counts.shape[1]
        np.add.at(self.counts.reshape(-1), series * width + (buckets - self.lowest), 1)

    def _make_room(self, low: int, high: int) -> None:
        """Let the buckets reach from *low* to *high*, by whole octaves."""
        width = self.counts.shape[1]
        if width and self.lowest <= low and high < self.lowest + width:
            return
        octave = 1 << self.bits
        lowest = min(low, self.lowest if width else low) // octave * octave
        highest = max(high + 1, self.lowest + width if width else 0)
        wider = np.zeros((len(self.counts), -(-(highest - lowest) // octave) * octave), dtype=np.int64)
        if width:
            wider[:, self.lowest - lowest : self.lowest - lowest + width] = self.counts
        self.counts, self.lowest = wider, lowest

    def count(self, series: int) -> int:
        """Return how many values a series has."""
        return int(self.counts[series].sum())

    def quantiles(self, series: int, levels: FloatArray) -> FloatArray:
        """Return the values below which the shares *levels* lie, as ``numpy.quantile`` interpolates them."""
        total = self.count(series)
        if not total:
            return np.full(len(levels), np.nan)
        ranks = levels * (total - 1)
        below = self.ordered(series, np.floor(ranks).astype(np.int64))
        above = self.ordered(series, np.ceil(ranks).astype(np.int64))
        interpolated: FloatArray = below + (above - below) * (ranks - np.floor(ranks))
        return interpolated

    def ordered(self, series: int, ranks: IntArray) -> FloatArray:
        """Return the values with these *ranks*, from 0, in rising order; the first and the last exactly."""
        buckets = np.searchsorted(np.cumsum(self.counts[series]), ranks, side="right") + self.lowest
        edges = [(buckets + more << (FRACTION_BITS - self.bits)).view(np.float64) for more in (0, 1)]
        found: FloatArray = np.clip((edges[0] + edges[1]) / 2, self.smallest[series], self.largest[series])
        found[ranks == 0] = self.smallest[series]
        found[ranks == self.count(series) - 1] = self.largest[series]
        return found
