"""The project's own evaluation: the closed forms of the twin, so that ``evaluate`` and ``run --engine theory`` agree.

What the SPACE4AI tools leave out is in: stability of every device, data between components from wherever requests
leave, the load that really reaches a function, memory node by node, and the price of a request (AI-SPRINT's
``transitionCost``). A function bills the seconds of its executions (rounded up to its billing step) times its price
for an hour, cold starts only where it says so, and its price per request.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from design.evaluation import ConstraintFigures, Evaluation, HostFigures, Violation, time_violation, within
from design.function_figures import price_per_request
from design.rules import Rules
from design.space4ai_formula import at_edge, overloaded
from design.tails import not_judged, share_beyond, tail_factor, traffic_of
from design.variation import Variation
from twin.compilation import compile_network
from twin.engines.closed_form import solve_network
from twin.model.constraints import TimeLimit
from twin.model.plan import Plan
from twin.model.plan_checks import chosen_deployments
from twin.model.scenario import Scenario
from twin.network import NodePool
from twin.report import Report
from twin.theory import HOUR, solve
from twin.traffic import mean_rates, step_rates
from twin.verdict import Verdict

TIMES = ("local", "global", "response")
"""Kinds of constraints on times."""

NOTES = {
    "estimate": "by an estimate from mean and variance",
    "cantelli": "by Cantelli's bound from mean and variance",
}
"""What a verdict on a percentile rests on."""


def evaluate_twin(scenario: Scenario, plan: Plan, rules: Rules) -> Evaluation:
    """Return what the closed forms of the twin say of *plan*.

    Raises:
        PlanError: The plan does not fit the scenario.
        EngineError: No closed form is known for such a network.
    """
    report = solve(scenario, plan)
    figures = report.figures
    loads = offered_loads(scenario, plan)
    doomed = {name for name, placement in plan.placements.items() if loads.get(placement.resource, 0.0) >= 1.0}
    components = {name: _component_time(each, doomed) for name, each in figures["components"].items()}
    paths = {
        name: math.inf
        if any(components[part] == math.inf for part in each["components"])
        else each["response_time"]["mean"]
        for name, each in figures["paths"].items()
    }
    means = tuple(_judged(verdict, components, paths) for verdict in report.verdicts if verdict.statistic != "memory")
    constraints = tuple(_with_tails(scenario, plan, rules, means, components))
    resources = _hosts(scenario, figures, loads, rules.edge_share)
    return Evaluation(
        dialect="twin",
        cost=sum(each.cost for each in resources.values()),
        components=components,
        partitions={
            name: math.inf if name in doomed else _seconds(partition["response_time"]["mean"])
            for each in figures["components"].values()
            for name, partition in each["partitions"].items()
        },
        paths=paths,
        resources=resources,
        constraints=constraints,
        violations=(*_overloads(report, loads), *_memory(report), *_limits(constraints)),
        notes=tuple(
            f"{each.name}: {each.note}" for each in constraints if each.satisfied is None or each.note in NOTES.values()
        ),
    )


def offered_loads(scenario: Scenario, plan: Plan) -> dict[str, float]:
    """Return resource → work that is meant for its busiest node over what that can do, nothing being lost before.

    The closed forms let a device that cannot keep up pass less on, and so may see it carry what is left; a plan must
    carry what is asked. Resources that turn requests away are left out.
    """
    network = compile_network(scenario, plan)
    rates = step_rates(network, mean_rates(network))
    loads: dict[str, float] = {}
    for step, rate in zip(network.steps, rates, strict=True):
        station = network.stations[step.station]
        if isinstance(station, NodePool) and station.queue_capacity is None:
            work = float(rate) / step.replicas * step.service_time.expectation * step.computing_units
            loads[station.name] = loads.get(station.name, 0.0) + work / station.cores
    return loads


def _with_tails(
    scenario: Scenario,
    plan: Plan,
    rules: Rules,
    constraints: tuple[ConstraintFigures, ...],
    components: dict[str, float],
) -> Iterator[ConstraintFigures]:
    """Judge limits on percentiles and shares as :mod:`design.tails` says, in place of what theory says of them."""
    tails = [c for c in scenario.constraints if isinstance(c, TimeLimit) and c.statistic != "mean"]
    if not tails:
        yield from constraints
        return
    network = compile_network(scenario, plan)
    variation = Variation(network, solve_network(network))
    traffic = traffic_of(scenario, chosen_deployments(scenario, plan))
    for constraint, figures in zip(scenario.constraints, constraints, strict=True):
        if not isinstance(constraint, TimeLimit) or constraint.statistic == "mean":
            yield figures
            continue
        reason = not_judged(scenario, constraint, rules, traffic)
        if reason:
            yield replace(figures, value=None, satisfied=None, note=f"not judged, for {reason}")
            continue
        yield _tail(constraint, figures, rules, *variation.of(constraint, components))


def _tail(
    constraint: TimeLimit, figures: ConstraintFigures, rules: Rules, mean: float, variance: float
) -> ConstraintFigures:
    """Judge a percentile, or a share above a limit, from the mean and the variance of a time."""
    deviation = math.sqrt(variance) if math.isfinite(variance) else math.inf
    quantile = mean + tail_factor(constraint, rules.tails) * deviation if math.isfinite(mean) else math.inf
    share = constraint.share_above is not None
    return replace(
        figures,
        value=share_beyond(constraint.limit, mean, deviation, rules.tails) if share else quantile,
        satisfied=within(quantile, constraint.limit),
        note=NOTES[rules.tails],
    )


def _component_time(figures: dict[str, Any], doomed: set[str]) -> float:
    return math.inf if doomed & set(figures["partitions"]) else _seconds(figures["response_time"]["mean"])


def _seconds(mean: float | None) -> float:
    return math.inf if mean is None or math.isnan(mean) else mean


def _hosts(
    scenario: Scenario, figures: dict[str, Any], loads: dict[str, float], edge_share: float
) -> dict[str, HostFigures]:
    hosts = {}
    for name, each in figures["resources"].items():
        cost = each["cost"] * (edge_share if at_edge(scenario, scenario.continuum.host(name)) else 1.0)
        if name in scenario.continuum.functions:
            forgotten = price_per_request(scenario, name) - scenario.continuum.functions[name].cost_per_request
            cost += forgotten * HOUR * _function_rate(name, figures)
        used = each["utilisation"]
        if loads.get(name, 0.0) >= 1.0:
            used = loads[name]
        known = used is not None and math.isfinite(used)
        hosts[name] = HostFigures(utilisation=used if known else None, nodes=each["nodes"], cost=cost)
    return hosts


def _function_rate(function: str, figures: dict[str, Any]) -> float:
    return math.fsum(
        partition["arrival_rate"]
        for component in figures["components"].values()
        for partition in component["partitions"].values()
        if partition["resource"] == function
    )


def _judged(verdict: Verdict, components: dict[str, float], paths: dict[str, float | None]) -> ConstraintFigures:
    value: float | None = None if math.isnan(verdict.value.value) else verdict.value.value
    satisfied = verdict.satisfied
    if verdict.statistic == "mean" and verdict.kind in ("local", "global"):
        value = components[verdict.target] if verdict.kind == "local" else paths[verdict.name]
    if verdict.statistic == "mean" and verdict.kind in TIMES and value is not None:
        satisfied = within(value, verdict.limit)
    return ConstraintFigures(
        name=verdict.name,
        kind=verdict.kind,
        target=verdict.target,
        statistic=verdict.statistic,
        value=value,
        limit=verdict.limit,
        satisfied=satisfied,
        note=verdict.note,
    )


def _overloads(report: Report, loads: dict[str, float]) -> list[Violation]:
    found = {each.name: each.offered_load for each in report.overloads}
    found |= {name: load for name, load in loads.items() if load >= 1.0}
    return [overloaded(name, load) for name, load in found.items()]


def _memory(report: Report) -> list[Violation]:
    return [
        Violation(
            kind="memory",
            name=verdict.target,
            amount=verdict.value.value - verdict.limit,
            unit="MB",
            message=f"{verdict.target}: {verdict.note}",
        )
        for verdict in report.verdicts
        if verdict.statistic == "memory" and verdict.satisfied is False
    ]


def _limits(constraints: tuple[ConstraintFigures, ...]) -> list[Violation]:
    broken = [each for each in constraints if each.satisfied is False]
    return [time_violation(each) if each.kind in TIMES else _shortage(each) for each in broken]


def _shortage(constraint: ConstraintFigures) -> Violation:
    value = constraint.value if constraint.value is not None else 0.0
    return Violation(
        kind=constraint.kind,
        name=constraint.name,
        amount=max(constraint.limit - value, 0.0),
        unit="1/s" if constraint.kind == "throughput" else "MB",
        message=f"{constraint.name}: {constraint.note or f'{value:g} where {constraint.limit:g} are asked'}",
    )
