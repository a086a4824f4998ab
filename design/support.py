"""What the arrays of the search can hold exactly, and what they cannot."""

from __future__ import annotations

from collections.abc import Iterator

from design.candidates import all_partitions
from design.rules import Rules
from twin.errors import EngineError, Problem
from twin.model.constraints import ResponseConstraint, TimeLimit
from twin.model.scenario import Scenario

MOVES = ("random", "local", "tabu", "annealing", "genetic")
"""Methods whose figures by move know requests that share nodes, and no more."""


def require_support(scenario: Scenario, rules: Rules, method: str = "auto") -> None:
    """Raise EngineError with everything that the search cannot model exactly, each with a way out."""
    checks = (
        (_pools, _mixed_units, _functions, _network) if rules.dialect == "twin" else (_counted_once, _function_memory)
    )
    if rules.dialect == "twin" and method in MOVES:
        _require_sharing(scenario, rules, method)
    problems = [Problem(where, message) for check in checks for where, message in check(scenario, rules)]
    if problems:
        way_out = "; change it, or take dialect d, whose formulas leave it out" if rules.dialect == "twin" else ""
        raise EngineError(f"scenario {scenario.name!r} holds what the search has no formula for{way_out}", problems)


Finding = tuple[str, str]


def _require_sharing(scenario: Scenario, rules: Rules, method: str) -> None:
    """Raise EngineError where a heuristic would need more than requests that share nodes."""
    resources, domains = scenario.continuum.resources.values(), scenario.continuum.domains.values()
    found = [
        *(
            f"continuum.resources.{r.name}.discipline"
            for r in resources
            if (r.discipline or scenario.run.discipline) != "ps"
        ),
        *(f"continuum.domains.{d.name}.contention" for d in domains if d.contention != "none"),
    ]
    if rules.tails != "simulation":
        found += [
            f"constraints.{i}"
            for i, constraint in enumerate(scenario.constraints)
            if isinstance(constraint, TimeLimit) and constraint.statistic != "mean"
        ]
    if found:
        message = "take method exact, auto, descent or lns, or the dialect d"
        raise EngineError(
            f"method {method} knows nothing but means of requests that share nodes",
            [Problem(where, message) for where in found],
        )


def _pools(scenario: Scenario, rules: Rules) -> Iterator[Finding]:  # noqa: ARG001 (as the other checks)
    for resource in scenario.continuum.resources.values():
        if resource.queue_capacity is not None:
            where = f"continuum.resources.{resource.name}.queue_capacity"
            yield where, "a queue of limited length, so that the cheapest plan would lose requests; leave the limit out"


def _mixed_units(scenario: Scenario, rules: Rules) -> Iterator[Finding]:  # noqa: ARG001
    for name in scenario.continuum.resources:
        units = {p.candidates[name].computing_units for _, p in all_partitions(scenario) if name in p.candidates}
        if len(units) > 1:
            listed = ", ".join(f"{each:g}" for each in sorted(units))
            yield f"continuum.resources.{name}", f"its partitions use {listed} computing units; give all the same"


def _functions(scenario: Scenario, rules: Rules) -> Iterator[Finding]:  # noqa: ARG001
    for function in scenario.continuum.functions.values():
        if function.concurrency_limit is not None and function.on_limit == "reject":
            where = f"continuum.functions.{function.name}.concurrency_limit"
            yield where, "a limit at which requests are lost; give on_limit: queue, or leave the limit out"


def _network(scenario: Scenario, rules: Rules) -> Iterator[Finding]:  # noqa: ARG001
    application = scenario.application
    forks = any(_forks(scenario, name) for name in application.components)
    for component in application.components.values():
        inputs = sum(edge.to == component.name for edge in application.dependencies)
        if forks and component.join == "all" and inputs > 1:
            yield f"application.components.{component.name}.join", "waiting for all inputs; give each"
    for i, constraint in enumerate(scenario.constraints):
        if isinstance(constraint, ResponseConstraint) and constraint.statistic == "mean" and forks:
            yield f"constraints.{i}", "the response time of requests that fork; limit paths instead"


def _forks(scenario: Scenario, component: str) -> bool:
    edges = scenario.application.dependencies_of(component)
    if len(edges) < 2:
        return False
    return not all(
        scenario.application.sends_exclusively(
            component, tuple(deployment.transition_probabilities.get(edge.to, edge.probability) for edge in edges)
        )
        for deployment in scenario.application.components[component].deployments.values()
    )


def _counted_once(scenario: Scenario, rules: Rules) -> Iterator[Finding]:
    """Find functions that several partitions could share: SPACE4AI-R bills only one of them."""
    if not rules.dialect.startswith("r"):
        return
    for name in scenario.continuum.functions:
        users = [partition.name for _, partition in all_partitions(scenario) if name in partition.candidates]
        if len(users) > 1:
            yield (
                f"continuum.functions.{name}",
                f"SPACE4AI-R bills it once, however many of {', '.join(users)} use it; take another dialect",
            )


def _function_memory(scenario: Scenario, rules: Rules) -> Iterator[Finding]:  # noqa: ARG001
    """Find functions whose memory could be filled by several partitions, which SPACE4AI adds up."""
    for name, function in scenario.continuum.functions.items():
        needs = [p.candidates[name].memory_mb for _, p in all_partitions(scenario) if name in p.candidates]
        if function.memory_mb is not None and len(needs) > 1 and sum(needs) > function.memory_mb:
            yield (
                f"continuum.functions.{name}.memory_mb",
                "partitions together may exceed it, which only SPACE4AI forbids; take dialect twin",
            )
