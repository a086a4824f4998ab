"""A robust plan holds wherever load and service times really are in their intervals, and none that does is better."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from design.candidates import cases
from design.commands_optimise import optimise_command
from design.evaluate import evaluate
from design.goals import Goal
from design.optimise import optimise
from design.plan_figures import judge
from design.problem_building import build_problem
from design.robust import robust
from design.rules import rules_of
from design.uncertainty import Uncertainty, corners
from design.worst_case import worst_of
from tests.small_systems import all_plans, figured, small_system
from tests.two_hosts import at_most, one_component
from twin.errors import TwinError
from twin.formats.writing import write_form
from twin.model.plan import Plan
from twin.model.plan_checks import plan_problems
from twin.model.rates import scaled_to
from twin.model.scenario import Scenario

PATIENT = settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])

FACTORS = (0.8, 1.25)


def holds(scenario: Scenario, plan: Plan, dialect: str) -> bool:
    """Say whether a plan keeps all limits and overloads nothing."""
    found = evaluate(scenario, plan, dialect=dialect)
    return found.feasible and all(each.utilisation is None or each.utilisation < 1 for each in found.resources.values())


def without_cold_starts(scenario: Scenario) -> Scenario:
    """Let functions answer warm at once, so that times only grow with the load."""
    profiles = {
        partition: {
            device: each.model_copy(update={"cold_service_time": each.service_time if device == "fun" else None})
            for device, each in by_device.items()
        }
        for partition, by_device in scenario.profiles.items()
    }
    return scenario.model_copy(update={"profiles": profiles})


def somewhere(scenario: Scenario, loads: tuple[float, float], rng: random.Random) -> Scenario:
    """Return the scenario at a load, and each profile with a factor of its own, anywhere in the intervals."""
    profiles = {
        partition: {
            device: each.model_copy(update={"scale": each.scale * rng.uniform(*FACTORS)})
            for device, each in by_device.items()
        }
        for partition, by_device in scenario.profiles.items()
    }
    workload = scaled_to(scenario.workload, rng.uniform(*loads))
    return scenario.model_copy(update={"profiles": profiles, "workload": workload})


def load_of(scenario: Scenario) -> float:
    """Return requests/s."""
    return scenario.workload.sources["s"].arrivals.rate  # type: ignore[union-attr]


@PATIENT
@given(seed=st.integers(0, 10**6), dialect=st.sampled_from(["twin", "d"]))
def test_brute_force_agrees_where_times_grow_with_the_load(seed: int, dialect: str) -> None:
    """The cheapest plan that holds at all corners is found, proved, and holds at random points inside."""
    scenario = without_cold_starts(small_system(seed, twin=dialect == "twin"))
    loads = (0.7 * load_of(scenario), 1.3 * load_of(scenario))
    uncertainty = Uncertainty(load=loads, profiles=FACTORS)
    ends = corners(scenario, uncertainty)
    kept = [
        evaluate(scenario, plan, dialect=dialect).cost
        for plan in all_plans(scenario)
        if not plan_problems(scenario, plan) and all(holds(end.scenario, plan, dialect) for end in ends)
    ]
    found = robust(scenario, uncertainty, dialect=dialect)
    assert found.result.feasible is bool(kept)
    if found.result.plan is None:
        return
    assert found.proved
    assert found.result.optimal
    assert found.result.cost == pytest.approx(min(kept), rel=1e-9)
    assert all(corner.holds for corner in found.corners)
    assert found.price is not None
    assert found.price == pytest.approx(min(kept) - (optimise(scenario, dialect=dialect).cost or 0.0), abs=1e-9)
    rng = random.Random(seed)
    for _ in range(20):
        assert holds(somewhere(scenario, loads, rng), found.result.plan, dialect)


@settings(PATIENT, max_examples=5)
@given(seed=st.integers(0, 10**6))
def test_cold_starts_are_looked_at_and_not_called_proved(seed: int) -> None:
    """With times that fall with the load the plan holds at all corners and inside, and the bound is one."""
    scenario = small_system(seed, twin=True)
    loads = (0.2 * load_of(scenario), 1.3 * load_of(scenario))
    ends = corners(scenario, Uncertainty(load=loads, profiles=FACTORS))
    found = robust(scenario, Uncertainty(load=loads, profiles=FACTORS))
    kept = [
        evaluate(scenario, plan).cost
        for plan in all_plans(scenario)
        if not plan_problems(scenario, plan) and all(holds(end.scenario, plan, "twin") for end in ends)
    ]
    if found.result.plan is None:
        assert found.result.feasible is None or not kept
        return
    assert found.result.bound <= min(kept) * (1 + 1e-9)
    assert not found.result.optimal or found.result.cost == pytest.approx(min(kept), rel=1e-9)
    uses_function = any(each.resource == "fun" for each in found.result.plan.placements.values())
    assert found.proved is not uses_function
    rng = random.Random(seed)
    assert all(holds(somewhere(scenario, loads, rng), found.result.plan, "twin") for _ in range(10))


@settings(PATIENT, max_examples=6)
@given(seed=st.integers(0, 10**6))
def test_limits_on_sums_hold_at_the_corners_too(seed: int) -> None:
    """A budget and a limit on energy are kept with the highest load and the longest service times."""
    scenario = figured(without_cold_starts(small_system(seed, twin=True)), seed)
    uncertainty = Uncertainty(load=(0.9 * load_of(scenario), 1.2 * load_of(scenario)), profiles=FACTORS)
    free = robust(scenario, uncertainty)
    if free.result.figures is None:
        return
    goal = Goal(budget=1.1 * free.corners[-1].cost, energy=1.2 * free.result.figures.of("energy"))
    plans = [plan for plan in all_plans(scenario) if not plan_problems(scenario, plan)]
    ends = corners(scenario, uncertainty)
    kept = [
        evaluate(scenario, plan).cost
        for plan in plans
        if all(holds(end.scenario, plan, "twin") and within(end.scenario, plan, goal) for end in ends)
    ]
    found = robust(scenario, uncertainty, goal=goal)
    assert found.result.feasible is bool(kept)
    if kept:
        assert found.result.cost == pytest.approx(min(kept), rel=1e-9)


def within(scenario: Scenario, plan: Plan, goal: Goal) -> bool:
    """Say whether a plan keeps budget and energy."""
    _, figures = judge(scenario, plan, goal, "twin")
    return figures.cost <= goal.budget * (1 + 1e-9) and figures.of("energy") <= goal.energy * (1 + 1e-9)


# -- by hand -------------------------------------------------------------------------------------------------------


HOSTS = {"slow": (0.5, 1.0), "quick": (0.2, 9.0)}


def test_robustness_has_a_price() -> None:
    """At 1/s the slow host answers in 1 s, at 1.5/s in 2 s: a limit of 1.5 s then needs the dear one."""
    scenario = one_component(HOSTS, constraints=(at_most(1.5),))
    found = robust(scenario, Uncertainty(load=(0.5, 1.5)))
    assert found.result.cost == 9.0
    assert found.price == pytest.approx(8.0)
    assert found.corners[-1].used == pytest.approx(0.2 / (1 - 0.3) / 1.5)


def test_a_stated_uncertainty_counts_profile_by_profile() -> None:
    """Only the slow host's time is uncertain: half as long again it answers in 0.75 / (1 - 0.75) = 3 s."""
    scenario = one_component(HOSTS, constraints=(at_most(2.0),))
    (by_device,) = scenario.profiles.values()
    unsure = by_device | {"slow": by_device["slow"].model_copy(update={"scale_uncertainty": 0.5})}
    unsure_scenario = scenario.model_copy(update={"profiles": {"a": unsure}})
    assert robust(unsure_scenario, Uncertainty(profiles="stated")).result.cost == 9.0
    with pytest.raises(TwinError, match="no profile of scenario 'one component' states a scale_uncertainty"):
        robust(scenario, Uncertainty(profiles="stated"))


