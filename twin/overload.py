"""Overload: where more work arrives than can be done, averages mean nothing; the growth of the backlog does."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import pairwise

import numpy as np

from twin.engines.closed_form import Overload
from twin.engines.closed_form.backlog import shares_served
from twin.engines.closed_form.classes import QueueClass
from twin.engines.trajectory import FloatArray
from twin.model.events import LoadStep
from twin.model.law import Law
from twin.model.scenario import Scenario
from twin.model.workload import Closed, Piecewise, Trace
from twin.network import FunctionPool, Network, NodePool
from twin.routing import Approach, Passing, Routing, Way
from twin.traffic import mean_rates, route_traffic, step_rates

ROUNDS = 200
"""Rounds after which the shares that come through are taken as they are."""

ROUNDING = 1e-9
"""A load this little below 1 counts as 1."""


def overloads(scenario: Scenario, network: Network, *, horizon: float, down: Mapping[str, float]) -> list[Overload]:
    """Return what is overloaded in the long run, by the traffic equations; load that ends counts over *horizon*.

    What stays behind at one place does not reach the next: behind a bottleneck, a station with less to spare than it
    would need may have little to do. (The flows of a network without a steady state: J. B. Goodman, W. A. Massey,
    The non-ergodic Jackson network, J. Appl. Prob. 21, 1984.)

    Args:
        scenario: Gives the load steps.
        network: Gives work and capacities.
        horizon: Seconds the run lasted.
        down: Share of time that the nodes of a station were down, by name.
    """
    if _is_closed(network):
        return []
    flow = _Flow(network, _entry_rates(scenario, network, horizon), down)
    return [*flow.overloaded_stations(), *flow.overloaded_links()]


def growth_of(network: Network) -> dict[str, float]:
    """Return the requests/s that stay behind at each overloaded station and link of *network*, events left aside."""
    flow = _Flow(network, mean_rates(network), {})
    return {each.name: each.backlog_growth for each in (*flow.overloaded_stations(), *flow.overloaded_links())}


def stage_capacities(
    scenario: Scenario, network: Network, *, horizon: float, down: Mapping[str, float]
) -> dict[str, float]:
    """Return the executions/s of each component at which the first of its stations is full.

    The workload is thought to grow in all its parts alike; components that nothing reaches are absent.
    """
    if _is_closed(network):
        return {}
    rates = step_rates(network, _entry_rates(scenario, network, horizon))
    loads = {i: float(_node_loads(network, i, rates, down).max(initial=0.0)) for i in range(len(network.stations))}
    capacities = {}
    for stage in network.stages:
        rate = float(rates[stage.steps[0]])
        load = max(loads[network.steps[i].station] for i in stage.steps)
        if rate > 0:
            capacities[stage.name] = rate / load if load > 0 else float("inf")
    return capacities


def _entry_rates(scenario: Scenario, network: Network, horizon: float) -> FloatArray:
    """Return the requests/s of each entry: in the long run where there is one, else over *horizon* seconds."""
    rates = mean_rates(network)
    for i, entry in enumerate(network.entries):
        arrivals = entry.source.arrivals
        if isinstance(arrivals, Piecewise) and arrivals.period is None and horizon > 0:
            ends = [*arrivals.times[1:], horizon]
            spans = [max(min(end, horizon) - start, 0.0) for start, end in zip(arrivals.times, ends, strict=True)]
            rates[i] = sum(rate * span for rate, span in zip(arrivals.rates, spans, strict=True)) / horizon
        elif isinstance(arrivals, Trace) and horizon > 0:
            rates[i] = sum(time <= horizon for time in arrivals.times) / horizon
    return rates * load_factor(scenario, horizon)


def load_factor(scenario: Scenario, horizon: float) -> float:
    """Return the mean factor of the load steps over *horizon* seconds."""
    steps = sorted((e for e in scenario.events if isinstance(e, LoadStep)), key=lambda step: step.at)
    edges = [0.0, *(min(step.at, horizon) for step in steps), horizon]
    factors = [1.0, *(step.factor for step in steps)]
    spans = [b - a for a, b in pairwise(edges)]
    return sum(f * s for f, s in zip(factors, spans, strict=True)) / horizon if horizon else 1.0


def affected_times(network: Network, found: list[Overload]) -> set[str]:
    """Return whose time grows without bound.

    These are components, by name, that run on something overloaded or send through it between their partitions; and
    the ways between components (``a > b``) that lead through an overloaded link.
    """
    stations = {each.index for each in found if each.kind == "station"}
    links = {each.index for each in found if each.kind == "link"}
    names = {network.stages[step.component].name for step in network.steps if step.station in stations}
    for way in Routing(network).ways if links else ():
        if way.hop is not None and way.hop.link in links and way.probability > 0:
            names.add(_way_name(network, way))
    return names


def _way_name(network: Network, way: Way) -> str:
    """Return ``origin > target``, or the name of the component that the way does not leave."""
    target = network.stages[network.steps[way.target].component].name
    if way.enters:
        return f"{network.entries[way.origin].source.name} > {target}"
    origin = network.stages[network.steps[way.origin].component].name
    return target if origin == target else f"{origin} > {target}"


def _is_closed(network: Network) -> bool:
    """Say whether the number of requests is bounded by itself, so that no backlog can grow."""
    return any(isinstance(entry.source.arrivals, Closed) for entry in network.entries)


class _Flow:
    """What comes through everywhere once the backlogs grow: at each place, as much of each kind as of the others."""

    def __init__(self, network: Network, entry_rates: FloatArray, down: Mapping[str, float]) -> None:
        self.network, self.entry_rates, self.down = network, entry_rates, down
        self.routing = Routing(network)
        self.rates: FloatArray = np.zeros(len(network.steps))
        self.passing = Passing(steps=np.ones(len(network.steps)))
        approach = Approach()
        for _ in range(ROUNDS):
            self.rates = route_traffic(self.routing, entry_rates, self.passing).rates
            following = self._passing()
            if self.passing.distance(following) < ROUNDING / 1000:
                break
            self.passing = approach.step(self.passing, following)

    def overloaded_stations(self) -> Iterator[Overload]:
        """Yield the stations whose backlog grows; one that turns requests away has none."""
        for index, station in enumerate(self.network.stations):
            loads = self._node_loads(index)
            if loads.max(initial=0.0) >= 1 - ROUNDING and not _is_bounded(station):
                stuck = [self.rates[i] * (1 - self.passing.steps[i]) for i in self.network.steps_at[index]]
                yield Overload(
                    name=station.name,
                    kind="station",
                    index=index,
                    offered_load=float(loads.max()),
                    backlog_growth=float(sum(stuck)),
                    utilisation=float(np.minimum(loads, 1.0).mean()) * self._usable(index),
                )

    def overloaded_links(self) -> Iterator[Overload]:
        """Yield the links whose backlog grows."""
        for index, link in enumerate(self.network.links):
            load = self._link_load(index)
            if load >= 1 - ROUNDING:
                stuck = sum(
                    rate * (1 - self.passing.transfers.get((index, way.hop.size_mb), 1.0))
                    for way, rate in self._transfers(index)
                    if way.hop
                )
                yield Overload(name=link.name, kind="link", index=index, offered_load=load, backlog_growth=stuck)

    def _passing(self) -> Passing:
        """Return the shares that come through at the present rates."""
        shares = np.ones(len(self.network.steps))
        for index in range(len(self.network.stations)):
            for step, share in self._served(index).items():
                shares[step] = share
        transfers: dict[tuple[int, float], float] = {}
        for index in range(len(self.network.links)):
            if self._link_load(index) > 1:
                transfers |= {(index, size): share for size, share in self._sent(index).items()}
        return Passing(steps=shares, transfers=transfers)

    def _served(self, index: int) -> dict[int, float]:
        """Return the share of its requests that a station serves, by step: the mean over the nodes of its replicas."""
        station = self.network.stations[index]
        loads = self._node_loads(index)
        steps = self.network.steps_at[index]
        if isinstance(station, FunctionPool):
            return dict.fromkeys(steps, 1 / max(float(loads[0]), 1.0))
        cores = _usable_cores(self.network, index) * max(1 - self.down.get(station.name, 0.0), 1e-12)
        totals = dict.fromkeys(steps, 0.0)
        for node, load in enumerate(loads):
            here = [i for i in steps if node < self.network.steps[i].replicas]
            served = (1.0,) * len(here)
            if load > 1:
                served = shares_served(self._classes(here), cores, sharing=station.discipline == "ps")
            for i, share in zip(here, served, strict=True):
                totals[i] += share / self.network.steps[i].replicas
        return totals

    def _classes(self, steps: list[int]) -> list[QueueClass]:
        """Return the requests of *steps* at one node."""
        return [
            QueueClass(
                rate=float(self.rates[i]) / self.network.steps[i].replicas,
                law=self.network.steps[i].service_time,
                units=self.network.steps[i].computing_units,
            )
            for i in steps
        ]

    def _sent(self, index: int) -> dict[float, float]:
        """Return the share of the transfers that an overloaded link carries, by megabytes."""
        link = self.network.links[index]
        rates: dict[float, float] = {}
        for way, rate in self._transfers(index):
            if way.hop is not None:
                rates[way.hop.size_mb] = rates.get(way.hop.size_mb, 0.0) + rate
        classes = [
            QueueClass(rate=rate, law=Law(law="deterministic", mean=8 * size / link.bandwidth_mbit_per_s))
            for size, rate in rates.items()
        ]
        return dict(zip(rates, shares_served(classes, 1.0, sharing=link.contention == "shared"), strict=True))

    def _node_loads(self, index: int) -> FloatArray:
        return _node_loads(self.network, index, self.rates, self.down)

    def _usable(self, index: int) -> float:
        """Return the share of a station's cores that work at full load, downtime counted as idle."""
        station = self.network.stations[index]
        if isinstance(station, FunctionPool):
            return 1.0
        return _usable_cores(self.network, index) / station.cores * (1 - self.down.get(station.name, 0.0))

    def _transfers(self, link: int) -> Iterator[tuple[Way, float]]:
        """Yield the ways that lead through *link* with their transfers/s."""
        for way in self.routing.ways_over[link]:
            left = self.rates[way.origin] * self.passing.steps[way.origin] if not way.enters else 0.0
            rate = self.entry_rates[way.origin] if way.enters else left * way.probability
            yield way, float(rate) * way.crossing

    def _link_load(self, index: int) -> float:
        link = self.network.links[index]
        if link.contention == "none":
            return 0.0
        megabytes = sum(rate * way.hop.size_mb for way, rate in self._transfers(index) if way.hop)
        return 8 * megabytes / link.bandwidth_mbit_per_s


