"""One calibration from what was asked for to the profile: whole models, their cuts, and what is known of them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np

from design.application_models import application_models
from design.calibrate import calibrate_all
from design.campaign import Group, Measure, Subjects, measure_groups
from design.chained_inputs import chained_inputs
from design.cut_groups import CutWish, cut_groups, exit_group
from design.emulation import Containers, SmallDevice, emulated_segment, emulation_of
from design.example_inputs import Inputs, Shape, check_shape_names, example_inputs
from design.exit_conditions import ExitCondition, count_exits
from design.interference import require_two_cores, slowdowns
from design.journal import Journal
from design.machine import provenance
from design.onnx_models import OnnxModel, load_model
from design.onnx_sessions import CPU_PROVIDER
from design.partition.exits import Exit, exits_at, read_exits
from design.partition.graph import ModelGraph, read_graph
from design.profiles import segment_from, segment_names
from design.stopwatch import Progress
from design.worker_file import peak_memory
from twin.errors import ProfileError, did_you_mean
from twin.formats.profile_schema import PROFILE_FORMAT, ExitFigures, ProfileFile, Segment, Slowdown


@dataclass(frozen=True, slots=True, kw_only=True)
class ExitWish:
    """At which early exits a model is to be cut, and how their use is to be counted."""

    where: str
    """Names of outputs with commas between, or an ``early_exits.csv``."""

    condition: ExitCondition

    samples: Path | None = None
    """Arrays with one sample per index of their first axis, and perhaps ``labels``; without, nothing is counted."""


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

    exits: ExitWish | None = None

    interference: bool = False
    """Whether to measure how whole models, and the segments of a chain, slow each other down."""

    emulation: SmallDevice | None = None
    """The device to imitate by containers; absent: this machine."""

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
    containers: Containers | None = None,
    journal: Path | None = None,
    say: Callable[[str], None] | None = None,
    warn: Callable[[str], None],
    progress: Progress | None = None,
) -> ProfileFile:
    """Measure *models*, by the names of their segments, and the cuts that are wished for.

    What is finished is kept in the file *journal*, which is removed at the end. Raises ProfileError if a model
    cannot be run or cut as wished; what was finished before stays in the journal. *containers* is the engine that
    emulates a device, where the wishes name one.
    """
    check_shape_names(list(models.values()), wishes.shapes)
    inputs = chained_inputs(models, lambda model: _inputs(model, wishes))
    if wishes.interference:
        require_two_cores()
    place = _Place(wishes, containers, say=say, progress=progress)
    origin = provenance(threads=wishes.threads, samples=wishes.samples, seed=wishes.seed, provider=wishes.provider)
    origin = origin.model_copy(update={"emulation": place.emulation})
    groups = _whole(models, inputs, wishes)
    left: tuple[ExitFigures, ...] = ()
    for name, model in models.items() if wishes.cut or wishes.exits else ():
        graph = read_graph(model, example=inputs[name], made_up=wishes.inputs is None, forward=wishes.forward)
        if wishes.exits is not None:
            exits = _exits(graph, wishes.exits.where)
            groups.append(exit_group(name, graph, exits))
            left += _counted(name, graph, exits, wishes.exits)
        elif wishes.cut is not None:
            groups += cut_groups(name, graph, wishes.cut, warn=warn)
    diary = Journal(path=journal, question=_question(models, wishes, origin.model_dump_json(exclude={"measured_on"})))
    beside = place.beside if wishes.interference else None
    found = measure_groups(groups, diary, place.measure, beside=beside, keep=wishes.keep, say=say)
    if not found.segments:
        raise ProfileError(_too_large(found.does_not_fit, wishes))
    for name in found.does_not_fit:
        warn(_too_large([name], wishes))
    return ProfileFile(
        format=PROFILE_FORMAT,
        device=wishes.device,
        provenance=origin,
        segments=dict(found.segments),
        does_not_fit=found.does_not_fit,
        cuts=found.cuts,
        exits=left,
        interference=found.interference,
    )


def _whole(models: Mapping[str, OnnxModel], inputs: dict[str, Inputs], wishes: Wishes) -> list[Group]:
    """Return the group of the models as they are, or a group for each where each has a container of its own."""
    if wishes.emulation is None:
        return [Group(name="whole models", make=lambda _: Subjects(models=dict(models), inputs=inputs))]
    alone = {name: Subjects(models={name: model}, inputs={name: inputs[name]}) for name, model in models.items()}
    return [Group(name=name, make=lambda _, own=own: own) for name, own in alone.items()]  # type: ignore[misc]


class _Place:
    """Where models are measured: on this machine, or in containers on it that stand for a smaller device."""

    def __init__(
        self,
        wishes: Wishes,
        containers: Containers | None,
        *,
        say: Callable[[str], None] | None,
        progress: Progress | None,
    ) -> None:
        self.wishes = wishes
        self.say = say
        self.progress = progress
        self.emulation = None
        self.measure: Measure = self._here
        if wishes.emulation is not None:
            if containers is None:
                raise ValueError("a device can only be emulated with an engine for containers")
            self.emulation = emulation_of(wishes.emulation, containers)
            self.measure = partial(self._emulated, wishes.emulation, containers)

    def _here(self, subjects: Subjects) -> dict[str, Segment]:
        measurements = calibrate_all(
            list(subjects.models.values()),
            inputs=[subjects.inputs.get(name) for name in subjects.models],
            samples=self.wishes.samples,
            threads=self.wishes.threads,
            provider=self.wishes.provider,
            memory=peak_memory,
            progress=self.progress,
        )
        return {name: segment_from(found) for name, found in zip(subjects.models, measurements, strict=True)}

    def _emulated(self, device: SmallDevice, engine: Containers, subjects: Subjects) -> dict[str, Segment]:
        """Measure one model after the other: together they would need the memory of all."""
        found = {}
        for name, model in subjects.models.items():
            if self.say is not None:
                self.say(f"{name} with {device.cpus:g} CPUs and {device.memory_mb:g} MB")
            segment = emulated_segment(
                model,
                subjects.inputs[name],
                device,
                engine,
                samples=self.wishes.samples,
                threads=self.wishes.threads,
            )
            if segment is not None:
                found[name] = segment
        return found

    def beside(self, subjects: Subjects) -> tuple[Slowdown, ...]:
        """Measure the models beside each other."""
        return slowdowns(
            subjects.models, subjects.inputs, samples=self.wishes.samples, seed=self.wishes.seed, say=self.say
        )


def _too_large(names: Sequence[str], wishes: Wishes) -> str:
    assert wishes.emulation is not None
    verb = "does" if len(names) == 1 else "do"
    return f"{', '.join(names)} {verb} not fit in {wishes.emulation.memory_mb:g} MB"


def _exits(graph: ModelGraph, where: str) -> tuple[Exit, ...]:
    if where.endswith(".csv"):
        return read_exits(Path(where), graph)
    return exits_at(graph, [name.strip() for name in where.split(",")])


def _counted(name: str, graph: ModelGraph, exits: tuple[Exit, ...], wish: ExitWish) -> tuple[ExitFigures, ...]:
    if wish.samples is None:
        return ()
    return (count_exits(name, graph, exits, load_arrays(wish.samples), wish.condition),)


def _inputs(model: OnnxModel, wishes: Wishes) -> Inputs:
    """Return given inputs, the first of the samples if there are some, or random ones."""
    samples = wishes.exits.samples if wishes.exits else None
    if wishes.inputs is not None:
        stored = load_arrays(wishes.inputs)
    elif samples is not None:
        stored = {name: array[:1] for name, array in load_arrays(samples).items()}
    else:
        return example_inputs(model, seed=wishes.seed, shapes=wishes.shapes)
    missing = [tensor.name for tensor in model.inputs if tensor.name not in stored]
    if missing:
        hint = did_you_mean(missing[0], stored)
        raise ProfileError(
            f"{wishes.inputs or samples} has no array {missing[0]!r} for model {model.reference!r}{hint}"
        )
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
