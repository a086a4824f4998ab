"""Closed forms of queueing theory: what the steady state of a queue is, without simulating it.

Times are in seconds, rates in 1/s; the offered load is ``arrival_rate * service_time`` in busy servers. A queue that
cannot keep up (utilisation >= 1) has no steady state: its waiting and response times are ``math.inf``, never negative.
Functions whose docstring says *estimate* are approximations; all others are exact for the model they name.

>>> mmc_response_time(arrival_rate=6.0, service_time=1 / 3, servers=3)  # doctest: +ELLIPSIS
0.481481481481...
>>> mmc_response_time(arrival_rate=9.0, service_time=1 / 3, servers=3)
inf
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import brentq
from scipy.special import gammainc

Array = NDArray[np.float64]


# Several servers, Poisson arrivals ------------------------------------------------------------------------------------


def erlang_b(servers: int, offered_load: float) -> float:
    """Return the probability that a request finds all *servers* busy and is lost (M/G/c/c).

    Erlang (1917); the recursion over the servers is Jagerman (1974), stable for any size. Zero servers lose everything.

    Raises:
        ValueError: *servers* or *offered_load* is negative or not finite.

    """
    _require_servers(servers, at_least=0)
    _require_non_negative(offered_load=offered_load)
    return _erlang_b_up_to(servers, offered_load)[-1]


def erlang_c(servers: int, offered_load: float) -> float:
    """Return the probability that a request has to wait (M/M/c); 1 if the queue is unstable.

    Erlang (1917), from the loss probability (Cooper 1981, ch. 3).

    Raises:
        ValueError: *servers* is below 1, or *offered_load* is negative or not finite.

    """
    _require_servers(servers)
    if offered_load >= servers:
        return 1.0
    loss = erlang_b(servers, offered_load)
    return loss / (1.0 - offered_load / servers * (1.0 - loss))


def mmc_waiting_time(arrival_rate: float, service_time: float, servers: int) -> float:
    """Return the mean seconds a request waits for one of *servers* (M/M/c, Kleinrock 1975, §3.5).

    Raises:
        ValueError: an argument is negative or not finite, or *servers* is below 1.

    """
    _require_servers(servers)
    _require_non_negative(arrival_rate=arrival_rate, service_time=service_time)
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
    _require_servers(servers)
    _require_non_negative(arrival_rate=arrival_rate, service_time=service_time, seconds=seconds)
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
    _require_servers(servers)
    _require_non_negative(arrival_rate=arrival_rate, service_time=service_time)
    _require(0.0 <= probability < 1.0, f"probability must be in [0, 1), not {probability}")
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
    _require_servers(servers)
    _require_non_negative(arrival_rate=arrival_rate, service_time=service_time)
    _require(capacity >= servers, f"capacity counts the servers: {capacity} places cannot hold {servers} servers")
    busy = np.minimum(np.arange(1, capacity + 1), servers)
    with np.errstate(divide="ignore"):
        law = _birth_death_law(np.log(arrival_rate * service_time) - np.log(busy))
    mean_number = float(law @ np.arange(capacity + 1))
    throughput = arrival_rate * float(law[:-1].sum())
    return FiniteQueue(
        blocking_probability=float(law[-1]),
        mean_number=mean_number,
        throughput=throughput,
        response_time=mean_number / throughput if mean_number > 0.0 else service_time,
    )


# General distributions ------------------------------------------------------------------------------------------------


def mg1_waiting_time(arrival_rate: float, service_time_mean: float, service_time_scv: float) -> float:
    """Return the mean waiting seconds of an M/G/1 queue, first come first served (Pollaczek 1930, Khinchine 1932).

    Args:
        arrival_rate: Requests/s.
        service_time_mean: Mean seconds of a service.
        service_time_scv: Squared coefficient of variation of the service time (0 constant, 1 exponential).

    Raises:
        ValueError: an argument is negative or not finite.

    """
    _require_non_negative(
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
    _require_non_negative(scv_arrival=scv_arrival, scv_service=scv_service)
    exponential = mmc_waiting_time(arrival_rate, service_time, servers)
    if math.isinf(exponential):  # also where no variation would make the product 0 * inf
        return math.inf
    return (scv_arrival + scv_service) / 2.0 * exponential


# Processor sharing ----------------------------------------------------------------------------------------------------


def limited_ps_mean_number(offered_load: float, parallelism: float = 1.0) -> float:
    """Return the mean number of requests at a node they share equally, with total speed ``min(n, parallelism)``.

    No request runs faster than speed 1, all together not faster than *parallelism*, which may be a fraction (a lone
    request then runs at that speed). Exact for every service-time distribution with the same mean (Cohen 1979; BCMP:
    Baskett et al. 1975). With parallelism 1 it is ``U / (1 - U)``, with ``math.inf`` the offered load.

    Args:
        offered_load: Requests/s times the seconds of a service at speed 1.
        parallelism: Total speed the node can give, above 0.

    Raises:
        ValueError: *offered_load* is negative or not finite, or *parallelism* is not above 0.

    """
    _require_non_negative(offered_load=offered_load)
    _require(parallelism > 0.0, f"parallelism must be above 0, not {parallelism}")
    if offered_load >= parallelism:
        return math.inf
    if math.isinf(parallelism):
        return offered_load
    # Below `whole` requests the chain is Erlang's loss system, above it is geometric; both are weighed against the
    # state `whole`, whose share of the loss system is its loss probability.
    whole = math.floor(parallelism)
    loss = erlang_b(whole, offered_load)
    ratio = offered_load / parallelism
    tail = ratio / (1.0 - ratio)
    number = offered_load * (1.0 - loss) + loss * tail * (whole + 1.0 / (1.0 - ratio))
    return number / (1.0 + loss * tail)


def ps_response_times(
    arrival_rates: Sequence[float], service_times: Sequence[float], parallelism: float = 1.0
) -> Array:
    """Return the mean seconds of each class of requests at a shared node, see :func:`limited_ps_mean_number`.

    All classes are slowed down by the same factor (Kelly 1979, §3.3); an unstable node is unstable for all.

    Args:
        arrival_rates: Requests/s of each class, shape (classes,).
        service_times: Mean seconds of a lone request at speed 1, shape (classes,).
        parallelism: Total speed the node can give, above 0.

    Raises:
        ValueError: the shapes differ, a value is negative or not finite, or *parallelism* is not above 0.

    """
    rates, times = np.asarray(arrival_rates, dtype=float), np.asarray(service_times, dtype=float)
    _require(rates.shape == times.shape, f"{rates.size} arrival rates do not match {times.size} service times")
    _require(_is_non_negative(rates) and _is_non_negative(times), "rates and times must be finite and not negative")
    load = float(rates @ times)
    number = limited_ps_mean_number(load, parallelism)
    if math.isinf(number):
        return np.full(times.shape, math.inf)
    slowdown = number / load if load > 0.0 else 1.0 / min(1.0, parallelism)
    return times * slowdown


# Networks -------------------------------------------------------------------------------------------------------------


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
    _require(
        inflow.ndim == 1 and matrix.shape == (inflow.size, inflow.size),
        f"external {inflow.shape} and routing {matrix.shape} must have the shapes (n,) and (n, n)",
    )
    _require(_is_non_negative(inflow) and _is_non_negative(matrix), "rates must be finite and not negative")
    if inflow.size == 0:
        return inflow.copy()
    radius = float(np.abs(np.linalg.eigvals(matrix)).max())
    # A stochastic matrix has the radius 1 only up to rounding.
    _require(radius < 1.0 - 1e-12, f"requests never leave the network: the spectral radius of routing is {radius:g}")
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
    _require(len(demands) == len(servers), f"{len(demands)} demands do not match {len(servers)} server counts")
    _require(population >= 1, f"population must be at least 1, not {population}")
    _require_non_negative(think_time=think_time, **{f"demands[{i}]": demand for i, demand in enumerate(demands)})
    _require(all(count >= 0 for count in servers), f"server counts must not be negative: {list(servers)}")
    _require(think_time + sum(demands) > 0.0, "a cycle without think time and demands takes no time")
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


# Functions as a service -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionChain:
    """The steady state of a function whose platform starts an instance for every request that finds none free."""

    response_time: float
    """Mean seconds of a request, cold starts included."""

    cold_probability: float
    """Share of the requests that wait for an instance to start."""

    mean_instances: float
    """Mean number of warm instances, busy or idle."""

    mean_starting: float
    """Mean number of instances that start for (and serve) their first request; they come on top of the warm ones."""

    rejection_probability: float
    """Share of the requests that find no free instance at the limit of concurrency."""


def faas_chain(
    arrival_rate: float,
    warm_service_time: float,
    cold_service_time: float,
    idle_time: float,
    *,
    maximum_concurrency: int = 1000,
) -> FunctionChain:
    """Return an estimate of the steady state of a function as a service (Mahmoudi & Khazaei 2020, scale per request).

    A birth-death chain of the number of warm instances: births are cold starts, deaths are instances that idled too
    long. Same figures as ``perfmodel`` of pacsltk 0.2.0 with its faster solution, which looks at 30 states beyond the
    last one with more cold starts than expiries, and at no more than *maximum_concurrency*. There the death rates of
    busy instances underflow to zero; here they are logarithms.

    Args:
        arrival_rate: Requests/s; without any, all figures are those of a first request.
        warm_service_time: Mean seconds of a request at a warm instance.
        cold_service_time: Mean seconds of a request that waits for its instance to start, service included.
        idle_time: Seconds after which the platform removes an idle instance.
        maximum_concurrency: Most instances the platform keeps; requests beyond it are rejected and count as warm in
            the response time.

    Raises:
        ValueError: a time or rate is negative or not finite, or *maximum_concurrency* is below 1.

    """
    _require_non_negative(
        arrival_rate=arrival_rate,
        warm_service_time=warm_service_time,
        cold_service_time=cold_service_time,
        idle_time=idle_time,
    )
    _require(maximum_concurrency >= 1, f"maximum_concurrency must be at least 1, not {maximum_concurrency}")
    blocking = np.array(_erlang_b_up_to(maximum_concurrency, arrival_rate * warm_service_time))
    blocked_rate = arrival_rate * blocking
    with np.errstate(divide="ignore"):
        log_birth = np.log(blocked_rate / (1.0 + blocked_rate * cold_service_time))
        log_death = _log_expiry_rates(-np.diff(blocked_rate), idle_time, warm_service_time)
        growing = int(np.count_nonzero(np.log(blocked_rate[1:]) > log_death))
    states = min(30 + growing, maximum_concurrency)
    law = _birth_death_law((log_birth[:-1] - log_death)[:states])
    cold = blocking[: states + 1]
    rejection_probability = 0.0
    if states == maximum_concurrency:
        rejection_probability = float(law[-1] * cold[-1])
        cold[-1] = 0.0
    cold_probability = float(law @ cold)
    return FunctionChain(
        response_time=float(law @ (cold * cold_service_time + (1.0 - cold) * warm_service_time)),
        cold_probability=cold_probability,
        mean_instances=float(law @ np.arange(states + 1)),
        mean_starting=arrival_rate * cold_probability * cold_service_time,
        rejection_probability=rejection_probability,
    )


# What they share ------------------------------------------------------------------------------------------------------


def _erlang_b_up_to(servers: int, offered_load: float) -> list[float]:
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


def _birth_death_law(log_ratios: Array) -> Array:
    """Return the stationary law of a birth-death chain from the logarithms of birth rate n over death rate n + 1."""
    log_weights = np.concatenate(([0.0], np.cumsum(log_ratios)))
    weights = np.exp(log_weights - log_weights.max())
    law: Array = weights / weights.sum()
    return law


def _log_expiry_rates(rates: Array, idle_time: float, warm_service_time: float) -> Array:
    """Return the logarithm of the rate at which 1, 2, ... instances expire; *rates* is what each of them serves, 1/s.

    Mahmoudi & Khazaei (2020): an instance lives for *idle_time* and, before that, for a geometric number of gaps
    between requests that were short enough to keep it. The mean length of such a gap is an incomplete gamma integral.
    """
    served = np.maximum(rates, 1e-300)
    idle = served * idle_time
    log_survived_gaps = idle + np.log(-np.expm1(-idle))
    log_gap = np.log(gammainc(2.0, served * (idle_time + warm_service_time))) - np.log(served)
    log_lifetime = np.logaddexp(np.log(idle_time), log_survived_gaps + log_gap)
    log_rates: Array = np.logaddexp.accumulate(-log_lifetime)
    return log_rates


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


def _is_non_negative(values: Array) -> bool:
    return bool(np.all(np.isfinite(values) & (values >= 0.0)))


def _require_non_negative(**values: float) -> None:
    for name, value in values.items():
        _require(math.isfinite(value) and value >= 0.0, f"{name} must be finite and not negative, not {value}")


def _require_servers(servers: int, *, at_least: int = 1) -> None:
    _require(servers >= at_least, f"servers must be at least {at_least}, not {servers}")


def _require(condition: bool, message: str) -> None:
    if not condition:
        raise ValueError(message)
