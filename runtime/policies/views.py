"""The scenario as a policy sees it: the load it reckons with, the bandwidths measured, the nodes it may count on."""

from __future__ import annotations

from collections.abc import Mapping
from math import log
from typing import Any

from design.rules import RULES
from design.support import require_support
from twin.errors import EngineError, PolicyError, Problem, did_you_mean
from twin.model.application import Application, Component, Deployment, Partition
from twin.model.constraints import (
    Constraint,
    ResponseConstraint,
    ThroughputConstraint,
    TimeLimit,
    constraint_name,
)
from twin.model.plan import Plan
from twin.model.scenario import Scenario
from twin.model.workload import Poisson, Workload

SLOWEST = 1e-4
"""Requests/s that a source is taken to send at least; the formulas know no load of 0."""


def modelled(scenario: Scenario, dialects: tuple[str, ...], policy: str) -> tuple[Scenario, str]:
    """Return *scenario* as the formulas can hold it, and the first of *dialects* that can.

    Where none holds it as it is, queues count as shared processors and transfers as undisturbed, and a limit on a
    percentile as one on the mean of exponential times (exact where a single M/M/1 queue decides): mean formulas know
    no more. A limit on the response time of the whole application is left out where they cannot even tell that.

    Raises:
        PolicyError: There is no such dialect, or none of them can hold the scenario.
    """
    continuum = scenario.continuum
    simple = continuum.model_copy(
        update={
            "domains": {n: each.model_copy(update={"contention": "none"}) for n, each in continuum.domains.items()},
            "resources": {
                name: each.model_copy(update={"discipline": "ps", "queue_capacity": None})
                for name, each in continuum.resources.items()
            },
            "functions": {
                name: each.model_copy(update={"concurrency_limit": None}) for name, each in continuum.functions.items()
            },
        }
    )
    bare = scenario.model_copy(update={"events": (), "plan": None, "expect": ()})
    view = bare.model_copy(update={"continuum": simple})
    views = [
        bare.model_copy(update={"constraints": _without_throughput(scenario)}),
        view.model_copy(update={"constraints": _mean_limits(scenario)}),
        view.model_copy(update={"constraints": _mean_limits(scenario, whole=False)}),
    ]
    problems: list[Problem] = []
    for dialect in dialects:
        if dialect not in RULES:
            raise PolicyError(f"policy {policy}: unknown dialect {dialect!r}{did_you_mean(dialect, RULES)}")
        for held in views:
            try:
                require_support(held, RULES[dialect])
            except EngineError as error:
                problems += error.problems
            else:
                return held, dialect
    unique = list(dict.fromkeys(problems))
    raise PolicyError(f"policy {policy}: no formula of {', '.join(dialects)} holds {scenario.name!r}", unique)


def _without_throughput(scenario: Scenario) -> tuple[Constraint, ...]:
    """Return all limits but those on the throughput, which say something about the load, not about the plan."""
    return tuple(each for each in scenario.constraints if not isinstance(each, ThroughputConstraint))


def _mean_limits(scenario: Scenario, *, whole: bool = True) -> tuple[Constraint, ...]:
    """Return limits on means instead of those on percentiles; those on the *whole* application if that is asked."""
    limits: list[Constraint] = []
    for constraint in _without_throughput(scenario):
        if isinstance(constraint, ResponseConstraint) and not whole:
            continue
        if isinstance(constraint, TimeLimit):
            share = (100.0 - constraint.percentile) / 100 if constraint.percentile else constraint.share_above
            means = max(-log(share), 1.0) if share else 1.0
            update = {"limit": constraint.limit / means, "percentile": None, "share_above": None}
            constraint = constraint.model_copy(update={"name": constraint_name(constraint), **update})
        limits.append(constraint)
    return tuple(limits)


def at_rates(scenario: Scenario, rates: Mapping[str, float]) -> Scenario:
    """Return *scenario* with these requests/s of its sources."""
    sources = {
        name: source.model_copy(update={"arrivals": Poisson(rate=max(rates[name], SLOWEST))})
        for name, source in scenario.workload.sources.items()
    }
    return scenario.model_copy(update={"workload": Workload(sources=sources)})


def with_bandwidths(scenario: Scenario, bandwidths: Mapping[str, float]) -> Scenario:
    """Return *scenario* with these Mbit/s of its domains; a domain cut off (0) is not there, what it joins stays."""
    continuum = scenario.continuum
    domains = {
        name: domain.model_copy(
            update={
                "bandwidth_mbit_per_s": bandwidths.get(name, domain.bandwidth_mbit_per_s),
                "layers": tuple(sorted(continuum.layers_within(name))),
                "contains": (),
            }
        )
        for name, domain in continuum.domains.items()
        if bandwidths.get(name, 1.0) > 0
    }
    return scenario.model_copy(update={"continuum": continuum.model_copy(update={"domains": domains})})


def limited_to(
    scenario: Scenario, most: Mapping[str, int], deployments: Mapping[str, frozenset[str]] | None = None
) -> Scenario | None:
    """Return *scenario* with at most so many nodes of some hosts; a host with 0 takes nothing, functions included.

    *deployments* says which of them components may take; absent: all. None where a component cannot run any more.
    """
    components: dict[str, Component] = {}
    for component in scenario.application.components.values():
        allowed = None if deployments is None else deployments[component.name]
        left = {
            deployment.name: kept
            for deployment in component.deployments.values()
            if (allowed is None or deployment.name in allowed) and (kept := _on_hosts(deployment, most))
        }
        if not left:
            return None
        components[component.name] = component.model_copy(update={"deployments": left})
    resources = {
        name: resource.model_copy(update={"nodes": min(resource.nodes, max(most.get(name, resource.nodes), 1))})
        for name, resource in scenario.continuum.resources.items()
    }
    application: Application = scenario.application.model_copy(update={"components": components})
    continuum = scenario.continuum.model_copy(update={"resources": resources})
    partitions = {name for c in components.values() for d in c.deployments.values() for name in d.partitions}
    profiles = {name: each for name, each in scenario.profiles.items() if name in partitions}
    return scenario.model_copy(update={"application": application, "continuum": continuum, "profiles": profiles})


def _on_hosts(deployment: Deployment, most: Mapping[str, int]) -> Deployment | None:
    """Return *deployment* without the candidates that have no nodes; None where a partition has none left."""
    partitions: dict[str, Partition] = {}
    for partition in deployment.chain:
        update: dict[str, Any] = {
            "candidates": {host: each for host, each in partition.candidates.items() if most.get(host, 1) > 0}
        }
        if not update["candidates"]:
            return None
        partitions[partition.name] = partition.model_copy(update=update)
    return deployment.model_copy(update={"partitions": partitions})


def without_down(plan: Plan, down: Mapping[str, int]) -> Plan | None:
    """Return what of *plan* runs while so many nodes of its resources are down; None where nothing of a pool does."""
    for name, count in down.items():
        nodes = plan.nodes(name)
        if nodes:
            if nodes <= count:
                return None
            plan = plan.with_nodes(name, nodes - count)
    return plan


def beside_down(plan: Plan, down: Mapping[str, int]) -> Plan:
    """Return *plan* with so many nodes more where others are down: a plan cannot leave out single nodes."""
    for name, count in down.items():
        if count and plan.nodes(name):
            plan = plan.with_nodes(name, plan.nodes(name) + count)
    return plan
