"""The formulas give what the tools wrote, and the project's own one repairs their defects."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from design.commands_optimise import evaluate_command
from design.evaluate import evaluate
from design.evaluation import Evaluation
from design.rules import rules_of
from twin.errors import PlanError, TwinError
from twin.formats.space4ai import SolutionFigures, load_solution, load_system, solution_figures
from twin.model.plan import Plan
from twin.model.scenario import Scenario
from twin.theory import solve

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"

SOLUTIONS = sorted(SHARED.glob("space4ai/*/*/*/best_sol_1.8.json")) or [Path("absent")]
REPLAYED = sorted(SHARED.glob("space4ai_runtime/replayed/*/solutions/*.json")) or [Path("absent")]


ABSENT = Path("absent")
"""Stands for all files where there are none, so that the skipped test says why."""


def named(path: Path) -> str:
    """Return a name for the files of one instance or step."""
    return "-".join((*path.parts[-4:-1], path.stem))


def present(path: Path) -> Path:
    """Skip the test where the shared data are absent."""
    if not path.is_file():
        pytest.skip("../shared is absent")
    return path


def differences(told: SolutionFigures, found: Evaluation) -> list[float]:
    """Return by how much each time that a solution file tells is above the one computed here."""
    pairs = (
        (told.components, found.components),
        (told.partitions, found.partitions),
        (told.paths, found.paths),
    )
    return [
        time - (own[name] or math.nan) for times, own in pairs for name, time in times.items() if math.isfinite(time)
    ]


@pytest.mark.parametrize("path", SOLUTIONS or [ABSENT], ids=named)
def test_space4ai_d_solutions_are_reproduced(path: Path) -> None:
    """Costs and times of every shipped solution come out to 1e-9."""
    scenario = load_system(present(path).with_name("system_description.json"), dialect="d-pre2023", arrival_rate=1.8)
    told = solution_figures(path, scenario)
    found = evaluate(scenario, load_solution(path, scenario), dialect="d-pre2023")
    assert found.feasible
    assert found.cost == pytest.approx(told.total_cost, abs=1e-9)
    assert max(map(abs, differences(told, found))) < 1e-9


@pytest.mark.parametrize("path", REPLAYED or [ABSENT], ids=named)
def test_space4ai_r_solutions_are_reproduced(path: Path) -> None:
    """Costs come out to 1e-9; times too, but for the delays that its local search forgets to take back."""
    rate = solution_figures(present(path)).arrival_rate
    scenario = load_system(path.parents[1] / "system.json", dialect="r-orig", arrival_rate=rate)
    told = solution_figures(path, scenario)
    found = evaluate(scenario, load_solution(path, scenario), dialect="r-orig")
    assert found.cost == pytest.approx(told.total_cost, abs=1e-9)
    above = differences(told, found)
    assert min(above) > -1e-9
    assert max(above) < 0.017


def test_most_space4ai_r_times_are_reproduced_exactly() -> None:
    """On the smallest of the replayed systems no delay was forgotten."""
    paths = [path for path in REPLAYED if "light_05c" in str(path)]
    if not paths:
        pytest.skip("../shared is absent")
    for path in paths:
        rate = solution_figures(path).arrival_rate
        scenario = load_system(path.parents[1] / "system.json", dialect="r-orig", arrival_rate=rate)
        found = evaluate(scenario, load_solution(path, scenario), dialect="r-orig")
        assert max(map(abs, differences(solution_figures(path, scenario), found))) < 1e-9


# -- defects of the tools, and their repair ------------------------------------------------------------------------


def world(**parts: Any) -> Scenario:
    """Return two components, one partition each, with an edge device, a virtual machine and a function."""
    base: dict[str, Any] = {
        "name": "world",
        "continuum": {
            "layers": {
                "edge": {"type": "PhysicalToBeProvisioned"},
                "cloud": {"type": "Virtual"},
                "faas": {"type": "NativeCloudFunction"},
            },
            "resources": {
                "device": {"layer": "edge", "cost_per_hour": 1.0, "nodes": 2, "memory_mb": 100},
                "machine": {"layer": "cloud", "cost_per_hour": 2.0, "memory_mb": 100},
            },
            "functions": {
                "function": {"layer": "faas", "cost_per_hour": 3.0, "properties": {"transition_cost": 0.0001}}
            },
            "domains": {"net": {"layers": ["edge", "cloud", "faas"], "access_delay": 0.1, "bandwidth_mbit_per_s": 100}},
        },
        "application": {
            "components": {
                "a": {
                    "deployments": {
                        "cut": {
                            "partitions": {
                                "a1": {
                                    "candidates": ["device", "machine", "function"],
                                    "exit_probability": 0.5,
                                    "data_mb": 1.0,
                                },
                                "a2": {"candidates": ["device", "machine", "function"]},
                            }
                        }
                    }
                },
                "b": {"candidates": {"device": {"memory_mb": 60}, "machine": {"memory_mb": 60}, "function": {}}},
            },
            "dependencies": [{"from": "a", "to": "b", "data_mb": 10.0}],
        },
        "profiles": {
            name: {
                "device": seconds,
                "machine": seconds,
                "function": {"service_time": seconds, "cold_service_time": 2 * seconds},
            }
            for name, seconds in (("a1", 0.2), ("a2", 0.4), ("b", 0.3))
        },
        "workload": {"sources": {"s": {"arrivals": {"process": "poisson", "rate": 1.0}}}},
        "constraints": [
            {"kind": "global", "name": "path", "path": ["a", "b"], "limit": 2.0},
            {"kind": "local", "component": "b", "limit": 5.0},
        ],
        "run": {"transfers_within_resource": "free"},
    }
    return Scenario.model_validate(base | parts)


def placed(**hosts: str) -> Plan:
    """Return a plan with one node each."""
    return Plan.model_validate({"placements": hosts})


def test_space4ai_d_accepts_an_overloaded_device_and_the_twin_does_not() -> None:
    """A partition alone at U = 3 answers in negative time; that is a violation here."""
    scenario = world(workload={"sources": {"s": {"arrivals": {"process": "poisson", "rate": 10.0}}}}, constraints=[])
    plan = placed(a1="function", a2="function", b="machine")
    theirs, ours = evaluate(scenario, plan, dialect="d"), evaluate(scenario, plan)
    assert theirs.feasible
    assert theirs.components["b"] < 0
    assert [violation.kind for violation in ours.violations] == ["stability"]
    assert ours.violations[0].amount == pytest.approx(2.0)
    assert ours.components["b"] == math.inf


def test_times_by_hand() -> None:
    """Demands over free capacity, weighted by reach, plus transfers."""
    found = evaluate(world(), placed(a1="device", a2="machine", b="machine"), dialect="d")
    free_device, free_machine = 1 - 0.2, 1 - (0.4 * 0.5 + 0.3)
    network = 0.1 + 8 * 1.0 / 100
    assert found.partitions["a1"] == pytest.approx(0.2 / free_device)
    assert found.components["a"] == pytest.approx(0.2 / free_device + 0.5 * (0.4 / free_machine + network))
    assert found.components["b"] == pytest.approx(0.3 / free_machine)
    assert found.paths["path"] == pytest.approx(found.components["a"] + found.components["b"])
    assert found.cost == pytest.approx(1.0 + 2.0)


@pytest.mark.parametrize(
    ("dialect", "hop"), [("d", 0.0), ("d-file", 0.0), ("r", 0.45), ("r-orig", 0.45), ("twin", 0.45)]
)
def test_data_between_components(dialect: str, hop: float) -> None:
    """Half of the requests leave at the device and send from there; SPACE4AI-D sends all from the last partition."""
    found = evaluate(world(), placed(a1="device", a2="machine", b="machine"), dialect=dialect)
    times = found.components["a"] + found.components["b"]
    assert found.paths["path"] == pytest.approx(times + hop)


def test_space4ai_d_forgets_data_between_components() -> None:
    """What its heuristics evaluate charges the access delay only."""
    plan = placed(a1="device", a2="device", b="machine")
    paths = [evaluate(world(), plan, dialect=dialect) for dialect in ("d", "d-file")]
    hops = [found.paths["path"] - sum(found.components.values()) for found in paths]  # type: ignore[operator]
    assert hops == pytest.approx([0.1 + 0.8, 0.1])


def test_an_exit_on_the_targets_resource_unbalances_space4ai_r() -> None:
    """Exits on the target's own resource do not reduce what goes on: the weights sum to 1.5."""
    plan = placed(a1="machine", a2="function", b="machine")
    found = {dialect: evaluate(world(), plan, dialect=dialect) for dialect in ("r", "r-orig")}
    hops = {name: each.paths["path"] - sum(each.components.values()) for name, each in found.items()}  # type: ignore[operator]
    assert hops["r"] == pytest.approx(0.5 * 0.9)
    assert hops["r-orig"] == pytest.approx(1.0 * 0.9)


