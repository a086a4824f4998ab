"""What ``ctwin calibrate`` does once its options are read: measure, write, show."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import click

from design.calibration import ExitWish, Wishes, measured_profile, named_models
from design.calibration_screen import progress_bar, show_profile
from design.cut_groups import CutWish
from design.emulation import Containers, OpenContainers, SmallDevice, parse_device
from design.example_inputs import parse_shape
from design.exit_conditions import parse_condition
from design.fitting import with_law
from design.onnx_sessions import CPU_PROVIDER
from design.scaling import scaled_profile
from design.worker_file import worker_source
from twin.errors import ProfileError
from twin.formats.profile_file import load_profile, save_profile, to_json
from twin.formats.profile_schema import UNNAMED_DEVICE, ProfileFile, is_name


def print_worker() -> None:
    """Print the file that measures on other devices."""
    click.echo(worker_source(), nl=False)


def scale_profile(
    source: Path, *, factor: float | None, uncertainty: float | None, device: str, out: Path | None, as_json: bool
) -> None:
    """Write and show the profile at *source* for a device that is *factor* times as slow."""
    if factor is None or uncertainty is None:
        raise ProfileError("--scale-from needs --factor and --uncertainty, such as --factor 8 --uncertainty 0.3")
    base = load_profile(source)
    if device in (UNNAMED_DEVICE, base.device):
        raise ProfileError("--scale-from needs --target: the name of the device that the guess is for")
    check_device(device)
    deliver(scaled_profile(base, device=device, factor=factor, uncertainty=uncertainty), out, as_json=as_json)


def run_calibration(
    references: tuple[str, ...],
    *,
    out: Path | None,
    names: tuple[str, ...],
    fit: bool,
    as_json: bool,
    containers: OpenContainers | None = None,
    **options: Any,
) -> None:
    """Measure what *references* mean, as the options of the command say."""
    wishes = wishes_from(**options)
    models = named_models(references, names, cut=bool(wishes.cut or wishes.exits))
    journal = None if out is None else out.with_name(f"{out.name}.journal")
    try:
        with progress_bar() as board, _engine(containers, wishes) as engine:
            profile = measured_profile(
                models,
                wishes,
                containers=engine,
                journal=journal,
                say=board.stage,
                warn=_warn,
                progress=board.show,
            )
    except BaseException:  # Ctrl-C above all; it goes on its way
        if journal is not None and journal.exists():
            _warn(f"what is finished stays in {journal}; the same command goes on there")
        raise
    if fit:
        laws = {name: with_law(part, seed=wishes.seed) for name, part in profile.segments.items()}
        profile = profile.model_copy(update={"segments": laws})
    deliver(profile, out, as_json=as_json)
    if journal is not None:
        journal.unlink(missing_ok=True)


@contextmanager
def _engine(open_containers: OpenContainers | None, wishes: Wishes) -> Iterator[Containers | None]:
    """Open the engine for containers if it is needed."""
    if wishes.emulation is None:
        yield None
        return
    if open_containers is None:
        raise ProfileError("no engine for containers is at hand; call this as  ctwin calibrate --emulate")
    with closing(open_containers()) as engine:
        yield engine


def wishes_from(
    *,
    device: str,
    cuts: str | int | None,
    bandwidth: float,
    shapes: tuple[str, ...],
    exits: str | None,
    exit_when: str,
    exit_samples: Path | None,
    emulate: str | None = None,
    **options: Any,
) -> Wishes:
    """Return the wishes that the options of the command express."""
    check_device(device)
    cut = None if cuts is None else CutWish(chain=None if cuts == "all" else int(cuts), bandwidth_mbit_per_s=bandwidth)
    if exits is not None and cut is not None:
        raise ProfileError("--exits cuts the model already; leave out --cuts")
    if exits is None and exit_samples is not None:
        raise ProfileError("--exit-samples needs --exits: the outputs where an answer may leave")
    leave = None
    if exits is not None:
        leave = ExitWish(where=exits, condition=parse_condition(exit_when), samples=exit_samples)
    return Wishes(
        device=device,
        cut=cut,
        exits=leave,
        shapes=dict(parse_shape(shape) for shape in shapes),
        emulation=_emulation(emulate, **options),
        **options,
    )


def _emulation(text: str | None, *, provider: str, interference: bool, **_: Any) -> SmallDevice | None:
    """Return the device to emulate; ProfileError for what cannot be measured on it."""
    if text is None:
        return None
    if interference:
        raise ProfileError("--interference needs two cores of this machine; leave out --emulate")
    if provider != CPU_PROVIDER:
        raise ProfileError(f"--emulate runs on processors alone; leave out --provider {provider}")
    return parse_device(text)


def check_device(device: str) -> None:
    """Raise ProfileError if *device* cannot be a name in a profile."""
    if not is_name(device):
        raise ProfileError(f"{device!r} cannot name a class of device; use 1 to 100 characters, the last no space")


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
