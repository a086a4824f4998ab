"""Shares beyond a limit are as sure as they claim, however rare: unseen, few, or correlated cases."""

from __future__ import annotations

from math import isinf, isnan, nan

import numpy as np
import pytest

from tests.queues import response_times
from twin.batches import batched, correlation_time
from twin.shares import exact_share, rounded_up, share_of_run, share_over_replications


def test_unseen_cases_are_bounded_by_the_number_of_requests() -> None:
    """At the upper bound, seeing no case among all requests has probability (1 - confidence) / 2."""
    share = share_over_replications([0.0, 0.0], [60, 40], 0.95)
    assert share.is_rare
    assert (share.estimate.value, share.estimate.low) == (0.0, 0.0)
    assert (1 - share.estimate.high) ** 100 == pytest.approx(0.025)


def test_correlated_requests_bound_less() -> None:
    """A hundred requests of which ten tell as much as one bound a share as ten independent ones do."""
    share = share_over_replications([0.0, 0.0], [60, 40], 0.95, [10.0, 10.0])
    assert (1 - share.estimate.high) ** 10 == pytest.approx(0.025)


def test_nothing_but_cases_is_bounded_too() -> None:
    """The bound of a share of 1 mirrors that of a share of 0."""
    none, every = (share_over_replications([share, share], [50, 50], 0.9).estimate for share in (0.0, 1.0))
    assert (every.low, every.high) == (pytest.approx(1 - none.high), 1.0)


def test_few_cases_have_exact_bounds() -> None:
    """Where Student's interval would leave [0, 1], the interval is a wider one that stays inside."""
    few = share_over_replications([0.0, 0.01, 0.0], [100] * 3, 0.95).estimate
    assert 0 < few.low < few.value < few.high < 1
    many = share_over_replications([1.0, 0.99, 1.0], [100] * 3, 0.95).estimate
    assert (many.low, many.high) == (pytest.approx(1 - few.high), pytest.approx(1 - few.low))


def test_exact_bounds_are_those_of_the_tables() -> None:
    """One case of ten at 95 %: 0.25 % to 44.5 % (Clopper and Pearson)."""
    estimate = exact_share(0.1, 10, 0.95)
    assert (estimate.low, estimate.high) == (pytest.approx(0.0025286, rel=1e-4), pytest.approx(0.4450161, rel=1e-4))


def test_share_of_no_requests_is_unknown() -> None:
    """Without requests there is no share."""
    assert isnan(share_over_replications([nan, nan], [0, 0], 0.95).estimate.value)
    assert isnan(share_of_run(nan, 0, None, 0.95).estimate.value)


def test_needed_requests_would_tell() -> None:
    """So many requests without a case prove the limit; one fewer in ten does not."""
    share = share_over_replications([0.0, 0.0], [500, 500], 0.95, [20.0, 20.0])
    needed = share.requests_needed(1e-4, 0.95)
    assert exact_share(0.0, needed / 20, 0.95).high == pytest.approx(1e-4)
    assert isinf(share.requests_needed(0.0, 0.95))


def test_needed_requests_narrow_the_interval_to_the_limit() -> None:
    """With so many independent requests the interval reaches from the share to the limit."""
    share = share_of_run(0.001, 10_000, None, 0.95)
    needed = share.requests_needed(0.002, 0.95) / share.requests * share.independent
    assert 1.96 * (0.001 * 0.999 / needed) ** 0.5 == pytest.approx(0.001, rel=1e-3)


@pytest.mark.parametrize(
    ("number", "shown"), [(0.4, 1), (9.2, 10), (36_888, 37_000), (100, 100), (1.01e9, 1_100_000_000)]
)
def test_needed_requests_have_two_digits(number: float, shown: int) -> None:
    """More would pretend to a precision that is not there."""
    assert rounded_up(number) == shown


@pytest.mark.parametrize("share", [1e-1, 1e-2, 1e-3, 1e-4, 1e-6])
def test_intervals_hold_the_share_of_late_answers(share: float) -> None:
    """P(T > t) = exp(-(mu - lambda) t) in M/M/1: the intervals of one correlated run each hold it nearly always.

    The exact bounds of rare shares err on the safe side, so that only too few hits are an error.
    """
    rng = np.random.default_rng(11)
    count, load, tries = 20_000, 0.7, 150
    limit = -np.log(share) * load / (1 - load)
    numbers = np.arange(count, dtype=np.float64)
    hits = 0
    for _ in range(tries):
        times = response_times(count, load, rng)
        late = (times > limit).astype(np.float64)
        correlation = correlation_time(batched(numbers, times, first=0, last=count), float(times.var()))
        batches = batched(numbers, late, first=0, last=count)
        found = share_of_run(float(late.mean()), count, batches, 0.95, correlation).estimate
        hits += found.low <= share <= found.high
    assert hits / tries >= 0.95 - 3 * (0.95 * 0.05 / tries) ** 0.5


def test_intervals_over_replications_hold_the_share_of_late_answers() -> None:
    """Likewise over five short replications, most of which see no late answer at all."""
    rng = np.random.default_rng(5)
    count, load, share, tries = 3000, 0.7, 1e-3, 150
    limit = -np.log(share) * load / (1 - load)
    numbers = np.arange(count, dtype=np.float64)
    hits = 0
    for _ in range(tries):
        runs = [response_times(count, load, rng) for _ in range(5)]
        correlations = [correlation_time(batched(numbers, each, first=0, last=count), each.var()) for each in runs]
        shares = [float((each > limit).mean()) for each in runs]
        found = share_over_replications(shares, [count] * 5, 0.95, correlations).estimate
        hits += found.low <= share <= found.high
    assert hits / tries >= 0.95 - 3 * (0.95 * 0.05 / tries) ** 0.5
