"""Batch means: the interval of a mean from one long run, whose requests are correlated with each other.

Requests are put together, in the order of their arrival, into batches so long that their means hardly depend on each
other; these means then serve as independent replications do. Whether the batches are long enough is tested, not hoped
for.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf, isfinite, nan, sqrt
from typing import Any

import numpy as np
from scipy import special

from twin.statistics import Estimate

FloatArray = np.ndarray[Any, np.dtype[np.float64]]

MOST_BATCHES = 512
"""Batches that are kept; there are at least half as many, once as many requests have come."""

TESTED = (64, 32, 16)
"""Batches, at least, whose correlation is tested, fewer and longer ones if the test fails; pairs give the interval."""

FEWEST = 32
"""Batches, at least, from which the correlation of requests is taken."""

ENOUGH = 200
"""Independent values, at least, that a run must be worth: the test alone overlooks what is longer than its batches."""

LEVEL = 0.1
"""Probability that the test finds a correlation where there is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Batches:
    """Sums over batches of requests that follow each other; the last batch, if it is not full, is left out."""

    counts: FloatArray
    """Values in each batch."""

    sums: FloatArray
    """Their sum, or how many of them are beyond a limit."""

    def merged(self, by: int) -> Batches:
        """Return batches *by* times as long; what remains of them at the end is left out."""
        whole = len(self.counts) // by * by
        counts, sums = (each[:whole].reshape(-1, by).sum(axis=1) for each in (self.counts, self.sums))
        return Batches(counts=counts, sums=sums)


def batch_length(requests: int) -> int:
    """Return how many requests make a batch: the smallest power of two that leaves ``MOST_BATCHES`` or fewer."""
    length = 1
    while requests // length > MOST_BATCHES:
        length *= 2
    return length


def batched(requests: FloatArray, values: FloatArray, *, first: int, last: int) -> Batches:
    """Return the batches of *values*, each of which belongs to one of *requests*, numbers from *first* to *last*."""
    length = batch_length(last - first)
    whole = (last - first) // length
    index = ((requests - first) // length).astype(np.int64)
    counts = np.bincount(index, minlength=whole)[:whole].astype(np.float64)
    sums = np.bincount(index, weights=values, minlength=whole)[:whole].astype(np.float64)
    return Batches(counts=counts, sums=sums)


def batch_means(batches: Batches | None, confidence: float, correlation: float = 1.0) -> Estimate:
    """Return the mean with its interval; NaN bounds where the run is too short for one.

    Too short is a run whose values are worth less than ``ENOUGH`` independent ones, as many of them as *correlation*
    says telling as much as one, and one whose batches stay correlated.

    The correlation of neighbouring batches is tested with von Neumann's ratio; batches that fail are joined in pairs
    and tested again. Pairs of batches that pass give Student's interval, mostly 32 to 42 of them, never fewer than 8:
    more would not make it much narrower.

    Sources: G. S. Fishman and L. S. Yarberry, An implementation of the batch means method (INFORMS Journal on
    Computing 9, 1997), for the test and the doubling; B. Schmeiser, Batch size effects in the analysis of simulation
    output (Operations Research 30, 1982), for the number of batches; a batch may hold any number of values, so its mean
    is a ratio (W. G. Cochran, Sampling Techniques, section 6.3).
    """
    if batches is None or not batches.counts.sum():
        return Estimate(nan)
    mean = float(batches.sums.sum() / batches.counts.sum())
    if batches.counts.sum() < ENOUGH * correlation:
        return Estimate(mean)
    for at_least in TESTED:
        by = len(batches.counts) // at_least
        if by and _are_uncorrelated(_deviations(batches.merged(by))):
            return _with_interval(mean, _deviations(batches.merged(2 * by)), confidence)
    return Estimate(mean)


def correlation_time(batches: Batches | None, variance: float) -> float:
    """Return how many requests tell as much of the mean as one independent one would, at least 1.

    It is the ratio of the variance of a mean over a long stretch to that of as many independent values of *variance*:
    the sum of all autocorrelations. Infinite where there are too few batches to tell.
    """
    if batches is None or len(batches.counts) < FEWEST:
        return inf
    long = batches.merged(len(batches.counts) // FEWEST)
    deviations = _deviations(long)
    if deviations is None:
        return inf
    if not variance > 0:
        return 1.0
    return max(float(np.var(deviations, ddof=1)) * float(long.counts.mean()) / variance, 1.0)


def _deviations(batches: Batches) -> FloatArray | None:
    """Return how far the mean of each batch lies from that of all, weighted by its length; None if one is empty."""
    if not batches.counts.all():
        return None
    mean = batches.sums.sum() / batches.counts.sum()
    deviations: FloatArray = (batches.sums - mean * batches.counts) / batches.counts.mean()
    return deviations


def _are_uncorrelated(deviations: FloatArray | None) -> bool:
    """Say whether neighbours do not resemble each other more than chance explains."""
    if deviations is None:
        return False
    squares = float(np.square(deviations - deviations.mean()).sum())
    if not squares:
        return True  # nothing varies
    count = len(deviations)
    ratio = 1 - float(np.square(np.diff(deviations)).sum()) / (2 * squares)
    return ratio <= float(special.ndtri(1 - LEVEL)) * sqrt((count - 2) / (count**2 - 1))


def _with_interval(mean: float, deviations: FloatArray | None, confidence: float) -> Estimate:
    if deviations is None or not isfinite(mean):
        return Estimate(mean)
    quantile = float(special.stdtrit(len(deviations) - 1, (1 + confidence) / 2))
    half = quantile * float(np.std(deviations, ddof=1)) / sqrt(len(deviations))
    return Estimate(mean, mean - half, mean + half)
