"""Overload: where more work arrives than can be done, averages mean nothing; the growth of the backlog does."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from twin.engines.trajectory import FloatArray
from twin.model.events import LoadStep
from twin.model.scenario import Scenario
from twin.model.workload import Closed
from twin.network import FunctionPool, Network, NodePool
from twin.traffic import mean_rates, step_rates


@dataclass(frozen=True, slots=True, kw_only=True)
class Overload:
    """A station or link that cannot keep up."""

    name: str

    kind: str
    """``station`` or ``link``."""

    index: int

    offered_load: float
    """Work that arrives per second over work that can be done per second; at least 1."""

    backlog_growth: float
    """Requests (or transfers) per second that stay behind."""


def load_factor(scenario: Scenario, horizon: float) -> float:
    """Return the mean factor of the load steps over *horizon* seconds."""
    steps = sorted((e for e in scenario.events if isinstance(e, LoadStep)), key=lambda step: step.at)
    edges = [0.0, *(min(step.at, horizon) for step in steps), horizon]
    factors = [1.0, *(step.factor for step in steps)]
    spans = [b - a for a, b in zip(edges, edges[1:], strict=False)]
    return sum(f * s for f, s in zip(factors, spans, strict=True)) / horizon if horizon else 1.0


def overloads(scenario: Scenario, network: Network, *, horizon: float, down: dict[str, float]) -> list[Overload]:
    """Return what is overloaded in the long run, by the traffic equations.

    Args:
        scenario: Gives the load steps.
        network: Gives work and capacities.
        horizon: Seconds the run lasted.
        down: Share of time that the nodes of a station were down, by name.
    """
    if any(isinstance(entry.source.arrivals, Closed) for entry in network.entries):
        return []
    rates = step_rates(network, np.asarray(mean_rates(network)) * load_factor(scenario, horizon))
    return [*_stations(network, rates, down), *_links(network, rates)]


def _stations(network: Network, rates: FloatArray, down: dict[str, float]) -> list[Overload]:
    found = []
    for index, station in enumerate(network.stations):
        load, work = _busiest(network, index, rates)
        load /= max(1 - down.get(station.name, 0.0), 1e-12)
        bounded = (
            station.concurrency_limit is None or station.on_limit == "reject"
            if isinstance(station, FunctionPool)
            else station.queue_capacity is not None
        )
        if load >= 1 and not bounded:
            growth = work * (1 - 1 / load)
            found.append(
                Overload(name=station.name, kind="station", index=index, offered_load=load, backlog_growth=growth)
            )
    return found


def _busiest(network: Network, index: int, rates: FloatArray) -> tuple[float, float]:
    """Return the offered load of the busiest node of a station, and the requests/s of all its nodes."""
    station = network.stations[index]
    if isinstance(station, NodePool):
        loads, capacity = np.zeros(station.nodes), _usable_cores(network, index)
    else:
        loads, capacity = np.zeros(1), float(station.concurrency_limit or np.inf)
    total = 0.0
    for i, step in enumerate(network.steps):
        if step.station == index:
            loads[: step.replicas] += rates[i] * step.service_time.expectation * step.computing_units / step.replicas
            total += float(rates[i])
    return float(loads.max(initial=0.0)) / capacity, total


def _usable_cores(network: Network, index: int) -> float:
    """Return the cores of a node that can be busy at once: a queue leaves those idle that no container fits."""
    station = network.stations[index]
    assert isinstance(station, NodePool)
    units = {step.computing_units for step in network.steps if step.station == index}
    if station.discipline == "fifo" and len(units) == 1:
        unit = units.pop()
        return max(int(station.cores / unit + 1e-9), 1) * unit
    return station.cores


def _links(network: Network, rates: FloatArray) -> list[Overload]:
    megabytes = np.zeros(len(network.links))
    transfers = np.zeros(len(network.links))
    for i, step in enumerate(network.steps):
        hops = [(send.hop, rates[i] * step.exit_probability * send.probability) for send in step.sends]
        hops.append((step.next_hop, rates[i] * (1 - step.exit_probability)))
        for hop, rate in hops:
            if hop is not None:
                share = rate * (1 - 1 / max(step.replicas, 1)) if hop.within_pool else rate
                megabytes[hop.link] += share * hop.size_mb
                transfers[hop.link] += share
    found = []
    for index, link in enumerate(network.links):
        load = 8 * float(megabytes[index]) / link.bandwidth_mbit_per_s
        if load >= 1 and link.contention != "none":
            growth = float(transfers[index]) * (1 - 1 / load)
            found.append(Overload(name=link.name, kind="link", index=index, offered_load=load, backlog_growth=growth))
    return found


def affected_stages(network: Network, found: list[Overload]) -> set[int]:
    """Return the stages whose time grows without bound: those that run on or send through something overloaded."""
    stations = {each.index for each in found if each.kind == "station"}
    links = {each.index for each in found if each.kind == "link"}
    return {
        step.component
        for step in network.steps
        if step.station in stations or (step.next_hop is not None and step.next_hop.link in links)
    }
