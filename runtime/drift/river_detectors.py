"""ADWIN and KSWIN of the library River, fed so that what they promise about false alarms holds."""

from __future__ import annotations

import importlib.util

import numpy as np
from numpy.typing import NDArray

from runtime.drift.allowance import Allowance
from twin.errors import DriftError

FloatArray = NDArray[np.float64]

_CLOCK = 16
"""Values from one look of these detectors to the next."""

_WINDOW = 300
"""Values that KSWIN remembers; a third of them are the recent ones."""


def has_river() -> bool:
    """Whether River is installed."""
    return importlib.util.find_spec("river") is not None


def require_river(name: str) -> None:
    """Raise DriftError with the way to River where it is absent."""
    if not has_river():
        raise DriftError(f"the detector {name!r} is that of River; install it: pip install 'continuum-twin[drift]'")


class Adwin:
    """Adaptive windowing (A. Bifet, R. Gavaldà, SDM 2007) over the shares of the reference below each value.

    Its bound holds for values between 0 and 1; such shares are, whatever the values.
    """

    def __init__(self) -> None:
        require_river("adwin")
        self._sorted: FloatArray = np.empty(0)

    def learn(self, reference: FloatArray, allowed: Allowance) -> None:
        """Begin anew with *reference*."""
        from river.drift import ADWIN

        self._adwin = ADWIN(delta=min(allowed.per_value * _CLOCK, 0.5), clock=_CLOCK)
        self._sorted = np.sort(reference)
        for share in self._shares(reference):
            self._adwin.update(share)

    def look(self, window: FloatArray, fresh: int) -> bool:
        """Say whether drift shows among the last *fresh* values of *window*."""
        for share in self._shares(window[len(window) - fresh :]):
            self._adwin.update(share)
            if self._adwin.drift_detected:
                return True
        return False

    def _shares(self, values: FloatArray) -> list[float]:
        below = np.searchsorted(self._sorted, values, "left") + np.searchsorted(self._sorted, values, "right")
        shares: list[float] = (below / (2 * len(self._sorted))).tolist()
        return shares


class Kswin:
    """Kolmogorov–Smirnov over a sliding window (C. Raab, M. Heusinger, F.-M. Schleif, Neurocomputing 416, 2020).

    It compares the last third of the window with as many older values drawn from it, every 16 values.
    """

    def __init__(self) -> None:
        require_river("kswin")
        self._count = 0

    def learn(self, reference: FloatArray, allowed: Allowance) -> None:
        """Begin anew with the end of *reference*."""
        from river.drift import KSWIN

        size = min(len(reference), _WINDOW)
        self._kswin = KSWIN(
            alpha=min(allowed.per_value * _CLOCK, 0.5),
            window_size=size,
            stat_size=size // 3,
            seed=1,
            window=reference[-size:].tolist(),
        )
        self._count = 0

    def look(self, window: FloatArray, fresh: int) -> bool:
        """Say whether drift shows among the last *fresh* values of *window*."""
        for value in window[len(window) - fresh :].tolist():
            self._count += 1
            if self._count % _CLOCK:
                self._kswin.window.append(value)  # remembered without a test: one at every value costs too much
                continue
            self._kswin.update(value)
            if self._kswin.drift_detected:
                return True
        return False
