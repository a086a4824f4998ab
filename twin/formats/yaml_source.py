"""YAML as this project reads it: plain values, and the line of each of them.

The reader takes YAML 1.2 scalars (``no`` and ``12:30`` are strings, ``1e3`` is a number, ``010`` is ten) and refuses
what a scenario never needs: tags, duplicate keys, self-reference, several documents, alias bombs, bottomless nesting.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from twin.errors import Problem, ScenarioError, did_you_mean
from twin.formats.place import Keys, Place
from twin.formats.text_file import MAX_BYTES, read_text, require_text
from twin.formats.yaml_scalars import plain_scalar

MAX_NODES = 1_000_000
"""Values a file may hold, aliases counted as often as they are used."""

MAX_DEPTH = 100
"""Levels of nesting."""

MAX_PROBLEMS = 100
"""Faults of one file that are listed; nobody reads more."""

_MERGE = "<<"
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True, slots=True, kw_only=True)
class YamlSource:
    """A YAML file that has been read: its values and their places."""

    name: str
    """Path of the file, or whatever its errors should call it."""

    data: dict[str, Any]
    """Mappings, lists, strings, numbers, booleans and None; keys are strings as they are written."""

    place: Place = field(repr=False)

    def line(self, keys: Keys) -> int | None:
        """Return the line of the value *keys* lead to, or of its nearest ancestor that is written down."""
        return self.place.at(keys).line

    def column(self, keys: Keys) -> int | None:
        """Return the column that belongs to ``line``."""
        return self.place.at(keys).column


def load_yaml(path: Path, *, max_bytes: int = MAX_BYTES) -> YamlSource:
    """Read a YAML or JSON file whose root is a mapping; ScenarioError with lines for whatever is wrong with it."""
    return parse_yaml(read_text(path, max_bytes=max_bytes), str(path))


def parse_yaml(text: str, name: str) -> YamlSource:
    """Read YAML from a string; errors call it *name*."""
    require_text(text, name)
    try:
        return _Reading(name, yaml.parse(text, Loader=_LOADER)).source()
    except yaml.MarkedYAMLError as bad:
        mark = bad.problem_mark or bad.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (None, None)
        raise ScenarioError(name, [Problem("", _syntax(bad, text), line, column)]) from None
    except yaml.YAMLError as bad:
        raise ScenarioError(name, [Problem("", f"not YAML: {' '.join(str(bad).split())}")]) from None


def _syntax(bad: yaml.MarkedYAMLError, text: str) -> str:
    """Return the parser's complaint in the words of somebody who edits the file."""
    mark = bad.problem_mark
    if mark is not None and "cannot start any token" in str(bad.problem):
        lines = text.splitlines()
        character = lines[mark.line][mark.column : mark.column + 1] if mark.line < len(lines) else ""
        if character == "\t":
            return "a tab cannot indent YAML; use spaces"
        return f"a value cannot begin with {character!r}; put it in quotes"
    context = f" {bad.context}" if bad.context else ""
    return f"not YAML: {bad.problem or 'unreadable'}{context}"


class _Unfinished:
    """Stands for an anchor whose value is still being read."""


class _Anchored(NamedTuple):
    value: Any
    place: Place
    size: int


