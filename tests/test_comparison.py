"""Policies compared on the same days: figures, intervals, differences, who is best, and what goes wrong."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from collections.abc import Sequence
from math import nan
from pathlib import Path
from time import sleep
from typing import Any

import jsonschema
import pytest

from runtime.cli import main
from runtime.comparison import comparing
from runtime.comparison.comparing import Comparison, ComparisonInterrupted, Result, compare
from runtime.comparison.document import document
from runtime.comparison.tasks import Complaint, Outcome, outcome_from, to_json
from runtime.comparison.timeline import timeline_svg
from runtime.comparison.verdict import best, stays_within
from twin.breaches import share_in_breach
from twin.controlled_figures import reversals
from twin.controlled_run import Timeline
from twin.errors import PlanError, PolicyError
from twin.experiment import simulate
from twin.model.constraints import ResponseConstraint
from twin.model.plan import Plan
from twin.model.scenario import Scenario
from twin.policy_run import PolicyJob, controlled_course, simulate_policy
from twin.statistics import Estimate
from twin.universe import Universe

ROOT = Path(__file__).resolve().parents[1]
CROWD = ROOT / "scenarios" / "flash-crowd" / "scenario.yaml"

OWN = """
from __future__ import annotations

import time
from dataclasses import dataclass


@dataclass
class Base:
    scenario: object
    plan: object


class Second(Base):
    def decide(self, seen):
        return seen.plan.with_nodes("vm", 2) if seen.plan.nodes("vm") == 1 else None


class Raises(Base):
    def decide(self, seen):
        if seen.time > 100:
            raise RuntimeError("too late")


class Hangs(Base):
    def decide(self, seen):
        if seen.time > 100:
            time.sleep(20)


class Impossible(Base):
    def decide(self, seen):
        return seen.plan.with_nodes("vm", 99)


class Swings(Base):
    def decide(self, seen):
        return seen.plan.with_nodes("vm", 3 - seen.plan.nodes("vm"))


class Needy(Base):
    def decide(self, seen):
        return None if seen.response_time.mean < 3 else None


class Unmade(Base):
    def __init__(self, scenario, plan):
        raise KeyError("vm")

    def decide(self, seen):
        return None
"""


def queue(rate: float = 0.8, *, horizon: float = 2000.0, **more: Any) -> Scenario:
    """Return an M/M/c queue of service rate 1 on one or two nodes that are there at once."""
    return Scenario.model_validate(
        {
            "name": "queue",
            "continuum": {
                "layers": {"cloud": {"type": "Virtual"}},
                "domains": {"net": {"layers": ["cloud"], "bandwidth_mbit_per_s": 100}},
                "resources": {"vm": {"layer": "cloud", "nodes": 2, "cost_per_hour": 3.6, "discipline": "fifo"}},
            },
            "application": {"components": {"c": {"candidates": ["vm"], "container": {}}}},
            "profiles": {"c": {"vm": {"law": "exponential", "mean": 1.0}}},
            "workload": {"sources": {"s": {"arrivals": {"process": "poisson", "rate": rate}}}},
            "constraints": [
                {"kind": "response", "limit": 6.0, "percentile": 95},
                {"kind": "local", "component": "c", "limit": 4.0},
            ],
            "plan": {"name": "one", "placements": {"c": {"resource": "vm", "replicas": 1}}},
            "reconfiguration": {"period": 50, "monitor": {"window": 50}},
            "run": {"seed": 11, "replications": 4, "horizon": horizon, "warm_up": "none"},
            **more,
        }
    )


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return the path of a file of policies."""
    file = tmp_path_factory.mktemp("own") / "mine.py"
    file.write_text(OWN)
    return str(file)


@pytest.fixture(scope="module")
def pair(own: str) -> Comparison:
    """One node for good, against a second one from the first decision on."""
    return compare(queue(horizon=4000.0), ["static", f"{own}:Second"], replications=8)


# -- figures ----------------------------------------------------------------------------------------------------------


