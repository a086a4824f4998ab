"""Networks of queues: traffic equations, closed networks."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from twin.engines.queueing.preconditions import (
    Array,
    is_non_negative,
    require,
    require_non_negative,
)


def traffic_equations(external: ArrayLike, routing: ArrayLike) -> Array:
    """Return the rate at which each station of an open network is visited (Jackson 1957).

    Args:
        external: Arrivals from outside, 1/s, shape (stations,).
        routing: Mean number of requests sent to station j by one that leaves station i, shape (stations, stations).
            Rows may sum to less than 1 (requests leave) or to more (requests fork).

    Returns:
        The rates in 1/s, shape (stations,): the solution of ``rates = external + rates @ routing``.

    Raises:
        ValueError: the shapes do not fit, a value is negative or not finite, or requests multiply or circulate for
            ever (the spectral radius of *routing* is 1 or more).

    """
    inflow, matrix = np.asarray(external, dtype=float), np.asarray(routing, dtype=float)
    require(
        inflow.ndim == 1 and matrix.shape == (inflow.size, inflow.size),
        f"external {inflow.shape} and routing {matrix.shape} must have the shapes (n,) and (n, n)",
    )
    require(is_non_negative(inflow) and is_non_negative(matrix), "rates must be finite and not negative")
    if inflow.size == 0:
        return inflow.copy()
    radius = float(np.abs(np.linalg.eigvals(matrix)).max())
    # A stochastic matrix has the radius 1 only up to rounding.
    require(radius < 1.0 - 1e-12, f"requests never leave the network: the spectral radius of routing is {radius:g}")
    return np.linalg.solve(np.eye(inflow.size) - matrix.T, inflow)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClosedNetwork:
    """The steady state of a closed network: a fixed population that thinks, visits the stations, and thinks again."""

    throughput: float
    """Completed cycles/s."""

    response_time: float
    """Mean seconds of a cycle without the think time."""

    response_times: tuple[float, ...]
    """Mean seconds of a cycle spent at each station, all visits together."""

    mean_numbers: tuple[float, ...]
    """Mean number of requests at each station; the rest of the population thinks."""


def mva(demands: Sequence[float], population: int, think_time: float, servers: Sequence[float]) -> ClosedNetwork:
    """Return the exact mean values of a closed single-chain product-form network (Reiser & Lavenberg 1980).

    They are computed by convolution (Buzen 1973) of logarithms: the recursion of load-dependent mean value analysis
    subtracts and loses all digits for large populations, the convolution only adds.

    Args:
        demands: Seconds of service one cycle needs at each station (visits times service time).
        population: Number of circulating requests, at least 1.
        think_time: Mean seconds between two cycles.
        servers: Servers of each station; 0 or ``math.inf`` for a station without queueing.

    Raises:
        ValueError: the lengths differ, a value is negative, *population* is below 1, or no cycle takes any time.

    """
    require(len(demands) == len(servers), f"{len(demands)} demands do not match {len(servers)} server counts")
    require(population >= 1, f"population must be at least 1, not {population}")
    require_non_negative(think_time=think_time, **{f"demands[{i}]": demand for i, demand in enumerate(demands)})
    require(all(count >= 0 for count in servers), f"server counts must not be negative: {list(servers)}")
    require(think_time + sum(demands) > 0.0, "a cycle without think time and demands takes no time")
    stations = [_log_station_weights(*station, population) for station in zip(demands, servers, strict=True)]
    others, whole = _log_normalisations(stations, _log_station_weights(think_time, 0, population))
    throughput = math.exp(whole[-2] - whole[-1])
    numbers = tuple(
        float(np.arange(population + 1) @ np.exp(station + rest[::-1] - whole[-1]))
        for station, rest in zip(stations, others, strict=True)
    )
    response_times = tuple(number / throughput for number in numbers)
    return ClosedNetwork(
        throughput=throughput,
        response_time=math.fsum(response_times),
        response_times=response_times,
        mean_numbers=numbers,
    )


def _log_station_weights(demand: float, servers: float, population: int) -> Array:
    """Return the logarithms of a station's product-form weights of 0, 1, ..., *population* requests."""
    present = np.arange(1, population + 1)
    speeds = np.minimum(present, servers) if servers > 0 else present
    with np.errstate(divide="ignore"):
        steps = np.log(demand) - np.log(speeds)
    return np.concatenate(([0.0], np.cumsum(steps)))


def _log_normalisations(stations: Sequence[Array], thinking: Array) -> tuple[list[Array], Array]:
    """Return the logarithmic normalisation constants of the network without each station, and of the whole one."""
    before, after = [thinking], [_log_station_weights(0.0, 0, thinking.size - 1)]
    for station in stations:
        before.append(_log_convolve(before[-1], station))
    for station in reversed(stations):
        after.append(_log_convolve(after[-1], station))
    without = [_log_convolve(left, right) for left, right in zip(before[:-1], after[-2::-1], strict=True)]
    return without, before[-1]


def _log_convolve(left: Array, right: Array) -> Array:
    """Return the logarithm of the convolution of two sequences given by their logarithms, cut to their length."""
    result = np.full(left.size, -math.inf)
    for total in range(left.size):
        terms = left[: total + 1] + right[total::-1]
        largest = terms.max()
        if largest > -math.inf:
            result[total] = largest + np.log(np.exp(terms - largest).sum())
    return result
