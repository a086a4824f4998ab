"""Whatever a plan is to be best at, no plan is better, and every limit beside is kept."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from design.goals import OBJECTIVES, Goal, Objective
from design.optimise import optimise
from design.plan_figures import PlanFigures
from tests.small_systems import every_plan, figured, small_system

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
    goal = Goal(objective=objective, target="c0", response_time=1e6)
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
