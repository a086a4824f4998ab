"""Profile files: measured service times of models on one class of device, as JSON a person can read."""

from __future__ import annotations

import json
import os
import re
import textwrap
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from twin.errors import Problem, ProfileError, did_you_mean
from twin.formats.profile_schema import FORMS, ProfileFile

LARGEST_FILE_BYTES = 50_000_000
MOST_PROBLEMS = 50
"""A file full of wrong samples need not list them all."""


def load_profile(path: Path) -> ProfileFile:
    """Read the profile at *path*; raises ProfileError with everything that is wrong with it."""
    text = _read(path)
    _check_json(path, text)
    try:
        return ProfileFile.model_validate_json(text)
    except ValidationError as error:
        problems = [_problem(detail) for detail in error.errors() if not _is_consequence(detail)]
        raise ProfileError(f"{path} is not a profile this version can read", _shortened(problems)) from error


def save_profile(profile: ProfileFile, path: Path) -> None:
    """Write *profile* to *path*, all of it or nothing; a file of that name is replaced.

    Raises ProfileError if it cannot be written.
    """
    try:
        _replace(path, to_json(profile))
    except OSError as error:
        raise ProfileError(f"cannot write profile {str(path)!r}: {error.strerror}") from error


def to_json(profile: ProfileFile) -> str:
    """Return *profile* as the text of its file: indented, but numbers side by side; what is empty is left out."""
    text = json.dumps(
        profile.model_dump(mode="json", exclude_defaults=True), indent=2, ensure_ascii=False, allow_nan=False
    )
    return re.sub(r"^( *)(.*)\[\n([-+.\deE,\s]+)\]", _fill, text, flags=re.MULTILINE) + "\n"


def _fill(match: re.Match[str]) -> str:
    indent, key, numbers = match.groups()
    row = " ".join(numbers.split())
    if len(row) < 80:
        return f"{indent}{key}[{row}]"
    filled = textwrap.fill(row, width=110, initial_indent=f"{indent}  ", subsequent_indent=f"{indent}  ")
    return f"{indent}{key}[\n{filled}\n{indent}]"


def _replace(path: Path, text: str) -> None:
    """Write beside *path* and rename, which leaves the old file whole until the new one is."""
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        part.write_text(text, encoding="utf-8")
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def _read(path: Path) -> str:
    try:
        size = path.stat().st_size
        if size > LARGEST_FILE_BYTES:
            raise ProfileError(f"{path} is too large for a profile: {size / 1e6:.0f} MB, at most 50")
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise ProfileError(f"cannot read profile {str(path)!r}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ProfileError(f"{path} is not UTF-8 text: byte {error.start + 1} is wrong") from error


def _check_json(path: Path, text: str) -> None:
    """Raise ProfileError with the place if *text* is no JSON, or names something twice."""
    try:
        json.loads(text, object_pairs_hook=_refuse_twins)
    except json.JSONDecodeError as error:
        problem = Problem("", f"column {error.colno}: {error.msg}", line=error.lineno, column=error.colno)
        raise ProfileError(f"{path} is not valid JSON", [problem]) from error
    except RecursionError as error:
        raise ProfileError(f"{path} is not a profile: it is nested too deeply") from error
    except ValueError as error:  # of our hook, or of Python for a number of thousands of digits
        raise ProfileError(f"{path} is not a profile: {error}") from error


def _refuse_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        twin = next(key for key in keys if keys.count(key) > 1)
        raise ValueError(f"{twin!r} is given twice in the same place; keep one")
    return found


def _shortened(problems: list[Problem]) -> list[Problem]:
    rest = len(problems) - MOST_PROBLEMS
    return problems if rest <= 0 else [*problems[:MOST_PROBLEMS], Problem("", f"and {rest} more like these")]


def _is_consequence(detail: ErrorDetails) -> bool:
    """Return whether a list is called too short only because its items are wrong, which is said elsewhere."""
    return detail["type"] == "too_short" and bool(detail["input"])


def _problem(detail: ErrorDetails) -> Problem:
    keys = [key for key in detail["loc"] if key != "[key]"]
    where = "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in keys).removeprefix(".")
    match detail["type"]:
        case "missing":
            return Problem(where, "is missing")
        case "too_short":
            return Problem(where, "is empty")
        case "extra_forbidden":
            return Problem(where, f"is not known here{did_you_mean(str(keys[-1]), _fields(keys))}")
        case "string_pattern_mismatch":
            demand = FORMS[detail["ctx"]["pattern"]]
        case _:
            demand = detail["msg"].partition(" should ")[2] or detail["msg"]
    value = repr(detail["input"])
    return Problem(where, f"must {demand}, not {value if len(value) <= 60 else value[:57] + '...'}")


def _fields(keys: list[int | str]) -> list[str]:
    """Return the fields that were possible where *keys* leads."""
    place: Any = ProfileFile
    for key in keys[:-1]:
        field = place.model_fields.get(str(key)) if isinstance(place, type) and issubclass(place, BaseModel) else None
        place = place if field is None else _part_in(field.annotation)
    return list(place.model_fields)


def _part_in(annotation: Any) -> type[BaseModel]:
    """Return the part of a profile that *annotation* speaks of, however it is wrapped."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    inner = [_part_in(argument) for argument in get_args(annotation)]
    return next((part for part in inner if part is not BaseModel), BaseModel)
