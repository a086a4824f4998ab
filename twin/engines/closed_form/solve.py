"""From a network to its closed form: traffic, then queues; again where queues hold requests back."""

from __future__ import annotations

import numpy as np

from twin.engines.closed_form.figures import ClosedForm
from twin.engines.closed_form.functions import solve_function
from twin.engines.closed_form.independence import Medium, Place, arrival_doubts, poisson_doubt
from twin.engines.closed_form.links import LinkState, solve_link
from twin.engines.closed_form.nodes import servers_of, solve_nodes
from twin.engines.closed_form.stages import path_figures, stage_figures
from twin.engines.closed_form.state import (
    NetworkState,
    link_figures,
    link_traffic,
    overloads,
    station_figures,
    step_figures,
    steps_by_station,
    steps_in_order,
    way_rate,
)
from twin.engines.closed_form.stations import StationState
from twin.engines.closed_form.times import application_times, single_queue, throughput
from twin.engines.closed_form.users import solve_users
from twin.engines.trajectory import FloatArray
from twin.errors import EngineError, Problem
from twin.model.workload import Closed, Piecewise, Trace
from twin.network import Network, NodePool
from twin.routing import Approach, Passing, Routing
from twin.traffic import mean_rates, route_traffic

AGREEMENT = 1e-13
"""Largest difference of shares that counts as none."""

PASSES = 1000
"""Attempts to make traffic and queues agree where queues lose requests."""


def solve_network(network: Network) -> ClosedForm:
    """Return the steady state of *network*, exact or estimated, in closed form.

    Events such as failures and load steps are no part of a network; what is said holds without them.

    Raises:
        EngineError: No closed form is known, not even an estimate: open and closed sources together, several closed
            ones, a closed one whose requests fork or may be turned away, requests that circulate for ever.
    """
    _require_solvable(network)
    routing = Routing(network)
    closed = any(isinstance(entry.source.arrivals, Closed) for entry in network.entries)
    state = solve_users(routing) if closed else _solve_open(routing)
    application = application_times(state)
    completed, doubts = throughput(state)
    return ClosedForm(
        steps=step_figures(state),
        stations=station_figures(state),
        links=link_figures(state),
        stages=stage_figures(state),
        paths=path_figures(state),
        response_time=application.response_time,
        response_time_bound=application.bound,
        entry_response_times=application.by_entry,
        reasons=application.reasons,
        throughput=completed,
        rate_reasons=(*state.rate_reasons, *doubts),
        overloaded=overloads(state),
        single_queue=None if closed else single_queue(state, application),
    )


def _require_solvable(network: Network) -> None:
    users = [entry.source.name for entry in network.entries if isinstance(entry.source.arrivals, Closed)]
    problems = []
    if users and len(network.entries) > 1:
        message = "a closed source has a closed form only if it is the only source; use another engine"
        problems += [Problem(f"workload.sources.{name}.arrivals", message) for name in users]
    if users and network.forks:
        problems.append(Problem("application", "requests of a closed source fork; use another engine"))
    for step in network.steps:
        pool = network.stations[step.station]
        if isinstance(pool, NodePool) and pool.discipline == "fifo" and servers_of(pool, step.computing_units) < 1:
            message = f"{step.name!r} needs {step.computing_units:g} cores, a node of {pool.name!r} has {pool.cores:g}"
            problems.append(Problem("", f"{message}: it would wait for ever"))
    if problems:
        raise EngineError("the closed forms cannot describe this scenario", problems)


