"""When a heuristic stops, as values that can be combined."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from math import inf
from typing import Protocol


@dataclass(kw_only=True)
class Progress:
    """How far a heuristic has come."""

    iterations: int = 0

    improved: int = 0
    """Iteration of the last improvement."""

    started: float = field(default_factory=time.perf_counter)


class Stop(Protocol):
    """A criterion: how many iterations may follow; none where it is time to stop."""

    def left(self, progress: Progress) -> float:
        """Return how many more iterations are allowed as far as is known now."""


@dataclass(frozen=True, slots=True)
class Iterations:
    """Stop after a number of iterations."""

    count: int

    def left(self, progress: Progress) -> float:
        """Return what is left of them."""
        return max(self.count - progress.iterations, 0)


@dataclass(frozen=True, slots=True)
class Seconds:
    """Stop after a time; what is found then depends on the machine."""

    seconds: float

    def left(self, progress: Progress) -> float:
        """Return infinity while there is time."""
        return inf if time.perf_counter() - progress.started < self.seconds else 0


@dataclass(frozen=True, slots=True)
class NoImprovement:
    """Stop after a number of iterations without a better plan."""

    count: int

    def left(self, progress: Progress) -> float:
        """Return how many may still pass without one."""
        return max(self.count - (progress.iterations - progress.improved), 0)


@dataclass(frozen=True, slots=True)
class First:
    """Stop as soon as one of several criteria says so."""

    stops: tuple[Stop, ...]

    def left(self, progress: Progress) -> float:
        """Return the fewest iterations that any of them allows."""
        return min((stop.left(progress) for stop in self.stops), default=inf)
