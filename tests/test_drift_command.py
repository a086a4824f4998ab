"""``ctwin drift`` as a user meets it: series from everywhere, right and wrong input, table, JSON and picture."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlparse

import numpy as np
import pandas as pd
import pytest

from runtime.cli import main
from runtime.drift.recorded import read_series
from runtime.drift.study import load_study
from twin.errors import DriftError
from twin.formats.aisprint.drift import load_drift_state

ROOT = Path(__file__).resolve().parents[1]
DESCRIBED = ROOT / "scenarios" / "drift" / "camera-at-dusk.yaml"
QUICK = ["--replications", "2", "--detector", "anderson-darling", "--detector", "cusum"]


def table(days: float = 8, *, drift_day: float = 6.0) -> pd.DataFrame:
    """Return scores each half hour whose mean moves by two standard deviations."""
    rng = np.random.default_rng(1)
    times = np.arange(1, days * 48 + 1) * 1800.0
    return pd.DataFrame({"time": times, "score": rng.normal(0.8, 0.05, len(times)) - 0.1 * (times > drift_day * 86400)})


@pytest.fixture
def csv_file(tmp_path: Path) -> Path:
    """Write a recorded series."""
    path = tmp_path / "accuracy.csv"
    table().to_csv(path, index=False)
    return path


def call(capsys: pytest.CaptureFixture[str], *words: object) -> str:
    """Run ``ctwin drift`` and return what it prints."""
    main(["drift", *map(str, words)])
    return capsys.readouterr().out


def refused(capsys: pytest.CaptureFixture[str], *words: object) -> str:
    """Run ``ctwin drift`` with bad input and return its message."""
    with pytest.raises(SystemExit) as caught:
        main(["drift", *map(str, words)])
    assert caught.value.code == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert "Traceback" not in said.err
    return said.err


def figures(text: str) -> dict[str, Any]:
    """Return detector → its figures."""
    return {each["detector"]: each for each in json.loads(text)["detectors"]}


# -- right input ------------------------------------------------------------------------------------------------------


def test_the_shipped_description_is_evaluated(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """Every detector asked for has a line, the stated rate stands above them, and the picture holds their alarms."""
    picture = tmp_path / "drift.svg"
    said = call(capsys, DESCRIBED, *QUICK, "--plot", picture)
    for words in ("camera at dusk", "at most 0.1 false alarms a day", "anderson-darling", "cusum", "missed", "delay"):
        assert words in said
    drawing = picture.read_text()
    ElementTree.fromstring(drawing)
    for words in ("accuracy score", "drift begins", "anderson-darling: 1 alarm", "<polyline", "<polygon"):
        assert words in drawing


def test_a_recorded_series_is_evaluated(capsys: pytest.CaptureFixture[str], csv_file: Path) -> None:
    """With the time of the drift, delays are those from it; equal calls print the same."""
    words = (csv_file, "--detector", "cramer-von-mises", "--drift-at", 6 * 86400, "--json")
    said = call(capsys, *words)
    found = figures(said)["cramer-von-mises"]
    assert 0 < found["delay_hours"]["value"] < 24
    assert found["missed"]["value"] == 0
    assert found["false_alarms"] == 0
    assert call(capsys, *words) == said


def test_without_the_time_of_the_drift_alarms_are_not_called_false(
    capsys: pytest.CaptureFixture[str], csv_file: Path, tmp_path: Path
) -> None:
    """Nobody knows; the state file says what the detector believes at the end."""
    state = tmp_path / "drift_state.yaml"
    said = call(
        capsys, csv_file, "--detector", "page-hinkley", "--metric", "accuracy", "--field", "score", "--state", state
    )
    assert "alarms/day" in said
    assert "false/day" not in said
    assert load_drift_state(state) == {"accuracy": {"score": 1}}


def test_drift_can_be_injected_into_recorded_days(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """Days are drawn from the recorded ones, with a drift as large as asked for."""
    path = tmp_path / "calm.csv"
    table(drift_day=99).to_csv(path, index=False)
    found = figures(call(capsys, path, *QUICK, "--inject", "step:3", "--json"))
    assert all(each["missed"]["value"] == 0 for each in found.values())
    assert all(len(each["alarms"]) == 2 for each in found.values())


def test_a_configuration_of_studio_says_what_is_tested(
    capsys: pytest.CaptureFixture[str], csv_file: Path, tmp_path: Path
) -> None:
    """Test, threshold and periods are its own; fields share the false alarms; options win."""
    config = tmp_path / "drift_detector_config.yaml"
    fields = "{score: {statistical_test: cramer-von-mises, monitoring_period: 12, test_threshold: 0.01}, other: {}}"
    config.write_text(f"data_collection_period: 24\ndetection_interval: 2\nmetrics: {{accuracy: {fields}}}\n")
    names = ("--metric", "accuracy", "--field", "score", "--json")
    said = json.loads(call(capsys, csv_file, "--config", config, *names, "--monitoring-period", 10))
    settings = said["settings"]
    assert [each["detector"] for each in said["detectors"]] == ["cramer-von-mises"]
    assert settings["detection_interval"] == 2
    assert settings["metrics"]["accuracy"]["score"]["monitoring_period"] == 10
    assert settings["false_alarms_per_day"] == 0.05  # half of 0.1: there are two fields
    assert "does not watch" in refused(capsys, csv_file, "--config", config, "--metric", "size", "--field", "score")


def test_uncorrected_looks_are_announced(capsys: pytest.CaptureFixture[str], csv_file: Path) -> None:
    """Whoever wants the level of every look hears what it adds up to."""
    said = call(capsys, csv_file, "--detector", "kolmogorov-smirnov", "--uncorrected", "--threshold", 0.01)
    assert "uncorrected" in said
    assert "0.24 false alarms a day" in said
    assert "39%" in said


@pytest.mark.parametrize("suffix", ["parquet", "lp", "iso.csv", "long.csv"])
def test_all_files_hold_the_same_series(tmp_path: Path, csv_file: Path, suffix: str) -> None:
    """Parquet, line protocol, dates instead of seconds, several metrics in one table."""
    path, frame = tmp_path / f"other.{suffix}", table()
    if suffix == "parquet":
        frame.to_parquet(path)
    elif suffix == "lp":
        rows = zip(frame["time"], frame["score"], strict=True)
        lines = [f'accuracy,camera=a\\ b score={score!r},text="x y,z=1" {int(t * 1e9)}' for t, score in rows]
        path.write_text("\n".join(["# recorded", *lines, "size bytes=3i 1"]))
    elif suffix == "iso.csv":
        frame.assign(time=pd.to_datetime(frame["time"], unit="s", utc=True).map(lambda one: one.isoformat())).to_csv(
            path, index=False
        )
    else:
        both = pd.concat([frame.assign(metric="accuracy"), frame.assign(metric="size", score=1.0)])
        both.sort_values("time").to_csv(path, index=False)
    first = read_series(csv_file, metric=None, field=None)
    other = read_series(path, metric="accuracy", field="score")
    assert np.allclose(first.times, other.times)
    assert np.allclose(first.values, other.values)


def test_missing_values_are_counted(tmp_path: Path) -> None:
    """Empty cells and NaN are missing, not zero."""
    path = tmp_path / "a.csv"
    path.write_text("time,score\n0,1\n1,\n2,NaN\n3\n4,2\n")
    found = read_series(path, metric=None, field=None)
    assert (found.values.tolist(), found.times.tolist(), found.missing) == ([1, 2], [0, 4], 3)


# -- wrong input ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("time,score\n5,1\n3,2\n", ["row 3", "comes before"]),
        ("time,score\n-5,1\n", ["row 2", "at least 0"]),
        ("time,score\n1,fine\n2,1e999\nsoon,3\n", ["row 2", "row 3", "row 4", "3 problems", "'fine'"]),
        ("time,score\n", ["holds no values"]),
        ("", ["is empty"]),
        ("1,2\n3,4\n", ["must name the columns"]),
        ("time,one,two\n1,2,3\n", ["--field", "one, two"]),
    ],
)
def test_wrong_series_are_refused_with_their_rows(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, text: str, words: list[str]
) -> None:
    """All rows at once, the value, and the way out."""
    path = tmp_path / "bad.csv"
    path.write_text(text)
    said = refused(capsys, path, "--json")
    for word in words:
        assert word in said


def test_misspelt_names_hear_of_their_neighbours(capsys: pytest.CaptureFixture[str], csv_file: Path) -> None:
    """Files, columns, metrics, detectors and drifts."""
    assert "did you mean 'accuracy.csv'" in refused(capsys, csv_file.with_name("acuracy.csv"))
    assert "did you mean 'score'" in refused(capsys, csv_file, "--field", "scor")
    assert "did you mean 'cusum'" in refused(capsys, csv_file, "--detector", "cussum")
    assert "did you mean 'ramp'" in refused(capsys, csv_file, "--inject", "rampe:1")
    lines = csv_file.with_name("a.lp")
    lines.write_text("accuracy score=1 1\naccuracy score=2 2\n")
    assert "did you mean 'accuracy'" in refused(capsys, lines, "--metric", "acuracy")
    assert "did you mean 'score'" in refused(capsys, lines, "--metric", "accuracy", "--field", "skore")
    lines.write_text("accuracy score=1\n")
    assert "row 1" in refused(capsys, lines)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--uncorrected", "--false-alarms-per-day", "1", "--drift-at", "5", "--inject", "step:1"], "2 problems"),
        (["--false-alarms-per-day", "99"], "more than the 24 looks"),
        (["--threshold", "3"], "less than 1"),
        (["--confirm", "3/2"], "can never say drift"),
        (["--confirm", "two"], "K/M"),
        (["--drift-at", "1e12"], "outside of the series"),
        (["--replications", "3"], "--inject draws new ones"),
        (["--inject", "step"], "KIND:SIZE"),
        (["--inject", "variance:-1"], "above 0"),
        (["--monitoring-period", "0"], "positive"),
    ],
)
def test_options_that_do_not_fit_are_refused(
    capsys: pytest.CaptureFixture[str], csv_file: Path, options: list[str], words: str
) -> None:
    """Each with its reason, and nothing printed as a result."""
    assert words in refused(capsys, csv_file, *options)


def test_a_wrong_description_is_refused_with_its_lines(tmp_path: Path) -> None:
    """All problems at once."""
    path = tmp_path / "drift.yaml"
    path.write_text("sampling_interval: 0\nmaen: 3\ndrift:\n  kind: jump\n")
    with pytest.raises(DriftError) as caught:
        load_study(path)
    assert sorted(problem.line or 0 for problem in caught.value.problems) == [1, 2, 4]
    assert "'mean'" in str(caught.value)
    with pytest.raises(DriftError, match="is a scenario"):
        load_study(ROOT / "scenarios" / "mask-detection" / "scenario.yaml")
    path.write_text("sampling_interval: 0.001\n")
    with pytest.raises(DriftError, match="values; at most"):
        load_study(path)


@pytest.mark.parametrize("values", [[0.8] * 384, [0.0, 1.0] * 192])
def test_odd_series_end_in_a_table(capsys: pytest.CaptureFixture[str], tmp_path: Path, values: list[float]) -> None:
    """Constants and zeros and ones crash no detector; short series say that nothing was looked at."""
    path = tmp_path / "odd.csv"
    frame = table()
    frame.assign(score=values).to_csv(path, index=False)
    picture = tmp_path / "a.svg"
    said = call(capsys, path, "--json", "--plot", picture)
    assert len(figures(said)) >= 8
    assert sum(each["false_alarms"] for name, each in figures(said).items() if name != "kswin") == 0
    ElementTree.fromstring(picture.read_text())
    frame[:10].to_csv(path, index=False)
    assert "nothing was looked at" in call(capsys, path)


# -- InfluxDB ---------------------------------------------------------------------------------------------------------


class Influx(BaseHTTPRequestHandler):
    """A server that answers as the two versions of InfluxDB do, and remembers what it was asked."""

    asked: list[tuple[str, dict[str, list[str]], str, str | None]] = []  # noqa: RUF012  (handlers are made by the server)

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002  (as the base class calls it)
        """Keep quiet."""

    def do_GET(self) -> None:
        """Version 1: JSON."""
        parts = urlparse(self.path)
        words = parse_qs(parts.query)
        self.asked.append((parts.path, words, "", None))
        if words["db"] == ["none"]:
            self._answer(404, '{"error":"database not found: none"}')
            return
        frame = table()
        rows = [[int(t * 1e9), score] for t, score in zip(frame["time"], frame["score"], strict=True)]
        series = [{"name": "accuracy", "columns": ["time", "score"], "values": rows}]
        self._answer(200, json.dumps({"results": [{"series": [] if words["db"] == ["empty"] else series}]}))

    def do_POST(self) -> None:
        """Version 2: annotated CSV."""
        parts = urlparse(self.path)
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        token = self.headers.get("Authorization")
        self.asked.append((parts.path, parse_qs(parts.query), body, token))
        if token != "Token secret":
            self._answer(401, '{"code":"unauthorized"}')
            return
        times = pd.to_datetime(table()["time"], unit="s", utc=True)
        rows = [f",_result,0,{t.isoformat()},{v!r}" for t, v in zip(times, table()["score"].tolist(), strict=True)]
        head = ["#datatype,string,long,dateTime:RFC3339,double", "#default,_result,,,", ",result,table,_time,_value"]
        self._answer(200, "\r\n".join([*head, *rows, ""]))

    def _answer(self, status: int, text: str) -> None:
        self.send_response(status)
        self.end_headers()
        self.wfile.write(text.encode())


@pytest.fixture
def influx() -> Iterator[str]:
    """Yield the address of such a server on this machine."""
    Influx.asked.clear()
    server = HTTPServer(("127.0.0.1", 0), Influx)
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


NAMES = ("--metric", "accuracy", "--field", "score", "--detector", "cusum", "--json")


def test_influxdb_1_is_asked_by_http(capsys: pytest.CaptureFixture[str], influx: str) -> None:
    """The query names field, measurement and range; the answer is the series of the file."""
    found = figures(call(capsys, influx, "--database", "app", *NAMES, "--hours", 48, "--drift-at", 6 * 86400))
    assert found["cusum"]["delay_hours"]["value"] < 48
    ((path, words, _, _),) = Influx.asked
    assert path == "/query"
    assert words["q"] == ['SELECT "score" FROM "accuracy" WHERE time > now() - 172800s']
    assert words["epoch"] == ["ns"]


def test_influxdb_2_is_asked_with_its_token(
    capsys: pytest.CaptureFixture[str], influx: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Flux with everything in quotes, the token from the environment."""
    monkeypatch.setenv("DRIFT_DETECTOR_INFLUXDB_TOKEN", "secret")
    found = figures(call(capsys, influx, "--bucket", 'a"b${c}', *NAMES, "--drift-at", 6 * 86400))
    assert found["cusum"]["delay_hours"]["value"] < 48
    ((path, words, flux, _),) = Influx.asked
    assert (path, words) == ("/api/v2/query", {"org": ["ai-sprint"]})
    assert 'from(bucket: "a\\"b\\${c}")' in flux
    assert 'r._measurement == "accuracy" and r._field == "score"' in flux


def test_what_influxdb_refuses_is_said(capsys: pytest.CaptureFixture[str], influx: str) -> None:
    """Its own words, the status, and where the token belongs; nothing found; nobody there."""
    assert "database not found" in refused(capsys, influx, "--database", "none", *NAMES)
    assert "DRIFT_DETECTOR_INFLUXDB_TOKEN" in refused(capsys, influx, "--bucket", "b", *NAMES)
    assert "holds no values" in refused(capsys, influx, "--database", "empty", *NAMES)
    assert "--database" in refused(capsys, influx, *NAMES)
    assert "http://127.0.0.1:9" in refused(capsys, "http://127.0.0.1:9", "--database", "a", *NAMES)
