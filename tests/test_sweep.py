"""Sweeps: axes, what they do to a scenario, results that survive, and the same table wherever the points run."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from runtime.cli import main
from tests.samples import DETERMINISTIC, TANDEM, sample_scenario, write_scenario
from twin.crew import cores
from twin.errors import EngineError, ScenarioError, TwinError
from twin.model.scenario import Scenario
from twin.sweep import sweeping
from twin.sweep.axes import Value, axes_from
from twin.sweep.changes import changed_by
from twin.sweep.cluster import Cluster
from twin.sweep.drafts import Base
from twin.sweep.hands import Alone
from twin.sweep.picture import chart_of, default_figure
from twin.sweep.points import Layout, lay_out, point_key
from twin.sweep.rows import Job, Outcome, run_point
from twin.sweep.store import Store
from twin.sweep.sweeping import sweep
from twin.sweep.table import columns, save_tables

ROOT = Path(__file__).resolve().parents[1]
GRID = ("arrival_rate=3,4,6", "replicas:detect=1:4:1")


class Counting:
    """Runs points in this process, notes which, and breaks off before a given one."""

    def __init__(self, *, stop_at: int | None = None, error: BaseException | None = None) -> None:
        self.stop_at, self.error = stop_at, error or RuntimeError("out of power")
        self.ran: list[Job] = []

    def run(self, function: Callable[[Any], Any], tasks: Iterable[Any]) -> Iterator[tuple[int, Any]]:
        """Run one point after the other."""
        for number, task in enumerate(tasks):
            if number == self.stop_at:
                raise self.error
            self.ran.append(task)
            yield number, function(task)


class Fake(Counting):
    """Pretends to run: every point has the same figures, but for those that lose their process."""

    def __init__(self, *dying: int) -> None:
        super().__init__()
        self.dying = dying

    def run(self, function: Callable[[Any], Any], tasks: Iterable[Any]) -> Iterator[tuple[int, Any]]:  # noqa: ARG002
        """Answer in an instant, the last task first."""
        for number, task in reversed(list(enumerate(tasks))):
            self.ran.append(task)
            dead = EngineError("the process that ran this died")
            yield number, dead if number in self.dying else Outcome(figures={"verdict": "pass", "energy": 1.5})


def scenario_file(folder: Path, *changes: dict[str, Any]) -> Path:
    """Write the sample scenario."""
    return write_scenario(folder / "scenario.yaml", *changes)


def layout_of(path: Path, *over: str, engine: str = "simpy", **base: Any) -> Layout:
    """Lay out a sweep over the scenario at *path*."""
    return lay_out(Base(path=path, **base), axes_from(over), engine=engine)


def status_of(*arguments: object) -> int:
    """Return the exit status of ``ctwin sweep``."""
    try:
        main(["sweep", *map(str, arguments)])
    except SystemExit as end:
        return int(end.code or 0)
    return 0


def over(*axes: str) -> list[str]:
    """Return the options for *axes*."""
    return [part for axis in axes for part in ("--over", axis)]


def rows_of(folder: Path) -> list[dict[str, str]]:
    """Return the rows of ``sweep.csv``."""
    with (folder / "sweep.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


# -- axes -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("arrival_rate=1:4:1", (1, 2, 3, 4)),
        ("arrival_rate=0.1:0.5:0.1", (0.1, 0.2, 0.3, 0.4, 0.5)),
        ("arrival_rate=1:2:0.3333333", (1.0, 1.3333333, 1.6666666, 1.9999999)),
        ("arrival_rate=1:1.9:0.5", (1.0, 1.5)),
        ("seed=3:1:-1", (3, 2, 1)),
        ("seed=0:2:1,10, 20:30:10", (0, 1, 2, 10, 20, 30)),
        ("bandwidth=1e1,.5", (10.0, 0.5)),
        ("a.b=ps,true,null,-1,1e-3", ("ps", True, None, -1, 0.001)),
        ("override=none,1,a+b", ("none", "1", "a+b")),
        ("plan=a.yaml,b:c.yaml", ("a.yaml", "b:c.yaml")),
    ],
)
def test_values_of_an_axis(text: str, values: tuple[Value, ...]) -> None:
    """Ranges hold their end and no rounding dirt; words are words, and names are never numbers."""
    (axis,) = axes_from([text])
    assert axis.values == values
    assert [type(value) for value in axis.values] == [type(value) for value in values]


def test_all_that_is_wrong_with_axes_is_said_at_once() -> None:
    """Each problem has the axis, the value and the way out."""
    wrong = ["rate", "=1", "a.b=1:20", "c.d=1:5:-1", "e.f=1:5:0", "seed=1,,2", "plan=x,x", "plan=y", "g.h=1:9e9:1"]
    with pytest.raises(ScenarioError) as caught:
        axes_from(wrong)
    said = [str(problem) for problem in caught.value.problems]
    for words in (
        "rate: write NAME=LOW:HIGH:STEP",
        "=1: write NAME=",
        "a.b: a range is LOW:HIGH:STEP, got 1:20",
        "c.d: the step does not lead from 1 to 5",
        "e.f: the step does not lead",
        "seed: a value is missing",
        "plan: x appears twice",
        "plan: is given twice",
        "g.h: 1:9e9:1 has 9000000000 values",
    ):
        assert any(one.startswith(words) for one in said), (words, said)


def test_sweeps_of_sizes_nobody_means_are_refused() -> None:
    """Their number is named before anything runs."""
    with pytest.raises(ScenarioError, match="1000000 points; a sweep may have 100000"):
        axes_from(["a.b=1:1000:1", "c.d=1:1000:1"])


# -- what axes do ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "value", "found"),
    [
        ("arrival_rate", 9, lambda s: s.workload.sources["cameras"].arrivals.rate),
        ("bandwidth", 7, lambda s: s.continuum.domains["lan"].bandwidth_mbit_per_s),
        ("bandwidth:lan", 7, lambda s: s.continuum.domains["lan"].bandwidth_mbit_per_s),
        ("access_delay", 0.5, lambda s: s.continuum.domains["lan"].access_delay),
        ("replicas:detect", 3, lambda s: s.plan.placements["detect"].replicas),
        ("replicas:Edge", 3, lambda s: s.plan.placements["detect"].replicas),
        ("nodes:Edge", 9, lambda s: s.plan.placements["detect"].replicas),
        ("nodes:Edge", 9, lambda s: s.continuum.resources["Edge"].nodes),
        ("discipline", "fifo", lambda s: s.run.discipline),
        ("seed", 9, lambda s: s.run.seed),
        ("run.warm_up", 3.5, lambda s: s.run.warm_up),
        ("run.warm_up", "auto", lambda s: s.run.warm_up),
        ("continuum.resources.Edge.cores", 2, lambda s: s.continuum.resources["Edge"].cores),
        ("continuum.resources.Edge.queue_capacity", 5, lambda s: s.continuum.resources["Edge"].queue_capacity),
        ("workload.sources.cameras.data_mb", 0.5, lambda s: s.workload.sources["cameras"].data_mb),
        ("workload.sources.cameras.arrivals.rate", 3, lambda s: s.workload.sources["cameras"].arrivals.rate),
        ("profiles.detect.Edge", 0.3, lambda s: s.profiles["detect"]["Edge"].service_time.mean),
        ("profiles.detect.Edge.service_time.mean", 0.3, lambda s: s.profiles["detect"]["Edge"].service_time.mean),
        ("application.dependencies.0.probability", 0.5, lambda s: s.application.dependencies[0].probability),
        ("constraints.p99.9.limit", 0.5, lambda s: s.constraints[0].limit),
        ("constraints.local: detect.limit", 0.5, lambda s: s.constraints[1].limit),
        ("plan.detect.replicas", 2, lambda s: s.plan.placements["detect"].replicas),
        ("plan.detect", "Edge", lambda s: s.plan.placements["detect"].resource),
    ],
)
def test_each_axis_changes_what_it_names(name: str, value: Value, found: Callable[[Scenario], Value]) -> None:
    """The value arrives, everything that is not on its way is shared, and the original is as it was."""
    limits = {
        "constraints": [
            {"kind": "response", "limit": 1.0, "name": "p99.9"},
            {"kind": "local", "component": "detect", "limit": 1.0},
        ]
    }
    scenario = sample_scenario(TANDEM, limits)
    before = scenario.model_dump_json()
    after = changed_by(scenario, name, value)
    assert found(after) == value
    assert scenario.model_dump_json() == before
    assert after.profiles["track"]["Back"] is scenario.profiles["track"]["Back"]


def test_discipline_reaches_resources_that_name_their_own() -> None:
    """It is that of all nodes, while ``run.discipline`` is only that of nodes without one."""
    scenario = sample_scenario()
    assert changed_by(scenario, "discipline", "ps").continuum.resources["Edge"].discipline is None
    assert changed_by(scenario, "run.discipline", "ps").continuum.resources["Edge"].discipline == "fifo"


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("arival_rate", 3, "did you mean 'arrival_rate'?"),
        ("arrival_rate:Edge", 3, "leave out 'Edge'"),
        ("arrival_rate", "fast", "expected a number of requests/s, got 'fast'"),
        ("arrival_rate", 0, "must be a positive number"),
        ("bandwidth:lann", 3, "there is no 'lann'; did you mean 'lan'?"),
        ("bandwidth", -3, "must be greater than 0, got -3"),
        ("replicas:detct", 3, "no partition and uses no resource 'detct'; did you mean 'detect'?"),
        ("nodes:Edge", 1.5, "expected a whole number"),
        ("discipline", "lifo", "expected ps or fifo, got 'lifo'"),
        ("continum.resources.Edge.cores", 3, "no section 'continum' to vary; did you mean 'continuum'?"),
        ("continuum.resources.Egde.cores", 3, "there is no 'Egde'; did you mean 'Edge'?"),
        ("continuum.resources.Edge.core", 3, "there is no 'core'; did you mean 'cores'?"),
        ("continuum.resources.Edge.cores", "two", "expected a number, got 'two'"),
        ("continuum.resources.Edge.power.idle_w", 3, "nothing is set where 'idle_w' is looked for"),
        ("continuum.resources.Edge.cores.x", 3, "1.0 is a single value"),
        ("continuum.resources.Edge.name", "x", "they cannot vary"),
        ("continuum.resources", 3, "expected a mapping, got 3"),
        ("expect.0.below", 3, "no section 'expect' to vary"),
        ("plan", "nowhere.yaml", "no such file"),
    ],
)
def test_wrong_axes_say_what_was_meant(name: str, value: Value, words: str) -> None:
    """An unknown name is answered with the nearest one, a wrong value with what is expected."""
    with pytest.raises(TwinError) as caught:
        changed_by(sample_scenario(), name, value)
    assert words in str(caught.value)


def test_plan_takes_its_turn_before_replicas(tmp_path: Path) -> None:
    """Whatever the order of the axes: the plan is read first, then its replicas are set."""
    plan = tmp_path / "plan.yaml"
    plan.write_text("detect: {resource: Edge, replicas: 2}\n")
    layout = layout_of(scenario_file(tmp_path), "replicas:detect=3", f"plan={plan},own")
    replicas = [point.scenario.plan.placements["detect"].replicas for point in layout.points]  # type: ignore[union-attr]
    assert replicas == [3, 3]


def test_overrides_are_an_axis(tmp_path: Path) -> None:
    """``none`` is the scenario as it is, ``a+b`` both; the override that always holds stays."""
    overrides = {
        "busy": {"workload": {"sources": {"cameras": {"arrivals": {"rate": 8}}}}},
        "slow": {"profiles": {"detect": {"Edge": 0.11}}},
        "other": {"run": {"seed": 5}},
    }
    path = scenario_file(tmp_path, {"overrides": overrides})
    layout = layout_of(path, "override=none,busy,busy+slow", override="other")
    found = [
        (s.workload.sources["cameras"].arrivals.rate, s.profiles["detect"]["Edge"].service_time.mean, s.run.seed)  # type: ignore[union-attr]
        for s in (point.scenario for point in layout.points)
        if s is not None
    ]
    assert found == [(5, 0.1, 5), (8, 0.1, 5), (8, 0.11, 5)]


def test_values_that_can_be_in_no_point_are_bad_input(tmp_path: Path) -> None:
    """All of them are named before anything runs: an axis once, a value among good ones by itself."""
    path = scenario_file(tmp_path, {"overrides": {"busy": {}}})
    with pytest.raises(ScenarioError) as caught:
        layout_of(path, "arival_rate=1,2", "run.seed=1,x", "override=busy,bussy", "replicas:detect=1,2")
    assert [problem.where for problem in caught.value.problems] == ["arival_rate", "run.seed=x", "override=bussy"]
    assert "did you mean 'busy'?" in str(caught.value)


def test_points_that_do_not_fit_together_break_alone(tmp_path: Path) -> None:
    """Three replicas need three nodes; where no point fits, that is bad input."""
    path = scenario_file(tmp_path)
    layout = layout_of(path, "continuum.resources.Edge.nodes=2,3", "replicas:detect=2,3")
    assert [bool(point.problem) for point in layout.points] == [False, True, False, False]
    assert "asks for 3 replicas; 'Edge' has 2 node(s)" in layout.points[1].problem
    with pytest.raises(ScenarioError, match="no point of the sweep can run"):
        layout_of(path, "replicas:detect=8,9")
    with pytest.raises(ScenarioError, match="there is no plan"):
        layout_of(scenario_file(tmp_path / "bare", {"plan": None}), "seed=1,2")


def test_files_of_other_tools_are_read_with_the_rate(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An AI-SPRINT folder has no arrival rate of its own; a point is what ``ctwin run --arrival-rate`` runs."""
    folder = tmp_path / "app"
    main(["convert", str(ROOT / "scenarios" / "mask-detection"), str(folder), "--to", "aisprint"])
    assert status_of(folder, *over("arrival_rate=2,3"), "--engine", "theory", "--out", tmp_path / "out") == 0
    capsys.readouterr()
    for row in rows_of(tmp_path / "out"):
        main(["run", str(folder), "--engine", "theory", "--arrival-rate", row["arrival_rate"], "--json"])
        report = json.loads(capsys.readouterr().out)
        assert float(row["response_time.mean"]) == report["response_time"]["mean"]
    with pytest.raises(ScenarioError, match=r"arrival_rate=-1: .*above 0, got -1"):
        layout_of(folder, "arrival_rate=2,-1")


