"""What keeps a plan from running in a scenario."""

from __future__ import annotations

from collections.abc import Iterator

from twin.errors import PlanError, Problem
from twin.model.application import Container, Deployment
from twin.model.checks import unknown
from twin.model.continuum import Resource
from twin.model.plan import Placement, Plan
from twin.model.scenario import Scenario


def require_fitting(scenario: Scenario, plan: Plan) -> None:
    """Raise PlanError if *plan* does not fit *scenario*."""
    problems = plan_problems(scenario, plan)
    if problems:
        raise PlanError(f"plan {plan.name!r} does not fit scenario {scenario.name!r}", problems)


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
    known = dict.fromkeys(
        name
        for component in scenario.application.components.values()
        for deployment in component.deployments.values()
        for name in deployment.partitions
    )
    for name in plan.placements:
        yield from unknown(f"plan.{name}", "partition", name, known)
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
