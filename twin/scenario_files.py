"""Which scenario files lie below some paths."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from twin.errors import Problem, ScenarioError
from twin.formats.scenario.layering import load_layers
from twin.formats.yaml_source import load_yaml

SUFFIXES = (".yaml", ".yml")

LOOKED_AT = 1_000_000
"""Characters of an unreadable YAML file in which the keys of a scenario are looked for."""

_KEYS = re.compile(r"""^["']?(application|extends)["']?\s*:""", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class ScenarioFile:
    """A file that is to be checked."""

    path: Path

    is_named: bool
    """Whether it was named itself, not found in a folder."""


def find_scenarios(paths: Iterable[Path]) -> tuple[ScenarioFile, ...]:
    """Return the scenario files among and below *paths*, each once: folders in alphabetical order.

    Below a folder, a YAML file is a scenario if it has ``application`` or ``extends`` at its top, broken files
    included. One that expects nothing and that others extend is only a part of those, and left out. Hidden folders
    are not entered.

    Raises:
        ScenarioError: A path does not exist, or there is no scenario at all.
    """
    paths = list(paths)
    absent = [Problem(str(path), "no such file or folder") for path in paths if not path.exists()]
    if absent:
        raise ScenarioError("nothing to check", absent)
    named = {path.resolve() for path in paths if path.is_file()}
    found: dict[Path, ScenarioFile] = {}
    for path in paths:
        for file in [path] if path.is_file() else _below(path):
            resolved = file.resolve()
            found.setdefault(resolved, ScenarioFile(path=file, is_named=resolved in named))
    if not found:
        raise ScenarioError(f"no scenario file below {', '.join(str(path) for path in paths)}")
    extended = {parent for each in found.values() for parent in _parents(each.path)}
    return tuple(
        each
        for resolved, each in found.items()
        if each.is_named or resolved not in extended or _expects_something(each.path)
    )


def _below(folder: Path) -> Iterator[Path]:
    """Yield the scenario files below *folder*."""
    for here, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            path = Path(here, name)
            if path.suffix in SUFFIXES and not name.startswith(".") and _is_scenario(path):
                yield path


def _is_scenario(path: Path) -> bool:
    """Say whether *path* is a scenario; of one that cannot be read, whether it was meant as one."""
    try:
        return bool({"application", "extends"} & set(load_yaml(path).data))
    except ScenarioError:
        return _KEYS.search(_beginning(path)) is not None


def _beginning(path: Path) -> str:
    """Return the first part of the text of *path*, as far as it can be read."""
    if not path.is_file():
        return ""
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            return file.read(LOOKED_AT)
    except OSError:
        return ""


def _parents(path: Path) -> Iterator[Path]:
    """Yield the file that *path* extends, and those further up."""
    seen = {path}
    while True:
        try:
            target = load_yaml(path).data.get("extends")
        except ScenarioError:
            return
        if not isinstance(target, str):
            return
        path = (path.parent / target).resolve()
        if path in seen:
            return
        seen.add(path)
        yield path


def _expects_something(path: Path) -> bool:
    try:
        return bool(load_layers(path).data.get("expect"))
    except ScenarioError:
        return True  # broken: it will be reported
