"""The front holds every trade worth having, and sensitivity says what a limit costs."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from design.commands_pareto import pareto_command, target_of
from design.evaluate import evaluate
from design.optimise import optimise
from design.pareto import front
from design.sensitivity import sensitivity
from tests.small_systems import all_plans, small_system
from tests.two_hosts import at_most, one_component
from twin.errors import TwinError
from twin.formats.reading import read_plan
from twin.formats.writing import write_form
from twin.model.plan_checks import plan_problems

RESOLUTION = 1e-6


@pytest.mark.parametrize("seed", [1, 2, 3, 4])
def test_brute_force_finds_the_same_front(seed: int) -> None:
    """No plan is both cheaper and quicker than a point, and no trade is missing."""
    scenario = small_system(seed, twin=True)
    every = []
    for plan in all_plans(scenario):
        if not plan_problems(scenario, plan):
            found = evaluate(scenario, plan)
            if found.feasible:
                every.append((found.cost, found.components["c0"]))
    wanted: list[tuple[float, float]] = []
    for cost, time in sorted(every):
        if not wanted or time < wanted[-1][1] * (1 - RESOLUTION):
            wanted.append((cost, time))
    found_front = front(scenario, "c0", resolution=RESOLUTION)
    assert found_front.end == "complete"
    assert all(point.optimal for point in found_front.points)
    assert [each.cost for each in found_front.points] == pytest.approx([cost for cost, _ in wanted], rel=1e-9)
    assert [each.response_time for each in found_front.points] == pytest.approx([t for _, t in wanted], rel=1e-5)


def test_a_front_may_end_early() -> None:
    """Fewer points than there are is said."""
    scenario = one_component({"slow": (0.5, 1.0), "quick": (0.2, 9.0)})
    assert front(scenario, most=1).end == "points"
    assert [point.cost for point in front(scenario).points] == [1.0, 9.0]


def test_targets_are_checked() -> None:
    """What is not there is named, with what is; other objectives are refused."""
    scenario = small_system(1, twin=True)
    with pytest.raises(TwinError, match="unknown target 'c9'"):
        front(scenario, "c9")
    with pytest.raises(TwinError, match="do not know the time of 'application'"):
        front(small_system(1), dialect="d")
    with pytest.raises(TwinError, match="resolution"):
        front(scenario, resolution=0.0)
    assert target_of("cost,response_time:a > b") == "a > b"
    with pytest.raises(TwinError, match="objectives"):
        target_of("cost,energy")


def test_the_command_writes_table_picture_and_plans(tmp_path: Path) -> None:
    """Each plan of the table costs what the table says."""
    scenario = one_component({"slow": (0.5, 1.0), "quick": (0.2, 9.0)})
    system, out = tmp_path / "scenario.yaml", tmp_path / "front"
    write_form(scenario, system, "scenario")
    ran = CliRunner().invoke(pareto_command, [str(system), "--out", str(out), "--json"])
    assert ran.exit_code == 0, ran.output
    assert json.loads(ran.output)["end"] == "complete"
    with (out / "pareto.csv").open(encoding="utf-8") as lines:
        rows = list(csv.DictReader(lines))
    assert [float(row["cost_per_hour"]) for row in rows] == [1.0, 9.0]
    for row in rows:
        found = evaluate(scenario, read_plan(out / row["plan"], scenario))
        assert found.cost == float(row["cost_per_hour"])
        assert found.components["a"] == pytest.approx(float(row["response_time"]))
    assert (out / "pareto.svg").read_text(encoding="utf-8").startswith("<svg")
    shown = CliRunner().invoke(pareto_command, [str(system), "--out", str(out)])
    assert "nothing quicker exists" in shown.output


def test_an_infeasible_system_has_no_front(tmp_path: Path) -> None:
    """Status 3, and no folder."""
    system, out = tmp_path / "scenario.yaml", tmp_path / "front"
    write_form(one_component({"slow": (0.5, 1.0)}, constraints=(at_most(0.1),)), system, "scenario")
    ran = CliRunner().invoke(pareto_command, [str(system), "--out", str(out)])
    assert ran.exit_code == 3
    assert not out.exists()


# -- sensitivity ---------------------------------------------------------------------------------------------------


def test_what_a_limit_costs() -> None:
    """The slow host answers in 1 s: a limit of 0.95 keeps it out, a tenth more lets it in."""
    scenario = one_component({"slow": (0.5, 1.0), "quick": (0.2, 9.0)}, constraints=(at_most(0.95),))
    (worth,) = sensitivity(scenario, optimise(scenario))
    assert worth.binds is True
    assert worth.saving == pytest.approx(8.0)
    assert worth.slack == pytest.approx(0.95 - 0.25)


def test_a_limit_that_is_reached_binds() -> None:
    """Without slack a limit binds even where a tenth more saves nothing; one far off does neither."""
    hosts = {"slow": (0.5, 1.0), "quick": (0.2, 9.0)}
    tight = one_component(hosts, constraints=(at_most(0.25), at_most(50.0, name="loose")))
    (worth,) = [each for each in sensitivity(tight, optimise(tight)) if each.name != "loose"]
    assert worth.binds is True
    assert worth.saving == 0.0
    far = one_component(hosts, constraints=(at_most(5.0),))
    assert [each.binds for each in sensitivity(far, optimise(far))] == [False]


def test_without_a_plan_there_is_nothing_to_say() -> None:
    """An infeasible system has conflicts instead."""
    scenario = one_component({"slow": (0.5, 1.0)}, constraints=(at_most(0.1),))
    assert sensitivity(scenario, optimise(scenario)) == ()
