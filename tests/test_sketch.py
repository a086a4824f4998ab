"""Sketches know every quantile to the error they state, and parts add up to the whole."""

from __future__ import annotations

import numpy as np
import pytest

from twin.sketch import COARSEST, FINEST, SMALLEST, Sketches, bits_for

LEVELS = np.array([0.0, 0.001, 0.25, 0.5, 0.95, 0.99, 0.9999, 1.0])


def sketch_of(*parts: np.ndarray, bits: int = COARSEST) -> Sketches:
    """Return a sketch of one series, filled part by part."""
    sketch = Sketches(1, bits)
    for part in parts:
        sketch.add(np.zeros(len(part), dtype=np.int64), part)
    return sketch


@pytest.mark.parametrize("bits", [COARSEST, FINEST])
@pytest.mark.parametrize("law", ["exponential", "lognormal", "two values", "constant", "huge and tiny"])
def test_quantiles_are_within_the_stated_error(law: str, bits: int) -> None:
    """At every level, for times over many orders of magnitude."""
    rng = np.random.default_rng(3)
    values = {
        "exponential": rng.exponential(0.3, 5000),
        "lognormal": rng.lognormal(0.0, 3.0, 5000),
        "two values": rng.choice([0.1, 7.0], 5000),
        "constant": np.full(100, 0.3),
        "huge and tiny": np.concatenate([rng.exponential(1e-7, 500), rng.exponential(1e9, 500)]),
    }[law]
    sketch = sketch_of(values, bits=bits)
    np.testing.assert_allclose(
        sketch.quantiles(0, LEVELS), np.quantile(values, LEVELS), rtol=sketch.relative_error * (1 + 1e-9)
    )


def test_extremes_are_exact() -> None:
    """The largest and the smallest value are kept as they are."""
    sketch = sketch_of(np.array([0.123456, 3.0, 9.87654]))
    assert list(sketch.quantiles(0, np.array([0.0, 1.0]))) == [0.123456, 9.87654]


def test_parts_add_up() -> None:
    """Filled in parts, each further out than the one before, a sketch is what it is filled at once."""
    parts = [np.array([1.0, 1.1]), np.array([1000.0]), np.array([1e-6, 0.5]), np.empty(0)]
    np.testing.assert_array_equal(
        sketch_of(*parts).quantiles(0, LEVELS), sketch_of(np.concatenate(parts)).quantiles(0, LEVELS)
    )


def test_series_do_not_mix() -> None:
    """Every series has its own quantiles; one without values has none."""
    sketch = Sketches(3, FINEST)
    sketch.add(np.array([0, 2, 0, 2]), np.array([1.0, 8.0, 1.0, 8.0]))
    assert [float(sketch.quantiles(i, np.array([0.5]))[0]) for i in (0, 2)] == [1.0, 8.0]
    assert np.isnan(sketch.quantiles(1, LEVELS)).all()
    assert [sketch.count(i) for i in range(3)] == [2, 0, 2]


def test_no_time_is_a_time() -> None:
    """Zero, and what rounding makes of it, counts as the smallest time."""
    found = sketch_of(np.array([0.0, -1e-17, 0.0, 1.0])).quantiles(0, np.array([0.0, 0.5, 1.0]))
    assert abs(found[1]) <= 2 * SMALLEST
    assert found[2] == 1.0


def test_many_sketches_are_coarser() -> None:
    """They share one room."""
    assert bits_for(1) == FINEST
    assert bits_for(1_000_000) == COARSEST
    assert FINEST > bits_for(1000) > COARSEST
