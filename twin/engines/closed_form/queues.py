"""One queue: the cores of a node, a limited number of instances, or the medium of a link."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from twin.engines.closed_form.backlog import shares_served
from twin.engines.closed_form.classes import Mixture, QueueClass, QueueState, mixture
from twin.engines.queueing import (
    erlang_b,
    limited_ps_mean_number,
    mg1_waiting_time,
    mgc_waiting_time,
    mmc_waiting_time,
    mmck,
)

MIXED_UNITS = "its requests use different numbers of cores"


def sharing_queue(classes: Sequence[QueueClass], cores: float, capacity: int | None = None) -> QueueState:
    """Return the state of a queue whose requests share the *cores* equally, none using more than its units.

    With equal units exact for all laws of the service time: a symmetric queue (Kelly 1979, §3.3), whether or not
    requests are turned away that find *capacity* others beyond those that fit the cores. Different units: each class
    is slowed down as if all had its units, the load being what it is.
    """
    load = math.fsum(each.load for each in classes)
    mixed = mixture(classes)
    estimate = "" if mixed.one_unit else MIXED_UNITS
    if capacity is not None:
        return _bounded_sharing(classes, cores, capacity, estimate)
    if load >= cores:
        return _overload(classes, cores, load / cores, sharing=True, estimate=estimate)
    slowdowns = [_slowdown(load / each.units, cores / each.units) for each in classes]
    return QueueState(
        response_times=tuple(each.mean * slow for each, slow in zip(classes, slowdowns, strict=True)),
        accepted=(1.0,) * len(classes),
        passed=(1.0,) * len(classes),
        offered_load=load / cores,
        estimate=estimate,
        departures=estimate,
    )


def _slowdown(load: float, parallelism: float) -> float:
    return limited_ps_mean_number(load, parallelism) / load if load > 0.0 else 1.0 / min(1.0, parallelism)


def _bounded_sharing(classes: Sequence[QueueClass], cores: float, capacity: int, estimate: str) -> QueueState:
    """Cut the birth-death chain of the number of requests off at the number of places."""
    units = mixture(classes).units
    load = math.fsum(each.load for each in classes) / units
    places = int(cores / units + 1e-9) + capacity
    blocked, number = _bounded_law(load, cores / units, places)
    carried = load * (1.0 - blocked)
    slowdown = number / carried if carried > 0.0 else 1.0 / min(1.0, cores / units)
    return QueueState(
        response_times=tuple(each.mean * slowdown for each in classes),
        accepted=(1.0 - blocked,) * len(classes),
        passed=(1.0 - blocked,) * len(classes),
        offered_load=load * units / cores,
        estimate=estimate,
        departures="it turns requests away",
    )


def _bounded_law(load: float, parallelism: float, places: int) -> tuple[float, float]:
    """Return the probability that all *places* are taken, and the mean number of those that are."""
    if load == 0.0 or places == 0:
        return float(places == 0), 0.0
    logs = np.log(load) - np.log(np.minimum(np.arange(1, places + 1), parallelism))
    weights = np.concatenate(([0.0], np.cumsum(logs)))
    law = np.exp(weights - weights.max())
    law /= law.sum()
    return float(law[-1]), float(law @ np.arange(places + 1))


def waiting_line(
    classes: Sequence[QueueClass], cores: float, servers: int | None = None, capacity: int | None = None
) -> QueueState:
    """Return the state of a queue whose requests wait their turn, first come first served.

    Args:
        classes: Who arrives.
        cores: Cores of the node, of which each request holds its units.
        servers: How many fit at once; absent: those of the mean units.
        capacity: How many may wait; absent: all.
    """
    mixed = mixture(classes)
    fitting = servers or max(1, math.floor(cores / mixed.units + 1e-9))
    estimate = "" if mixed.one_unit else MIXED_UNITS
    load = mixed.rate * mixed.mean / fitting
    if capacity is not None:
        return _bounded_line(classes, mixed, fitting, capacity, estimate)
    if load >= 1.0:
        return _overload(classes, fitting * mixed.units, load, sharing=False, estimate=estimate)
    wait, doubt = _wait(mixed, fitting)
    return QueueState(
        response_times=tuple(wait + each.mean for each in classes),
        accepted=(1.0,) * len(classes),
        passed=(1.0,) * len(classes),
        offered_load=load,
        estimate=estimate or doubt,
        departures=estimate or ("" if mixed.exponential else "its service times are not exponential with one mean"),
    )


def _wait(mixed: Mixture, servers: int) -> tuple[float, str]:
    """Return the mean wait in seconds, and why it is an estimate."""
    if mixed.exponential:
        return mmc_waiting_time(mixed.rate, mixed.mean, servers), ""
    if servers == 1:
        return mg1_waiting_time(mixed.rate, mixed.mean, mixed.scv), ""
    doubt = f"{servers} servers with service times that are not exponential with one mean (Allen-Cunneen)"
    return mgc_waiting_time(mixed.rate, mixed.mean, mixed.scv, servers), doubt


def _bounded_line(
    classes: Sequence[QueueClass], mixed: Mixture, servers: int, capacity: int, estimate: str
) -> QueueState:
    """Return the state of a line with room for *capacity*: M/M/c/K, or Erlang's loss system without any room."""
    if capacity == 0:
        blocked, wait = erlang_b(servers, mixed.rate * mixed.mean), 0.0
    else:
        queue = mmck(mixed.rate, mixed.mean, servers, servers + capacity)
        blocked = queue.blocking_probability
        wait = (queue.response_time - mixed.mean) * (1.0 if mixed.exponential else (1.0 + mixed.scv) / 2.0)
        if not mixed.exponential:
            estimate = estimate or "a line of limited length with service times that are not exponential with one mean"
    return QueueState(
        response_times=tuple(max(wait, 0.0) + each.mean for each in classes),
        accepted=(1.0 - blocked,) * len(classes),
        passed=(1.0 - blocked,) * len(classes),
        offered_load=mixed.rate * mixed.mean / servers,
        estimate=estimate,
        departures="it turns requests away",
    )


def _overload(classes: Sequence[QueueClass], cores: float, load: float, *, sharing: bool, estimate: str) -> QueueState:
    return QueueState(
        response_times=(math.inf,) * len(classes),
        accepted=(1.0,) * len(classes),
        passed=shares_served(classes, cores, sharing=sharing),
        offered_load=load,
        estimate=estimate,
        departures="it is overloaded",
    )
