"""Figures by name: ``resources.VM1.utilisation`` leads to a number in a report, names with dots included."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any

from twin.errors import Problem, did_you_mean

INTERVALS = {"mean": "ci", "value": "ci", "violation_probability": "violation_ci"}
"""Where the interval of a figure stands that is not called ``<figure>_ci``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One entry of a report."""

    value: float | str | bool | None

    ci: tuple[float, float] | None = None

    note: str = ""
    """Remark that stands beside it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Miss:
    """Where the way to a figure ends too soon."""

    depth: int
    """Parts of the name that were followed."""

    message: str


def find_figure(document: Mapping[str, Any], name: str) -> Figure | Problem:
    """Return the figure that *name*, keys joined by dots, leads to in the report *document*.

    A key may itself hold dots: the longest one that leads somewhere counts. Entries of a list go by their names, such
    as those of ``constraints``, or else by their position.
    """
    found = _find(document, name.split("."), 0)
    return found if isinstance(found, Figure) else Problem(name, found.message)


def _find(holder: Any, parts: Sequence[str], depth: int) -> Figure | _Miss:
    entries = _entries(holder)
    missed: list[_Miss] = []
    for end in range(len(parts), 0, -1):
        key = ".".join(parts[:end])
        if key not in entries:
            continue
        found = _figure(holder, key, entries[key], depth) if end == len(parts) else None
        found = found or _find(entries[key], parts[end:], depth + end)
        if isinstance(found, Figure):
            return found
        missed.append(found)
    return max(missed, key=lambda miss: miss.depth) if missed else _Miss(depth=depth, message=_unknown(holder, parts))


def _entries(holder: Any) -> dict[str, Any]:
    """Return what can be named in *holder*."""
    if isinstance(holder, Mapping):
        return dict(holder)
    if not isinstance(holder, list | tuple):
        return {}
    names = [
        str(item["name"]) if isinstance(item, Mapping) and "name" in item else str(i) for i, item in enumerate(holder)
    ]
    count = Counter(names)
    return {
        name: item if count[name] == 1 else _Namesakes(name, count[name])
        for name, item in zip(names, holder, strict=True)
    }


@dataclass(frozen=True, slots=True)
class _Namesakes:
    """Stands for several entries of the same name."""

    name: str

    count: int


def _figure(holder: Any, key: str, value: Any, depth: int) -> Figure | _Miss:
    """Return the entry *key* of *holder*, if it is a single value."""
    if isinstance(value, _Namesakes):
        return _Miss(depth=depth + 1, message=_unknown(value, [key]))
    if isinstance(value, Mapping | list | tuple):
        inner = ", ".join(list(_entries(value))[:12])
        return _Miss(depth=depth + 1, message=f"is no single figure; name one of {inner}" if inner else "holds nothing")
    interval = holder.get(INTERVALS.get(key, f"{key}_ci")) if isinstance(holder, Mapping) else None
    note = holder.get("note") if isinstance(holder, Mapping) else None
    return Figure(value=value, ci=(interval[0], interval[1]) if interval else None, note=note or "")


def _unknown(holder: Any, parts: Sequence[str]) -> str:
    """Say what there is instead of *parts*."""
    if isinstance(holder, _Namesakes):
        return f"{holder.count} of them are called {holder.name!r}; give each a name of its own"
    entries = _entries(holder)
    if not entries:
        return f"there is nothing like {'.'.join(parts)!r} inside a single figure"
    word = max((".".join(parts[:end]) for end in range(1, len(parts) + 1)), key=lambda each: _likeness(each, entries))
    return f"the report has no {word!r} here{did_you_mean(word, entries)}"


def _likeness(word: str, known: Mapping[str, Any]) -> float:
    return max(SequenceMatcher(None, word, name).ratio() for name in known)
