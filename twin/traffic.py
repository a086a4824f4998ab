"""Traffic: how many requests a second reach each step in the long run.

Rates are propagated along the graph of the application in one pass; a network with loops needs the traffic equations
(Jackson 1957). Times play no part in it.
"""

from __future__ import annotations

from collections.abc import Sequence
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
    external = np.zeros((len(routing.entering), len(routing.network.steps)))
    for way, rate in zip(routing.entering, entry_rates, strict=True):
        external[way.origin, way.target] = rate * through.along(way)
    if routing.network.has_loops:
        return Traffic(rates=_circulating(routing, external.sum(axis=0), through))
    if not routing.network.joins:
        return Traffic(rates=_forward(routing, external.sum(axis=0), through, None))
    # The parts of a request only ever wait for each other, so each entry has its own gates on the way to a join.
    joinings = [Joining(routing, way, through) for way in routing.entering]
    rates = sum(
        (_forward(routing, own, through, joining) for own, joining in zip(external, joinings, strict=True)),
        start=np.zeros(external.shape[1]),
    )
    reasons = dict.fromkeys(reason for joining in joinings for reason in joining.reasons)
    return Traffic(rates=rates, reasons=tuple(reasons))


def _forward(routing: Routing, external: FloatArray, through: Passing, joining: Joining | None) -> FloatArray:
    rates = external.copy()
    joins = {routing.network.stages[join].steps[0]: join for join in routing.network.joins}
    for step in routing.order:
        if joining is not None and step in joins:
            rates[step] = joining.rate(joins[step], rates)
        passed = rates[step] * through.steps[step]
        for way in routing.leaving[step]:
            rates[way.target] += passed * way.probability * through.along(way)
    return rates


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
