"""One calibration from what was asked for to the profile: whole models, their cuts, and what is known of them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np

from design.application_models import application_models
from design.calibrate import calibrate_all
from design.campaign import Group, Subjects, measure_groups
from design.cut_groups import CutWish, cut_groups
from design.example_inputs import Inputs, Shape, check_shape_names, example_inputs
from design.journal import Journal
from design.machine import provenance
from design.onnx_models import OnnxModel, load_model
from design.onnx_sessions import CPU_PROVIDER
from design.partition.graph import read_graph
from design.profiles import segment_names
from design.stopwatch import Progress
from design.worker_file import peak_memory
from twin.errors import ProfileError, did_you_mean
from twin.formats.profile_schema import PROFILE_FORMAT, ProfileFile


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What a calibration is to find out, and how."""

    device: str

    samples: int = 200

    threads: int = 1

    seed: int = 0

    shapes: Mapping[str, Shape] = field(default_factory=dict)

    inputs: Path | None = None
    """A file of arrays to run with, by the names of the inputs, instead of made-up ones."""

    cut: CutWish | None = None

    forward: tuple[str, ...] = ()
    """Inputs handed to every segment."""

    provider: str = CPU_PROVIDER

    keep: Path | None = None
    """Folder for the segments; absent: they are removed when they are measured."""


def named_models(references: tuple[str, ...], names: tuple[str, ...], *, cut: bool) -> dict[str, OnnxModel]:
    """Return the models that *references* mean, by segment: files, shipped ones, or all of an application folder."""
    if any(Path(reference).is_dir() for reference in references):
        if len(references) > 1 or names:
            raise ProfileError("an application folder stands alone: its components name the segments")
        found = application_models(Path(references[0]), cut=cut)
        loaded = [load_model(str(path)) for path in found.values()]
        return dict(zip(segment_names(loaded, tuple(found)), loaded, strict=True))
    loaded = [load_model(reference) for reference in references]
    return dict(zip(segment_names(loaded, names), loaded, strict=True))


def measured_profile(
    models: Mapping[str, OnnxModel],
    wishes: Wishes,
    *,
    journal: Path | None = None,
    say: Callable[[str], None] | None = None,
    warn: Callable[[str], None],
    progress: Progress | None = None,
) -> ProfileFile:
    """Measure *models*, by the names of their segments, and the cuts that are wished for.

    What is finished is kept in the file *journal*, which is removed at the end. Raises ProfileError if a model
    cannot be run or cut as wished; what was finished before stays in the journal.
    """
    check_shape_names(list(models.values()), wishes.shapes)
    inputs = {name: _inputs(model, wishes) for name, model in models.items()}
    origin = provenance(threads=wishes.threads, samples=wishes.samples, seed=wishes.seed, provider=wishes.provider)
    groups = [Group(name="whole models", make=lambda _: Subjects(models=dict(models), inputs=inputs))]
    for name, model in models.items() if wishes.cut else ():
        graph = read_graph(model, example=inputs[name], made_up=wishes.inputs is None, forward=wishes.forward)
        groups += cut_groups(name, graph, wishes.cut, warn=warn) if wishes.cut else []
    diary = Journal(path=journal, question=_question(models, wishes, origin.model_dump_json(exclude={"measured_on"})))
    measure = partial(
        calibrate_all,
        samples=wishes.samples,
        threads=wishes.threads,
        provider=wishes.provider,
        memory=peak_memory,
        progress=progress,
    )
    found = measure_groups(groups, diary, measure, keep=wishes.keep, say=say)
    return ProfileFile(
        format=PROFILE_FORMAT,
        device=wishes.device,
        provenance=origin,
        segments=dict(found.segments),
        cuts=found.cuts,
    )


def _inputs(model: OnnxModel, wishes: Wishes) -> Inputs:
    if wishes.inputs is None:
        return example_inputs(model, seed=wishes.seed, shapes=wishes.shapes)
    stored = load_arrays(wishes.inputs)
    missing = [tensor.name for tensor in model.inputs if tensor.name not in stored]
    if missing:
        hint = did_you_mean(missing[0], stored)
        raise ProfileError(f"{wishes.inputs} has no array {missing[0]!r} for model {model.reference!r}{hint}")
    return {tensor.name: stored[tensor.name] for tensor in model.inputs}


def load_arrays(path: Path) -> Inputs:
    """Return the arrays of an ``.npz`` file by name; ProfileError if it is none. Pickled objects are not read."""
    try:
        with np.load(path, allow_pickle=False) as stored:
            return {name: stored[name] for name in stored.files}
    except (OSError, ValueError, AttributeError, EOFError) as error:
        raise ProfileError(f"cannot read arrays from {str(path)!r}: write them with numpy.savez") from error


def _question(models: Mapping[str, OnnxModel], wishes: Wishes, origin: str) -> str:
    """Return a digest of everything that decides about the figures."""
    asked = {
        "models": {name: model.sha256 for name, model in models.items()},
        "wishes": repr(wishes),
        "inputs": "" if wishes.inputs is None else hashlib.sha256(wishes.inputs.read_bytes()).hexdigest(),
        "origin": origin,
    }
    return hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()
