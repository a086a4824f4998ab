"""Files a scenario refers to: measured profiles and traces of arrivals, read into it.

A profile entry ``{file: profiles/x.json, segment: squeezenet, scale: 4.0}`` becomes samples; an entry that already
holds a service time keeps it, and its ``file`` only says where it comes from. The same holds for the times of a trace.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from twin.errors import Problem, TwinError, did_you_mean
from twin.formats.mixture import mixture_quantiles
from twin.formats.place import Keys
from twin.formats.profile_file import load_profile
from twin.formats.profile_schema import ProfileFile, Segment
from twin.formats.scenario.faults import problem_at
from twin.formats.scenario.layering import Layered
from twin.formats.scenario.trace import read_times

_HOLDS_TIME = frozenset({"service_time", "mean", "samples"})


def with_references(layered: Layered) -> tuple[dict[str, Any], list[Problem]]:
    """Return the data of *layered* with profile files and traces read in, and what is wrong with them.

    File names are relative to the file that names them. An entry whose file is at fault gets a stand-in, so that
    nothing but the file is complained of.
    """
    return _References(layered).resolved()


class _References:
    def __init__(self, layered: Layered) -> None:
        self.layered = layered
        self.problems: list[Problem] = []
        self.profiles: dict[Path, ProfileFile | TwinError] = {}

    def resolved(self) -> tuple[dict[str, Any], list[Problem]]:
        data = dict(self.layered.data)
        for keys, entry in list(_profile_entries(data)):
            data = _replaced(data, keys, self._profile(keys, entry))
        for keys, entry in list(_trace_entries(data)):
            data = _replaced(data, keys, self._trace(keys, entry))
        return data, self.problems

    def _complain(self, keys: Keys, message: str) -> None:
        self.problems.append(problem_at(self.layered.place, keys, message))

    def _path(self, keys: Keys, name: str) -> Path:
        return Path(self.layered.place.at(keys).file).parent / name

    def _complain_of_file(self, keys: Keys, error: TwinError) -> None:
        if not error.problems:
            self._complain(keys, error.message)
        for problem in error.problems:
            self._complain(keys, f"{error.message}: {problem}")

    def _profile(self, keys: Keys, entry: dict[str, Any]) -> dict[str, Any]:
        """Return the entry with the figures of its segment; what it says itself stands."""
        name, segment = entry["file"], entry.get("segment")
        stand_in = {**entry, "service_time": 1.0}
        if not isinstance(name, str) or not isinstance(segment, str | None):
            return stand_in  # validation says what is wrong
        file = self._load((*keys, "file"), self._path((*keys, "file"), name))
        if file is None:
            return stand_in
        if segment is None and len(file.segments) == 1:
            segment = next(iter(file.segments))
        if segment is None:
            self._complain(keys, f"missing key 'segment'; {name} has {', '.join(file.segments)}")
            return stand_in
        if segment not in file.segments:
            hint = did_you_mean(segment, file.segments)
            self._complain((*keys, "segment"), f"no segment {segment!r} in {name}{hint}")
            return stand_in
        return {**segment_figures(file, segment), **entry, "segment": segment}

    def _load(self, keys: Keys, path: Path) -> ProfileFile | None:
        if path not in self.profiles:
            try:
                self.profiles[path] = load_profile(path)
            except TwinError as error:
                self.profiles[path] = error
        found = self.profiles[path]
        if isinstance(found, TwinError):
            self._complain_of_file(keys, found)
            return None
        return found

    def _trace(self, keys: Keys, entry: dict[str, Any]) -> dict[str, Any]:
        name, column = entry["file"], entry.get("column")
        if not isinstance(name, str) or not isinstance(column, str | None):
            return entry
        try:
            return {**entry, "times": read_times(self._path((*keys, "file"), name), column=column)}
        except TwinError as error:
            self._complain_of_file((*keys, "file"), error)
            return entry


def segment_figures(file: ProfileFile, segment: str) -> dict[str, Any]:
    """Return what a profile entry of a scenario says of *segment*: laws, their uncertainty, and their source."""
    measured = file.segments[segment]
    figures: dict[str, Any] = {"service_time": _law(measured), "source": _source(file)}
    if measured.load_seconds:
        figures["cold_start"] = {"law": "empirical", "samples": measured.load_seconds}
    if file.scaled_from is not None:
        figures["scale_uncertainty"] = file.scaled_from.uncertainty
    return figures


def _law(measured: Segment) -> dict[str, Any]:
    """Return the law that was fitted, else the samples; a mixture as its quantiles, because no law of ours is one."""
    if measured.fitted is None:
        return {"law": "empirical", "samples": measured.service_seconds}
    if measured.fitted.family == "mixture":
        return {"law": "empirical", "samples": mixture_quantiles(measured.fitted.parameters)}
    return {"law": measured.fitted.family, "mean": measured.fitted.mean, "cv": measured.fitted.cv}


def _source(file: ProfileFile) -> str:
    """Return where the figures come from, in a line."""
    found = file.provenance
    versions = ", ".join(f"{name} {version}" for name, version in found.versions.items())
    emulated = found.emulation
    machine = found.cpu
    if emulated is not None:
        machine += f", emulated with {emulated.cpus:g} CPUs and {emulated.memory_mb:g} MB"
    if file.scaled_from is None:
        return f"measured on {file.device} ({machine}), {found.measured_on}: {versions}"
    base = file.scaled_from
    return (
        f"a guess for {file.device}: {base.factor:g} times (give or take {base.uncertainty:.0%}) what was measured "
        f"on {base.device} ({machine}), {found.measured_on}: {versions}"
    )


def _profile_entries(data: dict[str, Any]) -> Iterator[tuple[Keys, dict[str, Any]]]:
    for partition, by_device in _mapping(data.get("profiles")).items():
        for device, entry in _mapping(by_device).items():
            if isinstance(entry, dict) and "file" in entry and not _HOLDS_TIME & entry.keys():
                yield ("profiles", partition, device), entry


def _trace_entries(data: dict[str, Any]) -> Iterator[tuple[Keys, dict[str, Any]]]:
    for name, source in _mapping(_mapping(data.get("workload")).get("sources")).items():
        arrivals = _mapping(_mapping(source).get("arrivals"))
        if arrivals.get("process") == "trace" and "file" in arrivals and "times" not in arrivals:
            yield ("workload", "sources", name, "arrivals"), arrivals


def _mapping(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _replaced(data: dict[str, Any], keys: Keys, value: Any) -> dict[str, Any]:
    """Return *data* with another value at *keys*; nothing that is shared is changed."""
    head, *rest = keys
    return {**data, str(head): _replaced(data[str(head)], tuple(rest), value) if rest else value}
