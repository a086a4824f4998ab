"""Chance inside the kernel: the same numbers, from the same streams, by the same formulas as ``twin.streams``."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from twin.engines.compiled.jit import compiled, inlined
from twin.engines.compiled.rows import bits_of, clock_of, from_bits, laws, ring, samples
from twin.engines.compiled.special import gamma_quantile, normal_quantile
from twin.engines.compiled.world import NONE, Row, World
from twin.model.logarithm import COEFFICIENTS, LN2_HIGH, LN2_LOW, ROOT_OF_HALF

GAMMA = np.uint64(0x9E3779B97F4A7C15)
FIRST_MIX = np.uint64(0xBF58476D1CE4E5B9)
SECOND_MIX = np.uint64(0x94D049BB133111EB)
SHIFTS = (np.uint64(30), np.uint64(27), np.uint64(31), np.uint64(11))
VISIT_BITS = 40
"""Binary logarithm of ``twin.streams.VISIT_STRIDE``."""

AHEAD = 64
"""Requests whose times are drawn together: vector units draw eight of them in the time of two."""

RING = 1024
"""Requests whose times are kept; older ones draw again."""

CONSTANT, EXPONENTIAL, UNIFORM, EMPIRICAL, LOGNORMAL, GAMMA_LAW = range(6)
"""Families of laws."""

SMALLEST = 1e-300
"""What stands for 0 where the normal law has no quantile."""

FRACTION_BITS = (1 << 52) - 1

BITS_OF_HALF = 1022 << 52
"""The sign and exponent of numbers from 0.5 to 1."""

A, B, C, D, E, G, H = COEFFICIENTS


@inlined
def uniform(key: Any, index: int) -> float:
    """Return number *index* of the stream that starts at *key*."""
    z = np.uint64(index + 1) * GAMMA + key
    z = (z ^ (z >> SHIFTS[0])) * FIRST_MIX
    z = (z ^ (z >> SHIFTS[1])) * SECOND_MIX
    z ^= z >> SHIFTS[2]
    return float(np.int64(z >> SHIFTS[3])) * 2.0**-53


@inlined
def log_survival(u: float) -> float:
    """Return ln(1 - u), digit by digit as ``twin.model.logarithm`` does."""
    bits = bits_of(1.0 - u)
    fraction = from_bits((bits & FRACTION_BITS) | BITS_OF_HALF)
    exponent = (bits >> 52) - 1022
    if fraction < ROOT_OF_HALF:
        fraction = fraction + fraction
        exponent -= 1
    f = fraction - 1.0
    k = float(exponent)
    s = f / (2.0 + f)
    z = s * s
    w = z * z
    r = w * (B + w * (D + w * G)) + z * (A + w * (C + w * (E + w * H)))
    half = 0.5 * f * f
    return k * LN2_HIGH - ((half - (s * (half + r) + k * LN2_LOW)) - f)


@inlined
def quantile(world: World, law: int, request: int, visit: int) -> float:
    """Return the time that *request* brings along for its *visit* to the step of *law*."""
    row = laws(world, law)
    if row.family == CONSTANT:
        return float(row.scale * row.mean)
    if row.ring != NONE and visit == 0 and request >= clock_of(world).drawn - RING:
        return float(ring(world, row.ring + (request & (RING - 1))).value)
    u = uniform(row.key, request + (visit << VISIT_BITS))
    if row.family == EXPONENTIAL:
        return float(row.scale * (-row.mean * log_survival(u)))
    if row.family == UNIFORM:
        return float(row.scale * (row.mean * (1 + row.spread * (2 * u - 1))))
    if row.family == EMPIRICAL:
        return float(row.scale * samples(world, row.samples + int(u * row.samples_count)).value)
    return float(row.scale * _by_special_function(world, row, u))


@compiled
def _by_special_function(world: World, row: Row, u: float) -> float:
    """Return a quantile by the functions that ``twin.model.law`` calls, SciPy's own."""
    if row.family == LOGNORMAL:
        sigma = row.spread
        return float(row.mean * math.exp(sigma * normal_quantile(world, max(u, SMALLEST)) - sigma**2 / 2))
    shape = row.spread
    return float(row.mean / shape * gamma_quantile(world, shape, u))


@compiled
def draw_ahead(world: World) -> None:
    """Draw the exponential times of the requests that come next, at the steps that most requests visit."""
    clock = clock_of(world)
    first = clock.drawn
    clock.drawn = first + AHEAD
    for law in range(clock.laws):
        row = laws(world, law)
        if row.ring != NONE:
            _draw_block(world, row.ring + (first & (RING - 1)), first, row.key, row.scale, row.mean)


@compiled
def _draw_block(world: World, place: int, first: int, key: int, scale: float, mean: float) -> None:
    for i in range(AHEAD):
        ring(world, place + i).value = scale * (-mean * log_survival(uniform(key, first + i)))
