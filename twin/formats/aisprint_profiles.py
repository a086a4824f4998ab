"""Figures of an application folder: service times, the arrival rate, sizes of data, quality of alternatives.

Studio's own files hold no service times. They come, in this order, from the caller, from ``profiles.yaml`` at the root
of the folder (partition → resource → seconds or a profile), from the system file of SPACE4AI-D, and from OSCAR-P.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from pydantic import ValidationError

from twin.errors import Problem, did_you_mean
from twin.formats.aisprint_graph import Graph
from twin.formats.aisprint_names import BASE, fold
from twin.formats.aisprint_reading import LARGEST_NUMBER, Entry, Reading, shown
from twin.formats.aisprint_units import Units
from twin.model.application import EPSILON, Application, Component, Dependency
from twin.model.profile import Profile

PROFILES = "profiles.yaml"
SYSTEM_FILES = ("space4ai-d/SystemFile.json", "space4ai-d/original_system.json")
MODELS = "oscarp/performance_models.json"
SIZES = "oscarp/components_data_size.yaml"
PERFORMANCE = "space4ai-r/deployments_performance.yaml"


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


def read_profiles(reading: Reading, times: Times, given: Mapping[str, Mapping[str, Any]] | None) -> None:
    """Read all service times that the folder and the caller know."""
    for partition, by_device in (given or {}).items():
        for device, body in by_device.items():
            times.keep(partition, device, _given(reading, times, partition, device, body))
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


def with_sizes(
    reading: Reading, components: dict[str, Component], graph: Graph, units: Units
) -> tuple[dict[str, Component], tuple[Dependency, ...]]:
    """Return components and dependencies with the sizes that OSCAR-P measured."""
    root = reading.open(SIZES)
    sizes = {name: units.mega(entry.as_number()) for name, entry in (root.children() if root else {}).items()}
    if root is None:
        reading.note(f"there is no {SIZES}; transfers carry 0 MB")
    for name in sizes:
        if fold(name, graph.alternatives).component not in graph.components:
            reading.note(f"{SIZES}: {name!r} is no component; left out")
    sized = {name: _with_inner_sizes(component, sizes) for name, component in components.items()}
    dependencies = tuple(
        Dependency(origin=origin, to=to, probability=probability, data_mb=_size(components.get(origin), sizes))
        for (origin, to), probability in graph.probabilities.items()
    )
    return sized, dependencies


def _with_inner_sizes(component: Component, sizes: Mapping[str, float]) -> Component:
    deployments = {}
    for name, deployment in component.deployments.items():
        last = deployment.chain[-1].name
        partitions = {
            inner: partition if inner == last else partition.model_copy(update={"data_mb": sizes.get(inner, 0.0)})
            for inner, partition in deployment.partitions.items()
        }
        deployments[name] = deployment.model_copy(update={"partitions": partitions})
    return component.model_copy(update={"deployments": deployments})


def _size(component: Component | None, sizes: Mapping[str, float]) -> float:
    """Return what a component sends on: by its own name, else by the last segment of a deployment that has a size."""
    if component is None or component.name in sizes:
        return sizes.get(component.name, 0.0) if component else 0.0
    last = [deployment.chain[-1].name for deployment in component.deployments.values()]
    return next((sizes[name] for name in last if name in sizes), 0.0)


def with_performance(reading: Reading, application: Application, graph: Graph) -> Application:
    """Return *application* with the quality and the probabilities that deployments_performance.yaml gives alternatives.

    The metric is one of the whole application: an alternative gets that of the application in which it alone is used.
    """
    root = reading.open(PERFORMANCE)
    if root is None:
        return application
    system = root.at("System")
    ranked = [
        inner for item in system.at("sorted_deployments_performance").items() for inner in item.children().values()
    ]
    components = dict(application.components)
    for entry in ranked:
        parts = [fold(name, graph.alternatives) for name in entry.at("components").names()]
        if not parts:
            entry.problem("'components' is missing or empty; list what is used")
            continue
        replaced = list(dict.fromkeys((part.component, part.deployment) for part in parts if part.deployment != BASE))
        if len(replaced) > 1:
            reading.note(f"{entry.place}: several alternatives at once; its metric is left out")
            continue
        chosen = replaced or [(name, BASE) for name in dict.fromkeys(graph.alternatives.values())]
        for component, deployment in chosen:
            if deployment in getattr(components.get(component), "deployments", {}):
                components[component] = _rated(components[component], deployment, entry, application, graph)
    metric = system.at("metric_name").value or "the metric"
    reading.note(f"{root.source.name}: accuracy is {metric} of the whole application with that alternative alone")
    return application.model_copy(update={"components": components})


def _rated(component: Component, deployment: str, entry: Entry, application: Application, graph: Graph) -> Component:
    """Return *component* with what *entry* says of one of its deployments."""
    known = {edge.to: edge.probability for edge in application.dependencies_of(component.name)}
    changed: dict[str, float] = {}
    for item in entry.at("dependencies").items():
        if not isinstance(item.value, list) or len(item.value) != 3:
            item.problem(f"expected [from, to, probability], got {shown(item.value)}")
            continue
        origin, to = (fold(item.at(i).as_text(), graph.alternatives).component for i in (0, 1))
        probability = item.at(2).as_number()
        if probability > 1:
            item.at(2).problem(f"expected a probability between 0 and 1, got {probability:g}")
        elif origin == component.name and to in known and abs(known[to] - probability) > EPSILON:
            changed[to] = probability
    accuracy = entry.number("metric_value") if entry.has("metric_value") else None
    if accuracy is not None and accuracy > 1:
        entry.at("metric_value").problem(f"expected a metric between 0 and 1, got {accuracy:g}")
    rated = component.deployments[deployment].model_copy(
        update={"accuracy": accuracy, "transition_probabilities": changed}
    )
    return component.model_copy(update={"deployments": {**component.deployments, deployment: rated}})
