"""What the twin says of optima that run a pool near its limit, and what the cheapest plan costs that it accepts.

    python -m benchmarks.brittle FOLDER [--arrival-rate 1.8] [--dialect d-pre2023] [--most 20] [--all]

For every SPACE4AI system below FOLDER whose optimum uses a pool above 95 % (with --all for every one), print a row of a
Markdown table: the optimum by the formula, its busiest pool, its time by the formula and in the twin, what the twin
says of it, and the cheapest plan that the twin accepts. A verdict stays open where the simulated interval holds the
limit after all replications, or where the run is too short for a queue so near saturation to settle.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from pathlib import Path

from design.evaluation import Evaluation
from design.optimise import optimise
from design.verify import Confirmation, Trial, confirm
from twin.formats.reading import read_scenario
from twin.model.scenario import Scenario

BRITTLE = 0.95
"""Utilisation from which on a plan counts as brittle."""

SYSTEMS = ("system_description.json", "system.json")

HEADER = (
    "| instance | optimum (euro/hour) | busiest pool | twin says | mean (s) | 95 % (s) | tightest limit "
    "| accepted (euro/hour) | dearer | plans tried | seconds |\n" + "|---" * 11 + "|"
)


def main() -> None:
    """Print the table."""
    arguments = _arguments()
    print(HEADER)
    for path in sorted(each for name in SYSTEMS for each in arguments.folder.rglob(name)):
        row = _row(path, arguments)
        if row:
            print(row, flush=True)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--arrival-rate", type=float, default=1.8)
    parser.add_argument("--dialect", default="d-pre2023")
    parser.add_argument("--most", type=int, default=20, help="plans to simulate at most")
    parser.add_argument("--requests", type=int, default=20_000, help="arrivals per replication")
    parser.add_argument("--time-limit", type=float, default=120.0, help="seconds for each system")
    parser.add_argument("--all", action="store_true", help="systems without a brittle optimum as well")
    return parser.parse_args()


def _row(path: Path, arguments: argparse.Namespace) -> str | None:
    """Return the row of one system; None where its optimum leaves room, or where there is none."""
    loaded = read_scenario(path, dialect=arguments.dialect, arrival_rate=arguments.arrival_rate)
    run = loaded.scenario.run.model_copy(update={"requests": arguments.requests, "horizon": None})
    scenario: Scenario = loaded.scenario.model_copy(update={"run": run})
    result = optimise(scenario, dialect=arguments.dialect, time_limit=arguments.time_limit)
    optimum = result.evaluation
    if result.plan is None or optimum is None or (_busiest(optimum)[1] <= BRITTLE and not arguments.all):
        return None
    started = time.perf_counter()
    found = confirm(scenario, dialect=arguments.dialect, best_k=1, most=arguments.most, time_limit=arguments.time_limit)
    trials = (*found.passed, *found.rejected)
    first = next((each for each in trials if each.plan.placements == result.plan.placements), None)
    cells = (*_of_optimum(path, arguments.folder, optimum, first), *_of_accepted(optimum, found))
    return "| " + " | ".join((*cells, f"{time.perf_counter() - started:.1f}")) + " |"


def _busiest(evaluation: Evaluation) -> tuple[str, float]:
    used = {name: each.utilisation for name, each in evaluation.resources.items() if each.utilisation is not None}
    name = max(used, key=lambda each: used[each], default="–")
    return name, used.get(name, 0.0)


def _of_optimum(path: Path, folder: Path, optimum: Evaluation, first: Trial | None) -> Iterator[str]:
    name, used = _busiest(optimum)
    yield path.parent.relative_to(folder).as_posix()
    yield f"{optimum.cost:.4f}"
    yield f"{name} {used:.1%}"
    yield (
        {"pass": "holds", "fail": "breaks", "inconclusive": "cannot tell"}[first.verdict] if first else "not simulated"
    )
    yield f"{first.response_time:.2f}" if first and first.response_time else "grows"
    yield f"{first.p95:.2f}" if first and first.p95 else "grows"
    yield _tightest(first) if first else "–"


def _tightest(trial: Trial) -> str:
    """Return the limit that the plan comes nearest to in the twin."""
    shares = {
        each["name"]: each["value"] / each["limit"] for each in trial.constraints if each["value"] and each["limit"]
    }
    name = max(shares, key=lambda each: shares[each], default=None)
    return f"{name} at {shares[name]:.1%}" if name else "–"


def _of_accepted(optimum: Evaluation, found: Confirmation) -> Iterator[str]:
    yield f"{found.cost:.4f}" if found.cost is not None else f"none ({found.end})"
    yield f"{found.cost / optimum.cost - 1:.2%}" if found.cost is not None else "–"
    yield str(len(found.passed) + len(found.rejected))


if __name__ == "__main__":
    main()
