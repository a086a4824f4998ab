"""Scenario → SPACE4AI's system file, in the format since 2023.

Every queue and function carries ``meanTime``, without which SPACE4AI-R refuses it. What the format cannot hold is told
by :func:`twin.formats.space4ai.losses.system_losses`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from twin.errors import Problem, ScenarioError
from twin.files import write_text
from twin.formats.space4ai.continuum import BITS_PER_BYTE, KINDS, Dialect, charges_bits
from twin.formats.space4ai.json import to_text
from twin.formats.space4ai.losses import common_rate, global_constraints, local_limits, transition_cost
from twin.formats.space4ai.names import Codes, codes_of
from twin.formats.space4ai.performance import REGRESSORS, model_of
from twin.model.application import Deployment
from twin.model.checks import require_sound
from twin.model.continuum import CloudFunction, Layer, NetworkDomain, Resource
from twin.model.profile import Profile
from twin.model.scenario import Scenario

NEVER_SHORT_MB = 1e9
"""Memory written for a host whose memory is never short."""

Document = dict[str, object]


def save_system(
    scenario: Scenario,
    path: str | Path,
    *,
    dialect: Dialect = "d",
    hours: float = 1.0,
    arrival_rate: float | None = None,
) -> None:
    """Write :func:`dump_system` to *path*, all of it or nothing; TwinError where that fails."""
    document = dump_system(scenario, dialect=dialect, hours=hours, arrival_rate=arrival_rate)
    write_text(Path(path), to_text(document))


def dump_system(
    scenario: Scenario, *, dialect: Dialect = "d", hours: float = 1.0, arrival_rate: float | None = None
) -> Document:
    """Return *scenario* as a system file for the tool *dialect* names; see :mod:`twin.formats.space4ai.system`.

    *hours* is the period its costs are for; *arrival_rate* (requests/s) replaces the scenario's own, which must
    otherwise be one and the same at all roots. Raises ScenarioError where SPACE4AI has no place for it.
    """
    require_sound(scenario)
    problems = [*_without_profile(scenario)]
    rate = arrival_rate if arrival_rate is not None else common_rate(scenario)
    if rate is None:
        problems.append(
            Problem("workload.sources", "SPACE4AI knows one rate, the same at every root; give arrival_rate")
        )
    if problems:
        raise ScenarioError(f"scenario {scenario.name!r} has no place in a SPACE4AI system file", problems)
    codes = codes_of(scenario)
    names = codes.to_names(scenario)
    return {
        "Components": _components(scenario, codes),
        "DirectedAcyclicGraph": _graph(scenario, codes),
        **_resources(scenario, codes),
        "CompatibilityMatrix": _table(scenario, codes, _compatible),
        "Performance": _table(scenario, codes, _performance),
        "Lambda": rate,
        "LocalConstraints": {codes.components[c]: {"local_res_time": t} for c, t in local_limits(scenario).items()},
        "GlobalConstraints": {
            name: {"components": [codes.components[c] for c in constraint.path], "global_res_time": constraint.limit}
            for name, constraint in global_constraints(scenario).items()
        },
        "NetworkTechnology": {
            domain.name: _domain(scenario, codes, domain, dialect) for domain in scenario.continuum.domains.values()
        },
        "Time": hours,
        **({"Names": names} if names else {}),
    }


def _without_profile(scenario: Scenario) -> Iterator[Problem]:
    for component in scenario.application.components.values():
        for deployment in component.deployments.values():
            for name in deployment.partitions:
                if not _compatible(scenario, name):
                    yield Problem(f"profiles.{name}", "no candidate has a service time; SPACE4AI needs one on each")


def _components(scenario: Scenario, codes: Codes) -> Document:
    return {
        codes.components[component.name]: {
            codes.deployments[component.name, deployment.name]: _chain(scenario, codes, component.name, deployment)
            for deployment in component.deployments.values()
        }
        for component in scenario.application.components.values()
    }


def _chain(scenario: Scenario, codes: Codes, component: str, deployment: Deployment) -> Document:
    edges = scenario.application.dependencies_of(component)
    after: list[tuple[list[str], list[float]]] = [
        ([codes.partitions[following.name]], [partition.data_mb])
        for partition, following in zip(deployment.chain, deployment.chain[1:], strict=False)
    ]
    sent = [deployment.dependency_data_mb.get(edge.to, edge.data_mb) for edge in edges]
    after.append(([codes.components[edge.to] for edge in edges], sent))
    return {
        codes.partitions[partition.name]: {
            "next": following,
            "early_exit_probability": partition.exit_probability,
            "data_size": sizes,
        }
        for partition, (following, sizes) in zip(deployment.chain, after, strict=True)
    }


def _graph(scenario: Scenario, codes: Codes) -> Document:
    """Return the graph; origins stand in the order of the dependencies, so that reading gives the same ones."""
    application = scenario.application
    origins = dict.fromkeys([edge.origin for edge in application.dependencies] + list(application.components))
    edges = {origin: application.dependencies_of(origin) for origin in origins}
    return {
        codes.components[origin]: {
            "next": [codes.components[edge.to] for edge in edges[origin]],
            "transition_probability": [edge.probability for edge in edges[origin]],
        }
        for origin in origins
    }


def _resources(scenario: Scenario, codes: Codes) -> Document:
    kinds: dict[str, dict[str, Document]] = {}
    for layer in scenario.continuum.layers.values():
        kind = next((kind for kind, type_ in KINDS.items() if type_ == layer.type), "EdgeResources")
        kinds.setdefault(kind, {})[codes.layers[layer.name]] = _layer(scenario, layer)
    return {kind: kinds[kind] for kind in KINDS if kind in kinds}


def _layer(scenario: Scenario, layer: Layer) -> Document:
    functions = [function for function in scenario.continuum.functions.values() if function.layer == layer.name]
    resources = [resource for resource in scenario.continuum.resources.values() if resource.layer == layer.name]
    found: Document = {}
    if layer.type == "NativeCloudFunction":
        found["transition_cost"] = max(map(transition_cost, functions), default=0.0)
    for function in functions:
        found[function.name] = {
            **_description(function),
            "cost": function.cost_per_hour,
            "memory": function.memory_mb or NEVER_SHORT_MB,
            "idle_time_before_kill": function.idle_time,
        }
    for resource in resources:
        cores = resource.properties.get("n_cores")
        found[resource.name] = {
            **_description(resource),
            "number": resource.nodes,
            "cost": resource.cost_per_hour,
            "memory": resource.memory_mb or NEVER_SHORT_MB,
            "n_cores": cores if isinstance(cores, int) else max(1, int(resource.cores)),
        }
    return found


def _description(host: Resource | CloudFunction) -> Document:
    return {"description": host.description} if host.description else {}


def _table(scenario: Scenario, codes: Codes, row: Callable[[Scenario, str], object]) -> Document:
    """Return component → partition → row."""
    return {
        codes.components[component.name]: {
            codes.partitions[name]: row(scenario, name)
            for deployment in component.deployments.values()
            for name in deployment.partitions
        }
        for component in scenario.application.components.values()
    }


def _compatible(scenario: Scenario, partition: str) -> list[Document]:
    """Return the candidates with a service time; SPACE4AI asks for one on each."""
    candidates = scenario.application.partition(partition)[2].candidates
    return [
        {"resource": host, "memory": container.memory_mb}
        for host, container in candidates.items()
        if scenario.profile(partition, host)
    ]


def _performance(scenario: Scenario, partition: str) -> Document:
    found: Document = {}
    for host in scenario.application.partition(partition)[2].candidates:
        profile = scenario.profile(partition, host)
        if profile:
            found[host] = _model(scenario, profile, scenario.continuum.host(host))
    return found


def _model(scenario: Scenario, profile: Profile, host: Resource | CloudFunction) -> Document:
    named, regressor = model_of(profile.source)
    mean = profile.scaled_service_time.expectation
    if named in REGRESSORS:
        times = _cold(profile, host, mean) if profile.cold_service_time and isinstance(host, CloudFunction) else {}
        file: Document = {"regressor_file": regressor} if regressor else {}
        return {"model": named, **file, **(times or {"meanTime": mean})}
    if isinstance(host, CloudFunction):
        return {"model": named or "PACSLTK", **_cold(profile, host, mean), "meanTime": mean}
    usual = "QTcloud" if scenario.continuum.layers[host.layer].type == "Virtual" else "QTedge"
    return {"model": named or usual, "demand": mean, "meanTime": mean}


def _cold(profile: Profile, function: CloudFunction, warm: float) -> Document:
    if profile.cold_service_time:
        cold = profile.cold_service_time.scaled(profile.scale).expectation
    elif profile.cold_start:
        cold = profile.cold_start.scaled(profile.scale).expectation + warm
    else:
        cold = function.cold_start.expectation + warm
    return {"demandWarm": warm, "demandCold": cold}


def _domain(scenario: Scenario, codes: Codes, domain: NetworkDomain, dialect: Dialect) -> Document:
    """Return a domain with the layers of the domains nested in it, which the tools do not know."""
    within = scenario.continuum.layers_within(domain.name)
    inner = [layer for layer in scenario.continuum.layers if layer in within and layer not in domain.layers]
    factor = 1 if charges_bits(dialect) else BITS_PER_BYTE
    return {
        "computationalLayers": [codes.layers[layer] for layer in (*domain.layers, *inner)],
        "AccessDelay": domain.access_delay,
        "Bandwidth": domain.bandwidth_mbit_per_s / factor,
    }
