"""Sensitivity: which limits hold the cheapest plan back, and what giving a little saves."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from design.optimise import Result, optimise
from design.rules import Rules
from twin.model.constraints import TimeLimit, constraint_name
from twin.model.scenario import Scenario

TOUCHED = 1e-6
"""Relative slack below which a limit counts as reached."""

WORTH = 1e-6
"""Relative saving above which a limit counts as binding."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitWorth:
    """What one limit on a mean time costs."""

    name: str

    limit: float
    """Seconds."""

    value: float | None
    """Seconds under the cheapest plan."""

    slack: float | None
    """Seconds between them."""

    saving: float | None
    """Euro an hour that the cheapest plan costs less with the limit relaxed; None where time did not suffice."""

    binds: bool | None
    """Whether the limit is reached, or relaxing it saves; None where that is open."""


def sensitivity(
    scenario: Scenario,
    result: Result,
    *,
    relax: float = 0.1,
    dialect: str | Rules = "twin",
    time_limit: float | None = None,
    one_type_per_layer: bool = True,
) -> tuple[LimitWorth, ...]:
    """Return what each limit on a mean time costs, the dearest first.

    Each limit by itself is relaxed by the share *relax*, and the cheapest plan searched again. With plans from a
    finite set a limit may be far from reached and bind all the same: it keeps out the plans that cost less.

    Args:
        scenario: As given to :func:`design.optimise.optimise`.
        result: What that returned.
        relax: Share of the limit.
        dialect: As there, like the following.
        time_limit: Seconds for each limit.
        one_type_per_layer: As there.
    """
    if result.evaluation is None:
        return ()
    values = {each.name: each.value for each in result.evaluation.constraints}
    found = []
    for i, constraint in enumerate(scenario.constraints):
        if not isinstance(constraint, TimeLimit) or constraint.statistic != "mean":
            continue
        wider = constraint.model_copy(update={"limit": constraint.limit * (1.0 + relax)})
        constraints = (*scenario.constraints[:i], wider, *scenario.constraints[i + 1 :])
        relaxed = optimise(
            scenario.model_copy(update={"constraints": constraints}),
            dialect=dialect,
            time_limit=time_limit,
            one_type_per_layer=one_type_per_layer,
        )
        name = constraint_name(constraint)
        found.append(_worth(name, constraint.limit, values.get(name), result, relaxed))
    return tuple(sorted(found, key=lambda each: -(each.saving or 0.0)))


def _worth(name: str, limit: float, value: float | None, result: Result, relaxed: Result) -> LimitWorth:
    saving = None
    if relaxed.optimal and result.optimal and relaxed.cost is not None and result.cost is not None:
        saving = max(result.cost - relaxed.cost, 0.0)
    slack = None if value is None else limit - value
    reached = slack is not None and slack <= TOUCHED * limit
    return LimitWorth(
        name=name,
        limit=limit,
        value=value,
        slack=slack,
        saving=saving,
        binds=True if reached else None if saving is None else saving > WORTH * (result.cost or 0.0),
    )


def worth_figures(found: tuple[LimitWorth, ...]) -> list[dict[str, Any]]:
    """Return the limits as JSON has them."""
    return [asdict(each) for each in found]
