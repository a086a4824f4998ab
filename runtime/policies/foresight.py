"""What will happen in a scenario: arrivals by its own rate functions, and the events that have a date."""

from __future__ import annotations

from itertools import pairwise
from math import cos, floor, inf, pi

from twin.model.events import Crash, LinkChange, LoadStep
from twin.model.plan import Plan
from twin.model.rates import mean_rate
from twin.model.scenario import Scenario
from twin.model.workload import Arrivals, Closed, Piecewise, Sinusoid, Trace


def rate_between(scenario: Scenario, source: str, begin: float, end: float) -> float | None:
    """Return the mean arrival rate of *source* from second *begin* to *end*, load steps included.

    A trace counts as it is; what depends on chance counts with its mean. None for a closed loop.
    """
    arrivals = scenario.workload.sources[source].arrivals
    steps = sorted((each for each in scenario.events if isinstance(each, LoadStep)), key=lambda each: each.at)
    first, last = _arrived(arrivals, _clock(steps, begin)), _arrived(arrivals, _clock(steps, end))
    return None if first is None or last is None else (last - first) / (end - begin)


def down_between(scenario: Scenario, plan: Plan, begin: float, end: float) -> dict[str, int]:
    """Return resource → nodes that a crash with a date takes down at some moment from *begin* to *end*.

    All nodes of a resource that crashes as a whole count, used or not; single ones only if *plan* uses them.
    """
    down: dict[str, set[int]] = {}
    for event in scenario.events:
        if isinstance(event, Crash) and event.at < end and event.at + event.duration > begin:
            nodes = down.setdefault(event.resource, set())
            if event.node is None:
                nodes.update(range(scenario.continuum.resources[event.resource].nodes))
            elif event.node < plan.nodes(event.resource):
                nodes.add(event.node)
    return {name: len(nodes) for name, nodes in down.items()}


def bandwidths_between(scenario: Scenario, begin: float, end: float) -> dict[str, float]:
    """Return domain → lowest Mbit/s from *begin* to *end*."""
    changes = [
        each
        for each in scenario.events
        if isinstance(each, LinkChange) and each.at < end and each.at + each.duration > begin
    ]
    edges = sorted({begin, *(t for each in changes for t in (each.at, each.at + each.duration) if begin < t < end)})
    lowest: dict[str, float] = {}
    for name, domain in scenario.continuum.domains.items():
        factors = [_factor(changes, name, time) for time in edges]
        lowest[name] = domain.bandwidth_mbit_per_s * min(factors)
    return lowest


def _factor(changes: list[LinkChange], domain: str, time: float) -> float:
    factor = 1.0
    for each in changes:
        if each.domain == domain and each.at <= time < each.at + each.duration:
            factor *= each.bandwidth_factor
    return factor


def _clock(steps: list[LoadStep], time: float) -> float:
    """Return what a clock shows that runs at the load factor."""
    edges = [(0.0, 1.0), *((step.at, step.factor) for step in steps), (inf, 1.0)]
    return sum(factor * max(min(end, time) - begin, 0.0) for (begin, factor), (end, _) in pairwise(edges))


def _arrived(arrivals: Arrivals, time: float) -> float | None:
    """Return the mean number of requests up to *time*."""
    if isinstance(arrivals, Closed):
        return None
    if isinstance(arrivals, Sinusoid):
        turn = 2 * pi / arrivals.period
        phase = 2 * pi * arrivals.phase
        return arrivals.rate * (time + arrivals.amplitude / turn * (cos(phase) - cos(turn * time + phase)))
    if isinstance(arrivals, Piecewise):
        return _arrived_piecewise(arrivals, time)
    if isinstance(arrivals, Trace):
        return float(sum(each <= time for each in arrivals.times))
    rate = mean_rate(arrivals)
    return None if rate is None else rate * time


def _arrived_piecewise(arrivals: Piecewise, time: float) -> float:
    def up_to(moment: float) -> float:
        edges = [*zip(arrivals.times, arrivals.rates, strict=True), (inf, 0.0)]
        return sum(rate * max(min(end, moment) - begin, 0.0) for (begin, rate), (end, _) in pairwise(edges))

    if arrivals.period is None:
        return up_to(time)
    rounds = floor(time / arrivals.period)
    return rounds * up_to(arrivals.period) + up_to(time - rounds * arrivals.period)
