"""Figures of runs under a policy by name, one value for each replication, and what they are on average."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from math import nan

from twin.controlled_measures import ControlledMeasures
from twin.model.plan import Plan
from twin.statistics import Estimate, over_replications

SWING_PERIODS = 10
"""Decisions within which a change that is taken back counts as a reversal."""


def figures_of(measures: ControlledMeasures, *, swing: float) -> dict[str, float]:
    """Return the figures of one replication; NaN where there is none.

    Args:
        measures: What was measured.
        swing: Seconds within which a change that is taken back is a reversal.
    """
    figures = {
        "cost": measures.cost,
        "cost_per_hour": measures.cost / measures.horizon * 3600 if measures.horizon else nan,
        "energy": measures.energy,
        "violations": _known(measures.in_breach),
        "violation_windows": _worst(breach.windows for breach in measures.violations.values()),
        "accuracy": _known(measures.accuracy),
        "response_time.mean": measures.response_time.mean,
        "reconfigurations": float(measures.reconfigurations),
        "reversals": float(reversals(measures.plans, within=swing)),
        "refused": float(len(measures.refused)),
        "policy_errors": float(len(measures.policy_errors)),
        "failed_actuations": float(measures.failed_actuations),
        "arrived": float(measures.arrived),
        "completed": float(measures.completed),
        "lost": float(measures.lost),
        "unfinished": float(measures.unfinished),
    }
    for name, breach in measures.violations.items():
        figures[f"constraints.{name}.requests"] = _known(breach.requests)
        figures[f"constraints.{name}.windows"] = _known(breach.windows)
    return figures


def reversals(plans: Sequence[tuple[float, Plan]], *, within: float) -> int:
    """Return how many changes took back what was changed at most *within* seconds before: a policy that oscillates.

    A change counts once, however many partitions return to where they were.
    """
    found = set()
    for name in {partition for _, plan in plans for partition in plan.placements}:
        course = list(_changes(plans, name))
        for (_, one), (left, _), (back, other) in zip(course, course[1:], course[2:], strict=False):
            if one == other and back - left <= within:
                found.add(back)
    return len(found)


def estimates(figures: Sequence[Mapping[str, float]], confidence: float) -> dict[str, Estimate]:
    """Return mean and interval of every figure over the replications."""
    return {name: over_replications(values, confidence) for name, values in samples(figures).items()}


def samples(figures: Sequence[Mapping[str, float]]) -> dict[str, tuple[float, ...]]:
    """Return each figure with its value in every replication; NaN where a replication has none."""
    names = dict.fromkeys(name for each in figures for name in each)
    return {name: tuple(each.get(name, nan) for each in figures) for name in names}


def _changes(plans: Sequence[tuple[float, Plan]], partition: str) -> Iterator[tuple[float, object]]:
    """Yield since when a partition has been where; None: it has no place."""
    last: object = ...
    for time, plan in plans:
        place = plan.placements.get(partition)
        if place != last:
            yield time, place
            last = place


def _known(value: float | None) -> float:
    return nan if value is None else value


def _worst(shares: Iterable[float | None]) -> float:
    return max((share for share in shares if share is not None), default=nan)
