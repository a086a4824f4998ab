"""Exact results that ``twin.engines.queueing`` has no use for: balance equations and renewal arguments."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from math import exp, expm1

import numpy as np
from scipy.optimize import brentq
from scipy.sparse import csc_matrix
from scipy.sparse.linalg import spsolve

State = tuple[int, ...]
Transitions = Callable[[State], Iterable[tuple[State, float]]]


def stationary_law(start: State, transitions: Transitions) -> dict[State, float]:
    """Return the stationary law of the Markov chain that *transitions* (next state, rate) spans from *start*."""
    index: dict[State, int] = {start: 0}
    states, edges = [start], []
    for state in states:
        for following, rate in transitions(state):
            if following not in index:
                index[following] = len(states)
                states.append(following)
            edges.append((index[state], index[following], rate))
    size = len(states)
    origins, targets, rates = (np.array(column) for column in zip(*edges, strict=True))
    balance = csc_matrix((rates, (targets, origins)), shape=(size, size)).tolil()
    balance.setdiag(-np.bincount(origins, weights=rates, minlength=size))
    balance[0, :] = 1.0
    law = spsolve(balance.tocsc(), np.eye(1, size)[0])
    return dict(zip(states, law.tolist(), strict=True))


def shortest_queue_response_time(arrival_rate: float, service_time: float, most: int = 40) -> float:
    """Return the mean seconds at two M/M/1 nodes of which each request takes the one with fewer requests.

    Exact up to the cut at *most* requests a node: balance equations, then Little's law.
    """

    def transitions(state: State) -> Iterable[tuple[State, float]]:
        i, j = state
        if max(i, j) < most or i != j:
            yield ((i + 1, j) if i <= j else (i, j + 1)), arrival_rate
        if i:
            yield (i - 1, j), 1 / service_time
        if j:
            yield (i, j - 1), 1 / service_time

    law = stationary_law((0, 0), transitions)
    return sum((i + j) * share for (i, j), share in law.items()) / arrival_rate


def unequal_sharing_response_time(
    arrival_rates: tuple[float, float],
    service_times: tuple[float, float],
    units: tuple[float, float],
    cores: float,
    most: int = 45,
) -> float:
    """Return the mean seconds of the second of two classes that share *cores* max-min fairly, exponential service.

    A request of the first class can use *units[0]* cores, the smaller number. Balance equations, cut at *most*.
    """

    def transitions(state: State) -> Iterable[tuple[State, float]]:
        small, large = state
        if small < most:
            yield (small + 1, large), arrival_rates[0]
        if large < most:
            yield (small, large + 1), arrival_rates[1]
        fair = cores / max(small + large, 1)
        of_small = min(units[0], fair)
        if small:
            yield (small - 1, large), small * of_small / units[0] / service_times[0]
        if large:
            of_large = min(units[1], (cores - small * of_small) / large)
            yield (small, large - 1), large * of_large / units[1] / service_times[1]

    law = stationary_law((0, 0), transitions)
    return sum(large * share for (_, large), share in law.items()) / arrival_rates[1]


def modulated_response_time(
    arrival_rates: tuple[float, float], sojourns: tuple[float, float], service_time: float, most: int = 400
) -> float:
    """Return the mean seconds of an MMPP(2)/M/1 queue: balance equations cut at *most* requests, Little's law."""

    def transitions(state: State) -> Iterable[tuple[State, float]]:
        phase, number = state
        yield (1 - phase, number), 1 / sojourns[phase]
        if number < most and arrival_rates[phase]:
            yield (phase, number + 1), arrival_rates[phase]
        if number:
            yield (phase, number - 1), 1 / service_time

    law = stationary_law((0, 0), transitions)
    rate = sum(arrival_rates[phase] * share for (phase, _), share in law.items())
    return sum(number * share for (_, number), share in law.items()) / rate


def modulated_dispersion(arrival_rates: tuple[float, float], sojourns: tuple[float, float], window: float) -> float:
    """Return variance over mean of the arrivals of an MMPP(2) in *window* seconds (Heffes & Lucantoni 1986)."""
    leaving = [1 / sojourn for sojourn in sojourns]
    both = sum(leaving)
    swing = 2 * (arrival_rates[0] - arrival_rates[1]) ** 2 * leaving[0] * leaving[1]
    weight = both**2 * (arrival_rates[0] * leaving[1] + arrival_rates[1] * leaving[0])
    return 1 + swing / weight * (1 - (1 - exp(-both * window)) / (both * window))


def gim1_response_time(transform: Callable[[float], float], service_time: float) -> float:
    """Return the mean seconds of a GI/M/1 queue; *transform* is E[exp(-s gap)] (Kleinrock 1975, §6.4)."""
    root = brentq(lambda share: transform((1 - share) / service_time) - share, 0.0, 1.0 - 1e-9)
    return service_time / (1 - float(root))


def batch_response_time(arrival_rate: float, service_time: float, mean: float, second_moment: float) -> float:
    """Return the mean seconds of an M^[X]/M/1 queue with the moments of the batch size (Gross & Harris 1998, §3.1)."""
    return service_time * (mean + second_moment) / (2 * mean) / (1 - arrival_rate * service_time)


def repeated_service_response_time(
    arrival_rate: float, service_time: float, time_to_failure: float, time_to_repair: float
) -> float:
    """Return the mean seconds of an M/D/1 queue whose server fails, busy or idle, and then starts its work again.

    Both times are exponential. The service with its repetitions is the completion time of Gaver (1962, preemptive
    repeat); a request that comes to an empty but broken server waits for the repair, a queue with set-up times
    (Welch 1964; Takagi 1991, §1.3).
    """
    interrupted = -expm1(-service_time / time_to_failure)
    lost, repeats = _truncated_moments(service_time, time_to_failure), interrupted / (1 - interrupted)
    try_mean, try_variance = lost[0] + time_to_repair, lost[1] + time_to_repair**2
    mean = service_time + repeats * try_mean
    variance = repeats * try_variance + repeats / (1 - interrupted) * try_mean**2
    load = arrival_rate * mean
    waiting = arrival_rate * (variance + mean**2) / 2 / (1 - load)
    broken = 1 / time_to_failure / (arrival_rate + 1 / time_to_failure + 1 / time_to_repair)
    setup, setup_square = broken * time_to_repair, 2 * broken * time_to_repair**2
    return mean + waiting + (2 * setup + arrival_rate * setup_square) / 2 / (1 + arrival_rate * setup)


def _truncated_moments(limit: float, mean: float) -> tuple[float, float]:
    """Return mean and variance of an exponential time, given that it is below *limit*."""
    survival = exp(-limit / mean)
    below = 1 - survival
    first = mean - limit * survival / below
    second = 2 * mean**2 - (limit**2 + 2 * mean * limit) * survival / below
    return first, second - first**2


def cold_share_of_one_instance(arrival_rate: float, service_time: float, cold_start: float, idle_time: float) -> float:
    """Return the share of cold starts of a function limited to one instance whose requests queue.

    An idle period is exponential; a request is cold if it ends one longer than *idle_time*. The requests in a busy
    period follow from M/G/1 with an exceptional first service (Welch 1964).
    """
    expired = exp(-arrival_rate * idle_time)
    return expired * (1 - arrival_rate * service_time) / (1 + arrival_rate * expired * cold_start)
