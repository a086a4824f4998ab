"""Text files at the border: read in full or refused with a reason, written in one step."""

from __future__ import annotations

import re
import stat
from difflib import get_close_matches
from pathlib import Path

from twin.errors import Problem, ScenarioError, TwinError
from twin.files import write_text as replace_text

MAX_BYTES = 20_000_000
"""Largest text file that is read unless a caller says otherwise."""

_FORBIDDEN = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def read_text(path: Path, *, max_bytes: int = MAX_BYTES, error: type[TwinError] = ScenarioError) -> str:
    """Return the text of a regular UTF-8 file without its byte order mark.

    Raises *error* for a file that is absent, unreadable, no regular file, larger than *max_bytes*, or no text.
    """
    data = _read_bytes(path, max_bytes, error)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as bad:
        # The codec counts from after the byte order mark.
        line = data.count(b"\n", 0, bad.start) + 1
        problem = Problem("", f"not UTF-8 text: byte 0x{bad.object[bad.start]:02x}; save the file as UTF-8", line)
        raise error(str(path), [problem]) from None
    require_text(text, str(path), error=error)
    return text


def require_file(path: Path, *, max_bytes: int, error: type[TwinError] = ScenarioError) -> None:
    """Raise *error* unless *path* is a regular file of at most *max_bytes*."""
    try:
        found = path.stat()
    except FileNotFoundError:
        raise error(f"{path}: no such file{_neighbour(path)}") from None
    except (OSError, ValueError) as bad:
        raise error(f"{path}: cannot be read: {_reason(bad)}") from None
    if stat.S_ISDIR(found.st_mode):
        raise error(f"{path}: is a folder, not a file")
    if not stat.S_ISREG(found.st_mode):
        raise error(f"{path}: is not a regular file")
    if found.st_size > max_bytes:
        raise error(f"{path}: has {found.st_size / 1e6:.1f} MB; at most {max_bytes / 1e6:g} MB are read")


def require_text(text: str, name: str, *, error: type[TwinError] = ScenarioError) -> None:
    """Raise *error* if *text* holds a character that no text file should (NUL, control characters, surrogates)."""
    found = _FORBIDDEN.search(text)
    if found:
        line = text.count("\n", 0, found.start()) + 1
        column = found.start() - text.rfind("\n", 0, found.start())
        character = f"U+{ord(found.group()):04X}"
        raise error(name, [Problem("", f"character {character} is not allowed in a text file", line, column)])


def write_text(path: Path, text: str, *, error: type[TwinError] = ScenarioError) -> None:
    """Write *text* to *path* in one step; *error* where that cannot be done."""
    try:
        replace_text(path, text)
    except TwinError as bad:
        raise error(bad.message) from None


def _read_bytes(path: Path, max_bytes: int, error: type[TwinError]) -> bytes:
    require_file(path, max_bytes=max_bytes, error=error)
    try:
        return path.read_bytes()
    except OSError as bad:
        raise error(f"{path}: cannot be read: {_reason(bad)}") from None


def _reason(bad: OSError | ValueError) -> str:
    """Return the system's words without its number and path."""
    return (bad.strerror if isinstance(bad, OSError) else None) or str(bad)


def _neighbour(path: Path) -> str:
    """Return a hint at a file of a similar name in the same folder, or at the folder that is absent."""
    if not path.parent.is_dir():
        return f"; there is no folder {path.parent}"
    close = get_close_matches(path.name, [other.name for other in path.parent.iterdir()], n=1, cutoff=0.6)
    return f"; did you mean {close[0]!r}?" if close else ""
