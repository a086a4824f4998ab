"""``ctwin run`` as a person and as a program uses it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from runtime.cli import main
from twin.validation import CASES
from twin.validation.headline import BEGIN, END, headline

ROOT = Path(__file__).resolve().parents[1]
MASKS = str(ROOT / "scenarios" / "mask-detection")
SHORT = ("--requests", "400", "--replications", "3")


def status_of(*arguments: str) -> int:
    """Return the exit status of ``ctwin``."""
    try:
        main(arguments)
    except SystemExit as end:
        return int(end.code or 0)
    return 0


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    """Return exit status, standard output and standard error of ``ctwin run``."""
    status = status_of("run", *arguments)
    out, err = capsys.readouterr()
    return status, out, err


def report(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    """Return the JSON report of a run that must end well and print nothing else."""
    status, out, _ = run(capsys, *arguments, "--json")
    assert status == 0
    document: dict[str, Any] = json.loads(out)
    return document


@pytest.mark.parametrize("engine", ["simpy", "theory"])
def test_the_report_has_what_programs_read(capsys: pytest.CaptureFixture[str], engine: str) -> None:
    """Both engines answer in one shape."""
    found = report(capsys, MASKS, *SHORT, "--engine", engine)
    assert found["scenario"] == "mask detection"
    assert found["engine"] == engine
    assert {"arrived", "completed", "unfinished", "lost"} <= set(found["requests"])
    assert {"mean", "ci", "p50", "p95", "p99"} <= set(found["response_time"])
    assert {"response_time", "partitions"} <= set(found["components"]["blur"])
    assert set(found["paths"]["global: blur > detect"]["response_time"]) >= {"mean", "ci", "p95"}
    assert {"utilisation", "nodes", "cost"} <= set(found["resources"]["RaspPi"])
    keys = {"name", "kind", "target", "limit", "value", "ci", "violation_probability", "satisfied"}
    assert all(keys <= set(constraint) for constraint in found["constraints"])
    assert found["verdict"] in ("pass", "fail", "inconclusive")
    assert {"scenario_sha256", "plan_sha256", "run", "versions"} <= set(found["repeat"])
    assert found["cost_per_hour"] == pytest.approx(0.1)


def test_the_engine_and_the_reason_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    """The report names the engine; why it was taken, the program says on request, beside the report."""
    status, out, err = run(capsys, MASKS, *SHORT, "--why")
    assert status == 0
    assert "/s, engine simpy" in out
    assert "engine simpy: at most about" in err
    assert "asked for" in run(capsys, MASKS, *SHORT, "--engine", "compiled", "--why", "--json")[2]


def test_equal_seeds_give_equal_bytes(capsys: pytest.CaptureFixture[str]) -> None:
    """A report can be repeated to the byte, and another seed gives another one."""
    _, first, _ = run(capsys, MASKS, *SHORT, "--seed", "5", "--json")
    _, second, _ = run(capsys, MASKS, *SHORT, "--seed", "5", "--json")
    _, other, _ = run(capsys, MASKS, *SHORT, "--seed", "6", "--json")
    assert first == second
    assert first != other


def test_a_person_sees_the_verdict_first(capsys: pytest.CaptureFixture[str]) -> None:
    """The table names limits, components and resources, and how the run went."""
    status, out, _ = run(capsys, MASKS, "--requests", "2000")
    assert status == 0
    assert out.startswith("PASS  mask detection")
    for word in ("local: blur", "mean ≤ 0.4 s", "RaspPi × 2", "euro/hour", "seed 1"):
        assert word in out


def test_files_are_written_on_request(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """``--out`` keeps the report, ``--records`` every request and visit, and nothing temporary stays."""
    out = tmp_path / "result"
    found = report(capsys, MASKS, *SHORT, "--out", str(out), "--records")
    assert json.loads((out / "report.json").read_text()) == found
    requests = pq.read_table(out / "replication-002" / "requests.parquet").to_pandas()
    visits = pq.read_table(out / "replication-002" / "visits.parquet").to_pandas()
    assert len(requests) == 400
    assert set(requests.source) == {"cameras"}
    assert set(visits.partition) == {"blur", "detect"}
    assert (visits.end >= visits.arrival + visits.service_time - 1e-9).all()
    assert not [path for path in out.rglob("*") if path.name.startswith(".")]


def test_more_load_is_found_to_be_too_much(capsys: pytest.CaptureFixture[str]) -> None:
    """Overload is named, with the growth of its backlog, and its averages are left out."""
    found = report(capsys, MASKS, *SHORT, "--arrival-rate", "60")
    assert found["verdict"] == "fail"
    assert found["response_time"]["mean"] is None
    assert "site" in {finding["name"] for finding in found["findings"]}
    assert all(finding["offered_load"] > 1 and finding["backlog_growth"] > 0 for finding in found["findings"])


def test_the_discipline_of_all_nodes_can_be_set(capsys: pytest.CaptureFixture[str]) -> None:
    """``--discipline`` reaches resources that name their own."""
    times = {
        name: report(capsys, MASKS, "--requests", "3000", "--arrival-rate", "25", "--discipline", name)
        for name in ("ps", "fifo")
    }
    assert times["ps"]["response_time"]["mean"] != times["fifo"]["response_time"]["mean"]
    assert times["ps"]["repeat"]["run"]["discipline"] == "ps"


def test_precision_adds_replications(capsys: pytest.CaptureFixture[str]) -> None:
    """The interval ends up as narrow as was asked."""
    found = report(capsys, MASKS, *SHORT, "--precision", "0.5%")
    low, high = found["response_time"]["ci"]
    assert (high - low) / 2 <= 0.005 * found["response_time"]["mean"]
    assert found["replications"] > 3


def test_another_plan_can_be_run(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """A plan file replaces the scenario's own plan."""
    plan = tmp_path / "plan.yaml"
    plan.write_text("blur: VM\ndetect: Lambda\n")
    found = report(capsys, MASKS, *SHORT, "--plan", str(plan))
    assert found["plan"]["detect"] == {"resource": "Lambda", "replicas": 1}
    assert set(found["resources"]) == {"VM", "Lambda"}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("nowhere.yaml",), ("nowhere.yaml", "no such file")),
        ((MASKS, "--override", "fas"), ("fas", "did you mean 'faas'")),
        ((MASKS, "--requests", "5", "--horizon", "5"), ("--requests or --horizon",)),
        ((MASKS, "--precision", "200%"), ("2%", "200%")),
        ((MASKS, "--arrival-rate", "-3"), ("positive number", "-3")),
        ((MASKS, "--arrival-rate", "nan"), ("positive number", "nan")),
        ((MASKS, "--warm-up", "soon"), ("seconds, auto or none", "soon")),
        ((MASKS, "--records"), ("--out",)),
        ((MASKS, "--plan", f"{MASKS}/scenario.yaml"), ("holds a scenario",)),
        ((MASKS, "--engine", "magic"), ("magic", "simpy")),
    ],
)
def test_wrong_input_ends_in_one_message(
    capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], words: tuple[str, ...]
) -> None:
    """Status 2, the value and the way out on standard error, nothing on standard output, no traceback."""
    status, out, err = run(capsys, *arguments)
    assert status == 2
    assert out == ""
    assert "Traceback" not in err
    for word in words:
        assert word in err


