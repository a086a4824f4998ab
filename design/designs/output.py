"""Writing what was designed so that it can be done again: nothing of the user's is lost, nothing stale remains.

A record (``aisprint/.designs.json``) keeps the hash of every file that was written. A file that is not in it, or was
changed since, is the user's: it is never overwritten or removed unless asked for. Each file is written in one step, and
the record first, so that after an interruption the same command goes on.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from twin.errors import DesignError, Problem
from twin.files import fresh_file, make_folder, write_text

RECORD = "aisprint/.designs.json"


@dataclass(frozen=True, slots=True)
class CopyOf:
    """A file with the contents of another one."""

    source: Path


@dataclass(frozen=True, slots=True)
class LinkTo:
    """A symbolic link, relative to the folder it lies in."""

    target: str


Content = str | bytes | CopyOf | LinkTo


@dataclass(slots=True)
class Written:
    """What happened to which file; paths are relative to the application's folder."""

    written: list[str] = field(default_factory=list)

    unchanged: list[str] = field(default_factory=list)

    removed: list[str] = field(default_factory=list)
    """Written before, and no longer part of the designs."""

    kept: list[str] = field(default_factory=list)
    """The user's, and therefore left as they are."""


def write_files(
    folder: Path,
    files: Mapping[str, Content],
    *,
    yielding: frozenset[str] = frozenset(),
    replace: bool = False,
    dry_run: bool = False,
) -> Written:
    """Make *files* (relative path → content) stand in *folder*, and remove what an earlier call wrote besides.

    *yielding* names files that a user's version always takes precedence over. Raises DesignError, before anything is
    written, for any other file that is the user's, unless *replace*; TwinError where the disk refuses.
    """
    known = _read_record(folder)
    wanted = {name: _hash(content) for name, content in files.items()}
    present = {name: _present(folder / name) for name in {*files, *known}}
    foreign = {name for name, found in present.items() if found is not None and found not in known.get(name, [])}
    done = Written()
    done.unchanged = [name for name in files if present[name] == wanted[name]]
    due = [name for name in files if present[name] != wanted[name]]
    done.kept = [name for name in due if name in yielding & foreign and not replace]
    done.written = [name for name in due if name not in done.kept]
    _refuse_foreign(folder, [] if replace else [name for name in done.written if name in foreign])
    stale = [name for name in known if name not in files and present[name] is not None]
    done.kept += [name for name in stale if name in foreign]
    done.removed = [name for name in stale if name not in foreign]
    if not dry_run:
        ours = {name: wanted[name] for name in files if name not in done.kept}
        _carry_out(folder, files, done, known, ours)
    return done


def recorded(folder: Path) -> frozenset[str]:
    """Return the files that an earlier call wrote."""
    return frozenset(_read_record(folder))


def _carry_out(
    folder: Path, files: Mapping[str, Content], done: Written, known: Mapping[str, list[str]], ours: Mapping[str, str]
) -> None:
    make_folder((folder / RECORD).parent)
    if done.written or done.removed:
        # Until all is done a file may be the old or the new one.
        both = {name: [*known.get(name, []), *([ours[name]] if name in ours else [])] for name in {*known, *ours}}
        _write_record(folder, both)
    for name in done.written:
        _write(folder / name, files[name])
    for name in done.removed:
        _remove(folder, name)
    final = {name: [digest] for name, digest in ours.items()}
    if final != known:
        _write_record(folder, final)


def _refuse_foreign(folder: Path, names: list[str]) -> None:
    if names:
        way_out = "was not written by this program, or was changed since; move it away, or give --replace"
        raise DesignError(f"{folder} holds files that would be lost", [Problem(name, way_out) for name in names])


def _hash(content: Content) -> str:
    if isinstance(content, LinkTo):
        return f"link:{content.target}"
    if isinstance(content, CopyOf):
        return _hash_of_file(content.source)
    return hashlib.sha256(content.encode() if isinstance(content, str) else content).hexdigest()


def _hash_of_file(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as bad:
        raise DesignError(f"{path}: cannot be read: {bad.strerror or bad}") from None


def _present(path: Path) -> str | None:
    """Return the hash of what stands at *path*, or None."""
    if path.is_symlink():
        return f"link:{os.readlink(path)}"
    if path.is_dir():
        return "folder"
    return _hash_of_file(path) if path.exists() else None


def _write(path: Path, content: Content) -> None:
    make_folder(path.parent)
    try:
        if path.is_dir() and not path.is_symlink():
            raise DesignError(f"{path} is a folder; a file of that name is to be written")
        if isinstance(content, str):
            write_text(path, content)
            return
        if isinstance(content, LinkTo):
            _link(path, content.target)
            return
        with fresh_file(path) as temporary:
            if isinstance(content, CopyOf):
                shutil.copyfile(content.source, temporary)
            else:
                temporary.write_bytes(content)
    except OSError as bad:
        raise DesignError(f"cannot write {path}: {bad.strerror or bad}") from None


def _link(path: Path, target: str) -> None:
    temporary = path.with_name(f".{path.name}.{os.getpid()}.link")
    temporary.symlink_to(target)
    try:
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def _remove(folder: Path, name: str) -> None:
    """Remove a file and the folders that are empty without it."""
    path = folder / name
    try:
        path.unlink(missing_ok=True)
    except OSError as bad:
        raise DesignError(f"cannot remove {path}: {bad.strerror or bad}") from None
    for parent in _parents(path, folder):
        with suppress(OSError):  # it is not empty
            parent.rmdir()


def _parents(path: Path, folder: Path) -> Iterator[Path]:
    """Yield the folders that hold *path*, but not those right under the application's own."""
    parent = path.parent
    while parent.parent != folder and parent != folder:
        yield parent
        parent = parent.parent


def _read_record(folder: Path) -> dict[str, list[str]]:
    """Return file → hashes it may have; empty where nothing was designed yet or the record cannot be read."""
    try:
        found = json.loads((folder / RECORD).read_text(encoding="utf-8"))["files"]
        return {str(name): [str(one) for one in hashes] for name, hashes in found.items() if _is_inside(name)}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}


def _is_inside(name: str) -> bool:
    """Say whether *name* leads nowhere but into the folder: the record decides what is removed."""
    path = Path(name)
    return not path.is_absolute() and ".." not in path.parts


def _write_record(folder: Path, files: Mapping[str, list[str]]) -> None:
    write_text(folder / RECORD, json.dumps({"files": dict(sorted(files.items()))}, indent=1) + "\n")
