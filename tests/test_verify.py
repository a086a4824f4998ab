"""Plans come in rising cost, and the twin's word decides: what it rejects is cut off, what ties is told apart."""

from __future__ import annotations

import json
import math
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from design.commands_optimise import optimise_command
from design.evaluate import evaluate
from design.plan_order import PlanOrder
from design.rules import Rules, rules_of
from design.selection import select
from design.settling import relaxation_time
from design.verify import Trial, confirm
from tests.small_systems import all_plans, small_system
from tests.two_hosts import at_most, one_component
from twin.errors import TwinError
from twin.experiment import simulate
from twin.formats.reading import read_plan
from twin.formats.writing import write_form
from twin.model.plan import Plan
from twin.model.plan_checks import plan_problems
from twin.model.scenario import Scenario

LISTED = 12

MEANS = rules_of("twin", tails="simulation")
"""Rules under which the formula leaves percentiles to the twin."""

SIMULATED = ("--verify", "--percentiles", "simulation")


def held(scenario: Scenario, dialect: str | Rules) -> list[tuple[float, Plan]]:
    """Return every plan that holds by the formula, in rising cost."""
    found = []
    for plan in all_plans(scenario):
        if not plan_problems(scenario, plan):
            each = evaluate(scenario, plan, dialect=dialect)
            stable = all(host.utilisation is None or host.utilisation < 1 for host in each.resources.values())
            if each.feasible and stable:
                found.append((each.cost, plan))
    return sorted(found, key=lambda pair: pair[0])


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(seed=st.integers(0, 10**6), twin=st.booleans())
def test_plans_come_in_rising_cost(seed: int, twin: bool) -> None:
    """The first plans are the cheapest of all that hold, each comes once, and the end is told."""
    dialect = "twin" if twin else "d"
    scenario = small_system(seed, twin=twin)
    order = PlanOrder(scenario, dialect=dialect)
    found = list(islice(order, LISTED))
    wanted = held(scenario, dialect)
    assert [each.cost for each in found] == pytest.approx([cost for cost, _ in wanted[:LISTED]], rel=1e-9)
    assert len({each.plan.model_dump_json(exclude={"name"}) for each in found}) == len(found)
    assert (order.end == "exhausted") == (len(wanted) < LISTED)


def test_what_the_formula_cannot_judge_the_twin_does() -> None:
    """A limit on a percentile passes the formula by; the cheapest plan breaks it, the dearer one holds."""
    hosts = {"cheap": (0.6, 1.0), "middle": (0.5, 2.0), "dear": (0.1, 4.0)}
    scenario = one_component(hosts, constraints=(at_most(1.0, percentile=95.0),))
    told: list[Trial] = []
    found = confirm(scenario, dialect=MEANS, best_k=1, progress=told.append)
    verdicts = [simulate(scenario, plan).verdict for _, plan in held(scenario, MEANS)]
    assert verdicts == ["fail", "fail", "pass"]
    assert found.end == "confirmed"
    assert found.cost == 4.0
    assert [trial.cost for trial in found.rejected] == [1.0, 2.0]
    assert all("p95" in trial.reasons[0] for trial in found.rejected)
    assert [trial.verdict for trial in told] == verdicts
    assert found.simulations == sum(trial.replications for trial in told)


def test_a_share_above_a_limit_is_judged() -> None:
    """At most a tenth of the requests may be late: exp(-(1/s - rate) limit) of them are."""
    scenario = one_component({"cheap": (0.5, 1.0), "dear": (0.25, 4.0)}, constraints=(at_most(1.0, share_above=0.2),))
    found = confirm(scenario, dialect=MEANS)
    assert found.cost == 4.0
    assert len(found.rejected) == 1


def test_no_plan_is_accepted() -> None:
    """When all plans that the formula knows are rejected, that is said, with the reasons."""
    scenario = one_component({"cheap": (0.6, 1.0), "dear": (0.5, 4.0)}, constraints=(at_most(0.2, percentile=95.0),))
    found = confirm(scenario, dialect=MEANS)
    assert found.plan is None
    assert found.end == "exhausted"
    assert len(found.rejected) == 2
    assert confirm(scenario, dialect=MEANS, best_k=1, most=1).end == "limit"


def test_of_equally_cheap_plans_the_quickest_is_taken() -> None:
    """Cost ties, time does not; the same random numbers make the difference sure at once."""
    hosts = {"slow": (0.4, 2.0), "quick": (0.3, 2.0), "slowest": (0.45, 2.0)}
    found = confirm(one_component(hosts, requests=1000), best_k=3)
    assert found.plan is not None
    assert found.plan.placements["a"].resource == "quick"
    assert found.selection is not None
    assert found.selection.confident


