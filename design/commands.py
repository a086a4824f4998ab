"""Commands of ``ctwin`` that belong to design: what the command line asks for, handed on to who does it."""

from __future__ import annotations

import os
from pathlib import Path

import click

from twin.errors import ProfileError


@click.command("calibrate")
@click.argument("models", metavar="MODEL...", nargs=-1, required=True)
@click.option("--out", type=click.Path(path_type=Path), metavar="FILE", help="Write the profile here, replacing FILE.")
@click.option("--samples", type=click.IntRange(1, 500), default=200, show_default=True, help="Timed runs per model.")
@click.option("--threads", type=click.IntRange(1, 1024), default=1, show_default=True, help="Threads per run.")
@click.option(
    "--device", default="this-machine", show_default=True, help="The class of device this machine stands for."
)
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Seed of the made-up inputs.")
@click.option("--name", "names", multiple=True, help="Name of a segment; once per model, in their order.")
@click.option("--shape", "shapes", multiple=True, metavar="INPUT=1,3,224,224", help="Sizes that a model leaves open.")
@click.option("--json", "as_json", is_flag=True, help="Print the profile as JSON instead of a table.")
def calibrate_command(
    models: tuple[str, ...],
    out: Path | None,
    samples: int,
    threads: int,
    device: str,
    seed: int,
    names: tuple[str, ...],
    shapes: tuple[str, ...],
    as_json: bool,
) -> None:
    """Measure how long ONNX models take on this machine.

    MODEL is an .onnx file, or onnx:light_squeezenet and the like for an architecture the onnx package ships. Several
    models are measured turn by turn. Without --out nothing is written.
    """
    # Here and not at the top: onnxruntime takes longer to import than most commands to run.
    from design.calibrate import calibrate_all
    from design.calibration_screen import progress_bar, show_table
    from design.example_inputs import parse_shape
    from design.machine import provenance
    from design.onnx_models import load_model
    from design.profiles import profile_from_measurements, segment_names
    from twin.formats.profile_file import is_name, save_profile, to_json

    if not is_name(device):
        raise ProfileError(f"{device!r} cannot name a class of device; use 1 to 100 characters, the last no space")
    _check_writable(out)
    loaded = [load_model(model) for model in models]
    chosen_names = segment_names(loaded, names)
    sizes = dict(parse_shape(shape) for shape in shapes)
    origin = provenance(threads=threads, samples=samples, seed=seed)
    with progress_bar() as progress:
        done = calibrate_all(loaded, samples=samples, threads=threads, seed=seed, shapes=sizes, progress=progress)
    measurements = dict(zip(chosen_names, done, strict=True))
    profile = profile_from_measurements(measurements, device=device, provenance=origin)
    if out is not None:
        save_profile(profile, out)
        click.echo(f"wrote {out}", err=True)
    if as_json:
        click.echo(to_json(profile), nl=False)
    else:
        show_table(measurements, title=f"{device}: {origin.cpu}, {threads} of {origin.cores} cores, {samples} samples")


def _check_writable(out: Path | None) -> None:
    """Raise ProfileError if *out* cannot be written: better now than after minutes of measuring."""
    if out is None:
        return
    if out.exists() and not out.is_file():
        raise ProfileError(f"--out {str(out)!r} is no ordinary file; name one, or a new one")
    if not out.parent.is_dir():
        raise ProfileError(f"--out {str(out)!r} would be in a folder that does not exist; make it first")
    if not os.access(out.parent, os.W_OK):
        raise ProfileError(f"--out {str(out)!r} is in a folder that cannot be written")
