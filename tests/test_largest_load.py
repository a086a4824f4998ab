"""The largest load is the one at which the formula reaches a limit."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
from click.testing import CliRunner

from design.commands_optimise import evaluate_command, optimise_command
from design.evaluate import evaluate
from design.largest_load import load_of_continuum, load_of_plan
from tests.small_systems import small_system
from tests.two_hosts import at_most, one_component
from twin.formats.reading import read_plan
from twin.formats.writing import write_form
from twin.model.plan import Placement, Plan
from twin.model.rates import scaled_to


def placed(host: str, replicas: int = 1) -> Plan:
    """Return the plan that puts the component there."""
    return Plan(placements={"a": Placement(resource=host, replicas=replicas)})


@pytest.mark.parametrize("asked", [0.3, 1.0, 30.0])
def test_a_plan_carries_what_its_limit_allows(asked: float) -> None:
    """A time of s / (1 - rate s) meets the limit where the rate is 1/s - 1/limit, on each node."""
    scenario = one_component({"host": (0.25, 1.0)}, rate=asked, nodes=2, constraints=(at_most(1.0),))
    found = load_of_plan(scenario, placed("host", 2))
    assert found.carried == pytest.approx(2 * (4.0 - 1.0), rel=1e-6)
    assert found.carried < found.not_carried <= found.carried * (1 + 2e-6)
    assert found.binding == ("local: local: a",)


def test_without_limits_stability_decides() -> None:
    """A node carries one over the service time."""
    found = load_of_plan(one_component({"host": (0.25, 1.0)}), placed("host"))
    assert found.carried == pytest.approx(4.0, rel=1e-6)
    assert found.binding == ("stability: host",)


def test_a_plan_that_holds_at_no_load_carries_nothing() -> None:
    """A limit below the service time breaks however few requests come."""
    found = load_of_plan(one_component({"host": (0.25, 1.0)}, constraints=(at_most(0.2),)), placed("host"))
    assert found.carried == 0.0


def test_the_continuum_carries_what_its_best_plan_does() -> None:
    """Of two hosts with three nodes each the quicker one decides, whatever it costs."""
    scenario = one_component({"slow": (0.5, 1.0), "quick": (0.2, 9.0)}, nodes=3, constraints=(at_most(1.0),))
    found = load_of_continuum(scenario)
    assert found.carried == pytest.approx(3 * (5.0 - 1.0), rel=1e-6)
    assert found.plan == placed("quick", 3).model_copy(update={"name": "optimised"})
    assert load_of_plan(scenario, found.plan).carried == pytest.approx(found.carried, rel=3e-6)


@pytest.mark.parametrize("seed", [0, 4])
def test_at_the_largest_load_a_plan_holds(seed: int) -> None:
    """The plan that is returned holds at the load that is returned."""
    scenario = small_system(seed, twin=True)
    found = load_of_continuum(scenario)
    assert found.plan is not None
    loaded = scenario.model_copy(update={"workload": scaled_to(scenario.workload, found.carried)})
    assert evaluate(loaded, found.plan).feasible
    assert math.isfinite(found.not_carried)


def test_the_commands_say_so(tmp_path: Path) -> None:
    """Both commands print the same load for the only plan there is, and write it where a file is named."""
    scenario = one_component({"host": (0.25, 1.0)}, constraints=(at_most(1.0),))
    system, out = tmp_path / "scenario.yaml", tmp_path / "plan.yaml"
    write_form(scenario, system, "scenario")
    ran = CliRunner().invoke(optimise_command, [str(system), "--max-load", "--json", "--out", str(out)])
    assert ran.exit_code == 0, ran.output
    again = CliRunner().invoke(evaluate_command, [str(system), str(out), "--max-load", "--json"])
    assert again.exit_code == 0, again.output
    assert json.loads(ran.stdout)["carried"] == json.loads(again.stdout)["largest_load"]["carried"]
    assert read_plan(out, scenario).placements["a"].resource == "host"
    shown = CliRunner().invoke(optimise_command, [str(system), "--max-load"])
    assert "the continuum carries 3" in shown.output or "the continuum carries 2.99999" in shown.output


def test_without_a_file_there_is_a_way_out(tmp_path: Path) -> None:
    """A search without --out would lose its plan."""
    ran = CliRunner().invoke(optimise_command, [str(tmp_path / "scenario.yaml")])
    assert ran.exit_code == 2
    assert "--out plan.yaml" in ran.output
