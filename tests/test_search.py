"""Heuristics find plans that hold, never beat brute force, and repeat themselves; their figures do not drift."""

from __future__ import annotations

import math
import time
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import design.exact
from design.candidates import cases
from design.evaluate import evaluate
from design.exact import ExactSearch
from design.generator import generate
from design.optimise import optimise
from design.problem import Problem
from design.problem_building import build_problem
from design.rules import rules_of
from design.search.dice import chance, new_dice, pick
from design.search.figures import fresh, plan_in
from design.search.heuristics import STEPS, Walker
from design.search.large_neighbourhood import LargeNeighbourhood
from design.search.neighbourhood import draw_move, leave, take, weigh
from design.search.stops import First, Iterations, NoImprovement, Progress, Seconds
from design.search.tables import tables_of
from design.search.walks import draw_first, new_walk, no_best
from tests.small_systems import cheapest, small_system
from twin.errors import TwinError

HEURISTICS = [*STEPS, "lns"]


def problem_of(seed: int, *, twin: bool = False) -> Problem:
    """Return the search problem of a small system."""
    scenario = small_system(seed, twin=twin)
    return build_problem(scenario, rules_of("twin" if twin else "d"), cases(scenario)[0])


def searched(problem: Problem, method: str, count: int, seed: int = 0) -> Any:
    """Run a heuristic for a number of iterations."""
    if method == "lns":
        return LargeNeighbourhood(exact=ExactSearch(problem=problem), seed=seed).run(Iterations(count))
    return Walker(problem=problem, seed=seed).run(method, Iterations(count))


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(seed=st.integers(0, 10**6), twin=st.booleans())
def test_figures_kept_up_to_date_are_those_of_a_fresh_start(seed: int, twin: bool) -> None:
    """What a move is said to come to, and what it comes to once made, is what the plan computed anew comes to."""
    problem = problem_of(seed, twin=twin)
    tables, groups = tables_of(problem), len(problem.groups)
    first = np.array([members[0] for members in problem.groups], dtype=np.int64)
    start = fresh(tables, problem.choices.pattern_ptr[:-1].copy(), first, np.ones(groups, dtype=np.int64))
    _, state, draft, move, _ = walk = new_walk(tables, start, no_best(len(problem.components), groups), new_dice(seed))
    draw_first(walk)
    for step in range(60):
        draw_move(tables, state, move, True)
        before = plan_in(state)
        value = weigh(tables, state, draft, move, 7.0, math.inf)
        if step % 3 == 0:
            leave(tables, state, draft, move)
            for old, new in zip(before, plan_in(state), strict=True):
                np.testing.assert_array_equal(old, new)
            continue
        take(tables, state, draft, move)
        anew = fresh(tables, *plan_in(state))
        assert value == pytest.approx(anew.figures["cost"][0] + 7.0 * anew.figures["bad"][0], rel=1e-6)
        for kept, again in zip(state, anew, strict=True):
            assert_alike(kept, again)


def assert_alike(kept: Any, again: Any) -> None:
    """Check that records or numbers agree but for rounding."""
    for name in kept.dtype.names or ():
        np.testing.assert_allclose(kept[name], again[name], rtol=1e-6, atol=1e-9, err_msg=name)
    if kept.dtype.names is None:
        np.testing.assert_allclose(kept, again, rtol=1e-6, atol=1e-9)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(seed=st.integers(0, 10**6))
def test_a_move_above_its_limit_is_dropped_and_no_other(seed: int) -> None:
    """Weighing may stop early, but only where the whole sum is above the limit."""
    problem = problem_of(seed)
    tables, groups = tables_of(problem), len(problem.groups)
    first = np.array([members[0] for members in problem.groups], dtype=np.int64)
    start = fresh(tables, problem.choices.pattern_ptr[:-1].copy(), first, np.ones(groups, dtype=np.int64))
    _, state, draft, move, _ = walk = new_walk(tables, start, no_best(len(problem.components), groups), new_dice(seed))
    draw_first(walk)
    for step in range(40):
        draw_move(tables, state, move, False)
        value = weigh(tables, state, draft, move, 7.0, math.inf)
        assert weigh(tables, state, draft, move, 7.0, value * (1 + 1e-9)) == value
        assert weigh(tables, state, draft, move, 7.0, value * (1 - 1e-6)) == math.inf
        if step % 2:
            weigh(tables, state, draft, move, 7.0, math.inf)
            take(tables, state, draft, move)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(seed=st.integers(0, 10**6), look=st.integers(1, 40))
