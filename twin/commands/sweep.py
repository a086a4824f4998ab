"""``ctwin sweep``: run a scenario at every point of a grid."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import click
from rich.console import Console

from twin.commands.options import PATH, require_one_length, scenario_options

BROKEN = 1
INTERRUPTED = 130


@click.command("sweep")
@click.argument("scenario", type=PATH)
@click.option(
    "--over", multiple=True, required=True, metavar="NAME=VALUES", help="What varies; give it once for each axis."
)
@click.option("--out", type=PATH, required=True, help="Folder for the table, the picture, and what goes on from there.")
@click.option("--plan", "plan_file", type=PATH, help="Plan to run instead of the scenario's own.")
@scenario_options(engine="auto")
@click.option(
    "--jobs",
    type=click.IntRange(min=0),
    help="Processes on this machine; 0 or absent: the length of the sweep decides.",
)
@click.option("--cluster", metavar="ADDRESS", help="Dask scheduler whose workers run the points: tcp://host:port.")
@click.option("--figure", help="Column of the table that the picture shows.  [default: the response time]")
@click.option("--fresh", is_flag=True, help="Run all points again, whatever the folder has.")
@click.option("--json", "as_json", is_flag=True, help="Print the table as one JSON document.")
def sweep_command(
    scenario: Path,
    over: tuple[str, ...],
    out: Path,
    plan_file: Path | None,
    engine: str,
    arrival_rate: float | None,
    override: str | None,
    dialect: str,
    profiles: tuple[Path, ...],
    jobs: int | None,
    cluster: str | None,
    figure: str | None,
    fresh: bool,
    as_json: bool,
    **settings: object,
) -> None:
    """Run SCENARIO at every combination of the axes, and make a table (CSV, Parquet) and a picture (SVG) of it.

    NAME=VALUES is LOW:HIGH:STEP, the end included, or a list with commas. NAME is one of

    \b
      arrival_rate           requests/s of all sources together
      plan                   plan files; 'own' is the scenario's
      override               overrides of the file; 'none', or a+b for two of them
      bandwidth[:DOMAIN]     Mbit/s of one network domain, or of all
      access_delay[:DOMAIN]  seconds
      nodes:RESOURCE         nodes of a resource, all used by the plan
      replicas:NAME          replicas of a partition, or of all on a resource
      discipline, seed

    or the path of any other value of the scenario, such as run.warm_up, continuum.resources.VM.cores or plan.detect.

    Every result is kept in the folder at once: after Ctrl-C or a crash the same command goes on where it was, and with
    further values only the new points run. A point that breaks has its reason in the table and gets another chance
    next time. Equal seeds give all points the same chance, so that their differences are those of the axes.

    Exit status: 0 all points ran, 1 some broke, 2 bad input, 130 interrupted.

    \b
    Examples:
      ctwin sweep scenarios/mask-detection --over arrival_rate=2:28:2 --over nodes:RaspPi=2,3 --out load
      ctwin sweep scenarios/mask-detection --over override=none,faas --over bandwidth:internet=10,40,100 --out faas
      ctwin sweep scenarios/farming --over arrival_rate=1:20:1 --cluster tcp://10.0.0.5:8786 --out far
    """
    require_one_length(settings)
    if cluster is not None and jobs is not None:
        raise click.UsageError("--jobs is about this machine; leave it out with --cluster")
    # Imported here, because the help of a command should not wait for scipy.
    from twin.sweep.axes import axes_from
    from twin.sweep.drafts import Base
    from twin.sweep.hands import hands_for
    from twin.sweep.picture import save_picture
    from twin.sweep.points import lay_out
    from twin.sweep.screen import point_bar, show_sweep
    from twin.sweep.store import Store
    from twin.sweep.sweeping import SweepInterrupted, sweep
    from twin.sweep.table import save_tables, to_json

    base = Base(
        path=scenario,
        override=override,
        arrival_rate=arrival_rate,
        plan=plan_file,
        dialect=dialect,
        profiles=profiles,
        settings=settings,
    )
    layout = lay_out(base, axes_from(over), engine=engine)
    store = Store(out / "points")
    store.open()
    try:
        with hands_for(cluster, jobs or layout.processes) as hands, point_bar(hidden=as_json) as advance:
            found = sweep(layout, store, hands, fresh=fresh, progress=advance, announce=partial(click.echo, err=True))
    except SweepInterrupted as interrupted:
        click.echo(f"interrupted: {interrupted} in {out}; the same command goes on from there", err=True)
        raise click.exceptions.Exit(INTERRUPTED) from None
    save_tables(found, out)
    save_picture(found, out, figure=figure)
    if as_json:
        click.echo(to_json(found))
    else:
        show_sweep(found, out, Console())
    if found.broken:
        raise click.exceptions.Exit(BROKEN)
