"""A city: how the time and memory of each stage of a run grow with the continuum and the applications in it.

Every district has its own edge resources behind a network domain of its own, some virtual machines in the cloud that
all share, and one application: a source whose requests walk through layers of components, taking one of two ways at
each. Every tenth application sends its requests both ways at once and waits for the parts at the end. The
applications of all districts are one graph of components that hangs together only within a district, with one entry
for each source.

Each size is written as a scenario file, then read, checked, compiled, analysed, run and reported as ``ctwin run``
does it, in a process of its own. Times are CPU seconds. What should be linear is, if the last column, seconds per
component or per request, does not grow from row to row.

    python benchmarks/city.py [--districts 25 50 100 200] [--requests 100000] [--profile]
"""

from __future__ import annotations

import argparse
import cProfile
import multiprocessing
import pstats
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from twin.compilation import compile_network
from twin.engines.choice import make_ready
from twin.engines.compiled import simulate_compiled
from twin.formats.reading import read_scenario
from twin.formats.scenario.files import save_scenario
from twin.kept import measure
from twin.model.scenario import Scenario
from twin.overload import overloads
from twin.report import report_from
from twin.traffic import mean_rates, step_rates

WIDTH = 7
"""Components side by side in an application."""

DEPTH = 7
"""Components that a request visits one after the other, between the first one and the last."""

IN_THE_CLOUD = 5
"""Resources of a district that stand in the cloud."""

FORKS_EVERY = 10
"""One in so many applications forks and joins."""

Result = TypeVar("Result")


def city(districts: int, *, requests: int, forks_every: int = FORKS_EVERY) -> dict[str, Any]:
    """Return a scenario with so many districts, each of one application and one resource for each component."""
    parts = [_district(i, forks=i % forks_every == 0) for i in range(districts)]
    layers = {name: layer for part in parts for name, layer in part["layers"].items()}
    metro = {
        "layers": ["cloud"],
        "contains": [name for part in parts for name in part["domains"]],
        "access_delay": 0.01,
        "bandwidth_mbit_per_s": 10_000,
    }
    return {
        "name": f"city of {districts} districts",
        "continuum": {
            "layers": layers | {"cloud": {"type": "Virtual"}},
            "domains": _merged(parts, "domains") | {"metro": metro},
            "resources": _merged(parts, "resources"),
        },
        "application": {
            "components": _merged(parts, "components"),
            "dependencies": [edge for part in parts for edge in part["dependencies"]],
        },
        "profiles": _merged(parts, "profiles"),
        "workload": {"sources": _merged(parts, "sources")},
        "constraints": [
            {"kind": "global", "path": [f"{name(i, 0, 0)}", f"{name(i, 1, 0)}"], "limit": 2.0} for i in range(districts)
        ],
        "run": {"requests": requests, "replications": 1, "seed": 1, "discipline": "fifo"},
        "plan": _merged(parts, "plan"),
    }


def name(district: int, layer: int, place: int) -> str:
    """Return the name of a component; its resource has the same one."""
    return f"d{district}-{layer}-{place}"


def _merged(parts: list[dict[str, Any]], key: str) -> dict[str, Any]:
    return {name: value for part in parts for name, value in part[key].items()}


def _district(district: int, *, forks: bool) -> dict[str, Any]:
    """Return the district's part of the scenario."""
    places = [(0, 0), *((layer, i) for layer in range(1, DEPTH + 1) for i in range(WIDTH))]
    names = [name(district, *place) for place in places]
    cloud = set(names[-IN_THE_CLOUD:])
    return {
        "layers": {f"edge-{district}": {"type": "PhysicalAlreadyProvisioned"}},
        "domains": {
            f"access-{district}": {
                "layers": [f"edge-{district}"],
                "access_delay": 0.001,
                "bandwidth_mbit_per_s": 1000,
            }
        },
        "resources": {
            each: {"layer": "cloud" if each in cloud else f"edge-{district}", "nodes": 1, "cores": 1} for each in names
        },
        "components": {
            each: {"candidates": [each], "join": "all" if forks and place[0] == DEPTH else "each"}
            for each, place in zip(names, places, strict=True)
        },
        "dependencies": [edge for place in places for edge in _edges(district, *place, forks=forks)],
        "profiles": {each: {each: 0.05} for each in names},
        "sources": {
            f"cameras-{district}": {
                "entry": names[0],
                "at": f"edge-{district}",
                "data_mb": 0.1,
                "arrivals": {"process": "poisson", "rate": 5.0},
            }
        },
        "plan": {each: each for each in names},
    }


def _edges(district: int, layer: int, place: int, *, forks: bool) -> list[dict[str, Any]]:
    """Return the ways from a component: to two of the next layer; those that fork do so once, at the start."""
    if layer == DEPTH:
        return []
    both = forks and layer == 0
    targets = (0, 1) if layer == 0 else (place, (place + 1) % WIDTH)
    return [
        {
            "from": name(district, layer, place),
            "to": name(district, layer + 1, target),
            "probability": 1.0 if both else 0.5,
            "data_mb": 0.01,
        }
        for target in targets
    ]


class Stages:
    """The CPU seconds of each stage of a run."""

    def __init__(self, profile: str | None) -> None:
        self.seconds: dict[str, float] = {}
        self.profile = profile

    def __call__(self, stage: str, work: Callable[[], Result]) -> Result:
        """Do *work* and note how long it took."""
        profiler = cProfile.Profile() if stage == self.profile else None
        start = time.process_time()
        result = profiler.runcall(work) if profiler else work()
        self.seconds[stage] = time.process_time() - start
        if profiler:
            pstats.Stats(profiler).sort_stats("tottime").print_stats(12)
        return result


def walk(path: Path, profile: str | None = None) -> dict[str, float]:
    """Return the CPU seconds of each stage for the scenario in *path*, and the peak memory in MB."""
    timed = Stages(profile)
    scenario: Scenario = timed("read and check", lambda: read_scenario(path)).scenario
    plan = scenario.plan
    assert plan is not None
    network = timed("compile", lambda: compile_network(scenario, plan))
    timed("traffic", lambda: step_rates(network, mean_rates(network)))
    timed("overload", lambda: overloads(scenario, network, horizon=100.0, down={}))
    run = timed("run", lambda: simulate_compiled(network, seed=1, requests=scenario.run.requests))
    measures = timed("measure", lambda: measure(scenario, plan, network, run))
    report = timed("report", lambda: report_from(scenario, plan, network, [measures], engine="compiled"))
    timed("as JSON", report.to_json)
    timed.seconds["peak MB"] = _highest_mb()
    timed.seconds["components"] = len(network.steps)
    timed.seconds["visits"] = len(run.visits)
    return timed.seconds


def _highest_mb() -> float:
    """Return the peak memory of this process (Linux; ``getrusage`` would count the parent's)."""
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


def measured(districts: int, requests: int, profile: str | None = None) -> dict[str, float]:
    """Write a city of so many districts and walk through it, in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "city.yaml"
        save_scenario(Scenario.model_validate(city(districts, requests=requests)), path)
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            return pool.apply(walk, (path, profile))


def main() -> None:
    """Measure all sizes and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--districts", type=int, nargs="+", default=[25, 50, 100, 200])
    parser.add_argument("--requests", type=int, default=100_000)
    parser.add_argument("--profile", help="A stage to profile, such as 'compile'.")
    options = parser.parse_args()
    make_ready("compiled")
    for districts in options.districts:
        found = measured(districts, options.requests, options.profile)
        print(districts, "districts:", "  ".join(f"{key} {value:,.2f}" for key, value in found.items()), flush=True)


if __name__ == "__main__":
    main()
