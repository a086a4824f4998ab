"""Plans compared on the same chance: differences are right, and known better than the figures themselves."""

from __future__ import annotations

import csv
import json
from math import inf, nan
from pathlib import Path
from typing import Any

import pytest
import yaml

from runtime.cli import main
from tests.samples import sample_data, sample_scenario, write_scenario
from twin.comparing import compared
from twin.differences import differences
from twin.experiment import simulate
from twin.model.plan import Placement, Plan
from twin.report import Report

TWO_CORES = {
    "continuum": {"resources": {"Large": {"layer": "edge", "discipline": "fifo", "cores": 2, "cost_per_hour": 1.0}}},
    "application": {"components": {"detect": {"candidates": ["Edge", "Large"]}}},
    "profiles": {"detect": {"Large": 0.1}},
    "workload": {"sources": {"cameras": {"arrivals": {"rate": 8}}}},
    "constraints": [{"kind": "response", "limit": 1.0, "share_above": 0.5}],
}
"""One core at load 0.8 against two at 0.4: M/M/1 against M/M/2."""

LONG = {"run": {"requests": 2000, "warm_up": 20.0, "replications": 4}}

LARGE = Plan(placements={"detect": Placement(resource="Large")})

THEORY = 0.1 / (1 - 0.4**2) - 0.1 / (1 - 0.8)
"""Mean response time on two cores (Erlang C) less that on one."""


def against_large(seed: int, *changes: dict[str, Any]) -> tuple[Report, dict[str, Any]]:
    """Return the report of one core, and what changes on two."""
    report = simulate(sample_scenario(TWO_CORES, LONG, {"run": {"seed": seed}}, *changes))
    report = compared(report, {"large": LARGE}, engine="simpy")
    return report, report.figures["differences"][0]


def test_intervals_hold_the_difference_of_theory_and_are_narrow() -> None:
    """Over many seeds nearly all intervals hold it, and each is narrower than that of independent runs."""
    hits, ratios = 0, []
    for seed in range(12):
        found = against_large(seed)[1]["figures"]["response_time.mean"]
        low, high = found["ci"]
        hits += low <= THEORY <= high
        ratios.append((high - low) / (found["unpaired_ci"][1] - found["unpaired_ci"][0]))
        assert found["real"] is True
        assert found["difference"] == pytest.approx(found["other"] - found["first"])
    assert hits >= 9
    assert sum(ratios) / len(ratios) < 0.98


def test_a_small_difference_shows_only_on_the_same_chance() -> None:
    """One per cent faster cores: far less than the figures are sure of, yet every replication agrees."""
    faster = {
        "continuum": {"resources": {"Large": {"cores": 1}}},
        "profiles": {"detect": {"Large": 0.099}},
    }
    found = against_large(3, faster)[1]["figures"]["response_time.mean"]
    assert found["real"] is True
    assert found["ci"][1] < 0
    assert found["unpaired_ci"][0] < 0 < found["unpaired_ci"][1]


def test_the_other_plan_has_as_many_replications() -> None:
    """Also where precision decided how many; every figure of both plans is compared."""
    report, found = against_large(1, {"run": {"precision": 0.05}})
    assert report.figures["replications"] > 4
    expected = {"response_time.p95", "throughput", "cost_per_hour", "components.detect.response_time.mean"}
    assert expected <= set(found["figures"])
    assert found["verdict"] in ("pass", "fail", "inconclusive")


def test_overloaded_plans_are_compared_by_what_has_a_value() -> None:
    """A time that grows without bound has no difference."""
    figures = against_large(1, {"workload": {"sources": {"cameras": {"arrivals": {"rate": 12}}}}})[1]["figures"]
    assert "response_time.mean" not in figures
    assert figures["cost_per_hour"]["difference"] == pytest.approx(0.64)


def test_pairs_without_a_value_are_left_out() -> None:
    """A replication counts where both plans have one; without any there is no difference."""
    found = differences({"a": [1.0, nan, 3.0], "b": [nan], "c": [1.0]}, {"a": [2.0, 5.0, 5.0, 9.0], "b": [1.0]}, 0.95)
    assert set(found) == {"a"}
    assert found["a"].estimate.value == 1.5
    assert (found["a"].first, found["a"].other) == (2.0, 3.5)


@pytest.mark.parametrize(
    ("other", "real"), [([2.0, 2.1, 2.2], True), ([0.9, 1.4, 0.8], False), ([1.0, 1.1, 1.2 + 1e-15], False)]
)
def test_only_what_is_surely_not_zero_is_real(other: list[float], real: bool) -> None:
    """Rounding is no difference, and an interval that holds 0 shows none."""
    assert differences({"a": [1.0, 1.1, 1.2]}, {"a": other}, 0.95)["a"].is_real is real


