"""Traffic: how many requests a second reach each step in the long run.

Rates are propagated along the graph of the application in one pass; a network with loops needs the traffic equations
(Jackson 1957). Times play no part in it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from twin.engines.queueing import traffic_equations
from twin.engines.trajectory import FloatArray
from twin.errors import EngineError
from twin.joining import Joining
from twin.model.rates import mean_rate
from twin.model.workload import Closed
from twin.network import Network
from twin.routing import Passing, Routing


def mean_rates(network: Network) -> FloatArray:
    """Return the long-run arrival rate of each entry in requests/s, shape (entries,); NaN for a closed source.

    A trace without two different times has rate 0: in the long run nothing arrives.
    """
    rates = [
        np.nan if isinstance(entry.source.arrivals, Closed) else mean_rate(entry.source.arrivals) or 0.0
        for entry in network.entries
    ]
    return np.array(rates, dtype=np.float64)


def step_rates(network: Network, entry_rates: Sequence[float] | FloatArray) -> FloatArray:
    """Return the requests/s that reach each step, shape (steps,), nothing being lost on the way.

    Args:
        network: The routes.
        entry_rates: Requests/s of each entry; with a 1 for the only entry, the result is visits per request.

    Raises:
        EngineError: Requests stay in the network's loops for ever.
    """
    return route_traffic(Routing(network), entry_rates).rates


def visits_per_request(network: Network) -> float:
    """Return about how many steps a request visits, all entries together; a closed source counts like one of rate 1.

    Where requests may stay in the network's loops for ever, it is 1.
    """
    rates = np.nan_to_num(mean_rates(network), nan=1.0)
    if not rates.sum():
        return 1.0
    try:
        return float(step_rates(network, rates).sum() / rates.sum())
    except EngineError:
        return 1.0


def stage_rates(network: Network, rates: FloatArray) -> FloatArray:
    """Return how often a second each stage runs, shape (stages,), from the *rates* of its steps."""
    first: FloatArray = rates[[stage.steps[0] for stage in network.stages]]
    return first


@dataclass(frozen=True, slots=True, kw_only=True)
class Traffic:
    """How many requests reach each step."""

    rates: FloatArray
    """Arrivals/s at each step, shape (steps,)."""

    reasons: tuple[str, ...] = ()
    """Why these are estimates; empty if they are exact."""


def route_traffic(
    routing: Routing, entry_rates: Sequence[float] | FloatArray, passing: Passing | None = None
) -> Traffic:
    """Return the traffic of requests of which the shares *passing* come through each step and transfer.

    Raises:
        EngineError: Requests stay in the network's loops for ever.
    """
    through = passing or Passing(steps=np.ones(len(routing.network.steps)))
    external = np.zeros(len(routing.network.steps))
    entering = [rate * through.along(way) for way, rate in zip(routing.entering, entry_rates, strict=True)]
    if not routing.network.joins:
        for way, rate in zip(routing.entering, entering, strict=True):
            external[way.target] += rate
        if routing.network.has_loops:
            return Traffic(rates=_circulating(routing, external, through))
        _forward(routing, range(len(routing.stage_orders)), external, through, None)
        return Traffic(rates=external)
    # The parts of a request only ever wait for each other, so each entry has its own gates on the way to a join.
    total = external.copy()
    reasons: dict[str, None] = {}
    for way, rate in zip(routing.entering, entering, strict=True):
        joining = Joining(routing, way, through)
        external[way.target] = rate
        reached = _forward(routing, [routing.part_of(way)], external, through, joining)
        total[reached] += external[reached]
        external[reached] = 0.0
        reasons |= dict.fromkeys(joining.reasons)
    return Traffic(rates=total, reasons=tuple(reasons))


def _forward(
    routing: Routing, parts: Iterable[int], rates: FloatArray, through: Passing, joining: Joining | None
) -> list[int]:
    """Let *rates*, those of the entries at first, flow through some *parts* of the network; return their steps."""
    stages = routing.network.stages
    steps = [step for part in parts for stage in routing.stage_orders[part] for step in stages[stage].steps]
    for step in steps:
        stage = routing.network.steps[step].component
        if joining is not None and stage in routing.network.waiting_stages and step == stages[stage].steps[0]:
            rates[step] = joining.rate(stage, rates)
        passed = rates[step] * through.steps[step]
        for way in routing.leaving[step]:
            rates[way.target] += passed * way.probability * through.along(way)
    return steps


def _circulating(routing: Routing, external: FloatArray, through: Passing) -> FloatArray:
    matrix = np.zeros((external.size, external.size))
    for ways in routing.leaving:
        for way in ways:
            matrix[way.origin, way.target] += through.steps[way.origin] * way.probability * through.along(way)
    try:
        rates: FloatArray = traffic_equations(external, matrix)
    except ValueError as error:
        raise EngineError(f"the network has no steady state: {error}") from error
    return rates
