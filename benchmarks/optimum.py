"""How far SPACE4AI-D's own solutions are from the optimum, and what larger systems take: cost, proof, time.

FOLDER holds the public instances as FAMILY/nCOMPONENTS/INSTANCE with the system and the solution shipped with it, and
``optimum.csv`` with the optima known from elsewhere. All are evaluated with the formula that made the shipped solutions
(dialect ``d-pre2023``). The larger systems are drawn by ``design.generator``. Times are CPU seconds of one process
but for the time limit, which the clock keeps.

    python -m benchmarks.optimum FOLDER [--generated 30 50 100] [--seeds 2] [--time-limit 20] [--out TABLE.md]
"""

from __future__ import annotations

import argparse
import csv
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import mean
from typing import Final

from design.generator import generate
from design.optimise import Result, optimise
from twin.formats.space4ai import load_system
from twin.model.scenario import Scenario

DIALECT: Final = "d-pre2023"

RATE = 1.8
"""Requests/s for which the shipped solutions were made."""

HEURISTICS = ("lns", "local", "tabu", "annealing", "genetic", "random")

HEADER = """# The cheapest plan: SPACE4AI's public instances, and larger systems

Made by `python -m benchmarks.optimum FOLDER {options} --out docs/design.md`, where FOLDER
holds the public instances. Seconds to the first plan and of the searches are on the clock of a shared machine.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One instance."""

    name: str

    shipped: float

    known: float
    """Optimum proved elsewhere."""

    result: Result

    cpu: float
    """Seconds of CPU to the proof."""


def main() -> None:
    """Run everything, and write or print the tables."""
    arguments = _arguments()
    _warm_up()
    rows = list(public_rows(arguments.folder))
    drawn = generated_table(arguments.generated, arguments.seeds, arguments.time_limit)
    text = "\n".join([HEADER.format(options=_options(arguments)), public_table(rows), drawn])
    if arguments.out is None:
        print(text)
        return
    written = arguments.out.with_suffix(".part")
    written.write_text(text, encoding="utf-8")
    os.replace(written, arguments.out)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="public instances")
    parser.add_argument("--generated", type=int, nargs="*", default=[30, 50, 100], help="components of drawn systems")
    parser.add_argument("--seeds", type=int, default=2, help="systems drawn of each size")
    parser.add_argument("--time-limit", type=float, default=20.0, help="seconds for each search on a drawn system")
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
            yield Row(name=name, shipped=shipped, known=optimum, result=result, cpu=cpu)


def public_table(rows: list[Row]) -> str:
    """Return the table of the public instances, and what it comes to."""
    lines = [
        "## Public instances\n",
        "| instance | shipped | optimum (proved here) | shipped is above it | first plan, s | proof, CPU s |",
        "| --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    for row in rows:
        cost = row.result.cost or float("nan")
        first = row.result.first_feasible_after or 0.0
        lines.append(
            f"| {row.name} | {row.shipped:.3f} | {cost:.3f}{'' if row.result.optimal else ' (no proof)'} "
            f"| {row.shipped / cost - 1:+.1%} | {first:.3f} | {row.cpu:.2f} |"
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
    return max(row.result.first_feasible_after or 0.0 for row in rows)


def generated_table(sizes: list[int], seeds: int, time_limit: float) -> str:
    """Return what ``auto`` and the heuristics find on drawn systems in the same time."""
    names = " | ".join(HEURISTICS)
    lines = [
        f"## Drawn systems, {time_limit:g} s for each search\n",
        "Cost in euro an hour; heuristics relative to `auto`, a dash where no plan was found.\n",
        f"| components, seed | auto | bound | gap | first plan, s | {names} |",
        "| --- | ---: | ---: | ---: | ---: |" + " ---: |" * len(HEURISTICS),
    ]
    for size in sizes:
        for seed in range(1, seeds + 1):
            lines.append(_generated_line(generate(size, seed), f"{size}, {seed}", time_limit))
    return "\n".join([*lines, ""])


def _generated_line(scenario: Scenario, name: str, time_limit: float) -> str:
    auto = optimise(scenario, dialect=DIALECT, time_limit=time_limit)
    if auto.cost is None:
        return f"| {name} | – | {auto.bound:.3f} | – | – |" + " – |" * len(HEURISTICS)
    found = [optimise(scenario, dialect=DIALECT, method=each, time_limit=time_limit).cost for each in HEURISTICS]
    others = " | ".join("–" if cost is None else f"{cost / auto.cost - 1:+.1%}" for cost in found)
    proof = f"{auto.gap:.2%}" if not auto.optimal else f"proved in {auto.seconds:.1f} s"
    first = auto.first_feasible_after or 0.0
    return f"| {name} | {auto.cost:.3f} | {auto.bound:.3f} | {proof} | {first:.2f} | {others} |"


if __name__ == "__main__":
    main()
