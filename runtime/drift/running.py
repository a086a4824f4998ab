"""The run of ``ctwin drift``: series are read or made, watched, and shown."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from runtime.drift.allowance import allowance
from runtime.drift.asking import Asked, detectors_of, recorded_of, settings_of, study_of
from runtime.drift.evaluate import Evaluation, as_figures, evaluate, with_detector
from runtime.drift.loop import DriftLoop
from runtime.drift.picture import series_chart
from runtime.drift.screen import watch_bar
from runtime.drift.series import Series, remarks
from runtime.drift.study import Study, drawn, made_up
from twin.errors import DriftError
from twin.files import write_text
from twin.formats.aisprint.drift import save_drift_state
from twin.model.drift import DAY, HOUR, DetectorName, DriftSettings
from twin.plot_svg import draw

REPLICATIONS = 20


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
    study = study_of(asked)
    recorded = None if asked.is_described else recorded_of(asked, study)
    settings = settings_of(asked, study)
    injected = recorded is None or options["inject"] is not None
    drift_at = study.drift_at if injected else options["drift_at"]
    if recorded is not None and not injected:
        _require_inside(recorded, drift_at, asked.source)
        if options["replications"] is not None:
            raise DriftError("--replications: a recorded series is there once; --inject draws new ones from it")
        replications = [recorded]
    else:
        replications = list(_replications(study, recorded, options))
    names = detectors_of(asked, settings)
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


def _require_inside(series: Series, drift_at: float | None, source: str) -> None:
    if drift_at is not None and not series.start < drift_at < series.end:
        raise DriftError(
            f"{source}: --drift-at {drift_at:g} is outside of the series, {series.start:g} to {series.end:g}"
        )


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
