"""Where partitions can run at all: the resources and functions with a profile that offer what the container asks for."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import product

from twin.model.application import Container, Deployment, Partition
from twin.model.constraints import DeviceConstraint
from twin.model.continuum import CloudFunction, Resource
from twin.model.scenario import Scenario


@dataclass(frozen=True, kw_only=True)
class Hosts:
    """Resources, their groups, and functions; a location is a group, or the number of groups plus a function."""

    scenario: Scenario

    resources: tuple[str, ...]

    groups: tuple[tuple[int, ...], ...]

    functions: tuple[str, ...]

    speed: tuple[float, ...]
    """Requests that a node of each resource serves at full speed at once."""

    fits: dict[tuple[str, int], tuple[float, float]]
    """Partition and resource → mean service time in seconds, and megabytes."""

    locations: dict[str, tuple[int, ...]]
    """Partition → where it can run."""

    @property
    def location_count(self) -> int:
        """How many locations there are."""
        return len(self.groups) + len(self.functions)

    def functions_for(self, partition: str) -> list[str]:
        """Return the functions that can run *partition*."""
        first = len(self.groups)
        return [self.functions[location - first] for location in self.locations[partition] if location >= first]

    def at_edge(self, location: int) -> bool:
        """Say whether a location is a physical device."""
        return self.scenario.continuum.layers[self._layer(location)].type.startswith("Physical")

    def seconds(self, origin: int, target: int, size_mb: float) -> float:
        """Return the seconds *size_mb* need between the layers of two locations; infinite without a network."""
        return self._seconds(self._layer(origin), self._layer(target), size_mb)

    @property
    def is_connected(self) -> bool:
        """Whether there is a network between any two layers with locations."""
        layers = {self._layer(location) for location in range(self.location_count)}
        return all(math.isfinite(self._seconds(a, b, 0.0)) for a, b in product(layers, layers) if a != b) and all(
            len([location for location in range(self.location_count) if self._layer(location) == layer]) == 1
            or math.isfinite(self._seconds(layer, layer, 0.0))
            for layer in layers
        )

    def _layer(self, location: int) -> str:
        if location < len(self.groups):
            return self.scenario.continuum.resources[self.resources[self.groups[location][0]]].layer
        return self.scenario.continuum.functions[self.functions[location - len(self.groups)]].layer

    def __post_init__(self) -> None:
        object.__setattr__(self, "_seconds", lru_cache(maxsize=None)(self._transfer))

    def _seconds(self, origin: str, target: str, size_mb: float) -> float:
        return self._transfer(origin, target, size_mb)

    def _transfer(self, origin: str, target: str, size_mb: float) -> float:
        domain = self.scenario.continuum.best_domain(origin, target, size_mb)
        return math.inf if domain is None else domain.access_delay + 8 * size_mb / domain.bandwidth_mbit_per_s


def hosts_of(scenario: Scenario, *, one_type_per_layer: bool) -> Hosts:
    """Return where each partition of *scenario* can run."""
    continuum = scenario.continuum
    resources, functions = tuple(continuum.resources), tuple(continuum.functions)
    groups = _groups(scenario, one_type_per_layer)
    group_of = {member: group for group, members in enumerate(groups) for member in members}
    fits: dict[tuple[str, int], tuple[float, float]] = {}
    locations: dict[str, tuple[int, ...]] = {}
    units = [1.0] * len(resources)
    for component, partition in all_partitions(scenario):
        found = []
        for i, name in enumerate(resources):
            seconds = service_time_on(scenario, component, partition, name)
            if seconds is not None:
                container = partition.candidates[name]
                fits[partition.name, i] = seconds, container.memory_mb
                units[i] = container.computing_units
                found.append(group_of[i])
        found += [
            len(groups) + i
            for i, name in enumerate(functions)
            if service_time_on(scenario, component, partition, name) is not None
        ]
        locations[partition.name] = tuple(dict.fromkeys(found))
    speed = tuple(continuum.resources[name].cores / unit for name, unit in zip(resources, units, strict=True))
    return Hosts(
        scenario=scenario,
        resources=resources,
        groups=groups,
        functions=functions,
        speed=speed,
        fits=fits,
        locations=locations,
    )


def all_partitions(scenario: Scenario) -> Iterator[tuple[str, Partition]]:
    """Yield every partition with its component."""
    for component in scenario.application.components.values():
        for deployment in component.deployments.values():
            for partition in deployment.chain:
                yield component.name, partition


def service_time_on(scenario: Scenario, component: str, partition: Partition, host: str) -> float | None:
    """Return the mean seconds of *partition* on *host*; None where it cannot run there."""
    if host not in partition.candidates:
        return None
    profile = scenario.profile(partition.name, host)
    if profile is None or not _offers(scenario, component, partition.candidates[host], host):
        return None
    return profile.scaled_service_time.expectation


def cases(scenario: Scenario) -> list[dict[str, tuple[Deployment, ...]]]:
    """Return selections of deployments: in each, the deployments of a component send alike, so that loads are known.

    Together they hold every choice of deployments exactly once.
    """
    alike: list[list[tuple[Deployment, ...]]] = []
    for component in scenario.application.components.values():
        kinds: dict[tuple[float, ...], list[Deployment]] = {}
        edges = scenario.application.dependencies_of(component.name)
        for deployment in component.deployments.values():
            sends = tuple(deployment.transition_probabilities.get(edge.to, edge.probability) for edge in edges)
            kinds.setdefault(sends, []).append(deployment)
        alike.append([tuple(each) for each in kinds.values()])
    names = list(scenario.application.components)
    return [dict(zip(names, chosen, strict=True)) for chosen in product(*alike)]


def _groups(scenario: Scenario, one_type_per_layer: bool) -> tuple[tuple[int, ...], ...]:
    resources = list(scenario.continuum.resources.values())
    if not one_type_per_layer:
        return tuple((i,) for i in range(len(resources)))
    layers: dict[str, list[int]] = {}
    for i, resource in enumerate(resources):
        layers.setdefault(resource.layer, []).append(i)
    return tuple(tuple(members) for members in layers.values())


def _offers(scenario: Scenario, component: str, container: Container, name: str) -> bool:
    """Say whether one node of a host has what the container and the component's device constraints ask for."""
    host = scenario.continuum.host(name)
    if host.memory_mb is not None and container.memory_mb > host.memory_mb:
        return False
    devices = [c for c in scenario.constraints if isinstance(c, DeviceConstraint) and c.component == component]
    if any(host.memory_mb is not None and host.memory_mb < device.memory_mb for device in devices):
        return False
    graphics = any(device.gpu or device.gpu_memory_mb for device in devices)
    if isinstance(host, CloudFunction):
        return not graphics
    return _node_offers(container, host) and all(_has_graphics(device, host) for device in devices)


def _node_offers(container: Container, host: Resource) -> bool:
    if container.computing_units > host.cores or (container.gpu and not host.accelerators):
        return False
    return host.sgx or not container.trusted_execution


def _has_graphics(device: DeviceConstraint, host: Resource) -> bool:
    graphics = sum(each.memory_mb * each.count for each in host.accelerators.values())
    return graphics >= device.gpu_memory_mb and (bool(host.accelerators) or not device.gpu)