@pytest.mark.parametrize(("dialect", "rate", "requests"), [("d", 1.0, 0.0), ("r", 0.5, 0.0), ("twin", 0.5, 0.36)])
def test_functions_are_billed(dialect: str, rate: float, requests: float) -> None:
    """For all requests of the component, for those that arrive, and with the price of a request."""
    found = evaluate(world(), placed(a1="device", a2="function", b="machine"), dialect=dialect)
    cost = found.resources["function"].cost
    assert cost == pytest.approx(3.0 * 0.4 * rate + requests * 0.5)


def test_data_that_comes_back_to_the_edge_breaks_a_rule_of_space4ai_only() -> None:
    """The twin counts the transfer instead."""
    plan = placed(a1="machine", a2="machine", b="device")
    assert "return" in [violation.kind for violation in evaluate(world(), plan, dialect="d").violations]
    assert evaluate(world(), plan).feasible


def test_memory_is_that_of_each_node() -> None:
    """Two nodes do not help containers that must both be on each; SPACE4AI-R adds the nodes up."""
    scenario = world()
    candidates = {"device": {"memory_mb": 60}}
    components = {"a": {"candidates": candidates}, "b": {"candidates": candidates}}
    edges = [{"from": "a", "to": "b"}]
    profiles = {"a": {"device": 0.1}, "b": {"device": 0.1}}
    scenario = world(application={"components": components, "dependencies": edges}, profiles=profiles)
    twice = {"resource": "device", "replicas": 2}
    plan = Plan.model_validate({"placements": {"a": twice, "b": twice}})
    kinds = {
        dialect: [v.kind for v in evaluate(scenario, plan, dialect=dialect).violations]
        for dialect in ("d", "r", "twin")
    }
    assert kinds == {"d": ["memory"], "r": [], "twin": ["memory"]}


