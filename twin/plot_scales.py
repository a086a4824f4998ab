"""The scales of a chart: round numbers for its axes, and where values lie between them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import ceil, floor, log10


def ticks(low: float, high: float, most: int = 7) -> list[float]:
    """Return round numbers from at most *low* to at least *high*, about *most* of them."""
    size_of = max(abs(low), abs(high))
    span = high - low if high - low > 1e-9 * size_of else size_of
    span = span if span > 1e-300 else 1.0  # below lies what floating point cannot divide
    rough = span / max(most - 1, 1)
    size = 10.0 ** floor(log10(rough))
    step = next(factor * size for factor in (1, 2, 5, 10) if factor * size >= rough * 0.999)
    return [i * step for i in range(floor(low / step + 1e-9), ceil(high / step - 1e-9) + 1)]


def log_ticks(low: float, high: float) -> list[float]:
    """Return 1, 2, 5, 10, … from at most *low* to at least *high*, powers of ten alone over many decades."""
    first, last = floor(log10(low) + 1e-9), ceil(log10(high) - 1e-9)
    factors = (1, 2, 5) if last - first <= 3 else (1,)
    every = [float(f"{factor}e{power}") for power in range(first, last + 1) for factor in factors]
    start = max((i for i, tick in enumerate(every) if tick <= low * (1 + 1e-9)), default=0)
    end = min((i for i, tick in enumerate(every) if tick >= high * (1 - 1e-9)), default=len(every) - 1)
    return every[start : max(end, start + 1) + 1]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """Where numbers lie on an axis."""

    ticks: list[float]

    low: float

    high: float

    start: float
    """Coordinate of *low*."""

    end: float

    logarithmic: bool = False

    def at(self, value: float) -> float:
        """Return the coordinate of *value*."""
        turned: Callable[[float], float] = log10 if self.logarithmic else float
        share = (turned(value) - turned(self.low)) / ((turned(self.high) - turned(self.low)) or 1.0)
        return self.start + share * (self.end - self.start)

    def within(self, value: float) -> float:
        """Return the coordinate of *value*, or of the end it lies beyond."""
        return self.at(min(max(value, self.low), self.high))


def number(value: float) -> str:
    """Return *value* as an axis shows it."""
    return f"{value:.6g}" if value else "0"


def is_spread(values: Sequence[float]) -> bool:
    """Whether *values*, in order, ask for a logarithmic axis."""
    if len(values) < 3 or values[0] <= 0 or values[-1] < 30 * values[0]:
        return False
    return values[len(values) // 2] < values[-1] / 4
