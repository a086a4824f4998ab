"""A verdict says what the figures support: holds, breaks, or cannot be told."""

from __future__ import annotations

from math import inf, nan
from typing import Any

import pytest

from tests.samples import TANDEM, measures, sample_scenario
from twin.experiment import simulate
from twin.measure import Violation
from twin.verdict import Verdict, judge, overall

LIMIT = {"kind": "response", "limit": 0.5}


def violation(statistic: float, share: float = 0.0) -> Violation:
    """Return how a limit fared among a hundred requests."""
    return Violation(count=100, statistic=statistic, share=share)


def verdict(statistics: list[float], constraint: dict[str, Any] = LIMIT, **changes: Any) -> Verdict:
    """Return the verdict over replications with these *statistics*."""
    scenario = sample_scenario({"constraints": [constraint]})
    assert scenario.plan is not None
    runs = [
        measures(violation(value, value if "share_above" in constraint else 0.0), **changes) for value in statistics
    ]
    return judge(scenario, scenario.plan, runs, set())[0]


@pytest.mark.parametrize(
    ("statistics", "satisfied"),
    [([0.30, 0.31, 0.32], True), ([0.60, 0.61, 0.62], False), ([0.40, 0.50, 0.60], None), ([0.5, 0.5], True)],
)
def test_interval_decides(statistics: list[float], satisfied: bool | None) -> None:
    """A limit holds or breaks when the whole interval says so."""
    found = verdict(statistics)
    assert found.satisfied is satisfied
    assert bool(found.note) is (satisfied is None)


def test_one_replication_cannot_tell() -> None:
    """Without an interval there is no verdict, and the note says why."""
    found = verdict([0.1])
    assert found.satisfied is None
    assert "one replication" in found.note


def test_nobody_came() -> None:
    """A limit on something that no request reaches cannot be told."""
    found = verdict([nan, nan])
    assert found.satisfied is None
    assert "no request" in found.note


@pytest.mark.parametrize(("statistics", "satisfied"), [([inf, inf], False), ([0.1, inf], None)])
def test_percentile_of_lost_requests_is_infinite(statistics: list[float], satisfied: bool | None) -> None:
    """Where more requests are lost than the percentile leaves out, it breaks: surely, if that is so every time."""
    found = verdict(statistics, LIMIT | {"percentile": 95.0})
    assert (found.satisfied, found.value.value) == (satisfied, inf)
    assert "lost" in found.note


def test_share_is_compared_with_the_share_that_is_allowed() -> None:
    """``share_above`` limits a share, not a time."""
    constraint = LIMIT | {"share_above": 0.05}
    assert verdict([0.01, 0.011, 0.012], constraint).satisfied is True
    assert verdict([0.08, 0.081, 0.082], constraint).satisfied is False
    assert verdict([0.08, 0.081, 0.082], constraint).unit == ""


def test_mean_admits_that_requests_were_lost() -> None:
    """A mean is one of the requests that were answered; losing the others must not go unnoticed."""
    found = verdict([0.1, 0.1], lost=7)
    assert found.satisfied is True
    assert "14 were lost" in found.note


def test_lost_requests_count_as_late() -> None:
    """A node that turns away half of its requests breaks a percentile, however fast it answers the rest."""
    scenario = sample_scenario(
        {
            "continuum": {"resources": {"Edge": {"queue_capacity": 0}}},
            "workload": {"sources": {"cameras": {"arrivals": {"rate": 10}}}},
            "constraints": [LIMIT | {"limit": 5.0, "percentile": 95.0}, LIMIT | {"limit": 5.0}],
        }
    )
    report = simulate(scenario)
    first, second = report.verdicts
    assert (first.satisfied, first.value.value) == (False, inf)
    assert first.violation.value == pytest.approx(0.5, abs=0.1)
    assert second.satisfied is True
    assert "were lost" in second.note
    assert report.verdict == "fail"


def test_limits_of_equal_name_are_judged_apart() -> None:
    """A limit on the mean and one on a percentile of one component go by the same name."""
    scenario = sample_scenario(
        {
            "constraints": [
                {"kind": "local", "component": "detect", "limit": 5.0},
                {"kind": "local", "component": "detect", "limit": 0.01},
            ]
        }
    )
    assert [each.satisfied for each in simulate(scenario).verdicts] == [True, False]


def test_inconclusive_plan() -> None:
    """A limit in the middle of the interval makes the plan inconclusive; a broken one outweighs it."""
    unclear, broken, fine = verdict([0.4, 0.6]), verdict([0.6, 0.6]), verdict([0.1, 0.1])
    assert overall([fine, unclear], overloaded=False) == "inconclusive"
    assert overall([fine, unclear, broken], overloaded=False) == "fail"
    assert overall([fine], overloaded=False) == "pass"
    assert overall([fine], overloaded=True) == "fail"


@pytest.mark.parametrize(
    ("asked", "satisfied", "note"), [(4.0, True, ""), (8.0, True, "10/s would be possible"), (12.0, False, "10/s")]
)
def test_throughput_that_nobody_asks_for(asked: float, satisfied: bool, note: str) -> None:
    """Where the workload offers less than the limit asks, what the node could do decides: 1 / 0.1 s = 10/s."""
    scenario = sample_scenario(
        {"constraints": [{"kind": "throughput", "component": "detect", "at_least": asked}], "run": {"requests": 2000}}
    )
    found = simulate(scenario).verdicts[0]
    assert found.satisfied is satisfied
    assert note in found.note


def test_throughput_of_an_overloaded_component() -> None:
    """A node that does 10/s of 20/s breaks a limit of 15/s, and nobody blames the workload."""
    scenario = sample_scenario(
        {
            "workload": {"sources": {"cameras": {"arrivals": {"rate": 20}}}},
            "constraints": [
                {"kind": "throughput", "component": "detect", "at_least": 15.0},
                {"kind": "throughput", "component": "detect", "at_least": 8.0, "name": "less"},
            ],
            "run": {"requests": 2000, "warm_up": 50.0},
        }
    )
    short, enough = simulate(scenario).verdicts
    assert (short.satisfied, short.note) == (False, "overloaded")
    assert short.value.value == pytest.approx(10, rel=0.1)
    assert enough.satisfied is True


def test_device_and_memory() -> None:
    """What a node lacks is named, and partitions that do not fit together break the plan."""
    scenario = sample_scenario(
        TANDEM,
        {
            "continuum": {"resources": {"Edge": {"memory_mb": 1000}}},
            "application": {
                "components": {
                    "detect": {"container": {"memory_mb": 700}},
                    "track": {"candidates": ["Edge"], "container": {"memory_mb": 400}},
                }
            },
            "profiles": {"track": {"Edge": 0.01, "Back": None}},
            "plan": {"track": "Edge"},
            "constraints": [
                {"kind": "device", "component": "detect", "memory_mb": 1000},
                {"kind": "device", "component": "track", "memory_mb": 1001, "gpu": True, "name": "strong"},
            ],
        },
    )
    report = simulate(scenario)
    enough, strong, memory = report.verdicts
    assert enough.satisfied is True
    assert (strong.satisfied, strong.note) == (False, "Edge has 1000 MB; Edge has no GPU")
    assert (memory.name, memory.satisfied, memory.value.value) == ("memory: Edge", False, 1100)
    assert report.verdict == "fail"
