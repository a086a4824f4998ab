"""The loop from an alarm to a retrained model, its state file, and what evaluations make of it."""

from __future__ import annotations

from math import isclose, isfinite, isnan
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from runtime.drift.evaluate import as_figures, evaluate, poisson_rate, watch
from runtime.drift.loop import DriftLoop, Phase
from runtime.drift.series import Series, neighbour_correlation, remarks
from runtime.drift.study import Drift, Study, drawn, made_up
from twin.errors import DriftError
from twin.formats.aisprint.drift import (
    drift_state,
    load_drift_config,
    load_drift_state,
    save_drift_state,
)
from twin.model.drift import HOUR, DetectorName, DriftSettings

CONFIG = """\
data_collection_period: 48
detection_interval: 1
metrics:
  accuracy:
    score: {monitoring_period: 24, statistical_test: kolmogorov-smirnov, test_threshold: 0.05}
"""


def settings(**changes: object) -> DriftSettings:
    """Return settings that look every hour at windows of ten hours, five fields' worth of patience, no correction."""
    score = {"statistical_test": "kolmogorov-smirnov", "test_threshold": 0.001, "monitoring_period": 10.0}
    given = {
        "metrics": {"accuracy": {"score": score}},
        "data_collection_period": 5.0,
        "retraining_time": 2.0,
        "retraining_cost": 30.0,
        **changes,
    }
    return DriftSettings.model_validate(given)


def stepped(metric: str, field: str, start: float, end: float) -> NDArray[np.float64]:
    """Return a value each six minutes: noise around 0, around 5 between hours 20 and 40, metric and field aside."""
    del metric, field
    ticks = np.arange(np.floor(start / 360) + 1, np.floor(end / 360) + 1)
    noise = np.sin(ticks * 12.9898) * 43758.5453 % 1
    return noise + 5.0 * ((ticks > 200) & (ticks <= 400))


def test_an_alarm_leads_to_a_new_model() -> None:
    """Reference until 10 h, drift at 20 h seen at the next look, collected until +5 h, retrained until +2 h, anew."""
    heard: list[dict[str, dict[str, int]]] = []
    loop = DriftLoop(
        settings(), stepped, 0.0, record=lambda states: heard.append({k: dict(v) for k, v in states.items()})
    )
    changes = loop.advance(39 * HOUR)
    told = [(change.time / HOUR, change.phase, change.state) for change in changes]
    noticed = told[1][0]
    assert 20 < noticed <= 24
    assert told == [
        (10, Phase.WATCHING, 0),
        (noticed, Phase.COLLECTING, 1),
        (noticed + 5, Phase.RETRAINING, 2),
        (noticed + 7, Phase.LEARNING, 0),
        (noticed + 17, Phase.WATCHING, 0),
    ]
    assert [each["accuracy"]["score"] for each in heard] == [0, 1, 2, 0]
    assert (loop.retrainings, loop.cost) == (1, 30.0)
    # The new reference is the world after the drift, so that its end is a drift again.
    assert any(change.phase is Phase.COLLECTING for change in loop.advance(48 * HOUR))


def test_time_in_pieces_is_time_at_once() -> None:
    """A live loop that wakes often does the same as a simulation that asks once."""
    at_once = DriftLoop(settings(), stepped).advance(60 * HOUR)
    waking = DriftLoop(settings(), stepped)
    pieces = [change for minute in range(0, 3601, 7) for change in waking.advance(minute * 60.0)]
    assert pieces == [change for change in at_once if change.time <= 3598 * 60]
    assert len(pieces) >= 6


def test_fields_are_watched_each_for_itself() -> None:
    """Only the field that drifts changes its state."""
    metrics = {"accuracy": {"score": {"monitoring_period": 10.0, "test_threshold": 0.001}}, "size": {"bytes": {}}}

    def source(metric: str, field: str, start: float, end: float) -> NDArray[np.float64]:
        values = stepped(metric, field, start, end)
        return values if metric == "accuracy" else values % 1

    loop = DriftLoop(settings(metrics=metrics), source)
    loop.advance(26 * HOUR)
    assert loop.states() == {"accuracy": {"score": 1}, "size": {"bytes": 0}}


