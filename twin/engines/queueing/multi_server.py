"""Queues with several servers and Poisson arrivals, first come, first served."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq

from twin.engines.queueing.preconditions import (
    birth_death_law,
    require,
    require_non_negative,
    require_servers,
)


def erlang_b(servers: int, offered_load: float) -> float:
    """Return the probability that a request finds all *servers* busy and is lost (M/G/c/c).

    Erlang (1917); the recursion over the servers is Jagerman (1974), stable for any size. Zero servers lose everything.

    Raises:
        ValueError: *servers* or *offered_load* is negative or not finite.

    """
    require_servers(servers, at_least=0)
    require_non_negative(offered_load=offered_load)
    return erlang_b_up_to(servers, offered_load)[-1]


def erlang_c(servers: int, offered_load: float) -> float:
    """Return the probability that a request has to wait (M/M/c); 1 if the queue is unstable.

    Erlang (1917), from the loss probability (Cooper 1981, ch. 3).

    Raises:
        ValueError: *servers* is below 1, or *offered_load* is negative or not finite.

    """
    require_servers(servers)
    if offered_load >= servers:
        return 1.0
    loss = erlang_b(servers, offered_load)
    return loss / (1.0 - offered_load / servers * (1.0 - loss))


def mmc_waiting_time(arrival_rate: float, service_time: float, servers: int) -> float:
    """Return the mean seconds a request waits for one of *servers* (M/M/c, Kleinrock 1975, §3.5).

    Raises:
        ValueError: an argument is negative or not finite, or *servers* is below 1.

    """
    require_servers(servers)
    require_non_negative(arrival_rate=arrival_rate, service_time=service_time)
    load = arrival_rate * service_time
    if load >= servers:
        return math.inf
    return erlang_c(servers, load) * service_time / (servers - load)


def mmc_response_time(arrival_rate: float, service_time: float, servers: int) -> float:
    """Return the mean seconds from arrival to departure, waiting plus service (M/M/c, Kleinrock 1975, §3.5).

    Raises:
        ValueError: an argument is negative or not finite, or *servers* is below 1.

    """
    return mmc_waiting_time(arrival_rate, service_time, servers) + service_time


def mmc_response_time_survival(arrival_rate: float, service_time: float, servers: int, seconds: float) -> float:
    """Return the probability that a response takes longer than *seconds* (M/M/c, first come first served).

    The wait is zero or exponential with rate ``servers / service_time - arrival_rate``, the service exponential and
    independent of it; this is the tail of their sum (Gross & Harris 1998, §2.3).

    Raises:
        ValueError: an argument is negative or not finite, or *servers* is below 1.

    """
    require_servers(servers)
    require_non_negative(arrival_rate=arrival_rate, service_time=service_time, seconds=seconds)
    load = arrival_rate * service_time
    if load >= servers:
        return 1.0
    if service_time == 0.0:
        return 0.0
    return _response_survival(seconds / service_time, erlang_c(servers, load), servers - load)


def mmc_response_time_quantile(arrival_rate: float, service_time: float, servers: int, probability: float) -> float:
    """Return the seconds within which a share *probability* of the responses arrives (M/M/c, first come first served).

    Exact: the root of :func:`mmc_response_time_survival`.

    Raises:
        ValueError: *probability* is not in [0, 1), *servers* is below 1, or another argument is negative or not finite.

    """
    require_servers(servers)
    require_non_negative(arrival_rate=arrival_rate, service_time=service_time)
    require(0.0 <= probability < 1.0, f"probability must be in [0, 1), not {probability}")
    load = arrival_rate * service_time
    if load >= servers:
        return math.inf
    if probability == 0.0:
        return 0.0
    waits, drain_rate = erlang_c(servers, load), servers - load

    def excess(services: float) -> float:
        return math.log(_response_survival(services, waits, drain_rate)) - math.log1p(-probability)

    upper = 1.0
    while excess(upper) > 0.0:
        upper *= 2.0
    # Finer than the rounding of the tail; probabilities below that rounding need many bisections.
    return service_time * float(brentq(excess, 0.0, upper, xtol=1e-16, maxiter=1000))


@dataclass(frozen=True, slots=True, kw_only=True)
class FiniteQueue:
    """The steady state of a queue that turns requests away when it is full."""

    blocking_probability: float
    """Share of the requests that find the queue full and are lost."""

    mean_number: float
    """Mean number of requests present, waiting or in service."""

    throughput: float
    """Accepted requests/s."""

    response_time: float
    """Mean seconds of an accepted request."""


def mmck(arrival_rate: float, service_time: float, servers: int, capacity: int) -> FiniteQueue:
    """Return the steady state of an M/M/c/K queue; it exists for every load (Gross & Harris 1998, §2.4).

    Args:
        arrival_rate: Offered requests/s, lost ones included.
        service_time: Mean seconds of a service.
        servers: Number of servers.
        capacity: Places for requests, those in service included.

    Raises:
        ValueError: *capacity* is below *servers*, *servers* below 1, or another argument negative or not finite.

    """
    require_servers(servers)
    require_non_negative(arrival_rate=arrival_rate, service_time=service_time)
    require(capacity >= servers, f"capacity counts the servers: {capacity} places cannot hold {servers} servers")
    busy = np.minimum(np.arange(1, capacity + 1), servers)
    with np.errstate(divide="ignore"):
        law = birth_death_law(np.log(arrival_rate * service_time) - np.log(busy))
    mean_number = float(law @ np.arange(capacity + 1))
    throughput = arrival_rate * float(law[:-1].sum())
    return FiniteQueue(
        blocking_probability=float(law[-1]),
        mean_number=mean_number,
        throughput=throughput,
        response_time=mean_number / throughput if mean_number > 0.0 else service_time,
    )


def erlang_b_up_to(servers: int, offered_load: float) -> list[float]:
    """Return the loss probabilities of 0, 1, ..., *servers* servers."""
    losses = [1.0]
    for count in range(1, servers + 1):
        carried = offered_load * losses[-1]
        losses.append(carried / (count + carried))
    return losses


def _response_survival(services: float, waits: float, drain_rate: float) -> float:
    """Return P(response > *services*), with the mean service time as the unit of time.

    *waits* is the probability to wait, *drain_rate* the rate of the exponential wait of those who do.
    """
    gap = abs(drain_rate - 1.0)
    both = -math.expm1(-gap * services) / gap if gap > 0.0 else services
    return math.exp(-services) + waits * math.exp(-min(drain_rate, 1.0) * services) * both