def test_a_second_node_costs_and_answers_as_theory_says(pair: Comparison) -> None:
    """From M/M/1 to two M/M/1 queues with half the load each: response times and costs of both."""
    one, two = (result.estimates(0.999) for result in pair.results)
    horizon, rate = 4000.0, 0.8
    assert one["response_time.mean"].low < 1 / (1 - rate) < one["response_time.mean"].high
    halved = two["response_time.mean"]
    assert halved.low < 1 / (1 - rate / 2) < halved.high
    assert one["cost"].value == pytest.approx(3.6 * horizon / 3600)
    assert two["cost"].value == pytest.approx(3.6 * (2 * horizon - 50) / 3600, rel=1e-3)
    assert two["reconfigurations"].value == 1


def test_same_days_make_narrower_differences(pair: Comparison) -> None:
    """Of policies that differ little, the paired interval is narrower than that of strangers."""
    later = compare(queue(), ["static", "threshold,high=0.99,low=0"], replications=8)
    difference = later.results[1].minus(later.results[0], 0.95)["response_time.mean"]
    assert difference.estimate.half_width < 0.9 * difference.unpaired.half_width
    arrived = [[outcome.figures["arrived"] for outcome in result.outcomes] for result in pair.results]
    assert arrived[0] == arrived[1]


def test_static_has_the_figures_of_an_ordinary_run() -> None:
    """Cost, response time and violations of the same plan on the same seeds, when the run has no warm-up."""
    scenario = queue()
    report = simulate(scenario).document()
    (policy,) = document(compare(scenario, ["static"]), limit=0.01)["policies"]
    assert policy["cost"]["mean"] == pytest.approx(report["cost"])
    assert policy["figures"]["response_time.mean"]["mean"] == pytest.approx(report["response_time"]["mean"])
    for constraint in report["constraints"]:
        found = policy["constraints"][constraint["name"]]["requests"]
        assert found["mean"] == pytest.approx(constraint["violation_probability"])


def test_a_request_breaks_limits_once() -> None:
    """The share of requests that broke any limit lies between the largest share of one and the sum of all."""
    scenario = queue()
    (policy,) = document(compare(scenario, ["static"]), limit=0.01)["policies"]
    shares = [each["requests"]["mean"] for each in policy["constraints"].values()]
    assert 0 < max(shares) <= policy["violations"]["mean"] < sum(shares)


def test_lost_and_overdue_requests_break_limits() -> None:
    """Counted by hand from the records: late, lost, or still there and late already."""
    vm = {"layer": "cloud", "nodes": 1, "discipline": "fifo", "queue_capacity": 30}
    scenario = queue(rate=2.0, horizon=100.0, constraints=[{"kind": "response", "limit": 4.0}])
    resource = scenario.continuum.resources["vm"].model_validate({**vm, "name": "vm"})
    scenario = scenario.model_copy(
        update={"continuum": scenario.continuum.model_copy(update={"resources": {"vm": resource}})}
    )
    universe = Universe(scenario)
    assert scenario.plan is not None
    job = PolicyJob(scenario=scenario, plan=scenario.plan, policy=Still, replication=0, engine="simpy")
    course = controlled_course(job, universe)
    run = course.trajectory
    known = broken = overdue = 0
    for arrival, end, lost in zip(run.arrivals, run.ends, run.lost, strict=True):
        is_open = not lost and not end < float("inf")
        late = lost or (run.horizon - arrival > 4.0 if is_open else end - arrival > 4.0)
        overdue += is_open and late
        broken += late
        known += late or not is_open
    assert run.lost.any()
    assert overdue
    assert share_in_breach(universe, course) == pytest.approx(broken / known)


class Still:
    """Does nothing."""

    def decide(self, observation: object) -> None:
        """Leave everything as it is."""


def test_a_run_has_intervals() -> None:
    """Mean and interval over replications; none with one replication."""
    run = simulate_policy(queue(horizon=500.0), None, Still, engine="simpy", replications=3)
    found = run.estimates(0.95)
    assert found["response_time.mean"].low < found["response_time.mean"].value < found["response_time.mean"].high
    assert found["cost"].half_width == pytest.approx(0, abs=1e-9)


