"""How often a detector may be wrong: from false alarms per day to a level per look and per value.

A test of level a that looks n times is expected to reject n*a times without drift, however much its windows overlap,
because expectations add up whether or not looks depend on each other. So the level of a look is the wanted number of
false alarms per day over the looks per day (the argument of Bonferroni, without a loss where at most one false alarm
counts). Where an alarm needs k rejections, rejections may be k times as frequent: alarms are at most a k-th of them,
since counting begins anew after an alarm.
"""

from __future__ import annotations

from dataclasses import dataclass

from twin.model.drift import DriftSettings, FieldSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowance:
    """How often one detector may be wrong without drift."""

    level: float
    """Largest p-value at which a look at a window says drift."""

    per_value: float
    """Expected false alarms for each value, for detectors that look at every value."""

    confirmations: tuple[int, int] = (1, 1)
    """(k, m): an alarm needs k rejections among the last m looks."""


def allowance(settings: DriftSettings, field: FieldSettings, *, values_per_day: float) -> Allowance:
    """Return what a detector of one of the fields is allowed, where *values_per_day* arrive."""
    looks = settings.looks_per_day
    needed = settings.confirmations[0]
    most = field.test_threshold * looks / needed
    per_day = most
    if settings.false_alarms_per_day is not None:
        per_day = min(most, settings.false_alarms_per_day / settings.count)
    return Allowance(
        level=min(needed * per_day / looks, field.test_threshold),
        per_value=min(per_day / values_per_day, 0.5),
        confirmations=settings.confirmations,
    )


def chance_of_any(level: float, looks: int) -> float:
    """Return how likely at least one of so many independent looks at *level* says drift without any."""
    return float(1 - (1 - level) ** looks)
