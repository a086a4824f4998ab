"""Measure many segments, a group at a time: those of a group turn by turn, and what is finished stays finished.

A group is what is loaded at the same time. Its models may be made only when its turn comes, in a folder that is gone
afterwards, because all segments of all cuts of a model take many times its space.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from design.example_inputs import Inputs
from design.journal import Finished, Journal
from design.onnx_models import OnnxModel
from twin.errors import ProfileError
from twin.formats.profile_schema import CutFigures, Segment, Slowdown


@dataclass(frozen=True, slots=True, kw_only=True)
class CutPlace:
    """A cut whose segments are about to be measured."""

    model: str
    tensors: tuple[str, ...]
    shapes: tuple[tuple[int, ...], ...]
    bytes: int
    head: tuple[str, ...]
    tail: tuple[str, ...]
    proved: bool
    difference: float | None

    def with_times(self, segments: Mapping[str, Segment]) -> CutFigures:
        """Return what a profile keeps, once the segments of both sides are measured."""
        return CutFigures(
            model=self.model,
            tensor=" + ".join(self.tensors),
            tensors=self.tensors,
            shapes=self.shapes,
            bytes=self.bytes,
            head_seconds=_seconds(segments, self.head),
            tail_seconds=_seconds(segments, self.tail),
            head=self.head,
            tail=self.tail,
            proved=self.proved,
            difference=self.difference,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Subjects:
    """The models of a group, with inputs where they must be certain ones, by the names of their segments."""

    models: dict[str, OnnxModel]

    inputs: dict[str, Inputs]

    cuts: tuple[CutPlace, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Segments that are measured together."""

    name: str
    """Tells it from other groups of the same command, now and when it is repeated."""

    make: Callable[[Path], Subjects]
    """Makes the models, if need be in the folder it is given."""

    together: bool = True
    """Whether its models can be parts of one deployment, so that how they slow each other down is of interest."""


class Measure(Protocol):
    """Times models together; the options of the command are built in."""

    def __call__(self, subjects: Subjects) -> Mapping[str, Segment]:
        """Return the segments of the models; those that there is too little memory for are left out."""


class Beside(Protocol):
    """Times models beside each other; the options of the command are built in."""

    def __call__(self, subjects: Subjects) -> tuple[Slowdown, ...]:
        """Return how much every model slows down every one."""


def measure_groups(
    groups: Iterable[Group],
    journal: Journal,
    measure: Measure,
    *,
    beside: Beside | None = None,
    keep: Path | None = None,
    say: Callable[[str], None] | None = None,
) -> Finished:
    """Measure what the journal does not hold yet, and return everything.

    *beside* is asked about the models of a group that belong together, once they are measured alone.
    *keep* is a folder for the models that are made; without one they are made in a folder that is removed. *say* is
    told what is going on.
    """
    for group in groups:
        if group.name not in journal.found:
            if say is not None:
                say(group.name)
            journal.add(group.name, _measured(group, measure, beside, keep))
    found = journal.found.values()
    return Finished(
        segments={name: part for each in found for name, part in each.segments.items()},
        cuts=tuple(cut for each in found for cut in each.cuts),
        does_not_fit=tuple(name for each in found for name in each.does_not_fit),
        interference=tuple(pair for each in found for pair in each.interference),
    )


def _measured(group: Group, measure: Measure, beside: Beside | None, keep: Path | None) -> Finished:
    try:
        with tempfile.TemporaryDirectory(prefix="ctwin-segments-", ignore_cleanup_errors=True) as folder:
            subjects = group.make(keep or Path(folder))
            segments = dict(measure(subjects))
            pairs = beside(subjects) if beside is not None and group.together else ()
    except OSError as error:
        raise ProfileError(f"cannot write the segments to measure: {error.strerror or error}") from error
    return Finished(
        segments=segments,
        cuts=tuple(cut.with_times(segments) for cut in subjects.cuts if segments.keys() >= {*cut.head, *cut.tail}),
        does_not_fit=tuple(name for name in subjects.models if name not in segments),
        interference=pairs,
    )


def _seconds(segments: Mapping[str, Segment], names: Iterable[str]) -> float:
    return round(sum(float(np.mean(segments[name].service_seconds)) for name in names), 7)
