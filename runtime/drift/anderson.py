"""The Anderson–Darling test of two samples with p-values beyond the table of scipy, which ends at 0.001 and 0.25."""

from __future__ import annotations

import warnings

import numpy as np
from numpy.typing import NDArray
from scipy import stats

_SPREAD = float(np.sqrt(2 * (np.pi**2 - 9) / 3))
"""Standard deviation of the statistic in the limit of large samples; its mean is 1."""

_NODES = 200
_ANGLES = (np.arange(_NODES) + 0.5) * np.pi / _NODES
_U = 4 + 2 * np.cos(_ANGLES)
"""Points between 2 and 6, the first two zeros of the product in `upper_tail`, dense at both ends."""

_PRODUCT = np.cos(np.pi / 2 * np.sqrt(1 + 4 * _U)) / (np.pi * _U)
_WEIGHTS = 2 * np.sin(_ANGLES) / (_U * np.sqrt(_PRODUCT)) / _NODES


def anderson_darling(reference: NDArray[np.float64], window: NDArray[np.float64]) -> float:
    """Return the p-value of two samples of one law; ValueError where all values are equal."""
    with warnings.catch_warnings():
        # Scipy warns that its own p-value is cut off, and of a parameter that is about to change its name.
        warnings.simplefilter("ignore")
        found = stats.anderson_ksamp([reference, window])
    return upper_tail(1 + _SPREAD * float(found.statistic))


def upper_tail(value: float) -> float:
    """Return the chance that the sum of Z_j² / (j (j + 1)) over all j exceeds *value*, Z_j standard normal.

    This is the law of the statistic of two large samples (F. W. Scholz, M. A. Stephens, K-sample Anderson–Darling
    tests, JASA 82, 1987). The first term of N. V. Smirnov's series for quadratic forms is enough above 0.7 (the next
    one is of the order of exp(-6 value)); the product of 1 - u / (j (j + 1)) is -cos(pi/2 sqrt(1 + 4 u)) / (pi u).
    """
    if value <= 0.7:
        return 1.0  # p is above 0.5 there
    return float(min(np.sum(np.exp(-_U * value / 2) * _WEIGHTS), 1.0))
