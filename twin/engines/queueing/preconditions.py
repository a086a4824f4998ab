"""What the formulas share: the checks of their arguments, and the law of a birth-death chain."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def birth_death_law(log_ratios: Array) -> Array:
    """Return the stationary law of a birth-death chain from the logarithms of birth rate n over death rate n + 1."""
    log_weights = np.concatenate(([0.0], np.cumsum(log_ratios)))
    weights = np.exp(log_weights - log_weights.max())
    law: Array = weights / weights.sum()
    return law


def is_non_negative(values: Array) -> bool:
    """Say whether all *values* are finite and at least 0."""
    return bool(np.all(np.isfinite(values) & (values >= 0.0)))


def require_non_negative(**values: float) -> None:
    """Raise ValueError that names the first argument that is negative or not finite."""
    for name, value in values.items():
        require(math.isfinite(value) and value >= 0.0, f"{name} must be finite and not negative, not {value}")


def require_servers(servers: int, *, at_least: int = 1) -> None:
    """Raise ValueError if there are too few *servers*."""
    require(servers >= at_least, f"servers must be at least {at_least}, not {servers}")


def require(condition: bool, message: str) -> None:
    """Raise ValueError with *message* unless *condition* holds."""
    if not condition:
        raise ValueError(message)
