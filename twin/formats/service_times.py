"""Service times that a user gives beside an application folder: written by hand (YAML), or measured (profile files)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from twin.errors import ScenarioError
from twin.formats.place import Place
from twin.formats.profile_file import load_profile
from twin.formats.profile_schema import PROFILE_FORMAT, ProfileFile
from twin.formats.scenario.faults import faults
from twin.formats.scenario.layering import Layered
from twin.formats.scenario.references import with_references
from twin.formats.text_file import read_text
from twin.formats.yaml_source import load_yaml
from twin.model.base import Name
from twin.model.profile import Profile

_MEASURED = re.compile(rf'^\s*\{{\s*"format"\s*:\s*"{PROFILE_FORMAT.rpartition(" ")[0]}')
_Profiles = dict[str, dict[Name, dict[Name, Profile]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceTimes:
    """All files of service times together; of two of a kind that know one time, the first counts."""

    written: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Partition → resource → profile."""

    measured: Mapping[str, ProfileFile] = field(default_factory=dict)
    """Profile files by their paths."""


def read_service_times(paths: Sequence[Path]) -> ServiceTimes:
    """Read files of service times, each a profile that was measured or a YAML file.

    Raises ScenarioError or ProfileError for a file that is neither, or wrong.
    """
    written: dict[str, dict[str, Any]] = {}
    measured: dict[str, ProfileFile] = {}
    for path in paths:
        if _MEASURED.match(read_text(path)):
            measured[str(path)] = load_profile(path)
            continue
        for partition, by_resource in _written(path).items():
            written[partition] = {**by_resource, **written.get(partition, {})}
    return ServiceTimes(written=written, measured=measured)


def _written(path: Path) -> Mapping[str, Mapping[str, Any]]:
    """Return partition → resource → profile; the file may hold them under ``profiles`` or alone."""
    source = load_yaml(path)
    nested = list(source.data) == ["profiles"]
    data = source.data if nested else {"profiles": source.data}
    first = source.place
    place = first if nested else Place(first.file, first.line, first.column, {"profiles": first})
    resolved, problems = with_references(Layered(data=data, place=place))
    try:
        TypeAdapter(_Profiles).validate_python(resolved)
    except ValidationError as error:
        problems = [*problems, *(fault.problem for fault in faults(error, _Profiles, place))]
    if problems:
        raise ScenarioError(str(path), problems)
    times: Mapping[str, Mapping[str, Any]] = resolved["profiles"]
    return times
