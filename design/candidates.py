"""Where partitions can run at all: hosts with a profile that offer what the container asks for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

from twin.model.application import Container, Deployment, Partition
from twin.model.constraints import DeviceConstraint
from twin.model.continuum import CloudFunction, Resource
from twin.model.scenario import Scenario

BoolArray = NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True)
class Hosts:
    """Resources, their groups, and functions; a location is a group, or the number of groups plus a function."""

    scenario: Scenario

    resources: tuple[str, ...]

    groups: tuple[tuple[int, ...], ...]

    functions: tuple[str, ...]

    units: tuple[float, ...]
    """Cores that a request uses on each resource."""

    fits: dict[tuple[str, int], tuple[float, float]]
    """Partition and resource → mean service time in seconds, and megabytes."""

    locations: dict[str, tuple[int, ...]]
    """Partition → where it can run."""

    def functions_for(self, partition: str) -> list[str]:
        """Return the functions that can run *partition*."""
        first = len(self.groups)
        return [self.functions[location - first] for location in self.locations[partition] if location >= first]

    @property
    def location_count(self) -> int:
        """How many locations there are."""
        return len(self.groups) + len(self.functions)

    def edges(self) -> BoolArray:
        """Return which locations are physical devices, shape (locations,)."""
        layers = self.scenario.continuum.layers
        return np.array([layers[layer].type.startswith("Physical") for layer in self.layers()], dtype=np.bool_)

    def layers(self) -> list[str]:
        """Return the layer of each location."""
        continuum = self.scenario.continuum
        pools = [continuum.resources[self.resources[members[0]]].layer for members in self.groups]
        return pools + [continuum.functions[name].layer for name in self.functions]


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
    return Hosts(
        scenario=scenario,
        resources=resources,
        groups=groups,
        functions=functions,
        units=tuple(units),
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
