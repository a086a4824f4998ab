"""Two engines that stop, change their plan and go on keep the same records; without a change, those of any run."""

from __future__ import annotations

from dataclasses import fields
from random import Random
from typing import Any

import numpy as np
import pytest

from tests.random_worlds import random_plan, world
from twin.compilation import compile_network
from twin.engines.compiled.controlled import ControlledCompiled
from twin.engines.controlled import Census, ControlledEngine
from twin.engines.simpy_engine import simulate_network
from twin.engines.simpy_engine.controlled import ControlledSimulation
from twin.engines.trajectory import Trajectory
from twin.errors import EngineError
from twin.model.plan import Placement, Plan
from twin.model.scenario import Scenario
from twin.network import Network
from twin.universe import Universe

TOLERANCE = 1e-9


def assert_equal(ours: Any, theirs: Any, kind: type, *, tolerance: float = TOLERANCE) -> None:
    """Compare all columns."""
    for field in fields(kind):
        one, other = getattr(ours, field.name), getattr(theirs, field.name)
        np.testing.assert_allclose(one, other, rtol=TOLERANCE, atol=tolerance, equal_nan=True, err_msg=field.name)


def engines(network: Network, **settings: Any) -> list[ControlledEngine]:
    """Return a run in each engine."""
    return [ControlledSimulation(network, **settings), ControlledCompiled(network, **settings)]


@pytest.mark.parametrize("seed", range(60))
def test_engines_agree_under_random_switches(seed: int) -> None:
    """Whatever plan comes when, requests killed or not: all records and every census in between are the same."""
    scenario, rng = world(seed), Random(seed)
    universe = Universe(scenario)
    plan = random_plan(scenario, rng)
    seats = universe.seats(plan)
    length: dict[str, Any] = rng.choice([{"horizon": 12.0}, {"requests": 80}])
    runs = engines(universe.network(plan, seats), seed=scenario.run.seed, events=scenario.events, **length)
    time = 0.0
    while not any(run.over for run in runs) and time < 500:
        time += rng.choice([0.25, 0.5, 1.0])
        for run in runs:
            run.advance(time)
        assert_equal(runs[1].census(), runs[0].census(), Census, tolerance=1e-7)
        if time < 20:
            plan, kill = random_plan(scenario, rng), rng.random() < 0.5
            seats = universe.seats(plan, seats)
            for run in runs:
                run.switch(universe.network(plan, seats), kill=kill)
    assert_equal(runs[1].finished(), runs[0].finished(), Trajectory)
    assert runs[0].over == runs[1].over


@pytest.mark.parametrize("seed", range(100, 120))
def test_without_switches_a_controlled_run_is_an_ordinary_one(seed: int) -> None:
    """The universe holds more than the plan needs, which changes nothing: request by request, in both engines."""
    scenario, rng = world(seed), Random(seed)
    plan = random_plan(scenario, rng)
    settings: dict[str, Any] = {"seed": 7, "events": scenario.events, "horizon": 12.0}
    reference = simulate_network(compile_network(scenario, plan), **settings)
    for run in engines(Universe(scenario).network(plan), **settings):
        for time in (3.0, 3.5, 9.0, 20.0):
            run.advance(time)
        ours = run.finished()
        for name in ("arrivals", "ends", "lost", "sources", "passages", "link_mb", "retries", "horizon"):
            np.testing.assert_allclose(getattr(ours, name), getattr(reference, name), rtol=1e-9, err_msg=name)
        np.testing.assert_allclose(ours.visits[:, 2:5], reference.visits[:, 2:5], rtol=1e-9)


@pytest.mark.parametrize("seed", range(200, 210))
def test_every_request_is_somewhere(seed: int) -> None:
    """After any switches, what has arrived is completed, lost or still in the system."""
    scenario, rng = world(seed), Random(seed)
    universe = Universe(scenario)
    plan = random_plan(scenario, rng)
    seats = universe.seats(plan)
    run = ControlledCompiled(universe.network(plan, seats), seed=1, events=scenario.events, horizon=20.0)
    for time in range(1, 20):
        run.advance(float(time))
        plan = random_plan(scenario, rng)
        seats = universe.seats(plan, seats)
        run.switch(universe.network(plan, seats), kill=bool(time % 2))
        arrivals, _ = run.requests(0)
        ends, _ = run.outcomes(np.arange(len(arrivals)))
        assert np.isnan(ends).sum() == run.census().live


# Worlds by hand ---------------------------------------------------------------------------------------------------


def small(discipline: str = "fifo", *, times: tuple[float, ...] = (0.0, 0.0, 0.0), **more: Any) -> Scenario:
    """Return one component on ``a`` (2 s a request) or ``b`` (1 s), two nodes each, and a batch of requests."""
    resources = {name: {"layer": "edge", "nodes": 2, "discipline": discipline} for name in ("a", "b")}
    return Scenario.model_validate(
        {
            "name": "small",
            "continuum": {
                "layers": {"edge": {"type": "Virtual"}},
                "domains": {"net": {"layers": ["edge"], "bandwidth_mbit_per_s": 8}},
                "resources": resources,
            },
            "application": {"components": {"c": {"candidates": ["a", "b"]}}},
            "profiles": {"c": {"a": {"mean": 2.0, "law": "deterministic"}, "b": {"mean": 1.0, "law": "deterministic"}}},
            "workload": {
                "sources": {
                    "s": {"at": "edge", "arrivals": {"process": "trace", "file": "t.csv", "times": list(times)}, **more}
                }
            },
        }
    )


