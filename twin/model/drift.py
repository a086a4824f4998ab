"""How metrics are watched for drift: AI-SPRINT's ``detect_metric_drift`` in full, and what it leaves open."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, Strict, model_validator

from twin.model.base import Count, Name, NonNegative, Positive, Value

HOUR = 3600.0
DAY = 24.0

DetectorName = Literal[
    "kolmogorov-smirnov",
    "cramer-von-mises",
    "fisher-exact-test",
    "chi-squared",
    "anderson-darling",
    "epps-singleton",
    "cusum",
    "page-hinkley",
    "adwin",
    "kswin",
]
"""The first four are those of AI-SPRINT Studio, spelt as there; the last four look at each value as it comes."""

Level = Annotated[float, Strict(), Field(gt=0, lt=1)]


class FieldSettings(Value):
    """How one field of one metric is tested."""

    statistical_test: DetectorName = "kolmogorov-smirnov"

    test_threshold: Level = 0.05
    """A test says drift at p-values up to this; a stated rate of false alarms may ask for a lower one."""

    monitoring_period: Positive = 24.0
    """Hours of the window that is compared with the reference."""


class DriftSettings(Value):
    """What is watched, how often, and what follows an alarm. Periods are in hours, as AI-SPRINT has them."""

    detection_interval: Positive = 1.0
    """Hours from one look to the next."""

    data_collection_period: NonNegative = 48.0
    """Hours after an alarm during which data for the retraining is collected."""

    metrics: dict[Name, dict[Name, FieldSettings]]
    """Metric → field → how it is tested."""

    reference_period: Positive | None = None
    """Hours at the start, and after each retraining, that stand for no drift; absent: the monitoring period."""

    false_alarms_per_day: Positive | None = None
    """Expected false alarms per day of watching, all fields together; absent: the thresholds are used as they are."""

    confirmations: tuple[Count, Count] = (1, 1)
    """(k, m): a test over windows must say drift at k of the last m looks."""

    retraining_time: NonNegative = 0.0
    """Hours from the end of the collection until the new model is in place."""

    retraining_cost: NonNegative = 0.0
    """Euro for each retraining."""

    @model_validator(mode="after")
    def _check(self) -> DriftSettings:
        needed, among = self.confirmations
        if needed > among:
            raise ValueError(f"confirmations: {needed} of the last {among} looks can never say drift")
        if not self.count:
            raise ValueError("metrics: name at least one field of one metric")
        if self.false_alarms_per_day is not None and self.false_alarms_per_day > self.looks_per_day:
            raise ValueError(
                f"false_alarms_per_day: {self.false_alarms_per_day:g} are more than the {self.looks_per_day:g} looks"
            )
        return self

    @property
    def looks_per_day(self) -> float:
        """Looks at one field in a day of watching."""
        return DAY / self.detection_interval

    @property
    def count(self) -> int:
        """How many fields are watched."""
        return sum(len(fields) for fields in self.metrics.values())
