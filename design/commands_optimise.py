"""``ctwin evaluate`` and ``ctwin optimise``: what a plan costs, and the cheapest plan that holds."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Literal, TypeVar, get_args

import click

from design.evaluation import Evaluation
from design.goal_options import goal_from, goal_limits
from design.goals import CHEAPEST, Goal, parse_objective
from design.rules import Dialect, Tails, rules_of
from design.uncertainty import Interval, Uncertainty
from twin.commands.options import PATH, Range, Rate, changed
from twin.errors import TwinError
from twin.formats.reading import read_plan, read_scenario
from twin.formats.space4ai import SolutionFigures, save_solution
from twin.formats.writing import write_form
from twin.model.plan import Plan
from twin.model.scenario import Scenario

INFEASIBLE = 3
"""Exit status where no plan holds, or the given one does not."""

Command = TypeVar("Command", bound=Callable[..., Any])


def parameters(command: Command) -> Command:
    """Add the options that set parameters of the formulas."""
    for option in (
        click.option("--override", help="Named overrides of the scenario file, separated by commas."),
        click.option(
            "--percentiles",
            type=click.Choice(get_args(Tails)),
            help="How the formulas judge limits on percentiles and on shares that are late.  [default: estimate]",
        ),
        click.option("--edge-share", type=float, help="Share of the price of edge devices that counts.  [default: 1]"),
    ):
        command = option(command)
    return command


@click.command("evaluate")
@click.argument("system", type=PATH)
@click.argument("plan_file", metavar="PLAN", type=PATH)
@click.option(
    "--dialect", type=click.Choice(get_args(Dialect)), default="twin", show_default=True, help="Formulas and checks."
)
@click.option("--arrival-rate", type=Rate(), help="Requests/s of all sources together.")
@parameters
@click.option("--max-load", is_flag=True, help="Say how many requests/s the plan carries as well.")
@click.option("--json", "as_json", is_flag=True, help="Print the evaluation as one JSON document.")
@click.pass_context
def evaluate_command(
    context: click.Context,
    system: Path,
    plan_file: Path,
    dialect: str,
    arrival_rate: float | None,
    edge_share: float | None,
    percentiles: str | None,
    override: str | None,
    max_load: bool,
    as_json: bool,
) -> None:
    """Say what PLAN costs in SYSTEM and which limits it breaks, by closed forms.

    SYSTEM is a scenario file, an AI-SPRINT folder or a SPACE4AI system; PLAN a plan file or a SPACE4AI solution. The
    dialects d, d-pre2023, d-file, r and r-orig compute as SPACE4AI's tools do, twin as this project does. Exit status:
    0 the plan holds, 3 it does not, 2 bad input.

    \b
    Examples:
      ctwin evaluate system_description.json best_sol_1.8.json --arrival-rate 1.8
      ctwin evaluate system_description.json best_sol_1.8.json --dialect d-pre2023 --json
      ctwin evaluate scenario.yaml plan.yaml --max-load
    """
    from design.evaluate import evaluate
    from design.further_screen import show_load
    from design.largest_load import load_of_plan
    from design.optimise_screen import show_evaluation
    from design.plan_figures import accuracy_of, energy_of

    rules = rules_of(dialect, edge_share=edge_share, tails=percentiles)
    scenario, notes = read_system(system, dialect, arrival_rate, override)
    plan = read_plan(plan_file, scenario)
    found = evaluate(scenario, plan, dialect=rules)
    load = load_of_plan(scenario, plan, dialect=rules) if max_load else None
    if as_json:
        extra = {"energy": energy_of(scenario, plan, found), "accuracy": accuracy_of(scenario, plan)}
        more = {"largest_load": load.to_dict()} if load else {}
        click.echo(json.dumps(found.to_dict() | extra | more, indent=2))
    else:
        show_evaluation(found, notes)
        if load:
            show_load(load, "the plan")
    context.exit(0 if found.feasible else INFEASIBLE)


@click.command("optimise")
@click.argument("system", type=PATH)
@click.option("--arrival-rate", type=Rate(), help="Requests/s of all sources together.")
@click.option(
    "--objective",
    default="cost",
    show_default=True,
    metavar="cost|response_time[:WHAT]|energy|accuracy",
    help="What the plan is best at. WHAT is a component, a global constraint, or a path such as 'a > b'; without it "
    "the application.",
)
@goal_limits
@click.option("--response-of", metavar="WHAT", help="What --max-response-time is about, as WHAT above.")
@click.option("--load-interval", type=Range(), help="The plan holds for all loads between, requests/s.")
@click.option(
    "--profile-interval",
    type=Range("stated"),
    help="It holds for all service times so many times as long, such as 0.9:1.2; stated: as the profiles' own "
    "scale_uncertainty has it.",
)
@click.option(
    "--dialect", type=click.Choice(get_args(Dialect)), default="twin", show_default=True, help="Formulas and checks."
)
@parameters
@click.option("--time-limit", type=float, help="Seconds; without it the search ends with the proof.")
@click.option(
    "--method",
    type=click.Choice(["auto", "exact", "descent", "lns", "random", "local", "tabu", "annealing", "genetic"]),
    default="auto",
    show_default=True,
    help="exact ends with a proof, auto with that or the best plan in time; the others are heuristics.",
)
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Same seed, same plan.")
@click.option("--several-types", is_flag=True, help="Let a plan use several resources of one layer.")
@click.option("--out", type=PATH, help="Where to write the plan: *.yaml, or *.json for SPACE4AI.")
@click.option("--verify", is_flag=True, help="Simulate the cheapest plans, and take the cheapest the twin accepts.")
@click.option(
    "--best", type=click.IntRange(1, 1000), default=3, show_default=True, help="Plans to simulate at least (--verify)."
)
@click.option(
    "--most", type=click.IntRange(1, 1000), default=50, show_default=True, help="Plans to simulate at most (--verify)."
)
@click.option("--requests", type=click.IntRange(min=1), help="Arrivals per replication (--verify).")
@click.option("--replications", type=click.IntRange(2, 100_000), help="Replications at first (--verify).")
@click.option("--sensitivity", "with_worth", is_flag=True, help="Say what each limit costs, relaxed by a tenth.")
@click.option("--max-load", is_flag=True, help="Instead: the largest load that any plan carries, and such a plan.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as one JSON document.")
@click.pass_context
def optimise_command(
    context: click.Context,
    /,
    system: Path,
    arrival_rate: float | None,
    objective: str,
    response_of: str | None,
    load_interval: Interval | None,
    profile_interval: Interval | Literal["stated"] | None,
    dialect: str,
    edge_share: float | None,
    percentiles: str | None,
    override: str | None,
    time_limit: float | None,
    method: str,
    seed: int,
    several_types: bool,
    out: Path | None,
    verify: bool,
    best: int,
    most: int,
    requests: int | None,
    replications: int | None,
    with_worth: bool,
    max_load: bool,
    as_json: bool,
    **stated: float | None,
) -> None:
    """Find the cheapest plan for SYSTEM that keeps all limits, with a proof or a bound.

    Times are those of ``ctwin run --engine theory``; percentiles are estimated from mean and variance.

    --objective asks for the quickest, thriftiest or most accurate plan instead, and --budget, --max-response-time,
    --max-energy and --min-accuracy limit the rest. Energy leaves transmissions out. The accuracy of a plan is the
    product of those of its deployments. With --load-interval or --profile-interval all limits hold for everything
    between, and what that costs is said.

    With --verify the twin has the last word: plans in rising cost are simulated with the same random numbers, what it
    rejects is cut off, and of equally cheap ones the quickest is taken. An interrupt (Ctrl-C) writes the best plan so
    far. Exit status: 0 a plan was written, 3 there is none (or none was found in time), 2 bad input.

    \b
    Examples:
      ctwin optimise scenarios/mask-detection --out plan.yaml
      ctwin optimise system_description.json --arrival-rate 1.8 --out plan.yaml
      ctwin optimise system_description.json --dialect d --time-limit 60 --out solution.json --json
      ctwin optimise scenario.yaml --verify --best 5 --out plan.yaml
      ctwin optimise scenario.yaml --max-load
      ctwin optimise scenario.yaml --objective response_time --budget 2.5 --out quick.yaml
      ctwin optimise scenario.yaml --load-interval 4:8 --profile-interval 0.9:1.2 --out robust.yaml
      ctwin optimise scenario.yaml --objective accuracy --budget 2.5 --max-response-time 0.4 --out plan.yaml
    """
    from design.beyond import searched
    from design.optimise import rules_for
    from design.optimise_screen import show_result
    from design.readiness import make_ready

    _check_out(out, max_load)
    goal, uncertainty = _goal(objective, response_of, stated), _uncertainty(load_interval, profile_interval)
    if (verify or with_worth or max_load) and (goal != CHEAPEST or uncertainty is not None):
        raise click.UsageError(
            "--verify, --sensitivity and --max-load know the cost for certain alone: leave out objectives, limits and "
            "intervals"
        )
    rules = rules_of(dialect, edge_share=edge_share, tails=percentiles)
    scenario, notes = read_system(system, dialect, arrival_rate, override)
    scenario = changed(scenario, requests=requests, replications=replications)
    rules_for(scenario, rules, time_limit, method)
    make_ready(partial(click.echo, err=True))
    limits: dict[str, Any] = {"dialect": rules, "time_limit": time_limit, "one_type_per_layer": not several_types}
    if max_load:
        context.exit(_largest_load(scenario, limits, out, as_json))
    after = searched(scenario, limits | {"goal": goal, "method": method, "seed": seed}, uncertainty)
    if verify and after.result.plan is not None:
        after.verify(best, max(best, most), as_json)
    if with_worth:
        after.weigh()
    result = after.result
    if out is not None and result.plan is not None and result.evaluation is not None:
        write_plan(scenario, result.plan, result.evaluation, out)
    if as_json:
        click.echo(json.dumps(result.to_dict() | after.figures, indent=2))
    else:
        show_result(result, out or Path(), notes)
        after.show()
    context.exit(0 if result.plan is not None else INFEASIBLE)


def _check_out(out: Path | None, max_load: bool) -> None:
    """Raise UsageError or TwinError unless it is clear where the plan goes."""
    if out is not None:
        _check_writable(out)
    elif not max_load:
        raise click.UsageError("say where to write the plan: --out plan.yaml")


def _uncertainty(load: Interval | None, profiles: Interval | Literal["stated"] | None) -> Uncertainty | None:
    return None if load is None and profiles is None else Uncertainty(load=load, profiles=profiles)


def _goal(objective: str, response_of: str | None, stated: dict[str, float | None]) -> Goal:
    """Return the goal that the options make; UsageError where they contradict each other."""
    name, target = parse_objective(objective)
    if response_of is not None and name == "response_time" and response_of != target != "application":
        raise click.UsageError("--response-of and --objective name different response times")
    return goal_from(name, response_of or target, stated)


def _largest_load(scenario: Scenario, limits: dict[str, Any], out: Path | None, as_json: bool) -> int:
    """Say how much any plan carries, write such a plan if a file is named, and return the exit status."""
    from design.evaluate import evaluate
    from design.further_screen import show_load
    from design.largest_load import load_of_continuum

    found = load_of_continuum(scenario, **limits)
    if out is not None and found.plan is not None:
        write_plan(scenario, found.plan, evaluate(scenario, found.plan, dialect=limits["dialect"]), out)
    if as_json:
        click.echo(json.dumps(found.to_dict(), indent=2))
    else:
        show_load(found, "the continuum")
    return 0 if found.plan is not None else INFEASIBLE


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


def read_system(
    system: Path, dialect: str, arrival_rate: float | None, override: str | None = None
) -> tuple[Scenario, tuple[str, ...]]:
    """Return the scenario that *system* holds, read for *dialect*, and what its reader noted."""
    rules_of(dialect)
    form = "auto" if dialect == "twin" else dialect
    loaded = read_scenario(system, dialect=form, arrival_rate=arrival_rate, override=override)
    return loaded.scenario, loaded.notes


def _check_writable(out: Path) -> None:
    """Raise TwinError if *out* cannot be written: better now than after minutes of searching."""
    if out.suffix not in (".json", ".yaml", ".yml"):
        raise TwinError(f"--out {str(out)!r}: the name does not say what to write; end it in .yaml or .json")
    if out.is_dir() or not out.parent.is_dir():
        raise TwinError(f"--out {str(out)!r} cannot be written; name a file in a folder that exists")
