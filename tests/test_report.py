"""A report says what happened, and can be repeated to the last byte."""

from __future__ import annotations

import json
from dataclasses import replace
from math import ceil
from typing import Any

import pytest

from tests.samples import DETERMINISTIC, TANDEM, on_function, sample_scenario
from twin.compilation import compile_network
from twin.errors import EngineError, PlanError
from twin.experiment import simulate
from twin.overload import overloads
from twin.report import Report

BUSY = {"workload": {"sources": {"cameras": {"arrivals": {"rate": 20}}}}, "run": {"requests": 3000, "replications": 5}}
"""Twice as many requests as the node can answer."""


def run(*changes: dict[str, Any]) -> Report:
    """Run the sample scenario with *changes*."""
    return simulate(sample_scenario(*changes))


def numbers_of(value: Any) -> list[float]:
    """Return every number in a report."""
    if isinstance(value, dict | list):
        items = value.values() if isinstance(value, dict) else value
        return [number for item in items for number in numbers_of(item)]
    return [value] if isinstance(value, float) else []


def refuse(constant: str) -> None:
    """Fail on what only Python calls JSON."""
    raise AssertionError(f"{constant} is not JSON")


# -- the document ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "changes",
    [(), (BUSY,), (on_function(),), (DETERMINISTIC, {"profiles": {"detect": {"Edge": 1000.0}}})],
    ids=["plain", "overloaded", "function", "nothing finished"],
)
def test_report_is_json(changes: tuple[dict[str, Any], ...]) -> None:
    """Figures without a value are null, never NaN."""
    report = run(*changes)
    document = json.loads(report.to_json(), parse_constant=refuse)
    assert document == report.document()
    assert document["scenario"] == "sample"


def test_equal_seeds_give_equal_reports() -> None:
    """To the byte; and another seed is another report."""
    first = run(TANDEM).to_json()
    assert run(TANDEM).to_json() == first
    assert run(TANDEM, {"run": {"seed": 2}}).to_json() != first


def test_processes_change_nothing() -> None:
    """A report over two processes is that of one."""
    scenario = sample_scenario(TANDEM)
    assert simulate(scenario, jobs=2).to_json() == simulate(scenario, jobs=1).to_json()


def test_fingerprint_tells_what_was_run() -> None:
    """The fingerprints change with the scenario and the plan, not with what is expected."""
    repeat = run().figures["repeat"]
    other = run({"continuum": {"resources": {"Edge": {"cost_per_hour": 1.0}}}}).figures["repeat"]
    assert other["scenario_sha256"] != repeat["scenario_sha256"]
    assert other["plan_sha256"] == repeat["plan_sha256"]
    assert (
        run({"plan": {"detect": {"resource": "Edge", "replicas": 2}}}).figures["repeat"]["plan_sha256"]
        != (repeat["plan_sha256"])
    )
    assert run({"expect": [{"figure": "verdict", "equals": "pass"}]}).figures["repeat"] == repeat


def test_scenario_without_a_plan() -> None:
    """Somebody has to say what runs where."""
    with pytest.raises(PlanError, match="has no plan; add one"):
        run({"plan": None})


# -- requests, cost, energy by hand ---------------------------------------------------------------------------------


def test_requests_are_counted() -> None:
    """A hundred seconds, a request at each but the last, the last one unfinished: 98 of 99 have been answered."""
    report = run(DETERMINISTIC, {"profiles": {"detect": {"Edge": 1.0}}, "run": {"horizon": 99.5}})
    assert report.figures["requests"] == {
        "arrived": 2 * 99,
        "completed": 2 * 98,
        "unfinished": 2 * 1,
        "lost": 0,
        "retries": 0,
    }


def test_nothing_finished() -> None:
    """No plan looks good by hiding its backlog."""
    report = run(DETERMINISTIC, on_function(), {"profiles": {"detect": {"Lambda": 1000.0}}})
    assert report.figures["requests"]["completed"] == 0
    assert report.figures["requests"]["unfinished"] == report.figures["requests"]["arrived"] > 0
    assert report.document()["response_time"]["mean"] is None