def _is_bounded(station: NodePool | FunctionPool) -> bool:
    """Say whether a station turns requests away instead of letting them wait."""
    if isinstance(station, FunctionPool):
        return station.concurrency_limit is None or station.on_limit == "reject"
    return station.queue_capacity is not None


def _node_loads(network: Network, index: int, rates: FloatArray, down: Mapping[str, float]) -> FloatArray:
    """Return the offered load of each node of a station; that of a function counts its instances, starts left out."""
    station = network.stations[index]
    steps = [(rates[i], network.steps[i]) for i in network.steps_at[index]]
    if isinstance(station, FunctionPool):
        work = sum(rate * step.service_time.expectation for rate, step in steps)
        return np.array([work / (station.concurrency_limit or np.inf)])
    loads = np.zeros(station.nodes)
    for rate, step in steps:
        loads[: step.replicas] += rate * step.service_time.expectation * step.computing_units / step.replicas
    up = max(1 - down.get(station.name, 0.0), 1e-12)
    return loads / (_usable_cores(network, index) * up)


def _usable_cores(network: Network, index: int) -> float:
    """Return the cores of a node that can be busy at once: a queue leaves those idle that no container fits."""
    station = network.stations[index]
    assert isinstance(station, NodePool)
    units = {network.steps[i].computing_units for i in network.steps_at[index]}
    if station.discipline == "fifo" and len(units) == 1:
        unit = units.pop()
        return max(int(station.cores / unit + 1e-9), 1) * unit
    return station.cores
