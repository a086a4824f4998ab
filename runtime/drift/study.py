"""What ``ctwin drift`` is asked: a series without drift, made up or drawn from a recorded one, and the drift in it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, Strict, ValidationError, model_validator
from scipy import signal

from runtime.drift.series import Series
from twin.errors import DriftError
from twin.formats.scenario.faults import faults
from twin.formats.yaml_source import load_yaml
from twin.model.base import Name, NonNegative, Number, Positive, Value
from twin.model.drift import DAY, HOUR
from twin.streams import stream

FloatArray = NDArray[np.float64]

MOST_VALUES = 2_000_000
"""Values of one replication."""


class Drift(Value):
    """How values change from a moment on."""

    kind: Literal["step", "ramp", "variance"] = "step"
    """``step``: the mean moves at once; ``ramp``: over hours; ``variance``: the standard deviation grows at once."""

    size: Number = 1.0
    """Standard deviations that the mean moves; for ``variance`` the factor on the standard deviation."""

    over: NonNegative = 24.0
    """Hours that a ramp takes."""

    @model_validator(mode="after")
    def _check(self) -> Drift:
        if self.kind == "variance" and self.size <= 0:
            raise ValueError(f"size: the factor on the standard deviation must be above 0, got {self.size:g}")
        return self

    def __str__(self) -> str:
        if self.kind == "variance":
            return f"standard deviation × {self.size:g}"
        slowly = f" over {self.over:g} h" if self.kind == "ramp" else ""
        return f"mean {self.size:+g} standard deviations{slowly}"

    def applied(self, values: FloatArray, hours: FloatArray, *, mean: float, spread: float) -> FloatArray:
        """Return *values* as they become; *hours* are those since the drift began, negative before it."""
        if self.kind == "variance":
            return np.where(hours > 0, mean + self.size * (values - mean), values)
        share = np.clip(hours / self.over, 0, 1) if self.kind == "ramp" and self.over else hours > 0
        return np.asarray(values + self.size * spread * share)


class Study(Value):
    """A metric, how it varies without drift, and the drift that is to be found."""

    name: str = "drift"

    metric: Name = "accuracy"

    field: Name = "score"

    sampling_interval: Positive = 600.0
    """Seconds from one value to the next."""

    mean: Number = 0.8

    standard_deviation: NonNegative = 0.05

    correlation: Annotated[float, Strict(), Field(ge=0, lt=1)] = 0.0
    """Correlation of neighbours."""

    missing: Annotated[float, Strict(), Field(ge=0, lt=1)] = 0.0
    """Share of the values that never arrive."""

    days_before: Positive = 12.0
    """Days without drift, the reference among them."""

    days_after: Positive = 6.0
    """Days with drift during which it is to be found."""

    drift: Drift = Drift()

    @model_validator(mode="after")
    def _check(self) -> Study:
        if self.count > MOST_VALUES:
            raise ValueError(f"a replication would have {self.count} values; at most {MOST_VALUES}")
        return self

    @property
    def count(self) -> int:
        """Values of one replication."""
        return int((self.days_before + self.days_after) * DAY * HOUR / self.sampling_interval)

    @property
    def drift_at(self) -> float:
        """Second at which the drift begins."""
        return self.days_before * DAY * HOUR


def load_study(path: Path) -> Study:
    """Read a description of a drift; DriftError with lines for whatever is wrong with it."""
    source = load_yaml(path)
    if {"continuum", "application"} & set(source.data):
        raise DriftError(f"{path}: is a scenario, which has no drift of its own; describe the drift in another file")
    try:
        return Study.model_validate(source.data)
    except ValidationError as error:
        raise DriftError(str(path), [fault.problem for fault in faults(error, Study, source.place)]) from None


def made_up(study: Study, *, seed: int, replication: int) -> Series:
    """Return one replication of *study*: normal values, each correlated with the one before as an AR(1) process."""
    chance = stream(seed, replication, "drift")
    noise = chance.standard_normal(study.count)
    if study.correlation:
        innovation = np.sqrt(1 - study.correlation**2)
        noise[1:] *= innovation
        noise = signal.lfilter([1.0], [1.0, -study.correlation], noise)
    values = study.mean + study.standard_deviation * noise
    return _with_drift(study, values, mean=study.mean, spread=study.standard_deviation, chance=chance)


def drawn(study: Study, recorded: Series, *, seed: int, replication: int) -> Series:
    """Return one replication whose values are drawn from *recorded* in blocks, so that neighbours stay neighbours.

    Blocks have the cube root of the number of values, wrap around, and begin anywhere (D. N. Politis, J. P. Romano,
    A circular block-resampling procedure, 1992).
    """
    chance = stream(seed, replication, "drift")
    source = recorded.values
    length = max(round(len(source) ** (1 / 3)), 1)
    starts = chance.integers(0, len(source), -(-study.count // length))
    places = (starts[:, None] + np.arange(length)).ravel()[: study.count] % len(source)
    return _with_drift(study, source[places], mean=float(source.mean()), spread=float(source.std()), chance=chance)


def _with_drift(study: Study, values: FloatArray, *, mean: float, spread: float, chance: np.random.Generator) -> Series:
    times = np.arange(1.0, len(values) + 1) * study.sampling_interval
    hours = (times - study.drift_at) / HOUR
    values = study.drift.applied(values, hours, mean=mean, spread=spread)
    kept = chance.random(len(values)) >= study.missing
    return Series(times=times[kept], values=values[kept], missing=int((~kept).sum()))
