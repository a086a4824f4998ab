"""Users: a fixed number of them think, send a request and wait for its end (a closed network).

Mean value analysis is exact where all stations have the product form (Baskett, Chandy, Muntz, Palacios 1975): processor
sharing, infinitely many servers, and first come first served with exponential service times of one mean. Elsewhere the
same formulas serve as an estimate.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from twin.engines.closed_form.cycle import Cycle
from twin.engines.closed_form.nodes import servers_of
from twin.engines.closed_form.state import NetworkState, steps_by_station, steps_in_order
from twin.errors import EngineError, Problem
from twin.model.workload import Closed
from twin.network import FunctionPool, Network, NodePool, Step
from twin.routing import Passing, Routing


def solve_users(routing: Routing) -> NetworkState:
    """Return the steady state of a network whose only source is closed and whose requests do not fork.

    Raises:
        EngineError: Requests may be turned away, or a cycle takes no time.
    """
    network = routing.network
    arrivals = network.entries[0].source.arrivals
    assert isinstance(arrivals, Closed), "the caller looked"
    _require_room(network, arrivals.users)
    cycle = Cycle(routing, arrivals.users, arrivals.think_time.expectation)
    solution = cycle.solve()
    entry_rates = np.array([solution.throughput])
    reasons = cycle.reasons()
    stations, links = cycle.stations(solution), cycle.links(solution)
    return NetworkState(
        routing=routing,
        entry_rates=entry_rates,
        rates=cycle.visits * solution.throughput,
        passing=Passing(steps=np.ones(len(network.steps))),
        steps=steps_in_order(stations, network),
        stations=stations,
        links=links,
        station_reasons=tuple(() if own.any_arrivals else reasons for own in stations),
        link_reasons=tuple(() if own.any_arrivals else reasons for own in links),
        rate_reasons=reasons,
    )


def _require_room(network: Network, users: int) -> None:
    """Raise EngineError where not all *users* find a place at once."""
    problems = []
    for pool, own in zip(network.stations, steps_by_station(network), strict=True):
        steps = [network.steps[i] for i in own]
        if (places := _places(pool, steps)) < users:
            message = f"{users} users, but {pool.name!r} holds {places:g} requests and turns others away"
            problems.append(Problem("", f"{message}; use another engine"))
    if problems:
        raise EngineError("no closed form is known for users whose requests may be lost", problems)


def _places(pool: NodePool | FunctionPool, steps: Sequence[Step]) -> float:
    """Return how many requests find a place at a node, or at a function."""
    if isinstance(pool, FunctionPool):
        return math.inf if pool.concurrency_limit is None or pool.on_limit == "queue" else pool.concurrency_limit
    if pool.queue_capacity is None or not steps:
        return math.inf
    return servers_of(pool, max(step.computing_units for step in steps)) + pool.queue_capacity
