"""Cloud functions: SPACE4AI's chain of warm instances."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import gammainc

from twin.engines.queueing.multi_server import erlang_b_up_to
from twin.engines.queueing.preconditions import (
    Array,
    birth_death_law,
    require,
    require_non_negative,
)


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
    require_non_negative(
        arrival_rate=arrival_rate,
        warm_service_time=warm_service_time,
        cold_service_time=cold_service_time,
        idle_time=idle_time,
    )
    require(maximum_concurrency >= 1, f"maximum_concurrency must be at least 1, not {maximum_concurrency}")
    blocking = np.array(erlang_b_up_to(maximum_concurrency, arrival_rate * warm_service_time))
    blocked_rate = arrival_rate * blocking
    with np.errstate(divide="ignore"):
        log_birth = np.log(blocked_rate / (1.0 + blocked_rate * cold_service_time))
        log_death = _log_expiry_rates(-np.diff(blocked_rate), idle_time, warm_service_time)
        growing = int(np.count_nonzero(np.log(blocked_rate[1:]) > log_death))
    states = min(30 + growing, maximum_concurrency)
    law = birth_death_law((log_birth[:-1] - log_death)[:states])
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
