"""How long a partition takes on a class of devices, and where that is known from."""

from __future__ import annotations

from typing import Any

from pydantic import model_validator

from twin.model.base import NonNegative, Positive, Value
from twin.model.law import Law


class Profile(Value):
    """The service time of one partition on one device class, measured or assumed.

    A bare number stands for the mean of the service time; the keys of a law may stand here without ``service_time``.
    """

    service_time: Law
    """Seconds one request takes alone on the device, with a warm instance."""

    cold_service_time: Law | None = None
    """Seconds a request takes, start included, that finds no warm instance of a cloud function.

    Absent: the function's ``cold_start`` followed by the service time.
    """

    cold_start: Law | None = None
    """Seconds this partition needs to start (runtime, model load); it replaces the function's own ``cold_start``."""

    file: str | None = None
    """Profile file the samples come from, relative to the scenario."""

    segment: str | None = None
    """Segment of that file."""

    scale: Positive = 1.0
    """Factor by which this device is slower than the one the profile was measured on: a guess, unless measured."""

    scale_uncertainty: NonNegative = 0.0
    """Relative uncertainty of that factor."""

    source: str = ""
    """Where the figures come from: CPU and versions of the measurement, or who guessed them."""

    @model_validator(mode="before")
    @classmethod
    def _from_law(cls, data: Any) -> Any:
        if isinstance(data, int | float) and not isinstance(data, bool):
            return {"service_time": data}
        if isinstance(data, dict) and "service_time" not in data and {"mean", "samples"} & set(data):
            law = {key: value for key, value in data.items() if key in Law.model_fields}
            return {"service_time": law, **{key: value for key, value in data.items() if key not in law}}
        return data

    @property
    def scaled_service_time(self) -> Law:
        """The service time with the device factor applied."""
        return self.service_time.scaled(self.scale)
