"""A sweep on one process and on one for each core, and the same sweep again when everything is kept.

All run in this order, several rounds in turn, in one run; what counts is the ratio of their wall-clock times. Beside
it stands what the machine itself gave at that time: bare loops of about the same length, one after the other and side
by side in processes that are there already. The tables must be equal to the byte.

    python benchmarks/sweep.py [--points 24] [--requests 20000] [--rounds 3] [--engine simpy]
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path

from twin.crew import Crew, cores
from twin.sweep.axes import Axis
from twin.sweep.drafts import Base
from twin.sweep.hands import hands_for
from twin.sweep.points import Layout, lay_out
from twin.sweep.store import Store
from twin.sweep.sweeping import sweep
from twin.sweep.table import CSV, save_tables

SCENARIO = Path(__file__).resolve().parents[1] / "scenarios" / "mask-detection"


def timed(layout: Layout, folder: Path, jobs: int) -> tuple[float, bytes]:
    """Return the seconds of a sweep, the start of its processes included, and its table."""
    start = time.perf_counter()
    with hands_for(None, jobs) as hands:
        found = sweep(layout, Store(folder / "points"), hands)
    save_tables(found, folder)
    return time.perf_counter() - start, (folder / CSV).read_bytes()


def burn(seconds: float) -> None:
    """Compute for so many seconds of CPU time."""
    end = time.process_time() + seconds
    while time.process_time() < end:
        pass


def bare(hands: Crew, seconds: float) -> float:
    """Return how much faster bare loops of *seconds* in all are side by side than one after the other."""
    start = time.perf_counter()
    burn(seconds)
    middle = time.perf_counter()
    list(hands.run(burn, [seconds / hands.size] * hands.size))
    return (middle - start) / (time.perf_counter() - middle)


def main() -> None:
    """Run all in turn and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--points", type=int, default=24)
    parser.add_argument("--requests", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--engine", default="simpy")
    options = parser.parse_args()
    settings = {"requests": options.requests, "replications": 1}
    rates = tuple(5 + 20 * i / options.points for i in range(options.points))
    axes = [Axis(name="arrival_rate", values=rates)]
    layout = lay_out(Base(path=SCENARIO, settings=settings), axes, engine=options.engine)
    kinds = {"1 process": 1, f"{cores()} processes": cores(), "everything kept": 1}
    seconds: dict[str, list[float]] = {name: [] for name in kinds}
    machine = []
    for _ in range(options.rounds):
        with Crew(cores()) as crew:
            list(crew.run(burn, [0.1] * crew.size))
            machine.append(bare(crew, 4.0))
        with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as other:
            folders = (Path(one), Path(other), Path(one))
            tables = []
            for (name, jobs), folder in zip(kinds.items(), folders, strict=True):
                elapsed, table = timed(layout, folder, jobs)
                seconds[name].append(elapsed)
                tables.append(table)
            assert len(set(tables)) == 1, "the tables differ"
    report(options, len(layout.points), seconds)
    spread = f"lowest {min(machine):.2f}, highest {max(machine):.2f}"
    print(f"bare loops on {cores()} processes: ratio {statistics.median(machine):.2f} ({spread})")


def report(options: argparse.Namespace, points: int, seconds: dict[str, list[float]]) -> None:
    """Print medians, and ratios to the first kind."""
    print(f"{points} points of {options.requests} requests, engine {options.engine}, {options.rounds} rounds in turn")
    base = next(iter(seconds.values()))
    for name, found in seconds.items():
        ratios = [one / other for one, other in zip(base, found, strict=True)]
        print(
            f"{name:18s} {statistics.median(found):7.2f} s  {points / statistics.median(found):8.1f} points/s  "
            f"ratio {statistics.median(ratios):6.2f} (lowest {min(ratios):.2f}, highest {max(ratios):.2f})"
        )


if __name__ == "__main__":
    main()
