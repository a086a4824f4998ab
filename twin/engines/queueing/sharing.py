"""Processor sharing: insensitive to the law of the service times."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from twin.engines.queueing.multi_server import erlang_b
from twin.engines.queueing.preconditions import (
    Array,
    is_non_negative,
    require,
    require_non_negative,
)


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
    require_non_negative(offered_load=offered_load)
    require(parallelism > 0.0, f"parallelism must be above 0, not {parallelism}")
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
    require(rates.shape == times.shape, f"{rates.size} arrival rates do not match {times.size} service times")
    require(is_non_negative(rates) and is_non_negative(times), "rates and times must be finite and not negative")
    load = float(rates @ times)
    number = limited_ps_mean_number(load, parallelism)
    if math.isinf(number):
        return np.full(times.shape, math.inf)
    slowdown = number / load if load > 0.0 else 1.0 / min(1.0, parallelism)
    return times * slowdown
