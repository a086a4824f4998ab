"""Reading many small files as one: what was read, what was chosen, and every problem with its file and line."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from math import isfinite
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from twin.errors import Problem, ScenarioError, did_you_mean
from twin.formats.place import Keys, Place
from twin.formats.text_file import read_text
from twin.formats.yaml_source import YamlSource, parse_yaml

LONGEST_NAME = 200
LARGEST_COUNT = 10**9
LARGEST_NUMBER = 1e12
"""What the model allows."""

M = TypeVar("M", bound=BaseModel)


@dataclass(slots=True)
class Reading:
    """One pass over an application folder. It gathers; whoever started it raises at the end."""

    folder: Path

    notes: list[str] = field(default_factory=list)
    """Choices made where the files leave one."""

    problems: list[Problem] = field(default_factory=list)

    gaps: list[Problem] = field(default_factory=list)
    """Figures that no file gives; what was read is sound nevertheless."""

    sources: list[str] = field(default_factory=list)
    """Files read, relative to the folder."""

    opened: dict[str, Entry | None] = field(default_factory=dict)

    def open(self, name: str) -> Entry | None:
        """Return the root of the file *name*, or None if it is absent, empty or unreadable (the last is a problem)."""
        if name not in self.opened:
            self.opened[name] = self._read(name)
        return self.opened[name]

    def _read(self, name: str) -> Entry | None:
        path = self.folder / name
        if not path.exists():
            return None
        try:
            # JSON may be indented with tabs, which YAML refuses; inside its strings they are escaped.
            text = read_text(path)
            text = text.replace("\t", " ") if path.suffix == ".json" else text
            blank = all(not line.strip() or line.lstrip().startswith("#") for line in text.splitlines())
            source = None if blank else parse_yaml(text, name)
        except ScenarioError as bad:
            self.problems += [_placed(problem, name) for problem in bad.problems] or [Problem(name, bad.message)]
            return None
        if source is None:
            self.note(f"{name} is empty")
            return None
        self.sources.append(name)
        return Entry(value=source.data, keys=(), source=source, reading=self)

    def note(self, text: str) -> None:
        """Keep a choice for the user to see, once."""
        if text not in self.notes:
            self.notes.append(text)

    def problem(self, where: str, message: str) -> None:
        """Leave a problem that has no line."""
        self.problems.append(Problem(where, message))

    def require(self, message: str) -> None:
        """Raise ScenarioError with all problems found so far, if there are any."""
        if self.problems or self.gaps:
            raise ScenarioError(message, dict.fromkeys([*self.problems, *self.gaps]))


def _placed(problem: Problem, name: str) -> Problem:
    return replace(problem, where=f"{name}: {problem.where}" if problem.where else name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A value at its place in a file.

    Whatever asks it for a value of the wrong type leaves a problem behind and gets a harmless value, so that reading
    goes on to the next problem.
    """

    value: Any

    keys: Keys

    source: YamlSource

    reading: Reading

    @property
    def place(self) -> str:
        """File and path of keys."""
        path = ".".join(str(key) for key in self.keys)
        return f"{self.source.name}: {path}" if path else self.source.name

    @property
    def key(self) -> str:
        """The last key of the path."""
        return str(self.keys[-1]) if self.keys else ""

    def problem(self, message: str) -> None:
        """Leave a problem at this place."""
        line, column = self.source.line(self.keys), self.source.column(self.keys)
        self.reading.problems.append(Problem(self.place, message, line, column))

    def has(self, key: str) -> bool:
        """Say whether *key* is there with a value that is not null."""
        return self._mapping().get(key) is not None

    def at(self, key: str | int) -> Entry:
        """Return the entry at *key*, which may hold nothing."""
        value = self.value[key] if isinstance(key, int) else self._mapping().get(key)
        return Entry(value=value, keys=(*self.keys, key), source=self.source, reading=self.reading)

    def _mapping(self) -> dict[str, Any]:
        """Return this value as a mapping; null is an empty one."""
        if self.value is not None and not isinstance(self.value, dict):
            self.problem(f"expected a mapping, got {shown(self.value)}")
        return self.value if isinstance(self.value, dict) else {}

    def children(self) -> dict[str, Entry]:
        """Return the entries of a mapping; null is an empty one."""
        return {key: self.at(key) for key in self._mapping()}

    def items(self) -> list[Entry]:
        """Return the entries of a list; null is an empty one."""
        if self.value is not None and not isinstance(self.value, list):
            self.problem(f"expected a list, got {shown(self.value)}")
            return []
        return [self.at(i) for i in range(len(self.value or []))]

    def names(self) -> tuple[str, ...]:
        """Return a list of names; a single name will do."""
        entries = [self] if isinstance(self.value, str) else self.items()
        return tuple(entry.as_text() for entry in entries)

    def as_text(self) -> str:
        """Return this value as a name."""
        if not isinstance(self.value, str) or not self.value.strip():
            self.problem(f"expected a name, got {shown(self.value)}{_quotes(self.value)}")
            return "?"
        if len(self.value) > LONGEST_NAME:
            self.problem(f"a name has at most {LONGEST_NAME} characters, got {len(self.value)}")
        return self.value.strip()[:LONGEST_NAME]

    def as_number(self, *, positive: bool = False) -> float:
        """Return this value as a number that is not negative."""
        wanted = "a number above 0" if positive else "a number, at least 0"
        fits = isinstance(self.value, int | float) and not isinstance(self.value, bool) and isfinite(self.value)
        if not fits or not 0 <= self.value <= LARGEST_NUMBER or (positive and self.value == 0):
            self.problem(f"expected {wanted}, got {shown(self.value)}{_unquoted(self.value)}")
            return 1.0
        return float(self.value)

    def text(self, key: str, default: str | None = None) -> str:
        """Return the name at *key*; without *default* it must be there."""
        return self.at(key).as_text() if self._wanted(key, default) else str(default)

    def number(self, key: str, default: float | None = None, *, positive: bool = False) -> float:
        """Return the number at *key*; without *default* it must be there."""
        if self._wanted(key, default):
            return self.at(key).as_number(positive=positive)
        return 1.0 if default is None else default

    def whole(self, key: str, default: int | None = None, *, least: int = 0) -> int:
        """Return the whole number at *key*; without *default* it must be there."""
        if not self._wanted(key, default):
            return least if default is None else default
        value = self.at(key).value
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= LARGEST_COUNT:
            wanted = f"a whole number from {least} to {LARGEST_COUNT}"
            self.at(key).problem(f"expected {wanted}, got {shown(value)}{_unquoted(value)}")
            return least
        return value

    def words(self, key: str) -> str:
        """Return whatever stands at *key* as a text: a title, a description."""
        value = self.at(key).value
        return "" if value is None else str(value).strip()

    def flag(self, key: str) -> bool:
        """Return the boolean at *key*, False if it is absent."""
        value = self.at(key).value
        if value is not None and not isinstance(value, bool):
            self.at(key).problem(f"expected true or false, got {shown(value)}")
        return value is True

    def _wanted(self, key: str, default: object) -> bool:
        """Say whether *key* holds a value; its absence is a problem where there is no default."""
        if not self.has(key) and default is None:
            others = self._mapping()
            hint = did_you_mean(key, (str(other) for other in others)) if key not in others else ""
            self.problem(f"{key!r} is missing{hint if 'mean' in hint else ''}; add it")
            return False
        return self.has(key)

    def build(self, kind: type[M], **fields: Any) -> M | None:
        """Return a value of the model, or leave its complaints as problems at this place."""
        try:
            return kind.model_validate(fields)
        except ValidationError as bad:
            for error in bad.errors():
                path = ".".join(str(part) for part in error["loc"])
                self.problem(f"{path}: {error['msg']}, got {shown(error['input'])}")
            return None


def entry_of(value: Any) -> Entry:
    """Return *value* as an entry that stands in no file."""
    source = YamlSource(name="", data={}, place=Place("", 0, 0))
    return Entry(value=value, keys=(), source=source, reading=Reading(folder=Path()))


def shown(value: object) -> str:
    """Return *value* in the words of an error message."""
    if value is None:
        return "nothing"
    if isinstance(value, dict | list):
        return "a mapping" if isinstance(value, dict) else "a list"
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


def _quotes(value: object) -> str:
    return "; put it in quotes" if isinstance(value, int | float) else ""


def _unquoted(value: object) -> str:
    """Hint at a number that stands in quotes."""
    try:
        isfinite(float(value)) if isinstance(value, str) else float("x")
    except ValueError:
        return ""
    return "; leave out the quotes"


def natural(names: Iterable[str]) -> list[str]:
    """Return *names* sorted so that ``deployment2`` comes before ``deployment10``."""
    return sorted(names, key=lambda name: [(text, int(digits or -1)) for text, digits in _PIECE.findall(name)])


_PIECE = re.compile(r"([^0-9]*)([0-9]*)")