def test_violations_tell_the_amount() -> None:
    """How much a limit is exceeded, in its unit."""
    constraints = [{"kind": "local", "component": "b", "limit": 0.1}]
    found = evaluate(world(constraints=constraints), placed(a1="device", a2="device", b="machine"), dialect="d")
    (violation,) = found.violations
    assert (violation.kind, violation.name, violation.unit) == ("local", "local: b", "s")
    assert violation.amount == pytest.approx(found.components["b"] - 0.1)


def test_the_own_dialect_is_the_analytic_engine() -> None:
    """``evaluate`` and ``run --engine theory`` say the same."""
    plan = placed(a1="device", a2="machine", b="machine")
    found, report = evaluate(world(), plan), solve(world(), plan)
    assert found.cost == pytest.approx(report.figures["cost_per_hour"])
    assert found.components["a"] == report.figures["components"]["a"]["response_time"]["mean"]


def test_percentiles_are_left_open_where_asked() -> None:
    """Neither kept nor broken, and a note says so, with means alone; by the estimate the same limit is broken."""
    scenario = world(constraints=[{"kind": "local", "component": "b", "limit": 0.1, "percentile": 95}])
    plan = placed(a1="device", a2="device", b="machine")
    for dialect in ("d", rules_of("twin", tails="simulation")):
        found = evaluate(scenario, plan, dialect=dialect)
        assert found.feasible
        assert found.constraints[0].satisfied is None
        assert found.notes
    assert evaluate(scenario, plan).constraints[0].satisfied is False


def test_wrong_input_is_told() -> None:
    """A plan that does not fit, a dialect that does not exist."""
    with pytest.raises(PlanError, match="not placed in full"):
        evaluate(world(), placed(a1="device"), dialect="d")
    with pytest.raises(TwinError, match="unknown dialect 'd-2023'"):
        evaluate(world(), placed(a1="device", a2="device", b="device"), dialect="d-2023")


# -- the command ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("rate", "status"), [("1.8", 0), ("60", 3)])
def test_the_command_prints_json_and_tells_feasible_from_infeasible(rate: str, status: int) -> None:
    """All figures in one document; infinite times are null."""
    solution = present(SOLUTIONS[0])
    system = solution.with_name("system_description.json")
    options = ["--dialect", "d-pre2023", "--arrival-rate", rate, "--json"]
    ran = CliRunner().invoke(evaluate_command, [str(system), str(solution), *options])
    assert ran.exit_code == status, ran.output
    found = json.loads(ran.stdout)
    assert found["feasible"] is (status == 0)
    assert {"cost", "components", "partitions", "paths", "resources", "constraints", "violations"} <= set(found)
    assert bool(found["violations"]) is (status == 3)


def test_the_command_shows_what_breaks() -> None:
    """A person reads the verdict first, then the reasons."""
    solution = present(SOLUTIONS[0])
    system = solution.with_name("system_description.json")
    ran = CliRunner().invoke(evaluate_command, [str(system), str(solution), "--arrival-rate", "60"])
    assert ran.exit_code == 3
    assert ran.output.startswith("BREAKS")
    assert "of what it can do" in ran.output
