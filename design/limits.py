"""Limits on mean times in the form the search reads: weighted sums over components and the transfers between them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import pairwise

from design.rules import Rules
from design.traffic_rates import entry_rates
from twin.model.constraints import (
    GlobalConstraint,
    LocalConstraint,
    ResponseConstraint,
    TimeLimit,
    constraint_name,
)
from twin.model.scenario import Scenario


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """Seconds that a weighted sum of mean times must not exceed."""

    name: str

    place: int
    """Position among the limited paths, or minus one minus the position of a component."""

    seconds: float

    components: dict[str, float] = field(default_factory=dict)
    """Component → weight."""

    hops: dict[tuple[str, str], float] = field(default_factory=dict)
    """Origin and target of a transfer → weight."""


def limits_of(scenario: Scenario, rules: Rules, rates: Mapping[str, float]) -> tuple[list[Limit], list[str]]:
    """Return the limits that the formula of a dialect can judge, and a note on each of the others.

    *rates* are the requests/s of the components.
    """
    limits: list[Limit] = []
    notes: list[str] = []
    tightest: dict[str, LocalConstraint] = {}
    paths = 0
    for constraint in scenario.constraints:
        if not isinstance(constraint, TimeLimit):
            continue
        if constraint.statistic != "mean" or (isinstance(constraint, ResponseConstraint) and rules.dialect != "twin"):
            notes.append(f"{constraint_name(constraint)}: not judged, for the formulas know means of parts only")
        elif isinstance(constraint, LocalConstraint):
            known = tightest.get(constraint.component)
            tightest[constraint.component] = min(known or constraint, constraint, key=lambda each: each.limit)
        elif isinstance(constraint, ResponseConstraint):
            limits.append(_response(scenario, constraint, paths, rates))
            paths += 1
        elif rules.dialect == "twin" and not _is_followed(scenario, constraint, rates):
            notes.append(f"{constraint_name(constraint)}: not judged, for no request follows the path")
        else:
            limits.append(_path(constraint, paths))
            paths += 1
    order = list(scenario.application.components)
    local = [
        Limit(name=constraint_name(each), place=-1 - order.index(name), seconds=each.limit)
        for name, each in tightest.items()
    ]
    return local + limits, notes


def _path(constraint: GlobalConstraint, place: int) -> Limit:
    return Limit(
        name=constraint_name(constraint),
        place=place,
        seconds=constraint.limit,
        components=dict.fromkeys(constraint.path, 1.0),
        hops=dict.fromkeys(pairwise(constraint.path), 1.0),
    )


def _is_followed(scenario: Scenario, constraint: GlobalConstraint, rates: Mapping[str, float]) -> bool:
    """Say whether requests go along the whole path; a deployment may have closed it."""
    probability = {(edge.origin, edge.to): edge.probability for edge in scenario.application.dependencies}
    return all(probability[hop] > 0.0 and rates[hop[0]] > 0.0 for hop in pairwise(constraint.path))


def _response(scenario: Scenario, constraint: ResponseConstraint, place: int, rates: Mapping[str, float]) -> Limit:
    """Return the limit on the mean time of a request that goes one way: visits times times."""
    entering = sum(entry_rates(scenario).values())
    edges = scenario.application.dependencies
    return Limit(
        name=constraint_name(constraint),
        place=place,
        seconds=constraint.limit,
        components={name: rate / entering for name, rate in rates.items()},
        hops={(edge.origin, edge.to): edge.probability * rates[edge.origin] / entering for edge in edges},
    )


def unsupported(scenario: Scenario, rules: Rules) -> Iterator[tuple[str, str]]:
    """Yield place and message for everything of *scenario* that the arrays of the search cannot hold exactly."""
    if rules.dialect != "twin":
        return
    continuum, application = scenario.continuum, scenario.application
    for resource in continuum.resources.values():
        where = f"continuum.resources.{resource.name}"
        if (resource.discipline or scenario.run.discipline) != "ps":
            yield f"{where}.discipline", "first come, first served; give ps"
        if resource.queue_capacity is not None:
            yield f"{where}.queue_capacity", "a queue of limited length; leave the limit out"
    for function in continuum.functions.values():
        if function.concurrency_limit is not None:
            yield f"continuum.functions.{function.name}.concurrency_limit", "a limit on instances; leave it out"
    for domain in continuum.domains.values():
        if domain.contention != "none":
            yield f"continuum.domains.{domain.name}.contention", "transfers that disturb each other; give none"
    forks = any(_forks(scenario, name) for name in application.components)
    for component in application.components.values():
        if component.join == "all" and sum(edge.to == component.name for edge in application.dependencies) > 1 and forks:
            yield f"application.components.{component.name}.join", "waiting for all inputs; give each"
    yield from _unsupported_limits(scenario, forks)


def _unsupported_limits(scenario: Scenario, forks: bool) -> Iterator[tuple[str, str]]:
    for i, constraint in enumerate(scenario.constraints):
        if isinstance(constraint, ResponseConstraint) and constraint.statistic == "mean":
            if forks:
                yield f"constraints.{i}", "the response time of a request that forks; limit paths instead"
            if any(source.at is not None for source in scenario.workload.sources.values()):
                yield f"constraints.{i}", "the response time with data from the source; limit paths instead"


def _forks(scenario: Scenario, component: str) -> bool:
    edges = scenario.application.dependencies_of(component)
    sends = tuple(edge.probability for edge in edges)
    return len(edges) > 1 and not scenario.application.sends_exclusively(component, sends)