def readme_commands() -> list[tuple[str, ...]]:
    """Return the ``ctwin`` lines of the README; those of a block that starts something new belong together."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    commands: list[tuple[str, ...]] = []
    for block in re.findall(r"^```console\n(.*?)^```", text, re.DOTALL | re.MULTILINE):
        lines = [line.split("#")[0].strip() for line in block.splitlines() if re.match(r"ctwin \w", line)]
        commands += [tuple(lines)] if lines and lines[0].startswith("ctwin new") else [(line,) for line in lines]
    return commands


@pytest.mark.parametrize("lines", readme_commands(), ids=" && ".join)
def test_the_commands_of_the_readme_work(
    lines: tuple[str, ...], capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each runs from the root of the project and ends well; what it writes goes to a scratch folder."""
    (tmp_path / "scenarios").symlink_to(ROOT / "scenarios")
    monkeypatch.chdir(tmp_path)
    for line in lines:
        assert status_of(*shortened(line)) == 0, capsys.readouterr().err


def shortened(line: str) -> list[str]:
    """Return the arguments of a command of the README, its run made short."""
    arguments = line.split()[1:]
    if arguments[0] == "run" and "theory" not in arguments:
        arguments += ["--requests", "300"] if "farming" not in line else ["--horizon", "60"]
    if arguments[0] == "calibrate":
        arguments += ["--samples", "10"]
    if arguments[0] in ("policies", "drift"):
        arguments += ["--replications", "2"]
    return arguments


def test_the_readme_quotes_the_validation_page() -> None:
    """The README's table has the rows of VALIDATION.md, and names as many cases as there are."""
    page = (ROOT / "VALIDATION.md").read_text(encoding="utf-8")
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert readme.split(BEGIN)[1].split(END)[0].strip() == headline(page)
    assert f"All {len(CASES)} cases" in readme
    assert f"{len(CASES)} of {len(CASES)} cases pass" in page