def plans(*nodes: tuple[float, int]) -> list[tuple[float, Plan]]:
    """Return a course of plans: second, nodes."""
    plan = Plan.model_validate({"placements": {"c": "vm", "d": "vm"}})
    return [(time, plan.with_nodes("vm", count)) for time, count in nodes]


@pytest.mark.parametrize(
    ("course", "found"),
    [
        (plans((0, 1)), 0),
        (plans((0, 1), (10, 2), (20, 3), (30, 4)), 0),
        (plans((0, 1), (10, 2), (20, 1)), 1),
        (plans((0, 1), (10, 2), (200, 1)), 0),
        (plans((0, 1), (10, 2), (20, 1), (30, 2), (40, 1)), 3),
        (plans((0, 2), (10, 3), (20, 4), (30, 3)), 1),
    ],
)
def test_a_change_that_is_taken_back_soon_is_a_reversal(course: list[tuple[float, Plan]], found: int) -> None:
    """Back to what was there before the last change, within the time; each change counts once."""
    assert reversals(course, within=100) == found


# -- the best ---------------------------------------------------------------------------------------------------------


def made_up(**policies: Sequence[tuple[float, float]]) -> Comparison:
    """Return a comparison of these costs and violations, replication by replication."""
    results = [
        Result(
            words=name,
            outcomes=tuple(Outcome(figures={"cost": cost, "violations": share}) for cost, share in figures),
        )
        for name, figures in policies.items()
    ]
    scenario = queue()
    assert scenario.plan is not None
    return Comparison(scenario=scenario, plan=scenario.plan, engine="simpy", results=tuple(results), wanted=3)


def test_the_cheapest_that_keeps_the_limit_is_best() -> None:
    """Cheaper ones that break it are not; the saving over the next is real where pairs agree."""
    found = best(
        made_up(
            dear=[(9, 0.0), (10, 0.0), (11, 0.0)],
            good=[(7, 0.001), (8.1, 0.002), (9, 0.0)],
            cheap=[(1, 0.3), (1, 0.2), (1, 0.4)],
        ),
        limit=0.01,
    )
    assert (found.policy, found.runner_up) == ("good", "dear")
    assert found.saves is not None
    assert found.saves.is_real is True
    assert found.saves.estimate.value == pytest.approx(1.9667, abs=1e-3)


def test_a_difference_of_chance_is_none() -> None:
    """Where pairs disagree, the best may be so by chance; where nobody keeps the limit, nobody is best."""
    comparison = made_up(one=[(5, 0.0), (9, 0.0), (4, 0.0)], other=[(6, 0.0), (4, 0.0), (9, 0.0)])
    found = best(comparison, limit=0.01)
    assert found.policy == "one"
    assert found.saves is not None
    assert found.saves.is_real is False
    broken = best(made_up(one=[(1, 0.5)] * 3, other=[(2, 0.3)] * 3), limit=0.01)
    assert (broken.policy, broken.closest) == (None, "other")


@pytest.mark.parametrize(
    ("estimate", "answer"),
    [
        (Estimate(0.005, 0.002, 0.008), True),
        (Estimate(0.009, 0.002, 0.016), None),
        (Estimate(0.05, 0.04, 0.06), False),
        (Estimate(0.005), None),
        (Estimate(nan), True),
    ],
)
def test_an_interval_that_holds_the_limit_does_not_tell(estimate: Estimate, answer: bool | None) -> None:
    """Within, beyond, or neither."""
    assert stays_within(estimate, 0.01) is answer


# -- wrong input ------------------------------------------------------------------------------------------------------


def reasons(comparison: Comparison, position: int) -> dict[str, Any]:
    """Return the first reason of a policy."""
    policy = document(comparison, limit=0.01)["policies"][position]
    first: dict[str, Any] = policy["reasons"][0]
    return first


