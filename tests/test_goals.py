"""Whatever a plan is to be best at, no plan is better, and every limit beside is kept."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from design.commands_optimise import optimise_command
from design.goals import OBJECTIVES, Goal, Objective, parse_objective
from design.optimise import optimise
from design.plan_figures import PlanFigures
from tests.small_systems import every_plan, figured, small_system
from tests.two_hosts import one_component
from twin.errors import EngineError, TwinError
from twin.formats.writing import write_form
from twin.model.scenario import Scenario

PATIENT = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def keeps(figures: PlanFigures, goal: Goal) -> bool:
    """Say whether a plan keeps the limits of *goal*."""
    return (
        figures.cost <= goal.budget * (1 + 1e-9)
        and (figures.response_time or 0.0) <= goal.response_time * (1 + 1e-9)
        and figures.of("energy") <= goal.energy * (1 + 1e-9)
        and figures.of("accuracy") >= goal.accuracy * (1 - 1e-9)
    )


def drawn_goal(rng: random.Random, objective: Objective, plans: list[PlanFigures]) -> Goal:
    """Draw limits near the figures of plans that there are; some cannot be kept together."""
    goal = Goal(objective=objective, target="c0")
    if plans and rng.random() < 0.5:
        goal = replace(goal, budget=rng.choice(plans).cost * rng.choice([1.0, 1.1]))
    if plans and rng.random() < 0.5:
        goal = replace(goal, response_time=(rng.choice(plans).response_time or 1.0) * rng.choice([1.0, 1.1]))
    if plans and rng.random() < 0.5:
        goal = replace(goal, energy=rng.choice(plans).of("energy") * rng.choice([1.0, 1.1]))
    if plans and rng.random() < 0.5:
        goal = replace(goal, accuracy=rng.choice(plans).of("accuracy") * rng.choice([0.9, 1.0]))
    return goal


@PATIENT
@given(seed=st.integers(0, 10**6), objective=st.sampled_from(OBJECTIVES), dialect=st.sampled_from(["twin", "d"]))
def test_brute_force_agrees(seed: int, objective: Objective, dialect: str) -> None:
    """Among all plans of a small system that keep all limits none is better; where none does, the search says so."""
    scenario = figured(small_system(seed, twin=dialect == "twin"), seed)
    rng = random.Random(f"goal {seed}")
    looked_at = Goal(target="c0", response_time=1e6)
    plans = [figures for _, figures in every_plan(scenario, looked_at, dialect)]
    goal = drawn_goal(rng, objective, plans)
    kept = [each.of(objective) for each in plans if keeps(each, goal)]
    found = optimise(scenario, dialect=dialect, goal=goal)
    assert found.feasible is bool(kept)
    assert found.optimal is bool(kept)
    if kept:
        assert found.figures is not None
        assert keeps(found.figures, goal)
        best = max(kept) if objective == "accuracy" else min(kept)
        assert found.value == pytest.approx(best, rel=2e-6)
        assert found.gap == 0.0


@pytest.mark.parametrize(
    ("goal", "names"),
    [
        (Goal(budget=0.5), {"cost"}),
        (Goal(objective="energy", budget=0.5, accuracy=0.99), {"cost", "accuracy"}),
        (Goal(objective="response_time", target="c0", energy=1e-3), {"energy"}),
    ],
)
def test_what_cannot_be_kept_is_named_with_what_it_takes(goal: Goal, names: set[str]) -> None:
    """At what is needed of one limit a plan exists, or would without the other limits; below there is none."""
    scenario = figured(small_system(1, twin=True), 1)
    found = optimise(scenario, goal=goal)
    assert found.feasible is False
    assert {conflict.name for conflict in found.conflicts} == names
    for conflict in found.conflicts:
        needed = conflict.needed
        assert needed is not None
        if conflict.name == "accuracy":
            assert optimise(scenario, goal=Goal(accuracy=needed * (1 - 1e-7))).feasible
            assert optimise(scenario, goal=Goal(accuracy=min(needed * 1.001, 1.0))).feasible is False
        else:
            key = {"cost": "budget", "energy": "energy"}[conflict.name]
            assert optimise(scenario, goal=Goal(**{key: needed * (1 + 1e-7)})).feasible  # type: ignore[arg-type]
            assert optimise(scenario, goal=Goal(**{key: needed * 0.999})).feasible is False  # type: ignore[arg-type]


def test_of_the_quickest_plans_the_cheapest_is_taken() -> None:
    """Two hosts as quick as each other, one dearer; and a third that is slow and cheap."""
    hosts = {"dear": (0.2, 9.0), "cheap": (0.2, 5.0), "slow": (0.5, 1.0)}
    found = optimise(one_component(hosts), goal=Goal(objective="response_time", target="a"))
    assert found.optimal
    assert found.value == pytest.approx(0.25)
    assert found.cost == 5.0
    assert optimise(one_component(hosts), goal=Goal(objective="response_time", budget=4.9)).value == pytest.approx(1.0)


def test_energy_by_hand() -> None:
    """One node, a fifth of it busy: 10 + 0.2 * (60 - 10) watt."""
    scenario = powered({"idle_w": 10.0, "busy_w": 60.0})
    found = optimise(scenario, goal=Goal(objective="energy"))
    assert found.optimal
    assert found.value == pytest.approx(20.0)


def powered(power: dict[str, float]) -> Scenario:
    """Return one host with a power."""
    document = one_component({"quick": (0.2, 9.0)}).model_dump(by_alias=True)
    document["continuum"]["resources"]["quick"]["power"] = power
    return Scenario.model_validate(document)


def test_a_short_time_limit_leaves_a_bound() -> None:
    """However short the time, the plan holds, and no plan is better than the bound."""
    scenario = figured(small_system(1, twin=True), 1)
    for objective in OBJECTIVES:
        goal = Goal(objective=objective, target="c0")
        best = optimise(scenario, goal=goal).value
        found = optimise(scenario, goal=goal, time_limit=1e-3)
        assert best is not None
        if objective == "accuracy":
            assert found.bound >= best * (1 - 1e-6)
        else:
            assert found.bound <= best * (1 + 1e-6)
        assert found.value is None or found.gap is not None


def test_an_interrupt_keeps_the_plan(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C after the first plan leaves that one, without a proof."""
    import design.thresholds

    monkeypatch.setattr(design.thresholds.ThresholdSearch, "_share", lambda _self: raise_interrupt())
    found = optimise(one_component({"quick": (0.2, 9.0)}), goal=Goal(objective="response_time"))
    assert found.interrupted
    assert found.plan is not None
    assert not found.optimal


