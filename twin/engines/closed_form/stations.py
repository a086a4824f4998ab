"""What both kinds of stations, nodes and functions, have in common: the state of their steps."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class StepState:
    """A step at its station, see :class:`twin.engines.closed_form.figures.StepFigures`."""

    response_time: float

    service_time: float

    accepted: float = 1.0

    passed: float = 1.0

    cold_probability: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class StationState:
    """The steady state of a station."""

    steps: tuple[StepState, ...]
    """In the order in which they were given."""

    utilisation: float | None

    mean_number: float

    offered_load: float
    """Work that arrives over work that can be done, at the busiest node."""

    estimate: str = ""
    """Why this is an estimate even for independent Poisson arrivals."""

    departures: str = ""
    """Why Poisson arrivals do not leave as a Poisson process."""

    any_arrivals: bool = False
    """Whether the times hold for any arrivals, because requests do not meet."""


def mean_number(states: Sequence[StepState], rates: Sequence[float]) -> float:
    """Return the mean number of requests present, by Little's law."""
    return math.fsum(
        rate * state.accepted * state.response_time for state, rate in zip(states, rates, strict=True) if rate > 0.0
    )
