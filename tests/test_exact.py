"""The plan is really the cheapest, the proof is right, and where there is no plan the reason is told."""

from __future__ import annotations

import csv
import json
import math
import signal
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from design.commands_optimise import optimise_command
from design.evaluate import evaluate
from design.optimise import optimise
from design.rules import rules_of
from tests.small_systems import cheapest, queueing_system, small_system
from twin.errors import EngineError, ScenarioError, TwinError
from twin.formats.reading import read_plan
from twin.formats.space4ai import load_system
from twin.model.scenario import Scenario

SHARED = Path(__file__).resolve().parents[2] / "shared"
SYSTEMS = SHARED / "data" / "space4ai"

PATIENT = settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def instance(name: str, dialect: str = "d-pre2023", rate: float = 1.8) -> Scenario:
    """Return a public instance at the load its solutions were made for."""
    path = SYSTEMS / name / "system_description.json"
    if not path.is_file():
        pytest.skip("../shared is absent")
    return load_system(path, dialect=dialect, arrival_rate=rate)  # type: ignore[arg-type]


def published_optima() -> list[tuple[str, float]]:
    """Return instance and proved optimum."""
    path = SYSTEMS / "optimum.csv"
    if not path.is_file():
        return []
    with path.open(encoding="utf-8") as lines:
        return [
            (f"{row['family']}/{row['components']}Components/{row['instance']}", float(row["optimum_cost"]))
            for row in csv.DictReader(lines)
        ]


def changed(scenario: Scenario, **parts: Any) -> Scenario:
    """Return *scenario* with other parts."""
    return scenario.model_copy(update=parts)


@PATIENT
@given(seed=st.integers(0, 10**6), dialect=st.sampled_from(["d", "d-file", "r-orig"]))
@example(seed=1100, dialect="d")  # once a dearer option of the last component was taken after a cheaper one
def test_brute_force_agrees(seed: int, dialect: str) -> None:
    """Among all plans of a small system none is cheaper, and none holds where the search says so."""
    scenario = small_system(seed)
    oracle = cheapest(scenario, dialect) if dialect != "r-orig" or _functions_unshared(scenario) else None
    if dialect == "r-orig" and not _functions_unshared(scenario):
        with pytest.raises(EngineError, match="bills it once"):
            optimise(scenario, dialect=dialect)
        return
    found = optimise(scenario, dialect=dialect)
    assert found.optimal == (oracle is not None)
    assert found.feasible == (oracle is not None)
    if oracle is not None:
        assert found.cost == pytest.approx(oracle.cost, rel=1e-9)
        assert found.bound == found.cost


def _functions_unshared(scenario: Scenario) -> bool:
    partitions = [
        partition
        for component in scenario.application.components.values()
        for deployment in component.deployments.values()
        for partition in deployment.chain
    ]
    return sum("fun" in partition.candidates for partition in partitions) <= 1


@settings(PATIENT, max_examples=20)
@given(seed=st.integers(0, 10**6), one_type=st.booleans())
def test_brute_force_agrees_on_the_twins_own_formula(seed: int, one_type: bool) -> None:
    """With several cores, data between nodes of a pool, and deployments that change what is sent on."""
    scenario = small_system(seed, twin=True)
    oracle = cheapest(scenario, "twin", one_type_per_layer=one_type)
    found = optimise(scenario, one_type_per_layer=one_type)
    assert found.feasible == (oracle is not None)
    if oracle is not None:
        assert found.optimal
        assert found.cost == pytest.approx(oracle.cost, rel=1e-9)


@settings(PATIENT, max_examples=15)
@given(seed=st.integers(0, 10**6), one_type=st.booleans(), tails=st.sampled_from(["estimate", "cantelli"]))
@example(seed=102, one_type=False, tails="cantelli")  # once the variation of a constant time was less than none
def test_brute_force_agrees_where_requests_wait(seed: int, one_type: bool, tails: str) -> None:
    """With lines, several servers, laws, links in which transfers meet, sources with a place, and percentiles."""
    scenario, rules = queueing_system(seed), rules_of("twin", tails=tails)
    oracle = cheapest(scenario, rules, one_type_per_layer=one_type)
    found = optimise(scenario, dialect=rules, one_type_per_layer=one_type)
    assert found.feasible == (oracle is not None)
    if oracle is not None:
        assert found.optimal
        assert found.cost == pytest.approx(oracle.cost, rel=1e-9)


@pytest.mark.parametrize(("name", "optimum"), published_optima() or [("Light/5Components/Ins1", 0.0)])
def test_published_optima_are_proved(name: str, optimum: float) -> None:
    """Every public instance is solved to the optimum that two other solvers proved."""
    scenario = instance(name)
    found = optimise(scenario, dialect="d-pre2023")
    assert found.optimal
    assert found.cost == pytest.approx(optimum, rel=1e-9)
    assert found.plan is not None
    assert evaluate(scenario, found.plan, dialect="d-pre2023").cost == pytest.approx(optimum, rel=1e-9)


