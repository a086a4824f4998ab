"""Whether a simulated run is long enough to have settled: near saturation an empty start shows for hours.

A queue forgets its start at the rate (1 - √ρ)² / S, where ρ is the utilisation of a node and S the time for which one
visit occupies it. That is exact for M/M/1 (Cohen, The Single Server Queue, II.2) and the right order for what else
stands here. A run shorter than a few of these times shows less waiting than there will be, and says nothing about it.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import inf, sqrt

from twin.network import Network, NodePool
from twin.traffic import mean_rates, step_rates

ENOUGH = 2.0
"""Relaxation times that a run must last."""


def unsettled(network: Network, length: float) -> Iterator[str]:
    """Yield a sentence for each resource for whose queue a run of *length* seconds is too short."""
    for name, (load, visits) in _node_loads(network).items():
        needed = ENOUGH * relaxation_time(load, visits)
        if needed > length:
            wanted = f"about {needed:,.0f} s" if needed < inf else "for ever"
            yield (
                f"{name} is busy for {load:.1%}: a run of {length:,.0f} s is too short to tell what its queue comes "
                f"to, which takes {wanted}"
            )


def relaxation_time(utilisation: float, visits: float) -> float:
    """Return the seconds in which a node forgets its start to 1/e, given its *visits* a second."""
    if utilisation >= 1.0:
        return inf
    if visits <= 0.0:
        return 0.0
    return utilisation / visits / (1.0 - sqrt(utilisation)) ** 2


def _node_loads(network: Network) -> dict[str, tuple[float, float]]:
    """Return resource → offered load of its busiest node, and requests/s that visit it."""
    loads: dict[str, tuple[float, float]] = {}
    for step, rate in zip(network.steps, step_rates(network, mean_rates(network)), strict=True):
        station = network.stations[step.station]
        if isinstance(station, NodePool) and rate > 0.0:
            visits = float(rate) / step.replicas
            load, before = loads.get(station.name, (0.0, 0.0))
            work = visits * step.service_time.expectation * step.computing_units / station.cores
            loads[station.name] = load + work, before + visits
    return loads
