"""Stations: the nodes of a resource, among which requests are split, and the instances of a function."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from twin.engines.closed_form.classes import QueueClass, QueueState, mixture
from twin.engines.closed_form.queues import sharing_queue, waiting_line
from twin.engines.queueing import FunctionChain, faas_chain, mgc_waiting_time
from twin.model.law import Law
from twin.network import FunctionPool, NodePool, Step

CHAIN = "instances that start and expire are a birth-death chain (Mahmoudi and Khazaei 2020)"
PLATFORM = 1000
"""Instances that a platform without a limit is assumed to keep at most, unless the load needs more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StepState:
    """A step at its station, see :class:`twin.engines.closed_form.figures.StepFigures`."""

    response_time: float

    service_time: float

    accepted: float = 1.0

    passed: float = 1.0

    cold_probability: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class StationState:
    """The steady state of a station."""

    steps: tuple[StepState, ...]
    """In the order in which they were given."""

    utilisation: float | None

    mean_number: float

    offered_load: float
    """Work that arrives over work that can be done, at the busiest node."""

    estimate: str = ""
    """Why this is an estimate even for independent Poisson arrivals."""

    departures: str = ""
    """Why Poisson arrivals do not leave as a Poisson process."""

    any_arrivals: bool = False
    """Whether the times hold for any arrivals, because requests do not meet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeGroup:
    """Nodes that hold replicas of the same steps."""

    nodes: int

    members: tuple[int, ...]
    """Positions of their steps among those of the station."""


def node_groups(pool: NodePool, steps: Sequence[Step]) -> Iterator[NodeGroup]:
    """Yield the groups: the first nodes hold a replica of every step, the last ones only of the most replicated."""
    counts = [min(step.replicas, pool.nodes) for step in steps]
    done = 0
    for count in sorted(set(counts)):
        yield NodeGroup(nodes=count - done, members=tuple(i for i, own in enumerate(counts) if own >= count))
        done = count


def servers_of(pool: NodePool, units: float) -> int:
    """Return how many requests that hold *units* cores each a node can serve at once."""
    return math.floor(pool.cores / units + 1e-9)


def solve_nodes(pool: NodePool, steps: Sequence[Step], rates: Sequence[float]) -> StationState:
    """Return the state of the nodes of *pool* when requests arrive at its *steps* at *rates* (requests/s).

    A request goes to one of the replicas at random, so every node is a queue of its own.
    """
    groups = list(node_groups(pool, steps))
    queues = []
    for group in groups:
        classes = [
            QueueClass(
                rate=rates[i] / min(steps[i].replicas, pool.nodes),
                law=steps[i].service_time,
                units=steps[i].computing_units,
            )
            for i in group.members
        ]
        queues.append(_node(pool, classes))
    states = tuple(_averaged(i, step, groups, queues) for i, step in enumerate(steps))
    estimate = next((queue.estimate for queue in queues if queue.estimate), "")
    if pool.dispatch != "random" and any(step.replicas > 1 for step in steps):
        estimate = estimate or f"dispatch {pool.dispatch} is taken as random, which is worse"
    return StationState(
        steps=states,
        utilisation=_busy_cores(pool, steps, rates, groups, queues) / (pool.nodes * pool.cores),
        mean_number=_present(states, rates),
        offered_load=max(queue.offered_load for queue in queues),
        estimate=estimate,
        departures=estimate or next((queue.departures for queue in queues if queue.departures), ""),
    )


def _node(pool: NodePool, classes: Sequence[QueueClass]) -> QueueState:
    if pool.discipline == "ps":
        return sharing_queue(classes, pool.cores, pool.queue_capacity)
    return waiting_line(classes, pool.cores, capacity=pool.queue_capacity)


def _averaged(position: int, step: Step, groups: Sequence[NodeGroup], queues: Sequence[QueueState]) -> StepState:
    """Average over the nodes that hold a replica of *step*; times over the requests they accept."""
    own = [
        (group.nodes, queue, group.members.index(position))
        for group, queue in zip(groups, queues, strict=True)
        if position in group.members
    ]
    nodes = sum(count for count, _, _ in own)
    accepted = math.fsum(count * queue.accepted[i] for count, queue, i in own)
    served = math.fsum(count * queue.passed[i] for count, queue, i in own)
    spent = math.fsum(count * queue.accepted[i] * queue.response_times[i] for count, queue, i in own)
    return StepState(
        response_time=spent / accepted if accepted > 0.0 else own[0][1].response_times[own[0][2]],
        service_time=step.service_time.expectation,
        accepted=accepted / nodes,
        passed=served / nodes,
    )


def _busy_cores(
    pool: NodePool,
    steps: Sequence[Step],
    rates: Sequence[float],
    groups: Sequence[NodeGroup],
    queues: Sequence[QueueState],
) -> float:
    busy = 0.0
    for group, queue in zip(groups, queues, strict=True):
        work = math.fsum(
            rates[i]
            / min(steps[i].replicas, pool.nodes)
            * queue.accepted[k]
            * steps[i].service_time.expectation
            * steps[i].computing_units
            for k, i in enumerate(group.members)
        )
        # An overloaded node is busy all the time, as far as what arrives fits its cores.
        busy += group.nodes * (work / queue.offered_load if math.inf in queue.response_times else work)
    return busy


def _present(states: Sequence[StepState], rates: Sequence[float]) -> float:
    """Return the mean number of requests present, by Little's law."""
    return math.fsum(
        rate * state.accepted * state.response_time for state, rate in zip(states, rates, strict=True) if rate > 0.0
    )


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
    busy = math.fsum(
        rate * each.accepted * each.service_time for rate, each in zip(rates, state.steps, strict=True)
    )
    return replace(state, utilisation=min(1.0, busy / pool.concurrency_limit))


