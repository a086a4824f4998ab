"""How good detectors are: false alarms per day, delay, and what they miss, over replications of the same days."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from math import inf, nan
from typing import Any

from scipy import special

from runtime.drift.loop import DriftLoop, Phase
from runtime.drift.series import FloatArray, Series
from twin.model.drift import DAY, HOUR, DetectorName, DriftSettings
from twin.shares import exact_share
from twin.statistics import Estimate, over_replications


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """What one detector did with one series."""

    alarms: tuple[float, ...]
    """Seconds at which it raised an alarm."""

    watched_days: float
    """Days it was looking without drift."""

    false_alarms: int

    was_watching: bool
    """Whether it was looking when the drift began, not busy with what follows a false alarm."""

    delay: float | None
    """Hours from the beginning of the drift to the first alarm; None where there was none."""

    retrainings: int

    looks: int

    blind_looks: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """One detector over all replications."""

    detector: str

    watches: tuple[Watch, ...]

    has_drift: bool

    confidence: float

    @property
    def false_alarms(self) -> int:
        """Alarms without drift, in all replications."""
        return sum(each.false_alarms for each in self.watches)

    @property
    def watched_days(self) -> float:
        """Days of watching without drift, in all replications."""
        return sum(each.watched_days for each in self.watches)

    @property
    def false_alarms_per_day(self) -> Estimate:
        """Alarms without drift per day of watching."""
        return poisson_rate(self.false_alarms, self.watched_days, self.confidence)

    @property
    def attentive(self) -> list[Watch]:
        """The replications in which it was looking when the drift began."""
        return [each for each in self.watches if each.was_watching]

    @property
    def delay(self) -> Estimate:
        """Hours to the alarm where it was looking and found the drift."""
        return over_replications([each.delay for each in self.attentive if each.delay is not None], self.confidence)

    @property
    def missed(self) -> Estimate:
        """Share of the drifts it looked at and did not find; no value without drift."""
        count = len(self.attentive)
        if not self.has_drift or not count:
            return Estimate(nan)
        return exact_share(sum(each.delay is None for each in self.attentive) / count, count, self.confidence)


def evaluate(
    detectors: Sequence[DetectorName],
    settings: DriftSettings,
    replications: Sequence[Series],
    *,
    drift_at: float | None,
    confidence: float = 0.95,
    progress: Callable[[], None] = lambda: None,
) -> list[Evaluation]:
    """Let each of *detectors* watch the only field of *settings* in every one of *replications*.

    *drift_at* is the second at which the drift begins; None: all is without drift. *progress* is called after each
    watch. An alarm before the drift is false; data collection, retraining and a new reference follow it as they would
    in reality. A drift that begins meanwhile tells nothing of the detector: it is counted apart.
    """
    return [
        Evaluation(
            detector=name,
            watches=tuple(_watches(name, settings, replications, drift_at, progress)),
            has_drift=drift_at is not None,
            confidence=confidence,
        )
        for name in detectors
    ]


def _watches(
    name: DetectorName,
    settings: DriftSettings,
    replications: Sequence[Series],
    drift_at: float | None,
    progress: Callable[[], None],
) -> Iterator[Watch]:
    for series in replications:
        yield watch(with_detector(settings, name), series, drift_at=drift_at)
        progress()


def with_detector(settings: DriftSettings, name: DetectorName) -> DriftSettings:
    """Return *settings* with every field tested by the detector called *name*."""
    metrics = {
        metric: {field: one.model_copy(update={"statistical_test": name}) for field, one in fields.items()}
        for metric, fields in settings.metrics.items()
    }
    return settings.model_copy(update={"metrics": metrics})


def watch(settings: DriftSettings, series: Series, *, drift_at: float | None) -> Watch:
    """Drive the loop over *series*, which stands for every field."""
    start, end = series.start, series.end

    def source(_metric: str, _field: str, begin: float, finish: float) -> FloatArray:
        return series.between(begin, finish)

    loop = DriftLoop(settings, source, start)
    border = inf if drift_at is None else drift_at
    changes = loop.advance(min(border, end))
    watched_days = sum(each.watched_hours for each in loop.fields) / DAY
    was_watching = all(each.phase is Phase.WATCHING for each in loop.fields)
    changes += loop.advance(end)
    alarms = tuple(change.time for change in changes if change.phase is Phase.COLLECTING)
    found = [time for time in alarms if time > border]
    return Watch(
        alarms=alarms,
        watched_days=watched_days,
        false_alarms=len(alarms) - len(found),
        was_watching=was_watching,
        delay=(found[0] - border) / HOUR if found else None,
        retrainings=loop.retrainings,
        looks=sum(each.looks for each in loop.fields),
        blind_looks=sum(each.blind_looks for each in loop.fields),
    )


def poisson_rate(count: int, days: float, confidence: float) -> Estimate:
    """Return events per day with the exact interval of a Poisson count; no value where nothing was watched.

    Source: F. Garwood, Fiducial limits for the Poisson distribution, Biometrika 28, 1936.
    """
    if days <= 0:
        return Estimate(nan)
    tail = (1 - confidence) / 2
    low = float(special.gammaincinv(count, tail)) if count else 0.0
    high = float(special.gammaincinv(count + 1, 1 - tail))
    return Estimate(count / days, low / days, high / days)


def as_figures(found: Sequence[Evaluation]) -> list[dict[str, Any]]:
    """Return the evaluations as plain values for JSON; None where there is no value."""
    return [
        {
            "detector": each.detector,
            "false_alarms": each.false_alarms,
            "watched_days": each.watched_days,
            "false_alarms_per_day": _figure(each.false_alarms_per_day),
            "delay_hours": _figure(each.delay),
            "missed": _figure(each.missed),
            "busy_when_it_began": len(each.watches) - len(each.attentive) if each.has_drift else None,
            "retrainings": sum(one.retrainings for one in each.watches),
            "looks": sum(one.looks for one in each.watches),
            "looks_without_data": sum(one.blind_looks for one in each.watches),
            "alarms": [list(one.alarms) for one in each.watches],
        }
        for each in found
    ]


def _figure(estimate: Estimate) -> dict[str, Any]:
    value, low, high = (
        None if number != number else number for number in (estimate.value, estimate.low, estimate.high)
    )
    return {"value": value, "ci": None if low is None else [low, high]}
