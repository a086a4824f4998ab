"""The files of the designs themselves: copies of a component as it is, and a folder for each segment of each cut."""

from __future__ import annotations

import tokenize
from collections.abc import Iterator
from pathlib import Path

from design.designs.cutting import ONNX, CutModels, model_of
from design.designs.inputs import Inputs
from design.designs.output import Content, CopyOf
from design.designs.segment_code import SegmentCode, UncutCodeError, segment_code
from design.designs.ways import Way
from twin.errors import DesignError
from twin.formats.aisprint.names import BASE

DESIGNS = "aisprint/designs"
MAIN = "main.py"
_LEFT_OUT = {"__pycache__", ".git", ".DS_Store"}


def component_files(inputs: Inputs, way: Way, cut: CutModels) -> tuple[dict[str, Content], list[str]]:
    """Return the files of one design (path in the application → content), and what a user should know of them."""
    source = inputs.source(way.model)
    copies: dict[str, Content] = {name: CopyOf(source / name) for name in files_under(source)}
    if way.design == BASE:
        return _under(way, BASE, copies), []
    whole = f"{ONNX}/{model_of(inputs, way.model)}"
    others = {name: content for name, content in copies.items() if name not in (MAIN, whole)}
    models = tuple(f"{folder}.onnx" for folder in way.folders)
    segments = cut.segments.get((way.model, way.design), ())
    code, notes = _code(inputs, way, models)
    found: dict[str, Content] = {}
    for i, folder in enumerate(way.folders):
        own = dict(others)
        if code is not None:
            own[MAIN] = code.texts[i]
        if segments:
            own[f"{ONNX}/{models[i]}"] = segments[i]
        found |= _under(way, folder, own)
    return found, notes


def _under(way: Way, folder: str, files: dict[str, Content]) -> dict[str, Content]:
    return {f"{DESIGNS}/{way.model}/{folder}/{name}": content for name, content in files.items()}


def files_under(folder: Path) -> list[str]:
    """Return the files in *folder*, relative to it, without what Python and version control leave behind."""
    return sorted(_files(folder, folder)) if folder.is_dir() else []


def _files(folder: Path, root: Path) -> Iterator[str]:
    try:
        paths = list(folder.iterdir())
    except OSError as bad:
        raise DesignError(f"{folder}: cannot be read: {bad.strerror or bad}") from None
    for path in paths:
        if path.name in _LEFT_OUT:
            continue
        if path.is_dir() and not path.is_symlink():
            yield from _files(path, root)
        elif path.is_file():
            yield path.relative_to(root).as_posix()


def _code(inputs: Inputs, way: Way, models: tuple[str, ...]) -> tuple[SegmentCode | None, list[str]]:
    """Return the code of the segments, or None with the reason why there is none."""
    component = inputs.codes[way.model]
    condition = component.value("early_exits_model", "condition_function")
    where = component.place.file
    try:
        code = segment_code(
            _utf8_text(inputs.source(way.model) / MAIN),
            onnx_file=str(model_of(inputs, way.model)),
            files=models,
            condition=str(condition) if way.goes_on else None,
        )
    except UncutCodeError as bad:
        return None, [f"{where}: {bad}; the segments of {way.model!r} get no {MAIN}"]
    lost = ", ".join(code.lost)
    moved = f"{where}: {lost}: bound before the model runs and used after; pass it on in the dict of the inputs"
    return code, [moved] if lost else []


def _utf8_text(path: Path) -> str:
    with path.open("rb") as file:
        encoding, _ = tokenize.detect_encoding(file.readline)
    if encoding not in ("utf-8", "utf-8-sig"):
        raise UncutCodeError(f"is written in {encoding}; code is cut in UTF-8 only")
    return path.read_text(encoding="utf-8-sig")
