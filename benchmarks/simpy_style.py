"""The SimPy engine against plain SimPy in its usual style, on three stations at utilisation 0.7.

Plain style: one process per request, one ``Resource`` per station, as SimPy's own documentation shows it. Both run in
this process, in turn; what counts is the ratio of their CPU times, which a loaded machine changes little.

    python benchmarks/simpy_style.py [--requests 100000] [--rounds 5]
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable, Generator

import numpy as np
import simpy

from twin.engines.simpy_engine import simulate_network
from twin.model.law import Law
from twin.model.workload import Poisson, Source
from twin.network import Entry, Network, NodePool, Send, Stage, Step

STATIONS = 3
UTILISATION = 0.7
THEORY = STATIONS * UTILISATION / (1 - UTILISATION)


def chain() -> Network:
    """Return edge, network and cloud as three FIFO stations with exponential service."""
    last = STATIONS - 1
    return Network(
        stations=tuple(NodePool(name=f"station {i}", nodes=1, discipline="fifo") for i in range(STATIONS)),
        steps=tuple(
            Step(
                name=f"step {i}",
                component=i,
                station=i,
                service_time=Law(law="exponential", mean=UTILISATION),
                exit_probability=1.0,
                sends=(Send(probability=1.0, step=i + 1),) if i < last else (),
            )
            for i in range(STATIONS)
        ),
        stages=tuple(Stage(name=f"component {i}", steps=(i,)) for i in range(STATIONS)),
        entries=(Entry(source=Source(name="requests", arrivals=Poisson(rate=1.0)), step=0),),
    )


def with_engine(requests: int, seed: int) -> float:
    """Return the mean response time that the project's engine finds."""
    run = simulate_network(chain(), seed=seed, requests=requests)
    return float(np.nanmean(run.ends - run.arrivals))


def with_processes(requests: int, seed: int) -> float:
    """Return the mean response time of the usual style: a process per request, a Resource per station."""
    env = simpy.Environment()
    stations = [simpy.Resource(env) for _ in range(STATIONS)]
    rng = np.random.default_rng(seed)
    response_times: list[float] = []

    def request() -> Generator[simpy.Event, None, None]:
        arrival = env.now
        for station in stations:
            with station.request() as turn:
                yield turn
                yield env.timeout(rng.exponential(UTILISATION))
        response_times.append(env.now - arrival)

    def source() -> Generator[simpy.Event, None, None]:
        for _ in range(requests):
            yield env.timeout(rng.exponential(1.0))
            env.process(request())

    env.process(source())
    env.run()
    return statistics.fmean(response_times)


def timed(run: Callable[[int, int], float], requests: int, seed: int) -> tuple[float, float]:
    """Return CPU seconds and result of one run."""
    start = time.process_time()
    mean = run(requests, seed)
    return time.process_time() - start, mean


def main() -> None:
    """Run both in turn and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    styles = {"process per request + Resource": with_processes, "this engine": with_engine}
    seconds: dict[str, list[float]] = {name: [] for name in styles}
    means: dict[str, list[float]] = {name: [] for name in styles}
    for style in styles.values():
        style(1000, 0)
    for seed in range(options.rounds):
        for name, style in styles.items():
            elapsed, mean = timed(style, options.requests, seed)
            seconds[name].append(elapsed)
            means[name].append(mean)
    print(f"{options.requests} requests through {STATIONS} stations, {options.rounds} rounds in turn")
    print(f"{'theory':61s} mean {THEORY:.3f}")
    for name in styles:
        median = statistics.median(seconds[name])
        rate = options.requests / median
        print(f"{name:32s} {median:6.2f} CPU s {rate:9,.0f} requests/CPU s  mean {np.mean(means[name]):.3f}")
    ratios = [plain / ours for plain, ours in zip(*seconds.values(), strict=True)]
    print(f"ratio {statistics.median(ratios):.2f} (lowest {min(ratios):.2f}, highest {max(ratios):.2f})")


if __name__ == "__main__":
    main()
