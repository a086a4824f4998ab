"""The project's own evaluation: the closed forms of the twin, so that ``evaluate`` and ``run --engine theory`` agree.

What the SPACE4AI tools leave out is in: stability of every device, data between components from wherever requests
leave, the load that really reaches a function, memory node by node, and the price of a request (AI-SPRINT's
``transitionCost``). A function bills the seconds of its executions (rounded up to its billing step) times its price
for an hour, cold starts only where it says so, and its price per request.
"""

from __future__ import annotations

import math
from typing import Any

from design.evaluation import ConstraintFigures, Evaluation, HostFigures, Violation, time_violation, within
from design.function_figures import price_per_request
from design.space4ai_formula import overloaded
from twin.model.plan import Plan
from twin.model.scenario import Scenario
from twin.report import Report
from twin.theory import HOUR, solve
from twin.verdict import Verdict


def evaluate_twin(scenario: Scenario, plan: Plan) -> Evaluation:
    """Return what the closed forms of the twin say of *plan*.

    Raises:
        PlanError: The plan does not fit the scenario.
        EngineError: No closed form is known for such a network.
    """
    report = solve(scenario, plan)
    figures = report.figures
    constraints = tuple(_judged(verdict) for verdict in report.verdicts if verdict.statistic != "memory")
    resources = _hosts(scenario, figures)
    return Evaluation(
        dialect="twin",
        cost=sum(each.cost for each in resources.values()),
        components={name: _seconds(each["response_time"]["mean"]) for name, each in figures["components"].items()},
        partitions={
            name: _seconds(partition["response_time"]["mean"])
            for each in figures["components"].values()
            for name, partition in each["partitions"].items()
        },
        paths={name: each["response_time"]["mean"] for name, each in figures["paths"].items()},
        resources=resources,
        constraints=constraints,
        violations=(*_overloads(report), *_memory(report), *_limits(constraints)),
        notes=tuple(f"{each.name}: {each.note}" for each in constraints if each.satisfied is None),
    )


def _seconds(mean: float | None) -> float:
    return math.inf if mean is None or math.isnan(mean) else mean


def _hosts(scenario: Scenario, figures: dict[str, Any]) -> dict[str, HostFigures]:
    hosts = {}
    for name, each in figures["resources"].items():
        cost = each["cost"]
        if name in scenario.continuum.functions:
            forgotten = price_per_request(scenario, name) - scenario.continuum.functions[name].cost_per_request
            cost += forgotten * HOUR * _function_rate(name, figures)
        used = each.get("offered_load", each["utilisation"])
        known = used is not None and math.isfinite(used)
        hosts[name] = HostFigures(utilisation=used if known else None, nodes=each["nodes"], cost=cost)
    return hosts


def _function_rate(function: str, figures: dict[str, Any]) -> float:
    return sum(
        partition["arrival_rate"]
        for component in figures["components"].values()
        for partition in component["partitions"].values()
        if partition["resource"] == function
    )


def _judged(verdict: Verdict) -> ConstraintFigures:
    value = verdict.value.value
    known = not math.isnan(value)
    satisfied = verdict.satisfied
    if known and satisfied is False and verdict.unit == "s":
        satisfied = within(value, verdict.limit)
    return ConstraintFigures(
        name=verdict.name,
        kind=verdict.kind,
        target=verdict.target,
        value=value if known else None,
        limit=verdict.limit,
        satisfied=satisfied,
        note=verdict.note,
    )


def _overloads(report: Report) -> list[Violation]:
    return [overloaded(each.name, each.offered_load) for each in report.overloads]


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
    return [
        time_violation(each) if each.kind in ("local", "global", "response") else _shortage(each) for each in broken
    ]


def _shortage(constraint: ConstraintFigures) -> Violation:
    value = constraint.value if constraint.value is not None else 0.0
    return Violation(
        kind=constraint.kind,
        name=constraint.name,
        amount=max(constraint.limit - value, 0.0),
        unit="1/s" if constraint.kind == "throughput" else "MB",
        message=f"{constraint.name}: {constraint.note or f'{value:g} where {constraint.limit:g} are asked'}",
    )
