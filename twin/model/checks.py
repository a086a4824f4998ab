"""What no single value can see: names that lead nowhere, cycles, plans that do not fit.

Each check returns problems instead of raising, so that a user learns of all of them at once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator

import networkx as nx

from twin.errors import PlanError, Problem, ScenarioError, did_you_mean
from twin.model.application import EPSILON, Container, Deployment
from twin.model.constraints import DeviceConstraint, GlobalConstraint, LocalConstraint, ThroughputConstraint
from twin.model.continuum import CloudFunction, Resource
from twin.model.events import Crash, Failures, LinkChange
from twin.model.plan import Placement, Plan
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
    )
    return [problem for check in checks for problem in check(scenario)]


def require_sound(scenario: Scenario) -> None:
    """Raise ScenarioError if *scenario* contradicts itself."""
    problems = scenario_problems(scenario)
    if problems:
        raise ScenarioError(f"scenario {scenario.name!r}", problems)


def require_fitting(scenario: Scenario, plan: Plan) -> None:
    """Raise PlanError if *plan* does not fit *scenario*."""
    problems = plan_problems(scenario, plan)
    if problems:
        raise PlanError(f"plan {plan.name!r} does not fit scenario {scenario.name!r}", problems)


def _unknown(where: str, what: str, name: str, known: Iterable[str]) -> Iterator[Problem]:
    names = list(known)
    if name not in names:
        yield Problem(where, f"unknown {what} {name!r}{did_you_mean(name, names)}")


def _domains(scenario: Scenario) -> Iterator[Problem]:
    continuum = scenario.continuum
    nesting: nx.DiGraph[str] = nx.DiGraph()
    for domain in continuum.domains.values():
        where = f"continuum.domains.{domain.name}"
        for i, layer in enumerate(domain.layers):
            yield from _unknown(f"{where}.layers.{i}", "layer", layer, continuum.layers)
        for i, inner in enumerate(domain.contains):
            yield from _unknown(f"{where}.contains.{i}", "domain", inner, continuum.domains)
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
            yield from _unknown(where, "layer", host.layer, layers)
            layer = layers.get(host.layer)
            if layer and (layer.type == "NativeCloudFunction") != serverless:
                right = "functions" if not serverless else "resources"
                yield Problem(where, f"layer {layer.name!r} is of type {layer.type}; put {host.name!r} under {right}")


def _partitions(scenario: Scenario) -> Iterator[Problem]:
    hosts = [*scenario.continuum.resources, *scenario.continuum.functions]
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
            yield from _unknown(f"{where}.candidates", "resource or function", candidate, hosts)
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
        yield from _unknown(f"{where}.from", "component", edge.origin, application.components)
        yield from _unknown(f"{where}.to", "component", edge.to, application.components)
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
                yield from _unknown(f"{inner}.{key}.{successor}", "successor", successor, [edge.to for edge in edges])
            total = sum(deployment.transition_probabilities.get(edge.to, edge.probability) for edge in edges)
            if component.sends == "exclusive" and total > 1 + EPSILON:
                yield Problem(where, f"sends exclusively, but its probabilities sum to {total:g}; at most 1")


def _profiles(scenario: Scenario) -> Iterator[Problem]:
    continuum = scenario.continuum
    hosts: list[Resource | CloudFunction] = [*continuum.resources.values(), *continuum.functions.values()]
    devices = {host.name for host in hosts} | {host.device for host in hosts if host.device}
    partitions = [
        name
        for component in scenario.application.components.values()
        for deployment in component.deployments.values()
        for name in deployment.partitions
    ]
    for partition, by_device in scenario.profiles.items():
        yield from _unknown(f"profiles.{partition}", "partition", partition, partitions)
        for device in by_device:
            yield from _unknown(f"profiles.{partition}.{device}", "device class or resource", device, devices)


def _sources(scenario: Scenario) -> Iterator[Problem]:
    application = scenario.application
    roots = application.roots()
    for source in scenario.workload.sources.values():
        where = f"workload.sources.{source.name}"
        if source.entry is not None:
            yield from _unknown(f"{where}.entry", "component", source.entry, application.components)
        elif len(roots) != 1:
            several = f"the application has {len(roots)} roots ({', '.join(roots)})" if roots else "there is no root"
            yield Problem(where, f"{several}; name the one that receives requests with 'entry'")
        if source.at is not None:
            yield from _unknown(f"{where}.at", "layer", source.at, scenario.continuum.layers)
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
            yield from _unknown(f"{where}.component", "component", constraint.component, application.components)
        if isinstance(constraint, GlobalConstraint):
            before = ""
            for j, name in enumerate(constraint.path):
                yield from _unknown(f"{where}.path.{j}", "component", name, application.components)
                if before in application.components and name in application.components and (before, name) not in edges:
                    yield Problem(f"{where}.path.{j}", f"no dependency leads from {before!r} to {name!r}")
                before = name


def _events(scenario: Scenario) -> Iterator[Problem]:
    continuum = scenario.continuum
    for i, event in enumerate(scenario.events):
        where = f"events.{i}"
        if isinstance(event, LinkChange):
            yield from _unknown(f"{where}.domain", "domain", event.domain, continuum.domains)
        if isinstance(event, Crash | Failures):
            yield from _unknown(f"{where}.resource", "resource", event.resource, continuum.resources)
        resource = continuum.resources.get(event.resource) if isinstance(event, Crash) else None
        if isinstance(event, Crash) and resource and event.node is not None and event.node >= resource.nodes:
            yield Problem(f"{where}.node", f"{resource.name!r} has nodes 0 to {resource.nodes - 1}, got {event.node}")


def chosen_deployments(scenario: Scenario, plan: Plan) -> dict[str, Deployment]:
    """Return component → deployment that *plan* places in full; components without one are absent."""
    return {
        component.name: deployment
        for component in scenario.application.components.values()
        for deployment in component.deployments.values()
        if all(name in plan.placements for name in deployment.partitions)
    }


def plan_problems(scenario: Scenario, plan: Plan) -> list[Problem]:
    """Return everything that keeps *plan* from running in *scenario*."""
    problems = [problem for check in (_coverage, _placements, _links) for problem in check(scenario, plan)]
    return list(dict.fromkeys(problems))


def _coverage(scenario: Scenario, plan: Plan) -> Iterator[Problem]:
    known = [n for c in scenario.application.components.values() for d in c.deployments.values() for n in d.partitions]
    for name in plan.placements:
        yield from _unknown(f"plan.{name}", "partition", name, known)
    for component in scenario.application.components.values():
        placed = {
            d.name: [name for name in d.partitions if name in plan.placements] for d in component.deployments.values()
        }
        full = [d.name for d in component.deployments.values() if len(placed[d.name]) == len(d.partitions)]
        if len(full) > 1 or (full and any(placed[name] for name in placed if name not in full)):
            several = ", ".join(name for name in placed if placed[name])
            yield Problem(
                "plan", f"component {component.name!r}: one deployment at a time; partitions of {several} placed"
            )
        if not full:
            options = "; or ".join(", ".join(d.partitions) for d in component.deployments.values())
            yield Problem("plan", f"component {component.name!r} is not placed in full; place {options}")


def _placements(scenario: Scenario, plan: Plan) -> Iterator[Problem]:
    for name, placement in plan.placements.items():
        where = f"plan.{name}"
        try:
            _, _, partition = scenario.application.partition(name)
        except KeyError:
            continue
        if placement.resource not in partition.candidates:
            candidates = ", ".join(partition.candidates)
            yield Problem(where, f"cannot run on {placement.resource!r}; candidates are {candidates}")
            continue
        yield from _fits(scenario, name, placement)


def _fits(scenario: Scenario, name: str, placement: Placement) -> Iterator[Problem]:
    """Check the placement of one partition on a host that is among its candidates."""
    where, host_name = f"plan.{name}", placement.resource
    continuum = scenario.continuum
    if host_name not in continuum.resources and host_name not in continuum.functions:
        return
    if scenario.profile(name, host_name) is None:
        device = continuum.host(host_name).device or host_name
        yield Problem(f"profiles.{name}", f"no service time on {device!r}; add profiles.{name}.{device}")
    if host_name in continuum.functions:
        if placement.replicas != 1:
            yield Problem(where, f"{host_name!r} is a cloud function and scales by itself; leave out replicas")
        return
    host = continuum.resources[host_name]
    if placement.replicas > host.nodes:
        yield Problem(where, f"asks for {placement.replicas} replicas; {host_name!r} has {host.nodes} node(s)")
    container = scenario.application.partition(name)[2].candidates[host_name]
    yield from _node_offers(where, container, host)


def _node_offers(where: str, container: Container, host: Resource) -> Iterator[Problem]:
    """Check that a node of *host* has what the container asks for; memory is judged in the report."""
    host_name = host.name
    if container.computing_units > host.cores:
        yield Problem(where, f"needs {container.computing_units:g} cores; a node of {host_name!r} has {host.cores:g}")
    if container.gpu and not host.accelerators:
        yield Problem(where, f"needs a GPU; {host_name!r} has no accelerators")
    if container.trusted_execution and not host.sgx:
        yield Problem(where, f"needs trusted execution; {host_name!r} has no SGX")


def _links(scenario: Scenario, plan: Plan) -> Iterator[Problem]:
    """Check that data can travel between partitions that follow each other."""
    chosen = chosen_deployments(scenario, plan)
    hops = [
        (before.name, after.name)
        for deployment in chosen.values()
        for before, after in zip(deployment.chain, deployment.chain[1:], strict=False)
    ]
    for edge in scenario.application.dependencies:
        if edge.origin in chosen and edge.to in chosen:
            first = chosen[edge.to].chain[0].name
            hops += [(partition.name, first) for partition in chosen[edge.origin].chain]
    for before, after in hops:
        layers = [_layer(scenario, plan, name) for name in (before, after)]
        if None in layers or plan.placements[before].resource == plan.placements[after].resource:
            continue
        if scenario.continuum.best_domain(str(layers[0]), str(layers[1]), 0) is None:
            yield Problem(
                "continuum.domains",
                f"no domain holds both layer {layers[0]!r} (of {before!r}) and layer {layers[1]!r} (of {after!r})",
            )
    for source in scenario.workload.sources.values():
        yield from _ingress(scenario, plan, chosen, source.name)


def _ingress(scenario: Scenario, plan: Plan, chosen: dict[str, Deployment], name: str) -> Iterator[Problem]:
    source = scenario.workload.sources[name]
    if source.at is None or (source.entry is None and not scenario.application.roots()):
        return
    deployment = chosen.get(scenario.entry(name))
    layer = _layer(scenario, plan, deployment.chain[0].name) if deployment else None
    if layer and source.at in scenario.continuum.layers and not scenario.continuum.best_domain(source.at, layer, 0):
        yield Problem(f"workload.sources.{name}.at", f"no domain holds both layer {source.at!r} and layer {layer!r}")


def _layer(scenario: Scenario, plan: Plan, partition: str) -> str | None:
    host = plan.placements[partition].resource
    known = host in scenario.continuum.resources or host in scenario.continuum.functions
    layer = scenario.continuum.host(host).layer if known else None
    return layer if layer in scenario.continuum.layers else None