def test_without_data_the_loop_waits() -> None:
    """No values: no reference, no look, no crash; then values come, NaN among them, and a gap later on."""

    def source(metric: str, field: str, start: float, end: float) -> NDArray[np.float64]:
        values = stepped(metric, field, start, end) % 1
        if end <= 20 * HOUR or 35 * HOUR < end <= 50 * HOUR:
            return values[:0]
        return np.where(np.arange(len(values)) % 3 == 0, np.nan, values)

    loop = DriftLoop(settings(), source)
    assert loop.advance(20 * HOUR) == []
    assert [change.phase for change in loop.advance(60 * HOUR)] == [Phase.WATCHING]
    assert loop.fields[0].blind_looks == 15


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"confirmations": (3, 2)}, "can never say drift"),
        ({"metrics": {}}, "at least one field"),
        ({"false_alarms_per_day": 25.0}, "more than the 24 looks"),
        ({"detection_interval": 0.0}, "greater than 0"),
    ],
)
def test_settings_that_make_no_sense_are_refused(changes: dict[str, object], words: str) -> None:
    """Each says what is wrong."""
    with pytest.raises(ValueError, match=words):
        settings(**changes)


# -- files of AI-SPRINT -----------------------------------------------------------------------------------------------


def test_the_configuration_of_studio_is_read(tmp_path: Path) -> None:
    """The file that Studio writes, with whole numbers; our own keys may stand beside them."""
    path = tmp_path / "drift_detector_config.yaml"
    path.write_text(CONFIG)
    read = load_drift_config(path)
    assert read.detection_interval == 1
    assert read.metrics["accuracy"]["score"].statistical_test == "kolmogorov-smirnov"
    assert read.false_alarms_per_day is None  # AI-SPRINT corrects nothing
    path.write_text(CONFIG + "false_alarms_per_day: 0.5\nconfirmations: [2, 3]\nretraining_cost: 12\n")
    own = load_drift_config(path)
    assert (own.false_alarms_per_day, own.confirmations, own.retraining_cost) == (0.5, (2, 3), 12)


def test_a_wrong_configuration_is_refused_with_its_lines(tmp_path: Path) -> None:
    """All problems at once: a misspelt test, an unknown key, a threshold beyond 1."""
    path = tmp_path / "config.yaml"
    text = CONFIG.replace("kolmogorov-smirnov", "kolmogorov").replace("0.05", "5").replace("detection_i", "detektion_i")
    path.write_text(text)
    with pytest.raises(DriftError) as caught:
        load_drift_config(path)
    said = str(caught.value)
    assert "line 2" in said
    assert "line 5" in said
    assert "detection_interval" in said
    assert len(caught.value.problems) >= 3


def test_the_state_file_is_what_components_read(tmp_path: Path) -> None:
    """Metric, field, 0 to 2; anything else is refused by its line."""
    path = tmp_path / "drift_state.yaml"
    save_drift_state({"accuracy": {"score": 1, "recall": 0}}, path)
    assert path.read_text() == "accuracy: {score: 1, recall: 0}\n"
    states = load_drift_state(path)
    assert drift_state(states, "accuracy", "score") == 1
    with pytest.raises(DriftError, match="did you mean 'accuracy'"):
        drift_state(states, "acuracy", "score")
    with pytest.raises(DriftError, match="did you mean 'recall'"):
        drift_state(states, "accuracy", "recal")
    path.write_text("accuracy:\n  score: 3\n  recall: true\nsize: 1\n")
    with pytest.raises(DriftError) as caught:
        load_drift_state(path)
    assert [problem.line for problem in caught.value.problems] == [2, 3, 4]


def test_the_live_loop_keeps_the_state_file(tmp_path: Path) -> None:
    """The file follows every change of the loop."""
    path = tmp_path / "drift_state.yaml"
    loop = DriftLoop(settings(), stepped, record=lambda states: save_drift_state(states, path))
    seen = []
    for hour in range(40):
        loop.advance(hour * HOUR)
        seen.append(load_drift_state(path)["accuracy"]["score"])
    assert [state for i, state in enumerate(seen) if i == 0 or state != seen[i - 1]] == [0, 1, 2, 0]


