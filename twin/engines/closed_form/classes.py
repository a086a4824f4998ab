"""Classes of requests at one queue, and what a queue does to them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from twin.model.law import Law

SAME = 1e-12
"""Relative difference of two times or units that counts as rounding."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueClass:
    """The requests of one step at one queue."""

    rate: float
    """Arrivals/s at this queue."""

    law: Law
    """Service time of a lone request."""

    units: float = 1.0
    """Cores a request can use."""

    @property
    def mean(self) -> float:
        """Mean seconds of a service."""
        return self.law.expectation

    @property
    def load(self) -> float:
        """Mean number of cores the class keeps busy, were there no limit."""
        return self.rate * self.mean * self.units


@dataclass(frozen=True, slots=True, kw_only=True)
class Mixture:
    """The service times of all classes together."""

    rate: float

    mean: float

    scv: float
    """Squared coefficient of variation."""

    units: float
    """Cores a request holds, averaged over the time it holds them."""

    one_unit: bool
    """Whether all classes hold equally many."""

    exponential: bool
    """Whether all classes are exponential with one mean."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueState:
    """The steady state of one queue, class by class."""

    response_times: tuple[float, ...]
    """Mean seconds of the requests that are accepted."""

    accepted: tuple[float, ...]
    """Share of the requests that is not turned away."""

    passed: tuple[float, ...]
    """Share that is served in the long run: accepted, and not stuck in a growing backlog."""

    offered_load: float
    """Work that arrives over work that can be done."""

    estimate: str = ""
    """Why this is an estimate even for independent Poisson arrivals."""

    departures: str = ""
    """Why Poisson arrivals do not leave as a Poisson process."""


def mixture(classes: Sequence[QueueClass]) -> Mixture:
    """Return the mixture of the *classes* that have any arrivals, or of all if none has."""
    active = [each for each in classes if each.rate > 0.0] or list(classes)
    rate = math.fsum(each.rate for each in active)
    shares = [each.rate / rate if rate > 0.0 else 1.0 / len(active) for each in active]
    mean = math.fsum(share * each.mean for share, each in zip(shares, active, strict=True))
    # Relative to the mean before squaring: the square of a very short time is nothing at all.
    square = math.fsum(
        share * (each.mean / mean) ** 2 * (1.0 + each.law.scv) if mean > 0.0 else 1.0
        for share, each in zip(shares, active, strict=True)
    )
    held = math.fsum(share * each.mean * each.units for share, each in zip(shares, active, strict=True))
    return Mixture(
        rate=rate,
        mean=mean,
        scv=max(square - 1.0, 0.0) if mean > 0.0 else 0.0,
        units=held / mean if mean > 0.0 else active[0].units,
        one_unit=all(math.isclose(each.units, active[0].units, rel_tol=SAME) for each in active),
        exponential=all(
            each.law.law in (None, "exponential")
            and each.law.samples is None
            and math.isclose(each.mean, active[0].mean, rel_tol=SAME)
            for each in active
        ),
    )
