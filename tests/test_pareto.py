"""The front holds every trade worth having, and sensitivity says what a limit costs."""

from __future__ import annotations

import csv
import json
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from design.commands_pareto import objectives_of, pareto_command
from design.evaluate import evaluate
from design.goals import OBJECTIVES, Goal, Objective
from design.optimise import Result, optimise
from design.pareto import front
from design.plan_figures import PlanFigures
from design.sensitivity import sensitivity
from tests.small_systems import every_plan, figured, small_system
from tests.two_hosts import at_most, one_component
from twin.errors import TwinError
from twin.formats.reading import read_plan
from twin.formats.writing import write_form
from twin.model.scenario import Scenario

RESOLUTION = 1e-6


FRONTS = [over for count in (2, 3) for over in combinations(OBJECTIVES, count)]


def small(objectives: tuple[Objective, ...], figures: PlanFigures) -> tuple[float, ...]:
    """Return the figures, accuracy turned so that less is better."""
    return tuple(-figures.of(each) if each == "accuracy" else figures.of(each) for each in objectives)


def beats(one: tuple[float, ...], other: tuple[float, ...], tolerance: float) -> bool:
    """Say whether *one* is as good in all and better in one, each by more than rounding."""
    as_good = all(a <= b + tolerance * abs(b) for a, b in zip(one, other, strict=True))
    return as_good and any(a < b - tolerance * abs(b) for a, b in zip(one, other, strict=True))


@pytest.mark.parametrize("objectives", FRONTS, ids=",".join)
@pytest.mark.parametrize("seed", [1, 4])
def test_brute_force_finds_the_same_front(seed: int, objectives: tuple[Objective, ...]) -> None:
    """Each point is a plan that none beats, and each such plan is a point."""
    scenario = figured(small_system(seed, twin=True), seed)
    within = Goal(target="c0", response_time=1e6)
    every = [small(objectives, figures) for _, figures in every_plan(scenario, within)]
    wanted = sorted({each for each in every if not any(beats(other, each, 1e-9) for other in every)})
    found = front(scenario, objectives, within=within, resolution=RESOLUTION)
    assert found.end == "complete"
    assert all(point.nondominated for point in found.points)
    reached = [small(objectives, point.figures) for point in found.points]
    assert not any(beats(other, each, 1e-5) for each in reached for other in every)
    for each in wanted:
        assert any(each == pytest.approx(other, rel=1e-5) for other in reached)
    assert len(reached) <= len(wanted)


@pytest.mark.parametrize("most", [1, 2, 3])
def test_a_front_that_ends_early_claims_no_more_than_it_proved(most: int) -> None:
    """What is marked as proved is not beaten by any plan; what is left out is said."""
    scenario = figured(small_system(4, twin=True), 4)
    objectives: tuple[Objective, ...] = ("cost", "energy", "accuracy")
    every = [small(objectives, figures) for _, figures in every_plan(scenario, Goal())]
    found = front(scenario, objectives, resolution=RESOLUTION, most=most)
    assert found.end == "points"
    for point in found.points:
        if point.nondominated:
            assert not any(beats(other, small(objectives, point.figures), 1e-5) for other in every)


def test_a_coarse_front_matches_every_plan_to_its_resolution() -> None:
    """With steps of a tenth each plan is at most so much better than some point."""
    scenario = figured(small_system(1, twin=True), 1)
    objectives: tuple[Objective, ...] = ("cost", "energy")
    found = front(scenario, objectives, resolution=0.1)
    reached = [small(objectives, point.figures) for point in found.points]
    for _, figures in every_plan(scenario, Goal()):
        cost, energy = small(objectives, figures)
        assert any(a <= cost * (1 + 1e-9) and b * 0.9 <= energy * (1 + 1e-9) for a, b in reached)


def test_a_front_may_end_early() -> None:
    """Fewer points than there are is said."""
    scenario = one_component({"slow": (0.5, 1.0), "quick": (0.2, 9.0)})
    assert front(scenario, most=1).end == "points"
    assert [point.figures.cost for point in front(scenario).points] == [1.0, 9.0]


def test_an_interrupt_keeps_the_points(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C after the first point leaves that, not marked as more than it is."""
    import design.pareto

    asked: list[Goal] = []

    def optimise_once(scenario: Scenario, *, goal: Goal, **more: Any) -> Result:
        asked.append(goal)
        if len(asked) > 1:
            raise KeyboardInterrupt
        return optimise(scenario, goal=goal, **more)

    monkeypatch.setattr(design.pareto, "optimise", optimise_once)
    found = front(one_component({"slow": (0.5, 1.0), "quick": (0.2, 9.0)}))
    assert found.end == "interrupted"
    assert [point.figures.cost for point in found.points] == [1.0]
    assert not found.points[0].nondominated


def test_targets_are_checked() -> None:
    """What is not there is named, with what is; other objectives are refused."""
    scenario = small_system(1, twin=True)
    with pytest.raises(TwinError, match="unknown target 'c9'"):
        front(scenario, within=Goal(target="c9"))
    with pytest.raises(TwinError, match="do not know the time of 'application'"):
        front(small_system(1), dialect="d")
    with pytest.raises(TwinError, match="resolution"):
        front(scenario, resolution=0.0)
    with pytest.raises(TwinError, match="two or three different objectives"):
        front(scenario, ("cost", "cost"))
    assert objectives_of("cost,response_time:a > b") == (("cost", "response_time"), "a > b")
    assert objectives_of("energy, accuracy,cost") == (("energy", "accuracy", "cost"), "application")
    for wrong in ("cost", "cost,energy,accuracy,response_time", "cost,cost", "cost,speed"):
        with pytest.raises(TwinError, match="objective"):
            objectives_of(wrong)


def test_the_command_writes_table_picture_and_plans(tmp_path: Path) -> None:
    """Each plan of the table costs what the table says."""
    scenario = one_component({"slow": (0.5, 1.0), "quick": (0.2, 9.0)})
    system, out = tmp_path / "scenario.yaml", tmp_path / "front"
    write_form(scenario, system, "scenario")
    ran = CliRunner().invoke(pareto_command, [str(system), "--out", str(out), "--json"])
    assert ran.exit_code == 0, ran.output
    assert json.loads(ran.stdout)["end"] == "complete"
    with (out / "pareto.csv").open(encoding="utf-8") as lines:
        rows = list(csv.DictReader(lines))
    assert [float(row["cost_per_hour"]) for row in rows] == [1.0, 9.0]
    for row in rows:
        found = evaluate(scenario, read_plan(out / row["plan"], scenario))
        assert found.cost == float(row["cost_per_hour"])
        assert found.components["a"] == pytest.approx(float(row["response_time"]))
    assert (out / "pareto.svg").read_text(encoding="utf-8").startswith("<svg")
    shown = CliRunner().invoke(pareto_command, [str(system), "--out", str(out)])
    assert "no other plan is better" in shown.output


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
