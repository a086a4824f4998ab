"""Verdicts: whether each limit holds, breaks, or cannot be told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf, isfinite, isinf, nan
from typing import Literal

from twin.measure import Measures, Violation
from twin.model.checks import chosen_deployments
from twin.model.constraints import (
    Constraint,
    DeviceConstraint,
    GlobalConstraint,
    LocalConstraint,
    ThroughputConstraint,
    TimeLimit,
    constraint_name,
)
from twin.model.continuum import CloudFunction, Resource
from twin.model.plan import Plan
from twin.model.scenario import Scenario
from twin.statistics import Estimate, over_replications, share_over_replications

Outcome = Literal["pass", "fail", "inconclusive"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What became of one constraint."""

    name: str
    kind: str
    target: str
    statistic: str
    """``mean``, ``p95``, ``share`` (above the limit), ``throughput``, ``device`` or ``memory``."""
    limit: float
    unit: str
    value: Estimate
    violation: Estimate
    """Share of requests above the limit."""
    satisfied: bool | None
    """None: the interval holds the limit, or there is no interval."""
    note: str = ""


def overall(verdicts: Sequence[Verdict], *, overloaded: bool) -> Outcome:
    """Return the verdict on the plan: it passes when every limit surely holds and nothing is overloaded."""
    if overloaded or any(verdict.satisfied is False for verdict in verdicts):
        return "fail"
    return "inconclusive" if any(verdict.satisfied is None for verdict in verdicts) else "pass"


def judge(scenario: Scenario, plan: Plan, measures: Sequence[Measures], doomed: set[str]) -> list[Verdict]:
    """Return a verdict for every constraint, and one for each node whose memory the plan overfills.

    Args:
        scenario: Holds the constraints.
        plan: What ran.
        measures: One per replication.
        doomed: Components that an overload lets grow without bound.
    """
    verdicts = [_judge_one(scenario, plan, measures, doomed, constraint) for constraint in scenario.constraints]
    return verdicts + memory_verdicts(scenario, plan)


def _judge_one(
    scenario: Scenario, plan: Plan, measures: Sequence[Measures], doomed: set[str], constraint: Constraint
) -> Verdict:
    if isinstance(constraint, DeviceConstraint):
        return device_verdict(scenario, plan, constraint)
    if isinstance(constraint, ThroughputConstraint):
        return _throughput(scenario, measures, constraint)
    return _time_limit(scenario, measures, doomed, constraint)


def touched(scenario: Scenario, constraint: TimeLimit) -> set[str]:
    """Return the components whose overload breaks *constraint*."""
    if isinstance(constraint, LocalConstraint):
        return {constraint.component}
    if isinstance(constraint, GlobalConstraint):
        return set(constraint.path)
    return set(scenario.application.components)


def _time_limit(
    scenario: Scenario, measures: Sequence[Measures], doomed: set[str], constraint: TimeLimit
) -> Verdict:
    name = constraint_name(constraint)
    seen = [each.violations[name] for each in measures]
    confidence = scenario.run.confidence
    violation = share_over_replications([v.share for v in seen], [v.count for v in seen], confidence)
    limit = constraint.share_above if constraint.share_above is not None else constraint.limit
    grows = sorted(touched(scenario, constraint) & doomed)
    if grows:
        value, satisfied, note = Estimate(nan), False, f"{', '.join(grows)}: overloaded, the time grows without bound"
    else:
        value = violation if constraint.share_above is not None else _statistic(seen, confidence)
        satisfied, note = _compare(value, limit, seen)
    return Verdict(
        name=name,
        kind=constraint.kind,
        target=constraint.target,
        statistic=constraint.statistic,
        limit=limit,
        unit="" if constraint.share_above is not None else "s",
        value=value,
        violation=violation,
        satisfied=satisfied,
        note=note or (f"of requests above {constraint.limit:g} s" if constraint.share_above is not None else ""),
    )


def _statistic(seen: Sequence[Violation], confidence: float) -> Estimate:
    values = [each.statistic for each in seen]
    if any(isinf(value) for value in values):
        return Estimate(inf)
    return over_replications(values, confidence)


