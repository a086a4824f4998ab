"""SPACE4AI's JSON text: comments after ``#`` allowed, no key twice in one object, every fault with line and column."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path

from twin.errors import Problem, TwinError
from twin.formats.text_file import read_text

LARGEST_FILE_BYTES = 100_000_000
MOST_PROBLEMS = 100
"""Faults of one file that are listed; nobody reads more."""

_STRING_OR_COMMENT = re.compile(r'"(?:[^"\\\n]|\\.)*"|#[^\n]*')


def read_json(path: Path, error: type[TwinError]) -> tuple[dict[str, object], bool]:
    """Return the object in the file at *path*, and whether comments had to be left out.

    Numbers that are not finite pass: only what asks for a number can say where it stands. Raises *error*.
    """
    text = read_text(path, max_bytes=LARGEST_FILE_BYTES, error=error)
    pure = _without_comments(text)
    repeated: Counter[str] = Counter()

    def object_of(pairs: list[tuple[str, object]]) -> dict[str, object]:
        found = dict(pairs)
        if len(found) < len(pairs):
            repeated.update(key for key, times in Counter(key for key, _ in pairs).items() if times > 1)
        return found

    try:
        value = json.loads(pure, object_pairs_hook=object_of)
    except json.JSONDecodeError as bad:
        raise error(str(path), [Problem("", f"not JSON: {bad.msg}", bad.lineno, bad.colno)]) from None
    except RecursionError:
        raise error(f"{path}: not a SPACE4AI file: nested too deeply") from None
    except ValueError as bad:
        raise error(f"{path}: not JSON: {bad}") from None
    if repeated:
        twice = [
            Problem("", f"key {key!r} stands twice in one object; its first value would be lost") for key in repeated
        ]
        raise error(str(path), twice)
    if not isinstance(value, dict):
        raise error(f"{path}: must be one JSON object {{...}}, got {type(value).__name__}")
    return value, pure is not text


def to_text(document: dict[str, object]) -> str:
    """Return *document* as the text of a file; infinite numbers must have been written out before."""
    return json.dumps(document, indent=4, ensure_ascii=False, allow_nan=False) + "\n"


def shortened(problems: list[Problem]) -> list[Problem]:
    """Return the first of *problems*, and one more that counts the rest."""
    rest = len(problems) - MOST_PROBLEMS
    return problems if rest <= 0 else [*problems[:MOST_PROBLEMS], Problem("", f"and {rest} more")]


def _without_comments(text: str) -> str:
    """Return *text* itself where it holds no comment; lines and columns of what is left stay the same."""
    if "#" not in text:
        return text
    pure = _STRING_OR_COMMENT.sub(lambda found: found.group() if found.group().startswith('"') else "", text)
    return text if pure == text else pure
