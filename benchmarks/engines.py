"""All engines on the chain edge → network → cloud and on stars of edges, at utilisation 0.7: speed, memory, theory.

Every edge has its own Poisson source, its own edge station and its own network station; all meet in one cloud
station. All stations are FIFO with exponential service, so each is M/M/1 and theory knows the mean (Burke). One edge
is the chain. Five ways to run it, in turn, in one process; what counts are ratios of CPU time, which a loaded machine
changes little:

- plain SimPy: one process per request, one ``Resource`` per station, as SimPy's own documentation shows it;
- SimPy engine: this project's reference;
- compiled: the same records from machine code;
- compiled, no visits: the same response times, without a record of each visit;
- bare loop: nothing but the recursion of waiting times (Lindley), as the limit. It knows no events.

    python benchmarks/engines.py [--edges 1 10 100] [--requests 200000] [--rounds 5] [--markdown]
"""

from __future__ import annotations

import argparse
import multiprocessing
import statistics
import time
from collections.abc import Callable, Generator, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import simpy
from numba import njit

from twin.engines.compiled import simulate_compiled
from twin.engines.simpy_engine import simulate_network
from twin.model.law import Law
from twin.model.workload import Poisson, Source
from twin.network import Entry, Network, NodePool, Send, Stage, Step

UTILISATION = 0.7
SLOW = 10
"""How many times fewer requests the engines without compiled code get."""

Style = Callable[[int, int, int], float]
"""Takes edges, requests and a seed; returns the mean response time."""


def theory(edges: int) -> float:
    """Return the exact mean response time: two stations at rate 1 and one at rate *edges*, all M/M/1."""
    return UTILISATION / (1 - UTILISATION) * (2 + 1 / edges)


def star(edges: int) -> Network:
    """Return the network: stations 2i and 2i + 1 belong to edge i, the last one is the cloud."""
    cloud = 2 * edges
    places = [*range(cloud), cloud]
    means = [UTILISATION] * cloud + [UTILISATION / edges]
    following = [i + 1 if i % 2 == 0 else cloud for i in range(cloud)]
    return Network(
        stations=tuple(NodePool(name=f"station {i}", nodes=1, discipline="fifo") for i in places),
        steps=tuple(
            Step(
                name=f"step {i}",
                component=i,
                station=i,
                service_time=Law(law="exponential", mean=means[i]),
                exit_probability=1.0,
                sends=(Send(probability=1.0, step=following[i]),) if i < cloud else (),
            )
            for i in places
        ),
        stages=tuple(Stage(name=f"component {i}", steps=(i,)) for i in places),
        entries=tuple(
            Entry(source=Source(name=f"edge {i}", arrivals=Poisson(rate=1.0)), step=2 * i) for i in range(edges)
        ),
    )


