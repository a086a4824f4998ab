"""``ctwin designs`` and ``ctwin new``: from annotated code to designs, and how to begin."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from design.designs.designing import FIRST_PLAN, MOST_DEPLOYMENTS, Designs, plan_designs
from design.designs.onnx_cutting import OnnxCutting
from design.designs.output import Written, write_files
from design.starting import start_application
from twin.commands.options import PATH


@click.command("designs")
@click.argument("application", metavar="APP", type=PATH)
@click.option("--dry-run", is_flag=True, help="Say what would be written, and write nothing.")
@click.option("--replace", is_flag=True, help="Also overwrite files that this command did not write.")
@click.option(
    "--most",
    type=click.IntRange(1, 100_000),
    default=MOST_DEPLOYMENTS,
    show_default=True,
    help="Deployments to write at most.",
)
@click.option("--json", "as_json", is_flag=True, help="Print what was done as one JSON document.")
def designs_command(application: Path, dry_run: bool, replace: bool, most: int, as_json: bool) -> None:
    """Write the designs and deployments of an annotated application, as AI-SPRINT Studio's ``design`` does.

    APP is an application folder: src/COMPONENT/main.py with annotations (``from design.annotations import ...``), and
    common_config/ with application_dag.yaml, candidate_resources.yaml and candidate_deployments.yaml. The code is read,
    not run. Repeat it at any time: what it wrote before is brought up to date, what you wrote or changed stays.

    \b
    Examples:
      ctwin designs app --dry-run
      ctwin designs app && ctwin run app
    """
    designed = plan_designs(application, most=most, cutting=OnnxCutting())
    done = write_files(application, designed.files, yielding=frozenset({FIRST_PLAN}), replace=replace, dry_run=dry_run)
    if as_json:
        click.echo(json.dumps(_summary(designed, done, dry_run), indent=2, ensure_ascii=False))
        return
    _show(designed, done, dry_run)


@click.command("new")
@click.argument("application", metavar="APP", type=PATH)
@click.option("--json", "as_json", is_flag=True, help="Print what was written as one JSON document.")
def new_command(application: Path, as_json: bool) -> None:
    """Start an application folder: two annotated components with small models, and where they may run.

    APP must not exist yet, or be an empty folder. The designs are written too, so that the folder can be run at once.

    \b
    Examples:
      ctwin new app && ctwin run app
    """
    written = start_application(application)
    designed = plan_designs(application, cutting=OnnxCutting())
    done = write_files(application, designed.files)
    if as_json:
        files = [*written, *done.written]
        click.echo(json.dumps({"application": str(application), "written": files}, indent=2, ensure_ascii=False))
        return
    for name in written:
        click.echo(f"wrote {application / name}")
    click.echo(f"wrote {len(designed.deployments)} deployments of {len(designed.ways)} designs")
    click.echo(f"next:  ctwin run {application}      and, after a change,  ctwin designs {application}")


def _show(designed: Designs, done: Written, dry_run: bool) -> None:
    for component in designed.inputs.graph.components:
        own = [way for way in designed.ways if way.component == component]
        names = [way.design if way.model == component else f"{way.model} ({way.design})" for way in own]
        click.echo(f"{component}: {', '.join(names)}")
    ranking = designed.ranking
    for place in ranking.entries if ranking else ():
        assert ranking is not None
        click.echo(f"{ranking.metric} {place.value:.4f}: {', '.join(place.models)}")
    for note in designed.notes:
        click.echo(f"note: {note}")
    for name in done.kept:
        click.echo(f"kept: {name}, which was not written by this command or was changed since")
    would = "would be " if dry_run else ""
    counts = f"{len(done.written)} files {would}written, {len(done.unchanged)} unchanged, {len(done.removed)} removed"
    click.echo(f"{len(designed.deployments)} deployments; {counts}")


def _summary(designed: Designs, done: Written, dry_run: bool) -> dict[str, Any]:
    ranking = designed.ranking
    components: dict[str, dict[str, Any]] = {name: {} for name in designed.inputs.graph.components}
    for way in designed.ways:
        name = way.design if way.model == way.component else f"{way.model}:{way.design}"
        components[way.component][name] = list(way.parts)
    return {
        "application": str(designed.inputs.folder),
        "dry_run": dry_run,
        "designs": components,
        "deployments": {deployment.name: dict(deployment.layers) for deployment in designed.deployments},
        "ranking": [
            {"models": list(one.models), "metric": ranking.metric, "value": one.value} for one in ranking.entries
        ]
        if ranking
        else [],
        "written": done.written,
        "unchanged": done.unchanged,
        "removed": done.removed,
        "kept": done.kept,
        "notes": list(designed.notes),
    }