class _Reading:
    """One pass over the events of a file; faults of content are gathered, those of size end it."""

    def __init__(self, name: str, events: Iterator[Any]) -> None:
        self.name = name
        self.events = events
        self.problems: list[Problem] = []
        self.anchors: dict[str, _Anchored | type[_Unfinished]] = {}
        self.count = 0

    def source(self) -> YamlSource:
        """Return the only document."""
        event = self._next_but(yaml.StreamStartEvent, yaml.DocumentStartEvent)
        if isinstance(event, yaml.StreamEndEvent) or (isinstance(event, yaml.ScalarEvent) and _is_blank(event)):
            raise ScenarioError(f"{self.name}: the file is empty")
        value, place = self._node(event, 0)
        further = self._next_but(yaml.DocumentEndEvent)
        if not isinstance(further, yaml.StreamEndEvent):
            self._complain(further, "a second document begins here; one file holds one document")
        if not isinstance(value, dict) and not self.problems:
            self._complain(event, f"expected a mapping of keys to values, got {_kind(value)}")
        if self.problems:
            raise ScenarioError(self.name, self.problems)
        return YamlSource(name=self.name, data=value, place=place)

    def _next_but(self, *framing: type[Any]) -> Any:
        """Return the next event that is none of *framing*."""
        return next(event for event in self.events if not isinstance(event, framing))

    def _complain(self, event: Any, message: str) -> None:
        mark = event.start_mark
        self.problems.append(Problem("", message, mark.line + 1, mark.column + 1))
        if len(self.problems) >= MAX_PROBLEMS:
            raise ScenarioError(self.name, self.problems)

    def _stop(self, event: Any, message: str) -> None:
        self._complain(event, message)
        raise ScenarioError(self.name, self.problems)

    def _node(self, event: Any, depth: int) -> tuple[Any, Place]:
        """Return the value that begins with *event*, and its place."""
        self.count += 1
        if self.count > MAX_NODES:
            self._stop(event, f"more than {MAX_NODES} values")
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event)
        if event.tag is not None:
            self._complain(event, f"tags are not supported; write the value without {_spelling(event.tag)}")
        before = self.count
        if event.anchor is not None:
            self.anchors[event.anchor] = _Unfinished
        value, inside = self._content(event, depth)
        place = Place(self.name, event.start_mark.line + 1, event.start_mark.column + 1, inside)
        if event.anchor is not None:
            self.anchors[event.anchor] = _Anchored(value, place, self.count - before)
        return value, place

    def _content(self, event: Any, depth: int) -> tuple[Any, dict[str, Place] | list[Place] | None]:
        if isinstance(event, yaml.ScalarEvent):
            # implicit[0] says that the scalar was written plainly, without quotes or bars.
            return (plain_scalar(event.value) if event.implicit[0] else event.value), None
        if depth >= MAX_DEPTH:
            self._stop(event, f"nested more than {MAX_DEPTH} levels deep")
        if isinstance(event, yaml.SequenceStartEvent):
            return self._sequence(depth)
        return self._mapping(depth)

    def _sequence(self, depth: int) -> tuple[list[Any], list[Place]]:
        values: list[Any] = []
        places: list[Place] = []
        for event in self.events:
            if isinstance(event, yaml.SequenceEndEvent):
                break
            value, place = self._node(event, depth + 1)
            values.append(value)
            places.append(place)
        return values, places

    def _mapping(self, depth: int) -> tuple[dict[str, Any], dict[str, Place]]:
        values: dict[str, Any] = {}
        places: dict[str, Place] = {}
        merged: tuple[dict[str, Any], dict[str, Place]] = ({}, {})
        for event in self.events:
            if isinstance(event, yaml.MappingEndEvent):
                break
            key, key_place = self._key(event, depth)
            is_merge = key == _MERGE and getattr(event, "implicit", (False,))[0]
            follows = next(self.events)
            value, place = self._node(follows, depth + 1)
            if key in places:
                self._complain(event, f"key {key!r} appears twice, first on line {places[key].line}")
                continue
            places[key] = key_place._replace(inside=place.inside)
            if is_merge:
                merged = self._merge(follows, value, place)
            else:
                values[key] = value
        return {**merged[0], **values}, {**merged[1], **places}

    def _key(self, event: Any, depth: int) -> tuple[str, Place]:
        value, place = self._node(event, depth + 1)
        if isinstance(event, yaml.ScalarEvent):
            return event.value, place
        if isinstance(event, yaml.AliasEvent) and isinstance(value, str):
            return value, place
        self._complain(event, f"a key must be a name, got {_kind(value)}")
        return f"key on line {place.line}, column {place.column}", place

    def _alias(self, event: Any) -> tuple[Any, Place]:
        place = Place(self.name, event.start_mark.line + 1, event.start_mark.column + 1)
        target = self.anchors.get(event.anchor)
        if isinstance(target, _Anchored):
            self.count += target.size
            if self.count > MAX_NODES:
                self._stop(event, f"aliases unfold to more than {MAX_NODES} values")
            return target.value, place._replace(inside=target.place.inside)
        if target is None:
            self._complain(event, f"unknown alias {event.anchor!r}{did_you_mean(event.anchor, self.anchors)}")
        else:
            self._complain(event, f"{event.anchor!r} contains itself")
        return None, place

    def _merge(self, event: Any, value: Any, place: Place) -> tuple[dict[str, Any], dict[str, Place]]:
        """Return what ``<<`` brings in: one mapping, or several of which earlier ones win."""
        listed = isinstance(place.inside, list) and isinstance(value, list)
        values = value if listed else [value]
        insides = [inner.inside for inner in place.inside] if isinstance(place.inside, list) else [place.inside]
        data: dict[str, Any] = {}
        places: dict[str, Place] = {}
        for one, inside in zip(values, insides, strict=True):
            if not isinstance(one, dict) or not isinstance(inside, dict):
                self._complain(event, f"'<<' merges mappings, got {_kind(one)}")
                continue
            data = {**one, **data}
            places = {**inside, **places}
        return data, places


def _is_blank(event: Any) -> bool:
    return event.value == "" and bool(event.implicit[0])


def _spelling(tag: str) -> str:
    """Return *tag* as it stands in the file."""
    return repr(tag.replace("tag:yaml.org,2002:", "!!"))


def _kind(value: object) -> str:
    if isinstance(value, dict):
        return "a mapping"
    return "a list" if isinstance(value, list) else f"{value!r}"
