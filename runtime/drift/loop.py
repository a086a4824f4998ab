"""The loop around the detectors: look, raise the alarm, collect data, retrain, begin anew; simulated or live.

The loop has no clock. Whoever drives it asks when something is due and calls `advance` with the time, be it simulated
or that of the wall.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum

import numpy as np
from numpy.typing import NDArray

from runtime.drift.allowance import allowance
from runtime.drift.detectors import LEAST, Detector, detector
from twin.formats.aisprint.drift import DATA_COLLECTED, DRIFT_DETECTED, NO_DRIFT
from twin.model.drift import DAY, HOUR, DriftSettings, FieldSettings

FloatArray = NDArray[np.float64]

Source = Callable[[str, str, float, float], FloatArray]
"""Returns the values of (metric, field) with start < time <= end, in seconds; missing ones are left out or NaN."""

States = Mapping[str, Mapping[str, int]]


class Phase(Enum):
    """What happens to a field at the moment."""

    LEARNING = "gathers the reference"
    WATCHING = "is watched"
    COLLECTING = "data is collected"
    RETRAINING = "the model is retrained"


_STATE = {
    Phase.LEARNING: NO_DRIFT,
    Phase.WATCHING: NO_DRIFT,
    Phase.COLLECTING: DRIFT_DETECTED,
    Phase.RETRAINING: DATA_COLLECTED,
}
"""Phase → what the state file says: 1 until the data is there, 2 until the new model is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A field went from one phase to the next."""

    time: float

    metric: str

    field: str

    phase: Phase

    @property
    def state(self) -> int:
        """What the state file says from now on."""
        return _STATE[self.phase]


@dataclass(slots=True, kw_only=True)
class Watched:
    """One field and how far it is."""

    metric: str

    field: str

    settings: FieldSettings

    detector: Detector

    since: float
    """When the phase began; while watching, the end of the reference."""

    due: float
    """When the next thing happens."""

    phase: Phase = Phase.LEARNING

    seen: float = 0.0
    """When it was looked at last."""

    looks: int = 0

    blind_looks: int = 0
    """Looks that had no new values to look at."""

    watched_hours: float = 0.0


@dataclass(slots=True)
class DriftLoop:
    """Watches all fields of *settings* from *start* on; *record* hears the states at the start and at every change."""

    settings: DriftSettings

    source: Source

    start: float = 0.0

    record: Callable[[States], None] | None = None

    retrainings: int = 0

    fields: list[Watched] = field(init=False)

    def __post_init__(self) -> None:
        self.fields = [
            Watched(
                metric=metric,
                field=name,
                settings=one,
                detector=detector(one.statistical_test),
                since=self.start,
                due=self.start + self._reference_seconds(one),
            )
            for metric, fields in self.settings.metrics.items()
            for name, one in fields.items()
        ]
        self._tell()

    @property
    def due(self) -> float:
        """When `advance` has something to do next."""
        return min(each.due for each in self.fields)

    @property
    def cost(self) -> float:
        """Euro spent on retraining so far."""
        return self.retrainings * self.settings.retraining_cost

    def states(self) -> dict[str, dict[str, int]]:
        """Return metric → field → state, as in the state file."""
        found: dict[str, dict[str, int]] = {metric: {} for metric in self.settings.metrics}
        for each in self.fields:
            found[each.metric][each.field] = _STATE[each.phase]
        return found

    def advance(self, now: float) -> list[Change]:
        """Do whatever is due until *now*, in order; return the changes."""
        changes = []
        while self.due <= now:
            one = min(self.fields, key=lambda each: each.due)
            at, before = one.due, one.phase
            _STEPS[one.phase](self, one)
            if one.phase is not before:
                changes.append(Change(time=at, metric=one.metric, field=one.field, phase=one.phase))
                if _STATE[before] != _STATE[one.phase]:
                    self._tell()
        return changes

    def _tell(self) -> None:
        if self.record is not None:
            self.record(self.states())

    def _reference_seconds(self, one: FieldSettings) -> float:
        return (self.settings.reference_period or one.monitoring_period) * HOUR

    def _values(self, one: Watched, start: float, end: float) -> FloatArray:
        values = np.asarray(self.source(one.metric, one.field, start, end), dtype=np.float64)
        return values[np.isfinite(values)]

    def _learn(self, one: Watched) -> None:
        """Take the reference, or wait for the next look where it has too few values."""
        length = self._reference_seconds(one.settings)
        reference = self._values(one, max(one.due - length, one.since), one.due)
        if len(reference) >= LEAST:
            allowed = allowance(self.settings, one.settings, values_per_day=len(reference) / (length / HOUR) * DAY)
            one.detector.learn(reference, allowed)
            one.phase, one.since, one.seen = Phase.WATCHING, one.due, one.due
        one.due += self.settings.detection_interval * HOUR

    def _look(self, one: Watched) -> None:
        now = one.due
        window = self._values(one, max(one.since, now - one.settings.monitoring_period * HOUR), now)
        fresh = min(len(self._values(one, one.seen, now)), len(window))
        one.looks += 1
        one.watched_hours += (now - one.seen) / HOUR
        one.seen = now
        one.due = now + self.settings.detection_interval * HOUR
        if not fresh:
            one.blind_looks += 1
        elif one.detector.look(window, fresh):
            one.phase, one.since = Phase.COLLECTING, now
            one.due = now + self.settings.data_collection_period * HOUR

    def _collected(self, one: Watched) -> None:
        self.retrainings += 1
        one.phase, one.since = Phase.RETRAINING, one.due
        one.due += self.settings.retraining_time * HOUR

    def _redeployed(self, one: Watched) -> None:
        one.phase, one.since = Phase.LEARNING, one.due
        one.due += self._reference_seconds(one.settings)


_STEPS: dict[Phase, Callable[[DriftLoop, Watched], None]] = {
    Phase.LEARNING: DriftLoop._learn,
    Phase.WATCHING: DriftLoop._look,
    Phase.COLLECTING: DriftLoop._collected,
    Phase.RETRAINING: DriftLoop._redeployed,
}
