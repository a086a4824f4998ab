"""Service times and the arrival rate of an application folder.

Studio's own files hold no service times. They come, in this order, from the caller, from ``profiles.yaml`` at the root
of the folder (partition → resource → seconds or a profile), from the system file of SPACE4AI-D, and from OSCAR-P.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from pydantic import ValidationError

from twin.errors import Problem, did_you_mean
from twin.formats.aisprint.names import BASE
from twin.formats.aisprint.reading import LARGEST_NUMBER, Entry, Reading, shown
from twin.model.application import Component
from twin.model.profile import Profile

PROFILES = "profiles.yaml"
SYSTEM_FILES = ("space4ai-d/SystemFile.json", "space4ai-d/original_system.json")
MODELS = "oscarp/performance_models.json"


class Times:
    """Service times as they come in: the first source that knows one counts."""

    def __init__(self, components: Mapping[str, Component], hosts: Collection[str]) -> None:
        chains = [
            deployment.partitions for component in components.values() for deployment in component.deployments.values()
        ]
        self.candidates = {name: tuple(partition.candidates) for chain in chains for name, partition in chain.items()}
        self.components = components
        self.hosts = hosts
        self.found: dict[str, dict[str, Profile]] = {}

    def keep(self, partition: str, host: str, profile: Profile | None) -> None:
        """Keep *profile* unless an earlier source had one."""
        if profile is not None:
            self.found.setdefault(partition, {}).setdefault(host, profile)

    def unknown(self, partition: str, host: str) -> str:
        """Return what is wrong with the names, or nothing."""
        if partition not in self.candidates:
            return f"unknown partition {partition!r}{did_you_mean(partition, self.candidates)}"
        return "" if host in self.hosts else f"unknown resource {host!r}{did_you_mean(host, self.hosts)}"

    def missing(self) -> list[tuple[str, str]]:
        """Return every partition and candidate without a service time."""
        pairs = [(partition, host) for partition, hosts in self.candidates.items() for host in hosts]
        return [(partition, host) for partition, host in pairs if host not in self.found.get(partition, {})]


def keep_given(reading: Reading, times: Times, given: Mapping[str, Mapping[str, Any]]) -> None:
    """Keep the service times that the caller knows: partition → resource → profile."""
    for partition, by_device in given.items():
        for device, body in by_device.items():
            times.keep(partition, device, _given(reading, times, partition, device, body))


def read_profiles(reading: Reading, times: Times) -> None:
    """Read all service times that the files of the folder know."""
    root = reading.open(PROFILES)
    for partition, entry in (root.children() if root else {}).items():
        for device, inner in entry.children().items():
            unknown = times.unknown(partition, device)
            if unknown:
                inner.problem(unknown)
            times.keep(partition, device, _from_entry(inner))
    for partition, device, entry in [*_of_system_files(reading, times.components), *_of_models(reading)]:
        if times.unknown(partition, device):
            reading.note(f"{entry.place}: {times.unknown(partition, device)}; left out")
        else:
            times.keep(partition, device, _measured(entry))


def require_profiles(reading: Reading, times: Times) -> None:
    """Leave a problem for each partition and candidate without a service time."""
    for partition, host in times.missing():
        way_out = f"add to {PROFILES} its seconds, such as  {partition}: {{{host}: 0.35}}"
        reading.gaps.append(Problem(f"{PROFILES}: {partition}.{host}", f"no service time; {way_out}"))


def read_rate(reading: Reading, given: float | None, expected: float | None, *, required: bool) -> float:
    """Return the arrival rate, requests/s: the caller's, that of a system file, the expected throughput, or 1."""
    if given is not None:
        if 0 < given <= LARGEST_NUMBER:
            return float(given)
        reading.problem("arrival rate", f"expected requests/s above 0, got {given:g}")
    for name in SYSTEM_FILES:
        root = reading.open(name)
        if root and root.has("Lambda"):
            rate = root.number("Lambda", positive=True)
            reading.note(f"the arrival rate is {rate:g} requests/s ({name}: Lambda)")
            return rate
    if expected:
        reading.note(f"the arrival rate is {expected:g} requests/s (the expected throughput)")
        return expected
    if required:
        reading.gaps.append(Problem("arrival rate", "no file says it; give --arrival-rate, requests/s"))
    else:
        reading.note("no file says the arrival rate; 1 request/s is assumed")
    return 1.0


