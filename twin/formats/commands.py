"""``ctwin convert`` and ``ctwin schema``: files into other forms, and what scenario files may hold."""

from __future__ import annotations

import json
from pathlib import Path
from typing import cast, get_args

import click

from twin.commands.options import PATH, Rate
from twin.errors import ScenarioError
from twin.formats.reading import read_scenario
from twin.formats.scenario.files import scenario_schema
from twin.formats.text_file import write_text
from twin.formats.writing import Form, form_of, write_form


@click.command("convert")
@click.argument("source", metavar="IN", type=PATH)
@click.argument("target", metavar="OUT", type=PATH)
@click.option(
    "--to", "form", type=click.Choice(get_args(Form)), help="What to write, if the name of OUT is not to say."
)
@click.option("--plan", type=PATH, help="Plan to take instead of the one of IN.")
@click.option("--override", help="Named overrides of the scenario file, separated by commas.")
@click.option("--dialect", default="auto", show_default=True, help="How to read and write files of other tools.")
@click.option("--arrival-rate", type=Rate(), help="Requests/s of all sources together.")
@click.option(
    "--profiles",
    type=PATH,
    multiple=True,
    help="Service times for an AI-SPRINT folder: a YAML file, or a profile of ctwin calibrate; repeatable.",
)
@click.option("--json", "as_json", is_flag=True, help="Print what was done as one JSON document.")
def convert_command(
    source: Path,
    target: Path,
    form: str | None,
    plan: Path | None,
    override: str | None,
    dialect: str,
    arrival_rate: float | None,
    profiles: tuple[Path, ...],
    as_json: bool,
) -> None:
    """Read IN in any form and write it to OUT in another one, saying what that form cannot hold.

    IN is a scenario file (YAML), an AI-SPRINT application folder, or a SPACE4AI system file (JSON). OUT's name says
    what is written: a folder for AI-SPRINT, production_deployment.yaml or *plan.yaml for the plan, another *.yaml for a
    scenario, system*.json and *solution*.json for SPACE4AI.

    \b
    Examples:
      ctwin convert application/ scenario.yaml --profiles times.yaml --arrival-rate 2
      ctwin convert system_description.json scenario.yaml --plan best_sol_1.8.json
      ctwin convert scenario.yaml production_deployment.yaml
    """
    chosen = cast("Form", form) if form else form_of(target)
    if source.resolve() == target.resolve():
        raise ScenarioError(f"{target}: IN and OUT are the same; give OUT another name")
    loaded = read_scenario(
        source, override=override, dialect=dialect, arrival_rate=arrival_rate, profiles=profiles, plan=plan
    )
    losses = write_form(loaded.scenario, target, chosen, dialect=dialect)
    if as_json:
        done = {"in": str(source), "out": str(target), "form": chosen, "notes": loaded.notes, "losses": losses}
        click.echo(json.dumps(done, indent=2, ensure_ascii=False))
        return
    for note in loaded.notes:
        click.echo(f"note: {note}")
    for loss in losses:
        click.echo(f"lost: {loss}")
    click.echo(f"wrote {target} ({chosen})")


@click.command("schema")
@click.option("--out", type=PATH, help="File to write instead of printing.")
def schema_command(out: Path | None) -> None:
    """Print the JSON Schema of scenario files, for editors that check and complete YAML."""
    text = json.dumps(scenario_schema(), indent=2, ensure_ascii=False)
    if out is None:
        click.echo(text)
        return
    write_text(out, text + "\n")
    click.echo(f"wrote {out}")
