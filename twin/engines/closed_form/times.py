"""Times of whole requests, put together from those of steps and transfers.

Means add up whether or not the parts are independent. Where requests are turned away, the mean is over those that are
not: every time is carried along with the probability to come through.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import fsum, inf

import networkx as nx
import numpy as np

from twin.engines.closed_form.figures import Figures, SingleQueue
from twin.engines.closed_form.nodes import servers_of
from twin.engines.closed_form.state import NetworkState, distinct, way_rate
from twin.engines.trajectory import FloatArray
from twin.errors import EngineError
from twin.network import NodePool
from twin.routing import Way


@dataclass(frozen=True, slots=True, kw_only=True)
class ApplicationTimes(Figures):
    """How long requests take from their arrival to their end."""

    response_time: float | None

    bound: float | None

    by_entry: tuple[float | None, ...]


def application_times(state: NetworkState) -> ApplicationTimes:
    """Return the mean time from the arrival of a request to the end of its last part."""
    reasons = distinct([*_all_reasons(state), *_fork_reasons(state)])
    if state.routing.network.forks:
        bound = None if state.routing.network.has_loops else _bound(state)
        nothing = (None,) * len(state.entry_rates)
        return ApplicationTimes(response_time=None, bound=bound, by_entry=nothing, reasons=reasons)
    if state.routing.network.has_loops:
        success, times = _solved(state)
    else:
        success, times = _accumulated(state)
    chances = [float(success[way.target]) for way in state.routing.entering]
    spent = [
        float(times[way.target]) + state.travel_time(way) * chance
        for way, chance in zip(state.routing.entering, chances, strict=True)
    ]
    response_time = _ratio(state.entry_rates, spent, chances)
    return ApplicationTimes(
        response_time=response_time,
        bound=response_time,
        by_entry=tuple(_ratio([1.0], [time], [chance]) for time, chance in zip(spent, chances, strict=True)),
        reasons=reasons,
    )


def _ratio(rates: Sequence[float] | FloatArray, spent: Sequence[float], chances: Sequence[float]) -> float | None:
    """Return the mean time of those that come through; without any arrivals, all entries count alike."""
    weights = list(rates) if any(rate > 0.0 for rate in rates) else [1.0] * len(spent)
    through = fsum(weight * chance for weight, chance in zip(weights, chances, strict=True))
    if through <= 0.0:
        return None
    return float(sum(w * time for w, time in zip(weights, spent, strict=True) if w > 0.0) / through)


def _accumulated(state: NetworkState) -> tuple[FloatArray, FloatArray]:
    """Return for a request at each step the probability to come through, and its time where it does (else 0)."""
    count = len(state.steps)
    success, times = np.zeros(count), np.zeros(count)
    for i in reversed(state.routing.order):
        step = state.steps[i]
        ways = [way for way in state.routing.leaving[i] if way.probability > 0.0 and success[way.target] > 0.0]
        success[i] = step.accepted * (
            _ending(state.routing.leaving[i]) + sum(way.probability * success[way.target] for way in ways)
        )
        onward = sum(
            way.probability * (times[way.target] + state.travel_time(way) * success[way.target]) for way in ways
        )
        times[i] = step.accepted * onward + (step.response_time * success[i] if success[i] > 0.0 else 0.0)
    return success, times


def _ending(ways: Iterable[Way]) -> float:
    """Return the probability that a request takes none of the *ways*, which exclude each other."""
    return max(1.0 - fsum(way.probability for way in ways), 0.0)


def _solved(state: NetworkState) -> tuple[FloatArray, FloatArray]:
    """Return the same for a network with loops, from two systems of linear equations."""
    count = len(state.steps)
    moves, travel = np.zeros((count, count)), np.zeros((count, count))
    graph: nx.DiGraph[int] = nx.DiGraph()
    graph.add_nodes_from(range(count))
    endless = {i for i, step in enumerate(state.steps) if step.response_time == inf}
    for i, ways in enumerate(state.routing.leaving):
        for way in ways:
            moves[i, way.target] += state.steps[i].accepted * way.probability
            time = state.travel_time(way)
            if way.probability > 0.0:
                graph.add_edge(i, way.target)
            if time < inf:
                travel[i, way.target] += state.steps[i].accepted * way.probability * time
            elif way.probability > 0.0:
                endless.add(i)
    system = np.eye(count) - moves
    ending = [step.accepted * _ending(ways) for step, ways in zip(state.steps, state.routing.leaving, strict=True)]
    success = np.asarray(np.linalg.solve(system, np.array(ending)), dtype=np.float64)
    own = np.array([0.0 if i in endless else step.response_time for i, step in enumerate(state.steps)])
    times = np.asarray(np.linalg.solve(system, own * success + travel @ success), dtype=np.float64)
    times[list(endless | {before for i in endless for before in nx.ancestors(graph, i)})] = inf
    return success, times


def _bound(state: NetworkState) -> float | None:
    """Return a lower bound of the mean response time where requests fork: the mean time of the slowest part."""
    if any(step.accepted < 1.0 for step in state.steps):
        return None
    slowest = np.zeros(len(state.steps))
    for i in reversed(state.routing.order):
        parts, whole = [0.0], 0.0
        for way in state.routing.leaving[i]:
            if way.probability > 0.0:
                time = way.probability * (state.travel_time(way) + slowest[way.target])
                whole += 0.0 if way.forks else time
                parts.append(time if way.forks else 0.0)
        slowest[i] = state.steps[i].response_time + whole + max(parts)
    spent = [float(slowest[way.target]) + state.travel_time(way) for way in state.routing.entering]
    return _ratio(state.entry_rates, spent, [1.0] * len(spent))


def throughput(state: NetworkState) -> tuple[float, tuple[str, ...]]:
    """Return the requests/s that are completed, and why that is an estimate.

    Raises:
        EngineError: Requests fork, come back and are lost.
    """
    network = state.routing.network
    if np.all(state.passing.steps >= 1.0) and not state.passing.transfers:
        return float(state.entry_rates.sum()), ()
    if not network.forks:
        passed = state.rates * state.passing.steps
        return float(sum(rate * _ending(w) for rate, w in zip(passed, state.routing.leaving, strict=True))), ()
    if network.has_loops:
        raise EngineError("no closed form is known where requests fork, come back and are lost; use another engine")
    success = np.zeros(len(state.steps))
    for i in reversed(state.routing.order):
        success[i] = state.passing.steps[i] * _all_parts(state, state.routing.leaving[i], success)
    arriving = [success[way.target] * state.passing.along(way) for way in state.routing.entering]
    completed = float(np.dot(state.entry_rates, arriving))
    return completed, ("throughput: the parts of a request are taken to be lost independently",)


def _all_parts(state: NetworkState, ways: Sequence[Way], success: FloatArray) -> float:
    """Return the probability that all parts of a request that leaves a step by *ways* come through."""
    losses = [way.probability * (1.0 - float(success[way.target]) * state.passing.along(way)) for way in ways]
    apart = [loss for loss, way in zip(losses, ways, strict=True) if not way.forks]
    together = [
        (loss, way.probability) for loss, way in zip(losses, ways, strict=True) if way.forks and way.probability > 0.0
    ]
    inside = 1.0 - fsum(apart)
    leaves = 1.0 - fsum(way.probability for way in ways if not way.forks)
    if not together or leaves <= 0.0:
        return inside
    return inside - leaves * (1.0 - float(np.prod([1.0 - loss / leaves for loss, _ in together])))


def _all_reasons(state: NetworkState) -> list[str]:
    """Return the reasons of all steps and transfers that any request meets."""
    stations = {step.station for step, rate in zip(state.routing.network.steps, state.rates, strict=True) if rate > 0.0}
    links = {
        way.hop.link
        for way in state.routing.ways
        if way.hop is not None
        and way.crossing > 0.0
        and way_rate(way, state.entry_rates, state.rates, state.passing) > 0.0
    }
    reasons = [reason for i in sorted(stations) for reason in state.station_reasons[i]]
    return reasons + [reason for i in sorted(links) for reason in state.link_reasons[i]]


def _fork_reasons(state: NetworkState) -> list[str]:
    stages = zip(state.routing.network.stages, state.routing.forking, strict=True)
    return [f"requests fork at {stage.name!r}: the end of the last part has no closed form" for stage, f in stages if f]


def single_queue(state: NetworkState, application: ApplicationTimes) -> SingleQueue | None:
    """Return the queue that is the whole application, if it is one whose law is known."""
    network = state.routing.network
    if len(network.steps) != 1 or network.has_loops or not application.exact:
        return None
    step, pool = network.steps[0], network.stations[network.steps[0].station]
    if not isinstance(pool, NodePool) or pool.discipline != "fifo" or pool.queue_capacity is not None:
        return None
    delays = {state.travel_time(way) for way in state.routing.entering}
    if step.service_time.law != "exponential" or len(delays) > 1 or _contended(state):
        return None
    return SingleQueue(
        arrival_rate=float(state.rates[0]) / min(step.replicas, pool.nodes),
        service_time=step.service_time.expectation,
        servers=servers_of(pool, step.computing_units),
        delay=delays.pop() if delays else 0.0,
    )


def _contended(state: NetworkState) -> bool:
    return any(way.hop is not None and not state.links[way.hop.link].any_arrivals for way in state.routing.entering)