# -- evaluation -------------------------------------------------------------------------------------------------------


def study(**changes: object) -> Study:
    """Return 10 days before and 4 days after a drift of a standard deviation, a value each 15 minutes."""
    given = {"sampling_interval": 900.0, "days_before": 10.0, "days_after": 4.0, **changes}
    return Study.model_validate(given)


def stated(rate: float | None, **changes: object) -> DriftSettings:
    """Return settings of hourly looks at windows of a day for so many false alarms a day."""
    return DriftSettings.model_validate(
        {
            "metrics": {"accuracy": {"score": {}}},
            "false_alarms_per_day": rate,
            "data_collection_period": 12.0,
            **changes,
        }
    )


def test_the_loop_keeps_the_stated_rate_and_the_uncorrected_does_not() -> None:
    """A reference that is drawn once, new ones after alarms: the stated rate holds, at level 0.05 it does not."""
    series = [made_up(study(), seed=3, replication=i) for i in range(30)]
    drift_at = study().drift_at
    windows: dict[str, object] = {
        "metrics": {"accuracy": {"score": {"monitoring_period": 6.0}}},
        "detection_interval": 6.0,
        "reference_period": 48.0,
    }
    corrected = evaluate(["kolmogorov-smirnov", "cusum"], stated(0.02, **windows), series, drift_at=drift_at)
    assert all(each.false_alarms_per_day.low <= 0.02 for each in corrected)
    assert all(each.false_alarms_per_day.value <= 0.06 for each in corrected)
    (loose,) = evaluate(["kolmogorov-smirnov"], stated(None, **windows), series, drift_at=drift_at)
    assert loose.false_alarms_per_day.low > corrected[0].false_alarms_per_day.high
    assert loose.false_alarms_per_day.low <= 0.05 * 4


@pytest.mark.parametrize("name", ["kolmogorov-smirnov", "epps-singleton"])
def test_overlapping_windows_keep_the_stated_rate(name: DetectorName) -> None:
    """Looks every hour at windows of a day see nearly the same: alarms are rarer than allowed, never more frequent."""
    series = [made_up(study(), seed=3, replication=i) for i in range(5)]
    (found,) = evaluate([name], stated(0.2), series, drift_at=study().drift_at)
    assert found.watched_days > 25
    assert found.false_alarms_per_day.low <= 0.2


def test_a_drift_is_found_soon_and_its_delay_is_counted_from_it() -> None:
    """One standard deviation: all found, the larger the sooner, each at a look after the beginning."""
    delays = []
    for size in (1.0, 3.0):
        asked = study(drift={"size": size})
        series = [made_up(asked, seed=4, replication=i) for i in range(4)]
        (found,) = evaluate(["cramer-von-mises"], stated(0.05), series, drift_at=asked.drift_at)
        assert found.missed.value == 0
        assert all(each.delay is not None and 0 < each.delay < 40 for each in found.attentive)
        delays.append(found.delay.value)
    assert delays[1] < delays[0] < 24


def test_what_is_not_there_is_missed() -> None:
    """A drift of nothing raises no alarm, and is counted as missed with an exact interval."""
    asked = study(drift={"size": 0.0})
    series = [made_up(asked, seed=5, replication=i) for i in range(4)]
    (found,) = evaluate(["kolmogorov-smirnov"], stated(0.01), series, drift_at=asked.drift_at)
    assert found.missed.value == 1.0
    assert isnan(found.delay.value)
    assert isclose(found.missed.low, 0.025 ** (1 / 4), rel_tol=1e-6)
    (figures,) = as_figures([found])
    assert figures["delay_hours"] == {"value": None, "ci": None}


def test_a_false_alarm_at_the_wrong_time_blames_nobody() -> None:
    """A drift that begins during the collection after a false alarm is neither missed nor found."""
    asked = study(drift={"size": 0.0}, days_before=10.0)
    quiet = made_up(asked, seed=6, replication=0)
    jump = quiet.values + 1.0 * ((quiet.times > asked.drift_at - 6 * HOUR) & (quiet.times < asked.drift_at))
    busy = Series(times=quiet.times, values=jump)
    (found,) = evaluate(["page-hinkley"], stated(0.05), [busy], drift_at=asked.drift_at)
    assert found.false_alarms == 1
    assert found.attentive == []
    assert isnan(found.missed.value)


