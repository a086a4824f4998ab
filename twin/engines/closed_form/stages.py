"""Times of whole components and of paths through several, put together from those of steps and transfers.

Means add up whether or not the parts are independent. Where requests are turned away, the mean is over those that are
not: every time is carried along with the probability to come through.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from math import inf

from twin.engines.closed_form.figures import PathFigures, StageFigures
from twin.engines.closed_form.state import NetworkState, distinct
from twin.routing import Way


def stage_figures(state: NetworkState) -> tuple[StageFigures, ...]:
    """Return the response time of every stage: R1 + sum over the others of reach * (transfer + R)."""
    return tuple(
        StageFigures(
            name=stage.name,
            arrival_rate=float(state.rates[stage.steps[0]]),
            response_time=_stage_time(state, stage.steps),
            reasons=_stage_reasons(state, stage.steps),
        )
        for stage in state.routing.network.stages
    )


def _stage_time(state: NetworkState, steps: Sequence[int]) -> float:
    success, spent = 0.0, 0.0
    for i in reversed(steps):
        step, way = state.steps[i], _inner_way(state, i)
        onward = way.probability if way is not None else 0.0
        spent = onward * (spent + state.travel_time(way) * success) if way is not None and onward > 0.0 else 0.0
        success = step.accepted * (1.0 - onward + onward * success)
        spent = step.accepted * spent + step.response_time * success
    return spent / success if success > 0.0 else inf


def _inner_way(state: NetworkState, step: int) -> Way | None:
    """Return the way to the next step of the same stage."""
    return next((way for way in state.routing.leaving[step] if not state.routing.is_entrance(way.target)), None)


def _stage_reasons(state: NetworkState, steps: Sequence[int]) -> tuple[str, ...]:
    reasons: list[str] = []
    for i in steps:
        reasons += state.step_reasons(i)
        way = _inner_way(state, i)
        if way is None or way.probability == 0.0:
            break
        reasons += state.way_reasons(way)
    return distinct(reasons)


def path_figures(state: NetworkState) -> tuple[PathFigures, ...]:
    """Return the time of every measured path, for the requests that follow it."""
    return tuple(_path(state, path) for path in state.routing.network.paths)


def _path(state: NetworkState, path: Sequence[int]) -> PathFigures:
    network = state.routing.network
    names = tuple(network.stages[i].name for i in path)
    waits = [network.stages[i].name for i in path[1:] if i in network.joins]
    if waits:
        reason = f"{waits[0]!r} waits for the other parts of its request, for which no closed form is known"
        return PathFigures(stages=names, response_time=None, reasons=(reason,))
    last = network.stages[path[-1]].steps
    total, reasons = _stage_time(state, last), list(_stage_reasons(state, last))
    for here, there in pairwise(path):
        time, why = _onward(state, here, there)
        if time is None:
            reason = f"no request goes from {network.stages[here].name!r} to {network.stages[there].name!r}"
            return PathFigures(stages=names, response_time=None, reasons=(reason,))
        total += time
        reasons += why
    return PathFigures(stages=names, response_time=total, reasons=distinct(reasons))


def _onward(state: NetworkState, here: int, there: int) -> tuple[float | None, list[str]]:
    """Return the mean time from the start of one stage to the arrival at the next, of requests that go there."""
    entrance = state.routing.network.stages[there].steps[0]
    reach, elapsed, weight, spent = 1.0, 0.0, 0.0, 0.0
    reasons = list(_stage_reasons(state, state.routing.network.stages[here].steps))
    for i in state.routing.network.stages[here].steps:
        elapsed += state.steps[i].response_time
        reach *= state.steps[i].accepted
        for way in state.routing.leaving[i]:
            if way.target == entrance and reach * way.probability > 0.0:
                weight += reach * way.probability
                spent += reach * way.probability * (elapsed + state.travel_time(way))
                reasons += state.way_reasons(way)
        inner = _inner_way(state, i)
        if inner is None or inner.probability == 0.0:
            break
        reach *= inner.probability
        elapsed += state.travel_time(inner)
    return (spent / weight if weight > 0.0 else None), reasons
