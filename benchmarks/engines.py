"""All engines on the chain edge → network → cloud and on stars of edges: speed, memory and theory in one table.

``benchmarks/star.py`` says what is simulated, and how: plain SimPy (one process per request, one ``Resource`` per
station), Ciw, the SimPy engine, the compiled engine with and without a record of each visit, and as the limit a bare
numba loop, which knows no events, no records and no processor sharing.

Each engine has a process of its own; in every round all of them run, one after the other, with the seed of the round.
Figures are medians over the rounds, in requests per CPU second; what counts are the ratios to plain SimPy within a
round, which a loaded machine changes little. Memory is the growth of the process's peak beyond a short run. Plain
SimPy and Ciw are too slow for a million requests; the column *requests* says what each engine got.

    python benchmarks/engines.py [--quick] [--rounds 3] [--doc docs/engines.md]

``--doc`` writes the table between the markers of that file. Ciw comes with ``pip install '.[benchmark]'``; without it
its rows are left out.
"""

from __future__ import annotations

import argparse
import datetime
import importlib.util
import multiprocessing
import platform
import re
import statistics
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from importlib.metadata import version
from pathlib import Path

from star import STYLES, Star

from twin.engines.choice import make_ready

FIRST = "<!-- benchmark: begin -->"
LAST = "<!-- benchmark: end -->"

BASE = "plain SimPy"

HEADINGS = ("edges", "servers", "engine", "requests", "requests/CPU s", "× plain SimPy", "peak MB", "mean", "theory")

Row = tuple[str, ...]

Trial = tuple[float, float, float]
"""Requests per CPU second, mean response time, MB."""


def trial(name: str, star: Star, requests: int, seed: int) -> Trial:
    """Run one style once, in its own process."""
    start = time.process_time()
    mean = STYLES[name].run(star, requests, seed)
    return requests / (time.process_time() - start), mean, peak_mb()


def peak_mb() -> float:
    """Return the peak memory of this process (Linux; ``getrusage`` would count the parent's)."""
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


def measured(star: Star, requests: int, rounds: int) -> Iterator[Row]:
    """Yield a row for each style that can run *star*."""
    names = [name for name, style in STYLES.items() if style.covers(star) and is_installed(name)]
    wanted = {name: min(requests, STYLES[name].most_requests) for name in names}
    trials: dict[str, list[Trial]] = {name: [] for name in names}
    with ExitStack() as stack:
        pools = {name: stack.enter_context(multiprocessing.get_context("spawn").Pool(1)) for name in names}
        # Whatever is loaded or compiled once is not measured.
        idle = {name: pools[name].apply(trial, (name, star, 2 * star.edges + 100, 0))[2] for name in names}
        for seed in range(1, rounds + 1):
            for name in names:
                trials[name].append(pools[name].apply(trial, (name, star, wanted[name], seed)))
    for name in names:
        rates, means, peaks = zip(*trials[name], strict=True)
        yield (
            f"{star.edges:,}",
            f"{star.servers} {star.discipline.upper()}",
            name,
            f"{wanted[name]:,}",
            f"{statistics.median(rates):,.0f}",
            ratio(trials, name),
            f"{max(peaks) - idle[name]:,.0f}",
            f"{statistics.fmean(means):.3f}",
            f"{star.theory:.3f}",
        )


def ratio(trials: dict[str, list[Trial]], name: str) -> str:
    """Return the median over the rounds of how many times faster *name* is than plain SimPy."""
    if BASE not in trials:
        return "–"
    return f"{statistics.median(mine[0] / base[0] for mine, base in zip(trials[name], trials[BASE], strict=True)):,.1f}"


def is_installed(name: str) -> bool:
    """Say whether the package behind a style is there."""
    return name != "Ciw" or importlib.util.find_spec("ciw") is not None


def worlds(*, quick: bool) -> Iterable[tuple[Star, int]]:
    """Yield what is simulated, and with how many requests by those who can."""
    if quick:
        yield Star(edges=1), 10**5
        yield Star(edges=100), 10**5
        yield Star(edges=1, servers=4, discipline="ps"), 10**5
        return
    for edges in (1, 10, 100, 1000):
        yield Star(edges=edges), 10**6
    for edges in (1, 100):
        yield Star(edges=edges), 10**5
        yield Star(edges=edges), 10**7
    for edges in (1, 10, 100, 1000):
        yield Star(edges=edges, servers=4), 10**6
        yield Star(edges=edges, discipline="ps"), 10**6
        yield Star(edges=edges, servers=4, discipline="ps"), 10**6


def processor() -> str:
    """Return the name of the processor."""
    text = Path("/proc/cpuinfo").read_text(encoding="utf-8") if Path("/proc/cpuinfo").exists() else ""
    found = re.search(r"model name\s*: (.*)", text)
    return found[1] if found else platform.processor()


def markdown(rows: Iterable[Row], command: str) -> str:
    """Return the table with what it was measured with."""
    packages = ("simpy", "ciw", "numba", "numpy")
    versions = ", ".join(f"{name} {version(name)}" for name in packages if importlib.util.find_spec(name))
    lines = [
        f"`{command}` on {processor()}, {datetime.date.today()}; Python {platform.python_version()}, {versions}.",
        "CPU time, because other work was going on at the same time; medians over the rounds.",
        "",
        f"| {' | '.join(HEADINGS)} |",
        f"| {' | '.join('---' if heading == 'engine' else '---:' for heading in HEADINGS)} |",
        *(f"| {' | '.join(row)} |" for row in rows),
    ]
    return "\n".join(lines)


def write_between_markers(path: Path, text: str) -> None:
    """Put *text* between the markers of *path*."""
    whole = path.read_text(encoding="utf-8")
    before, rest = whole.split(FIRST)
    after = rest.split(LAST)[1]
    path.write_text(f"{before}{FIRST}\n{text}\n{LAST}{after}", encoding="utf-8")


def main() -> None:
    """Measure and print the table; with ``--doc``, write it too."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="Three worlds and few requests.")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--doc", type=Path, help="File whose table is replaced.")
    options = parser.parse_args()
    make_ready("compiled")
    widths = (6, 7, 20, 11, 15, 13, 8, 8, 8)
    print("  ".join(f"{heading:>{width}}" for heading, width in zip(HEADINGS, widths, strict=True)))
    rows: list[Row] = []
    for star, requests in worlds(quick=options.quick):
        for row in measured(star, requests, options.rounds):
            rows.append(row)
            print("  ".join(f"{cell:>{width}}" for cell, width in zip(row, widths, strict=True)), flush=True)
        if options.doc:  # after each world, so that nothing is lost if it takes too long
            write_between_markers(options.doc, markdown(rows, f"python benchmarks/engines.py {' '.join(sys.argv[1:])}"))


if __name__ == "__main__":
    main()