def test_poisson_rates_have_exact_intervals() -> None:
    """Garwood's limits: none in 10 days leaves 0.369 a day, 3 leave 0.0619 to 0.877."""
    none, three = poisson_rate(0, 10, 0.95), poisson_rate(3, 10, 0.95)
    assert (none.value, none.low) == (0, 0)
    assert isclose(none.high, 0.36889, rel_tol=1e-4)
    assert isclose(three.low, 0.061867, rel_tol=1e-4)
    assert isclose(three.high, 0.87673, rel_tol=1e-4)
    assert isnan(poisson_rate(0, 0.0, 0.95).value)


def test_watching_begins_after_the_reference() -> None:
    """Ten days without drift less a day of reference are nine of watching."""
    found = watch(stated(0.001), made_up(study(), seed=1, replication=0), drift_at=study().drift_at)
    assert isclose(found.watched_days, 9, abs_tol=0.1)


# -- series -----------------------------------------------------------------------------------------------------------


def test_drifts_do_what_they_say() -> None:
    """Step, ramp and spread in figures: before nothing, afterwards the size, half-way half of it."""
    values, hours = np.zeros(5), np.array([-1.0, 0.0, 1.0, 12.0, 48.0])
    step = Drift(kind="step", size=2.0).applied(values, hours, mean=0.0, spread=0.5)
    assert step.tolist() == [0, 0, 1, 1, 1]
    ramp = Drift(kind="ramp", size=2.0, over=24.0).applied(values, hours, mean=0.0, spread=0.5)
    assert np.allclose(ramp, [0, 0, 1 / 24, 0.5, 1])
    wide = Drift(kind="variance", size=3.0).applied(values + 1, hours, mean=0.5, spread=9.0)
    assert np.allclose(wide, [1, 1, 2, 2, 2])


def test_made_up_series_are_as_described() -> None:
    """Mean, spread, correlation of neighbours and missing share come out; equal seeds give equal series."""
    asked = study(
        mean=5.0, standard_deviation=2.0, correlation=0.6, missing=0.1, days_before=100.0, drift={"size": 0.0}
    )
    one, again, other = (made_up(asked, seed=seed, replication=0) for seed in (1, 1, 2))
    assert np.array_equal(one.values, again.values)
    assert not np.array_equal(one.values[:100], other.values[:100])
    assert isclose(one.values.mean(), 5.0, abs_tol=0.2)
    assert isclose(one.values.std(), 2.0, rel_tol=0.1)
    assert isclose(one.missing / asked.count, 0.1, abs_tol=0.02)
    full = made_up(asked.model_copy(update={"missing": 0.0}), seed=1, replication=0)
    assert isclose(neighbour_correlation(full.values), 0.6, abs_tol=0.08)
    assert any("resemble" in remark for remark in remarks(full, 24))


def test_drawn_series_are_made_of_the_recorded_one() -> None:
    """Only recorded values, neighbours beside each other, and the injected drift on top of them."""
    recorded = Series(times=np.arange(500.0), values=np.arange(500.0))
    asked = study(drift={"size": 0.0})
    found = drawn(asked, recorded, seed=1, replication=0)
    assert set(found.values) <= set(recorded.values)
    assert np.mean(np.diff(found.values) == 1) > 0.8
    moved = drawn(study(), recorded, seed=1, replication=0)
    after = moved.times > asked.drift_at
    assert np.allclose((moved.values - found.values)[after], recorded.values.std())
    assert not (moved.values - found.values)[~after].any()


def test_remarks_name_what_is_odd() -> None:
    """Gaps, equal times, missing values and constants are said; a sound series has no remark."""
    odd = Series(times=np.array([0.0, 0.0, 10.0, 90000.0 * 2]), values=np.ones(4), missing=3)
    said = " ".join(remarks(odd, 24))
    for words in ("3 rows have no value", "1 values share", "1 gaps", "every value is 1"):
        assert words in said
    assert remarks(made_up(study(), seed=1, replication=0), 24) == []
    assert isfinite(neighbour_correlation(np.ones(100)))
