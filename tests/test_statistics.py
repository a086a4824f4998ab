"""Intervals are as wide as they claim, and the warm-up ends where the transient does."""

from __future__ import annotations

from math import inf, isnan, nan

import numpy as np
import pytest

from twin.statistics import Estimate, over_replications, warm_up_length


@pytest.mark.parametrize(("confidence", "replications"), [(0.9, 3), (0.95, 5), (0.99, 10)])
def test_intervals_hold_the_mean_as_often_as_they_claim(confidence: float, replications: int) -> None:
    """Of many intervals over normal replications, the promised share holds the true mean."""
    rng = np.random.default_rng(7)
    tries = 4000
    estimates = [over_replications(list(rng.normal(3.0, 2.0, replications)), confidence) for _ in range(tries)]
    share = sum(each.low <= 3.0 <= each.high for each in estimates) / tries
    assert share == pytest.approx(confidence, abs=4 * (confidence * (1 - confidence) / tries) ** 0.5)


def test_interval_is_that_of_a_table() -> None:
    """Two values 1 and 3 have standard error 1; Student's t at 97.5 % with one degree of freedom is 12.706."""
    estimate = over_replications([1.0, 3.0], 0.95)
    assert estimate.value == 2.0
    assert estimate.half_width == pytest.approx(12.7062, rel=1e-5)
    assert estimate.relative_half_width == pytest.approx(6.3531, rel=1e-5)


def test_one_replication_has_no_interval() -> None:
    """A single value has a mean and nothing else; values that are missing do not count."""
    estimate = over_replications([2.0, nan, inf], 0.95)
    assert estimate.value == 2.0
    assert isnan(estimate.low)
    assert isnan(estimate.high)
    assert estimate.half_width == inf


def test_nothing_has_no_value() -> None:
    """Without a single value there is no estimate."""
    assert isnan(over_replications([nan, nan], 0.95).value)


def test_what_is_surely_zero_is_precise() -> None:
    """A mean of 0 without spread has relative half-width 0; one with spread has no relative precision."""
    assert over_replications([0.0, 0.0], 0.95).relative_half_width == 0
    assert Estimate(0.0, -1.0, 1.0).relative_half_width == inf


@pytest.mark.parametrize("transient", [100, 400])
def test_warm_up_ends_with_a_known_transient(transient: int) -> None:
    """A series that decays for a known time is cut near its end; in the mean of the rest no bias is left."""
    rng = np.random.default_rng(transient)
    series = rng.normal(1.0, 0.1, 4000)
    series[:transient] += np.linspace(3.0, 0.0, transient)
    left_out = warm_up_length(series)
    assert 0.8 * transient <= left_out <= 1.5 * transient
    assert left_out % 5 == 0
    assert series[left_out:].mean() == pytest.approx(1.0, abs=0.01)


def test_warm_up_leaves_out_at_most_half() -> None:
    """A series that never settles loses at most its first half."""
    assert warm_up_length(np.linspace(0.0, 1.0, 1000)) <= 500


@pytest.mark.parametrize("level", [0.0, 0.1, 1e9])
def test_constant_series_needs_no_warm_up(level: float) -> None:
    """Rounding errors are no transient."""
    assert warm_up_length(np.full(1003, level)) == 0
    assert warm_up_length(np.full(1003, level) * (1 + 1e-15 * np.arange(1003))) == 0


def test_short_series_is_taken_whole() -> None:
    """Fewer than four batches tell nothing."""
    assert warm_up_length(np.array([9.0, 1.0, 1.0, 1.0] * 4)) == 0


def test_warm_up_does_not_depend_on_the_level_of_the_series() -> None:
    """A million on top of every value changes nothing: no digits are lost."""
    rng = np.random.default_rng(3)
    series = rng.normal(0.0, 0.1, 2000)
    series[:200] += 2.0
    assert warm_up_length(series + 1e6) == warm_up_length(series)
