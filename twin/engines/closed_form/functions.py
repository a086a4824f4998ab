"""Functions: instances that appear on demand, up to a limit, and expire when idle."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from twin.engines.closed_form.classes import QueueClass, QueueState, mixture
from twin.engines.closed_form.queues import waiting_line
from twin.engines.closed_form.stations import StationState, StepState, mean_number
from twin.engines.queueing import FunctionChain, erlang_b, erlang_c, faas_chain, mgc_waiting_time
from twin.model.law import Law
from twin.network import FunctionPool, Step

CHAIN = "instances that start and expire are a birth-death chain (Mahmoudi and Khazaei 2020)"

PLATFORM = 1000
"""Instances that a platform without a limit is assumed to keep at most, unless the load needs more."""


def has_cold_start(step: Step) -> bool:
    """Say whether an execution on a new instance of a function differs from one on a warm instance."""
    return step.cold_service_time is not None or (step.cold_start is not None and step.cold_start.expectation > 0.0)


def cold_law(step: Step) -> tuple[float, float]:
    """Return mean and variance of the time of a cold execution."""
    parts: list[Law] = [step.cold_service_time] if step.cold_service_time else [step.service_time]
    if step.cold_start and not step.cold_service_time:
        parts.append(step.cold_start)
    return sum(law.expectation for law in parts), sum(law.scv * law.expectation**2 for law in parts)


def solve_function(pool: FunctionPool, steps: Sequence[Step], rates: Sequence[float]) -> StationState:
    """Return the state of a cloud function when requests arrive at its *steps* at *rates* (requests/s)."""
    state = _with_cold_starts(pool, steps, rates) if any(map(has_cold_start, steps)) else _all_warm(pool, steps, rates)
    if pool.concurrency_limit is None:
        return state
    busy = math.fsum(rate * each.accepted * each.service_time for rate, each in zip(rates, state.steps, strict=True))
    return replace(state, utilisation=min(1.0, busy / pool.concurrency_limit))


def _all_warm(pool: FunctionPool, steps: Sequence[Step], rates: Sequence[float]) -> StationState:
    """Without cold starts there are as many servers as the limit allows; without a limit nobody ever waits."""
    limit, cold = pool.concurrency_limit, _chain(pool, steps, rates).cold_probability
    classes = [QueueClass(rate=rate, law=step.service_time) for rate, step in zip(rates, steps, strict=True)]
    queue = QueueState(
        response_times=tuple(each.mean for each in classes),
        accepted=(1.0,) * len(classes),
        passed=(1.0,) * len(classes),
        offered_load=0.0,
    )
    if limit is not None:
        queue = waiting_line(classes, limit, servers=limit, capacity=0 if pool.on_limit == "reject" else None)
    states = tuple(
        StepState(
            response_time=queue.response_times[i],
            service_time=each.mean,
            accepted=queue.accepted[i],
            passed=queue.passed[i],
            cold_probability=cold,
        )
        for i, each in enumerate(classes)
    )
    return StationState(
        steps=states,
        utilisation=None,
        mean_number=mean_number(states, rates),
        offered_load=queue.offered_load,
        estimate=queue.estimate,
        departures=queue.departures,
        any_arrivals=limit is None,
    )


def _with_cold_starts(pool: FunctionPool, steps: Sequence[Step], rates: Sequence[float]) -> StationState:
    chain = _chain(pool, steps, rates)
    cold = chain.cold_probability
    means = [(1.0 - cold) * step.service_time.expectation + cold * cold_law(step)[0] for step in steps]
    rate = math.fsum(rates)
    wait, load, accepted, passed = 0.0, 0.0, 1.0, 1.0
    if pool.concurrency_limit is not None:
        load = math.fsum(r * mean for r, mean in zip(rates, means, strict=True)) / pool.concurrency_limit
    if pool.concurrency_limit is not None and pool.on_limit == "reject":
        accepted = passed = 1.0 - erlang_b(pool.concurrency_limit, load * pool.concurrency_limit)
    elif pool.concurrency_limit is not None and load >= 1.0:
        wait, passed = math.inf, 1.0 / load
    elif pool.concurrency_limit is not None and rate > 0.0:
        mean, scv = _moments(steps, rates, cold)
        wait = mgc_waiting_time(rate, mean, scv, pool.concurrency_limit)
    states = tuple(
        StepState(response_time=wait + mean, service_time=mean, accepted=accepted, passed=passed, cold_probability=cold)
        for mean in means
    )
    return StationState(
        steps=states,
        utilisation=None,
        mean_number=mean_number(states, rates),
        offered_load=load,
        estimate=CHAIN,
        departures="it starts instances" if math.isfinite(wait) else "it is overloaded",
    )


def _chain(pool: FunctionPool, steps: Sequence[Step], rates: Sequence[float]) -> FunctionChain:
    warm = mixture([QueueClass(rate=rate, law=step.service_time) for rate, step in zip(rates, steps, strict=True)])
    shares = [rate / warm.rate if warm.rate > 0.0 else 1.0 / len(steps) for rate in rates]
    cold = math.fsum(share * cold_law(step)[0] for share, step in zip(shares, steps, strict=True))
    most = max(PLATFORM, 2 * math.ceil(warm.rate * warm.mean))
    return faas_chain(warm.rate, warm.mean, cold, pool.idle_time, maximum_concurrency=pool.concurrency_limit or most)


def variance(pool: FunctionPool, step: Step, state: StepState, rate: float) -> float:
    """Return an estimate of the variance of a response time (s²): a mixture of warm and cold, and the wait if any.

    The wait is taken to be exponential for those who wait at all. Infinite where the function cannot keep up.
    """
    if math.isinf(state.response_time):
        return math.inf
    mean, scv = _moments([step], [1.0], state.cold_probability)
    wait = state.response_time - state.service_time
    if pool.concurrency_limit is None or wait <= 0.0:
        return scv * mean**2
    return scv * mean**2 + wait**2 * (2.0 / erlang_c(pool.concurrency_limit, rate * state.service_time) - 1.0)


def _moments(steps: Sequence[Step], rates: Sequence[float], cold: float) -> tuple[float, float]:
    """Return mean and squared coefficient of variation of an execution, of which a share *cold* is cold."""
    first = second = 0.0
    for step, rate in zip(steps, rates, strict=True):
        warm, start = step.service_time, cold_law(step)
        first += rate * ((1.0 - cold) * warm.expectation + cold * start[0])
        second += rate * ((1.0 - cold) * warm.expectation**2 * (1.0 + warm.scv) + cold * (start[0] ** 2 + start[1]))
    mean, square = first / math.fsum(rates), second / math.fsum(rates)
    return mean, max(square / mean**2 - 1.0, 0.0) if mean**2 > 0.0 else 0.0
