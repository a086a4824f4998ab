"""Control charts that look at every value: CUSUM over normal scores of ranks, Page–Hinkley over running means.

Both know the law of what they sum up without drift, whatever the reference held: the rank of a value among all values
so far is uniform for every continuous law (M. Reynolds, Technometrics 17, 1975), and the standardised distance of a
normal value from the mean so far follows Student's t (D. M. Hawkins, The Statistician 36, 1987). Turned into standard
normal scores they are independent, so that the run length until a false alarm is that of theory. River has a
Page–Hinkley test as well; its threshold would have to be guessed.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from math import exp, sqrt

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, special

from runtime.drift.allowance import Allowance

FloatArray = NDArray[np.float64]

_FARTHEST = 8.0
"""Largest score; beyond it the normal law has no digits left."""

_ROUNDING = 1e-12
"""Differences, relative to the mean, that are those of floating point."""


class _Chart:
    """Two sums, one upwards and one downwards, that an alarm ends (E. S. Page, Biometrika 41, 1954)."""

    def __init__(self, slack: float) -> None:
        """Take the *slack* that is subtracted from each score: half the shift that is to be found soonest."""
        self.slack = slack
        self.up = self.down = 0.0
        self.threshold = 0.0

    def learn(self, reference: FloatArray, allowed: Allowance) -> None:
        """Begin anew after *reference*."""
        self.up = self.down = 0.0
        self.threshold = threshold_of(1 / allowed.per_value, self.slack)
        self._remember(reference)

    def look(self, window: FloatArray, fresh: int) -> bool:
        """Say whether drift shows among the last *fresh* values of *window*."""
        for value in window[len(window) - fresh :].tolist():
            score = min(max(self._score(value), -_FARTHEST), _FARTHEST)
            self.up = max(self.up + score - self.slack, 0.0)
            self.down = max(self.down - score - self.slack, 0.0)
            if max(self.up, self.down) > self.threshold:
                return True
        return False

    def _remember(self, reference: FloatArray) -> None:
        raise NotImplementedError

    def _score(self, value: float) -> float:
        """Return a standard normal score of *value* among all so far, and remember it."""
        raise NotImplementedError


class Cusum(_Chart):
    """Cumulative sums of the normal scores of sequential ranks; its false alarms do not depend on the law of values."""

    def __init__(self, slack: float = 0.5) -> None:
        super().__init__(slack)
        self._sorted: list[float] = []

    def _remember(self, reference: FloatArray) -> None:
        self._sorted = sorted(reference.tolist())

    def _score(self, value: float) -> float:
        # Equal values share the middle of their ranks; then scores vary less, and alarms are rarer than allowed.
        rank = (bisect_left(self._sorted, value) + bisect_right(self._sorted, value) + 1) / 2
        insort(self._sorted, value)
        return float(special.ndtri(rank / len(self._sorted)))


class PageHinkley(_Chart):
    """Cumulative deviations from the running mean, in running standard deviations; for values about normal."""

    def __init__(self, slack: float = 0.25) -> None:
        super().__init__(slack)
        self._count, self._mean, self._squares = 0, 0.0, 0.0

    def _remember(self, reference: FloatArray) -> None:
        self._count, self._mean = len(reference), float(reference.mean())
        self._squares = float(((reference - self._mean) ** 2).sum())

    def _score(self, value: float) -> float:
        count, deviation = self._count, value - self._mean
        self._count += 1
        self._mean += deviation / self._count
        squares, self._squares = self._squares, self._squares + deviation * (value - self._mean)
        least = _ROUNDING * abs(self._mean)  # what a constant seems to vary by
        if squares <= count * least**2:
            return 0.0 if abs(deviation) <= least else _FARTHEST * (1 if deviation > 0 else -1)
        student = deviation / sqrt(squares / (count - 1) * (1 + 1 / count))
        # The smaller tail keeps its digits.
        score = float(-special.ndtri(special.stdtr(count - 1, -abs(student))))
        return score if deviation > 0 else -score


def run_length(threshold: float, slack: float) -> float:
    """Return the mean number of values until a false alarm of a chart with two sums of standard normal scores.

    Source: D. Siegmund, Sequential Analysis (1985), corollary 10.39: the threshold is moved by twice 0.583.
    """
    bound = 2 * slack * (threshold + 1.166)
    return (exp(bound) - bound - 1) / (2 * slack**2) / 2


def threshold_of(length: float, slack: float) -> float:
    """Return the threshold whose run length is *length*; 0 where every threshold's is longer."""
    if run_length(0.0, slack) >= length:
        return 0.0
    top = 1.0
    while run_length(top, slack) < length:
        top *= 2
    return float(optimize.brentq(lambda threshold: run_length(threshold, slack) - length, 0.0, top))