def plain_simpy(edges: int, requests: int, seed: int) -> float:
    """Run a process per request, with a Resource per station."""
    env = simpy.Environment()
    stations = [simpy.Resource(env) for _ in range(2 * edges + 1)]
    rng = np.random.default_rng(seed)
    response_times: list[float] = []

    def request(edge: int) -> Generator[simpy.Event, None, None]:
        arrival = env.now
        for station, mean in ((2 * edge, 1.0), (2 * edge + 1, 1.0), (2 * edges, 1 / edges)):
            with stations[station].request() as turn:
                yield turn
                yield env.timeout(rng.exponential(UTILISATION * mean))
        response_times.append(env.now - arrival)

    def source(edge: int) -> Generator[simpy.Event, None, None]:
        for _ in range(requests // edges):
            yield env.timeout(rng.exponential(1.0))
            env.process(request(edge))

    for edge in range(edges):
        env.process(source(edge))
    env.run()
    return statistics.fmean(response_times)


def simpy_engine(edges: int, requests: int, seed: int) -> float:
    """Run the reference engine."""
    run = simulate_network(star(edges), seed=seed, requests=requests)
    return float(np.nanmean(run.ends - run.arrivals))


def compiled(edges: int, requests: int, seed: int) -> float:
    """Run the compiled engine."""
    run = simulate_compiled(star(edges), seed=seed, requests=requests)
    return float(np.nanmean(run.ends - run.arrivals))


def compiled_without_visits(edges: int, requests: int, seed: int) -> float:
    """Run the compiled engine, keeping no record of the visits."""
    run = simulate_compiled(star(edges), seed=seed, requests=requests, keep_visits=False)
    return float(np.nanmean(run.ends - run.arrivals))


@njit
def _departures(arrivals: Any, services: Any) -> Any:
    """Return when requests leave a FIFO station that they reach in this order."""
    left = np.empty_like(arrivals)
    free = 0.0
    for i in range(len(arrivals)):
        free = max(free, arrivals[i]) + services[i]
        left[i] = free
    return left


def bare_loop(edges: int, requests: int, seed: int) -> float:
    """Run the recursion of waiting times, station by station; the cloud's arrivals must be sorted first."""
    rng = np.random.default_rng(seed)
    count = requests // edges
    began, reached = [], []
    for _ in range(edges):
        arrivals = np.cumsum(rng.exponential(1.0, count))
        began.append(arrivals)
        for _ in range(2):
            arrivals = _departures(arrivals, rng.exponential(UTILISATION, count))
        reached.append(arrivals)
    start, times = np.concatenate(began), np.concatenate(reached)
    order = np.argsort(times) if edges > 1 else np.arange(count)
    ends = _departures(times[order], rng.exponential(UTILISATION / edges, len(order)))
    return float((ends - start[order]).mean())


STYLES: dict[str, tuple[Style, int]] = {
    "plain SimPy": (plain_simpy, SLOW),
    "SimPy engine": (simpy_engine, SLOW),
    "compiled": (compiled, 1),
    "compiled, no visits": (compiled_without_visits, 1),
    "bare loop": (bare_loop, 1),
}
"""Ways to run a star, and how many times fewer requests each gets."""


def timed(style: Style, edges: int, requests: int, seed: int) -> tuple[float, float]:
    """Return requests per CPU second, and the mean response time."""
    start = time.process_time()
    mean = style(edges, requests, seed)
    return requests / (time.process_time() - start), mean


def peak_mb(style: Style, edges: int, requests: int) -> float:
    """Return by how many MB a run raises the peak memory of a fresh process, beyond what a short run needs."""
    before, after = multiprocessing.Pipe(duplex=False)
    process = multiprocessing.get_context("spawn").Process(target=_peak, args=(after, style, edges, requests))
    process.start()
    growth = float(before.recv())
    process.join()
    return growth


def _peak(answer: Any, style: Style, edges: int, requests: int) -> None:
    style(edges, 1000, 0)
    start = _highest_mb()
    style(edges, requests, 0)
    answer.send(_highest_mb() - start)


def _highest_mb() -> float:
    """Return the peak memory of this process (Linux; ``getrusage`` would count the parent's)."""
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


def measured(edges: int, requests: int, rounds: int) -> Iterable[tuple[str, ...]]:
    """Yield a row for each style: its name, and the medians over all rounds."""
    rates: dict[str, list[float]] = {name: [] for name in STYLES}
    means: dict[str, list[float]] = {name: [] for name in STYLES}
    for seed in range(rounds):
        for name, (style, fewer) in STYLES.items():
            rate, mean = timed(style, edges, requests // fewer, seed)
            rates[name].append(rate)
            means[name].append(mean)
    for name, (style, fewer) in STYLES.items():
        ratio = statistics.median(ours / plain for ours, plain in zip(rates[name], rates["plain SimPy"], strict=True))
        memory = peak_mb(style, edges, requests // fewer)
        yield (
            str(edges),
            name,
            f"{requests // fewer:,}",
            f"{statistics.median(rates[name]):,.0f}",
            f"{ratio:,.1f}",
            f"{memory:,.0f}",
            f"{statistics.fmean(means[name]):.3f}",
            f"{theory(edges):.3f}",
        )


HEADINGS = ("edges", "engine", "requests", "requests/CPU s", "× plain SimPy", "MB", "mean", "theory")


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--edges", type=int, nargs="+", default=[1, 10, 100])
    parser.add_argument("--requests", type=int, default=200_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--markdown", action="store_true")
    options = parser.parse_args()
    for style, _ in STYLES.values():
        style(2, 1000, 0)  # compile, and load what is loaded once
    bar = " | " if options.markdown else "  "
    widths = (5, 20, 9, 15, 13, 6, 7, 7)
    print(bar.join(f"{heading:>{width}}" for heading, width in zip(HEADINGS, widths, strict=True)))
    if options.markdown:
        print("|".join("---:" for _ in HEADINGS))
    for edges in options.edges:
        for row in measured(edges, options.requests, options.rounds):
            print(bar.join(f"{cell:>{width}}" for cell, width in zip(row, widths, strict=True)), flush=True)


if __name__ == "__main__":
    main()