def test_few_requests_may_be_worse_than_many() -> None:
    """A function that is called once in 100 s nearly always starts cold, which the highest load does not show."""
    document = one_component({"vm": (0.2, 9.0)}, constraints=(at_most(0.5),)).model_dump(by_alias=True)
    document["continuum"]["layers"]["F"] = {"type": "NativeCloudFunction"}
    document["continuum"]["domains"]["all"]["layers"] = ["L", "F"]
    document["continuum"]["functions"] = {"fun": {"layer": "F", "idle_time": 10.0, "cost_per_hour": 0.1}}
    document["application"] = {"components": {"a": {"candidates": ["vm", "fun"]}}}
    document["profiles"]["a"]["fun"] = {"service_time": 0.1, "cold_service_time": 3.1}
    scenario = Scenario.model_validate(document)
    found = robust(scenario, Uncertainty(load=(0.01, 1.5)))
    assert found.nominal.cost == pytest.approx(0.01)
    assert found.result.cost == 9.0
    assert found.proved
    assert not found.result.optimal
    assert found.result.bound == pytest.approx(0.01)
    assert found.price is None


def test_the_worst_of_worlds_does_not_depend_on_their_order() -> None:
    """Loads and bills are highest in one world, cold starts in the other."""
    scenario = small_system(1, twin=True)
    ends = corners(scenario, Uncertainty(load=(0.01 * load_of(scenario), 2.0 * load_of(scenario))))
    (selection,) = cases(scenario)
    worlds = [build_problem(end.scenario, rules_of("twin"), selection) for end in ends]
    for found in (worst_of(worlds), worst_of(worlds[::-1])):
        assert (
            found.choices.delay == [max(pair) for pair in zip(*(w.choices.delay for w in worlds), strict=True)]
        ).all()
        assert (found.choices.rate == worlds[-1].choices.rate).all()
    assert (worlds[0].choices.delay > worlds[-1].choices.delay).any()