def test_cost_and_energy_by_hand() -> None:
    """Two nodes for 100 s at 0.36 euro/hour; requests of 0.25 s keep one of two busy for an eighth of the time."""
    report = run(
        DETERMINISTIC,
        {
            "continuum": {
                "resources": {"Edge": {"power": {"idle_w": 10.0, "busy_w": 20.0}, "dispatch": "round_robin"}}
            },
            "profiles": {"detect": {"Edge": 0.25}},
            "plan": {"detect": {"resource": "Edge", "replicas": 2}},
            "run": {"horizon": 100.5},
        },
    )
    edge = report.figures["resources"]["Edge"]
    assert edge["utilisation"] == pytest.approx(100 * 0.25 / (2 * 100.5))
    assert edge["nodes"] == 2
    assert report.figures["cost"] == pytest.approx(2 * 0.36 * 100.5 / 3600)
    assert report.figures["cost_per_hour"] == pytest.approx(0.72)
    assert report.figures["energy"] == pytest.approx(2 * 100.5 * (10 + 10 * edge["utilisation"]))
    assert report.figures["throughput"] == pytest.approx(100 / 100.5)
    assert report.figures["response_time"]["mean"] == pytest.approx(0.25)
    assert report.figures["response_time"]["ci"] == pytest.approx([0.25, 0.25])


@pytest.mark.parametrize("bills_cold_start", [False, True])
def test_bill_of_a_function_by_hand(bills_cold_start: bool) -> None:
    """Each call of 0.23 s is billed as 0.3 s; the first starts cold, which some providers bill."""
    function = {
        "cost_per_hour": 3.6,
        "cost_per_request": 0.01,
        "billing_step": 0.1,
        "bills_cold_start": bills_cold_start,
        "cold_start": 0.5,
        "idle_time": 600.0,
    }
    report = run(DETERMINISTIC, on_function(**function), {"profiles": {"detect": {"Lambda": 0.23}}})
    calls = report.figures["requests"]["arrived"] // 2
    first = ceil((0.73 if bills_cold_start else 0.23) * 10) / 10
    assert calls in (99, 100)
    assert report.figures["cost"] == pytest.approx((first + 0.3 * (calls - 1)) * 0.001 + 0.01 * calls)
    partition = report.figures["components"]["detect"]["partitions"]["detect"]
    assert partition["cold_share"] == pytest.approx(1 / report.figures["requests"]["completed"] * 2)
    assert report.figures["resources"]["Lambda"]["nodes"] == 0


def test_queue_of_a_function_is_not_its_utilisation() -> None:
    """Calls that wait for one of two instances do not keep them busy."""
    report = run(
        on_function(concurrency_limit=2, on_limit="queue"),
        {"workload": {"sources": {"cameras": {"arrivals": {"rate": 16}}}}, "run": {"requests": 4000}},
    )
    function = report.figures["resources"]["Lambda"]
    assert function["utilisation"] == pytest.approx(0.8, abs=0.05)
    assert function["queue_length"] == pytest.approx(2.84, rel=0.4)
    assert function["requests_present"] == pytest.approx(function["queue_length"] + 2 * function["utilisation"])


def test_units_of_a_container_do_not_multiply_the_instances_of_a_function() -> None:
    """The utilisation of a function counts instances, however many cores one has."""
    changes = {"application": {"components": {"detect": {"container": {"computing_units": 4.0}}}}}
    limited = on_function(concurrency_limit=10)
    assert run(limited, changes).figures["resources"] == run(limited).figures["resources"]
    assert run(limited, changes).figures["resources"]["Lambda"]["utilisation"] == pytest.approx(0.05, rel=0.2)


# -- overload -------------------------------------------------------------------------------------------------------