def test_policies_that_fail_are_counted_while_others_go_on(own: str) -> None:
    """One raises, one hangs, one wants too much: all three keep the plan, and the report says how often and why."""
    words = ["static", *(f"{own}:{name}" for name in ("Raises", "Hangs", "Impossible"))]
    found = compare(queue(horizon=300.0), words, replications=1, engine="simpy", time_limit=1.0)
    raised, hung, impossible = (reasons(found, position) for position in (1, 2, 3))
    assert (raised["kind"], raised["count"], raised["time"]) == ("failed", 3, 150)
    assert raised["reason"] == "raised RuntimeError: too late"
    assert "has not decided within 1 s" in hung["reason"]
    assert (impossible["kind"], impossible["count"], impossible["time"]) == ("refused", 5, 50)
    assert "asks for 99 replicas" in impossible["reason"]
    assert len({result.outcomes[0].figures["cost"] for result in found.results}) == 1


def test_a_policy_that_fails_can_stop_everything(own: str) -> None:
    """The message names policy and simulated time."""
    with pytest.raises(PolicyError, match="policy 'Raises' at 150 s: raised RuntimeError: too late"):
        compare(queue(horizon=300.0), [f"{own}:Raises"], replications=1, engine="simpy", on_error="stop")


def test_a_policy_that_swings_is_found_out(own: str) -> None:
    """Each change but the first takes the one before back."""
    (policy,) = document(compare(queue(horizon=1000.0), [f"{own}:Swings"], replications=1), limit=0.01)["policies"]
    assert policy["reversals"] == policy["reconfigurations"] - 1 > 10


def test_a_monitor_without_data(own: str) -> None:
    """Nothing arrives: shipped policies leave it at that, one that needs figures fails and is counted."""
    scenario = queue(rate=1e-9, horizon=300.0)
    found = document(compare(scenario, ["static", "threshold", f"{own}:Needy"], replications=2), limit=0.01)
    static, threshold, needy = found["policies"]
    assert static["violations"]["mean"] is None
    assert static["within_limit"] is True
    assert threshold["policy_errors"] == 0
    assert needy["policy_errors"] == 5
    assert "NoneType" in needy["reasons"][0]["reason"]
    json.dumps(found, allow_nan=False)


def test_wrong_policies_are_all_named_at_once(own: str) -> None:
    """Twice the same, unknown, broken when made, with a wrong option: before anything runs."""
    with pytest.raises(PolicyError) as caught:
        compare(queue(), ["static", "static", "thresold", f"{own}:Unmade", "threshold,low=0.9"])
    message = str(caught.value)
    assert "4 problems" in message
    for part in ("named twice", "did you mean 'threshold'", "cannot be made", "low < high"):
        assert part in message
    with pytest.raises(PlanError, match="no plan to begin with"):
        compare(queue(plan=None), ["static"])


# -- keeping, going on, interrupting ----------------------------------------------------------------------------------


def kept(comparison: Comparison, days: int) -> list[str]:
    """Return the first outcomes of all policies as they are kept."""
    return [to_json("", outcome) for result in comparison.results for outcome in result.outcomes[:days]]


def test_outcomes_are_kept_and_not_run_again(tmp_path: Path) -> None:
    """More replications run only the new ones; a file cut short runs again; another code of a policy, too."""
    scenario = queue(horizon=300.0)
    mine = tmp_path / "mine.py"
    mine.write_text(OWN)
    words = ["static", f"{mine}:Second"]
    first = compare(scenario, words, replications=2, folder=tmp_path / "kept")
    more = compare(scenario, words, replications=3, folder=tmp_path / "kept")
    assert (first.resumed, more.resumed) == (0, 4)
    assert kept(more, 2) == kept(first, 2)
    next(iter((tmp_path / "kept").iterdir())).write_text('{"key": ')
    assert compare(scenario, words, replications=3, folder=tmp_path / "kept").resumed == 5
    mine.write_text(OWN + "\n# another text\n")
    assert compare(scenario, words, replications=3, folder=tmp_path / "kept").resumed == 3


def test_an_outcome_survives_its_file() -> None:
    """Everything comes back, values that are not known included."""
    outcome = Outcome(
        figures={"cost": 1.5, "violations": nan},
        complaints=(Complaint(kind="refused", reason="no", count=2, time=5.0),),
        horizon=10.0,
        changes=(1.0, 2.0),
        timeline=Timeline(time=[1.0], plan=["p"], nodes={"vm": [1]}, response_time=[None], alarms=[("a",)]),
    )
    back = outcome_from(to_json("key", outcome), "key")
    assert back is not None
    assert to_json("key", back) == to_json("key", outcome)
    assert outcome_from(to_json("key", outcome), "another") is None