def test_one_replication_cannot_tell() -> None:
    """It has a difference, without an interval."""
    found = differences({"a": [1.0]}, {"a": [2.0]}, 0.95)["a"]
    assert found.is_real is None
    assert found.estimate.half_width == inf
    assert found.to_dict()["ci"] is None


# -- the command line -----------------------------------------------------------------------------------------------


def status_of(*arguments: object) -> int:
    """Return the exit status of ``ctwin``."""
    try:
        main([str(each) for each in arguments])
    except SystemExit as end:
        return int(end.code or 0)
    return 0


@pytest.fixture(name="folder")
def _folder(tmp_path: Path) -> Path:
    write_scenario(tmp_path / "scenario.yaml", TWO_CORES)
    (tmp_path / "large.yaml").write_text("detect: Large\n", encoding="utf-8")
    return tmp_path


def test_plans_are_compared_from_the_command_line(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """``--against`` names each plan; the report has the differences, and a person sees them."""
    arguments = ("run", folder / "scenario.yaml", "--against", folder / "large.yaml", "--against", "own")
    assert status_of(*arguments, "--json") == 0
    large, own = json.loads(capsys.readouterr().out)["differences"]
    assert large["figures"]["response_time.mean"]["real"] is True
    assert all(each["difference"] == 0 and each["real"] is False for each in own["figures"].values())
    assert status_of(*arguments) == 0
    out = capsys.readouterr().out
    assert "large.yaml" in out.replace("\n", "")  # a long path is broken over lines
    assert "yes" in out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--against", "nowhere.yaml"), ("nowhere.yaml",)),
        (("--against", "own", "--engine", "theory"), ("--against", "simulations")),
        (("--precision-of", "response_time.p95"), ("--precision",)),
        (("--precision", "50%", "--precision-of", "response_time.p96"), ("precision_of", "p96", "did you mean")),
        (("--precision", "50%", "--precision-of", "verdict"), ("verdict is no figure",)),
    ],
)
def test_wrong_input_ends_in_one_message(
    folder: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], words: tuple[str, ...]
) -> None:
    """Status 2, and the way out."""
    assert status_of("run", folder / "scenario.yaml", *arguments) == 2
    err = capsys.readouterr().err
    assert all(word in err for word in words), err


def test_own_plan_must_exist(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A scenario without a plan has none to compare with."""
    data = sample_data(TWO_CORES)
    del data["plan"]
    (tmp_path / "scenario.yaml").write_text(yaml.safe_dump(data), encoding="utf-8")
    (tmp_path / "large.yaml").write_text("detect: Large\n", encoding="utf-8")
    status = status_of("run", tmp_path / "scenario.yaml", "--plan", tmp_path / "large.yaml", "--against", "own")
    assert status == 2
    assert "no plan of its own" in capsys.readouterr().err


def test_precision_can_be_that_of_any_figure() -> None:
    """Replications are added until that figure is known; the mean would have been content earlier."""
    change = {"run": {"precision": 0.1, "precision_of": "constraints.response: application.violation_probability"}}
    report = simulate(sample_scenario(TWO_CORES, LONG, change))
    limit = report.figures["constraints"][0]
    low, high = limit["violation_ci"]
    assert (high - low) / 2 <= 0.1 * limit["violation_probability"]
    assert (
        report.figures["replications"]
        > simulate(sample_scenario(TWO_CORES, LONG, {"run": {"precision": 0.1}})).figures["replications"]
    )


def test_sweeps_over_plans_have_the_differences(folder: Path) -> None:
    """Each point against the one with the first plan at the same rate; also after going on from kept results."""
    arguments = ("sweep", folder / "scenario.yaml", "--over", "arrival_rate=4,8", "--out", folder / "out")
    assert status_of(*arguments, "--over", f"plan=own,{folder / 'large.yaml'}") == 0
    first = (folder / "out" / "sweep.csv").read_text(encoding="utf-8")
    assert status_of(*arguments, "--over", f"plan=own,{folder / 'large.yaml'}") == 0
    assert (folder / "out" / "sweep.csv").read_text(encoding="utf-8") == first
    rows = list(csv.DictReader(first.splitlines()))
    column = "difference.response_time.mean"
    for own, large in (rows[:2], rows[2:]):
        assert own[column] == ""
        expected = float(large["response_time.mean"]) - float(own["response_time.mean"])
        assert float(large[column]) == pytest.approx(expected)
        assert large[f"{column}.real"] == "true"
        assert float(large[f"{column}.ci.low"]) < expected < float(large[f"{column}.ci.high"]) < 0
