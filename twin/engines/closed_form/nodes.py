"""Nodes: requests are split among the replicas at random, so each node is a queue of its own."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from twin.engines.closed_form.classes import QueueClass, QueueState
from twin.engines.closed_form.queues import sharing_queue, waiting_line
from twin.engines.closed_form.stations import StationState, StepState, mean_number
from twin.network import NodePool, Step


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
        mean_number=mean_number(states, rates),
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