def test_processes_change_nothing(own: str) -> None:
    """Policies travel by their words; a user's own file is read in each process."""
    scenario, words = queue(horizon=300.0), ["static", f"{own}:Second"]
    alone, crowd = (compare(scenario, words, replications=2, jobs=jobs, engine="simpy") for jobs in (1, 2))
    assert kept(alone, 2) == kept(crowd, 2)


@pytest.mark.parametrize("stop", [1, 4])
def test_ctrl_c_keeps_whole_days(stop: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """What all policies have done is compared; before that, there is nothing to compare."""
    run = comparing.run_task
    done: list[object] = []

    def interrupted(task: Any) -> Outcome:
        if len(done) == stop:
            raise KeyboardInterrupt
        done.append(task)
        return run(task)

    monkeypatch.setattr(comparing, "run_task", interrupted)
    scenario = queue(horizon=200.0)
    if stop == 1:
        with pytest.raises(ComparisonInterrupted):
            compare(scenario, ["static", "threshold", "threshold,high=0.9"], replications=3, jobs=1)
        return
    found = compare(scenario, ["static", "threshold", "threshold,high=0.9"], replications=3, jobs=1)
    assert (found.replications, found.wanted, found.is_whole) == (1, 3, False)
    assert {len(result.outcomes) for result in found.results} == {1}


# -- the command ------------------------------------------------------------------------------------------------------

FIGURE = {
    "type": "object",
    "required": ["mean", "ci"],
    "additionalProperties": False,
    "properties": {
        "mean": {"type": ["number", "null"]},
        "ci": {"type": ["array", "null"], "items": {"type": "number"}, "minItems": 2, "maxItems": 2},
    },
}
COUNT = {"type": "number", "minimum": 0}
SCHEMA = {
    "type": "object",
    "required": ["scenario", "replications", "policies", "differences", "best", "violations_limit", "repeat"],
    "properties": {
        "policies": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["policy", "cost", "violations", "accuracy", "reconfigurations", "unfinished", "reasons"],
                "properties": {
                    "cost": FIGURE,
                    "violations": FIGURE,
                    "accuracy": {"type": ["number", "null"]},
                    "within_limit": {"type": ["boolean", "null"]},
                    **dict.fromkeys(("reconfigurations", "reversals", "refused", "lost", "unfinished"), COUNT),
                    "figures": {"type": "object", "additionalProperties": FIGURE},
                    "constraints": {
                        "type": "object",
                        "additionalProperties": {"type": "object", "additionalProperties": FIGURE},
                    },
                },
            },
        },
        "differences": {
            "type": "array",
            "items": {"type": "object", "required": ["policy", "against", "figures"]},
        },
        "best": {"type": "object", "required": ["policy", "runner_up", "saves", "real", "closest"]},
    },
}


def status_of(*arguments: str) -> int:
    """Return the exit status of ``ctwin policies``."""
    try:
        main(["policies", *arguments])
    except SystemExit as end:
        return int(end.code or 0)
    return 0


