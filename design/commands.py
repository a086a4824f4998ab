"""Commands of ``ctwin`` that belong to design: what the command line asks for, handed on to who does it."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from twin.errors import ProfileError
from twin.formats.profile_schema import UNNAMED_DEVICE

OpenContainers = Callable[[], Any]
"""Finds the engine for ``--emulate``, see `design.emulation`, which takes too long to import for a help text."""

_FILE = click.Path(path_type=Path)


class CutsType(click.ParamType[str | int]):
    """``all``, or a number of cuts."""

    name = "all|K"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str | int:
        """Return ``"all"`` or a number from 1."""
        if value == "all":
            return "all"
        if not str(value).isdigit() or int(value) < 1:
            self.fail(f"{value!r} is neither 'all' nor a number from 1", param, ctx)
        return int(value)


@click.command("calibrate")
@click.argument("models", metavar="APP|MODEL...", nargs=-1)
@click.option("--out", type=_FILE, metavar="FILE", help="Write the profile here, replacing FILE.")
@click.option("--samples", type=click.IntRange(1, 500), default=200, show_default=True, help="Timed runs per segment.")
@click.option("--threads", type=click.IntRange(1, 1024), default=1, show_default=True, help="Threads per run.")
@click.option(
    "--target",
    "--device",
    "device",
    default=UNNAMED_DEVICE,
    show_default=True,
    help="The class of device this machine stands for.",
)
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Seed of the made-up inputs.")
@click.option("--name", "names", multiple=True, help="Name of a segment; once per model, in their order.")
@click.option("--shape", "shapes", multiple=True, metavar="INPUT=1,3,224,224", help="Sizes that a model leaves open.")
@click.option("--inputs", type=_FILE, metavar="FILE.npz", help="Run with these arrays instead of made-up ones.")
@click.option(
    "--cuts", type=CutsType(), metavar="all|K", help="Cut the models: time both sides of every cut, or the best K cuts."
)
@click.option(
    "--bandwidth",
    type=click.FloatRange(0, min_open=True),
    default=100.0,
    show_default=True,
    metavar="MBIT/S",
    help="Link between the segments, for --cuts K.",
)
@click.option("--forward", multiple=True, metavar="INPUT", help="An input that is sent along with every cut.")
@click.option("--exits", metavar="OUTPUT,...|CSV", help="Cut at early exits: their outputs, or an early_exits.csv.")
@click.option(
    "--exit-when", default="confidence=0.9", show_default=True, metavar="MEASURE=X", help="When an answer leaves."
)
@click.option("--exit-samples", type=_FILE, metavar="FILE.npz", help="Count on these how many answers leave early.")
@click.option("--keep", type=_FILE, metavar="FOLDER", help="Keep the ONNX files of the segments here.")
@click.option("--provider", default="CPUExecutionProvider", help="What runs the operators, if onnxruntime has it.")
@click.option("--interference", is_flag=True, help="Time models, or segments of --cuts K, beside each other.")
@click.option("--emulate", metavar="cpus=C,memory=M", help="Measure as on a small device, in Docker containers.")
@click.option("--fit", is_flag=True, help="Add a law to each segment whose samples do not reject it.")
@click.option("--scale-from", type=_FILE, metavar="PROFILE", help="Measure nothing: scale this profile, as a guess.")
@click.option("--factor", type=click.FloatRange(0, 1e6, min_open=True), help="How many times as slow --target is.")
@click.option("--uncertainty", type=click.FloatRange(0, 10), help="Relative uncertainty of --factor, such as 0.3.")
@click.option("--worker", is_flag=True, help="Print a Python file that measures on another device, and stop.")
@click.option("--json", "as_json", is_flag=True, help="Print the profile as JSON instead of a table.")
@click.pass_obj
def calibrate_command(
    containers: OpenContainers | None,
    /,
    models: tuple[str, ...],
    worker: bool,
    scale_from: Path | None,
    factor: float | None,
    uncertainty: float | None,
    **options: Any,
) -> None:
    """Measure how long ONNX models, and parts of them, take on this machine.

    MODEL is an .onnx file, or onnx:light_squeezenet and the like for an architecture the onnx package ships; APP is an
    AI-SPRINT application folder, whose components and partitions name the segments. Without --out nothing is written;
    with it, what is finished is kept beside FILE, and after Ctrl-C the same command goes on where it was.

    --cuts all times head and tail of every place where a single tensor cuts the model (of several tensors where there
    is none), as X_partition1_1 and X_partition1_2 and so on. --cuts K makes one chain of K cuts, K + 1 segments,
    X_partition1_1 to X_partition1_(K+1): the one whose slowest segment plus the time of all crossing tensors on the
    link of --bandwidth is least. Every split is proved: the chain gives the outputs of the whole model.

    --exits cuts a network such as BranchyNet behind each exit. With --exit-samples (one sample per index of the first
    axis, and perhaps ``labels``) the share of answers that go on is counted: an answer leaves where its largest
    probability is at least X (confidence=X), or the entropy of its probabilities at most X nats (entropy=X). Code of
    an application is never run for that.

    --emulate cpus=0.5,memory=512m runs each model in a Docker container of its own, without a network, with that share
    of a processor and that memory. A model that needs more is reported as not fitting, the others are measured.

    \b
    ctwin calibrate onnx:light_squeezenet --cuts 2 --out profile.json
    ctwin calibrate app/ --target x86-vm --out profile.json
    ctwin calibrate app/ --emulate cpus=0.5,memory=512m --target RaspPi --out profile.json
    ctwin calibrate --scale-from profile.json --target RaspPi --factor 8 --uncertainty 0.3 --out guess.json
    ctwin calibrate --worker > calibrate_here.py   # then there: python calibrate_here.py model.onnx > profile.json
    """
    # Here and not at the top: onnxruntime takes longer to import than most commands to run.
    from design.calibration_run import print_worker, run_calibration, scale_profile

    if worker:
        print_worker()
        return
    check_writable(options["out"])
    if scale_from is not None:
        chosen = {name: options[name] for name in ("device", "out", "as_json")}
        scale_profile(scale_from, factor=factor, uncertainty=uncertainty, **chosen)
    elif models:
        run_calibration(models, containers=containers, **options)
    else:
        raise click.UsageError("name a model, such as onnx:light_squeezenet, or an application folder")


def check_writable(out: Path | None) -> None:
    """Raise ProfileError if *out* cannot be written: better now than after minutes of measuring."""
    if out is None:
        return
    if out.exists() and not out.is_file():
        raise ProfileError(f"--out {str(out)!r} is no ordinary file; name one, or a new one")
    if not out.parent.is_dir():
        raise ProfileError(f"--out {str(out)!r} would be in a folder that does not exist; make it first")
    if not os.access(out.parent, os.W_OK):
        raise ProfileError(f"--out {str(out)!r} is in a folder that cannot be written")