def _compare(value: Estimate, limit: float, seen: Sequence[Violation]) -> tuple[bool | None, str]:
    if isinf(value.value):
        every = all(isinf(each.statistic) for each in seen)
        return (False if every else None), "that many requests are lost"
    if not isfinite(value.value):
        return None, "no request came this way"
    if not isfinite(value.low):
        return None, "one replication gives no interval"
    if value.high <= limit:
        return True, ""
    if value.low > limit:
        return False, ""
    return None, "the interval holds the limit; more replications or requests would tell"


def _throughput(scenario: Scenario, measures: Sequence[Measures], constraint: ThroughputConstraint) -> Verdict:
    """Compare completions per second; where the workload offers less than is asked, the capacity decides."""
    rates = [each.component_throughput[constraint.component] for each in measures]
    value = over_replications(rates, scenario.run.confidence)
    satisfied: bool | None = None
    note = ""
    if isfinite(value.low):
        satisfied = True if value.low >= constraint.at_least else False if value.high < constraint.at_least else None
    if satisfied is not True and value.value < constraint.at_least:
        note = f"the workload offers {value.value:.4g}/s only"
    return Verdict(
        name=constraint_name(constraint),
        kind=constraint.kind,
        target=constraint.target,
        statistic="throughput",
        limit=constraint.at_least,
        unit="1/s",
        value=value,
        violation=Estimate(nan),
        satisfied=satisfied,
        note=note,
    )


def device_verdict(scenario: Scenario, plan: Plan, constraint: DeviceConstraint) -> Verdict:
    """Compare what the nodes of a component offer with what it needs."""
    deployment = chosen_deployments(scenario, plan)[constraint.component]
    short = []
    least = inf
    for partition in deployment.partitions:
        host = scenario.continuum.host(plan.placements[partition].resource)
        memory = host.memory_mb if host.memory_mb is not None else inf
        least = min(least, memory)
        if memory < constraint.memory_mb:
            short.append(f"{host.name} has {memory:g} MB")
        if isinstance(host, Resource):
            graphics = sum(a.memory_mb * a.count for a in host.accelerators.values())
            if constraint.gpu and not host.accelerators:
                short.append(f"{host.name} has no GPU")
            if graphics < constraint.gpu_memory_mb:
                short.append(f"{host.name} has {graphics:g} MB of GPU memory")
        elif isinstance(host, CloudFunction) and (constraint.gpu or constraint.gpu_memory_mb):
            short.append(f"{host.name} has no GPU")
    return Verdict(
        name=constraint_name(constraint),
        kind=constraint.kind,
        target=constraint.target,
        statistic="device",
        limit=constraint.memory_mb,
        unit="MB",
        value=Estimate(least, least, least) if isfinite(least) else Estimate(nan),
        violation=Estimate(nan),
        satisfied=not short,
        note="; ".join(short),
    )


def memory_verdicts(scenario: Scenario, plan: Plan) -> list[Verdict]:
    """Return a broken constraint for each host whose partitions need more memory than one node has."""
    needs: dict[str, float] = {}
    for name, placement in plan.placements.items():
        container = scenario.application.partition(name)[2].candidates[placement.resource]
        if placement.resource in scenario.continuum.functions:
            needs[placement.resource] = max(needs.get(placement.resource, 0.0), container.memory_mb)
        else:
            needs[placement.resource] = needs.get(placement.resource, 0.0) + container.memory_mb
    verdicts = []
    for host_name, need in needs.items():
        memory = scenario.continuum.host(host_name).memory_mb
        if memory is not None and need > memory:
            verdicts.append(
                Verdict(
                    name=f"memory: {host_name}",
                    kind="device",
                    target=host_name,
                    statistic="memory",
                    limit=memory,
                    unit="MB",
                    value=Estimate(need, need, need),
                    violation=Estimate(nan),
                    satisfied=False,
                    note=f"the partitions placed there need {need:g} MB; a node has {memory:g} MB",
                )
            )
    return verdicts
