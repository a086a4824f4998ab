"""``ctwin check`` says which expectations hold, to people, CI services and programs."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any

import pytest

from runtime.cli import main
from tests.samples import DETERMINISTIC, sample_scenario, write_scenario
from twin.check_summary import code, escaped, to_json, to_markdown
from twin.checking import ScenarioCheck, check_scenarios, overall
from twin.crew import Crew
from twin.errors import EngineError, Problem, ScenarioError
from twin.expectations import Answer, answer
from twin.experiment import simulate
from twin.figures import Figure, find_figure
from twin.junit import to_junit
from twin.model.scenario import Expectation
from twin.scenario_files import find_scenarios

HOLDS = {"name": "good", "expect": [{"figure": "resources.Edge.utilisation", "below": 0.9}]}
FAILS = {"name": "bad", "expect": [{"figure": "response_time.mean", "above": 1000.0}, HOLDS["expect"][0]]}
UNKNOWN = {"name": "odd", "expect": [{"figure": "resources.Edge.utilization", "below": 0.9}, HOLDS["expect"][0]]}
SILENT = {"name": "silent"}
BROKEN = "name: broken\napplication: {components: [\n"


def expectation(figure: str, **bounds: Any) -> Expectation:
    """Return an expectation."""
    return Expectation(figure=figure, **bounds)


def status_of(arguments: list[str]) -> int:
    """Return the exit status of ``ctwin``."""
    try:
        main(arguments)
    except SystemExit as end:
        return int(end.code or 0)
    return 0


@pytest.fixture(name="document")
def _document() -> dict[str, Any]:
    """Return a report in which names hold dots, brackets and spaces."""
    figures = {"mean": 0.5, "ci": [0.4, 0.6], "p95": 0.9, "p95_ci": None}
    return {
        "verdict": "pass",
        "replications": 3,
        "requests": {"lost": 0},
        "response_time": figures,
        "throughput": 5.0,
        "throughput_ci": [4.9, 5.1],
        "components": {"track": {"response_time": {"mean": None, "ci": None}}},
        "resources": {
            "node": {"utilisation": 0.1},
            "node.v1": {"utilisation": 0.2, "utilisation_ci": [0.1, 0.3]},
            "node.v1.utilisation": {"cost": 7.0},
        },
        "constraints": [
            {"name": "local: a", "satisfied": None, "value": 0.5, "ci": [0.4, 0.6], "note": "the interval holds it"},
            {"name": "p99.9 of b", "satisfied": True, "violation_probability": 0.01, "violation_ci": [0.0, 0.02]},
            {"name": "twice", "satisfied": True},
            {"name": "twice", "satisfied": False},
        ],
        "findings": [{"name": "VM", "message": "VM is offered 2 times what it can do"}],
    }


# -- figures --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "figure"),
    [
        ("response_time.mean", Figure(value=0.5, ci=(0.4, 0.6))),
        ("response_time.p95", Figure(value=0.9)),
        ("throughput", Figure(value=5.0, ci=(4.9, 5.1))),
        ("resources.node.utilisation", Figure(value=0.1)),
        ("resources.node.v1.utilisation", Figure(value=0.2, ci=(0.1, 0.3))),
        ("resources.node.v1.utilisation.cost", Figure(value=7.0)),
        ("constraints.local: a.value", Figure(value=0.5, ci=(0.4, 0.6), note="the interval holds it")),
        ("constraints.p99.9 of b.violation_probability", Figure(value=0.01, ci=(0.0, 0.02))),
        ("response_time.ci.0", Figure(value=0.4)),
    ],
)
def test_figures_are_found_by_name(document: dict[str, Any], name: str, figure: Figure) -> None:
    """Dots within names do no harm, and each figure brings its interval along."""
    assert find_figure(document, name) == figure


def test_longest_name_counts() -> None:
    """Where a name with dots and a way through its parts lead somewhere, the name wins."""
    assert find_figure({"a": {"b": 1.0}, "a.b": 2.0}, "a.b") == Figure(value=2.0)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("response_tme.mean", "no 'response_tme' here; did you mean 'response_time'?"),
        ("response_time.p90", "no 'p90' here; did you mean 'p95'?"),
        ("resources.node.v2.utilisation", "no 'v2.utilisation' here; did you mean 'utilisation'?"),
        ("constraints.p99.8 of b.satisfied", "no 'p99.8 of b' here; did you mean 'p99.9 of b'?"),
        ("response_time", "is no single figure; name one of mean, ci, p95, p95_ci"),
        ("throughput.mean", "nothing like 'mean' inside a single figure"),
        ("constraints.twice.satisfied", "2 of them are called 'twice'"),
        ("", "no '' here; known: components"),
    ],
)
def test_unknown_figures_name_what_there_is(document: dict[str, Any], name: str, message: str) -> None:
    """The nearest name at the level where the way ends is suggested."""
    found = find_figure(document, name)
    assert isinstance(found, Problem)
    assert message in found.message
    assert found.where == name


@pytest.mark.parametrize(
    ("bounds", "status"),
    [
        ({"below": 0.51}, "holds"),
        ({"below": 0.5}, "fails"),
        ({"above": 0.49}, "holds"),
        ({"above": 0.5}, "fails"),
        ({"between": (0.5, 0.7)}, "holds"),
        ({"between": (0.6, 0.7)}, "fails"),
        ({"equals": 0.5}, "holds"),
        ({"equals": 0.6}, "fails"),
        ({"below": 0.61, "confident": True}, "holds"),
        ({"below": 0.6, "confident": True}, "fails"),
        ({"above": 0.39, "confident": True}, "holds"),
        ({"above": 0.4, "confident": True}, "fails"),
        ({"between": (0.4, 0.6), "confident": True}, "holds"),
        ({"between": (0.41, 0.6), "confident": True}, "fails"),
        ({"equals": "fast"}, "error"),
    ],
)
def test_comparison(document: dict[str, Any], bounds: dict[str, Any], status: str) -> None:
    """Bounds are open, ranges closed, and with ``confident`` the whole interval has to keep them."""
    assert answer(expectation("response_time.mean", **bounds), document).status == status


@pytest.mark.parametrize(
    ("figure", "bounds", "status", "why"),
    [
        ("response_time.mean", {"below": 0.55, "confident": True}, "fails", "not its whole interval"),
        ("response_time.p95", {"below": 9.0, "confident": True}, "fails", "it has no interval"),
        ("components.track.response_time.mean", {"below": 9.0}, "fails", "VM is offered 2 times what it can do"),
        ("constraints.local: a.satisfied", {"equals": True}, "fails", "the interval holds it"),
        ("constraints.p99.9 of b.satisfied", {"equals": True}, "holds", ""),
        ("constraints.p99.9 of b.satisfied", {"equals": False}, "fails", ""),
        ("constraints.p99.9 of b.satisfied", {"equals": 1.0}, "error", "is true or false"),
        ("verdict", {"equals": "pass"}, "holds", ""),
        ("verdict", {"equals": "fail"}, "fails", "local: a cannot be told; twice breaks"),
        ("verdict", {"below": 1.0}, "error", "is text ('pass'), not a number"),
        ("verdict", {"equals": "pass", "confident": True}, "error", "leave out 'confident'"),
        ("requests.lost", {"equals": 0.0}, "holds", ""),
    ],
)
def test_answers_say_why(document: dict[str, Any], figure: str, bounds: dict[str, Any], status: str, why: str) -> None:
    """Where the figure alone does not tell why an expectation fails, the answer does."""
    found = answer(expectation(figure, **bounds), document)
    assert found.status == status
    assert why in found.why


def test_one_replication_has_no_interval() -> None:
    """A confident expectation of a single replication fails, and says so."""
    document = simulate(sample_scenario({"run": {"replications": 1}})).document()
    found = answer(expectation("response_time.mean", below=99.0, confident=True), document)
    assert (found.status, found.why) == ("fails", "it has no interval: one replication gives none")


def test_every_number_of_a_report_can_be_asked_for() -> None:
    """Whatever path leads to a number in the document, the figure is found there."""
    document = simulate(
        sample_scenario({"constraints": [{"kind": "response", "limit": 1.0, "name": "r 0.1"}]})
    ).document()

    def leaves(value: Any, path: str) -> list[tuple[str, Any]]:
        if isinstance(value, dict):
            return [leaf for key, item in value.items() for leaf in leaves(item, f"{path}.{key}" if path else key)]
        if isinstance(value, list):
            names = [item["name"] if isinstance(item, dict) else i for i, item in enumerate(value)]
            return [leaf for name, item in zip(names, value, strict=True) for leaf in leaves(item, f"{path}.{name}")]
        return [(path, value)]

    for path, value in leaves(document, ""):
        found = find_figure(document, path)
        assert isinstance(found, Figure), path
        assert found.value == value, path


# -- discovery ------------------------------------------------------------------------------------------------------


def test_scenarios_below_a_folder(tmp_path: Path) -> None:
    """Scenarios are found in alphabetical order; plans, hidden folders, other YAML and mere parts are left out."""
    write_scenario(tmp_path / "b" / "scenario.yaml", HOLDS)
    write_scenario(tmp_path / "a.yml", SILENT)
    write_scenario(tmp_path / "parts" / "base.yaml", SILENT)
    write_scenario(tmp_path / ".hidden" / "scenario.yaml", HOLDS)
    (tmp_path / "parts" / "child.yaml").write_text("extends: base.yaml\nexpect: [{figure: verdict, equals: pass}]\n")
    (tmp_path / "parts" / "plan.yaml").write_text("detect: Edge\n")
    (tmp_path / "broken.yaml").write_text(BROKEN)
    (tmp_path / "deploy.yaml").write_text("kind: Pod\n---\nkind: Service\n")
    (tmp_path / "notes.txt").write_text("application: none\n")
    found = [each.path.relative_to(tmp_path).as_posix() for each in find_scenarios([tmp_path])]
    assert found == ["a.yml", "broken.yaml", "b/scenario.yaml", "parts/child.yaml"]


def test_each_scenario_counts_once(tmp_path: Path) -> None:
    """A file that is named and lies below a folder that is named too is checked once, as one that was named."""
    path = write_scenario(tmp_path / "scenario.yaml", HOLDS)
    found = find_scenarios([tmp_path, path, tmp_path / ".." / tmp_path.name])
    assert [(each.path, each.is_named) for each in found] == [(path, True)]


def test_a_base_that_expects_something_is_checked(tmp_path: Path) -> None:
    """Being extended does not excuse a scenario from its own expectations."""
    base = write_scenario(tmp_path / "base.yaml", HOLDS)
    (tmp_path / "child.yaml").write_text("extends: base.yaml\nname: child\n")
    assert [each.path for each in find_scenarios([tmp_path])] == [base, tmp_path / "child.yaml"]


def test_nothing_to_check(tmp_path: Path) -> None:
    """A typo in a path must not look like success."""
    with pytest.raises(ScenarioError, match="no such file or folder"):
        find_scenarios([tmp_path / "absent"])
    with pytest.raises(ScenarioError, match="no scenario file below"):
        find_scenarios([tmp_path])
    write_scenario(tmp_path / "scenario.yaml", SILENT)
    with pytest.raises(ScenarioError, match="none of 1 scenarios has an 'expect' block"):
        check_scenarios([tmp_path])


# -- checks ---------------------------------------------------------------------------------------------------------


@pytest.fixture(name="folder")
def _folder(tmp_path: Path) -> Path:
    """Return a folder of scenarios of every outcome."""
    folder = tmp_path / "scenarios"
    write_scenario(folder / "1.yaml", HOLDS)
    write_scenario(folder / "2.yaml", FAILS)
    write_scenario(folder / "3.yaml", SILENT)
    (folder / "4.yaml").write_text(BROKEN)
    write_scenario(folder / "5.yaml", UNKNOWN)
    write_scenario(folder / "6.yaml", HOLDS)
    return folder


def test_checks_side_by_side_are_those_one_after_the_other(folder: Path) -> None:
    """Two processes change neither results nor order, and a broken scenario loses no other."""
    seen: list[tuple[int, int]] = []
    checks = check_scenarios([folder], jobs=2, checked=lambda done, wanted, _: seen.append((done, wanted)))
    assert [check.outcome for check in checks] == ["holds", "fails", "skipped", "error", "error", "holds"]
    assert [check.file.name for check in checks] == [f"{i}.yaml" for i in range(1, 7)]
    assert seen == [(i, 6) for i in range(1, 7)]
    assert overall(checks) == "error"
    assert to_json(checks) == to_json(check_scenarios([folder], jobs=1))
    fails, broken, unknown = checks[1], checks[3], checks[4]
    assert [each.status for each in fails.answers] == ["fails", "holds"]
    assert "4.yaml" in broken.error
    assert [each.status for each in unknown.answers] == ["error", "holds"]
    assert "did you mean 'utilisation'?" in unknown.answers[0].why


@pytest.mark.parametrize(("choice", "taken"), [("auto", "compiled"), ("simpy", "simpy")])
def test_checks_say_which_engine_they_took(tmp_path: Path, choice: str, taken: str) -> None:
    """Without a wish it is the compiled one, be the run long or short."""
    path = write_scenario(tmp_path / "scenario.yaml", HOLDS)
    checks = check_scenarios([path], engine=choice)
    assert (checks[0].engine, checks[0].outcome) == (taken, "holds")
    assert json.loads(to_json(checks))["scenarios"][0]["engine"] == taken


def test_answers_know_their_lines(tmp_path: Path) -> None:
    """An expectation has the line it is written on; one that another file holds has none."""
    path = write_scenario(tmp_path / "base.yaml", FAILS)
    text = path.read_text().splitlines()
    lines = [each.line for each in check_scenarios([path])[0].answers]
    assert [text[line - 1].strip() for line in lines if line] == [
        "- figure: response_time.mean",
        "- figure: resources.Edge.utilisation",
    ]
    child = tmp_path / "child.yaml"
    child.write_text("extends: base.yaml\nname: child\n")
    assert [each.line for each in check_scenarios([child])[0].answers] == [None, None]


def test_named_scenario_must_expect_something(tmp_path: Path) -> None:
    """Whoever names a file wants it checked."""
    check = check_scenarios([write_scenario(tmp_path / "scenario.yaml", SILENT)])[0]
    assert check.outcome == "error"
    assert "no 'expect' block" in check.error


def test_death_of_a_process_costs_only_its_task() -> None:
    """A worker that is killed is replaced, and the other tasks are done."""
    with Crew(1) as crew:
        results = dict(crew.run(eval, ["1 + 1", "__import__('os')._exit(3)", "1 / 0", "2 + 2"]))
    assert (results[0], results[3]) == (2, 4)
    assert isinstance(results[2], ZeroDivisionError)
    assert isinstance(results[1], EngineError)
    assert "exit code 3" in str(results[1])


def test_interrupt_ends_the_crew() -> None:
    """Whatever ends the block ends the processes, busy ones included."""
    processes: list[Any] = []

    def interrupted() -> None:
        with Crew(2) as crew:
            for _ in crew.run(eval, ["1", "__import__('time').sleep(600)"]):
                processes.extend(worker.process for worker in crew.workers)
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert processes
    assert all(process.exitcode is not None for process in processes)


# -- what is written ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("names", "status"), [(["1", "6"], 0), (["1", "2"], 1), (["1", "4"], 2), (["2", "4"], 2), (["5"], 2), (["7"], 2)]
)
def test_exit_status(folder: Path, names: list[str], status: int) -> None:
    """0: all hold, 1: some do not, 2: bad input, the others being run all the same."""
    assert status_of(["check", "--jobs", "1", *(str(folder / f"{name}.yaml") for name in names)]) == status


def test_terminal_shows_details_of_failures_only(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A line for each scenario; expectations that hold are only counted."""
    assert status_of(["check", "--jobs", "1", str(folder)]) == 2
    shown = capsys.readouterr().out
    assert "6 scenarios: 2 hold, 1 fail, 2 with errors, 1 without expectations" in shown
    assert "response_time.mean above 1000: found" in shown
    assert "1 of 2 hold" in shown
    assert "resources.Edge.utilisation below 0.9" not in shown
    assert "did you mean 'utilisation'?" in shown