def _given(reading: Reading, times: Times, partition: str, device: str, body: Any) -> Profile | None:
    where = f"profiles.{partition}.{device}"
    unknown = times.unknown(partition, device)
    if unknown:
        reading.problem(where, unknown)
    try:
        return Profile.model_validate(body)
    except ValidationError as bad:
        for error in bad.errors():
            reading.problem(where, f"{error['msg']}, got {shown(error['input'])}")
        return None


def _from_entry(entry: Entry) -> Profile | None:
    try:
        return Profile.model_validate(entry.value)
    except ValidationError as bad:
        for error in bad.errors():
            path = ".".join(str(part) for part in error["loc"])
            entry.problem(f"{path + ': ' if path else ''}{error['msg']}, got {shown(error['input'])}")
        return None


def _measured(entry: Entry) -> Profile | None:
    """Return the profile of one entry of a performance model, or None if it holds no time (a regressor alone)."""
    warm = next((key for key in ("demandWarm", "demand", "meanTime") if entry.has(key)), None)
    if warm is None:
        entry.reading.note(f"{entry.source.name}: some entries hold no time (demand, demandWarm or meanTime); left out")
        return None
    cold = entry.number("demandCold") if entry.has("demandCold") else None
    times = {"service_time": entry.number(warm), "cold_service_time": cold}
    return entry.build(Profile, **times, source=entry.source.name)


def _of_system_files(reading: Reading, components: Mapping[str, Component]) -> Iterator[tuple[str, str, Entry]]:
    for name in SYSTEM_FILES:
        root = reading.open(name)
        if root:
            yield from _of_system(root, components)


def _of_models(reading: Reading) -> Iterator[tuple[str, str, Entry]]:
    root = reading.open(MODELS)
    for component in root.children().values() if root else ():
        for partition, by_resource in component.children().items():
            for resource, model in by_resource.children().items():
                yield partition, resource, model


def _of_system(root: Entry, components: Mapping[str, Component]) -> Iterator[tuple[str, str, Entry]]:
    """Yield partition, resource and model of each entry, whose names are codes: c2 is the second component.

    s1 is the base deployment and s<k+1> the k-th partitioning; h<n> are the partitions of all deployments in order.
    """
    codes = {f"c{i}": name for i, name in enumerate(components, 1)}
    for code, entry in root.at("Performance").children().items():
        component = components.get(code) or components.get(codes.get(code, ""))
        if component is None:
            root.reading.note(f"{entry.place}: no component of this folder; left out")
            continue
        names = _partition_codes(root.at("Components").at(code), component)
        for inner, by_resource in entry.children().items():
            if inner not in names:
                root.reading.note(f"{by_resource.place}: no partition of {component.name!r}; left out")
                continue
            for resource, model in by_resource.children().items():
                yield names[inner], resource, model


def _partition_codes(chains: Entry, component: Component) -> dict[str, str]:
    """Return h<n> → partition, from the chains of the system file; partitions under their own names mean themselves."""
    names = {name: name for deployment in component.deployments.values() for name in deployment.partitions}
    for code, chain in chains.children().items():
        digits = code.removeprefix("s")
        wanted = BASE if digits == "1" else f"partition{int(digits) - 1}" if digits.isdecimal() else code
        deployment = component.deployments.get(wanted)
        partitions = list(chain.children())
        if deployment is not None and len(partitions) == len(deployment.partitions):
            names.update(zip(partitions, deployment.partitions, strict=True))
    return names
