"""Tests of a window against a reference: what they ask, and what they answer where a sample has no spread.

Each takes two samples without missing values, neither of them empty, and returns a p-value. They assume that values
are independent; where neighbours resemble each other, p-values are too small.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from runtime.drift.anderson import anderson_darling

FloatArray = NDArray[np.float64]
WindowTest = Callable[[FloatArray, FloatArray], float]

MOST_CATEGORIES = 20
"""Up to so many different values of the reference count as categories; more are sorted into bins."""

BINS = 5
"""Bins of the chi-squared test, equally full of the reference."""

LEAST_EXPECTED = 5.0
"""Values expected in a cell below which the chi-squared law would not hold (W. G. Cochran, Biometrics 10, 1954)."""


def p_value(name: str, reference: FloatArray, window: FloatArray) -> float:
    """Return the p-value of the test called *name*; 1 where both samples are one and the same constant."""
    low, high = min(reference.min(), window.min()), max(reference.max(), window.max())
    if low == high:
        return 1.0
    return WINDOW_TESTS[name](reference, window)


def _kolmogorov_smirnov(reference: FloatArray, window: FloatArray) -> float:
    return float(stats.ks_2samp(reference, window).pvalue)


def _cramer_von_mises(reference: FloatArray, window: FloatArray) -> float:
    if min(len(reference), len(window)) < 2:
        return 1.0
    return float(stats.cramervonmises_2samp(reference, window).pvalue)


def _fisher_exact(reference: FloatArray, window: FloatArray) -> float:
    """Compare the shares of two outcomes; numbers count as above the median of the reference or not.

    The latter is the exact form of the median test (A. M. Mood, 1950).
    """
    outcomes = np.unique(reference)
    cut = outcomes[0] if len(outcomes) <= 2 else np.median(reference)
    table = [[int((sample > cut).sum()), int((sample <= cut).sum())] for sample in (reference, window)]
    if len(outcomes) == 1:  # whatever differs from the constant is the other outcome
        table = [[int((sample != cut).sum()), int((sample == cut).sum())] for sample in (reference, window)]
    return float(stats.fisher_exact(np.array(table)).pvalue)


def _chi_squared(reference: FloatArray, window: FloatArray) -> float:
    """Compare the shares of categories, or of bins equally full of the reference; rare ones are put together."""
    table = np.array([_counts(sample, reference) for sample in (reference, window)])
    share = min(len(reference), len(window)) / (len(reference) + len(window))
    table = _merged(table, LEAST_EXPECTED / share)
    if table.shape[1] < 2:
        return _fisher_exact(reference, window)  # too few values for the limiting law; this one is exact
    return float(stats.chi2_contingency(table, correction=False).pvalue)


def _counts(sample: FloatArray, reference: FloatArray) -> NDArray[np.int64]:
    """Return how many values fall on each category, and between them, or into each bin."""
    known = np.unique(reference)
    if len(known) <= MOST_CATEGORIES:
        at = np.searchsorted(known, sample)
        is_known = known[np.minimum(at, len(known) - 1)] == sample
        return np.bincount(np.where(is_known, at, len(known)), minlength=len(known) + 1)
    edges = np.unique(np.quantile(reference, np.arange(1, BINS) / BINS))
    return np.bincount(np.searchsorted(edges, sample, side="right"), minlength=len(edges) + 1)


def _merged(table: NDArray[np.int64], least: float) -> NDArray[np.int64]:
    """Put columns whose sum is below *least* together, the smallest first."""
    table = table[:, np.argsort(table.sum(axis=0), kind="stable")]
    while table.shape[1] > 1 and table[:, 0].sum() < least:
        joined = table[:, 0] + table[:, 1]
        table = np.column_stack([joined, table[:, 2:]])
        table = table[:, np.argsort(table.sum(axis=0), kind="stable")]
    return table


def _anderson_darling(reference: FloatArray, window: FloatArray) -> float:
    return anderson_darling(reference, window)


def _epps_singleton(reference: FloatArray, window: FloatArray) -> float:
    """Compare characteristic functions; where their covariance has no inverse, ask Kolmogorov and Smirnov instead."""
    if min(len(reference), len(window)) < 5:
        return _kolmogorov_smirnov(reference, window)
    try:
        with np.errstate(all="ignore"):
            found = float(stats.epps_singleton_2samp(reference, window).pvalue)
    except (np.linalg.LinAlgError, ValueError):
        found = float("nan")
    return found if np.isfinite(found) else _kolmogorov_smirnov(reference, window)


WINDOW_TESTS: dict[str, WindowTest] = {
    "kolmogorov-smirnov": _kolmogorov_smirnov,
    "cramer-von-mises": _cramer_von_mises,
    "fisher-exact-test": _fisher_exact,
    "chi-squared": _chi_squared,
    "anderson-darling": _anderson_darling,
    "epps-singleton": _epps_singleton,
}
"""Names as AI-SPRINT writes them where it has them."""
