"""How far SPACE4AI-D's own solutions are from the optimum, and what larger systems take: cost, proof, time.

FOLDER holds the public instances as FAMILY/nCOMPONENTS/INSTANCE with the system and the solution shipped with it, and
``optimum.csv`` with the optima known from elsewhere. All are evaluated with the formula that made the shipped solutions
(dialect ``d-pre2023``). The larger systems are drawn by ``design.generator``. Times are CPU seconds of one process
but for the time limit, which the clock keeps. ``benchmarks.brittle`` says what the twin makes of the optima.

    python -m benchmarks.design FOLDER [--generated 30 50 100] [--seeds 2] [--time-limit 60] [--out TABLE.md]
        [--readme README.md]
"""

from __future__ import annotations

import argparse
import csv
import time
from collections.abc import Iterator
from dataclasses import dataclass
from math import inf
from pathlib import Path
from statistics import mean
from typing import Final

from benchmarks.peer_like import peer_like_cost
from design.candidates import cases
from design.exact import ExactSearch
from design.generator import generate
from design.optimise import Result, optimise
from design.problem_building import build_problem
from design.rules import rules_of
from twin.files import write_text
from twin.formats.space4ai import load_system
from twin.model.scenario import Scenario

DIALECT: Final = "d-pre2023"

RATE = 1.8
"""Requests/s for which the shipped solutions were made."""

HEURISTICS = ("lns", "local", "tabu", "annealing", "genetic")

BEGIN, END = "<!-- design: begin -->", "<!-- design: end -->"
"""What the summary stands between in the README."""

HEADER = """# The cheapest plan: SPACE4AI's public instances, and larger systems

Made by `python -m benchmarks.design FOLDER {options} --out docs/design.md`, where FOLDER
holds the public instances. Seconds are CPU time; compiled code was loaded before.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One instance."""

    name: str

    shipped: float

    known: float
    """Optimum proved elsewhere."""

    result: Result

    first: float
    """Seconds of CPU to the first plan, reading the problem included."""

    cpu: float
    """Seconds of CPU to the proof."""


def main() -> None:
    """Run everything, and write or print the tables."""
    arguments = _arguments()
    _warm_up()
    rows = list(public_rows(arguments.folder))
    drawn = [
        _drawn(size, seed, arguments.time_limit)
        for size in arguments.generated
        for seed in range(1, arguments.seeds + 1)
    ]
    tables = [public_table(rows), generated_table(drawn, arguments.time_limit)]
    text = "\n".join([HEADER.format(options=_options(arguments)), *tables])
    if arguments.out is None:
        print(text)
    else:
        write_text(arguments.out, text)
    summary = summary_of(rows, drawn, arguments.time_limit)
    if arguments.readme is None:
        print(summary)
    else:
        refresh(arguments.readme, summary)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="public instances")
    parser.add_argument("--generated", type=int, nargs="*", default=[30, 50, 100], help="components of drawn systems")
    parser.add_argument("--seeds", type=int, default=2, help="systems drawn of each size")
    parser.add_argument("--readme", type=Path, help="file whose summary between the markers is replaced")
    parser.add_argument("--time-limit", type=float, default=60.0, help="seconds for each search on a drawn system")
    parser.add_argument("--out", type=Path, help="Markdown file to write")
    return parser.parse_args()


def _options(arguments: argparse.Namespace) -> str:
    sizes = " ".join(map(str, arguments.generated))
    return f"--generated {sizes} --seeds {arguments.seeds} --time-limit {arguments.time_limit:g}"


def _warm_up() -> None:
    """Load compiled code before anything is timed."""
    scenario = generate(6, 0)
    for method in ("exact", *HEURISTICS):
        optimise(scenario, dialect=DIALECT, method=method, time_limit=0.2)
        peer_like_cost(scenario, DIALECT, 0.2, 0)


def public_rows(folder: Path) -> Iterator[Row]:
    """Prove the optimum of each instance."""
    with (folder / "optimum.csv").open(encoding="utf-8") as lines:
        for known in csv.DictReader(lines):
            name = f"{known['family']}/{known['components']}Components/{known['instance']}"
            system = folder / name / "system_description.json"
            scenario = load_system(system, dialect=DIALECT, arrival_rate=RATE)
            started = time.process_time()
            result = optimise(scenario, dialect=DIALECT, method="exact")
            cpu = time.process_time() - started
            shipped, optimum = float(known["shipped_cost"]), float(known["optimum_cost"])
            first = first_plan(scenario)
            yield Row(name=name, shipped=shipped, known=optimum, result=result, first=first, cpu=cpu)


def first_plan(scenario: Scenario) -> float:
    """Return the seconds of CPU from the scenario to any plan that holds."""
    started = time.process_time()
    problem = build_problem(scenario, rules_of(DIALECT), cases(scenario)[0])
    ExactSearch(problem=problem).find_any()
    return time.process_time() - started


