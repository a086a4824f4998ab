"""Random numbers for compiled walks: each walk has dice of its own, so that equal seeds give equal walks.

SplitMix64 (Steele, Lea and Flood, Fast Splittable Pseudorandom Number Generators, 2014): a few instructions a number.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from design.kernels import kernel

Dice = NDArray[np.uint64]
"""The state, one number."""


def new_dice(seed: int) -> Dice:
    """Return dice that begin at *seed*."""
    return np.array([seed % 2**64], dtype=np.uint64)


@kernel
def chance(dice: Dice) -> float:
    """Return a number between 0 and 1, 1 excluded."""
    dice[0] += np.uint64(0x9E3779B97F4A7C15)
    mixed = dice[0]
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    mixed = mixed ^ (mixed >> np.uint64(31))
    return float(mixed >> np.uint64(11)) * 1.1102230246251565e-16


@kernel
def pick(dice: Dice, first: int, end: int) -> int:
    """Return one of the whole numbers from *first* to before *end*, all equally likely."""
    return first + int(chance(dice) * (end - first))