@pytest.mark.parametrize(
    ("uncertainty", "goal", "message"),
    [
        (Uncertainty(load=(2.0, 3.0)), Goal(), "must hold what the scenario says, 1"),
        (Uncertainty(load=(3.0, 2.0)), Goal(), "LOW:HIGH"),
        (Uncertainty(profiles=(1.1, 1.2)), Goal(), "the factor 1"),
        (Uncertainty(load=(0.5, 2.0)), Goal(objective="response_time", target="a"), "limit its response time"),
    ],
)
def test_intervals_make_sense(uncertainty: Uncertainty, goal: Goal, message: str) -> None:
    """What the scenario says must be possible, and the objective must have a nominal value."""
    with pytest.raises(TwinError, match=message):
        robust(one_component(HOSTS), uncertainty, goal=goal)


def run(tmp_path: Path, *options: str) -> Any:
    """Run the command on the two hosts."""
    system = tmp_path / "scenario.yaml"
    write_form(one_component(HOSTS, constraints=(at_most(1.5),)), system, "scenario")
    return CliRunner().invoke(optimise_command, [str(system), "--out", str(tmp_path / "plan.yaml"), *options])


def test_the_command_says_what_robustness_costs(tmp_path: Path) -> None:
    """In words and as JSON."""
    shown = run(tmp_path, "--load-interval", "0.5:1.5", "--profile-interval", "0.9:1.1")
    assert shown.exit_code == 0, shown.output
    assert "ROBUST  all limits hold for everything in the intervals (proved)" in shown.output
    assert "8 euro/hour (800.0%) more than the nominal optimum" in shown.output
    document = json.loads(run(tmp_path, "--load-interval", "0.5:1.5", "--json").stdout)
    assert document["robust"]["price"] == pytest.approx(8.0)
    assert document["cost"] == 9.0
    assert document["robust"]["proved"] is True


def test_the_command_refuses_what_makes_no_sense(tmp_path: Path) -> None:
    """Bad input, status 2, and what would do."""
    for options, words in (
        (("--load-interval", "3"), "LOW:HIGH"),
        (("--profile-interval", "a:b"), "stated"),
        (("--load-interval", "0.5:2", "--verify"), "leave out"),
    ):
        found = run(tmp_path, *options)
        assert found.exit_code == 2
        assert words in found.output
    assert run(tmp_path, "--load-interval", "0.5:6").exit_code == 3