def ends(scenario: Scenario, *switches: tuple[float, str, int, bool], replicas: int = 1) -> list[float]:
    """Return when the requests end that begin on ``a``; *switches*: second, resource, replicas, kill."""
    universe = Universe(scenario)
    first = Plan(placements={"c": Placement(resource="a", replicas=replicas)})
    found = []
    for run in engines(universe.network(first), seed=1, horizon=100.0):
        for time, resource, count, kill in switches:
            run.advance(time)
            run.switch(
                universe.network(Plan(placements={"c": Placement(resource=resource, replicas=count)})), kill=kill
            )
        run.advance(100.0)
        found.append(run.finished().ends.tolist())
    assert found[0] == found[1]
    return [round(end, 9) for end in found[0]]


def test_drained_requests_end_where_they_are_and_those_in_line_move() -> None:
    """The one in service ends at 2 s on the slow node; the two in line start at 1 s on the fast one."""
    assert ends(small()) == [2.0, 4.0, 6.0]
    assert ends(small(), (1.0, "b", 1, False)) == [2.0, 2.0, 3.0]


def test_killed_requests_start_again_ahead_of_those_in_line() -> None:
    """The one in service begins anew at 1 s with its whole work, and the others follow it."""
    assert ends(small(), (1.0, "b", 1, True)) == [2.0, 3.0, 4.0]


def test_shared_nodes_serve_all_present_to_the_end() -> None:
    """With processor sharing nobody waits: all drain, or all start again."""
    assert ends(small("ps")) == [6.0, 6.0, 6.0]
    assert ends(small("ps"), (1.0, "b", 1, False)) == [6.0, 6.0, 6.0]
    assert ends(small("ps"), (1.0, "b", 1, True)) == [4.0, 4.0, 4.0]


def test_a_new_node_serves_what_comes_and_one_withdrawn_gives_its_line_away() -> None:
    """One node more helps later requests only; one less sends its line to the node that stays."""
    later = small(times=(0.0, 0.0, 1.5, 1.5))
    assert ends(later) == [2.0, 4.0, 6.0, 8.0]
    # Of the last two, the coins of the dispatch send at least one to the new node; the sum of waiting falls.
    assert sum(ends(later, (1.0, "a", 2, False))) < 20.0
    four = small(times=(0.0,) * 4)
    assert sorted(ends(four, (1.0, "a", 1, False), replicas=2))[-1] in (6.0, 8.0)


def test_requests_on_a_link_go_where_the_component_is_when_they_arrive() -> None:
    """A megabyte takes a second; the request sent to ``a`` at 0 s finds the component on ``b``."""
    scenario = small(times=(0.0,), data_mb=1.0)
    assert ends(scenario) == [3.0]
    assert ends(scenario, (0.5, "b", 1, False)) == [2.0]


def test_a_switch_back_before_the_arrival_leaves_no_trace() -> None:
    """What is on its way follows the last plan, not the first."""
    assert ends(small(times=(0.0,), data_mb=1.0), (0.3, "b", 1, False), (0.6, "a", 1, True)) == [3.0]


def test_what_a_deployment_has_begun_it_finishes() -> None:
    """Under another deployment, the begun execution goes through the old chain; the next one through the new."""
    data = small(times=(0.0, 3.0)).model_dump(mode="json", by_alias=True, exclude_defaults=True)
    constant = {"law": "deterministic"}
    data["application"]["components"]["c"] = {
        "deployments": {
            "cut": {"partitions": {"head": {"candidates": ["a"]}, "tail": {"candidates": ["a"]}}},
            "whole": {"partitions": {"body": {"candidates": ["b"]}}},
        }
    }
    data["profiles"] = {
        "head": {"a": {"mean": 2.0, **constant}},
        "tail": {"a": {"mean": 3.0, **constant}},
        "body": {"b": {"mean": 1.0, **constant}},
    }
    scenario = Scenario.model_validate(data)
    universe = Universe(scenario)
    cut = Plan(placements={"head": Placement(resource="a"), "tail": Placement(resource="a")})
    whole = Plan(placements={"body": Placement(resource="b")})
    seats = universe.seats(cut)
    for run in engines(universe.network(cut, seats), seed=1, horizon=50.0):
        run.advance(1.0)
        run.switch(universe.network(whole, universe.seats(whole, seats)), kill=True)
        run.advance(50.0)
        assert run.finished().ends.tolist() == [5.0, 4.0]
        assert run.finished().retries == 0


def test_deployments_that_send_by_different_rules_are_refused() -> None:
    """One component cannot fork under one deployment and choose under another; the error says what to write."""
    data = small().model_dump(mode="json", by_alias=True, exclude_defaults=True)
    partitions = {"a1": {"candidates": ["a"]}}, {"a2": {"candidates": ["a"]}}
    both = {"x": 1.0, "y": 1.0}
    data["application"] = {
        "components": {
            "c": {
                "deployments": {
                    "one": {"partitions": partitions[0]},
                    "other": {"partitions": partitions[1], "transition_probabilities": both},
                }
            },
            "x": {"candidates": ["b"]},
            "y": {"candidates": ["b"]},
        },
        "dependencies": [{"from": "c", "to": to, "probability": 0.5} for to in ("x", "y")],
    }
    data["profiles"] = {name: {"a": 1.0, "b": 1.0} for name in ("a1", "a2", "x", "y")}
    with pytest.raises(EngineError, match="sends: exclusive or independent"):
        Universe(Scenario.model_validate(data))