def public_table(rows: list[Row]) -> str:
    """Return the table of the public instances, and what it comes to."""
    lines = [
        "## Public instances\n",
        "| instance | shipped | optimum (proved here) | shipped is above it | first plan, s | proof, s |",
        "| --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    for row in rows:
        cost = row.result.cost or float("nan")
        lines.append(
            f"| {row.name} | {row.shipped:.3f} | {cost:.3f}{'' if row.result.optimal else ' (no proof)'} "
            f"| {row.shipped / cost - 1:+.1%} | {row.first:.3f} | {row.cpu:.2f} |"
        )
    agree = sum(row.result.cost is not None and abs(row.result.cost / row.known - 1) < 1e-9 for row in rows)
    lines += [
        "",
        f"{sum(row.result.optimal for row in rows)} of {len(rows)} proved; {agree} agree with the optimum known from "
        f"elsewhere. CPU seconds to the proof: {mean(row.cpu for row in rows):.2f} in the mean, "
        f"{max(row.cpu for row in rows):.2f} at most; first plan after {_latest(rows):.2f} s at the latest.\n",
    ]
    return "\n".join(lines)


def _latest(rows: list[Row]) -> float:
    return max(row.first for row in rows)


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """One drawn system."""

    components: int

    seed: int

    first: float

    auto: Result

    cpu: float

    others: dict[str, float | None]
    """Euro an hour by heuristic."""


def _drawn(components: int, seed: int, time_limit: float) -> Drawn:
    scenario = generate(components, seed)
    first = first_plan(scenario)
    started = time.process_time()
    auto = optimise(scenario, dialect=DIALECT, time_limit=time_limit)
    cpu = time.process_time() - started
    others = {each: optimise(scenario, dialect=DIALECT, method=each, time_limit=time_limit).cost for each in HEURISTICS}
    others["peer-like"] = peer_like_cost(scenario, DIALECT, time_limit, seed)
    return Drawn(components=components, seed=seed, first=first, auto=auto, cpu=cpu, others=others)


def generated_table(drawn: list[Drawn], time_limit: float) -> str:
    """Return what ``auto`` and the heuristics find on drawn systems in the same time."""
    names = [*HEURISTICS, "peer-like"]
    lines = [
        f"## Drawn systems, {time_limit:g} s on the clock for each search\n",
        "Cost in euro an hour; heuristics relative to `auto`, a dash where no plan was found. `peer-like` moves as",
        "SPACE4AI-D does (`benchmarks/peer_like.py`), but compiled: it is no measurement of that tool.\n",
        f"| components, seed | auto | bound | gap | first plan, s | auto, s | {' | '.join(names)} |",
        "| --- | ---: | ---: | ---: | ---: | ---: |" + " ---: |" * len(names),
    ]
    lines += [_generated_line(each, names) for each in drawn]
    return "\n".join([*lines, ""])


def _generated_line(drawn: Drawn, names: list[str]) -> str:
    auto = drawn.auto
    name = f"{drawn.components}, {drawn.seed}"
    if auto.cost is None:
        return f"| {name} | – | {auto.bound:.3f} | – | {drawn.first:.2f} | {drawn.cpu:.1f} |" + " – |" * len(names)
    costs = [drawn.others[each] for each in names]
    others = " | ".join("–" if cost is None else f"{cost / auto.cost - 1:+.1%}" for cost in costs)
    proof = "proved" if auto.optimal else f"{auto.gap:.2%}"
    return f"| {name} | {auto.cost:.3f} | {auto.bound:.3f} | {proof} | {drawn.first:.2f} | {drawn.cpu:.1f} | {others} |"


def summary_of(rows: list[Row], drawn: list[Drawn], time_limit: float) -> str:
    """Return the few lines for the README."""
    lines = [
        "| systems | components | shipped or peer-like is above ours | proved | gap at most | CPU s to the proof |",
        "| --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    for size in sorted({_components(row) for row in rows}):
        own = [row for row in rows if _components(row) == size]
        above = [row.shipped / (row.result.cost or row.known) - 1 for row in own]
        proved = sum(row.result.optimal for row in own)
        dearer = f"{mean(above):.0%} mean, {max(above):.0%} worst (shipped)"
        lines.append(
            f"| public | {size} | {dearer} | {proved} of {len(own)} | 0 % | at most {max(r.cpu for r in own):.2f} |"
        )
    for size in sorted({each.components for each in drawn}):
        own_drawn = [each for each in drawn if each.components == size and each.auto.cost]
        ratios = [(each.others["peer-like"] or inf) / (each.auto.cost or inf) - 1 for each in own_drawn]
        least = min(ratios, default=inf)
        dearer = f"{least:.0%} or more" if least < inf else "no plan found"
        dearer += f" (peer-like, {time_limit:g} s)"
        proved = sum(each.auto.optimal for each in own_drawn)
        gap = max((each.auto.gap or 0.0 for each in own_drawn), default=1.0)
        seconds = [each.cpu for each in own_drawn if each.auto.optimal]
        took = f"at most {max(seconds):.1f}" if seconds else "–"
        lines.append(f"| drawn | {size} | {dearer} | {proved} of {len(own_drawn)} | {gap:.1%} | {took} |")
    return "\n".join(lines)


def _components(row: Row) -> int:
    return int(row.name.split("/")[1].removesuffix("Components"))


def refresh(readme: Path, summary: str) -> None:
    """Put *summary* between the markers of *readme*."""
    before, found, rest = readme.read_text(encoding="utf-8").partition(BEGIN)
    _, closed, after = rest.partition(END)
    if not found or not closed:
        raise SystemExit(f"{readme}: the markers {BEGIN} and {END} are missing")
    write_text(readme, f"{before}{BEGIN}\n{summary}\n{END}{after}")


if __name__ == "__main__":
    main()
