"""Measured profiles as the service times of an application folder.

A segment of a profile is the partition of that name, its device the resource of that name. A profile of
``this-machine`` says nothing of which resource it stands for: its times are taken wherever no other profile has one,
and the user is told.
"""

from __future__ import annotations

from collections.abc import Mapping

from twin.errors import Problem, did_you_mean
from twin.formats.aisprint.profiles import Times
from twin.formats.aisprint.reading import Reading
from twin.formats.profile_schema import UNNAMED_DEVICE, ProfileFile
from twin.formats.scenario.references import segment_figures
from twin.model.profile import Profile


def keep_measured(reading: Reading, times: Times, measured: Mapping[str, ProfileFile]) -> None:
    """Keep the times of *measured*, profile files by their paths: first those of named devices."""
    for path, file in measured.items():
        if file.device in times.hosts:
            _keep_on_device(reading, times, path, file)
        elif file.device != UNNAMED_DEVICE:
            hint = did_you_mean(file.device, times.hosts)
            way_out = f"{hint}; name the resource it stands for: ctwin calibrate --target RESOURCE"
            reading.problem(path, f"was measured on {file.device!r}, which is no resource here{way_out}")
    for path, file in measured.items():
        if file.device == UNNAMED_DEVICE and file.device not in times.hosts:
            _keep_everywhere(reading, times, path, file)


def _keep_on_device(reading: Reading, times: Times, path: str, file: ProfileFile) -> None:
    for segment in _known(reading, times, path, file):
        times.keep(segment, file.device, _profile(file, segment))
    for segment in file.does_not_fit:
        if file.device in times.candidates.get(segment, ()):
            memory = file.provenance.emulation
            size = "" if memory is None else f" of {memory.memory_mb:g} MB"
            problem = f"{segment} does not fit into the memory{size}; take {file.device} off its candidate resources"
            reading.problems.append(Problem(path, problem))


def _keep_everywhere(reading: Reading, times: Times, path: str, file: ProfileFile) -> None:
    taken: dict[str, None] = {}
    for segment in _known(reading, times, path, file):
        for host in times.candidates[segment]:
            if host not in times.found.get(segment, {}):
                times.keep(segment, host, _profile(file, segment))
                taken[host] = None
    if taken:
        reading.note(
            f"{path}: times of {file.device} ({file.provenance.cpu}) stand for {', '.join(taken)}, as if these were as "
            "fast; ctwin calibrate --target RESOURCE says what a measurement is for, --scale-from makes a guess of it"
        )


def _known(reading: Reading, times: Times, path: str, file: ProfileFile) -> list[str]:
    """Return the segments that are partitions of the application, and note the others."""
    known = [segment for segment in file.segments if segment in times.candidates]
    others = [segment for segment in file.segments if segment not in times.candidates]
    if not known and not set(file.does_not_fit) & set(times.candidates):
        hint = did_you_mean(others[0], times.candidates)
        reading.problem(path, f"none of its segments is a partition of this application: {', '.join(others)}{hint}")
    elif others:
        reading.note(f"{path}: no partitions of a deployment, left out: {', '.join(others)}")
    return known


def _profile(file: ProfileFile, segment: str) -> Profile:
    return Profile.model_validate({**segment_figures(file, segment), "segment": segment})
