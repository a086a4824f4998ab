"""The workload: where requests come from, and when."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from twin.model.base import Count, Name, Named, NonNegative, Number, Positive, Value
from twin.model.law import Law


class Poisson(Value):
    """Independent arrivals at a constant rate."""

    process: Literal["poisson"] = "poisson"

    rate: Positive
    """Arrival rate, requests/s."""


class Deterministic(Value):
    """One arrival every ``1 / rate`` seconds."""

    process: Literal["deterministic"]

    rate: Positive


class Renewal(Value):
    """Independent gaps of any law."""

    process: Literal["renewal"]

    gap: Law
    """Seconds between two arrivals."""


class Piecewise(Value):
    """Poisson arrivals whose rate changes at given times (NHPP, drawn exactly by inversion)."""

    process: Literal["piecewise"]

    times: tuple[NonNegative, ...] = Field(min_length=1)
    """Seconds at which each rate begins; the first is 0."""

    rates: tuple[NonNegative, ...] = Field(min_length=1)
    """Arrival rates, requests/s; the last one holds on."""

    period: Positive | None = None
    """Seconds after which the rates start again; absent: they do not."""

    @model_validator(mode="after")
    def _is_ordered(self) -> Piecewise:
        if len(self.times) != len(self.rates):
            raise ValueError(f"{len(self.times)} times but {len(self.rates)} rates")
        if self.times[0] != 0 or any(b <= a for a, b in zip(self.times, self.times[1:], strict=False)):
            raise ValueError("times must start at 0 and increase")
        if self.period is not None and self.period <= self.times[-1]:
            raise ValueError(f"period must be longer than the last time {self.times[-1]}, got {self.period}")
        if self.period is not None and not any(self.rates):
            raise ValueError("all rates are 0")
        if self.period is None and self.rates[-1] == 0 and not any(self.rates):
            raise ValueError("all rates are 0")
        return self


class Sinusoid(Value):
    """Poisson arrivals at ``rate * (1 + amplitude * sin(2 pi (t / period + phase)))`` (drawn exactly by thinning)."""

    process: Literal["sinusoid"]

    rate: Positive
    """Mean arrival rate, requests/s."""

    amplitude: Annotated[float, Field(ge=0, le=1, strict=True)]
    """Swing relative to the mean."""

    period: Positive

    phase: Number = 0.0
    """Fraction of the period by which the wave is shifted."""


class MarkovState(Value):
    """One state of a Markov-modulated Poisson process."""

    rate: NonNegative

    sojourn: Positive
    """Mean seconds in this state (exponential)."""


class MarkovModulated(Value):
    """Poisson arrivals whose rate follows a Markov chain that visits its states in turn."""

    process: Literal["markov_modulated"]

    states: tuple[MarkovState, ...] = Field(min_length=2)

    @model_validator(mode="after")
    def _has_arrivals(self) -> MarkovModulated:
        if not any(state.rate for state in self.states):
            raise ValueError("all rates are 0")
        return self


class Batch(Value):
    """Poisson arrivals of batches."""

    process: Literal["batch"]

    rate: Positive
    """Requests/s, all batches together."""

    size: Count
    """Requests in a batch; a mean if ``sizes`` is geometric."""

    sizes: Literal["fixed", "geometric"] = "fixed"


class Trace(Value):
    """Arrivals at the times of a file."""

    process: Literal["trace"]

    file: str
    """CSV or Parquet file, relative to the scenario."""

    column: str | None = None
    """Column of times in seconds; absent: the first one."""

    times: tuple[NonNegative, ...] = ()
    """The times themselves; read from the file."""


class Closed(Value):
    """A fixed number of users who think, send one request and wait for its end (closed loop)."""

    process: Literal["closed"]

    users: Count

    think_time: Law
    """Seconds between an answer and the next request of a user."""


Arrivals = Annotated[
    Poisson | Deterministic | Renewal | Piecewise | Sinusoid | MarkovModulated | Batch | Trace | Closed,
    Field(discriminator="process"),
]


class Source(Value):
    """One origin of requests."""

    name: Name

    arrivals: Arrivals

    entry: Name | None = None
    """Component that receives the requests; absent: the application's only root."""

    at: Name | None = None
    """Layer the requests come from; their data travels from there. Absent: they arise where they are served."""

    data_mb: NonNegative = 0.0
    """Megabytes of one request."""


class Workload(Value):
    """All sources of requests."""

    sources: Named[Source] = Field(min_length=1)
