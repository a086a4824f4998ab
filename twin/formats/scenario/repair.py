"""Stand-ins for what is wrong in a scenario, so that the rest of it can be cross-checked in the same go.

A problem of the mended scenario counts only if it holds whichever value stands in, and does not speak of a stand-in.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel, TypeAdapter, ValidationError

from twin.errors import Problem
from twin.formats.place import Keys, Place
from twin.formats.scenario.faults import Fault, faults
from twin.formats.scenario.model_path import members, required_fields, tags_of
from twin.model.law import Law
from twin.model.scenario import Scenario
from twin.model.workload import Arrivals

_STAND_IN = "<stand-in>"
_ROUNDS = 4
_READY: dict[Any, dict[str, Any]] = {
    Law: {"mean": 1.0},
    **{process: {"process": "poisson", "rate": 1.0} for process in members(Arrivals)},
}
"""Stand-ins for values whose fields have to agree with each other."""

_SMALL: tuple[float, ...] = (0, 1e-6, 1, 0.5)
_LARGE: tuple[float, ...] = (10**9, 1, 0.999, 0)

_UNCHECKED = ("run", "expect")
"""Sections no cross-check reads."""

_HOPELESS: tuple[Keys, ...] = ((), ("continuum",), ("application",), ("workload",))
"""Places where a fault leaves nothing to check against."""

_WITHIN: dict[str, tuple[str, ...]] = {
    "application": (" root", "no dependency leads", "no service time"),
    "continuum": ("no domain holds",),
    "profiles": ("no service time",),
    "plan": ("not placed in full",),
}
"""Section with a fault anywhere in it → words of the problems that may be no more than its consequences."""

_AT: dict[Keys, tuple[str, ...]] = {
    ("continuum", "resources"): ("unknown resource", "unknown device"),
    ("continuum", "functions"): ("unknown resource or function", "unknown device"),
    ("continuum", "layers"): ("unknown layer",),
    ("continuum", "domains"): ("unknown domain",),
    ("application", "components"): ("unknown component", "unknown partition"),
}
"""Collection that is at fault itself → the same."""


def problems_beside(
    data: dict[str, Any], found: list[Fault], check: Callable[[Scenario], list[Problem]]
) -> list[Problem]:
    """Return what *check* finds in the scenario *data* apart from the faults *found* in it.

    Empty where the scenario cannot be mended.
    """
    if any(fault.keys in _HOPELESS and fault.type != "extra_forbidden" for fault in found):
        return []
    doubtful = _doubtful(data, found)
    outcomes = []
    for numbers in (_SMALL, _LARGE):
        mended = _mended(data, found, numbers)
        if mended is None:
            return []
        outcomes.append(check(mended))
    return [
        problem
        for problem in outcomes[0]
        if problem in outcomes[1] and not any(word in str(problem) for word in doubtful)
    ]


def _doubtful(data: dict[str, Any], found: list[Fault]) -> list[str]:
    """Return words of problems that may be nothing but consequences of the faults."""
    words = [_STAND_IN, *(repr(name) for name in _lost_names(data, found))]
    for fault in found:
        words += _WITHIN.get(str(fault.keys[0]), ()) if fault.keys else ()
        words += _AT.get(fault.keys, ())
    return words


def _lost_names(data: dict[str, Any], found: list[Fault]) -> Iterator[str]:
    """Yield the names that vanish with an unknown section."""
    for fault in found:
        if fault.type == "extra_forbidden":
            holder = _holder(data, fault.keys)
            entry = holder.get(fault.keys[-1]) if isinstance(holder, dict) else None
            yield from (str(key) for key in entry) if isinstance(entry, dict) else ()


def _mended(data: dict[str, Any], found: list[Fault], numbers: tuple[float, ...]) -> Scenario | None:
    patched = copy.deepcopy({key: value for key, value in data.items() if key not in _UNCHECKED})
    for _ in range(_ROUNDS):
        # The deepest first: what stands in for a mapping is not to be patched again.
        for fault in sorted(found, key=lambda one: -len(one.keys)):
            _patch(patched, fault, numbers)
        try:
            return Scenario.model_validate(patched)
        except ValidationError as error:
            found = faults(error, Scenario, _place(patched))
    return None


def _place(value: Any) -> Place:
    """Return the structure of *value* as places: mending may have moved what the file has elsewhere."""
    if isinstance(value, dict):
        return Place("", 0, 0, {key: _place(inner) for key, inner in value.items()})
    return Place("", 0, 0, [_place(inner) for inner in value] if isinstance(value, list) else None)


def _patch(data: dict[str, Any], fault: Fault, numbers: tuple[float, ...]) -> None:
    holder = _holder(data, fault.keys)
    if holder is None:
        return
    key: Any = fault.keys[-1]
    if fault.type == "extra_forbidden":
        value = holder.pop(key, None) if isinstance(holder, dict) else None
        if fault.suggestion not in (None, key) and isinstance(holder, dict):
            holder.setdefault(fault.suggestion, value)
    elif isinstance(holder, dict) or int(key) < len(holder):
        holder[key] = _stand_in(fault.expected, numbers)


def _holder(data: Any, keys: Keys) -> Any:
    """Return the mapping or list that holds the last of *keys*, or None."""
    for key in keys[:-1]:
        if isinstance(data, dict):
            data = data.get(key)
        elif isinstance(data, list) and isinstance(key, int) and key < len(data):
            data = data[key]
        else:
            return None
    return data if keys and isinstance(data, dict | list) else None


def _stand_in(annotation: Any, numbers: tuple[float, ...]) -> Any:
    """Return a value of type *annotation*, as small or as large as the order of *numbers* says."""
    choices = members(annotation)
    bare = min(choices, key=_effort)
    kind = get_origin(bare) or bare
    if kind is Literal:
        return get_args(bare)[0 if numbers is _SMALL else -1]
    if isinstance(bare, type) and issubclass(bare, BaseModel):
        return _entry(bare, numbers, tagged=len(choices) > 1)
    simple: dict[Any, list[Any]] = {str: [_STAND_IN], bool: [numbers is _LARGE], dict: [{}], tuple: [[]]}
    options = simple.get(kind) or [int(number) if kind is int else float(number) for number in numbers]
    if kind in (dict, tuple):
        options.append(_filled(bare, kind, numbers))
    return next((option for option in options if _is_valid(annotation, option)), None)


def _effort(annotation: Any) -> int:
    """Return how many fields a stand-in of this type needs."""
    return len(required_fields(annotation)) if isinstance(annotation, type) and _is_model(annotation) else 0


def _is_model(annotation: type) -> bool:
    return issubclass(annotation, BaseModel)


def _entry(model: type[BaseModel], numbers: tuple[float, ...], *, tagged: bool) -> dict[str, Any]:
    if model in _READY:
        return dict(_READY[model])
    body = {key: _stand_in(inner, numbers) for key, inner in required_fields(model).items()}
    if tagged:
        key = next(key for key in ("kind", "process", "event") if key in model.model_fields)
        body[key] = tags_of(model)[0]
    return body


def _filled(annotation: Any, kind: type, numbers: tuple[float, ...]) -> Any:
    inner = [one for one in get_args(annotation) if one is not Ellipsis]
    if kind is dict:
        return {_STAND_IN: _stand_in(inner[1], numbers)}
    return [_stand_in(one, numbers) for one in inner]


def _is_valid(annotation: Any, value: Any) -> bool:
    try:
        TypeAdapter(annotation).validate_python(value)
    except ValidationError:
        return False
    return True
