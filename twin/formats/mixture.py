"""A mixture of two lognormal laws, as a profile states it, and its quantiles."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from scipy import special

POINTS = 1000
"""Quantiles that stand for the law, each in the middle of its share."""

_HALVINGS = 60


def mixture_cdf(parameters: Mapping[str, float], seconds: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the probability of at most *seconds* (positive)."""
    logs, share = np.log(seconds), parameters["share"]
    first = special.ndtr((logs - parameters["mu_1"]) / parameters["sigma_1"])
    second = special.ndtr((logs - parameters["mu_2"]) / parameters["sigma_2"])
    return np.asarray(share * first + (1 - share) * second)


def mixture_quantiles(parameters: Mapping[str, float]) -> tuple[float, ...]:
    """Return evenly spread quantiles of the law, by bisection on the logarithm."""
    shares = (np.arange(POINTS) + 0.5) / POINTS
    ends = [parameters[f"mu_{part}"] + side * 9 * parameters[f"sigma_{part}"] for part in (1, 2) for side in (-1, 1)]
    low, high = np.full(POINTS, min(ends)), np.full(POINTS, max(ends))
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        below = mixture_cdf(parameters, np.exp(middle)) < shares
        low, high = np.where(below, middle, low), np.where(below, high, middle)
    return tuple(np.exp((low + high) / 2).tolist())
