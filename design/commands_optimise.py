"""``ctwin evaluate`` and ``ctwin optimise``: what a plan costs, and the cheapest plan that holds."""

from __future__ import annotations

import json
from pathlib import Path
from typing import get_args

import click

from design.evaluation import Evaluation
from design.rules import Dialect, rules_of
from twin.commands.options import PATH, Rate
from twin.errors import TwinError
from twin.formats.reading import read_plan, read_scenario
from twin.formats.space4ai import SolutionFigures, save_solution
from twin.formats.writing import write_form
from twin.model.plan import Plan
from twin.model.scenario import Scenario

INFEASIBLE = 3
"""Exit status where no plan holds, or the given one does not."""


@click.command("evaluate")
@click.argument("system", type=PATH)
@click.argument("plan_file", metavar="PLAN", type=PATH)
@click.option(
    "--dialect", type=click.Choice(get_args(Dialect)), default="twin", show_default=True, help="Formulas and checks."
)
@click.option("--arrival-rate", type=Rate(), help="Requests/s of all sources together.")
@click.option("--json", "as_json", is_flag=True, help="Print the evaluation as one JSON document.")
@click.pass_context
def evaluate_command(
    context: click.Context, system: Path, plan_file: Path, dialect: str, arrival_rate: float | None, as_json: bool
) -> None:
    r"""Say what PLAN costs in SYSTEM and which limits it breaks, by mean formulas.

    SYSTEM is a scenario file, an AI-SPRINT folder or a SPACE4AI system; PLAN a plan file or a SPACE4AI solution. The
    dialects d, d-pre2023, d-file, r and r-orig compute as SPACE4AI's tools do, twin as this project does. Exit status:
    0 the plan holds, 3 it does not, 2 bad input.

    \b
    Examples:
      ctwin evaluate system_description.json best_sol_1.8.json --arrival-rate 1.8
      ctwin evaluate system_description.json best_sol_1.8.json --dialect d-pre2023 --json
    """
    from design.evaluate import evaluate
    from design.optimise_screen import show_evaluation

    scenario, notes = _read(system, dialect, arrival_rate)
    found = evaluate(scenario, read_plan(plan_file, scenario), dialect=dialect)
    if as_json:
        click.echo(json.dumps(found.to_dict(), indent=2))
    else:
        show_evaluation(found, notes)
    context.exit(0 if found.feasible else INFEASIBLE)


@click.command("optimise")
@click.argument("system", type=PATH)
@click.option("--arrival-rate", type=Rate(), help="Requests/s of all sources together.")
@click.option(
    "--dialect", type=click.Choice(get_args(Dialect)), default="twin", show_default=True, help="Formulas and checks."
)
@click.option("--time-limit", type=float, help="Seconds; without it the search ends with the proof.")
@click.option(
    "--method",
    type=click.Choice(["auto", "exact", "descent"]),
    default="auto",
    show_default=True,
    help="exact ends with a proof; descent with a plan that no change of one pool makes cheaper.",
)
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Same seed, same plan.")
@click.option("--several-types", is_flag=True, help="Let a plan use several resources of one layer.")
@click.option("--out", type=PATH, required=True, help="Where to write the plan: *.yaml, or *.json for SPACE4AI.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as one JSON document.")
@click.pass_context
def optimise_command(
    context: click.Context,
    system: Path,
    arrival_rate: float | None,
    dialect: str,
    time_limit: float | None,
    method: str,
    seed: int,
    several_types: bool,
    out: Path,
    as_json: bool,
) -> None:
    r"""Find the cheapest plan for SYSTEM that keeps all limits, with a proof or a bound.

    An interrupt (Ctrl-C) writes the best plan so far. Exit status: 0 a plan was written, 3 there is none (or none was
    found in time), 2 bad input.

    \b
    Examples:
      ctwin optimise system_description.json --arrival-rate 1.8 --out plan.yaml
      ctwin optimise system_description.json --dialect d --time-limit 60 --out solution.json --json
    """
    from design.optimise import optimise
    from design.optimise_screen import show_result

    _check_writable(out)
    scenario, notes = _read(system, dialect, arrival_rate)
    result = optimise(
        scenario,
        dialect=dialect,
        time_limit=time_limit,
        method=method,
        seed=seed,
        one_type_per_layer=not several_types,
    )
    if result.plan is not None and result.evaluation is not None:
        write_plan(scenario, result.plan, result.evaluation, out)
    if as_json:
        click.echo(json.dumps(result.to_dict(), indent=2))
    else:
        show_result(result, out, notes)
    context.exit(0 if result.plan is not None else INFEASIBLE)


def write_plan(scenario: Scenario, plan: Plan, evaluation: Evaluation, out: Path) -> None:
    """Write *plan* in the form that the name of *out* asks for, with its figures where the form has room for them."""
    if out.suffix == ".json":
        figures = SolutionFigures(
            partitions=evaluation.partitions,
            components=evaluation.components,
            paths={name: time for name, time in evaluation.paths.items() if time is not None},
            total_cost=evaluation.cost,
            feasible=evaluation.feasible,
        )
        save_solution(scenario, plan, out, figures=figures)
    else:
        write_form(scenario.model_copy(update={"plan": plan}), out, "plan")


def _read(system: Path, dialect: str, arrival_rate: float | None) -> tuple[Scenario, tuple[str, ...]]:
    rules_of(dialect)
    loaded = read_scenario(system, dialect="auto" if dialect == "twin" else dialect, arrival_rate=arrival_rate)
    return loaded.scenario, loaded.notes


def _check_writable(out: Path) -> None:
    """Raise TwinError if *out* cannot be written: better now than after minutes of searching."""
    if out.suffix not in (".json", ".yaml", ".yml"):
        raise TwinError(f"--out {str(out)!r}: the name does not say what to write; end it in .yaml or .json")
    if out.is_dir() or not out.parent.is_dir():
        raise TwinError(f"--out {str(out)!r} cannot be written; name a file in a folder that exists")
