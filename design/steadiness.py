"""Does a series of measured times deserve trust? One sentence for every doubt, none if there is none."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

FEWEST_SAMPLES = 12
"""Below this the samples cannot tell."""

LARGEST_DRIFT = 0.10
"""Part by which the median may move from the first third of the samples to the last."""

LARGEST_SPREAD = 1.5
"""What the 95th percentile may be, in medians."""

SMALLEST_SHARE_OF_TIME = 0.9
"""CPU time per wall time below which a run on one thread has waited for its processor."""


def doubts(
    service_seconds: list[float], cpu_seconds: list[float], *, threads: int, cpus: float = 1.0
) -> tuple[str, ...]:
    """Return what speaks against the samples, given in the order they were measured.

    *cpus* is the share of a processor that a run could have had.
    """
    if len(service_seconds) < FEWEST_SAMPLES:
        return (f"only {len(service_seconds)} samples: too few to judge",)
    times = np.asarray(service_seconds)
    found = (_drift(times), _spread(times), _two_groups(times), _waiting(times, np.asarray(cpu_seconds), threads, cpus))
    return tuple(doubt for doubt in found if doubt)


def _drift(times: NDArray[np.float64]) -> str:
    third = len(times) // 3
    change = float(np.median(times[-third:]) / np.median(times[:third])) - 1
    if abs(change) <= LARGEST_DRIFT:
        return ""
    return f"samples drift: the median of the last third is {change:+.0%} of that of the first"


def _spread(times: NDArray[np.float64]) -> str:
    ratio = float(np.quantile(times, 0.95) / np.median(times))
    return f"samples spread: the 95th percentile is {ratio:.1f} medians" if ratio > LARGEST_SPREAD else ""


def _two_groups(times: NDArray[np.float64]) -> str:
    """Split the sorted samples where it explains most of their variance (Otsu's method).

    A normal distribution lets the best split explain 64 %, a uniform one 75 %. Two groups are reported if it explains
    85 %, each has a tenth of the samples, and their means are 20 % apart.
    """
    ordered = np.sort(times)
    count = len(ordered)
    low = np.arange(1, count)
    sums = np.cumsum(ordered)[:-1]
    low_mean, high_mean = sums / low, (ordered.sum() - sums) / (count - low)
    between = low * (count - low) / count**2 * (high_mean - low_mean) ** 2
    allowed = np.minimum(low, count - low) >= count / 10
    best = int(np.argmax(np.where(allowed, between, -1.0)))
    if between[best] <= 0.85 * ordered.var() or high_mean[best] < 1.2 * low_mean[best]:
        return ""
    share = (count - low[best]) / count
    return f"samples form two groups: {share:.0%} of them take {high_mean[best] / low_mean[best]:.1f} times the others"


def _waiting(times: NDArray[np.float64], cpu: NDArray[np.float64], threads: int, cpus: float) -> str:
    share = float(cpu.sum() / times.sum())
    if threads > 1 or share >= SMALLEST_SHARE_OF_TIME * min(cpus, 1.0):
        return ""
    return f"the machine was busy: a run had its processor for {share:.0%} of its time"
