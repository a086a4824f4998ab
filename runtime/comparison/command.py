"""``ctwin policies``: compare policies that reconfigure, on the same days."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import click
from rich.console import Console

from twin.commands.options import PATH, Percentage, Rate, changed, require_one_length, scenario_options
from twin.commands.run import replication_bar
from twin.files import write_text
from twin.formats.reading import plan_notes, read_plan, read_scenario

FAILED = 1
INTERRUPTED = 130

_NOT_HERE = ("theory", "precision", "precision_of", "calibration_draws", "warm_up")
"""Options of other commands: a day counts from its first second, and days are as many as asked for."""


class SeveralPolicies(click.Command):
    """A command whose ``--policy`` takes every word up to the next option."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Give each of these words an option of its own."""
        try:
            return super().parse_args(ctx, _spread(args))
        except click.MissingParameter as error:
            if error.param and error.param.name == "scenario" and "--policy" in args:
                raise click.UsageError(
                    "SCENARIO is missing; it comes before --policy, which takes every word up to the next option", ctx
                ) from None
            raise


def _spread(args: list[str]) -> list[str]:
    spread: list[str] = []
    taking = 0
    for word in args:
        if word.startswith("-"):
            taking = 1 if word == "--policy" else 0
        elif taking:
            if taking > 1:
                spread.append("--policy")
            taking += 1
        spread.append(word)
    return spread


@click.command("policies", cls=SeveralPolicies)
@click.argument("scenario", type=PATH)
@click.option(
    "--policy",
    "policies",
    multiple=True,
    required=True,
    metavar="POLICY…",
    help="One or more: a name, with options as in threshold,high=0.8, or FILE.py:CLASS.",
)
@click.option("--plan", "plan_file", type=PATH, help="First plan instead of the scenario's own.")
@scenario_options(engine="auto", without=_NOT_HERE)
@click.option(
    "--violations",
    type=Percentage(),
    default="1%",
    show_default=True,
    help="Share of requests beyond a limit that is accepted in the best policy.",
)
@click.option(
    "--on-error",
    type=click.Choice(["count", "stop"]),
    default="count",
    show_default=True,
    help="What a policy that raises or hangs does: keeps the plan and is counted, or ends the comparison.",
)
@click.option("--time-limit", type=Rate(), default=60.0, show_default=True, help="Seconds for one decision.")
@click.option("--jobs", type=click.IntRange(min=0), default=0, help="Processes; 0 lets the length decide.")
@click.option("--out", type=PATH, help="Folder for comparison.json, timeline.svg, and what goes on from there.")
@click.option("--plot", type=PATH, metavar="FILE.svg", help="Picture of the first day under every policy.")
@click.option("--json", "as_json", is_flag=True, help="Print the comparison as one JSON document.")
def policies_command(
    scenario: Path,
    policies: tuple[str, ...],
    plan_file: Path | None,
    engine: str,
    arrival_rate: float | None,
    override: str | None,
    dialect: str,
    profiles: tuple[Path, ...],
    violations: float,
    on_error: str,
    time_limit: float,
    jobs: int,
    out: Path | None,
    plot: Path | None,
    as_json: bool,
    **settings: object,
) -> None:
    """Compare policies that change the plan of SCENARIO while it runs: what each costs, breaks and changes.

    All of them meet the same days: replication by replication the same requests with the same work, so that their
    differences are not chance. The best is the cheapest whose requests break limits seldom enough (--violations).
    SCENARIO comes before --policy. A policy of your own is a class in a file of yours; its code runs, so name only
    files you trust.

    With --out every replication is kept at once: after Ctrl-C the same command goes on where it was.

    Exit status: 0 done, 1 a policy failed to decide at times, 2 bad input, 130 interrupted.

    \b
    Examples:
      ctwin policies scenarios/two-peaks --policy static threshold
      ctwin policies scenarios/flash-crowd --policy static threshold,high=0.6 --plot crowd.svg
      ctwin policies scenarios/two-peaks --policy static scenarios/two-peaks/timetable.py:Timetable --out day
    """
    require_one_length(settings)
    if plot and not plot.parent.is_dir():
        raise click.UsageError(f"--plot: there is no folder {str(plot.parent)!r}")
    # Imported here, because the help of a command should not wait for scipy.
    from runtime.comparison.comparing import ComparisonInterrupted, compare
    from runtime.comparison.document import as_text, document
    from runtime.comparison.screen import show_comparison
    from runtime.comparison.timeline import timeline_svg

    loaded = read_scenario(scenario, override=override, dialect=dialect, arrival_rate=arrival_rate, profiles=profiles)
    model = changed(loaded.scenario, **settings)
    plan = read_plan(plan_file, model) if plan_file else model.plan
    notes = loaded.notes + (plan_notes(plan_file, model) if plan_file else ())
    try:
        with replication_bar(hidden=as_json) as advance:
            found = compare(
                model,
                policies,
                plan=plan,
                engine=engine,
                jobs=jobs,
                folder=out / "replications" if out else None,
                on_error="stop" if on_error == "stop" else "count",
                time_limit=time_limit,
                progress=advance,
                announce=partial(click.echo, err=True),
            )
    except ComparisonInterrupted as interrupted:
        click.echo(f"interrupted: {interrupted}{_goes_on(out)}", err=True)
        raise click.exceptions.Exit(INTERRUPTED) from None
    result = document(found, limit=violations, notes=notes)
    if out:
        write_text(out / "comparison.json", as_text(result) + "\n")
    for picture in [each for each in (plot, out / "timeline.svg" if out else None) if each]:
        write_text(picture, timeline_svg(found))
    if as_json:
        click.echo(as_text(result))
    else:
        show_comparison(result, Console())
    if not found.is_whole:
        click.echo(f"interrupted: {found.replications} of {found.wanted} replications{_goes_on(out)}", err=True)
        raise click.exceptions.Exit(INTERRUPTED)
    if any(policy["policy_errors"] for policy in result["policies"]):
        raise click.exceptions.Exit(FAILED)


def _goes_on(out: Path | None) -> str:
    return f"; the same command goes on from what {out} keeps" if out else ""
