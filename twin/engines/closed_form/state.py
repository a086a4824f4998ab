"""The state of every step, station and link, and the figures that follow from it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import inf, nan

from twin.engines.closed_form.figures import LinkFigures, Overload, StationFigures, StepFigures
from twin.engines.closed_form.links import LinkState
from twin.engines.closed_form.stations import StationState, StepState
from twin.engines.trajectory import FloatArray
from twin.network import Network
from twin.routing import Passing, Routing, Way


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkState:
    """Traffic, stations and links that agree with each other."""

    routing: Routing

    entry_rates: FloatArray

    rates: FloatArray
    """Arrivals/s at each step, shape (steps,)."""

    passing: Passing

    steps: tuple[StepState, ...]

    stations: tuple[StationState, ...]

    links: tuple[LinkState, ...]

    station_reasons: tuple[tuple[str, ...], ...]

    link_reasons: tuple[tuple[str, ...], ...]

    rate_reasons: tuple[str, ...]

    def travel_time(self, way: Way) -> float:
        """Return the mean seconds *way* takes, being free where both ends turn out to be one node."""
        if way.hop is None or way.crossing == 0.0:
            return 0.0
        return way.crossing * self.links[way.hop.link].transfer_times[way.hop.size_mb]

    def way_reasons(self, way: Way) -> tuple[str, ...]:
        """Return why the time of *way* is an estimate."""
        return () if way.hop is None or way.crossing == 0.0 else self.link_reasons[way.hop.link]

    def step_reasons(self, step: int) -> tuple[str, ...]:
        """Return why the time of *step* is an estimate."""
        return self.station_reasons[self.routing.network.steps[step].station]


def steps_by_station(network: Network) -> tuple[tuple[int, ...], ...]:
    """Return the indices of the steps of each station."""
    steps: list[list[int]] = [[] for _ in network.stations]
    for i, step in enumerate(network.steps):
        steps[step.station].append(i)
    return tuple(map(tuple, steps))


def way_rate(way: Way, entry_rates: FloatArray, rates: FloatArray, passing: Passing) -> float:
    """Return the requests/s that set out on *way*."""
    if way.enters:
        return float(entry_rates[way.origin])
    return float(rates[way.origin] * passing.steps[way.origin]) * way.probability


def link_traffic(
    routing: Routing, entry_rates: FloatArray, rates: FloatArray, passing: Passing
) -> list[dict[float, float]]:
    """Return for each link the transfers/s of each size in megabytes, sizes that nobody sends included."""
    traffic: list[dict[float, float]] = [defaultdict(float) for _ in routing.network.links]
    for way in routing.ways:
        if way.hop is not None and way.crossing > 0.0:
            rate = way.crossing * way_rate(way, entry_rates, rates, passing)
            traffic[way.hop.link][way.hop.size_mb] += rate
    return [dict(sizes) for sizes in traffic]


def step_figures(state: NetworkState) -> tuple[StepFigures, ...]:
    """Return the figures of every step."""
    return tuple(
        StepFigures(
            name=step.name,
            arrival_rate=float(rate),
            response_time=own.response_time,
            waiting_time=max(own.response_time - own.service_time, 0.0),
            service_time=own.service_time,
            cold_probability=own.cold_probability,
            loss_probability=1.0 - own.accepted,
            reasons=state.station_reasons[step.station],
        )
        for step, own, rate in zip(state.routing.network.steps, state.steps, state.rates, strict=True)
    )


def station_figures(state: NetworkState) -> tuple[StationFigures, ...]:
    """Return the figures of every station."""
    return tuple(
        StationFigures(name=pool.name, utilisation=own.utilisation, mean_number=own.mean_number, reasons=reasons)
        for pool, own, reasons in zip(
            state.routing.network.stations, state.stations, state.station_reasons, strict=True
        )
    )


def link_figures(state: NetworkState) -> tuple[LinkFigures, ...]:
    """Return the figures of every link."""
    traffic = link_traffic(state.routing, state.entry_rates, state.rates, state.passing)
    return tuple(
        LinkFigures(
            name=link.name,
            utilisation=own.utilisation if link.contention == "none" else min(own.utilisation, 1.0),
            transfer_rate=own.transfer_rate,
            transfer_time=_mean_time(own.transfer_times, sizes),
            transfer_times=own.transfer_times,
            reasons=reasons,
        )
        for link, own, sizes, reasons in zip(
            state.routing.network.links, state.links, traffic, state.link_reasons, strict=True
        )
    )


def _mean_time(times: Mapping[float, float], sizes: Mapping[float, float]) -> float:
    """Return the mean transfer time; NaN where nothing is transferred."""
    sent = sum(sizes.values())
    return sum(times[size] * rate for size, rate in sizes.items() if rate > 0.0) / sent if sent > 0.0 else nan


def overloads(state: NetworkState) -> tuple[Overload, ...]:
    """Return what cannot keep up with what reaches it, and how fast its backlog grows."""
    found = []
    for i, (steps, station) in enumerate(zip(steps_by_station(state.routing.network), state.stations, strict=True)):
        if any(state.steps[k].response_time == inf for k in steps):
            growth = sum(float(state.rates[k]) * (state.steps[k].accepted - state.steps[k].passed) for k in steps)
            name = state.routing.network.stations[i].name
            found.append(_overload(name, "station", i, station.offered_load, growth, station.utilisation))
    traffic = link_traffic(state.routing, state.entry_rates, state.rates, state.passing)
    for i, (link, sizes) in enumerate(zip(state.links, traffic, strict=True)):
        if inf in link.transfer_times.values():
            growth = sum(rate * (1.0 - link.passed[size]) for size, rate in sizes.items())
            found.append(_overload(state.routing.network.links[i].name, "link", i, link.offered_load, growth))
    return tuple(found)


def _overload(
    name: str, kind: str, index: int, load: float, growth: float, utilisation: float | None = None
) -> Overload:
    busy = 1.0 if utilisation is None else utilisation
    return Overload(name=name, kind=kind, index=index, offered_load=load, backlog_growth=growth, utilisation=busy)


def steps_in_order(states: Sequence[StationState], network: Network) -> tuple[StepState, ...]:
    """Return the states of the steps in the network's order."""
    own = [iter(state.steps) for state in states]
    return tuple(next(own[step.station]) for step in network.steps)


def distinct(reasons: Iterable[str]) -> tuple[str, ...]:
    """Return *reasons* in their order, each once."""
    return tuple(dict.fromkeys(reasons))