def test_fewer_nodes_may_hold_where_all_of_them_do_not() -> None:
    """On one node the data between two partitions travels nowhere; on two it often does, and takes 5 s."""
    partitions = {"p": {"candidates": ["vm"], "data_mb": 1.0}, "q": {"candidates": ["vm"]}}
    scenario = Scenario.model_validate(
        {
            "name": "stay together",
            "continuum": {
                "layers": {"L1": {"type": "Virtual"}},
                "resources": {"vm": {"layer": "L1", "nodes": 2, "cost_per_hour": 1.0}},
                "domains": {"all": {"layers": ["L1"], "access_delay": 5.0, "bandwidth_mbit_per_s": 100}},
            },
            "application": {"components": {"a": {"deployments": {"d": {"partitions": partitions}}}}},
            "profiles": {"p": {"vm": 0.1}, "q": {"vm": 0.1}},
            "workload": {"sources": {"s": {"arrivals": {"process": "poisson", "rate": 0.1}}}},
            "constraints": [{"kind": "local", "component": "a", "limit": 1.0}],
        }
    )
    found = optimise(scenario)
    assert found.optimal
    assert found.plan is not None
    assert {each.replicas for each in found.plan.placements.values()} == {1}
    tight = scenario.constraints[0].model_copy(update={"limit": 0.1})
    assert optimise(changed(scenario, constraints=(tight,))).feasible is False


def test_same_call_same_plan() -> None:
    """Nothing is drawn at random."""
    scenario = small_system(3)
    assert optimise(scenario, dialect="d", seed=1).plan == optimise(scenario, dialect="d", seed=2).plan


def test_descent_finds_a_plan_without_a_proof() -> None:
    """The quick method claims no more than it knows."""
    scenario = instance("Strict/7Components/Ins1")
    quick, exact = optimise(scenario, dialect="d", method="descent"), optimise(scenario, dialect="d")
    assert quick.feasible
    assert not quick.optimal
    assert quick.method == "descent"
    assert quick.cost is not None
    assert exact.cost is not None
    assert quick.cost >= exact.cost - 1e-9
    assert quick.bound <= exact.cost + 1e-9


def test_a_short_time_limit_gives_a_plan_and_a_bound() -> None:
    """However short the time, what is returned holds, and the bound is one."""
    scenario = instance("Strict/15Components/Ins1")
    found = optimise(scenario, dialect="d-pre2023", time_limit=1e-4)
    exact = optimise(scenario, dialect="d-pre2023")
    assert exact.cost is not None
    assert found.bound <= exact.cost + 1e-9
    if found.plan is not None:
        assert evaluate(scenario, found.plan, dialect="d-pre2023").feasible
    else:
        assert found.feasible is None