def test_a_bound_is_never_above_the_optimum(seed: int, look: int) -> None:
    """However early the search inside the pool sets is given up."""
    scenario = small_system(seed)
    oracle = cheapest(scenario, "d")
    problem = build_problem(scenario, rules_of("d"), cases(scenario)[0])
    search = ExactSearch(problem=problem)
    if oracle is None or not search.find_any():
        return
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(design.exact, "FIRST_LOOK", look)
        tried = ExactSearch._try
        rounds: list[int] = []

        def short(exact: ExactSearch, types: Any, nodes: Any, allowed: int, *width: int) -> Any:
            rounds.append(allowed)
            if allowed > 4 * look:
                exact.halt()
            return tried(exact, types, nodes, min(allowed, look), *width)

        patch.setattr(ExactSearch, "_try", short)
        search._prove()
    assert search.outcome.bound <= oracle.cost * (1 + 1e-9)


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(seed=st.integers(0, 10**6))
@pytest.mark.parametrize("method", HEURISTICS)
def test_no_heuristic_beats_brute_force(seed: int, method: str) -> None:
    """What is found holds, and is no cheaper than the cheapest plan of all."""
    scenario = small_system(seed)
    oracle = cheapest(scenario, "d")
    problem = build_problem(scenario, rules_of("d"), cases(scenario)[0])
    found = searched(problem, method, 2_000 if method != "lns" else 50)
    if oracle is None:
        assert found is None
    elif found is not None:
        assert found.cost >= oracle.cost - 1e-9


@pytest.mark.parametrize("method", HEURISTICS)
def test_heuristics_reach_the_optimum_of_small_systems(method: str) -> None:
    """Given enough moves, a few dozen components' choices are no obstacle."""
    scenario = small_system(3)
    oracle = cheapest(scenario, "d")
    found = optimise(scenario, dialect="d", method=method)
    assert oracle is not None
    assert found.plan is not None
    assert found.evaluation is not None
    assert evaluate(scenario, found.plan, dialect="d").feasible
    assert found.cost == pytest.approx(oracle.cost)
    assert not found.optimal


@pytest.mark.parametrize("method", HEURISTICS)
def test_same_seed_same_plan(method: str) -> None:
    """Iterations are counted, so that the clock changes nothing."""
    scenario = generate(12, 1)
    problem = build_problem(scenario, rules_of("d-pre2023"), cases(scenario)[0])
    count = 60 if method == "lns" else 1_000
    one, other = (searched(problem, method, count, seed=5) for _ in range(2))
    assert (one is None) == (other is None)
    if one is not None:
        np.testing.assert_array_equal(one.patterns, other.patterns)
        assert one.cost == other.cost


@pytest.mark.parametrize("method", list(STEPS))
@pytest.mark.parametrize("count", [1, 150, 2_345])
def test_iterations_are_counted_exactly(method: str, count: int) -> None:
    """Not one more than asked for."""
    walker = Walker(problem=problem_of(3))
    walker.run(method, Iterations(count))
    assert walker.progress.iterations == count


def test_dice_are_fair() -> None:
    """All faces come about equally often, and chances lie between 0 and 1 around one half."""
    dice = new_dice(7)
    faces = np.bincount([pick(dice, 2, 8) for _ in range(6_000)], minlength=8)
    assert (faces[:2] == 0).all()
    assert ((faces[2:] > 850) & (faces[2:] < 1_150)).all()
    chances = np.array([chance(dice) for _ in range(4_000)])
    assert chances.min() >= 0.0
    assert chances.max() < 1.0
    assert abs(chances.mean() - 0.5) < 0.02


def test_stops_combine() -> None:
    """The first criterion that is met ends the search."""
    progress = Progress(iterations=70, improved=40, started=time.perf_counter())
    assert Iterations(100).left(progress) == 30
    assert NoImprovement(50).left(progress) == 20
    assert Seconds(1e-12).left(progress) == 0
    assert First((Iterations(100), NoImprovement(50), Seconds(1e6))).left(progress) == 20
    assert First((Iterations(50), Seconds(1e6))).left(progress) == 0


def test_a_search_without_improvement_ends() -> None:
    """It ends that many iterations after the last better plan."""
    walker = Walker(problem=problem_of(3))
    walker.run("local", NoImprovement(3_000))
    assert walker.progress.iterations == walker.progress.improved + 3_000


def test_auto_keeps_the_bound_when_time_runs_out() -> None:
    """The large neighbourhoods improve the plan; the bound stays that of the exact search."""
    scenario = generate(30, 2)
    found = optimise(scenario, dialect="d-pre2023", method="auto", time_limit=0.6)
    assert found.evaluation is None or found.evaluation.feasible
    assert found.cost is None or found.bound <= found.cost


def test_generated_systems_repeat_and_have_a_plan() -> None:
    """Equal arguments, equal system; another seed, another one."""
    assert generate(8, 1) == generate(8, 1)
    assert generate(8, 1) != generate(8, 2)
    assert optimise(generate(8, 1), dialect="d-pre2023").feasible
    with pytest.raises(TwinError, match="at least 4"):
        generate(3, 1)
    with pytest.raises(TwinError, match="ask for fewer"):
        generate(4, 1, arrival_rate=1e4)
