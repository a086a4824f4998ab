"""Chance: one named stream per random process, addressable by request.

A request brings its own chance: the number it draws at a step depends on the seed, the replication, the name of the
stream and the request alone, not on what happened before. So two plans, two policies and two engines meet the same
fate request by request (common random numbers), in whatever order they ask. The generator is SplitMix64, whose
n-th output is a function of n (G. L. Steele, D. Lea, C. H. Flood: Fast splittable pseudorandom number generators,
OOPSLA 2014).
"""

from __future__ import annotations

from typing import Any
from zlib import crc32

import numpy as np

GAMMA = 0x9E3779B97F4A7C15
MASK = 0xFFFFFFFFFFFFFFFF
VISIT_STRIDE = 1 << 40
"""Distance between the numbers of a request's first, second, … visit to the same step."""

FloatArray = np.ndarray[Any, np.dtype[np.float64]]


def stream(seed: int, replication: int, name: str) -> np.random.Generator:
    """Return the sequential generator of the random process called *name*."""
    return np.random.default_rng([seed, replication, crc32(name.encode())])


def stream_key(seed: int, replication: int, name: str) -> int:
    """Return the start of the addressable stream called *name*, a 64-bit number."""
    entropy = np.random.SeedSequence([seed, replication, crc32(name.encode()), 1])
    return int(entropy.generate_state(1, np.uint64)[0])


def uniforms(key: int, first: int, count: int) -> FloatArray:
    """Return the numbers *first* … *first + count - 1* of a stream, uniform in [0, 1), shape (count,)."""
    with np.errstate(over="ignore"):
        z = np.arange(first + 1, first + 1 + count, dtype=np.uint64) * np.uint64(GAMMA) + np.uint64(key)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z ^= z >> np.uint64(31)
    return (z >> np.uint64(11)).astype(np.float64) * 2.0**-53


def uniform(key: int, index: int) -> float:
    """Return number *index* of a stream; the same as ``uniforms(key, index, 1)[0]``."""
    z = ((index + 1) * GAMMA + key) & MASK
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
    z ^= z >> 31
    return (z >> 11) * 2.0**-53
