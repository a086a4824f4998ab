"""Arrival times of open sources, drawn in blocks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from twin.model.events import LoadStep
from twin.model.law import LawName
from twin.model.workload import (
    Arrivals,
    Batch,
    Closed,
    Deterministic,
    MarkovModulated,
    Piecewise,
    Poisson,
    Renewal,
    Sinusoid,
    Trace,
)

BLOCK = 4096
"""Arrivals drawn at a time."""

FloatArray = np.ndarray[Any, np.dtype[np.float64]]


def arrival_blocks(
    process: Arrivals, rng: np.random.Generator, *, bare: LawName = "exponential", steps: tuple[LoadStep, ...] = ()
) -> Iterator[FloatArray]:
    """Yield increasing arrival times in seconds, in blocks; finite for a trace, endless otherwise.

    Load steps stretch and squeeze time: where the factor is 2, everything the process does happens twice as fast.
    """
    for block in _blocks(process, rng, bare):
        yield _warped(block, steps) if steps else block


def _blocks(process: Arrivals, rng: np.random.Generator, bare: LawName) -> Iterator[FloatArray]:
    match process:
        case Poisson() | Deterministic() | Renewal():
            return _renewal(process, rng, bare)
        case Piecewise():
            return _piecewise(process, rng)
        case Sinusoid():
            return _sinusoid(process, rng)
        case MarkovModulated():
            return _markov_modulated(process, rng)
        case Batch():
            return _batches(process, rng)
        case Trace():
            return iter([np.sort(np.asarray(process.times, dtype=np.float64))])
        case Closed():
            raise ValueError("a closed source has no arrival times of its own")


def _renewal(
    process: Poisson | Deterministic | Renewal, rng: np.random.Generator, bare: LawName
) -> Iterator[FloatArray]:
    if isinstance(process, Poisson):
        return _sums(lambda: rng.exponential(1 / process.rate, BLOCK))
    if isinstance(process, Deterministic):
        return _sums(lambda: np.full(BLOCK, 1 / process.rate))
    gap = process.gap.resolved(bare)
    return _sums(lambda: gap.quantiles(rng.random(BLOCK)))


def _sums(gaps: Callable[[], FloatArray]) -> Iterator[FloatArray]:
    now = 0.0
    while True:
        times = now + np.cumsum(gaps())
        now = float(times[-1])
        yield times


def _piecewise(process: Piecewise, rng: np.random.Generator) -> Iterator[FloatArray]:
    """Invert the cumulative rate at the points of a Poisson process of rate 1 (exact)."""
    times, rates = np.asarray(process.times), np.asarray(process.rates)
    mass = np.concatenate([[0.0], np.cumsum(np.diff(times) * rates[:-1])])
    whole = mass[-1] + rates[-1] * (process.period - times[-1]) if process.period else np.inf
    for points in _sums(lambda: rng.exponential(1.0, BLOCK)):
        turns, rest = np.divmod(points, whole)
        if not process.period and rates[-1] == 0:
            rest = rest[rest < mass[-1]]
            turns = turns[: len(rest)]
        yield turns * (process.period or 0.0) + _inverted(rest, times, rates, mass)
        if len(rest) < BLOCK:
            return


def _inverted(points: FloatArray, times: FloatArray, rates: FloatArray, mass: FloatArray) -> FloatArray:
    """Return when the cumulative rate, *mass* at *times*, reaches *points*; pieces without arrivals are skipped."""
    piece = np.searchsorted(mass, points, side="right") - 1
    gap = points - mass[piece]
    return times[piece] + np.divide(gap, rates[piece], out=np.zeros_like(gap), where=rates[piece] > 0)


def _sinusoid(process: Sinusoid, rng: np.random.Generator) -> Iterator[FloatArray]:
    """Thin a Poisson process at the highest rate (Lewis and Shedler 1979; exact)."""
    highest = process.rate * (1 + process.amplitude)
    for times in _sums(lambda: rng.exponential(1 / highest, BLOCK)):
        wave = np.sin(2 * np.pi * (times / process.period + process.phase))
        yield times[rng.random(BLOCK) * (1 + process.amplitude) < 1 + process.amplitude * wave]


def _markov_modulated(process: MarkovModulated, rng: np.random.Generator) -> Iterator[FloatArray]:
    """Draw a stretch of sojourns, then the Poisson points on its cumulative rate; it begins in a stationary state."""
    sojourns = np.array([state.sojourn for state in process.states])
    state = int(rng.choice(len(sojourns), p=sojourns / sojourns.sum()))
    now = 0.0
    while True:
        order = (state + np.arange(256)) % len(sojourns)
        ends = now + np.cumsum(rng.exponential(sojourns[order]))
        starts = np.concatenate([[now], ends[:-1]])
        rates = np.array([process.states[i].rate for i in order])
        mass = np.concatenate([[0.0], np.cumsum((ends - starts) * rates)])
        points = np.sort(rng.random(rng.poisson(mass[-1])) * mass[-1])
        now, state = float(ends[-1]), int((order[-1] + 1) % len(sojourns))
        if len(points):
            yield _inverted(points, starts, rates, mass[:-1])


def _batches(process: Batch, rng: np.random.Generator) -> Iterator[FloatArray]:
    for times in _sums(lambda: rng.exponential(process.size / process.rate, BLOCK)):
        if process.sizes == "geometric":
            yield np.repeat(times, rng.geometric(1 / process.size, BLOCK))
        else:
            yield np.repeat(times, process.size)


def _warped(block: FloatArray, steps: tuple[LoadStep, ...]) -> FloatArray:
    """Return when a clock that runs at the load factor shows the times of *block*."""
    ordered = sorted(steps, key=lambda step: step.at)
    times = np.array([0.0] + [step.at for step in ordered])
    factors = np.array([1.0] + [step.factor for step in ordered])
    clock = np.concatenate([[0.0], np.cumsum(np.diff(times) * factors[:-1])])
    return _inverted(block, times, factors, clock)
