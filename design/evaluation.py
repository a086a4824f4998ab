"""The value that an evaluation returns: cost, times, limits and what breaks them."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from math import inf, isfinite
from typing import Any

from design.rules import TOLERANCE


@dataclass(frozen=True, slots=True, kw_only=True)
class HostFigures:
    """A resource or function that the plan uses."""

    utilisation: float | None
    """Busy share of a running node; None for a function, which has no capacity."""

    nodes: int
    """Running nodes; 0 for a function."""

    cost: float
    """Euro an hour."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConstraintFigures:
    """What became of one constraint of the scenario."""

    name: str

    kind: str

    target: str

    statistic: str = "mean"
    """``mean``, ``p95``, ``share`` (of the requests that are late), or what else is compared."""

    value: float | None
    """None where the formula does not say."""

    limit: float

    satisfied: bool | None
    """None where it cannot be told."""

    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Violation:
    """One thing that makes the plan infeasible."""

    kind: str
    """``local``, ``global``, ``response``, ``throughput``, ``device``, ``stability``, ``memory`` or ``return``."""

    name: str
    """The constraint, or what is overloaded."""

    amount: float
    """How much it is beyond its limit, in *unit*; infinite where a time grows without bound."""

    unit: str

    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """What a plan costs and how it answers, by the mean formulas of one dialect."""

    dialect: str

    cost: float
    """Euro an hour (SPACE4AI's ``Time`` of 1)."""

    components: dict[str, float]
    """Component → mean response time, seconds."""

    partitions: dict[str, float]
    """Partition → mean response time at its resource, seconds."""

    paths: dict[str, float | None]
    """Global constraint → mean time along its path, seconds; None where no formula is known."""

    resources: dict[str, HostFigures]

    constraints: tuple[ConstraintFigures, ...]

    violations: tuple[Violation, ...]

    notes: tuple[str, ...] = ()
    """What the formula cannot judge or leaves out."""

    @property
    def feasible(self) -> bool:
        """Whether nothing that the formula can judge is violated."""
        return not self.violations

    def to_dict(self) -> dict[str, Any]:
        """Return the evaluation as JSON has it; times that grow without bound are null."""
        return {
            "dialect": self.dialect,
            "cost": self.cost,
            "feasible": self.feasible,
            "components": {name: {"response_time": finite(time)} for name, time in self.components.items()},
            "partitions": {name: {"response_time": finite(time)} for name, time in self.partitions.items()},
            "paths": {name: {"response_time": finite(time)} for name, time in self.paths.items()},
            "resources": {name: asdict(figures) for name, figures in self.resources.items()},
            "constraints": [asdict(each) | {"value": finite(each.value)} for each in self.constraints],
            "violations": [asdict(each) | {"amount": finite(each.amount)} for each in self.violations],
            "notes": list(self.notes),
        }


def finite(value: float | None) -> float | None:
    """Return *value*, or None for what JSON cannot hold."""
    return value if value is not None and isfinite(value) else None


def within(value: float, limit: float) -> bool:
    """Say whether *value* keeps *limit*, but for rounding."""
    return value <= limit * (1 + TOLERANCE)


def time_violation(constraint: ConstraintFigures) -> Violation:
    """Return the violation of a limit on a time, or on the share of the times that are longer."""
    value = inf if constraint.value is None else constraint.value
    if constraint.statistic == "share":
        return Violation(
            kind=constraint.kind,
            name=constraint.name,
            amount=value - constraint.limit,
            unit="",
            message=f"{constraint.target} is late in {value:.3%}; at most {constraint.limit:.3%} may be",
        )
    found = f"{value:.6g} s" if isfinite(value) and value > 0 else "a time without bound"
    what = "" if constraint.statistic == "mean" else f"at {constraint.statistic} "
    return Violation(
        kind=constraint.kind,
        name=constraint.name,
        amount=value - constraint.limit if value > 0 else inf,
        unit="s",
        message=f"{constraint.target} takes {what}{found}; at most {constraint.limit:g} s are allowed",
    )