def test_a_queue_near_saturation_needs_a_long_run() -> None:
    """At 99 % a short run from an empty start looks harmless; it is not taken for an answer."""
    scenario = one_component({"cheap": (0.99, 1.0), "dear": (0.3, 4.0)}, constraints=(at_most(1000.0),))
    found = confirm(scenario, best_k=1)
    (brittle,) = found.rejected
    assert found.cost == 4.0
    assert brittle.verdict == "inconclusive"
    assert "too short" in brittle.reasons[0]
    assert brittle.response_time is not None
    assert brittle.response_time < 0.99 / (1 - 0.99)


def test_relaxation_time_is_that_of_a_queue() -> None:
    """(1 - sqrt(rho))^-2 service times, without bound at saturation."""
    assert relaxation_time(0.25, 1.0) == pytest.approx(0.25 / 0.25)
    assert relaxation_time(1.0, 1.0) == math.inf
    assert relaxation_time(0.0, 0.0) == 0.0


def test_selection_is_right_as_often_as_it_says() -> None:
    """Of many choices among five noisy samples of which one is better, hardly any confident one is wrong."""
    rng = np.random.default_rng(7)
    wrong = sure = 0
    for _ in range(300):
        common = rng.normal(size=(1, 6))
        means = np.array([[1.0], [1.05], [1.05], [1.05], [1.05]])
        found = select(list(means + 0.2 * common + 0.02 * rng.normal(size=(5, 6))), 0.9)
        sure += found.confident
        wrong += found.confident and found.best != 0
    assert wrong <= 0.1 * 300
    assert sure > 0


def test_selection_does_not_tell_apart_what_it_cannot() -> None:
    """Differences that go either way leave the choice open; equal samples need none; one replication says nothing."""
    noisy = select([[1.0, 2.0, 1.0, 2.0], [2.0, 1.0, 2.0, 1.1]], 0.95)
    assert noisy.best == 0
    assert not noisy.confident
    assert select([[1.0, 2.0], [1.0, 2.0]], 0.95).confident
    assert not select([[1.0], [3.0]], 0.95).confident


def test_the_same_call_gives_the_same_answer() -> None:
    """Everything follows from the seed."""
    scenario = one_component({"one": (0.4, 2.0), "other": (0.39, 2.0)}, requests=500)
    first, second = confirm(scenario), confirm(scenario)
    assert first.accepted == second.accepted
    assert first.selection == second.selection


@pytest.mark.parametrize(("best", "most"), [(0, 5), (6, 5)])
def test_numbers_of_plans_make_sense(best: int, most: int) -> None:
    """At least one plan, and no more than the limit."""
    with pytest.raises(TwinError, match="plans to simulate"):
        confirm(one_component({"one": (0.4, 2.0)}), best_k=best, most=most)


def test_the_command_writes_the_plan_that_the_twin_accepts(tmp_path: Path) -> None:
    """The JSON tells the whole story, and the cost is that of the plan written."""
    scenario = one_component({"cheap": (0.6, 1.0), "dear": (0.1, 4.0)}, constraints=(at_most(1.0, percentile=95.0),))
    system, out = tmp_path / "scenario.yaml", tmp_path / "plan.yaml"
    write_form(scenario, system, "scenario")
    ran = CliRunner().invoke(
        optimise_command, [str(system), *SIMULATED, "--best", "1", "--sensitivity", "--out", str(out), "--json"]
    )
    assert ran.exit_code == 0, ran.output
    result = json.loads(ran.stdout)
    assert result["cost"] == result["verification"]["cost"] == 4.0
    assert result["optimal"] is False
    assert result["bound"] == 1.0
    assert result["sensitivity"] == []
    assert read_plan(out, scenario).placements["a"].resource == "dear"
    shown = CliRunner().invoke(optimise_command, [str(system), *SIMULATED, "--best", "1", "--out", str(out)])
    assert "CONFIRMED" in shown.output
    assert "rejected" in shown.output


def test_a_plan_that_is_not_confirmed_is_not_written(tmp_path: Path) -> None:
    """Status 3 and no file."""
    scenario = one_component({"only": (0.6, 1.0)}, constraints=(at_most(0.3, percentile=95.0),))
    system, out = tmp_path / "scenario.yaml", tmp_path / "plan.yaml"
    write_form(scenario, system, "scenario")
    ran = CliRunner().invoke(optimise_command, [str(system), *SIMULATED, "--requests", "500", "--out", str(out)])
    assert ran.exit_code == 3
    assert "NOT CONFIRMED" in ran.output
    assert not out.exists()