def _all_warm(pool: FunctionPool, steps: Sequence[Step], rates: Sequence[float]) -> StationState:
    """Without cold starts there are as many servers as the limit allows; without a limit nobody ever waits."""
    if pool.concurrency_limit is None:
        states = tuple(
            StepState(
                response_time=step.service_time.expectation,
                service_time=step.service_time.expectation,
                cold_probability=chain.cold_probability,
            )
            for step, chain in zip(steps, [_chain(pool, steps, rates)] * len(steps), strict=True)
        )
        return StationState(
            steps=states, utilisation=None, mean_number=_present(states, rates), offered_load=0.0, any_arrivals=True
        )
    classes = [QueueClass(rate=rate, law=step.service_time) for rate, step in zip(rates, steps, strict=True)]
    limit = pool.concurrency_limit
    queue = waiting_line(classes, limit, servers=limit, capacity=0 if pool.on_limit == "reject" else None)
    cold = _chain(pool, steps, rates).cold_probability
    states = tuple(
        StepState(
            response_time=queue.response_times[i],
            service_time=step.service_time.expectation,
            accepted=queue.accepted[i],
            passed=queue.passed[i],
            cold_probability=cold,
        )
        for i, step in enumerate(steps)
    )
    return StationState(
        steps=states,
        utilisation=None,
        mean_number=_present(states, rates),
        offered_load=queue.offered_load,
        estimate=queue.estimate,
        departures=queue.departures,
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
        accepted = passed = 1.0 - chain.rejection_probability
    elif pool.concurrency_limit is not None and load >= 1.0:
        wait, passed = math.inf, 1.0 / load
    elif pool.concurrency_limit is not None and rate > 0.0:
        mean, scv = _moments(steps, rates, cold)
        wait = mgc_waiting_time(rate, mean, scv, pool.concurrency_limit)
    states = tuple(
        StepState(
            response_time=wait + mean, service_time=mean, accepted=accepted, passed=passed, cold_probability=cold
        )
        for mean in means
    )
    return StationState(
        steps=states,
        utilisation=None,
        mean_number=_present(states, rates),
        offered_load=load,
        estimate=CHAIN,
        departures="it starts instances" if math.isfinite(wait) else "it is overloaded",
    )


def _chain(pool: FunctionPool, steps: Sequence[Step], rates: Sequence[float]) -> FunctionChain:
    warm = mixture([QueueClass(rate=rate, law=step.service_time) for rate, step in zip(rates, steps, strict=True)])
    shares = [rate / warm.rate if warm.rate > 0.0 else 1.0 / len(steps) for rate in rates]
    cold = math.fsum(share * cold_law(step)[0] for share, step in zip(shares, steps, strict=True))
    most = max(PLATFORM, 2 * math.ceil(warm.rate * warm.mean))
    return faas_chain(
        warm.rate, warm.mean, cold, pool.idle_time, maximum_concurrency=pool.concurrency_limit or most
    )


def _moments(steps: Sequence[Step], rates: Sequence[float], cold: float) -> tuple[float, float]:
    """Return mean and squared coefficient of variation of an execution, of which a share *cold* is cold."""
    first = second = 0.0
    for step, rate in zip(steps, rates, strict=True):
        warm, start = step.service_time, cold_law(step)
        first += rate * ((1.0 - cold) * warm.expectation + cold * start[0])
        second += rate * (
            (1.0 - cold) * warm.expectation**2 * (1.0 + warm.scv) + cold * (start[0] ** 2 + start[1])
        )
    mean, square = first / math.fsum(rates), second / math.fsum(rates)
    return mean, square / mean**2 - 1.0 if mean > 0.0 else 0.0
