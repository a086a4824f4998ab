"""One scenario out of several layers of YAML: the file it extends, the file itself, the override that is asked for.

Mappings merge; lists and scalars replace; ``null`` removes a key that the layer below has.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from twin.errors import ScenarioError, did_you_mean
from twin.formats.place import Place
from twin.formats.scenario.faults import problem_at
from twin.formats.yaml_source import YamlSource, load_yaml

_Inside = dict[str, Place] | list[Place] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Layered:
    """The merged values of a scenario and where each of them is written."""

    data: dict[str, Any]

    place: Place


def load_layers(path: Path, *, override: str | None = None) -> Layered:
    """Read *path* with whatever it extends, apply the overrides named in *override* (several: comma-separated).

    Raises ScenarioError for files that cannot be read, chains that close, unknown overrides.
    """
    layered = _with_parents(load_yaml(path), chain=(path.resolve(),))
    overrides = layered.data.get("overrides") or {}
    _require_mappings(layered, path)
    bare = _without(layered, "overrides")
    for name in _names(override):
        if name not in overrides:
            hint = did_you_mean(name, overrides) or "; the file has no overrides"
            raise ScenarioError(
                str(path), [problem_at(layered.place, ("overrides",), f"unknown override {name!r}{hint}")]
            )
        place = layered.place.at(("overrides", name))
        bare = _merged(bare, Layered(data=overrides[name], place=place))
    # Whatever layer is uppermost, the whole is the file that was asked for.
    return Layered(data=bare.data, place=layered.place._replace(inside=bare.place.inside))


def override_names(path: Path) -> tuple[str, ...]:
    """Return the names of the overrides *path* offers, those of the files it extends included."""
    layered = _with_parents(load_yaml(path), chain=(path.resolve(),))
    _require_mappings(layered, path)
    return tuple(layered.data.get("overrides") or ())


def _names(override: str | None) -> list[str]:
    return [name.strip() for name in override.split(",") if name.strip()] if override else []


def _require_mappings(layered: Layered, path: Path) -> None:
    """Check the form of the overrides; what is inside one is checked where it is applied."""
    overrides = layered.data.get("overrides") or {}
    if not isinstance(overrides, dict):
        raise ScenarioError(
            str(path), [problem_at(layered.place, ("overrides",), "expected a mapping of names to partial scenarios")]
        )
    problems = [
        problem_at(layered.place, ("overrides", name), "expected a mapping, a part of a scenario")
        for name, partial in overrides.items()
        if not isinstance(partial, dict)
    ] + [
        problem_at(layered.place, ("overrides", name, key), f"an override cannot hold {key!r}")
        for name, partial in overrides.items()
        for key in ("extends", "overrides")
        if isinstance(partial, dict) and key in partial
    ]
    if problems:
        raise ScenarioError(str(path), problems)


def _with_parents(source: YamlSource, *, chain: tuple[Path, ...]) -> Layered:
    """Return *source* merged over the file it extends, and that over the next."""
    own = Layered(data=source.data, place=source.place)
    if "extends" not in source.data:
        return own
    target = source.data["extends"]
    if not isinstance(target, str) or not target:
        raise _fault(source, "expected the name of another scenario file")
    parent = Path(source.name).parent / target
    resolved = Path(os.path.realpath(parent))
    if resolved in chain:
        links = " > ".join(link.name for link in (*chain, resolved))
        raise _fault(source, f"the files extend each other: {links}")
    try:
        found = load_yaml(parent)
    except ScenarioError as error:
        if error.problems:
            raise
        raise _fault(source, error.message) from None
    below = _with_parents(found, chain=(*chain, resolved))
    return _merged(below, _without(own, "extends"))


def _fault(source: YamlSource, message: str) -> ScenarioError:
    return ScenarioError(source.name, [problem_at(source.place, ("extends",), message)])


def _without(layered: Layered, key: str) -> Layered:
    inside = layered.place.inside
    places = {name: place for name, place in inside.items() if name != key} if isinstance(inside, dict) else inside
    data = {name: value for name, value in layered.data.items() if name != key}
    return Layered(data=data, place=layered.place._replace(inside=places))


def _merged(below: Layered, above: Layered) -> Layered:
    """Return *above* laid over *below*; faults of the whole count as those of the file *above*."""
    data, inside = _merge(below.data, below.place.inside, above.data, above.place.inside)
    return Layered(data=data, place=above.place._replace(inside=inside))


def _merge(
    below: dict[str, Any], below_inside: _Inside, above: dict[str, Any], above_inside: _Inside
) -> tuple[dict[str, Any], dict[str, Place]]:
    """Return merged values and places.

    A null over nothing stays: in a part that is an override it has yet to meet the key it removes.
    """
    data = dict(below)
    places = dict(below_inside) if isinstance(below_inside, dict) else {}
    over = above_inside if isinstance(above_inside, dict) else {}
    for key, value in above.items():
        old = data.get(key)
        if value is None and key in data:
            del data[key]
            places.pop(key, None)
        elif isinstance(value, dict) and isinstance(old, dict):
            data[key], inside = _merge(old, places[key].inside, value, over[key].inside)
            places[key] = over[key]._replace(inside=inside)
        else:
            data[key] = value
            places[key] = over[key]
    return data, places
