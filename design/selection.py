"""Choosing among plans that cost the same: paired differences on common random numbers, with a stated confidence.

Every pair of plans is compared, replication by replication, and Student's t bounds are shared out after Bonferroni,
so that all of them hold together with the confidence asked; that covers that the best is picked from the same data.
Source: A. M. Law, Simulation Modeling and Analysis, sections 10.2 and 10.3; the indifference zone after Bechhofer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf, isfinite, sqrt

import numpy as np
from scipy import special

INDIFFERENCE = 0.01
"""Relative difference of mean response time that is not worth telling apart."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Which of several samples has the smallest mean, and how sure that is."""

    best: int
    """Position of the sample with the smallest mean."""

    confident: bool
    """Whether no other one is smaller by more than the indifference, with the confidence asked."""

    confidence: float

    margins: tuple[float, ...]
    """By how much the best may be worse than each sample at most, negative where it is surely better; seconds."""


def select(samples: Sequence[Sequence[float]], confidence: float, *, looks: int = 1) -> Selection:
    """Return the sample with the smallest mean; those of one position come from the same random numbers.

    Samples of different length are compared as far as both go. *looks* is how often the data are looked at while they
    grow: the risk is shared among them.
    """
    length = min(len(each) for each in samples)
    rows = np.array([each[:length] for each in samples], dtype=np.float64)
    means = rows.mean(axis=1)
    best = int(np.argmin(means))
    count = len(samples)
    risk = (1.0 - confidence) / max(count * (count - 1), 1) / looks
    margins = tuple(0.0 if i == best else _most_worse(rows[best] - rows[i], risk) for i in range(count))
    near = INDIFFERENCE * float(means[best])
    return Selection(
        best=best, confident=all(margin <= near for margin in margins), confidence=confidence, margins=margins
    )


def _most_worse(differences: np.ndarray[tuple[int], np.dtype[np.float64]], risk: float) -> float:
    """Return the upper bound of a mean that is exceeded with probability *risk*."""
    if differences.size < 2 or not np.isfinite(differences).all():
        return inf
    quantile = float(special.stdtrit(differences.size - 1, 1.0 - risk))
    spread = float(np.std(differences, ddof=1)) / sqrt(differences.size)
    bound = float(differences.mean()) + quantile * spread
    return bound if isfinite(bound) else inf
