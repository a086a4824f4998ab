"""What ``ctwin drift`` was asked: the options, and the series, settings and detectors that they mean."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from pydantic import ValidationError

from runtime.drift.detectors import NAMES, available, detector
from runtime.drift.influx import query_v1, query_v2
from runtime.drift.recorded import read_series
from runtime.drift.series import Series
from runtime.drift.study import Drift, Study, load_study
from twin.errors import DriftError, Problem, did_you_mean
from twin.formats.aisprint.drift import load_drift_config
from twin.model.drift import DetectorName, DriftSettings, FieldSettings

FALSE_ALARMS_PER_DAY = 0.1
"""Unless the user states another rate."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What the user asked for."""

    source: str

    options: Mapping[str, Any]

    @classmethod
    def from_options(cls, source: str, options: Mapping[str, object]) -> Asked:
        """Refuse options that contradict each other, all of them at once."""
        given = {name for name, value in options.items() if value not in (None, False, ())}
        problems = [
            Problem(f"--{one}", f"cannot be given together with --{other}")
            for one, other in (
                ("uncorrected", "false-alarms-per-day"),
                ("drift-at", "inject"),
                ("database", "bucket"),
            )
            if {one.replace("-", "_"), other.replace("-", "_")} <= given
        ]
        for name in cast("tuple[str, ...]", options["detectors"]):
            if name not in NAMES:
                problems.append(Problem("--detector", f"there is no detector {name!r}{did_you_mean(name, NAMES)}"))
        if problems:
            raise DriftError("the options do not fit", problems)
        return cls(source=source, options=options)

    @property
    def is_described(self) -> bool:
        """Whether the source describes a drift instead of holding a series."""
        return Path(self.source).suffix.lower() in (".yaml", ".yml") and not self.is_remote

    @property
    def is_remote(self) -> bool:
        """Whether the source is a server."""
        return self.source.startswith(("http://", "https://"))


def study_of(asked: Asked) -> Study:
    """Return the description of the drift; for a recorded series only its names and what is injected count."""
    options = asked.options
    names = {key: options[key] for key in ("metric", "field") if options[key]}
    if asked.is_described:
        if options["inject"] or options["drift_at"] is not None:
            raise DriftError("--inject and --drift-at go with a recorded series; a description has its own drift")
        return load_study(Path(asked.source)).model_copy(update=names)
    drift = _injected(options["inject"]) if options["inject"] else Drift()
    return Study(name=asked.source, drift=drift, **{"metric": "metric", "field": "value", **names})


def _injected(words: str) -> Drift:
    """Return the drift of ``KIND:SIZE[:HOURS]``."""
    kind, *numbers = words.split(":")
    kinds = ("step", "ramp", "variance")
    if kind not in kinds:
        raise DriftError(f"--inject: there is no drift {kind!r}{did_you_mean(kind, kinds)}")
    try:
        size, *over = (float(number) for number in numbers)
        given: dict[str, Any] = {"kind": kind, "size": size}
        if over:
            (given["over"],) = over
        return Drift.model_validate(given)
    except ValidationError as error:
        raise DriftError("--inject", [Problem("", each["msg"]) for each in error.errors()]) from None
    except ValueError:
        raise DriftError(f"--inject: expected KIND:SIZE or KIND:SIZE:HOURS such as ramp:1:24, got {words!r}") from None


def recorded_of(asked: Asked, study: Study) -> Series:
    """Return the series of a file or a server; DriftError where there is none."""
    options = asked.options
    if not asked.is_remote:
        return read_series(
            Path(asked.source), metric=options["metric"], field=options["field"], time=options["time_column"]
        )
    if not (options["metric"] and options["field"] and (options["database"] or options["bucket"])):
        raise DriftError("an InfluxDB is asked with --metric, --field and --database (version 1) or --bucket (2)")
    names = {"metric": study.metric, "field": study.field, "hours": options["hours"]}
    if options["database"]:
        return query_v1(asked.source, database=options["database"], **names)
    return query_v2(asked.source, bucket=options["bucket"], org=options["org"], **names)


def settings_of(asked: Asked, study: Study) -> DriftSettings:
    """Return the settings of the only field, with the options in place of what the file says."""
    options = asked.options
    config = None if options["config"] is None else load_drift_config(options["config"])
    base = _of_one_field(config, study, options) if config else _plain(study)
    changes = {
        key: options[key]
        for key in ("detection_interval", "reference_period", "data_collection_period", "false_alarms_per_day")
        if options[key] is not None
    }
    if options["uncorrected"]:
        changes["false_alarms_per_day"] = None
    if options["confirm"]:
        changes["confirmations"] = _confirmations(options["confirm"])
    ((metric, fields),) = base.metrics.items()
    ((field, one),) = fields.items()
    kept = {"test_threshold": options["threshold"], "monitoring_period": options["monitoring_period"]}
    tested = {**one.model_dump(), **{key: value for key, value in kept.items() if value is not None}}
    document = {**base.model_dump(), **changes, "metrics": {metric: {field: tested}}}
    try:
        return DriftSettings.model_validate(document)
    except ValidationError as error:
        problems = [Problem(".".join(map(str, each["loc"])), each["msg"]) for each in error.errors()]
        raise DriftError("the settings do not fit", problems) from None


def _plain(study: Study) -> DriftSettings:
    metrics = {study.metric: {study.field: FieldSettings()}}
    return DriftSettings(metrics=metrics, false_alarms_per_day=FALSE_ALARMS_PER_DAY)


def _of_one_field(config: DriftSettings, study: Study, options: Mapping[str, Any]) -> DriftSettings:
    """Return *config* for the one field that is asked for, with its share of the false alarms."""
    known = {(metric, field): one for metric, fields in config.metrics.items() for field, one in fields.items()}
    chosen = (study.metric, study.field)
    if chosen not in known:
        if len(known) > 1 or (options["metric"] and options["field"]):
            names = ", ".join(" ".join(one) for one in known)
            raise DriftError(
                f"{options['config']}: does not watch {' '.join(chosen)}; --metric and --field of: {names}"
            )
        (chosen,) = known
    rate = FALSE_ALARMS_PER_DAY if config.false_alarms_per_day is None else config.false_alarms_per_day
    metric, field = chosen
    update = {"metrics": {metric: {field: known[chosen]}}, "false_alarms_per_day": rate / config.count}
    return config.model_copy(update=update)


def _confirmations(words: str) -> tuple[int, int]:
    try:
        needed, among = (int(word) for word in words.split("/"))
    except ValueError:
        raise DriftError(f"--confirm: expected K/M such as 2/3, got {words!r}") from None
    return needed, among


def detectors_of(asked: Asked, settings: DriftSettings) -> list[DetectorName]:
    """Return which detectors are asked for: those named, else that of the configuration, else all."""
    names = asked.options["detectors"]
    if not names and asked.options["config"] is not None:
        names = [one.statistical_test for fields in settings.metrics.values() for one in fields.values()]
    for name in names:
        detector(name)  # says at once which library is absent
    return [cast("DetectorName", name) for name in dict.fromkeys(names or available())]
