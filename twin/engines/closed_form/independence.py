"""Independence: which queues see Poisson arrivals, so that their closed form is exact, and which do not.

Poisson arrivals stay Poisson when they are split at random, and when they leave a quasi-reversible queue (M/M/c first
come first served; processor sharing and infinitely many servers with any law: Kelly 1979, ch. 3). Networks of these
alone have the product form even where requests come back. Every other queue hands on something else.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import networkx as nx

from twin.model.law import LawName
from twin.model.workload import Arrivals, Batch, MarkovModulated, Piecewise, Poisson, Renewal, Sinusoid
from twin.network import Network
from twin.routing import Routing, Way

Place = tuple[str, int]
"""``station``, ``link`` or ``entry``, and its index."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Medium:
    """What independence must know of a station or link."""

    name: str

    departures: str
    """Why Poisson arrivals do not leave as a Poisson process; empty if they do."""


def arrival_doubts(routing: Routing, flows: Iterable[Way], media: Mapping[Place, Medium]) -> dict[Place, str]:
    """Return for each place of *media* why its arrivals are not Poisson; empty if they are.

    Args:
        routing: The network.
        flows: The ways that any requests take.
        media: Stations, and those links in which transfers disturb each other.
    """
    graph: nx.DiGraph[Place] = nx.DiGraph()
    graph.add_nodes_from(media)
    doubts: dict[Place, str] = {}
    for way in flows:
        doubt = _doubt_of(routing, way)
        for origin, target in _legs(routing.network, way, media):
            if doubt:
                doubts.setdefault(target, doubt)
            if origin in media:
                graph.add_edge(origin, target)
    condensed = nx.condensation(graph)
    for group in nx.topological_sort(condensed):
        _settle(graph, condensed.nodes[group]["members"], media, doubts)
    return {place: doubts.get(place, "") for place in media}


def poisson_doubt(arrivals: Arrivals, bare: LawName) -> str:
    """Return how *arrivals* differ from a Poisson process of constant rate; empty if they do not."""
    match arrivals:
        case Poisson():
            regular = True
        case Renewal():
            gap = arrivals.gap.resolved(bare)
            regular = gap.law == "exponential"
        case Batch():
            regular = arrivals.size == 1
        case Sinusoid():
            regular = arrivals.amplitude == 0
        case Piecewise():
            regular = len(set(arrivals.rates)) == 1
        case MarkovModulated():
            regular = len({state.rate for state in arrivals.states}) == 1
        case _:
            regular = False
    return "" if regular else f"{arrivals.process.replace('_', ' ')} arrivals"


def _doubt_of(routing: Routing, way: Way) -> str:
    if way.enters:
        source = routing.network.entries[way.origin].source
        doubt = poisson_doubt(source.arrivals, routing.network.bare)
        return doubt and f"source {source.name!r} has {doubt}"
    if way.forks:
        stage = routing.network.stages[routing.network.steps[way.origin].component]
        return f"parts of one request leave {stage.name!r} at once"
    return ""


def _legs(network: Network, way: Way, media: Mapping[Place, Medium]) -> Iterator[tuple[Place, Place]]:
    """Yield the pairs of places between which requests move on *way*."""
    origin: Place = ("entry", way.origin) if way.enters else ("station", network.steps[way.origin].station)
    target: Place = ("station", network.steps[way.target].station)
    link: Place = ("link", -1 if way.hop is None else way.hop.link)
    if link in media:
        yield origin, link
        yield link, target
    if link not in media or way.crossing < 1.0:
        yield origin, target


def _settle(
    graph: nx.DiGraph[Place], members: set[Place], media: Mapping[Place, Medium], doubts: dict[Place, str]
) -> None:
    """Pass doubts on to *members*, between all of which requests circulate, and from them to what follows."""
    ordered = sorted(members)
    doubt = next((doubts[place] for place in ordered if place in doubts), "")
    returning = len(ordered) > 1 or graph.has_edge(ordered[0], ordered[0])
    if returning and not doubt:
        doubt = next((f"requests come back to {_because(media[p])}" for p in ordered if media[p].departures), "")
    for place in ordered:
        if doubt:
            doubts[place] = doubt
        onward = doubt or (f"requests leave {_because(media[place])}" if media[place].departures else "")
        for target in graph.successors(place):
            if onward and target not in members:
                doubts.setdefault(target, onward)


def _because(medium: Medium) -> str:
    return f"{medium.name!r} ({medium.departures})"
