"""Backlogs: how fast a queue grows that cannot keep up.

First come, first served: what is served is what arrives, in its proportions. Under processor sharing short requests
overtake long ones, so the growth depends on the law of the work: it solves the equation of the fluid limit
(A. Jean-Marie, P. Robert: On the transient behavior of the processor sharing queue, Queueing Systems 17, 1994).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.optimize import brentq

from twin.engines.closed_form.classes import QueueClass
from twin.model.law import Law

MIDPOINTS = (np.arange(4096) + 0.5) / 4096


def shares_served(classes: Sequence[QueueClass], cores: float, *, sharing: bool) -> tuple[float, ...]:
    """Return the share of each class that an overloaded queue of *cores* serves in the long run."""
    if not sharing:
        return (cores / sum(each.load for each in classes),) * len(classes)
    growth = _sharing_growth(classes, cores)
    return tuple(_transform(each.law, each.units * growth / cores) for each in classes)


def _sharing_growth(classes: Sequence[QueueClass], cores: float) -> float:
    """Return the requests/s by which the number of requests present grows.

    While it grows at rate a, each present at time t gets the share cores / (a t): work x that begins at time t is done
    at t exp(a x / cores). So of the requests that arrive by T, those still present grow at the rate
    sum of rate (1 - E exp(-a x / cores)), which is a.
    """

    def excess(growth: float) -> float:
        stay = sum(each.rate * (1.0 - _transform(each.law, each.units * growth / cores)) for each in classes)
        return float(stay - growth)

    upper = sum(each.rate for each in classes)
    lower = upper / 2.0
    while excess(lower) <= 0.0:
        lower /= 2.0
        if lower < 1e-9 * upper:
            return 0.0
    return float(brentq(excess, lower, upper))


def _transform(law: Law, argument: float) -> float:
    """Return the expectation of exp(-argument x) for x distributed by *law*."""
    if law.samples is None and law.law in (None, "exponential"):
        return 1.0 / (1.0 + argument * law.expectation)
    if law.law == "deterministic":
        return float(np.exp(-argument * law.expectation))
    return float(np.exp(-argument * law.quantiles(MIDPOINTS)).mean())