def test_overload_is_found() -> None:
    """Of 20 requests/s a node does 10: half stay behind, figures that would grow are null, the plan fails."""
    report = run(BUSY)
    document = report.document()
    finding = document["findings"][0]
    assert (finding["name"], finding["offered_load"]) == ("Edge", pytest.approx(2))
    assert finding["backlog_growth"] == pytest.approx(10)
    low, high = finding["measured_backlog_growth_ci"]
    assert low < 10 < high
    assert "Edge is offered 2 times" in finding["message"]
    assert report.verdict == "fail"
    assert set(document["response_time"].values()) == {None}
    assert document["components"]["detect"]["response_time"]["p95"] is None
    assert document["components"]["detect"]["throughput"] == pytest.approx(10, rel=0.05)
    edge = document["resources"]["Edge"]
    assert (edge["utilisation"], edge["queue_length"], edge["offered_load"]) == (1, None, pytest.approx(2))


def test_overload_fails_a_plan_without_limits_and_breaks_those_there_are() -> None:
    """A time that grows without bound breaks every limit in the end."""
    limit = {"constraints": [{"kind": "response", "limit": 1000.0}]}
    report = run(BUSY, limit)
    assert [each.satisfied for each in report.verdicts] == [False]
    assert "overloaded" in report.verdicts[0].note
    assert run(BUSY).verdict == "fail"
    assert run(limit).verdict == "pass"


@pytest.mark.parametrize("discipline", ["fifo", "ps"])
def test_what_stays_behind_does_not_burden_the_next(discipline: str) -> None:
    """Behind a node that lets 10/s of 20/s through, one that can do 12/s has room."""
    report = run(
        TANDEM,
        BUSY,
        {
            "continuum": {"resources": {name: {"discipline": discipline} for name in ("Edge", "Back")}},
            "profiles": {"track": {"Back": 1 / 12}},
        },
    )
    assert [(each.name, each.backlog_growth) for each in report.overloads] == [("Edge", pytest.approx(10))]
    assert report.figures["resources"]["Back"]["utilisation"] == pytest.approx(10 / 12, abs=0.06)
    assert report.figures["components"]["track"]["response_time"]["mean"] > 0


def test_two_bottlenecks_share_the_backlog() -> None:
    """Of 20/s the first node keeps 10/s back, the second 5/s of the rest; together, what is measured."""
    report = run(TANDEM, BUSY, {"profiles": {"track": {"Back": 0.2}}})
    growth = {each.name: each.backlog_growth for each in report.overloads}
    assert growth == {"Edge": pytest.approx(10), "Back": pytest.approx(5)}
    low, high = report.figures["findings"][0]["measured_backlog_growth_ci"]
    assert low < 15 < high


def test_components_that_share_an_overloaded_node() -> None:
    """Two components in a row on one node throttle each other; the backlog is what does not come out."""
    shared = {
        "application": {"components": {"track": {"candidates": ["Edge"]}}},
        "profiles": {"track": {"Edge": 0.1, "Back": None}},
        "plan": {"track": "Edge"},
    }
    report = run(TANDEM, BUSY, shared, {"workload": {"sources": {"cameras": {"arrivals": {"rate": 8}}}}})
    overload = report.overloads[0]
    passed = 1 / overload.offered_load
    assert overload.offered_load == pytest.approx(0.8 * (1 + passed))
    assert overload.backlog_growth == pytest.approx(8 * (1 - passed**2))
    low, high = report.figures["findings"][0]["measured_backlog_growth_ci"]
    assert low < overload.backlog_growth < high


def test_only_the_nodes_that_have_too_much_work_are_full() -> None:
    """A component with one replica drowns the first node; the second has room."""
    scenario = sample_scenario(
        TANDEM,
        BUSY,
        {
            "application": {"components": {"track": {"candidates": ["Edge"]}}},
            "profiles": {"track": {"Edge": 0.01, "Back": None}},
            "plan": {"track": {"resource": "Edge", "replicas": 2}},
        },
    )
    assert scenario.plan is not None
    overload = overloads(scenario, compile_network(scenario, scenario.plan), horizon=100.0, down={})[0]
    assert overload.utilisation == pytest.approx((1 + 0.05) / 2, abs=0.02)


