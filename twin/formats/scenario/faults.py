"""Pydantic's complaints in the words of somebody who edits the file: where it is written, what is wrong, a way out."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from itertools import islice
from pathlib import Path
from typing import Any, get_args

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from twin.errors import Problem, did_you_mean
from twin.formats.place import Keys, Place
from twin.formats.scenario.model_path import known_keys, members, tags_of, type_at
from twin.model.application import Component, Partition
from twin.model.law import Law
from twin.model.profile import Profile

MOST = 100
"""Faults of one file that are listed; nobody reads more."""

_WANTED = {
    "float_type": "a number",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "bool_type": "true or false",
    "string_type": "a text",
    "tuple_type": "a list",
    "list_type": "a list",
    **dict.fromkeys(("dict_type", "model_type", "model_attributes_type"), "a mapping"),
}
_BOUNDS = {
    "greater_than": ("must be greater than", "gt"),
    "greater_than_equal": ("must be at least", "ge"),
    "less_than": ("must be less than", "lt"),
    "less_than_equal": ("must be at most", "le"),
}
_LENGTHS = {
    "string_too_short": "must not be empty",
    "string_too_long": "is too long; at most {max_length} characters",
    "too_short": "needs at least {min_length} entries, has {actual_length}",
    "too_long": "has {actual_length} entries; at most {max_length}",
}
_NUMBER = re.compile(r"[-+]?[0-9]*\.?[0-9]+([eE][-+]?[0-9]+)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One complaint of pydantic, translated."""

    type: str
    """Pydantic's name of the complaint."""

    keys: Keys
    """Where the value is written; of a missing key: where it should be."""

    expected: Any
    """Annotation of the model at this place, None where the model knows no such place."""

    problem: Problem

    suggestion: str | None = None
    """Key that was probably meant by an unknown one."""


def faults(error: ValidationError, root: Any, place: Place) -> list[Fault]:
    """Return what *error* says of a value of type *root* written at *place*: each thing once, at most 100 things."""
    found: dict[tuple[Keys, bool], list[ErrorDetails]] = {}
    for detail in islice(error.errors(include_url=False), 10 * MOST):
        path = _path(detail)
        is_missing = detail["type"] == "missing"
        keys = (*written(place, path[:-1]), path[-1]) if is_missing else written(place, path)
        found.setdefault((keys, is_missing), []).append(detail)
    translated = _without_echoes([_fault(keys, details, root, place) for (keys, _), details in found.items()])
    if len(translated) > MOST:
        rest = Problem("", f"and at least {len(translated) - MOST} more")
        return [*translated[:MOST], Fault(type="rest", keys=(), expected=None, problem=rest)]
    return translated


def problem_at(place: Place, keys: Keys, message: str, *, spot: Place | None = None) -> Problem:
    """Return the problem of the value at *keys*; a file other than that of *place* is named in the message.

    *spot* is given where the line is not that of the value.
    """
    spot = spot or place.at(keys)
    if spot.file != place.file:
        message = f"{message} (in {Path(spot.file).name})"
    return Problem(".".join(str(key) for key in keys), message, spot.line, spot.column)


def written(place: Place, path: Keys) -> Keys:
    """Return the keys under which the value the model has at *path* stands in the file."""
    best = place.written(path)
    if "candidates" in path and best[-1:] != path[-1:]:
        # A container beside the candidates fills in what they leave open.
        at = path.index("candidates")
        common = place.written((*path[:at], "container", *path[at + 2 :]))
        if common[-1:] == path[-1:]:
            return common
    return best


def _without_echoes(found: list[Fault]) -> list[Fault]:
    """Leave out what another fault says already.

    That is a missing key that is there, misspelt; and a key of the short form of a component, unknown because the one
    that makes the form short is missing.
    """
    misspelt = {(*fault.keys[:-1], fault.suggestion) for fault in found if fault.suggestion}
    misspelt |= {(*keys[:-1], "deployments") for keys in misspelt if keys[-1] == "candidates"}
    shortened = {fault.keys for fault in found if fault.type == "missing"}
    return [
        fault
        for fault in found
        if not (fault.type == "missing" and fault.keys in misspelt)
        and not (
            fault.suggestion is not None
            and fault.keys[-1] == fault.suggestion
            and (*fault.keys[:-1], "deployments") in shortened
        )
    ]


def _path(detail: ErrorDetails) -> Keys:
    """Return the path of a complaint; one about a key belongs to its entry."""
    return tuple(part for part in detail["loc"] if part != "[key]")


