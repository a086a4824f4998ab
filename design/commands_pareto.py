"""``ctwin pareto``: what each euro more buys in response time."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import asdict
from pathlib import Path
from typing import get_args

import click

from design.commands_optimise import INFEASIBLE, read_system, write_plan
from design.rules import Dialect
from twin.commands.options import PATH, Percentage, Rate
from twin.errors import TwinError
from twin.files import make_folder, write_text

OBJECTIVES = "cost,response_time"


@click.command("pareto")
@click.argument("system", type=PATH)
@click.option(
    "--over",
    default=OBJECTIVES,
    show_default=True,
    metavar="cost,response_time[:WHAT]",
    help="WHAT is a component, a global constraint, or a path such as 'a > b'; without it the application.",
)
@click.option("--arrival-rate", type=Rate(), help="Requests/s of all sources together.")
@click.option(
    "--dialect", type=click.Choice(get_args(Dialect)), default="twin", show_default=True, help="Formulas and checks."
)
@click.option(
    "--resolution",
    type=Percentage(),
    default="1%",
    show_default=True,
    help="How much quicker a point is than the one before, at least.",
)
@click.option("--points", type=click.IntRange(1, 10_000), default=100, show_default=True, help="Points at most.")
@click.option("--time-limit", type=float, help="Seconds for all points together.")
@click.option("--several-types", is_flag=True, help="Let a plan use several resources of one layer.")
@click.option("--out", type=PATH, required=True, help="Folder for pareto.csv, pareto.svg and the plans.")
@click.option("--json", "as_json", is_flag=True, help="Print the front as one JSON document.")
@click.pass_context
def pareto_command(
    context: click.Context,
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
) -> None:
    """Find the plans for SYSTEM of which none is both cheaper and quicker, each with its own proof.

    Exit status: 0 there are plans, 3 there is none, 2 bad input.

    \b
    Examples:
      ctwin pareto scenario.yaml --out front
      ctwin pareto system_description.json --dialect d --over "cost,response_time:c1 > c2" --out front --json
    """
    from design.evaluate import evaluate
    from design.further_screen import show_front
    from design.pareto import front
    from design.pareto_picture import chart_of
    from twin.plot_svg import draw

    scenario, notes = read_system(system, dialect, arrival_rate)
    found = front(
        scenario,
        target_of(over),
        dialect=dialect,
        resolution=resolution,
        most=points,
        time_limit=time_limit,
        one_type_per_layer=not several_types,
    )
    if found.points:
        make_folder(out)
        rows = [
            (f"plan-{i:03d}.yaml", point.cost, point.response_time, point.optimal)
            for i, point in enumerate(found.points, 1)
        ]
        for (name, *_), point in zip(rows, found.points, strict=True):
            write_plan(scenario, point.plan, evaluate(scenario, point.plan, dialect=dialect), out / name)
        write_text(out / "pareto.csv", _table(rows))
        write_text(out / "pareto.svg", draw(chart_of(found, scenario.name)))
    if as_json:
        plans = [asdict(point) | {"plan": point.plan.model_dump(mode="json")} for point in found.points]
        click.echo(json.dumps({"target": found.target, "end": found.end, "points": plans}, indent=2))
    else:
        show_front(found, out)
        for note in notes:
            click.echo(f"note: {note}")
    context.exit(0 if found.points else INFEASIBLE)


def target_of(over: str) -> str:
    """Return what the response time is of; TwinError where *over* names other objectives."""
    first, _, second = over.partition(",")
    name, _, target = second.strip().partition(":")
    if first.strip() != "cost" or name.strip() != "response_time":
        raise TwinError(f"--over {over!r}: the objectives are cost,response_time or cost,response_time:WHAT")
    return target.strip() or "application"


def _table(rows: list[tuple[str, float, float, bool]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("plan", "cost_per_hour", "response_time", "optimal"))
    writer.writerows((name, repr(cost), repr(time), str(proved).lower()) for name, cost, time, proved in rows)
    return text.getvalue()
