"""Differences between plans that met the same chance: replication by replication, so that chance cancels out.

Replication *i* of every plan has the same arrivals and the same work for every request (``twin.streams``). What is left
of its chance in the difference is little, and the interval of the difference much narrower than those of the figures.
Source: A. M. Law, Simulation Modeling and Analysis, sections 10.2 (paired-t interval) and 11.2 (common random numbers).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any

from twin.statistics import Estimate, over_replications

Samples = Mapping[str, Sequence[float]]
"""Figures by the names they have in the report, each with a value for every replication."""

SAME = 1e-9
"""Difference, relative to the figures, that is rounding."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One figure of another plan minus that of the first."""

    first: float

    other: float

    estimate: Estimate

    unpaired: Estimate
    """The interval as it would be if the plans had met different chance."""

    @property
    def is_real(self) -> bool | None:
        """Whether it is surely more than chance; None where one replication cannot tell."""
        if abs(self.estimate.value) <= SAME * max(abs(self.first), abs(self.other)):
            return False
        if not isfinite(self.estimate.low):
            return None
        return self.estimate.low > 0 or self.estimate.high < 0

    def to_dict(self) -> dict[str, Any]:
        """Return the difference as the report has it."""
        return {
            "first": self.first,
            "other": self.other,
            "difference": self.estimate.value,
            "ci": _bounds(self.estimate),
            "unpaired_ci": _bounds(self.unpaired),
            "real": self.is_real,
        }


def differences(first: Samples, other: Samples, confidence: float) -> dict[str, Difference]:
    """Return the differences of all figures that both plans have, from the replications that both have."""
    found = {}
    for name in first:
        pairs = [(a, b) for a, b in zip(first[name], other.get(name, ()), strict=False) if isfinite(a) and isfinite(b)]
        if pairs:
            found[name] = _difference(pairs, confidence)
    return found


def _difference(pairs: Sequence[tuple[float, float]], confidence: float) -> Difference:
    one, another = (over_replications(values, confidence) for values in zip(*pairs, strict=True))
    estimate = over_replications([b - a for a, b in pairs], confidence)
    half = (one.half_width**2 + another.half_width**2) ** 0.5
    return Difference(
        first=one.value,
        other=another.value,
        estimate=estimate,
        unpaired=Estimate(estimate.value, estimate.value - half, estimate.value + half),
    )


def _bounds(estimate: Estimate) -> list[float] | None:
    return [estimate.low, estimate.high] if isfinite(estimate.low) else None
