"""The comparison as a JSON document."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from math import isfinite
from typing import Any

from runtime.comparison.comparing import Comparison, Result
from runtime.comparison.verdict import Best, best, stays_within
from twin.report import fingerprint
from twin.statistics import Estimate
from twin.sweep.points import program_versions

PLAIN = (
    "accuracy",
    "reconfigurations",
    "reversals",
    "refused",
    "failed_actuations",
    "policy_errors",
    "lost",
    "unfinished",
)
"""Figures that stand as their means beside those with intervals."""


def document(comparison: Comparison, *, limit: float, notes: tuple[str, ...] = ()) -> dict[str, Any]:
    """Return everything that was found; *limit* is the share of violations that is still accepted."""
    scenario = comparison.scenario
    first, *others = comparison.results
    return {
        "scenario": scenario.name,
        "question": scenario.question,
        "engine": comparison.engine,
        "replications": comparison.replications,
        "wanted_replications": comparison.wanted,
        "confidence": scenario.run.confidence,
        "seed": scenario.run.seed,
        "violations_limit": limit,
        "policies": [_policy(result, scenario.run.confidence, limit) for result in comparison.results],
        "differences": [_differences(other, first, scenario.run.confidence) for other in others],
        "best": _best(best(comparison, limit)),
        "notes": list(notes),
        "repeat": {
            "scenario_sha256": fingerprint(scenario.model_dump_json(exclude={"plan"})),
            "plan_sha256": fingerprint(comparison.plan.model_dump_json()),
            "versions": program_versions(),
        },
    }


def as_text(found: dict[str, Any]) -> str:
    """Return the document as text."""
    return json.dumps(found, indent=2, ensure_ascii=False, allow_nan=False)


def _policy(result: Result, confidence: float, limit: float) -> dict[str, Any]:
    found = result.estimates(confidence)
    return {
        "policy": result.words,
        "cost": _estimate(found["cost"]),
        "violations": _estimate(found["violations"]),
        "within_limit": stays_within(found["violations"], limit),
        **{name: _number(found[name].value) for name in PLAIN},
        "constraints": _constraints(found),
        "figures": {name: _estimate(value) for name, value in found.items() if not name.startswith("constraints.")},
        "reasons": list(_reasons(result)),
    }


def _constraints(found: dict[str, Estimate]) -> dict[str, dict[str, Any]]:
    """Return for each constraint the shares of requests and of windows in which it was broken."""
    nested: dict[str, dict[str, Any]] = {}
    for name, value in found.items():
        if name.startswith("constraints."):
            constraint, _, share = name.removeprefix("constraints.").rpartition(".")
            nested.setdefault(constraint, {})[share] = _estimate(value)
    return nested


def _reasons(result: Result) -> Iterator[dict[str, Any]]:
    """Yield why answers were refused and decisions failed: each reason once, with its first place."""
    counts: Counter[tuple[str, str]] = Counter()
    first: dict[tuple[str, str], tuple[int, float]] = {}
    for replication, outcome in enumerate(result.outcomes):
        for each in outcome.complaints:
            counts[each.kind, each.reason] += each.count
            first.setdefault((each.kind, each.reason), (replication, each.time))
    for (kind, reason), (replication, time) in first.items():
        count = counts[kind, reason]
        yield {"kind": kind, "reason": reason, "count": count, "replication": replication, "time": time}


def _differences(other: Result, first: Result, confidence: float) -> dict[str, Any]:
    pairs = other.minus(first, confidence)
    return {
        "policy": other.words,
        "against": first.words,
        "figures": {name: pair.to_dict() for name, pair in pairs.items()},
    }


def _best(found: Best) -> dict[str, Any]:
    return {
        "policy": found.policy,
        "runner_up": found.runner_up,
        "saves": found.saves.to_dict() if found.saves else None,
        "real": found.saves.is_real if found.saves else None,
        "closest": found.closest,
    }


def _estimate(estimate: Estimate) -> dict[str, Any]:
    interval = [estimate.low, estimate.high] if isfinite(estimate.low) else None
    return {"mean": _number(estimate.value), "ci": interval}


def _number(value: float) -> float | None:
    return value if isfinite(value) else None
