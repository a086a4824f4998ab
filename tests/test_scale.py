"""Tests of how work and memory grow with the continuum: twice the city, twice the work, counted in lines of Python."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from benchmarks.city import city
from twin.compilation import compile_network
from twin.engines.compiled import simulate_compiled
from twin.engines.compiled.simulation import CompiledRun
from twin.engines.simpy_engine import simulate_network
from twin.kept import measure
from twin.model.application import Dependency
from twin.model.checks import scenario_problems
from twin.model.plan import Plan
from twin.model.plan_checks import plan_problems
from twin.model.scenario import Scenario
from twin.network import Network
from twin.overload import overloads
from twin.report import report_from
from twin.traffic import mean_rates, step_rates

DISTRICTS = 2

TRACED = ("/twin/", "/networkx/")


def city_of(districts: int) -> tuple[Scenario, Plan, Network]:
    """Return a city with its plan and its network."""
    scenario = Scenario.model_validate(city(districts, requests=200, forks_every=1))
    assert scenario.plan is not None
    return scenario, scenario.plan, compile_network(scenario, scenario.plan)


def lines_run(work: Callable[[], object]) -> int:
    """Return how many lines of Python *work* runs; each turn of a loop counts, comprehensions included."""
    count = 0

    def trace(frame: Any, event: str, _argument: Any) -> Any:
        nonlocal count
        count += event == "line"
        return trace if any(place in frame.f_code.co_filename for place in TRACED) else None

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        work()
    finally:
        sys.settrace(before)
    return count


def stages_of(districts: int) -> dict[str, Callable[[], object]]:
    """Return what happens to a city, stage by stage."""
    scenario, plan, network = city_of(districts)
    run = simulate_compiled(network, seed=1, requests=200)
    measures = measure(scenario, plan, network, run)
    return {
        "check": lambda: [*scenario_problems(scenario), *plan_problems(scenario, plan)],
        "compile": lambda: compile_network(scenario, plan),
        "traffic": lambda: step_rates(network, mean_rates(network)),
        "overload": lambda: overloads(scenario, network, horizon=100.0, down={}),
        "lay out": lambda: CompiledRun(network, 1, 0, (), {}),
        "measure": lambda: measure(scenario, plan, network, run),
        "report": lambda: report_from(scenario, plan, network, [measures], engine="compiled"),
    }


@pytest.fixture(scope="module")
def growth() -> dict[str, float]:
    """How many times more lines each stage runs for twice the city."""
    once, twice = stages_of(DISTRICTS), stages_of(2 * DISTRICTS)
    return {name: lines_run(twice[name]) / lines_run(once[name]) for name in once}


def test_work_is_linear_in_the_continuum(growth: dict[str, float]) -> None:
    """Every stage before and after a run takes at most in proportion more."""
    assert {name: ratio for name, ratio in growth.items() if ratio > 2.05} == {}
    assert min(growth.values()) > 1.3


def test_a_request_has_room_for_its_own_application_only() -> None:
    """Where its tokens are is kept for the stages it can reach, however many other applications there are."""
    widths = []
    for districts in (1, 3):
        run = CompiledRun(city_of(districts)[2], 1, 0, (), {})
        run.open(50, None, keep_visits=True)
        run.finished()
        widths.append([int(run.memory.clock[name][0]) for name in ("stages", "steps", "paths")])
    assert widths[0] == widths[1] == [50, 50, 1]


def test_engines_agree_on_a_city() -> None:
    """Several applications side by side, some with joins, give the same records in both engines."""
    network = city_of(DISTRICTS)[2]
    reference, ours = (run(network, seed=3, requests=400) for run in (simulate_network, simulate_compiled))
    assert len(reference.passages)
    for name in ("arrivals", "ends", "visits", "passages"):
        np.testing.assert_allclose(getattr(ours, name), getattr(reference, name), rtol=1e-9, atol=1e-9)


def test_a_changed_copy_forgets_what_was_derived() -> None:
    """What a value keeps for speed is never that of another value."""
    scenario, plan, _ = city_of(1)
    application = scenario.application
    first = application.roots()[0]
    assert len(application.dependencies_of(first)) == 2
    alone = application.model_copy(update={"dependencies": ()})
    assert alone.dependencies_of(first) == ()
    assert len(alone.roots()) == len(application.components)
    one = application.model_copy(update={"dependencies": (Dependency(origin=first, to=alone.roots()[1]),)})
    assert len(one.dependencies_of(first)) == 1
    placement = plan.placements[first]
    assert plan.nodes(first) == 1
    changed = placement.model_copy(update={"replicas": 3})
    assert plan.model_copy(update={"placements": {first: changed}}).nodes(first) == 3
