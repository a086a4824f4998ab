"""``ctwin pareto``: what more of one thing costs in another."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import get_args

import click

from design.commands_optimise import INFEASIBLE, read_system
from design.goal_options import goal_from, goal_limits
from design.goals import OBJECTIVES, Objective, parse_objective
from design.rules import Dialect
from twin.commands.options import PATH, Percentage, Rate
from twin.errors import TwinError


@click.command("pareto")
@click.argument("system", type=PATH)
@click.option(
    "--over",
    default="cost,response_time",
    show_default=True,
    metavar="ONE,OTHER[,THIRD]",
    help="Two or three of cost, response_time[:WHAT], energy, accuracy. WHAT is a component, a global constraint, or "
    "a path such as 'a > b'; without it the application.",
)
@click.option("--arrival-rate", type=Rate(), help="Requests/s of all sources together.")
@click.option(
    "--dialect", type=click.Choice(get_args(Dialect)), default="twin", show_default=True, help="Formulas and checks."
)
@goal_limits
@click.option(
    "--resolution",
    type=Percentage(),
    default="1%",
    show_default=True,
    help="Smaller steps in response time and energy are passed over.",
)
@click.option("--points", type=click.IntRange(1, 10_000), default=100, show_default=True, help="Points at most.")
@click.option("--time-limit", type=float, help="Seconds for all points together.")
@click.option("--several-types", is_flag=True, help="Let a plan use several resources of one layer.")
@click.option("--out", type=PATH, required=True, help="Folder for pareto.csv, pareto.svg and the plans.")
@click.option("--json", "as_json", is_flag=True, help="Print the front as one JSON document.")
@click.pass_context
def pareto_command(
    context: click.Context,
    /,
    system: Path,
    over: str,
    arrival_rate: float | None,
    dialect: str,
    resolution: float,
    points: int,
    time_limit: float | None,
    several_types: bool,
    out: Path,
    as_json: bool,
    **limits: float | None,
) -> None:
    """Find the plans for SYSTEM of which none is better in everything, each with its own proof.

    Which of cost, response time, energy and accuracy count says --over. An interrupt (Ctrl-C) keeps the points found
    so far. Exit status: 0 there are plans, 3 there is none, 2 bad input.

    \b
    Examples:
      ctwin pareto scenario.yaml --out front
      ctwin pareto scenario.yaml --over cost,response_time,accuracy --min-accuracy 0.9 --out front
      ctwin pareto system_description.json --dialect d --over "cost,response_time:c1 > c2" --out front --json
    """
    from design.further_screen import point_lines, show_front
    from design.pareto import front
    from design.pareto_files import front_document, save_front
    from design.readiness import make_ready

    objectives, target = objectives_of(over)
    scenario, notes = read_system(system, dialect, arrival_rate)
    make_ready(partial(click.echo, err=True))
    with point_lines(quiet=as_json) as show:
        found = front(
            scenario,
            objectives,
            within=goal_from("cost", target, limits),
            resolution=resolution,
            most=points,
            time_limit=time_limit,
            on_point=show,
            dialect=dialect,
            one_type_per_layer=not several_types,
        )
    if found.points:
        save_front(found, scenario, out)
    if as_json:
        click.echo(json.dumps(front_document(found), indent=2))
    else:
        show_front(found, out)
        for note in notes:
            click.echo(f"note: {note}")
    context.exit(0 if found.points else INFEASIBLE)


def objectives_of(over: str) -> tuple[tuple[Objective, ...], str]:
    """Return the objectives, and what response times are of.

    Raises:
        TwinError: There is no such objective, or there are not two or three different ones.
    """
    parsed = [parse_objective(part.strip()) for part in over.split(",")]
    names = tuple(name for name, _ in parsed)
    if len(set(names)) < len(names) or not 2 <= len(names) <= 3:
        listed = ", ".join(OBJECTIVES)
        raise TwinError(f"--over {over!r}: name two or three different objectives of {listed}")
    return names, next((target for name, target in parsed if name == "response_time"), "application")
