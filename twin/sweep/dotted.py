"""One value of a scenario replaced by another, found by its path; the model checks what comes out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from pydantic import BaseModel, ValidationError

from twin.errors import Problem, ScenarioError, did_you_mean
from twin.formats.place import Place
from twin.formats.scenario.faults import faults
from twin.model.constraints import constraint_name
from twin.model.plan import Plan
from twin.model.scenario import Scenario

SECTIONS = ("continuum", "application", "profiles", "workload", "constraints", "events", "run", "plan")
"""Parts of a scenario in which something can vary."""


def replaced(scenario: Scenario, path: Sequence[str], value: object) -> Scenario:
    """Return *scenario* with *value* at *path*, such as ``("continuum", "resources", "VM", "cores")``.

    Names that hold dots may stand in one piece or in several; constraints go by their names or positions, placements
    without the inner ``placements``. What is not on the path is shared with the original. Raises ScenarioError.
    """
    if path[0] not in SECTIONS:
        raise _fault(path, f"a scenario has no section {path[0]!r} to vary{did_you_mean(path[0], SECTIONS)}")
    try:
        changed: Scenario = _with(scenario, tuple(path), value)
    except ScenarioError as error:
        raise ScenarioError("", [Problem(".".join(path), one.message) for one in error.problems]) from None
    return changed


def _fault(path: Sequence[str], message: str) -> ScenarioError:
    return ScenarioError("", [Problem(".".join(path), message)])


def _with(holder: Any, path: tuple[str, ...], value: object) -> Any:
    """Return *holder* with *value* at *path*; each level on the way checks itself anew."""
    if isinstance(holder, Plan) and path[0] not in Plan.model_fields:
        path = ("placements", *path)
    if not isinstance(holder, BaseModel | dict | tuple):
        what = "nothing is set" if holder is None else f"{holder!r} is a single value"
        raise _fault(path, f"{what} where {'.'.join(path)!r} is looked for; set it in the scenario first")
    entries = dict(_entries(holder))
    key, rest = _first(path, entries)
    if isinstance(holder, BaseModel) and key == "name":
        raise _fault(path, "names connect the parts of a scenario; they cannot vary")
    inner = _with(entries[key], rest, value) if rest else value
    if isinstance(holder, tuple):
        position = list(entries).index(key)
        return (*holder[:position], inner, *holder[position + 1 :])
    if isinstance(holder, dict):
        return {**holder, key: inner}
    return _checked(holder, key, inner)


def _first(path: tuple[str, ...], entries: dict[str, Any]) -> tuple[str, tuple[str, ...]]:
    """Split *path* into the longest key that *entries* has and the rest."""
    for end in range(len(path), 0, -1):
        key = ".".join(path[:end])
        if key in entries:
            return key, path[end:]
    raise _fault(path, f"there is no {path[0]!r}{did_you_mean(path[0], entries)}")


def _entries(holder: Any) -> Iterator[tuple[str, Any]]:
    """Yield what can be named in *holder*: fields, keys, or the names or positions of a list."""
    if isinstance(holder, BaseModel):
        yield from ((_written(holder, field), getattr(holder, field)) for field in type(holder).model_fields)
    elif isinstance(holder, dict):
        yield from holder.items()
    else:
        names = [constraint_name(one) if hasattr(one, "kind") else str(i) for i, one in enumerate(holder)]
        for i, one in enumerate(holder):
            yield names[i] if names.count(names[i]) == 1 else str(i), one


def _written(holder: BaseModel, field: str) -> str:
    """Return the key that a file has for *field*."""
    return type(holder).model_fields[field].serialization_alias or field


def _checked(holder: BaseModel, key: str, value: Any) -> BaseModel:
    model = type(holder)
    fields = {field: getattr(holder, field) for field in model.model_fields}
    fields |= {field: value for field in fields if _written(holder, field) == key}
    try:
        return model.model_validate(fields)
    except ValidationError as error:
        found = faults(error, model, Place("", 0, 0))
        raise ScenarioError("", [Problem("", fault.problem.message) for fault in found]) from None
