"""Verdicts: whether each limit holds, breaks, or cannot be told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from math import inf, isfinite, isinf, nan
from typing import Literal

from twin.batches import batch_means
from twin.measure import Measures, Violation
from twin.model.constraints import (
    DeviceConstraint,
    GlobalConstraint,
    LocalConstraint,
    ThroughputConstraint,
    TimeLimit,
    constraint_name,
)
from twin.model.continuum import CloudFunction, Resource
from twin.model.plan import Plan
from twin.model.plan_checks import chosen_deployments
from twin.model.scenario import Scenario
from twin.shares import Share, rounded_up, share_of_run, share_over_replications
from twin.statistics import Estimate, over_replications

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
    calibrated: Estimate | None = None
    """The value with an interval that also holds what the profiles leave open, where that was asked."""


def overall(verdicts: Sequence[Verdict], *, overloaded: bool) -> Outcome:
    """Return the verdict on the plan: it passes when every limit surely holds and nothing is overloaded."""
    if overloaded or any(verdict.satisfied is False for verdict in verdicts):
        return "fail"
    return "inconclusive" if any(verdict.satisfied is None for verdict in verdicts) else "pass"


def judge(
    scenario: Scenario,
    plan: Plan,
    measures: Sequence[Measures],
    doomed: set[str],
    capacities: Mapping[str, float] | None = None,
) -> list[Verdict]:
    """Return a verdict for every constraint, and one for each node whose memory the plan overfills.

    Args:
        scenario: Holds the constraints.
        plan: What ran.
        measures: One per replication.
        doomed: Components, and ways between them (``a > b``), that an overload lets take ever longer.
        capacities: Executions/s each component could complete, where that is known.
    """
    verdicts = []
    for i, constraint in enumerate(scenario.constraints):
        if isinstance(constraint, DeviceConstraint):
            verdicts.append(device_verdict(scenario, plan, constraint))
        elif isinstance(constraint, ThroughputConstraint):
            verdicts.append(_throughput(scenario, measures, doomed, capacities or {}, constraint))
        else:
            verdicts.append(_time_limit(scenario, measures, doomed, constraint, i))
    return verdicts + memory_verdicts(scenario, plan)


def left_open(verdict: Verdict, calibrated: Estimate) -> Verdict:
    """Return *verdict*, open if the wider interval of *calibrated* holds the limit that its own did not hold."""
    verdict = replace(verdict, calibrated=calibrated)
    if not calibrated.low <= verdict.limit < calibrated.high:
        return verdict
    low, high = max(calibrated.low, 0.0), calibrated.high
    note = (
        f"the profiles leave {low:.3g} to {high:.3g}{' ' + verdict.unit if verdict.unit else ''} open: calibrate more"
    )
    return replace(verdict, satisfied=None, note="; ".join(part for part in (verdict.note, note) if part))


def touched(constraint: TimeLimit, doomed: set[str]) -> set[str]:
    """Return those of *doomed* that break *constraint*."""
    if isinstance(constraint, LocalConstraint):
        return {constraint.component} & doomed
    if isinstance(constraint, GlobalConstraint):
        return {*constraint.path, *(f"{a} > {b}" for a, b in pairwise(constraint.path))} & doomed
    return doomed


def _time_limit(
    scenario: Scenario, measures: Sequence[Measures], doomed: set[str], constraint: TimeLimit, index: int
) -> Verdict:
    seen = [one for one in (each.violations[index] for each in measures) if one is not None]
    confidence = scenario.run.confidence
    is_share = constraint.share_above is not None
    limit = constraint.share_above if constraint.share_above is not None else constraint.limit
    share = _share(seen, confidence)
    violation = share.estimate
    value = violation if is_share else _statistic(seen, confidence, is_percentile=constraint.percentile is not None)
    satisfied, note = _compare(value, limit, seen)
    if not isinf(value.value):
        satisfied, note = _by_share(constraint, share, satisfied, note, confidence, alone=len(seen) == 1)
    grows = sorted(touched(constraint, doomed))
    if grows:
        # A share stays a share: ever more of the requests are late.
        value = violation if is_share else Estimate(nan)
        satisfied, note = False, f"{', '.join(grows)}: overloaded, the time grows without bound"
    return Verdict(
        name=constraint_name(constraint),
        kind=constraint.kind,
        target=constraint.target,
        statistic=constraint.statistic,
        limit=limit,
        unit="" if is_share else "s",
        value=value,
        violation=violation,
        satisfied=satisfied,
        note=note or _remark(constraint, measures),
    )


def _share(seen: Sequence[Violation], confidence: float) -> Share:
    """Return the share of requests above a limit."""
    if len(seen) == 1:
        only = seen[0]
        return share_of_run(only.share, only.count, only.batches, confidence, only.correlation)
    shares, counts, correlations = ([getattr(v, name) for v in seen] for name in ("share", "count", "correlation"))
    return share_over_replications(shares, counts, confidence, correlations)


def _by_share(
    constraint: TimeLimit, share: Share, satisfied: bool | None, note: str, confidence: float, *, alone: bool
) -> tuple[bool | None, str]:
    """Judge a percentile by the share above its limit, where it has no interval, or too few requests are beyond it.

    Where that share, or a limited one, is rare and the verdict open, say how long a run would tell.
    """
    allowed = constraint.share_above
    if constraint.percentile is not None:
        allowed = 1 - constraint.percentile / 100
        if alone and isfinite(share.estimate.low):
            satisfied, note = _compare(share.estimate, allowed, ())
        elif satisfied and share.estimate.value == 0 and share.estimate.high > allowed:
            satisfied = None
    if satisfied is None and share.is_rare and allowed is not None:
        note = _too_short(share.requests_needed(allowed, confidence)) or note
    return satisfied, note


def _too_short(requests: float) -> str:
    return f"too short to tell: about {rounded_up(requests):,} requests are needed" if isfinite(requests) else ""


def _remark(constraint: TimeLimit, measures: Sequence[Measures]) -> str:
    """Return what should be known of a figure although it was compared without ado."""
    if constraint.share_above is not None:
        return f"of requests above {constraint.limit:g} s"
    lost = sum(each.lost for each in measures)
    if lost and constraint.kind == "response" and constraint.percentile is None:
        return f"a mean of those that were answered; {lost} were lost"
    return ""


def _statistic(seen: Sequence[Violation], confidence: float, *, is_percentile: bool) -> Estimate:
    values = [each.statistic for each in seen]
    if any(isinf(value) for value in values):
        return Estimate(inf)
    if len(seen) == 1 and not is_percentile:
        return batch_means(seen[0].times, confidence, seen[0].correlation).around(values[0])
    return over_replications(values, confidence)


def _compare(value: Estimate, limit: float, seen: Sequence[Violation]) -> tuple[bool | None, str]:
    if isinf(value.value):
        every = all(isinf(each.statistic) for each in seen)
        return (False if every else None), "that many requests are lost"
    if not isfinite(value.value):
        return None, "no request came this way"
    if not isfinite(value.low):
        return None, "one replication gives no interval: it is too short for batch means"
    if value.high <= limit:
        return True, ""
    if value.low > limit:
        return False, ""
    return None, "the interval holds the limit; more replications or requests would tell"


def _throughput(
    scenario: Scenario,
    measures: Sequence[Measures],
    doomed: set[str],
    capacities: Mapping[str, float],
    constraint: ThroughputConstraint,
) -> Verdict:
    """Compare completions per second; where the workload offers less than is asked, the capacity decides."""
    name, asked = constraint.component, constraint.at_least
    value = over_replications([each.component_throughput[name] for each in measures], scenario.run.confidence)
    satisfied: bool | None = None
    note = ""
    if isfinite(value.low):
        satisfied = True if value.low >= asked else False if value.high < asked else None
    if satisfied is False and name in doomed:
        note = "overloaded"
    elif satisfied is not True and isfinite(value.low) and not doomed and not any(each.lost for each in measures):
        satisfied = capacities.get(name, 0.0) >= asked
        note = f"the workload asks for {value.value:.4g}/s only{_possible(capacities.get(name))}"
    return Verdict(
        name=constraint_name(constraint),
        kind=constraint.kind,
        target=constraint.target,
        statistic="throughput",
        limit=asked,
        unit="1/s",
        value=value,
        violation=Estimate(nan),
        satisfied=satisfied,
        note=note,
    )


def _possible(capacity: float | None) -> str:
    if capacity is None:
        return ""
    return f"; {capacity:.4g}/s would be possible" if isfinite(capacity) else "; nothing would keep it from more"


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
