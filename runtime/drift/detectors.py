"""What a detector is, and all that there are by their names."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from runtime.drift.allowance import Allowance
from runtime.drift.charts import Cusum, PageHinkley
from runtime.drift.river_detectors import Adwin, Kswin, has_river
from runtime.drift.window_tests import WINDOW_TESTS, p_value
from twin.errors import DriftError, did_you_mean

FloatArray = NDArray[np.float64]

LEAST = 20
"""Values that a reference needs, and a window that is tested against it."""


class Detector(Protocol):
    """Says when values no longer are those of the reference."""

    def learn(self, reference: FloatArray, allowed: Allowance) -> None:
        """Begin anew: *reference*, at least `LEAST` values, stands for no drift."""

    def look(self, window: FloatArray, fresh: int) -> bool:
        """Look at *window*, whose last *fresh* values came since the last look; none of it is of the reference.

        Returns whether there is drift. After drift, `learn` comes next.
        """


class WindowDetector:
    """Tests the whole window at every look; an alarm may need several rejections."""

    def __init__(self, test: str) -> None:
        self.test = test
        self._reference: FloatArray = np.empty(0)
        self._level, self._needed = 0.0, 1
        self._rejections: deque[bool] = deque(maxlen=1)

    def learn(self, reference: FloatArray, allowed: Allowance) -> None:
        """Keep the reference."""
        self._reference = reference
        self._level = allowed.level
        self._needed = allowed.confirmations[0]
        self._rejections = deque(maxlen=allowed.confirmations[1])

    def look(self, window: FloatArray, fresh: int) -> bool:  # noqa: ARG002  (as the protocol hands it over)
        """Test the window unless it holds too few values."""
        if len(window) < LEAST:
            return False
        self._rejections.append(p_value(self.test, self._reference, window) <= self._level)
        return sum(self._rejections) >= self._needed


_EVERY_VALUE: dict[str, Callable[[], Detector]] = {
    "cusum": Cusum,
    "page-hinkley": PageHinkley,
    "adwin": Adwin,
    "kswin": Kswin,
}
NAMES = (*WINDOW_TESTS, *_EVERY_VALUE)
_OF_RIVER = ("adwin", "kswin")


def detector(name: str) -> Detector:
    """Return a new detector; DriftError where there is none called *name*, or where it needs a library."""
    if name in WINDOW_TESTS:
        return WindowDetector(name)
    if name not in _EVERY_VALUE:
        raise DriftError(f"there is no detector {name!r}{did_you_mean(name, NAMES)}")
    return _EVERY_VALUE[name]()


def available() -> tuple[str, ...]:
    """Return the names of all detectors that work here."""
    return tuple(name for name in NAMES if has_river() or name not in _OF_RIVER)