# -- keys -----------------------------------------------------------------------------------------------------------


def test_keys_stand_for_what_results_depend_on() -> None:
    """Names and questions change nothing; the workload, the run, the plan, the engine do."""
    scenario = sample_scenario()
    key = point_key(scenario, "simpy")
    same = [
        scenario.model_copy(update={"name": "other"}),
        scenario.model_copy(update={"question": "Why?"}),
        sample_scenario({"expect": [{"figure": "throughput", "above": 1.0}]}),
        sample_scenario({"plan": {"name": "other", "placements": {"detect": "Edge"}, "detect": None}}),
        changed_by(scenario, "arrival_rate", 5.0),
    ]
    others = [
        changed_by(scenario, "arrival_rate", 5.0000001),
        changed_by(scenario, "seed", 2),
        changed_by(scenario, "run.requests", 301),
        changed_by(scenario, "replicas:detect", 2),
        sample_scenario({"constraints": [{"kind": "response", "limit": 1.0}]}),
    ]
    assert {point_key(each, "simpy") for each in same} == {key}
    assert len({key, point_key(scenario, "theory"), *(point_key(each, "simpy") for each in others)}) == 7


def test_keys_are_the_same_in_another_process(tmp_path: Path) -> None:
    """They rest on no order or hash that a process chooses for itself."""
    path = scenario_file(tmp_path, TANDEM)
    code = (
        "import sys; from pathlib import Path; from twin.sweep.axes import axes_from\n"
        "from twin.sweep.drafts import Base; from twin.sweep.points import lay_out\n"
        "layout = lay_out(Base(path=Path(sys.argv[1])), axes_from(['seed=1,2']), engine='simpy')\n"
        "print(*(point.key for point in layout.points))"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONHASHSEED": "77"}
    command = [sys.executable, "-c", code, str(path)]
    out = subprocess.run(command, capture_output=True, text=True, check=True, env=environment).stdout
    assert out.split() == [point.key for point in layout_of(path, "seed=1,2").points]


def test_engine_is_chosen_by_the_sweep_alone(tmp_path: Path) -> None:
    """Short sweeps take SimPy, long ones the compiled engine, whatever is compiled on this machine."""
    path = scenario_file(tmp_path)
    short = layout_of(path, "seed=1,2", engine="auto")
    long = layout_of(path, "seed=1,2", engine="auto", settings={"requests": 10**6})
    assert [point.engine for point in short.points] == ["simpy", "simpy"]
    assert [point.engine for point in long.points] == ["compiled", "compiled"]


def test_short_sweeps_start_no_processes(tmp_path: Path) -> None:
    """They would be done before a second process is there."""
    path = scenario_file(tmp_path)
    assert layout_of(path, "seed=1,2").processes == 1
    assert layout_of(path, "seed=1,2", engine="theory", settings={"requests": 10**6}).processes == 1
    assert layout_of(path, "seed=1,2", settings={"requests": 10**6}).processes == cores()


# -- results that survive -------------------------------------------------------------------------------------------


@pytest.fixture(name="whole", scope="module")
def _whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a scenario and, in ``whole``, a sweep over it that nothing disturbed."""
    folder = tmp_path_factory.mktemp("sweep")
    path = scenario_file(folder)
    assert status_of(path, *over(*GRID), "--engine", "simpy", "--jobs", 1, "--out", folder / "whole") == 0
    return folder


def same_tables(one: Path, other: Path) -> bool:
    """Say whether two sweeps wrote the same bytes."""
    names = ("sweep.csv", "sweep.parquet", "sweep.svg")
    return all((one / name).read_bytes() == (other / name).read_bytes() for name in names)


@pytest.mark.parametrize("error", [RuntimeError("out of power"), KeyboardInterrupt()])
def test_a_sweep_goes_on_where_it_was_cut_off(whole: Path, tmp_path: Path, error: BaseException) -> None:
    """Whatever ends it, what was done is kept, only the rest runs, and the table is the same to the byte."""
    layout = layout_of(whole / "scenario.yaml", *GRID)
    store = Store(tmp_path / "points")
    with pytest.raises((RuntimeError, KeyboardInterrupt)):
        sweep(layout, store, Counting(stop_at=10, error=error))
    again = Counting()
    told: list[tuple[int, int]] = []
    found = sweep(layout, store, again, progress=lambda done, wanted: told.append((done, wanted)))
    assert (found.resumed, len(again.ran), found.broken) == (10, 2, 0)
    assert told == [(0, 2), (1, 2), (2, 2)]
    save_tables(found, tmp_path)
    for name in ("sweep.csv", "sweep.parquet"):
        assert (tmp_path / name).read_bytes() == (whole / "whole" / name).read_bytes()


def test_interruption_says_what_is_kept_and_how_to_go_on(
    whole: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C ends with status 130 and one sentence; the same command then makes the same table."""
    command = [whole / "scenario.yaml", *over(*GRID), "--engine", "simpy", "--jobs", 1, "--out", tmp_path]
    ran: list[Job] = []

    def pressed(job: Job) -> Outcome:
        ran.append(job)
        if len(ran) == 3:
            raise KeyboardInterrupt
        return run_point(job)

    monkeypatch.setattr(sweeping, "run_point", pressed)
    assert status_of(*command) == 130
    assert "interrupted: 2 of 12 points are done and kept" in capsys.readouterr().err
    assert not (tmp_path / "sweep.csv").exists()
    monkeypatch.undo()
    assert status_of(*command) == 0
    assert "2 of them from before" in capsys.readouterr().out
    assert same_tables(tmp_path, whole / "whole")


def test_further_values_run_only_the_new_points(tmp_path: Path) -> None:
    """Results belong to points, not to a sweep; other settings are other points; ``fresh`` runs all again."""
    path = scenario_file(tmp_path)
    store = Store(tmp_path / "points")
    numbers = []
    for axes, base, fresh in (
        (["seed=1:3:1"], {}, False),
        (["seed=2:5:1"], {}, False),
        (["seed=1:5:1"], {"settings": {"requests": 200}}, False),
        (["seed=1:5:1"], {}, True),
    ):
        hands = Fake()
        sweep(layout_of(path, *axes, **base), store, hands, fresh=fresh)
        numbers.append(len(hands.ran))
    assert numbers == [3, 2, 5, 5]


def test_equal_points_run_once(tmp_path: Path) -> None:
    """Two files with the same plan are two rows of one result."""
    for name in ("a.yaml", "b.yaml"):
        (tmp_path / name).write_text("detect: {resource: Edge, replicas: 2}\n")
    layout = layout_of(scenario_file(tmp_path), f"plan={tmp_path}/a.yaml,{tmp_path}/b.yaml", "seed=1,2")
    hands = Fake()
    found = sweep(layout, Store(tmp_path / "points"), hands)
    assert len(hands.ran) == 2
    assert len(found.rows()) == 4
    assert found.broken == 0


@pytest.mark.parametrize("damage", ["", "{", "[]", '{"key": "other", "figures": {}}', '{"key": 1}', "\udcff"])
def test_half_a_result_is_made_again(tmp_path: Path, damage: str) -> None:
    """What a power failure left behind is no result."""
    layout = layout_of(scenario_file(tmp_path), "seed=1,2")
    store = Store(tmp_path / "points")
    sweep(layout, store, Fake())
    victim = tmp_path / "points" / f"{layout.points[0].key}.json"
    victim.write_bytes(damage.encode("utf-8", "surrogateescape"))
    hands = Fake()
    assert sweep(layout, store, hands).resumed == 1
    assert len(hands.ran) == 1


def test_a_broken_point_costs_only_itself_and_gets_another_chance(tmp_path: Path) -> None:
    """A point whose process died has its reason in the table, and runs again the next time."""
    layout = layout_of(scenario_file(tmp_path), "seed=1:4:1")
    store = Store(tmp_path / "points")
    found = sweep(layout, store, Fake(2))
    assert [row["error"] for row in found.rows()] == [None, None, "the process that ran this died", None]
    hands = Fake()
    assert sweep(layout, store, hands).broken == 0
    assert len(hands.ran) == 1


def test_points_that_break_are_told_apart_from_those_that_ran(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whether they do not fit or find nothing to simulate: status 1, a reason, and every other point in the table."""
    path = scenario_file(tmp_path, DETERMINISTIC)
    axes = over("run.horizon=0.5,100", "replicas:detect=4,5")
    assert status_of(path, *axes, "--engine", "simpy", "--jobs", 1, "--out", tmp_path) == 1
    rows = rows_of(tmp_path)
    assert [bool(row["error"]) for row in rows] == [True, True, False, True]
    assert "no request arrives" in rows[0]["error"]
    assert "asks for 5 replicas" in rows[1]["error"]
    assert float(rows[2]["response_time.mean"]) == pytest.approx(0.1)
    out = capsys.readouterr().out
    assert "1 of 4 points" in out
    assert "2 points: plan.detect: asks for 5 replicas" in out


def test_a_fault_of_the_program_is_part_of_the_outcome() -> None:
    """It names the fault instead of ending the sweep."""
    outcome = run_point(Job(scenario=None, engine="simpy"))  # type: ignore[arg-type]
    assert outcome.error.startswith("internal error: AttributeError")


# -- the same wherever it runs --------------------------------------------------------------------------------------


def test_processes_give_the_same_table(whole: Path, tmp_path: Path) -> None:
    """Two processes finish in any order; the table is that of one."""
    assert status_of(whole / "scenario.yaml", *over(*GRID), "--engine", "simpy", "--jobs", 2, "--out", tmp_path) == 0
    assert same_tables(tmp_path, whole / "whole")


KILLING = """
import os, signal, sys
from runtime.cli import main
from twin.sweep.store import Store

keep, kept, worker = Store.keep, [], int(sys.argv[1])

def keep_and_kill(self, key, figures):
    keep(self, key, figures)
    kept.append(key)
    if len(kept) == 2:
        os.kill(worker, signal.SIGKILL)

Store.keep = keep_and_kill
try:
    main(sys.argv[2:])
finally:
    assert len(kept) == len(set(kept)), "a point was counted twice"
    print("kept", len(kept))
"""
"""Runs ``ctwin``, and kills a worker as soon as two points are kept."""


def wait_for(condition: Callable[[], bool], what: str) -> None:
    """Wait until *condition* holds, for a minute at most."""
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end, f"{what} did not come up"
        time.sleep(0.05)


@contextmanager
def cluster_of(workers: int, folder: Path) -> Iterator[tuple[str, list[int]]]:
    """Run a scheduler and workers on the loopback interface; yield its address and their process numbers."""
    file = folder / "scheduler.json"
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "ignore"}
    local = ["--host", "127.0.0.1", "--no-dashboard", "--scheduler-file", str(file)]
    commands = [["scheduler", *local, "--port", "0"]]
    commands += [
        ["worker", *local, "--no-nanny", "--nthreads", "1", "--local-directory", str(folder / str(number))]
        for number in range(workers)
    ]
    started: list[subprocess.Popen[bytes]] = []
    try:
        for command in commands:
            module = f"distributed.cli.dask_{command[0]}"
            with (folder / f"{len(started)}.log").open("wb") as log:
                process = subprocess.Popen(
                    [sys.executable, "-m", module, *command[1:]], env=environment, cwd=folder, stdout=log, stderr=log
                )
            started.append(process)
            if command[0] == "scheduler":
                wait_for(file.exists, "the scheduler")
        logs = [folder / f"{number + 1}.log" for number in range(workers)]
        wait_for(lambda: all("Registered to" in log.read_text() for log in logs), "the workers")
        yield json.loads(file.read_text())["address"], [process.pid for process in started[1:]]
    finally:
        for process in started:
            process.kill()
        for process in started:
            process.wait()


@pytest.mark.skipif(find_spec("distributed") is None, reason="distributed is not installed; it is part of [dev]")
def test_a_cluster_gives_the_same_table_though_a_worker_dies(whole: Path, tmp_path: Path) -> None:
    """Scheduler and workers are processes of their own; one is killed in the middle, and nothing lacks or doubles."""
    with cluster_of(2, tmp_path) as (address, workers):
        command = ["sweep", str(whole / "scenario.yaml"), *over(*GRID), "--engine", "simpy", "--cluster", address]
        ended = subprocess.run(
            [sys.executable, "-c", KILLING, str(workers[0]), *command, "--out", str(tmp_path / "out")],
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            timeout=120,
        )
    assert ended.returncode == 0, ended.stderr
    assert "kept 12" in ended.stdout
    assert same_tables(tmp_path / "out", whole / "whole")


@pytest.mark.parametrize("address", ["127.0.0.1:8786", "tcp://host", "http://host:80", ""])
def test_addresses_of_clusters_are_checked(address: str) -> None:
    """The message has an example."""
    with pytest.raises(EngineError, match="looks like tcp://host:8786"), Cluster(address):
        pass


def test_a_cluster_without_dask_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """Dask is no part of the core."""
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(EngineError, match=r"pip install 'continuum-twin\[cluster\]'"), Cluster("tcp://127.0.0.1:1"):
        pass


def test_dask_is_loaded_only_for_a_cluster() -> None:
    """A sweep on this machine does not wait for it."""
    code = "import sys, twin.commands.sweep, twin.sweep.cluster; print('distributed' in sys.modules)"
    command = [sys.executable, "-c", code]
    out = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT).stdout
    assert out.strip() == "False"


# -- what is written ------------------------------------------------------------------------------------------------


def test_tables_have_a_row_for_each_point(whole: Path) -> None:
    """CSV and Parquet hold the same: axes, figures with intervals, every limit and resource."""
    rows = rows_of(whole / "whole")
    table = pq.read_table(whole / "whole" / "sweep.parquet")
    assert table.column_names == list(rows[0])
    assert table.column_names[:5] == ["point", "arrival_rate", "replicas:detect", "error", "verdict"]
    wanted = {"engine", "seed", "replications", "throughput", "cost_per_hour", "energy", "requests.completed"}
    wanted |= {f"response_time.{name}" for name in ("mean", "ci.low", "ci.high", "p50", "p95", "p99")}
    wanted |= {"resources.Edge.utilisation", "resources.Edge.utilisation_ci.low"}
    assert wanted <= set(table.column_names)
    assert [(row["arrival_rate"], row["replicas:detect"]) for row in rows] == [
        (rate, replicas) for rate in "346" for replicas in "1234"
    ]
    for row, record in zip(rows, table.to_pylist(), strict=True):
        assert float(row["response_time.mean"]) == record["response_time.mean"]
        assert record["response_time.ci.low"] < record["response_time.mean"] < record["response_time.ci.high"]
    assert not list((whole / "whole").rglob(".*"))


def test_limits_have_their_columns(tmp_path: Path) -> None:
    """Value, limit, share above and verdict of each, namesakes included; overload takes the averages away."""
    limits = [{"kind": "response", "limit": 0.15}, {"kind": "response", "limit": 0.5, "percentile": 95}]
    path = scenario_file(tmp_path, {"constraints": limits})
    status_of(path, *over("arrival_rate=2,50"), "--engine", "simpy", "--jobs", 1, "--out", tmp_path)
    calm, busy = rows_of(tmp_path)
    first, second = "constraints.response: application", "constraints.response: application (2)"
    assert (calm[f"{first}.limit"], calm[f"{second}.limit"]) == ("0.15", "0.5")
    assert calm[f"{first}.satisfied"] == "true"
    assert calm[f"{first}.value"] == calm["response_time.mean"]
    assert float(calm[f"{second}.violation_probability"]) < 0.05
    assert busy["overloaded"] == "Edge"
    assert (busy["response_time.mean"], busy["verdict"]) == ("", "fail")


def test_columns_of_some_points_stand_where_these_have_them() -> None:
    """Another plan may have other resources."""
    rows: list[sweeping.Row] = [{"a": 1, "e": 1}, {"a": 2, "b": 1, "d": 1}, {"a": 3, "b": 1, "c": 1, "d": 1, "e": 1}]
    assert columns(rows) == ["a", "b", "c", "d", "e"]


def test_axes_of_words_and_numbers_are_one_column(tmp_path: Path) -> None:
    """Parquet wants one type a column: mixed values are texts."""
    layout = layout_of(scenario_file(tmp_path), "run.warm_up=none,auto,2.5", "continuum.resources.Edge.cores=1,1.5")
    save_tables(sweep(layout, Store(tmp_path / "points"), Fake()), tmp_path)
    table = pq.read_table(tmp_path / "sweep.parquet").to_pydict()
    assert table["run.warm_up"] == ["none", "none", "auto", "auto", "2.5", "2.5"]
    assert table["continuum.resources.Edge.cores"] == [1.0, 1.5] * 3


def test_programs_get_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One document on standard output, and nothing beside it."""
    path = scenario_file(tmp_path)
    status_of(path, *over("arrival_rate=2,50"), "--engine", "theory", "--jobs", 1, "--out", tmp_path, "--json")
    found = json.loads(capsys.readouterr().out)
    assert found["axes"] == {"arrival_rate": [2, 50]}
    assert [row["engine"] for row in found["rows"]] == ["theory", "theory"]
    assert found["rows"][0]["response_time.mean"] == pytest.approx(0.1 / (1 - 0.2))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--out", "x"), ("--over",)),
        ((*over("seed=1,2"),), ("--out",)),
        ((*over("seed=1,2"), "--out", "x", "--jobs", "2", "--cluster", "tcp://h:1"), ("--jobs",)),
        ((*over("seed=1,2"), "--out", "x", "--requests", "5", "--horizon", "5"), ("--requests or --horizon",)),
        ((*over("seed=1;2"), "--out", "x"), ("seed", "expected a whole number, got '1;2'")),
        ((*over("sead=1"), "--out", "x"), ("sead", "did you mean 'seed'?")),
        ((*over("seed=1"), "--engine", "theory", "--out", "file"), ("cannot create the folder file",)),
        ((*over("seed=1"), "--engine", "theory", "--out", "x", "--figure", "energi"), ("did you mean 'energy'?",)),
    ],
)
def test_wrong_input_ends_in_one_message(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    arguments: tuple[str, ...],
    words: tuple[str, ...],
) -> None:
    """Status 2, the value and the way out, no traceback."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("")
    assert status_of(scenario_file(tmp_path), *arguments) == 2
    err = capsys.readouterr().err
    assert "Traceback" not in err
    for word in words:
        assert word in err


# -- the picture ----------------------------------------------------------------------------------------------------


def test_picture_has_a_line_for_each_combination(tmp_path: Path) -> None:
    """Intervals, the limit that matches, a mark where the time grows without bound."""
    path = scenario_file(tmp_path, {"constraints": [{"kind": "response", "limit": 0.5, "percentile": 95}]})
    layout = layout_of(path, "discipline=ps,fifo", "arrival_rate=50,2,5", settings={"requests": 100})
    found = sweep(layout, Store(tmp_path / "points"), Alone())
    figure = default_figure(found)
    chart = chart_of(found, figure)
    assert figure == "response_time.p95"
    assert chart.x_label == "arrival rate (requests/s)"
    assert [line.label for line in chart.lines] == ["discipline ps", "discipline fifo"]
    for line in chart.lines:
        assert [mark.x for mark in line.marks] == [2, 5, 50]
        assert [mark.beyond for mark in line.marks] == [False, False, True]
        assert all(mark.low <= mark.y <= mark.high for mark in line.marks[:2])  # type: ignore[operator]
    assert chart.limits == (("limit: 0.5 s", 0.5),)


def test_picture_of_words_shows_categories(tmp_path: Path) -> None:
    """Without a numeric axis the first one's words stand below the picture."""
    layout = layout_of(scenario_file(tmp_path), "discipline=ps,fifo", "run.warm_up=none,auto", engine="theory")
    chart = chart_of(sweep(layout, Store(tmp_path / "points"), Alone()), "response_time.mean")
    assert chart.categories == ("ps", "fifo")
    assert [mark.x for mark in chart.lines[0].marks] == [0, 1]
