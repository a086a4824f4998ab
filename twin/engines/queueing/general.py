"""Queues with general distributions: exact for one server, estimates beyond."""

from __future__ import annotations

import math

from twin.engines.queueing.multi_server import mmc_waiting_time
from twin.engines.queueing.preconditions import (
    require_non_negative,
)


def mg1_waiting_time(arrival_rate: float, service_time_mean: float, service_time_scv: float) -> float:
    """Return the mean waiting seconds of an M/G/1 queue, first come first served (Pollaczek 1930, Khinchine 1932).

    Args:
        arrival_rate: Requests/s.
        service_time_mean: Mean seconds of a service.
        service_time_scv: Squared coefficient of variation of the service time (0 constant, 1 exponential).

    Raises:
        ValueError: an argument is negative or not finite.

    """
    require_non_negative(
        arrival_rate=arrival_rate, service_time_mean=service_time_mean, service_time_scv=service_time_scv
    )
    utilisation = arrival_rate * service_time_mean
    if utilisation >= 1.0:
        return math.inf
    return utilisation * service_time_mean * (1.0 + service_time_scv) / 2.0 / (1.0 - utilisation)


def mgc_waiting_time(arrival_rate: float, service_time_mean: float, service_time_scv: float, servers: int) -> float:
    """Return an estimate of the mean waiting seconds of an M/G/c queue (Lee & Longton 1959; Allen 1990, ch. 5).

    Exact for one server and for exponential service; otherwise within some percent, worse for few requests that wait.

    Args:
        arrival_rate: Requests/s.
        service_time_mean: Mean seconds of a service.
        service_time_scv: Squared coefficient of variation of the service time (0 constant, 1 exponential).
        servers: Number of servers.

    Raises:
        ValueError: an argument is negative or not finite, or *servers* is below 1.

    """
    return kingman(arrival_rate, service_time_mean, 1.0, service_time_scv, servers)


def kingman(
    arrival_rate: float, service_time: float, scv_arrival: float, scv_service: float, servers: int = 1
) -> float:
    """Return an estimate of the mean waiting seconds of a G/G/c queue, asymptotically exact in heavy traffic.

    Kingman (1961) for one server; for several the M/M/c wait is scaled likewise (Allen & Cunneen; Allen 1990, ch. 5).

    Args:
        arrival_rate: Requests/s.
        service_time: Mean seconds of a service.
        scv_arrival: Squared coefficient of variation of the time between arrivals (1 Poisson).
        scv_service: Squared coefficient of variation of the service time (0 constant, 1 exponential).
        servers: Number of servers.

    Raises:
        ValueError: an argument is negative or not finite, or *servers* is below 1.

    """
    require_non_negative(scv_arrival=scv_arrival, scv_service=scv_service)
    exponential = mmc_waiting_time(arrival_rate, service_time, servers)
    if math.isinf(exponential):  # also where no variation would make the product 0 * inf
        return math.inf
    return (scv_arrival + scv_service) / 2.0 * exponential
