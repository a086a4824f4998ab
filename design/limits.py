"""Limits on mean times in the form the search reads: weighted sums over components and the transfers between them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise

from design.rules import Rules
from design.traffic_rates import component_rates, entry_rates
from twin.model.application import Deployment
from twin.model.constraints import (
    GlobalConstraint,
    LocalConstraint,
    ResponseConstraint,
    TimeLimit,
    constraint_name,
)
from twin.model.scenario import Scenario

Hop = tuple[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """Seconds that a weighted sum of mean times must not exceed."""

    name: str

    place: int
    """Position among the limited paths, or minus one minus the position of a component."""

    seconds: float

    components: dict[str, float] = field(default_factory=dict)
    """Component → weight."""

    hops: dict[Hop, float] = field(default_factory=dict)
    """Origin and target of a transfer → weight."""


def limits_of(scenario: Scenario, rules: Rules, chosen: Mapping[str, Deployment]) -> tuple[list[Limit], list[str]]:
    """Return the limits that the formula of a dialect can judge, and a note on each of the others.

    *chosen* is a deployment of each component; all that are allowed send alike.
    """
    rates = component_rates(scenario, chosen)
    sends = {
        (edge.origin, edge.to): chosen[edge.origin].transition_probabilities.get(edge.to, edge.probability)
        for edge in scenario.application.dependencies
    }
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
            limits.append(_response(scenario, constraint, paths, rates, sends))
            paths += 1
        elif rules.dialect == "twin" and not _is_followed(constraint, rates, sends):
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


def _is_followed(constraint: GlobalConstraint, rates: Mapping[str, float], sends: Mapping[Hop, float]) -> bool:
    """Say whether requests go along the whole path; a deployment may have closed it."""
    return all(sends[hop] > 0.0 and rates[hop[0]] > 0.0 for hop in pairwise(constraint.path))


def _response(
    scenario: Scenario,
    constraint: ResponseConstraint,
    place: int,
    rates: Mapping[str, float],
    sends: Mapping[Hop, float],
) -> Limit:
    """Return the limit on the mean time of a request that goes one way: visits times times."""
    entering = sum(entry_rates(scenario).values())
    return Limit(
        name=constraint_name(constraint),
        place=place,
        seconds=constraint.limit,
        components={name: rate / entering for name, rate in rates.items()},
        hops={hop: share * rates[hop[0]] / entering for hop, share in sends.items()},
    )
