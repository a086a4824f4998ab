"""Shares of requests beyond a limit, rare ones included: how sure they are, and how long a run would have to be.

Requests of one run are correlated, so that a thousand of them may tell no more than ten independent ones. Wherever
counts are small, exact bounds are taken for as many independent requests as the run is worth.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf, isfinite, log, log1p, nan

import numpy as np
from scipy import special

from twin.batches import Batches, batch_means, correlation_time
from twin.statistics import Estimate, over_replications

FEW = 20
"""Independent cases below which one run has exact bounds."""

NEAR = 0.2
"""Distance from a limit, relative to it, that need not be told apart."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """A share with its interval, and what that rests on."""

    estimate: Estimate

    requests: int = 0

    independent: float = 0.0
    """As many independent requests would tell as much."""

    is_rare: bool = False
    """Whether so few (or all but so few) requests are beyond the limit that the interval is an exact bound."""

    def requests_needed(self, limit: float, confidence: float) -> float:
        """Return about how many requests would tell whether the share is above *limit*.

        Where nothing was seen, that many of which none is beyond the limit would prove it; else the interval would
        just reach from the share to the limit. Infinite where nothing can be told from so short a run.
        """
        if not self.independent or not 0 < limit < 1:
            return inf
        each = self.requests / self.independent
        value = self.estimate.value
        if value == 0:
            return each * log((1 - confidence) / 2) / log1p(-limit)
        quantile = float(special.ndtri((1 + confidence) / 2))
        gap = max(abs(value - limit), NEAR * limit)
        return each * quantile**2 * value * (1 - value) / gap**2


def share_over_replications(
    shares: Sequence[float], counts: Sequence[int], confidence: float, correlations: Sequence[float] = ()
) -> Share:
    """Return the mean of *shares* in [0, 1] of independent replications, each taken from so many requests.

    Args:
        shares: One for each replication.
        counts: The requests of each.
        confidence: Of the interval.
        correlations: How many requests of each tell as much as one independent one; absent: 1.

    Student's interval serves as long as it stays between 0 and 1. Otherwise the bounds are those of C. J. Clopper and
    E. S. Pearson (Biometrika 26, 1934) for an effective number of requests, as E. L. Korn and B. I. Graubard (Survey
    Methodology 24, 1998) take them for clustered samples; where no replication saw a case, or nothing but cases, the
    spread says nothing and the correlation alone reduces their number.
    """
    estimate = over_replications(shares, confidence)
    requests = sum(counts)
    if not isfinite(estimate.value) or not requests:
        return Share(estimate=Estimate(nan))
    worth = _worth(counts, correlations or [1.0] * len(counts))
    rare = estimate.low < 0 or estimate.high > 1
    if rare and 0 < estimate.value < 1:
        finite = [share for share in shares if isfinite(share)]
        variance = float(np.var(finite, ddof=1)) / len(finite)
        # Few replications know their own spread badly: Student's quantile stands for that.
        student = float(special.stdtrit(len(finite) - 1, (1 + confidence) / 2))
        variance *= (student / float(special.ndtri((1 + confidence) / 2))) ** 2
        worth = min(worth, _independent(estimate.value, variance))
    return _bounded(estimate, requests, worth, confidence, rare=rare)


def share_of_run(
    share: float, count: int, batches: Batches | None, confidence: float, correlation: float = 1.0
) -> Share:
    """Return the share of one long run with the interval of its *batches*, or exact bounds where it is rare."""
    if not isfinite(share) or not count:
        return Share(estimate=Estimate(nan))
    estimate = batch_means(batches, confidence, correlation).around(share)
    own = correlation_time(batches, share * (1 - share)) if 0 < share < 1 else 1.0
    worth = _worth([count], [max(correlation, own)])
    rare = min(share, 1 - share) * worth < FEW or not 0 <= estimate.low <= estimate.high <= 1
    return _bounded(estimate, count, worth, confidence, rare=rare)


def _bounded(estimate: Estimate, requests: int, worth: float, confidence: float, *, rare: bool) -> Share:
    """Return the share with exact bounds, if all or none or few of the requests are beyond the limit."""
    if rare or estimate.value in (0, 1):
        return Share(
            estimate=exact_share(estimate.value, worth, confidence), requests=requests, independent=worth, is_rare=True
        )
    return Share(estimate=estimate, requests=requests, independent=worth)


def exact_share(share: float, requests: float, confidence: float) -> Estimate:
    """Return *share* of so many independent requests, not necessarily whole ones, with exact bounds.

    Source: Clopper and Pearson, above; where there are none, the bound is 1 - (α/2)^(1/n), about 3.7/n at 95 %.
    """
    tail = (1 - confidence) / 2
    cases = share * requests
    low = float(special.betaincinv(cases, requests - cases + 1, tail)) if cases > 0 else 0.0
    high = float(special.betaincinv(cases + 1, requests - cases, 1 - tail)) if cases < requests else 1.0
    return Estimate(share, low, high)


def _worth(counts: Sequence[int], correlations: Sequence[float]) -> float:
    """Return how many independent requests replications are worth, at least one each."""
    return sum(max(count / each, 1.0) for count, each in zip(counts, correlations, strict=True) if count)


def _independent(share: float, variance: float) -> float:
    """Return of how many independent requests the share would have this variance."""
    return share * (1 - share) / variance if variance > 0 else inf


def rounded_up(requests: float) -> int:
    """Return a number of requests with two digits."""
    scale = 10 ** max(int(np.log10(max(requests, 1))) - 1, 0)
    return int(-(-requests // scale) * scale)
