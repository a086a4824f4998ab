"""Stars of edges at utilisation 0.7, the exact mean response time there, and the ways to simulate them.

Every edge has its own Poisson source of rate 1, its own edge station and its own network station; all meet in one
cloud station. One edge is the chain edge → network → cloud. Service is exponential; a station has one or four servers
with one queue (FIFO), or as many cores that its requests share (PS), at most one core for each. The departures of such
a station are Poisson again (Burke), and sharing does not change the number present, so each station is an M/M/c queue.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numba import njit

from twin.engines.queueing import mmc_response_time
from twin.model.law import Law
from twin.model.workload import Poisson, Source
from twin.network import Entry, Network, NodePool, Send, Stage, Step

UTILISATION = 0.7


@dataclass(frozen=True, slots=True, kw_only=True)
class Star:
    """What is simulated."""

    edges: int

    servers: int = 1

    discipline: Literal["fifo", "ps"] = "fifo"

    @property
    def means(self) -> tuple[float, float, float]:
        """Mean service times of edge, network and cloud, in seconds."""
        outer = UTILISATION * self.servers
        return outer, outer, outer / self.edges

    @property
    def theory(self) -> float:
        """The exact mean response time in seconds."""
        rates = (1.0, 1.0, float(self.edges))
        pairs = zip(rates, self.means, strict=True)
        return sum(mmc_response_time(rate, mean, self.servers) for rate, mean in pairs)


def network(star: Star) -> Network:
    """Return the network: stations 2i and 2i + 1 belong to edge i, the last one is the cloud."""
    cloud = 2 * star.edges
    following = [i + 1 if i % 2 == 0 else cloud for i in range(cloud)]
    return Network(
        stations=tuple(
            NodePool(name=f"station {i}", nodes=1, cores=float(star.servers), discipline=star.discipline)
            for i in range(cloud + 1)
        ),
        steps=tuple(
            Step(
                name=f"step {i}",
                component=i,
                station=i,
                service_time=Law(law="exponential", mean=star.means[2 if i == cloud else 0]),
                exit_probability=1.0,
                sends=(Send(probability=1.0, step=following[i]),) if i < cloud else (),
            )
            for i in range(cloud + 1)
        ),
        stages=tuple(Stage(name=f"component {i}", steps=(i,)) for i in range(cloud + 1)),
        entries=tuple(
            Entry(source=Source(name=f"edge {i}", arrivals=Poisson(rate=1.0)), step=2 * i) for i in range(star.edges)
        ),
    )


def plain_simpy(star: Star, requests: int, seed: int) -> float:
    """Run a process per request and a Resource per station, as SimPy's own documentation shows it."""
    import simpy

    env = simpy.Environment()
    stations = [simpy.Resource(env, capacity=star.servers) for _ in range(2 * star.edges + 1)]
    rng = np.random.default_rng(seed)
    response_times: list[float] = []

    def request(edge: int) -> Generator[simpy.Event, None, None]:
        arrival = env.now
        for station, mean in zip((2 * edge, 2 * edge + 1, 2 * star.edges), star.means, strict=True):
            with stations[station].request() as turn:
                yield turn
                yield env.timeout(rng.exponential(mean))
        response_times.append(env.now - arrival)

    def source(edge: int) -> Generator[simpy.Event, None, None]:
        for _ in range(requests // star.edges):
            yield env.timeout(rng.exponential(1.0))
            env.process(request(edge))

    for edge in range(star.edges):
        env.process(source(edge))
    env.run()
    return statistics.fmean(response_times)


def ciw_style(star: Star, requests: int, seed: int) -> float:
    """Run Ciw: a class of customers for each edge, routed from node to node."""
    import ciw

    nodes = 2 * star.edges + 1
    sharing = star.discipline == "ps"
    none: list[Any] = [None] * nodes
    arrivals, services, routing = {}, {}, {}
    for edge in range(star.edges):
        way = [2 * edge + 1, 2 * edge + 2, nodes]
        arriving = list(none)
        arriving[2 * edge] = ciw.dists.Exponential(rate=1.0)
        serving = [ciw.dists.Exponential(rate=1 / star.means[0])] * (nodes - 1)
        arrivals[f"edge {edge}"] = arriving
        services[f"edge {edge}"] = [*serving, ciw.dists.Exponential(rate=1 / star.means[2])]
        routing[f"edge {edge}"] = ciw.routing.ProcessBased(lambda _individual, _simulation, way=way: way[1:])
    model = ciw.create_network(
        arrival_distributions=arrivals,
        service_distributions=services,
        routing=routing,
        number_of_servers=[float("inf") if sharing else star.servers] * nodes,
        ps_thresholds=[star.servers] * nodes,
    )
    ciw.seed(seed)
    simulation = ciw.Simulation(model, node_class=ciw.PSNode) if sharing else ciw.Simulation(model)
    simulation.simulate_until_max_customers(requests, method="Finish")
    first: dict[int, float] = {}
    last: dict[int, float] = {}
    visits: dict[int, int] = {}
    for record in simulation.get_all_records():
        number = record.id_number
        visits[number] = visits.get(number, 0) + 1
        first[number] = min(first.get(number, record.arrival_date), record.arrival_date)
        last[number] = max(last.get(number, 0.0), record.exit_date)
    return statistics.fmean(last[number] - first[number] for number, count in visits.items() if count == 3)


def simpy_engine(star: Star, requests: int, seed: int) -> float:
    """Run the reference engine."""
    from twin.engines.simpy_engine import simulate_network

    run = simulate_network(network(star), seed=seed, requests=requests)
    return float(np.nanmean(run.ends - run.arrivals))


def compiled(star: Star, requests: int, seed: int) -> float:
    """Run the compiled engine, which records every visit."""
    from twin.engines.compiled import simulate_compiled

    run = simulate_compiled(network(star), seed=seed, requests=requests)
    return float(np.nanmean(run.ends - run.arrivals))


def compiled_without_visits(star: Star, requests: int, seed: int) -> float:
    """Run the compiled engine without a record of each visit."""
    from twin.engines.compiled import simulate_compiled

    run = simulate_compiled(network(star), seed=seed, requests=requests, keep_visits=False)
    return float(np.nanmean(run.ends - run.arrivals))


@njit
def _departures(arrivals: Any, services: Any, servers: int) -> Any:
    """Return when requests leave a station that they reach in this order (Lindley; Kiefer & Wolfowitz)."""
    left = np.empty_like(arrivals)
    free = np.zeros(servers)  # when each server is free, soonest first
    for i in range(len(arrivals)):
        end = max(free[0], arrivals[i]) + services[i]
        left[i] = end
        place = 0
        while place + 1 < servers and free[place + 1] < end:
            free[place] = free[place + 1]
            place += 1
        free[place] = end
    return left


def bare_loop(star: Star, requests: int, seed: int) -> float:
    """Run nothing but the recursion of waiting times, station by station; it knows no events and no PS."""
    rng = np.random.default_rng(seed)
    count = requests // star.edges
    began, reached = [], []
    for _ in range(star.edges):
        start = np.cumsum(rng.exponential(1.0, count))
        times, order = start, np.arange(count)
        for mean in star.means[:2]:
            times = _departures(times, rng.exponential(mean, count), star.servers)
            if star.servers > 1:
                again = np.argsort(times)
                times, order = times[again], order[again]
        began.append(start[order])
        reached.append(times)
    begins, arrivals = np.concatenate(began), np.concatenate(reached)
    order = np.argsort(arrivals) if star.edges > 1 else np.arange(count)
    services = rng.exponential(star.means[2], len(order))
    return float((_departures(arrivals[order], services, star.servers) - begins[order]).mean())


@dataclass(frozen=True, slots=True, kw_only=True)
class Style:
    """A way to simulate a star."""

    run: Callable[[Star, int, int], float]
    """Takes the star, requests and a seed; returns the mean response time."""

    most_requests: int = 10**7
    """More than that takes too long; rates hardly change with the number."""

    most_edges: int = 1000

    shares: bool = True
    """Whether it knows processor sharing."""

    def covers(self, star: Star) -> bool:
        """Say whether this style can run *star*."""
        return star.edges <= self.most_edges and (self.shares or star.discipline == "fifo")


STYLES = {
    "plain SimPy": Style(run=plain_simpy, most_requests=10**5, shares=False),
    "Ciw": Style(run=ciw_style, most_requests=20_000, most_edges=10),
    # It draws the times of all steps for all requests ahead: gigabytes on 2,001 stations.
    "SimPy engine": Style(run=simpy_engine, most_requests=10**5, most_edges=100),
    "compiled": Style(run=compiled),
    "compiled, no visits": Style(run=compiled_without_visits),
    "bare loop": Style(run=bare_loop, shares=False),
}
