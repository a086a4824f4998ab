"""From the options of ``ctwin drift`` to an evaluation: which series, which settings, which detectors."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from pydantic import ValidationError

from runtime.drift.allowance import allowance
from runtime.drift.detectors import NAMES, available, detector
from runtime.drift.evaluate import Evaluation, as_figures, evaluate, with_detector
from runtime.drift.influx import query_v1, query_v2
from runtime.drift.loop import DriftLoop
from runtime.drift.picture import series_chart
from runtime.drift.recorded import read_series
from runtime.drift.screen import watch_bar
from runtime.drift.series import Series, remarks
from runtime.drift.study import Drift, Study, drawn, load_study, made_up
from twin.errors import DriftError, Problem, did_you_mean
from twin.files import write_text
from twin.formats.aisprint.drift import load_drift_config, save_drift_state
from twin.model.drift import DAY, HOUR, DetectorName, DriftSettings, FieldSettings
from twin.plot_svg import draw

FALSE_ALARMS_PER_DAY = 0.1
REPLICATIONS = 20


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """The evaluation and all that shows it."""

    name: str

    title: str

    settings: DriftSettings

    series: Series

    drift_at: float | None

    found: list[Evaluation]

    notes: list[str]

    def to_json(self) -> str:
        """Return everything as one JSON document."""
        settings = self.settings.model_dump()
        document = {"title": self.title, "settings": settings, "drift_at": self.drift_at, "notes": self.notes}
        return json.dumps({**document, "detectors": as_figures(self.found)}, indent=2, allow_nan=False)

    def save_picture(self, path: Path) -> None:
        """Draw the first series with the alarms of all detectors."""
        chart = series_chart(
            self.series, self.found, title=self.name, label=" ".join(_only(self.settings)), drift_at=self.drift_at
        )
        write_text(path, draw(chart))

    def save_state(self, path: Path) -> None:
        """Write drift_state.yaml as the first detector leaves it at the end of the first series."""
        name = cast("DetectorName", self.found[0].detector)
        settings = with_detector(self.settings, name)
        loop = DriftLoop(
            settings, lambda _metric, _field, start, end: self.series.between(start, end), self.series.start
        )
        loop.advance(self.series.end)
        save_drift_state(loop.states(), path)


def run(asked: Asked, *, show_progress: bool) -> Done:
    """Read or make the series and let the detectors watch them."""
    options = asked.options
    study = _study(asked)
    recorded = None if asked.is_described else _recorded(asked, study)
    settings = _settings(asked, study)
    injected = recorded is None or options["inject"] is not None
    drift_at = study.drift_at if injected else options["drift_at"]
    if recorded is not None and not injected:
        _require_inside(recorded, drift_at, asked.source)
        if options["replications"] is not None:
            raise DriftError("--replications: a recorded series is there once; --inject draws new ones from it")
        replications = [recorded]
    else:
        replications = list(_replications(study, recorded, options))
    names = _detectors(asked, settings)
    with watch_bar(len(names) * len(replications), hidden=not show_progress) as bar:
        found = evaluate(
            names, settings, replications, drift_at=drift_at, progress=lambda: bar.advance(bar.task_ids[0])
        )
    return Done(
        name=_name(asked, study, injected=injected),
        title=_title(asked, study, injected=injected, count=len(replications)),
        settings=settings,
        series=replications[0],
        drift_at=drift_at,
        found=found,
        notes=_notes(recorded or replications[0], settings, found),
    )


def _replications(study: Study, recorded: Series | None, options: Mapping[str, Any]) -> Iterator[Series]:
    seed = options["seed"]
    for i in range(options["replications"] or REPLICATIONS):
        if recorded is None:
            yield made_up(study, seed=seed, replication=i)
        else:
            yield drawn(study, recorded, seed=seed, replication=i)


def _study(asked: Asked) -> Study:
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


def _recorded(asked: Asked, study: Study) -> Series:
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


def _require_inside(series: Series, drift_at: float | None, source: str) -> None:
    if drift_at is not None and not series.start < drift_at < series.end:
        raise DriftError(
            f"{source}: --drift-at {drift_at:g} is outside of the series, {series.start:g} to {series.end:g}"
        )


def _settings(asked: Asked, study: Study) -> DriftSettings:
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


def _detectors(asked: Asked, settings: DriftSettings) -> list[DetectorName]:
    """Return which detectors are asked for: those named, else that of the configuration, else all."""
    names = asked.options["detectors"]
    if not names and asked.options["config"] is not None:
        names = [one.statistical_test for fields in settings.metrics.values() for one in fields.values()]
    for name in names:
        detector(name)  # says at once which library is absent
    return [cast("DetectorName", name) for name in dict.fromkeys(names or available())]


def _only(settings: DriftSettings) -> tuple[str, str]:
    ((metric, fields),) = settings.metrics.items()
    (field,) = fields
    return metric, field


def _name(asked: Asked, study: Study, *, injected: bool) -> str:
    source = asked.source if asked.is_remote else Path(asked.source).name
    if not injected:
        return f"{source}, as recorded"
    return f"{study.name if asked.is_described else f'drawn from {source}'}: {study.drift}"


def _title(asked: Asked, study: Study, *, injected: bool, count: int) -> str:
    name = _name(asked, study, injected=injected)
    if not injected:
        return name
    return f"{name}; {study.days_before:g} days without, {study.days_after:g} with drift, {count} replications"


def _notes(series: Series, settings: DriftSettings, found: list[Evaluation]) -> list[str]:
    (field,) = next(iter(settings.metrics.values())).values()
    notes = remarks(series, field.monitoring_period)
    days = (series.end - series.start) / HOUR / DAY
    allowed = allowance(settings, field, values_per_day=max(len(series.values) / days, 1e-9) if days > 0 else 1.0)
    if allowed.level < field.test_threshold:
        notes.append(
            f"tests reject at {allowed.level:.2g} instead of {field.test_threshold:g}, for the sake of many looks"
        )
    if not any(one.looks for each in found for one in each.watches):
        notes.append("nothing was looked at: the series ends before its reference does, or holds too few values")
    busy = sum(len(each.watches) - len(each.attentive) for each in found if each.has_drift)
    if busy:
        notes.append(f"{busy} drifts began while a detector was busy after a false alarm; they count for no delay")
    blind = sum(one.blind_looks for one in found[0].watches)
    if blind:
        notes.append(f"{blind} of {sum(one.looks for one in found[0].watches)} looks had no new values")
    return notes
