"""``ctwin check``: run scenarios against what they expect."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import click
from rich.console import Console

from twin.commands.options import PATH
from twin.errors import TwinError
from twin.files import make_folder, write_text

STATUS = {"holds": 0, "fails": 1, "error": 2}


@click.command("check")
@click.argument("paths", nargs=-1, required=True, type=PATH, metavar="PATH...")
@click.option("--junit", type=PATH, help="Write the results there as JUnit XML.")
@click.option("--summary", type=PATH, help="Write the results there as a Markdown table.")
@click.option(
    "--engine",
    type=click.Choice(["auto", "simpy", "compiled"]),
    default="auto",
    show_default=True,
    help="simpy: simulate; compiled: the same in machine code; auto: compiled wherever that covers the scenario.",
)
@click.option("--jobs", type=click.IntRange(min=0), default=0, help="Processes; 0 takes all cores.")
@click.option("--json", "as_json", is_flag=True, help="Print the results as one JSON document.")
def check_command(
    paths: tuple[Path, ...], junit: Path | None, summary: Path | None, engine: str, jobs: int, as_json: bool
) -> None:
    """Run every scenario at or below PATH against its own 'expect' block, side by side.

    Exit status: 0 all expectations hold, 1 some do not, 2 a scenario cannot be run or asks for unknown figures. A
    broken scenario does not keep the others from running.

    \b
    Examples:
      ctwin check scenarios/
      ctwin check scenarios/ --junit results.xml --summary results.md
      ctwin check scenarios/farming/scenario.yaml --json
    """
    for target in (junit, summary):
        if target is not None:
            _prepare(target)
    # Imported here, because the help of a command should not wait for scipy.
    from twin.check_screen import progress_bars, show_checks
    from twin.check_summary import to_json, to_markdown
    from twin.checking import check_scenarios, overall
    from twin.junit import to_junit

    with progress_bars(hidden=as_json) as (checked, progress):
        checks = check_scenarios(
            paths, jobs=jobs, engine=engine, checked=checked, progress=progress, announce=partial(click.echo, err=True)
        )
    if junit is not None:
        write_text(junit, to_junit(checks))
    if summary is not None:
        write_text(summary, to_markdown(checks))
    if as_json:
        click.echo(to_json(checks))
    else:
        show_checks(checks, Console())
    raise click.exceptions.Exit(STATUS[overall(checks)])


def _prepare(target: Path) -> None:
    """Make sure that *target* can be written before anything runs for long."""
    if target.is_dir():
        raise TwinError(f"cannot write {target}: it is a folder; name a file")
    make_folder(target.parent)
