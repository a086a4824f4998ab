"""Percentiles from mean and variance: exact where they can be, on the safe side where that is asked for."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from design.commands_optimise import evaluate_command, optimise_command
from design.evaluate import evaluate
from design.evaluation import ConstraintFigures
from design.optimise import optimise
from design.rules import Rules, rules_of
from design.tails import share_beyond
from twin.errors import EngineError, TwinError
from twin.formats.reading import read_scenario
from twin.model.plan import Plan
from twin.model.scenario import Scenario

SCENARIOS = Path(__file__).resolve().parents[1] / "scenarios"

PLAN = Plan.model_validate({"placements": {"a": "host"}})


def one_line(limit: dict[str, Any], **resource: Any) -> Scenario:
    """Return an M/M/1 queue at half load, first come first served, behind a constant delay."""
    return Scenario.model_validate(
        {
            "name": "one line",
            "continuum": {
                "layers": {"L1": {"type": "PhysicalToBeProvisioned"}},
                "resources": {"host": {"layer": "L1", "cost_per_hour": 2.0, "discipline": "fifo"} | resource},
                "domains": {"all": {"layers": ["L1"], "access_delay": 0.25, "bandwidth_mbit_per_s": 100}},
            },
            "application": {"components": {"a": {"candidates": ["host"]}}},
            "profiles": {"a": {"host": 0.5}},
            "workload": {"sources": {"s": {"at": "L1", "arrivals": {"process": "poisson", "rate": 1.0}}}},
            "constraints": [{"kind": "response", "limit": 4.0} | limit],
        }
    )


def judged(scenario: Scenario, rules: str | Rules = "twin") -> ConstraintFigures:
    """Return what became of the only constraint."""
    (figures,) = evaluate(scenario, PLAN, dialect=rules).constraints
    return figures


@pytest.mark.parametrize("percentile", [80.0, 95.0, 99.9])
def test_the_estimate_is_exact_for_one_line_behind_a_delay(percentile: float) -> None:
    """The response time of M/M/1 is exponential with mean 1 / (mu - lambda)."""
    exact = 0.25 - math.log(1 - percentile / 100) / (2.0 - 1.0)
    assert judged(one_line({"percentile": percentile})).value == pytest.approx(exact, rel=1e-9)


def test_the_share_that_is_late_is_exact_there_too() -> None:
    """Of M/M/1 exp(-(mu - lambda) t) take longer than t."""
    late = math.exp(-(4.0 - 0.25))
    figures = judged(one_line({"share_above": 0.9 * late}))
    assert figures.value == pytest.approx(late, rel=1e-9)
    assert figures.satisfied is False
    assert judged(one_line({"share_above": 1.1 * late})).satisfied is True


def test_cantelli_is_above_the_quantile() -> None:
    """Mean plus 4.36 standard deviations at 95 %, whatever the law; and the share is bounded alike."""
    figures = judged(one_line({"percentile": 95.0}), rules_of("twin", tails="cantelli"))
    assert figures.value == pytest.approx(1.25 + math.sqrt(0.95 / 0.05))
    assert share_beyond(3.0, 1.0, 1.0, "cantelli") == pytest.approx(0.2)
    assert share_beyond(0.5, 1.0, 1.0, "cantelli") == 1.0
    assert [share_beyond(limit, 1.0, 0.0, "estimate") for limit in (0.9, 1.0)] == [1.0, 0.0]


def test_what_is_not_judged_says_why() -> None:
    """Percentiles near the middle, and all of them where the simulation is to judge."""
    assert "above 63.3" in judged(one_line({"percentile": 50.0})).note
    assert "left to the simulation" in judged(one_line({"percentile": 95.0}), rules_of("twin", tails="simulation")).note


def test_search_and_evaluation_agree_on_the_largest_percentile_that_holds() -> None:
    """At the estimated quantile the plan holds; a little below it is proved that none does."""
    value = judged(one_line({"percentile": 95.0})).value
    assert value is not None
    for factor, holds in ((1.0 + 1e-6, True), (1.0 - 1e-6, False)):
        assert optimise(one_line({"percentile": 95.0, "limit": value * factor})).feasible is holds


@pytest.mark.parametrize("name", ["mask-detection", "wind-turbine", "farming"])
def test_shipped_scenarios_are_optimised_by_their_own_formula(name: str) -> None:
    """With a proof, and no dearer than the plan they come with."""
    scenario = read_scenario(SCENARIOS / name).scenario
    found = optimise(scenario)
    assert found.optimal
    assert scenario.plan is not None
    shipped = evaluate(scenario, scenario.plan)
    assert found.cost is not None
    assert not shipped.feasible or found.cost <= shipped.cost * (1 + 1e-9)


def test_what_would_lose_requests_is_refused() -> None:
    """A queue of limited length is named with its place; so is a heuristic that knows no lines."""
    with pytest.raises(EngineError, match=r"host\.queue_capacity: a queue of limited length"):
        optimise(one_line({}, queue_capacity=3))
    with pytest.raises(EngineError, match="take method exact, auto, descent or lns"):
        optimise(one_line({}), method="tabu")


def test_the_edge_may_count_for_less() -> None:
    """In the evaluation and in the search alike, in every dialect."""
    for dialect in ("twin", "r"):
        rules = rules_of(dialect, edge_share=0.1)
        assert evaluate(one_line({}), PLAN, dialect=rules).cost == pytest.approx(0.2)
        assert optimise(one_line({}), dialect=rules).cost == pytest.approx(0.2)


def test_parameters_make_sense() -> None:
    """A share beyond 1, or a way to judge that does not exist, is said to be wrong."""
    with pytest.raises(TwinError, match="between 0 and 1, got 2"):
        rules_of("r", edge_share=2.0)
    with pytest.raises(TwinError, match="did you mean 'cantelli'"):
        rules_of("twin", tails="cantely")


def test_an_overloaded_link_is_what_is_too_much() -> None:
    """In the rush hour 38 pictures/s of 0.4 MB come over 100 Mbit/s, so that 1 / 1.216 of them could be carried."""
    found = optimise(read_scenario(SCENARIOS / "mask-detection", override="rush-hour").scenario)
    (conflict,) = found.conflicts
    assert conflict.needed == pytest.approx(100 / (38 * 0.4 * 8), abs=2e-3)
    assert "nodes and links" in conflict.message


def test_the_commands_take_the_parameters(tmp_path: Path) -> None:
    """A share of the edge's price, percentiles left to the simulation, and an override of the scenario."""
    out, system = tmp_path / "plan.yaml", str(SCENARIOS / "mask-detection")
    options = ["--percentiles", "simulation", "--edge-share", "0.5", "--override", "faas"]
    ran = CliRunner().invoke(optimise_command, [system, *options, "--out", str(out)])
    assert ran.exit_code == 0, ran.output
    assert "left to the simulation" in " ".join(ran.output.split())
    again = CliRunner().invoke(evaluate_command, [system, str(out), *options])
    assert again.exit_code == 0, again.output
