"""``ctwin run``: simulate a scenario under a plan, and judge it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from twin.commands.options import PATH, changed, require_one_length, scenario_options
from twin.errors import PlanError
from twin.files import make_folder, write_text
from twin.formats.reading import plan_notes, read_plan, read_scenario
from twin.model.plan import Plan
from twin.model.scenario import Scenario
from twin.present import show_report
from twin.report import Report


@click.command("run")
@click.argument("scenario", type=PATH)
@click.option("--plan", "plan_file", type=PATH, help="Plan to run instead of the scenario's own.")
@click.option(
    "--against",
    type=PATH,
    multiple=True,
    metavar="PLAN",
    help="Also say what changes under this plan, on the same chance; 'own' is the scenario's own.",
)
@scenario_options(engine="auto")
@click.option("--why", is_flag=True, help="Say on standard error why this engine was taken.")
@click.option("--jobs", type=click.IntRange(min=0), default=0, help="Processes; 0 lets the length of the run decide.")
@click.option("--out", type=PATH, help="Folder for report.json.")
@click.option("--records", is_flag=True, help="Also write every request and visit there, as Parquet.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as one JSON document.")
def run_command(
    scenario: Path,
    plan_file: Path | None,
    against: tuple[Path, ...],
    engine: str,
    why: bool,
    arrival_rate: float | None,
    override: str | None,
    dialect: str,
    profiles: tuple[Path, ...],
    jobs: int,
    out: Path | None,
    records: bool,
    as_json: bool,
    **settings: object,
) -> None:
    """Simulate SCENARIO and say how fast it answers, what saturates, what it costs, and whether its limits hold.

    SCENARIO is a scenario file (YAML), an AI-SPRINT application folder, or a SPACE4AI system file (JSON).

    \b
    Examples:
      ctwin run scenarios/mask-detection/scenario.yaml
      ctwin run scenarios/mask-detection/scenario.yaml --arrival-rate 4 --precision 1%
      ctwin run scenarios/mask-detection/scenario.yaml --against cheap.yaml --replications 20
      ctwin run system_description.json --plan best_sol_1.8.json --engine theory
    """
    require_one_length(settings)
    if records and out is None:
        raise click.UsageError("--records needs --out DIR")
    loaded = read_scenario(scenario, override=override, dialect=dialect, arrival_rate=arrival_rate, profiles=profiles)
    model = changed(loaded.scenario, **settings)
    plan = read_plan(plan_file, model) if plan_file else model.plan
    if plan is None:
        raise PlanError(f"{scenario}: there is no plan; add one to the scenario, or give --plan FILE")
    if against and engine == "theory":
        raise click.UsageError("--against compares simulations; take another --engine")
    others = {str(path): _other(path, model) for path in against}
    if out:
        make_folder(out)
    notes = loaded.notes + (plan_notes(plan_file, model) if plan_file else ())
    report = _report(model, plan, others, engine, jobs, out if records else None, quiet=as_json, why=why)
    report = replace(report, figures={**report.figures, "notes": list(notes)})
    if out:
        write_text(out / "report.json", report.to_json() + "\n")
    if as_json:
        click.echo(report.to_json())
    else:
        show_report(report, notes, Console())


def _other(path: Path, model: Scenario) -> Plan:
    """Return a plan to compare with; ``own`` is that of the scenario."""
    if str(path) != "own" or path.exists():
        return read_plan(path, model)
    if model.plan is None:
        raise PlanError("--against own: the scenario has no plan of its own")
    return model.plan


def _report(
    model: Scenario,
    plan: Plan,
    others: Mapping[str, Plan],
    engine: str,
    jobs: int,
    records: Path | None,
    *,
    quiet: bool,
    why: bool,
) -> Report:
    """Run the engine; imported here, because the help of a command should not wait for scipy."""
    if engine == "theory":
        from twin.theory import solve

        if why:
            click.echo("engine theory: asked for", err=True)
        return solve(model, plan)
    from twin.comparing import compared
    from twin.compilation import compile_network
    from twin.engines.choice import make_ready
    from twin.experiment import decision_for, simulate

    decision = decision_for(model, compile_network(model, plan), engine)
    if why:
        click.echo(f"engine {decision.engine}: {decision.reason}", err=True)
    make_ready(decision.engine, partial(click.echo, err=True))
    with replication_bar(hidden=quiet) as advance:
        report = simulate(model, plan, engine=decision.engine, jobs=jobs, records=records, progress=advance)
        return compared(report, others, engine=decision.engine, jobs=jobs, progress=advance) if others else report


@contextmanager
def replication_bar(*, hidden: bool) -> Iterator[Callable[[int, int], None]]:
    """Show how many replications are done, on standard error."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True, disable=hidden) as bar:
        task = bar.add_task("replications", total=None)

        def advance(done: int, wanted: int) -> None:
            bar.update(task, completed=done, total=wanted)

        yield advance
