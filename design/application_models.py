"""The ONNX models of an AI-SPRINT application folder, and what their segments are called in a plan.

Where ``aisprint/designs`` holds the designs of a component, its base and every partition of it are segments; else the
models under ``src`` are. Folders under ``src`` belong to the component that ``common_config/annotations.yaml`` names,
and are called as the component where that file says nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from twin.errors import ProfileError
from twin.formats.yaml_source import load_yaml

_DESIGNS = Path("aisprint", "designs")
_PARTITIONS = _DESIGNS / "component_partitions.yaml"
_ANNOTATIONS = Path("common_config", "annotations.yaml")
_BASE = "base"


def application_models(folder: Path, *, cut: bool) -> dict[str, Path]:
    """Return the model files of the application in *folder* by the names of their segments.

    With *cut* only whole models count, because their partitions are about to be found. A component with several
    models has a segment for each, called ``component-model``. Raises ProfileError if there is no model.
    """
    found: dict[str, Path] = {}
    for segment, place in sorted(_folders(folder)):
        if cut and "_partition" in segment:
            continue
        models = sorted((place / "onnx").glob("*.onnx")) or sorted(place.glob("*.onnx"))
        for model in models:
            name = segment if len(models) == 1 else f"{segment}-{model.stem}"
            found.setdefault(name, model)
    if not found:
        raise ProfileError(f"there is no ONNX model in {folder}; put models into src/COMPONENT/onnx/")
    return found


def _folders(folder: Path) -> Iterator[tuple[str, Path]]:
    """Yield segments and the folders of their code."""
    designed = set()
    for component, designs in _designs(folder):
        for design in designs:
            place = folder / _DESIGNS / component / design
            if place.is_dir():
                designed.add(component)
                yield (component if design == _BASE else f"{component}_{design}"), place
    names = _components(folder)
    for place in sorted((folder / "src").glob("*/")):
        component = names.get(place.name, place.name)
        if component not in designed:
            yield component, place


def _designs(folder: Path) -> Iterator[tuple[str, list[str]]]:
    """Yield components and their designs: as listed, or as their folders lie there."""
    listed = _read(folder / _PARTITIONS).get("components")
    if isinstance(listed, dict):
        for component, entry in listed.items():
            designs = entry.get("partitions") if isinstance(entry, dict) else None
            yield component, [str(design) for design in designs or [_BASE]]
        return
    for place in sorted((folder / _DESIGNS).glob("*/")):
        yield place.name, sorted(each.name for each in place.glob("*/"))


def _components(folder: Path) -> dict[str, str]:
    """Return component names by folder, from the annotations that were parsed before."""
    return {
        Path(main).parent.name: str(entry["component_name"]["name"])
        for main, entry in _read(folder / _ANNOTATIONS).items()
        if isinstance(entry, dict)
        and isinstance(entry.get("component_name"), dict)
        and "name" in entry["component_name"]
    }


def _read(path: Path) -> dict[str, Any]:
    return load_yaml(path).data if path.is_file() else {}