def _solve_open(routing: Routing) -> NetworkState:
    """Repeat until what the queues let through is what the traffic was computed with; once if they pass all on."""
    network = routing.network
    members = steps_by_station(network)
    entry_rates = mean_rates(network)
    passing = Passing(steps=np.ones(len(network.steps)))
    reasons: list[str] = []
    approach = Approach()
    for _ in range(PASSES):
        traffic = route_traffic(routing, entry_rates, passing)
        stations = tuple(_solve_station(network, i, own, traffic.rates) for i, own in enumerate(members))
        sizes = link_traffic(routing, entry_rates, traffic.rates, passing)
        links = tuple(solve_link(link, own) for link, own in zip(network.links, sizes, strict=True))
        steps = steps_in_order(stations, network)
        following = _passing(np.array([step.passed for step in steps]), links)
        if passing.distance(following) < AGREEMENT:
            break
        passing = approach.step(passing, following)
    else:
        reasons.append(f"losses and traffic do not agree after {PASSES} attempts")
    doubts = _station_and_link_reasons(routing, entry_rates, traffic.rates, passing, stations, links)
    return NetworkState(
        routing=routing,
        entry_rates=entry_rates,
        rates=traffic.rates,
        passing=passing,
        steps=steps,
        stations=stations,
        links=links,
        station_reasons=doubts[0],
        link_reasons=doubts[1],
        rate_reasons=(*_rate_doubts(network), *traffic.reasons, *reasons, *_loss_doubts(network, stations, doubts[0])),
    )


def _solve_station(network: Network, index: int, members: tuple[int, ...], rates: FloatArray) -> StationState:
    pool = network.stations[index]
    steps = [network.steps[i] for i in members]
    own = [float(rates[i]) for i in members]
    if not steps:
        return StationState(steps=(), utilisation=0.0, mean_number=0.0, offered_load=0.0)
    return solve_nodes(pool, steps, own) if isinstance(pool, NodePool) else solve_function(pool, steps, own)


def _passing(steps: FloatArray, links: tuple[LinkState, ...]) -> Passing:
    stuck = {(i, size): share for i, link in enumerate(links) for size, share in link.passed.items() if share < 1.0}
    return Passing(steps=steps, transfers=stuck)


def _station_and_link_reasons(
    routing: Routing,
    entry_rates: FloatArray,
    rates: FloatArray,
    passing: Passing,
    stations: tuple[StationState, ...],
    links: tuple[LinkState, ...],
) -> tuple[tuple[tuple[str, ...], ...], tuple[tuple[str, ...], ...]]:
    """Return why the times of each station and of each link are estimates."""
    network = routing.network
    media: dict[Place, Medium] = {
        ("station", i): Medium(name=pool.name, departures=own.departures)
        for i, (pool, own) in enumerate(zip(network.stations, stations, strict=True))
    }
    media |= {
        ("link", i): Medium(name=link.name, departures=own.departures)
        for i, (link, own) in enumerate(zip(network.links, links, strict=True))
        if not own.any_arrivals
    }
    flows = [way for way in routing.ways if way_rate(way, entry_rates, rates, passing) > 0.0]
    doubts = arrival_doubts(routing, flows, media)

    def reasons(place: Place, name: str, own: StationState | LinkState) -> tuple[str, ...]:
        doubt = "" if own.any_arrivals else doubts[place]
        return tuple(
            f"{name!r}: {reason}"
            for reason in (own.estimate, doubt and f"arrivals are taken as Poisson, but {doubt}")
            if reason
        )

    return (
        tuple(reasons(("station", i), network.stations[i].name, own) for i, own in enumerate(stations)),
        tuple(reasons(("link", i), network.links[i].name, own) for i, own in enumerate(links)),
    )


def _rate_doubts(network: Network) -> list[str]:
    """Return which sources have no rate that holds for ever."""
    sources = [entry.source for entry in network.entries]
    return [
        f"source {source.name!r}: {source.arrivals.process} arrivals are taken at their mean rate"
        for source in sources
        if isinstance(source.arrivals, Trace)
        or (
            isinstance(source.arrivals, Piecewise)
            and source.arrivals.period is None
            and poisson_doubt(source.arrivals, network.bare)
        )
    ]


def _loss_doubts(
    network: Network, stations: tuple[StationState, ...], reasons: tuple[tuple[str, ...], ...]
) -> list[str]:
    """Return which losses are estimates; all that depends on the rates behind them is one, too."""
    return [
        f"how many requests {pool.name!r} turns away is an estimate ({'; '.join(why)})"
        for pool, own, why in zip(network.stations, stations, reasons, strict=True)
        if why and any(step.accepted < 1.0 for step in own.steps)
    ]
