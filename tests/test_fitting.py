"""Fitting laws to samples: what is true passes, what is wrong is rejected, and the tests keep their level."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from design.fitting import REJECTED_BELOW, Family, fitted_law, with_law
from twin.formats.profile_file import load_profile
from twin.formats.profile_schema import Segment

SHIPPED = Path(__file__).resolve().parents[1] / "scenarios" / "profiles" / "edge-models-x86.json"


def segment(samples: np.ndarray) -> Segment:
    """Return a segment of a shipped profile with other samples."""
    found = load_profile(SHIPPED).segments["squeezenet"]
    return found.model_copy(update={"service_seconds": tuple(samples.tolist()), "notes": ()})


def drawn(family: Family, count: int, seed: int) -> np.ndarray:
    """Draw samples of a law of *family* near 10 ms."""
    rng = np.random.default_rng(seed)
    if family == "lognormal":
        return rng.lognormal(-4.6, 0.4, count)
    if family == "gamma":
        return rng.gamma(2.0, 0.005, count)
    return np.where(rng.random(count) < 0.6, rng.lognormal(-4.6, 0.05, count), rng.lognormal(-3.9, 0.1, count))


@pytest.mark.parametrize("family", ["lognormal", "gamma", "mixture"])
def test_parameters_are_found_again(family: Family) -> None:
    """With many samples the moments are those of the samples, and the law is not rejected."""
    samples = drawn(family, 500, 3)
    law = fitted_law(samples, family, seed=0)
    assert law.mean == pytest.approx(samples.mean(), rel=0.02)
    assert law.cv == pytest.approx(samples.std() / samples.mean(), rel=0.08)
    assert law.p_value > REJECTED_BELOW


def test_gamma_is_the_maximum_of_the_likelihood() -> None:
    """As SciPy finds it."""
    samples = drawn("gamma", 200, 5)
    shape, _, scale = stats.gamma.fit(samples, floc=0)
    law = fitted_law(samples, "gamma", seed=0)
    assert law.parameters == pytest.approx({"shape": shape, "scale": scale}, rel=1e-3)


def test_the_level_of_the_test_is_kept() -> None:
    """Samples of a lognormal law with unknown parameters are rejected about as often as stated.

    60 series: the 99.9 % interval of a binomial law around a level of one tenth. The tables of Kolmogorov and Smirnov
    would never reject (Lilliefors 1967).
    """
    rejected = sum(
        fitted_law(drawn("lognormal", 60, seed), "lognormal", seed=seed).p_value < REJECTED_BELOW for seed in range(60)
    )
    low, high = stats.binom.ppf([0.0005, 0.9995], 60, REJECTED_BELOW)
    assert max(low, 1) <= rejected <= high


def test_the_simplest_law_that_fits_is_taken() -> None:
    """Two groups need the mixture; a uniform law with gaps fits none and keeps its samples."""
    for family in ("lognormal", "mixture"):
        found = with_law(segment(drawn(family, 200, 3)), seed=0).fitted  # type: ignore[arg-type]
        assert found is not None
        assert found.family == family
    three = np.concatenate([np.linspace(1, 1.01, 70), np.linspace(2, 2.01, 70), np.linspace(4, 4.01, 70)])
    odd = with_law(segment(three), seed=0)
    assert odd.fitted is None
    assert odd.notes[-1].startswith("no law fits, the samples stand for themselves (lognormal p = 0.005")


def test_few_samples_are_not_fitted() -> None:
    """Almost any law would pass."""
    found = with_law(segment(np.full(10, 0.01)), seed=0)
    assert found.fitted is None
    assert "10 samples, at least 50 needed" in found.notes[0]


def test_equal_samples_do_not_break_a_fit() -> None:
    """A clock may tick coarsely; no law is that narrow."""
    assert with_law(segment(np.full(60, 0.01)), seed=0).fitted is None


@pytest.mark.parametrize("family", ["lognormal", "gamma", "mixture"])
def test_a_scaled_law_is_that_of_scaled_samples(family: Family) -> None:
    """Mean and parameters move together."""
    samples = drawn(family, 100, 2)
    scaled, other = fitted_law(samples, family, seed=0).scaled(8.0), fitted_law(8 * samples, family, seed=0)
    assert scaled.mean == pytest.approx(other.mean, rel=1e-6)
    assert scaled.parameters == pytest.approx(other.parameters, rel=1e-4)