def raise_interrupt() -> float:
    """Stand in for a Ctrl-C."""
    raise KeyboardInterrupt


# -- wrong input ---------------------------------------------------------------------------------------------------


def test_hosts_without_power_are_named() -> None:
    """All of them at once, with a way out."""
    with pytest.raises(EngineError) as caught:
        optimise(small_system(1, twin=True), goal=Goal(energy=10.0))
    text = str(caught.value)
    assert "continuum.resources.edge1.power: not stated; give idle_w and busy_w" in text
    assert "continuum.functions.fun.busy_w" in text
    with pytest.raises(EngineError, match="less when busy than when idle"):
        optimise(powered({"idle_w": 10.0, "busy_w": 5.0}), goal=Goal(objective="energy"))


def test_deployments_without_accuracy_are_named() -> None:
    """One that is silent beside others that are not; or all of them."""
    with pytest.raises(EngineError, match="no deployment states an accuracy"):
        optimise(small_system(1), dialect="d", goal=Goal(accuracy=0.5))
    document = small_system(1).model_dump(by_alias=True)
    (deployment,) = document["application"]["components"]["c0"]["deployments"].values()
    partitions = {"other": {"candidates": ["vm1"]}}
    document["application"]["components"]["c0"]["deployments"] = {
        "d0": deployment | {"accuracy": 0.9},
        "d1": {"partitions": partitions},
    }
    with pytest.raises(EngineError, match=r"deployments\.d1\.accuracy: not stated, while other deployments"):
        optimise(Scenario.model_validate(document), dialect="d", goal=Goal(objective="accuracy"))


@pytest.mark.parametrize(
    ("goal", "message"),
    [
        (Goal(budget=-1.0), "budget must be a positive number"),
        (Goal(response_time=0.0), "response time must be a positive number"),
        (Goal(accuracy=1.5), "between 0 and 1"),
        (Goal(objective="response_time", target="b"), "unknown target 'b'"),
    ],
)
def test_goals_make_sense(goal: Goal, message: str) -> None:
    """What cannot be meant is refused."""
    with pytest.raises(TwinError, match=message):
        optimise(one_component({"quick": (0.2, 9.0)}), goal=goal)


def test_heuristics_that_know_the_cost_alone_say_so() -> None:
    """Tabu search has no other objective."""
    with pytest.raises(TwinError, match="method tabu knows the cost alone; take auto, exact, descent, lns"):
        optimise(powered({"idle_w": 1.0, "busy_w": 2.0}), goal=Goal(objective="energy"), method="tabu")


@pytest.mark.parametrize("text", ["speed", "cost:a", "response_time:"])
def test_objectives_are_spelt_right(text: str) -> None:
    """Only response times are of something."""
    with pytest.raises(TwinError, match="objective"):
        parse_objective(text)


def test_the_application_needs_a_formula() -> None:
    """SPACE4AI's formulas know parts; a path is the way out."""
    with pytest.raises(TwinError, match="do not know the time of 'application'"):
        optimise(small_system(1), dialect="d", goal=Goal(objective="response_time"))


# -- the command ---------------------------------------------------------------------------------------------------


def run(tmp_path: Path, *options: str) -> Result:
    """Run the command on a host that is slow and one that is dear."""
    system = tmp_path / "scenario.yaml"
    write_form(one_component({"slow": (0.5, 1.0), "quick": (0.2, 9.0)}), system, "scenario")
    return CliRunner().invoke(optimise_command, [str(system), "--out", str(tmp_path / "plan.yaml"), *options])


def test_the_command_finds_the_quickest_plan_within_a_budget(tmp_path: Path) -> None:
    """In words and as JSON; with too little money there is none, and it says how much is needed."""
    assert "OPTIMAL  0.25 s (proved)" in run(tmp_path, "--objective", "response_time").output
    document = json.loads(run(tmp_path, "--objective", "response_time:a", "--budget", "5", "--json").stdout)
    assert document["value"] == pytest.approx(1.0)
    assert document["objective"] == "response_time"
    assert document["figures"]["cost"] == 1.0
    poor = run(tmp_path, "--objective", "response_time", "--budget", "0.5")
    assert poor.exit_code == 3
    assert "it takes at least 1 euro/hour" in poor.output


def test_the_command_limits_response_times(tmp_path: Path) -> None:
    """The cheapest plan that answers in time; unless two response times are meant at once."""
    assert "OPTIMAL  9 euro/hour" in run(tmp_path, "--max-response-time", "0.9", "--response-of", "a").output
    assert "OPTIMAL  1 euro/hour" in run(tmp_path, "--max-response-time", "1.1").output
    both = run(tmp_path, "--objective", "response_time:a", "--response-of", "b")
    assert both.exit_code == 2
    assert "name different response times" in both.output
    assert run(tmp_path, "--budget", "5", "--verify").exit_code == 2
