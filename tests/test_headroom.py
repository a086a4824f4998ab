"""What rejections teach: headroom grows where plans are rejected for one resource; rare paths are judged."""

from __future__ import annotations

import numpy as np
import pytest

from design.headroom import GROWTH, Lessons
from design.plan_order import PlanOrder
from design.rare_paths import RarePaths
from design.rules import rules_of
from design.verify import confirm
from tests.small_systems import small_system
from tests.two_hosts import at_most, one_component
from twin.experiment import Job, replicate
from twin.model.scenario import Scenario


def test_one_rejection_teaches_nothing_two_do() -> None:
    """The free share must grow by half over that of the least busy plan rejected."""
    lessons = Lessons()
    assert lessons.learn("edge", 0.98) is None
    assert lessons.learn("cloud", 0.98) is None
    found = lessons.learn("edge", 0.96)
    assert found is not None
    assert found.most == pytest.approx(1 - GROWTH * 0.04)
    assert found.rejected_at == 0.96
    assert "edge" in found.sentence()


def test_an_idle_resource_is_not_to_blame() -> None:
    """Where nothing is busy a rejection has another reason, and plans are cut off one by one."""
    lessons = Lessons()
    assert [lessons.learn("edge", 0.4) for _ in range(5)] == [None] * 5
    assert not lessons.learnt


@pytest.mark.parametrize("seed", range(12))
def test_plans_leave_the_headroom_asked_for(seed: int) -> None:
    """With a limit on use the order holds exactly the plans that keep it, in rising cost."""
    scenario = small_system(seed)
    free = list(PlanOrder(scenario, dialect="d"))[:40]
    busy = [each for each in free if each.busiest is not None]
    if not busy:
        return
    resource, used = max((each.busiest for each in busy if each.busiest), key=lambda pair: pair[1])
    order = PlanOrder(scenario, dialect="d")
    order.allow(resource, used * (1 - 1e-6))
    costs = [each.cost for each, _ in zip(order, range(40), strict=False)]
    kept = [each.cost for each in free if not (each.busiest and each.busiest[1] >= used * (1 - 1e-6))]
    assert costs[: len(kept)] == pytest.approx(kept[: len(costs)])
    np.testing.assert_array_equal(costs, sorted(costs))


def test_no_host_answers_for_another() -> None:
    """Other hosts are other lessons: three rejections at one host each cut nothing off unseen."""
    hosts = {f"cheap{i}": (0.95 - i / 1000, 1.0 + i / 100) for i in range(3)} | {"dear": (0.1, 4.0)}
    scenario = one_component(hosts, constraints=(at_most(1.0, percentile=95.0),))
    found = confirm(scenario, dialect=rules_of("twin", tails="simulation"), best_k=1)
    assert found.cost == 4.0
    assert len(found.rejected) == 3
    assert not found.headroom
    assert found.to_dict()["headroom"] == []


def rare(probability: float) -> Scenario:
    """Return a scenario with a branch of that probability, and a limit on the way along it."""
    return Scenario.model_validate(
        {
            "name": "rare",
            "continuum": {
                "layers": {"L": {"type": "Virtual"}},
                "resources": {"one": {"layer": "L", "cost_per_hour": 1.0}},
                "domains": {"all": {"layers": ["L"], "bandwidth_mbit_per_s": 100}},
            },
            "application": {
                "components": {
                    "a": {"candidates": ["one"]},
                    "b": {"candidates": ["one"]},
                    "c": {"candidates": ["one"]},
                },
                "dependencies": [{"from": "a", "to": "b"}, {"from": "a", "to": "c", "probability": probability}],
            },
            "profiles": {name: {"one": 0.1} for name in "abc"},
            "workload": {"sources": {"s": {"entry": "a", "arrivals": {"process": "poisson", "rate": 1.0}}}},
            "constraints": [{"kind": "global", "name": "way", "path": ["a", "c"], "limit": 5.0}],
            "run": {"requests": 400, "replications": 3},
        }
    )


@pytest.mark.parametrize(("probability", "is_rare"), [(0.02, True), (1.0, False)])
def test_rare_paths_are_judged_by_their_components(probability: float, is_rare: bool) -> None:
    """Few requests say nothing, their components do; where many come, they are taken at their word."""
    scenario = rare(probability)
    (ranked,) = list(PlanOrder(scenario))
    measures = [replicate(Job(scenario=scenario, plan=ranked.plan, replication=i, engine="simpy")) for i in range(3)]
    judged, names = RarePaths(scenario, ranked.plan, "twin").judged(measures)
    assert bool(names) == is_rare
    for before, after in zip(measures, judged, strict=True):
        if is_rare:
            (found,) = after.violations
            assert found is not None
            assert found.statistic == pytest.approx(before.components["a"].mean + before.components["c"].mean)
        else:
            assert after == before