def test_one_json_document(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With ``--json`` standard output holds the document and nothing else."""
    assert status_of(["check", "--jobs", "1", "--json", str(folder)]) == 2
    document = json.loads(capsys.readouterr().out)
    assert document["outcome"] == "error"
    second = document["scenarios"][1]
    assert (second["scenario"], second["outcome"], second["seed"]) == ("bad", "fails", 1)
    first = second["expectations"][0]
    assert (first["figure"], first["asked"], first["outcome"]) == ("response_time.mean", "above 1000", "fails")
    assert first["ci"][0] <= first["found"] <= first["ci"][1]


def test_junit_file(folder: Path, tmp_path: Path) -> None:
    """A suite for each scenario, a case for each expectation; folders of the file are made."""
    target = tmp_path / "results" / "junit.xml"
    assert status_of(["check", "--jobs", "1", "--junit", str(target), str(folder)]) == 2
    root = ElementTree.parse(target).getroot()
    assert root.tag == "testsuites"
    suites = root.findall("testsuite")
    assert [suite.get("name") for suite in suites][:3] == ["good", "bad", "silent"]
    for key in ("tests", "failures", "errors", "skipped"):
        assert int(root.get(key, "")) == sum(int(suite.get(key, "")) for suite in suites)
    assert (root.get("tests"), root.get("failures"), root.get("errors"), root.get("skipped")) == ("8", "1", "2", "1")
    for suite in suites:
        cases = suite.findall("testcase")
        assert int(suite.get("tests", "")) == len(cases) > 0
        assert all(case.get("name") and case.get("classname") and case.get("file") for case in cases)
        assert all(float(case.get("time", "")) >= 0 for case in cases)
    case = suites[1].findall("testcase")[0]
    failure = case.find("failure")
    assert failure is not None
    assert case.get("name") == "response_time.mean above 1000"
    assert case.get("line") == str(
        (folder / "2.yaml").read_text().splitlines().index("- figure: response_time.mean") + 1
    )
    assert "asked above 1000, found" in failure.get("message", "")
    text = failure.text or ""
    assert all(word in text for word in ("found: ", "±", "interval: ", "seed: 1", "2.yaml, line"))
    assert suites[3].find("testcase/error") is not None
    assert suites[4].find("testcase/error") is not None


def test_junit_of_strange_names() -> None:
    """Whatever a message holds, the document is XML."""
    strange = 'a<b>&"\x00\x1b[0m\ud800\ufffe ü 🙂'
    found = Answer(figure=strange, asked="below 1", status="fails", found=2.0, why=strange)
    check = ScenarioCheck(file=Path("x"), outcome="fails", scenario=strange, seed=0, answers=(found,))
    root = ElementTree.fromstring(to_junit([check]).encode())
    assert root[0].get("name") == 'a<b>&"\\x00\\x1b[0m\\xd800\\xfffe ü 🙂'


def test_markdown_file(folder: Path, tmp_path: Path) -> None:
    """One table, a row for each expectation, all of the same width."""
    target = tmp_path / "summary.md"
    assert status_of(["check", "--jobs", "1", "--summary", str(target), str(folder)]) == 2
    lines = target.read_text(encoding="utf-8").splitlines()
    assert lines[0] == "## Scenarios: 2 hold, 1 fail, 2 with errors, 1 skipped"
    rows = [line for line in lines if line.startswith("|")]
    assert rows[0] == "| scenario | expectation | found | holds |"
    assert rows[2].startswith("| good | `resources.Edge.utilisation` below 0.9 | 0.")
    assert len(rows) == 2 + 8
    assert all(row.replace("\\|", "").count("|") == 5 for row in rows)
    assert sum("❌ no" in row for row in rows) == 1


def test_markdown_shows_names_as_they_are() -> None:
    """What means something to Markdown or HTML is escaped."""
    assert escaped("a|b <i>*x*</i>\n\ny_z") == r"a\|b &lt;i&gt;\*x\*&lt;/i&gt;<br>y\_z"
    assert code("a|b") == r"`a\|b`"
    assert code("a``b") == "``` a``b ```"
    check = ScenarioCheck(file=Path("x|y.yaml"), outcome="error", error="one\ntwo | three")
    assert r"| x\|y.yaml | it runs | one<br>two \| three | ⚠️ error |" in to_markdown([check])


def test_files_are_refused_before_anything_runs(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A folder where the results should go is bad input."""
    assert status_of(["check", "--junit", str(folder), str(folder / "1.yaml")]) == 2
    streams = capsys.readouterr()
    assert "is a folder" in streams.err
    assert streams.out == ""


def test_interrupt_leaves_no_files(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Ctrl-C ends with status 130 and without half a result."""

    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("twin.checking.simulate", interrupted)
    target = tmp_path / "junit.xml"
    assert status_of(["check", "--jobs", "1", "--junit", str(target), str(folder)]) == 130
    assert "interrupted" in capsys.readouterr().err
    assert not target.exists()


def test_fault_of_the_program_is_an_error_of_one_scenario(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not even a bug takes the results of the other scenarios with it."""
    monkeypatch.setattr("twin.checking.simulate", lambda *_, **__: 1 / 0)
    checks = check_scenarios([folder], jobs=1)
    assert [check.outcome for check in checks] == ["error", "error", "skipped", "error", "error", "error"]
    assert "internal error: ZeroDivisionError" in checks[0].error


def test_deterministic_figures_are_certain(tmp_path: Path) -> None:
    """Where nothing is random, the interval is a point, and ``confident`` changes nothing."""
    expect = [{"figure": "response_time.mean", "equals": 0.1, "confident": True}]
    path = write_scenario(tmp_path / "scenario.yaml", DETERMINISTIC, {"expect": expect})
    assert check_scenarios([path])[0].outcome == "holds"
