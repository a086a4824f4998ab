"""Batch means: one long run has an interval that holds what it claims, and a short one says that it is too short."""

from __future__ import annotations

from math import inf, isnan

import numpy as np
import pytest

from tests.queues import response_times
from twin.batches import MOST_BATCHES, Batches, batch_length, batch_means, batched, correlation_time
from twin.statistics import Estimate


def of(values: np.ndarray) -> Batches:
    """Return the batches of a series in which every request has a value."""
    return batched(np.arange(len(values), dtype=np.float64), values, first=0, last=len(values))


def interval(values: np.ndarray, confidence: float) -> Estimate:
    """Return what a report says of the mean of a series."""
    return batch_means(of(values), confidence, correlation_time(of(values), float(values.var())))


@pytest.mark.parametrize(
    ("load", "requests", "confidence"), [(0.5, 5000, 0.9), (0.7, 40_000, 0.95), (0.8, 60_000, 0.99)]
)
def test_intervals_hold_the_mean_as_often_as_they_claim(load: float, requests: int, confidence: float) -> None:
    """Over many runs of an M/M/1 queue, whose response times are strongly correlated."""
    rng = np.random.default_rng(2)
    tries = 200
    found = [interval(response_times(requests, load, rng), confidence) for _ in range(tries)]
    given = [each for each in found if not isnan(each.low)]
    assert len(given) > 0.9 * tries
    hits = sum(each.low <= load / (1 - load) <= each.high for each in given) / len(given)
    # Batches that are nearly independent still miss a little more often than independent values would.
    spread = (confidence * (1 - confidence) / len(given)) ** 0.5
    assert confidence - 0.015 - 3 * spread <= hits <= confidence + 3 * spread


def test_too_short_runs_say_so() -> None:
    """Two thousand requests at load 0.95 are worth a handful: hardly any run may claim an interval."""
    rng = np.random.default_rng(4)
    found = [interval(response_times(2000, 0.95, rng), 0.95) for _ in range(100)]
    assert sum(not isnan(each.low) for each in found) < 10
    assert all(each.value > 0 for each in found)


def test_independent_values_have_the_interval_of_students() -> None:
    """Without correlation the half-width is that of as many independent values, but for the spread of its estimate."""
    rng = np.random.default_rng(1)
    widths = [interval(rng.normal(0.0, 1.0, 6400), 0.95).half_width for _ in range(50)]
    assert np.mean([width for width in widths if width < inf]) == pytest.approx(1.96 / 80, rel=0.1)


def test_correlation_time_is_the_sum_of_all_correlations() -> None:
    """A first-order autoregression has (1 + a) / (1 - a)."""
    rng = np.random.default_rng(8)
    found = []
    for _ in range(10):
        values = rng.normal(0.0, 1.0, 50_000)
        for i in range(1, len(values)):
            values[i] += 0.8 * values[i - 1]
        found.append(correlation_time(of(values), float(values.var())))
    assert np.mean(found) == pytest.approx(9.0, rel=0.15)


def test_correlation_of_too_few_values_is_unknown() -> None:
    """Nothing can be told from fewer values than batches."""
    assert correlation_time(of(np.ones(31)), 1.0) == inf
    assert correlation_time(None, 1.0) == inf
    assert correlation_time(of(np.ones(5000)), 0.0) == 1.0


@pytest.mark.parametrize("requests", [1, 512, 513, 100_000])
def test_batches_are_as_many_as_fit(requests: int) -> None:
    """At most so many, and not needlessly few."""
    count = requests // batch_length(requests)
    assert count <= MOST_BATCHES
    assert count >= min(requests, MOST_BATCHES // 2)


def test_requests_without_a_value_make_their_batch_smaller() -> None:
    """Batches are stretches of requests: what only every fifth request passes has a fifth of the values in each."""
    numbers = np.arange(0, 5120, 5, dtype=np.float64)
    batches = batched(numbers, np.ones(len(numbers)), first=0, last=5120)
    assert batches.counts.sum() == 1024
    assert set(batches.counts) == {3.0, 4.0}
    assert interval(np.ones(2000), 0.95).half_width == 0


def test_an_empty_batch_gives_no_interval() -> None:
    """Where for a long time nobody came, neighbours say nothing of each other."""
    numbers = np.concatenate([np.arange(1000), np.arange(4000, 5000)]).astype(np.float64)
    assert isnan(batch_means(batched(numbers, numbers, first=0, last=5000), 0.95).low)