SLOW_LINK = {"continuum": {"domains": {"lan": {"bandwidth_mbit_per_s": 2, "contention": "fifo"}}}}


def test_overloaded_link_between_components() -> None:
    """Five pictures/s of 0.1 MB need 4 Mbit/s; with 2 Mbit/s the path grows, but neither of its components does."""
    limits: dict[str, Any] = {
        "constraints": [
            {"kind": "local", "component": "detect", "limit": 5.0},
            {"kind": "local", "component": "track", "limit": 5.0},
            {"kind": "global", "path": ["detect", "track"], "limit": 5.0},
        ]
    }
    report = run(TANDEM, SLOW_LINK, limits)
    assert [(each.name, each.kind) for each in report.overloads] == [("lan", "link")]
    assert report.overloads[0].backlog_growth == pytest.approx(2.5)
    assert [each.satisfied for each in report.verdicts] == [True, True, False]
    document = report.document()
    assert document["components"]["track"]["response_time"]["mean"] is not None
    assert document["paths"]["global: detect > track"]["response_time"]["mean"] is None
    assert document["response_time"]["mean"] is None


def test_overloaded_link_at_the_entrance() -> None:
    """The way from the cameras to the first component can be the bottleneck too."""
    source = {"workload": {"sources": {"cameras": {"at": "cloud", "data_mb": 0.1}}}}
    assert [each.name for each in run(SLOW_LINK, source).overloads] == ["lan"]
    assert run(source).overloads == ()


def test_busiest_moment_is_no_overload() -> None:
    """A node at 95 % is busy, not overloaded; neither is one that turns requests away."""
    assert run({"workload": {"sources": {"cameras": {"arrivals": {"rate": 9.5}}}}}).overloads == ()
    assert run(BUSY, {"continuum": {"resources": {"Edge": {"queue_capacity": 3}}}}).overloads == ()


# -- replications and warm-up ---------------------------------------------------------------------------------------


def test_precision_is_reached() -> None:
    """Replications are added until the interval is as narrow as asked."""
    report = run({"run": {"precision": 0.05, "replications": 2}})
    times = report.figures["response_time"]
    assert 2 < report.figures["replications"] < 200
    assert (times["ci"][1] - times["ci"][0]) / 2 <= 0.05 * times["mean"]


@pytest.mark.parametrize("replications", [1, 3])
def test_precision_gives_up(replications: int) -> None:
    """Not more replications than allowed; also where the first alone has no interval to begin with."""
    report = run({"run": {"precision": 1e-6, "replications": replications, "max_replications": 7}})
    assert report.figures["replications"] == 7


def test_precision_of_what_grows_without_bound() -> None:
    """An overloaded plan is not run again and again for a figure it does not have."""
    assert run(BUSY, {"run": {"precision": 1e-6, "max_replications": 50}}).figures["replications"] == 5


def test_precision_of_what_never_takes_time() -> None:
    """A mean of 0 in all replications is as precise as can be."""
    report = run(DETERMINISTIC, {"profiles": {"detect": {"Edge": 0.0}}, "run": {"precision": 0.01}})
    assert report.figures["replications"] == 2


@pytest.mark.parametrize(
    ("wish", "method", "mean"), [("none", "none", 0.0), (12.5, "given", 12.5), ("auto", "MSER-5", None)]
)
def test_warm_up(wish: float | str, method: str, mean: float | None) -> None:
    """Given, none, or found; the report names the method and the seconds."""
    warm_up = run({"run": {"warm_up": wish}}).figures["warm_up"]
    assert warm_up["method"] == method
    assert mean is None or warm_up["mean"] == mean
    assert 0 <= warm_up["mean"] < 60