def test_an_interrupt_keeps_the_best_plan(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C during the proof ends with what was found before."""
    import design.exact

    def interrupted(_search: design.exact.ExactSearch) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(design.exact.ExactSearch, "_prove", interrupted)
    found = optimise(instance("Light/5Components/Ins1"), dialect="d")
    assert found.interrupted
    assert found.plan is not None
    assert not found.optimal


def test_a_signal_keeps_the_best_plan(monkeypatch: pytest.MonkeyPatch) -> None:
    """A real Ctrl-C, which compiled code does not hear, ends the search likewise."""
    import design.exact

    listed = design.exact.ExactSearch._list

    def listed_late(search: design.exact.ExactSearch, *bounds: Any) -> Any:
        signal.raise_signal(signal.SIGINT)
        return listed(search, *bounds)

    monkeypatch.setattr(design.exact.ExactSearch, "_list", listed_late)
    found = optimise(instance("Light/7Components/Ins1"), dialect="d")
    assert found.interrupted
    assert found.plan is not None
    assert not found.optimal


# -- no plan -------------------------------------------------------------------------------------------------------


def test_too_much_load_is_proved_and_measured() -> None:
    """The share of the load that could be carried is carried, a little more is not."""
    scenario = instance("Light/5Components/Ins1", rate=30.0)
    found = optimise(scenario, dialect="d-pre2023")
    (conflict,) = found.conflicts
    assert found.feasible is False
    assert found.bound == math.inf
    assert conflict.kind == "load"
    assert conflict.needed is not None
    free = [
        changed(instance("Light/5Components/Ins1", rate=30 * conflict.needed * f), constraints=()) for f in (1, 1.01)
    ]
    assert [optimise(each, dialect="d-pre2023").feasible for each in free] == [True, False]


def test_clashing_limits_are_named_with_what_they_need() -> None:
    """At the limit that is asked for a plan exists; a little below it does not."""
    scenario = instance("Light/5Components/Ins1")
    first = scenario.constraints[0].model_copy(update={"limit": 1e-3})
    found = optimise(changed(scenario, constraints=(first, *scenario.constraints[1:])), dialect="d-pre2023")
    (conflict,) = found.conflicts
    assert found.feasible is False
    assert conflict.kind == "limit"
    assert conflict.needed is not None
    for factor, holds in ((1.0, True), (0.99, False)):
        limit = first.model_copy(update={"limit": conflict.needed * factor})
        again = optimise(changed(scenario, constraints=(limit, *scenario.constraints[1:])), dialect="d-pre2023")
        assert again.feasible is holds


def test_limits_that_only_clash_together_are_both_named() -> None:
    """Each of two limits can be met alone, not both."""
    scenario = Scenario.model_validate(
        {
            "name": "two limits",
            "continuum": {
                "layers": {"L1": {"type": "Virtual"}},
                "resources": {
                    "fast": {"layer": "L1", "cost_per_hour": 1.0},
                    "slow": {"layer": "L1", "cost_per_hour": 1.0},
                },
                "domains": {"all": {"layers": ["L1"], "bandwidth_mbit_per_s": 100}},
            },
            "application": {
                "components": {"a": {"candidates": ["fast", "slow"]}, "b": {"candidates": ["fast", "slow"]}},
                "dependencies": [{"from": "a", "to": "b"}],
            },
            "profiles": {"a": {"fast": 0.1, "slow": 0.3}, "b": {"fast": 0.3, "slow": 0.1}},
            "workload": {"sources": {"s": {"arrivals": {"process": "poisson", "rate": 0.1}}}},
            "constraints": [
                {"kind": "local", "component": "a", "limit": 0.2},
                {"kind": "local", "component": "b", "limit": 0.2},
            ],
        }
    )
    found = optimise(scenario)
    assert {conflict.name for conflict in found.conflicts} == {"local: a", "local: b"}
    assert all(conflict.needed is not None and 0.3 < conflict.needed < 0.33 for conflict in found.conflicts)


# -- wrong input ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("limit", [0.0, -1.0, math.inf, math.nan])
def test_a_time_limit_is_positive(limit: float) -> None:
    """No time at all is a mistake, not a short search."""
    with pytest.raises(TwinError, match="positive number of seconds"):
        optimise(small_system(1), time_limit=limit)


def test_unknown_words_are_refused() -> None:
    """Dialects and methods that do not exist come with what exists."""
    with pytest.raises(TwinError, match="unknown dialect 'e'"):
        optimise(small_system(1), dialect="e")
    with pytest.raises(TwinError, match="unknown method 'exakt'; did you mean 'exact'"):
        optimise(small_system(1), method="exakt")


def test_a_partition_that_can_run_nowhere_is_named() -> None:
    """Without a profile on any candidate there is nothing to search."""
    scenario = small_system(2)
    profiles = {name: each for name, each in scenario.profiles.items() if not name.startswith("c0")}
    with pytest.raises(ScenarioError, match="can run nowhere"):
        optimise(changed(scenario, profiles=profiles))


def test_what_the_search_cannot_model_is_named() -> None:
    """Limits at which requests are lost are not passed over in silence."""
    scenario = small_system(2)
    functions = {
        name: each.model_copy(update={"concurrency_limit": 3}) for name, each in scenario.continuum.functions.items()
    }
    continuum = scenario.continuum.model_copy(update={"functions": functions})
    with pytest.raises(EngineError, match="a limit at which requests are lost; give on_limit: queue"):
        optimise(changed(scenario, continuum=continuum))


# -- the command ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["solution.json", "plan.yaml"])
def test_the_plan_written_is_read_back_with_the_same_cost(tmp_path: Path, name: str) -> None:
    """Whatever the form, the plan costs what the search says."""
    scenario = instance("Strict/5Components/Ins1")
    system = SYSTEMS / "Strict/5Components/Ins1/system_description.json"
    out = tmp_path / name
    options = ["--arrival-rate", "1.8", "--dialect", "d-pre2023", "--json"]
    ran = CliRunner().invoke(optimise_command, [str(system), "--out", str(out), *options])
    assert ran.exit_code == 0, ran.output
    result = json.loads(ran.stdout)
    assert result["optimal"] is True
    assert {"cost", "feasible", "bound", "gap", "seconds", "method", "evaluations"} <= set(result)
    assert evaluate(scenario, read_plan(out, scenario), dialect="d-pre2023").cost == pytest.approx(result["cost"])


def test_infeasible_ends_with_its_own_status(tmp_path: Path) -> None:
    """Status 3, no file, and the reason on the screen."""
    instance("Strict/5Components/Ins1")
    system = SYSTEMS / "Strict/5Components/Ins1/system_description.json"
    out = tmp_path / "plan.yaml"
    ran = CliRunner().invoke(optimise_command, [str(system), "--arrival-rate", "50", "--out", str(out)])
    assert ran.exit_code == 3
    assert "INFEASIBLE" in ran.output
    assert "load is too much" in ran.output
    assert not out.exists()


def test_a_name_that_says_nothing_is_refused_before_the_search(tmp_path: Path) -> None:
    """The form of the plan follows from the name of the file."""
    ran = CliRunner().invoke(optimise_command, ["system.json", "--out", str(tmp_path / "plan.txt")])
    assert isinstance(ran.exception, TwinError)
    assert "end it in .yaml or .json" in str(ran.exception)
