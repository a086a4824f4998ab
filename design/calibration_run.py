"""What ``ctwin calibrate`` does once its options are read: measure, write, show."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from design.calibration import Wishes, measured_profile, named_models
from design.calibration_screen import progress_bar, show_profile
from design.cut_groups import CutWish
from design.example_inputs import parse_shape
from design.worker_file import worker_source
from twin.errors import ProfileError
from twin.formats.profile_file import save_profile, to_json
from twin.formats.profile_schema import ProfileFile, is_name


def print_worker() -> None:
    """Print the file that measures on other devices."""
    click.echo(worker_source(), nl=False)


def run_calibration(
    references: tuple[str, ...], *, out: Path | None, names: tuple[str, ...], as_json: bool, **options: Any
) -> None:
    """Measure what *references* mean, as the options of the command say."""
    wishes = wishes_from(**options)
    models = named_models(references, names, cut=wishes.cut is not None)
    journal = None if out is None else out.with_name(f"{out.name}.journal")
    try:
        with progress_bar() as board:
            profile = measured_profile(
                models, wishes, journal=journal, say=board.stage, warn=_warn, progress=board.show
            )
    except BaseException:  # Ctrl-C above all; it goes on its way
        if journal is not None and journal.exists():
            _warn(f"what is finished stays in {journal}; the same command goes on there")
        raise
    deliver(profile, out, as_json=as_json)
    if journal is not None:
        journal.unlink(missing_ok=True)


def wishes_from(
    *,
    device: str,
    cuts: str | int | None,
    bandwidth: float,
    shapes: tuple[str, ...],
    **options: Any,
) -> Wishes:
    """Return the wishes that the options of the command express."""
    if not is_name(device):
        raise ProfileError(f"{device!r} cannot name a class of device; use 1 to 100 characters, the last no space")
    cut = None if cuts is None else CutWish(chain=None if cuts == "all" else int(cuts), bandwidth_mbit_per_s=bandwidth)
    return Wishes(device=device, cut=cut, shapes=dict(parse_shape(shape) for shape in shapes), **options)


def deliver(profile: ProfileFile, out: Path | None, *, as_json: bool) -> None:
    """Write the profile where it is wanted and show it."""
    if out is not None:
        save_profile(profile, out)
        _warn(f"wrote {out}")
    if as_json:
        click.echo(to_json(profile), nl=False)
    else:
        show_profile(profile)


def _warn(sentence: str) -> None:
    click.echo(sentence, err=True)