def test_the_command_answers_in_one_shape(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """Several words after one --policy; the JSON on the screen is that of the folder, beside the picture."""
    out = tmp_path / "out"
    arguments = [str(CROWD), "--policy", "static", "threshold", "--horizon", "2400", "--replications", "2"]
    assert status_of(*arguments, "--policy", "threshold,high=0.6", "--json", "--out", str(out)) == 0
    found = json.loads(capsys.readouterr().out)
    jsonschema.validate(found, SCHEMA)
    assert found == json.loads((out / "comparison.json").read_text())
    assert [each["policy"] for each in found["policies"]] == ["static", "threshold", "threshold,high=0.6"]
    assert [(each["policy"], each["against"]) for each in found["differences"]] == [
        ("threshold", "static"),
        ("threshold,high=0.6", "static"),
    ]
    assert found["policies"][1]["reconfigurations"] > 0
    ElementTree.parse(out / "timeline.svg")


def test_a_policy_of_ones_own_from_the_readme(capsys: pytest.CaptureFixture[str]) -> None:
    """The shipped ten lines change at their hours, and cost what their hours cost."""
    day, own = ROOT / "scenarios" / "two-peaks", ROOT / "scenarios" / "two-peaks" / "timetable.py"
    arguments = [str(day), "--policy", "static", f"{own}:Timetable,night=1", "--replications", "1", "--json"]
    assert status_of(*arguments, "--engine", "simpy") == 0
    static, timetable = json.loads(capsys.readouterr().out)["policies"]
    assert static["cost"]["mean"] == pytest.approx(24 * (5 * 0.24 + 0.05), rel=1e-6)
    hours = 10.75 * 6 + 13.25 * 1
    assert timetable["cost"]["mean"] == pytest.approx(hours * 0.24 + 24 * 0.05, rel=0.01)
    assert timetable["reconfigurations"] in (3, 4)  # down at the start, up in the morning, down at night; one may fail


def test_the_screen_names_the_best_and_what_failed(capsys: pytest.CaptureFixture[str], own: str) -> None:
    """Exit status 1 where a policy failed to decide; its file is called without its folder."""
    arguments = [str(CROWD), "--horizon", "600", "--replications", "2", "--violations", "90%"]
    assert status_of(*arguments, "--policy", "static", f"{own}:Raises") == 1
    shown = capsys.readouterr().out
    assert "BEST" in shown
    assert "mine.py:Raises: failed to decide" in shown
    assert own not in shown


@pytest.mark.parametrize(
    ("arguments", "answer"),
    [
        (["--policy", "static", str(CROWD)], "comes before --policy"),
        ([str(CROWD)], "Missing option '--policy'"),
        ([str(CROWD), "--policy", "absent.py:Mine"], "no file 'absent.py'"),
        ([str(CROWD), "--policy", "static", "--engine", "theory"], "'theory' is not one of"),
        ([str(CROWD), "--policy", "static", "--violations", "2"], "expected a share"),
        ([str(CROWD), "--policy", "static", "--plot", "absent/day.svg"], "there is no folder 'absent'"),
    ],
)
def test_wrong_words_end_with_status_2(
    arguments: list[str], answer: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """One message with a way out, and nothing written."""
    assert status_of(*arguments, "--out", str(tmp_path / "out")) == 2
    assert answer in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_ctrl_c_from_outside_ends_with_130(tmp_path: Path) -> None:
    """The signal reaches a comparison in several processes; the same command goes on from what is kept."""
    out = tmp_path / "out"
    command = [sys.executable, "-m", "runtime.cli", "policies", str(CROWD), "--policy", "static", "threshold"]
    settings = ["--engine", "simpy", "--jobs", "1", "--out", str(out)]
    with subprocess.Popen(
        [*command, *settings, "--replications", "200"], cwd=ROOT, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        while process.poll() is None and len(list(out.glob("replications/*.json"))) < 3:
            sleep(0.05)
        os.kill(process.pid, signal.SIGINT)
        told = process.stderr.read()
    assert process.returncode == 130, told
    assert "goes on" in told
    assert len(json.loads((out / "comparison.json").read_text())["policies"]) == 2


def test_the_picture_has_everything_of_the_first_day(pair: Comparison) -> None:
    """Load, nodes that differ, response times with their limit, alarms and changes; every policy by name."""
    root = ElementTree.fromstring(timeline_svg(pair))
    words = [element.text or "" for element in root.iter("{http://www.w3.org/2000/svg}text")]
    for part in ("requests/s", "nodes of vm", "response time (s)", "static", "minutes"):
        assert part in words
    limits = [each.limit for each in pair.scenario.constraints if isinstance(each, ResponseConstraint)]
    assert limits == [6.0]
    marks = root.findall("{http://www.w3.org/2000/svg}polygon")
    changes = sum(len(result.outcomes[0].changes) for result in pair.results)
    assert len(marks) == changes == 1
