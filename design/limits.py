"""Limits on times in the form the search reads: weighted sums over components and the transfers between them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise

from design.rules import Rules
from design.sources import located_sources
from design.tails import Traffic, not_judged, tail_factor, traffic_of
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
"""Origin and target of a transfer: components, or a source by its name among them."""


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

    tail: float = 0.0
    """Standard deviations of that sum that are added to its mean, see :mod:`design.tails`."""


def limits_of(scenario: Scenario, rules: Rules, chosen: Mapping[str, Deployment]) -> tuple[list[Limit], list[str]]:
    """Return the limits that the formula of a dialect can judge, and a note on each of the others.

    *chosen* is a deployment of each component; all that are allowed send alike.
    """
    traffic = traffic_of(scenario, chosen)
    limits: list[Limit] = []
    notes: list[str] = []
    tightest: dict[str, LocalConstraint] = {}
    for constraint in scenario.constraints:
        if not isinstance(constraint, TimeLimit):
            continue
        reason = not_judged(scenario, constraint, rules, traffic)
        if reason:
            notes.append(f"{constraint_name(constraint)}: not judged, for {reason}")
        elif isinstance(constraint, LocalConstraint) and constraint.statistic == "mean":
            known = tightest.get(constraint.component)
            tightest[constraint.component] = min(known or constraint, constraint, key=lambda each: each.limit)
        else:
            limits.append(_along(scenario, constraint, len(limits), traffic, tail_factor(constraint, rules.tails)))
    order = list(scenario.application.components)
    local = [
        Limit(name=constraint_name(each), place=-1 - order.index(name), seconds=each.limit)
        for name, each in tightest.items()
    ]
    return local + limits, notes


def _along(scenario: Scenario, constraint: TimeLimit, place: int, traffic: Traffic, tail: float) -> Limit:
    """Return a limit on the time along a path, of a whole request, or on the slow requests of one component."""
    components: Mapping[str, float]
    hops: Mapping[Hop, float] = {}
    if isinstance(constraint, ResponseConstraint):
        components = {name: rate / traffic.entering for name, rate in traffic.rates.items()}
        hops = {hop: share * traffic.rates[hop[0]] / traffic.entering for hop, share in traffic.sends.items()}
        for name, source in located_sources(scenario).items():
            hops = {**hops, (name, source.entry): source.rate / traffic.entering}
    elif isinstance(constraint, GlobalConstraint):
        components, hops = dict.fromkeys(constraint.path, 1.0), dict.fromkeys(pairwise(constraint.path), 1.0)
    else:
        components = {constraint.component: 1.0}
    return Limit(
        name=constraint_name(constraint),
        place=place,
        seconds=constraint.limit,
        components=dict(components),
        hops=dict(hops),
        tail=tail,
    )
