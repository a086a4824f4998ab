"""Memory over the length of a run: one replication of a busy M/M/1 queue, and of three in a row, measured as it runs.

Each length runs in a process of its own, from the scenario to the report, as ``ctwin run`` does it. What is printed is
the highest memory the process ever held, all libraries included, and how many requests it simulates and measures per
CPU second. Beside it stands what theory says of the mean response time.

    python benchmarks/memory.py [--requests 100000 1000000 10000000] [--stations 1 3] [--markdown]
"""

from __future__ import annotations

import argparse
import resource
import time
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import Any

from twin.experiment import simulate
from twin.model.scenario import Scenario

UTILISATION = 0.7

HEADINGS = ("stations", "requests", "MB", "requests/CPU s", "mean", "interval", "theory", "quantiles")


def chain(stations: int, requests: int) -> Scenario:
    """Return components in a row, each on a node of its own with one core, exponential service and Poisson arrivals."""
    names = [f"part {i}" for i in range(stations)]
    return Scenario.model_validate(
        {
            "name": "chain",
            "continuum": {
                "domains": {"lan": {"layers": ["edge"], "bandwidth_mbit_per_s": 1000}},
                "layers": {"edge": {"type": "PhysicalAlreadyProvisioned"}},
                "resources": {f"node {i}": {"layer": "edge", "discipline": "fifo"} for i in range(stations)},
            },
            "application": {
                "components": {name: {"candidates": [f"node {i}"]} for i, name in enumerate(names)},
                "dependencies": [{"from": names[i], "to": names[i + 1], "data_mb": 0.0} for i in range(stations - 1)],
            },
            "profiles": {name: {f"node {i}": UTILISATION} for i, name in enumerate(names)},
            "workload": {"sources": {"users": {"arrivals": {"process": "poisson", "rate": 1.0}}}},
            "plan": {name: f"node {i}" for i, name in enumerate(names)},
            "run": {"requests": requests, "replications": 1, "seed": 1},
        }
    )


def measured(stations: int, requests: int) -> dict[str, Any]:
    """Run in a fresh process and return what it needed and found."""
    here, there = get_context("spawn").Pipe(duplex=False)
    process = get_context("spawn").Process(target=_measure, args=(there, stations, requests))
    process.start()
    found: dict[str, Any] = here.recv()
    process.join()
    return found


def _measure(answer: Connection, stations: int, requests: int) -> None:
    simulate(chain(stations, 1000), engine="compiled")
    start = time.process_time()
    figures = simulate(chain(stations, requests), engine="compiled").figures
    seconds = time.process_time() - start
    usage = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    answer.send({"mb": usage, "rate": requests / seconds, "figures": figures})


def row(stations: int, requests: int) -> tuple[str, ...]:
    """Return a row of the table."""
    found = measured(stations, requests)
    figures = found["figures"]
    time_figures = figures["response_time"]
    low, high = time_figures["ci"] or (float("nan"), float("nan"))
    error = figures.get("quantiles", {}).get("relative_error", 0.0)
    return (
        str(stations),
        f"{requests:,}",
        f"{found['mb']:,.0f}",
        f"{found['rate']:,.0f}",
        f"{time_figures['mean']:.4f}",
        f"±{(high - low) / 2:.4f}",
        f"{stations * UTILISATION / (1 - UTILISATION):.4f}",
        f"±{error:.3%}" if error else "exact",
    )


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, nargs="+", default=[10**5, 10**6, 10**7])
    parser.add_argument("--stations", type=int, nargs="+", default=[1, 3])
    parser.add_argument("--markdown", action="store_true")
    options = parser.parse_args()
    bar = " | " if options.markdown else "  "
    widths = (8, 11, 6, 14, 8, 8, 8, 9)
    print(bar.join(f"{heading:>{width}}" for heading, width in zip(HEADINGS, widths, strict=True)))
    if options.markdown:
        print("|".join("---:" for _ in HEADINGS))
    for stations in options.stations:
        for requests in options.requests:
            cells = row(stations, requests)
            print(bar.join(f"{cell:>{width}}" for cell, width in zip(cells, widths, strict=True)), flush=True)


if __name__ == "__main__":
    main()
