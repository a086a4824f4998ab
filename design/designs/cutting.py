"""Where models are cut: the port through which designs get the ONNX files of their segments."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from design.designs.inputs import Inputs
from design.designs.ways import Way
from twin.formats.aisprint.names import BASE

ONNX = "onnx"
EXIT_TABLE = "early_exits.csv"


class Cutting(Protocol):
    """Whatever cuts models; without one, designs have names and code, and their models stay whole."""

    def cuts(self, model: Path, segments: Sequence[int]) -> Sequence[Sequence[bytes]]:
        """Return for each entry of *segments* another cut of *model* into so many; fewer cuts if it has no more."""

    def exits(self, model: Path, table: Path) -> Sequence[bytes]:
        """Return the segments of *model* cut at the early exits that *table* (early_exits.csv) names."""


@dataclass(slots=True)
class CutModels:
    """The models of all segments, and what could not be cut."""

    segments: dict[tuple[str, str], Sequence[bytes]] = field(default_factory=dict)
    """(component or alternative, ``partition<k>``) → ONNX files in order."""

    impossible: set[tuple[str, str]] = field(default_factory=set)
    """Cuts that were asked for and that the model does not have."""

    notes: list[str] = field(default_factory=list)


def model_of(inputs: Inputs, model: str) -> str | None:
    """Return the name of the ONNX file that is to be cut, or None."""
    code = inputs.codes[model]
    found = code.value("partitionable_model", "onnx_file") or code.value("early_exits_model", "onnx_file")
    return None if found is None else str(found)


def cut_models(inputs: Inputs, ways: Sequence[Way], cutting: Cutting | None) -> CutModels:
    """Cut the models of all *ways* that are not whole, as far as there are models and something that cuts them."""
    done = CutModels()
    for model in dict.fromkeys(way.model for way in ways if way.design != BASE):
        path = inputs.source(model) / ONNX / str(model_of(inputs, model))
        own = [way for way in ways if way.model == model and way.design != BASE]
        shown = path.relative_to(inputs.folder)
        if not path.is_file():
            done.notes.append(f"{shown} is absent; the segments of {model!r} have names, but no models")
        elif cutting is None:
            done.notes.append(f"{shown} is not cut; the segments of {model!r} have names, but no models")
        else:
            _cut_one(inputs, own, path, cutting, done)
    return done


def _cut_one(inputs: Inputs, own: Sequence[Way], path: Path, cutting: Cutting, done: CutModels) -> None:
    model = own[0].model
    if own[0].goes_on:
        found: Sequence[Sequence[bytes]] = [cutting.exits(path, inputs.source(model) / ONNX / EXIT_TABLE)]
    else:
        found = cutting.cuts(path, [len(way.parts) for way in own])
    for way, segments in zip(own, found, strict=False):
        done.segments[model, way.design] = segments
    missing = [way.design for way in own[len(found) :]]
    done.impossible |= {(model, design) for design in missing}
    if missing:
        done.notes.append(f"{path.relative_to(inputs.folder)} can be cut in {len(found)} ways, not in {len(own)}")