def _fault(keys: Keys, details: Sequence[ErrorDetails], root: Any, place: Place) -> Fault:
    kind, path = details[0]["type"], _path(details[0])
    expected = type_at(root, path)
    suggestion = None
    if kind == "missing":
        problem = problem_at(place, keys[:-1], _missing(path, type_at(root, path[:-1])))
    elif kind == "extra_forbidden":
        message, suggestion = _unknown_key(keys, str(path[-1]), type_at(root, path[:-1]))
        problem = problem_at(place, keys[:-1], message, spot=place.at(keys))
    else:
        problem = problem_at(place, keys, _message(details, expected))
    return Fault(type=kind, keys=keys, expected=expected, problem=problem, suggestion=suggestion)


def _missing(path: Keys, parent: Any) -> str:
    if parent is Component:
        return "missing key 'candidates' (or 'deployments')"
    return f"missing key {path[-1]!r}"


def _unknown_key(keys: Keys, key: str, parent: Any) -> tuple[str, str | None]:
    """Return the message and the key that was probably meant."""
    if parent is Profile and key in Law.model_fields:
        return f"key {key!r} belongs into service_time, which is given beside it", None
    if parent is Component and key in known_keys(Component):
        return f"key {key!r} belongs to a partition; this component has deployments", key
    known = _known(keys, parent)
    suggestion = next(iter(get_close_matches(key, known, n=1, cutoff=0.6)), None)
    return f"unknown key {key!r}{did_you_mean(key, known)}", suggestion


def _known(keys: Keys, parent: Any) -> list[str]:
    """Return what could have been meant by the last of *keys*."""
    # A component may be written as the only partition of its only deployment.
    short = parent is Partition and "partitions" not in keys
    return sorted(known_keys(parent) | (known_keys(Component) if short else frozenset()))


def _message(details: Sequence[ErrorDetails], expected: Any) -> str:
    messages = dict.fromkeys(_one_message(detail, expected) for detail in details)
    if len(messages) == 1 or len(members(expected)) == 1:
        return "; ".join(messages)
    # The alternatives of a union complain each for itself. One that only minds the bound is the one that was meant.
    for detail in details:
        if detail["type"] in _BOUNDS or detail["type"] == "finite_number":
            return _one_message(detail, expected)
    wanted = [_WANTED.get(detail["type"]) or str((detail.get("ctx") or {}).get("expected")) for detail in details]
    return f"expected {' or '.join(dict.fromkeys(wanted))}, got {_shown(details[0]['input'])}"


def _one_message(detail: ErrorDetails, expected: Any) -> str:
    kind, value, context = detail["type"], detail["input"], detail.get("ctx") or {}
    if kind == "dict_type" and detail["loc"][-1] == "candidates" and isinstance(value, list):
        odd = next((name for name in value if not isinstance(name, str)), None)
        return f"candidates in a list are names (texts), got {_shown(odd)}"
    if kind in _WANTED:
        return f"expected {_WANTED[kind]}, got {_shown(value)}{_unquote(kind, value)}"
    if kind in _BOUNDS:
        words, bound = _BOUNDS[kind]
        return f"{words} {context[bound]:g}, got {_shown(value)}"
    if kind == "finite_number":
        return f"must be a finite number, got {_shown(value)}"
    if kind in _LENGTHS:
        return _LENGTHS[kind].format(**context)
    if kind == "value_error":
        return str(context["error"])
    return _choice(detail, expected)


def _choice(detail: ErrorDetails, expected: Any) -> str:
    """Return the message about a value that is none of those there are."""
    kind, value, context = detail["type"], detail["input"], detail.get("ctx") or {}
    if kind == "literal_error":
        known = [choice for one in members(expected) for choice in get_args(one) if isinstance(choice, str)]
        return f"unknown value {_shown(value)}{did_you_mean(str(value), known)}"
    if kind in ("union_tag_invalid", "union_tag_not_found"):
        key = str(context["discriminator"]).strip("'")
        known = [tag for one in members(expected) for tag in tags_of(one)]
        tag = context.get("tag")
        return f"unknown {key} {tag!r}{did_you_mean(tag, known)}" if tag else f"missing key {key!r}{_all(known)}"
    return detail["msg"]


def _all(known: Sequence[str]) -> str:
    return f"; known: {', '.join(known)}"


def _unquote(kind: str, value: object) -> str:
    wants_number = kind in ("float_type", "int_type")
    is_quoted = isinstance(value, str) and _NUMBER.fullmatch(value)
    return "; write it without quotes" if wants_number and is_quoted else ""


def _shown(value: object) -> str:
    """Return *value* as a message shows it: short, and in YAML's words."""
    if value is None or isinstance(value, bool):
        return "nothing" if value is None else str(value).lower()
    if isinstance(value, dict | list | tuple):
        return "a mapping" if isinstance(value, dict) else "a list"
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
