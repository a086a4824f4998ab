"""Limits beyond the mean: percentiles and shares above a limit, from mean and variance of a time.

A time is taken to be a constant plus an exponential one, with its mean m and its standard deviation s: its quantile at
p is m + s (ln(1 / (1 - p)) - 1). That is exact for an M/M/1 queue, first come first served, behind constant delays.
Elsewhere it is an estimate: too long where many parts add up, too short where a time has a heavier tail. With
``cantelli`` the quantile is at most m + s √(p / (1 - p)) whatever the law (Cantelli 1928), which is as safe as the
variance is known; with ``simulation`` nothing is judged here. The variance is the sum of those of all visits and
transfers, taken to be independent (Kleinrock 1964):

    waiting line   Var S + W² (2 / C - 1), C being the share that waits: exact for M/M/c
    sharing        f² Var S + E[S²] (f² - f) with slowdown f: an estimate that is exact for constant f
    function       the mixture of cold and warm executions

None of it knows which way a request takes; so it is used only where all requests that count make the same visits.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise

from design.rules import Rules, Tails
from design.traffic_rates import component_rates, entry_rates
from twin.model.application import Deployment
from twin.model.constraints import GlobalConstraint, LocalConstraint, ResponseConstraint, TimeLimit
from twin.model.scenario import Scenario

SAME = 1e-9
"""Relative difference of two rates that counts as rounding."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Traffic:
    """Where requests go under one choice of deployments."""

    entering: float
    """Requests/s from outside."""

    rates: Mapping[str, float]
    """Requests/s of each component."""

    sends: Mapping[tuple[str, str], float]
    """Dependency → share of the requests that take it."""


def traffic_of(scenario: Scenario, chosen: Mapping[str, Deployment]) -> Traffic:
    """Return where requests go when each component takes the deployment *chosen* for it."""
    return Traffic(
        entering=sum(entry_rates(scenario).values()),
        rates=component_rates(scenario, chosen),
        sends={
            (edge.origin, edge.to): chosen[edge.origin].transition_probabilities.get(edge.to, edge.probability)
            for edge in scenario.application.dependencies
        },
    )


def tail_factor(constraint: TimeLimit, tails: Tails) -> float:
    """Return the number of standard deviations beyond the mean that must lie within the limit; 0 for the mean."""
    late = _late(constraint)
    if late is None:
        return 0.0
    return -math.log(late) - 1.0 if tails == "estimate" else math.sqrt((1.0 - late) / late)


def share_beyond(limit: float, mean: float, deviation: float, tails: Tails) -> float:
    """Return the share of the times with this *mean* and standard *deviation* that are above *limit*."""
    if deviation <= 0.0 or not math.isfinite(mean):
        return float(not mean <= limit)
    steps = (limit - mean) / deviation
    if tails == "cantelli":
        return 1.0 / (1.0 + steps**2) if steps > 0.0 else 1.0
    return math.exp(-1.0 - steps) if steps > -1.0 else 1.0


def not_judged(scenario: Scenario, constraint: TimeLimit, rules: Rules, traffic: Traffic) -> str:
    """Return why the formulas of a dialect do not judge *constraint*; empty if they do."""
    mean = constraint.statistic == "mean"
    if rules.dialect != "twin":
        own = mean and not isinstance(constraint, ResponseConstraint)
        return "" if own else "the formulas know means of parts only"
    if isinstance(constraint, GlobalConstraint) and not _is_followed(constraint, traffic):
        return "no request follows the path"
    if mean:
        return ""
    if rules.tails == "simulation":
        return "percentiles are left to the simulation"
    if tail_factor(constraint, rules.tails) < 0.0:
        return "the estimate is for percentiles above 63.3"
    return next(_several_ways(scenario, constraint, traffic), "")


def _late(constraint: TimeLimit) -> float | None:
    """Return the share of the requests that may be late."""
    return constraint.share_above if constraint.percentile is None else 1.0 - constraint.percentile / 100.0


def _is_followed(constraint: GlobalConstraint, traffic: Traffic) -> bool:
    """Say whether requests go along the whole path; a deployment may have closed it."""
    return all(traffic.sends[hop] > 0.0 and traffic.rates[hop[0]] > 0.0 for hop in pairwise(constraint.path))


def _several_ways(scenario: Scenario, constraint: TimeLimit, traffic: Traffic) -> Iterator[str]:
    """Find out why not all requests that count make the same visits."""
    if isinstance(constraint, LocalConstraint):
        names = [constraint.component]
    elif isinstance(constraint, GlobalConstraint):
        names = list(constraint.path)
    else:
        names = [name for name, rate in traffic.rates.items() if rate > 0.0]
        yield from _branches(scenario, traffic)
    for name in names:
        deployments = scenario.application.components[name].deployments.values()
        if any(partition.exit_probability > 0.0 for each in deployments for partition in each.chain[:-1]):
            yield f"requests leave {name!r} early"


def _branches(scenario: Scenario, traffic: Traffic) -> Iterator[str]:
    """Find out why requests take different ways through the application."""
    if len(scenario.workload.sources) > 1:
        yield "requests come from several sources"
    for name, rate in traffic.rates.items():
        if rate > 0.0 and abs(rate - traffic.entering) > SAME * traffic.entering:
            yield f"not every request comes once to {name!r}"
