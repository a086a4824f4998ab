"""What no single value can see: names that lead nowhere, cycles, plans that do not fit.

Each check returns problems instead of raising, so that a user learns of all of them at once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator

import networkx as nx

from twin.errors import Problem, ScenarioError, did_you_mean
from twin.model.application import EPSILON
from twin.model.constraints import DeviceConstraint, GlobalConstraint, LocalConstraint, ThroughputConstraint
from twin.model.continuum import CloudFunction, Resource
from twin.model.events import Crash, Failures, LinkChange
from twin.model.scenario import Scenario
from twin.model.workload import Closed


def scenario_problems(scenario: Scenario) -> list[Problem]:
    """Return every contradiction in *scenario*, its plan left aside."""
    checks: tuple[Callable[[Scenario], Iterator[Problem]], ...] = (
        _domains,
        _hosts,
        _partitions,
        _dependencies,
        _profiles,
        _sources,
        _constraints,
        _events,
        _reconfiguration,
    )
    return [problem for check in checks for problem in check(scenario)]


def require_sound(scenario: Scenario) -> None:
    """Raise ScenarioError if *scenario* contradicts itself."""
    problems = scenario_problems(scenario)
    if problems:
        raise ScenarioError(f"scenario {scenario.name!r}", problems)


def unknown(where: str, what: str, name: str, known: Collection[str]) -> Iterator[Problem]:
    """Yield a problem if *name* is not among the *known* ones; where there are many, let them be no list."""
    if name not in known:
        yield Problem(where, f"unknown {what} {name!r}{did_you_mean(name, list(known))}")


def _domains(scenario: Scenario) -> Iterator[Problem]:
    continuum = scenario.continuum
    nesting: nx.DiGraph[str] = nx.DiGraph()
    for domain in continuum.domains.values():
        where = f"continuum.domains.{domain.name}"
        for i, layer in enumerate(domain.layers):
            yield from unknown(f"{where}.layers.{i}", "layer", layer, continuum.layers)
        for i, inner in enumerate(domain.contains):
            yield from unknown(f"{where}.contains.{i}", "domain", inner, continuum.domains)
            nesting.add_edge(domain.name, inner)
    yield from _cycle(nesting, "continuum.domains", "domains contain each other")


def _cycle(graph: nx.DiGraph[str], where: str, message: str) -> Iterator[Problem]:
    try:
        edges = nx.find_cycle(graph)
    except nx.NetworkXNoCycle:
        return
    yield Problem(where, f"{message}: {' > '.join([edge[0] for edge in edges] + [edges[0][0]])}")


def _hosts(scenario: Scenario) -> Iterator[Problem]:
    layers = scenario.continuum.layers
    kinds: tuple[tuple[str, dict[str, Resource] | dict[str, CloudFunction], bool], ...] = (
        ("resources", scenario.continuum.resources, False),
        ("functions", scenario.continuum.functions, True),
    )
    for key, hosts, serverless in kinds:
        for host in hosts.values():
            where = f"continuum.{key}.{host.name}.layer"
            yield from unknown(where, "layer", host.layer, layers)
            layer = layers.get(host.layer)
            if layer and (layer.type == "NativeCloudFunction") != serverless:
                right = "functions" if not serverless else "resources"
                yield Problem(where, f"layer {layer.name!r} is of type {layer.type}; put {host.name!r} under {right}")


def _partitions(scenario: Scenario) -> Iterator[Problem]:
    hosts = dict.fromkeys([*scenario.continuum.resources, *scenario.continuum.functions])
    places = [
        (f"application.components.{c.name}.deployments.{d.name}.partitions.{p.name}", p)
        for c in scenario.application.components.values()
        for d in c.deployments.values()
        for p in d.partitions.values()
    ]
    times = Counter(partition.name for _, partition in places)
    for where, partition in places:
        if times[partition.name] > 1:
            yield Problem(
                where, f"partition {partition.name!r} appears {times[partition.name]} times; names are unique"
            )
        for candidate in partition.candidates:
            yield from unknown(f"{where}.candidates", "resource or function", candidate, hosts)
    for component in scenario.application.components.values():
        for deployment in component.deployments.values():
            last = deployment.chain[-1]
            if last.exit_probability:
                where = f"application.components.{component.name}.deployments.{deployment.name}.partitions.{last.name}"
                yield Problem(f"{where}.exit_probability", "every request leaves at the last partition; give 0")


def _dependencies(scenario: Scenario) -> Iterator[Problem]:
    application = scenario.application
    graph: nx.DiGraph[str] = nx.DiGraph()
    seen: set[tuple[str, str]] = set()
    for i, edge in enumerate(application.dependencies):
        where = f"application.dependencies.{i}"
        yield from unknown(f"{where}.from", "component", edge.origin, application.components)
        yield from unknown(f"{where}.to", "component", edge.to, application.components)
        if (edge.origin, edge.to) in seen:
            yield Problem(where, f"the edge {edge.origin} > {edge.to} appears twice")
        seen.add((edge.origin, edge.to))
        graph.add_edge(edge.origin, edge.to)
    yield from _cycle(graph, "application.dependencies", "the graph has a cycle")
    yield from _transition_probabilities(scenario)


def _transition_probabilities(scenario: Scenario) -> Iterator[Problem]:
    application = scenario.application
    for component in application.components.values():
        where = f"application.components.{component.name}"
        edges = application.dependencies_of(component.name)
        for deployment in component.deployments.values():
            inner = f"{where}.deployments.{deployment.name}"
            changes = {
                "transition_probabilities": deployment.transition_probabilities,
                "dependency_data_mb": deployment.dependency_data_mb,
            }
            for key, successor in [(key, successor) for key, change in changes.items() for successor in change]:
                yield from unknown(f"{inner}.{key}.{successor}", "successor", successor, [edge.to for edge in edges])
            total = sum(deployment.transition_probabilities.get(edge.to, edge.probability) for edge in edges)
            if component.sends == "exclusive" and total > 1 + EPSILON:
                yield Problem(where, f"sends exclusively, but its probabilities sum to {total:g}; at most 1")


def _profiles(scenario: Scenario) -> Iterator[Problem]:
    continuum = scenario.continuum
    hosts: list[Resource | CloudFunction] = [*continuum.resources.values(), *continuum.functions.values()]
    devices = {host.name for host in hosts} | {host.device for host in hosts if host.device}
    partitions = dict.fromkeys(
        name
        for component in scenario.application.components.values()
        for deployment in component.deployments.values()
        for name in deployment.partitions
    )
    for partition, by_device in scenario.profiles.items():
        yield from unknown(f"profiles.{partition}", "partition", partition, partitions)
        for device in by_device:
            yield from unknown(f"profiles.{partition}.{device}", "device class or resource", device, devices)


def _sources(scenario: Scenario) -> Iterator[Problem]:
    application = scenario.application
    roots = application.roots()
    for source in scenario.workload.sources.values():
        where = f"workload.sources.{source.name}"
        if source.entry is not None:
            yield from unknown(f"{where}.entry", "component", source.entry, application.components)
        elif len(roots) != 1:
            several = f"the application has {len(roots)} roots ({', '.join(roots)})" if roots else "there is no root"
            yield Problem(where, f"{several}; name the one that receives requests with 'entry'")
        if source.at is not None:
            yield from unknown(f"{where}.at", "layer", source.at, scenario.continuum.layers)
        arrivals = source.arrivals
        if isinstance(arrivals, Closed) and not arrivals.think_time.expectation and _turns_away(scenario):
            message = "users who do not think at all would ask again for ever where requests are turned away"
            yield Problem(f"{where}.arrivals.think_time", f"{message}; give a think time above 0")


def _turns_away(scenario: Scenario) -> bool:
    """Say whether a request can end at the very moment it arrives."""
    return any(resource.queue_capacity is not None for resource in scenario.continuum.resources.values()) or any(
        function.concurrency_limit is not None and function.on_limit == "reject"
        for function in scenario.continuum.functions.values()
    )


def _constraints(scenario: Scenario) -> Iterator[Problem]:
    application = scenario.application
    edges = {(edge.origin, edge.to) for edge in application.dependencies}
    for i, constraint in enumerate(scenario.constraints):
        where = f"constraints.{i}"
        if isinstance(constraint, LocalConstraint | ThroughputConstraint | DeviceConstraint):
            yield from unknown(f"{where}.component", "component", constraint.component, application.components)
        if isinstance(constraint, GlobalConstraint):
            before = ""
            for j, name in enumerate(constraint.path):
                yield from unknown(f"{where}.path.{j}", "component", name, application.components)
                if before in application.components and name in application.components and (before, name) not in edges:
                    yield Problem(f"{where}.path.{j}", f"no dependency leads from {before!r} to {name!r}")
                before = name


def _events(scenario: Scenario) -> Iterator[Problem]:
    continuum = scenario.continuum
    for i, event in enumerate(scenario.events):
        where = f"events.{i}"
        if isinstance(event, LinkChange):
            yield from unknown(f"{where}.domain", "domain", event.domain, continuum.domains)
        if isinstance(event, Crash | Failures):
            yield from unknown(f"{where}.resource", "resource", event.resource, continuum.resources)
        resource = continuum.resources.get(event.resource) if isinstance(event, Crash) else None
        if isinstance(event, Crash) and resource and event.node is not None and event.node >= resource.nodes:
            yield Problem(f"{where}.node", f"{resource.name!r} has nodes 0 to {resource.nodes - 1}, got {event.node}")


def _reconfiguration(scenario: Scenario) -> Iterator[Problem]:
    change, where = scenario.reconfiguration, "reconfiguration"
    if change.registry is not None:
        yield from unknown(f"{where}.registry", "layer", change.registry, scenario.continuum.layers)
    for i, name in enumerate(change.fixed_resources):
        yield from unknown(f"{where}.fixed_resources.{i}", "resource", name, scenario.continuum.resources)
