"""Plans of a sweep compared: every point against the one that has the first plan and is otherwise the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isfinite, nan

from twin.differences import Difference, differences
from twin.sweep.points import Layout

PLAN = "plan"
"""The axis whose values are compared."""


def plan_differences(
    layout: Layout, samples: Sequence[Mapping[str, Sequence[float | None]]], number: int
) -> dict[str, float | bool | None]:
    """Return the columns ``difference.…`` of point *number*; none where no plan varies, or it has the first one."""
    axis = next((i for i, axis in enumerate(layout.axes) if axis.name == PLAN), None)
    if axis is None or not samples:
        return {}
    values = list(layout.points[number].values)
    values[axis] = layout.axes[axis].values[0]
    first = next(i for i, point in enumerate(layout.points) if point.values == tuple(values))
    point = layout.points[number]
    if first == number or point.scenario is None:
        return {}
    found = differences(_numbers(samples[first]), _numbers(samples[number]), point.scenario.run.confidence)
    return {key: value for name, each in found.items() for key, value in _columns(name, each)}


def _columns(name: str, difference: Difference) -> list[tuple[str, float | bool | None]]:
    estimate = difference.estimate
    known = isfinite(estimate.low)
    return [
        (f"difference.{name}", estimate.value),
        (f"difference.{name}.ci.low", estimate.low if known else None),
        (f"difference.{name}.ci.high", estimate.high if known else None),
        (f"difference.{name}.real", difference.is_real),
    ]


def _numbers(samples: Mapping[str, Sequence[float | None]]) -> dict[str, list[float]]:
    return {name: [nan if value is None else value for value in values] for name, values in samples.items()}