def test_warm_up_leaves_out_what_came_before() -> None:
    """Load that ends before the warm-up does leaves no trace in the response time, and all of it in the cost."""
    burst = {
        "workload": {
            "sources": {
                "cameras": {"arrivals": {"process": "piecewise", "times": [0, 20], "rates": [40, 1], "rate": None}}
            }
        },
        "profiles": {"detect": {"Edge": {"mean": 0.1, "law": "deterministic"}}},
        "run": {"requests": None, "horizon": 600.0, "discipline": "fifo"},
    }
    whole, late = run(burst), run(burst, {"run": {"warm_up": 200.0}})
    assert whole.figures["response_time"]["mean"] > 5
    assert late.figures["response_time"]["mean"] < 0.2
    assert late.figures["resources"]["Edge"]["utilisation"] == pytest.approx(0.1, abs=0.03)
    assert late.figures["cost"] == whole.figures["cost"]


def test_warm_up_longer_than_the_run() -> None:
    """Nothing would be left to measure."""
    with pytest.raises(EngineError, match="leaves nothing of a run of 50 s"):
        run({"run": {"warm_up": 80.0, "requests": None, "horizon": 50.0}})


def test_throughput_counts_what_ends_in_the_window() -> None:
    """Behind a backlog, requests that arrived during the warm-up are answered after it, and count."""
    report = run(BUSY, {"run": {"warm_up": 75.0}})
    detect = report.figures["components"]["detect"]
    assert detect["throughput"] == pytest.approx(report.figures["throughput"])
    assert detect["throughput"] == pytest.approx(10, rel=0.1)


def test_measures_are_values() -> None:
    """A report can be made of changed figures, and the original stays as it is."""
    report = run()
    assert replace(report, verdict="fail").verdict == "fail"
    assert report.verdict == "pass"
    assert all(number == number for number in numbers_of(report.document()))


# -- one long run ---------------------------------------------------------------------------------------------------

ALONE = {"run": {"requests": 20_000, "replications": 1, "warm_up": 20.0, "confidence": 0.999}}


def test_one_long_replication_has_intervals() -> None:
    """Batch means stand in for replications: times and shares have an interval, which holds what theory says."""
    limits = {
        "constraints": [
            {"kind": "response", "limit": 0.3},
            {"kind": "response", "limit": 0.6, "percentile": 90.0},
            {"kind": "response", "limit": 0.3, "share_above": 0.01},
        ]
    }
    document = run(ALONE, limits).document()
    assert document["intervals"] == {"method": "batch means"}
    for times in (document["response_time"], document["components"]["detect"]["response_time"]):
        assert times["ci"][0] <= 0.2 <= times["ci"][1]
    assert [each["satisfied"] for each in document["constraints"]] == [True, True, False]
    low, high = document["constraints"][2]["violation_ci"]
    assert low <= 2.718281828**-1.5 <= high
    assert "intervals" not in run().document()


def test_a_short_replication_says_that_it_is_too_short() -> None:
    """A few hundred correlated requests have a mean, and no interval."""
    document = run(ALONE, {"run": {"requests": 500}}, {"constraints": [{"kind": "response", "limit": 0.3}]}).document()
    assert document["response_time"]["ci"] is None
    assert "too short" in document["constraints"][0]["note"]


@pytest.mark.parametrize("replications", [1, 3])
@pytest.mark.parametrize("limit", [{"share_above": 1e-4}, {"percentile": 99.99}])
def test_rare_violations_need_so_many_requests(replications: int, limit: dict[str, float]) -> None:
    """Without a single late answer among a few thousand, one in ten thousand is neither kept nor broken."""
    report = run(
        {"run": {"requests": 3000, "replications": replications}},
        {"constraints": [{"kind": "response", "limit": 4.0, **limit}]},
    )
    found = report.document()["constraints"][0]
    assert found["satisfied"] is None
    assert found["violation_probability"] == 0
    assert found["violation_ci"][1] > 1e-4
    needed = int(found["note"].split("about ")[1].split(" requests")[0].replace(",", ""))
    # P(T > 4) = exp(-20); the bound of independent requests would be proved by 37,000 of them.
    assert 37_000 <= needed <= 3_000_000
