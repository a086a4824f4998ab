"""Policies in the twin: what they see, what their answers cost, and what becomes of those that fail."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from threading import Event
from typing import Any

import numpy as np
import pytest

from tests.random_worlds import random_plan, world
from twin.actuation import Actuator
from twin.alarms import Alarms
from twin.control import Observation
from twin.controlled_measures import ControlledMeasures
from twin.errors import PolicyError
from twin.experiment import simulate
from twin.model.constraints import ResponseConstraint, ThroughputConstraint
from twin.model.law import Law
from twin.model.plan import Placement, Plan
from twin.model.reconfiguration import Reconfiguration
from twin.model.scenario import Scenario
from twin.policy_run import PolicyJob, controlled_course, simulate_policy
from twin.universe import Universe

ENGINES = ("simpy", "compiled")


class Static:
    """Leaves everything as it is."""

    def decide(self, observation: Observation) -> Plan | None:
        """Answer with nothing."""
        assert observation.window > 0


class Scripted:
    """Answers with given plans, one a decision, then with nothing; keeps what it saw."""

    def __init__(self, *plans: Plan | None) -> None:
        self.plans = list(plans)
        self.seen: list[Observation] = []

    def decide(self, observation: Observation) -> Plan | None:
        """Answer with the next plan."""
        self.seen.append(observation)
        return self.plans.pop(0) if self.plans else None


class Drawn:
    """Answers with random plans."""

    def __init__(self, scenario: Scenario, seed: int) -> None:
        self.scenario = scenario
        self.rng = Random(seed)

    def decide(self, observation: Observation) -> Plan | None:
        """Answer with a plan that fits, more often than not."""
        assert observation.unfinished >= 0
        return random_plan(self.scenario, self.rng) if self.rng.random() < 0.7 else None


def station(**more: Any) -> Scenario:
    """Return one component on up to three nodes ``vm`` at 3.6 euro an hour, or on the device ``edge``."""
    vm = {"layer": "cloud", "nodes": 3, "cost_per_hour": 3600.0, "discipline": "fifo", **more.pop("vm", {})}
    edge = {"layer": "edge", "nodes": 2, "cost_per_hour": 36.0, "discipline": "fifo"}
    data: dict[str, Any] = {
        "name": "station",
        "continuum": {
            "layers": {"edge": {"type": "PhysicalAlreadyProvisioned"}, "cloud": {"type": "Virtual"}},
            "domains": {"net": {"layers": ["edge", "cloud"], "bandwidth_mbit_per_s": 8, "access_delay": 0.5}},
            "resources": {"edge": edge, "vm": vm},
        },
        "application": {"components": {"c": {"candidates": ["edge", "vm"], "container": more.pop("container", {})}}},
        "profiles": {"c": {"edge": {"mean": 0.1, "law": "deterministic"}, "vm": more.pop("vm_profile", 0.1)}},
        "workload": {"sources": {"s": {"arrivals": more.pop("arrivals", {"process": "deterministic", "rate": 1.0})}}},
        "constraints": [{"kind": "response", "limit": 1.0}],
        "run": {"seed": 3, "replications": 1, "horizon": 100.0},
        "reconfiguration": {"period": 10.0, "monitor": {"window": 20.0}},
    }
    for section, body in more.items():
        data[section] = {**data[section], **body} if isinstance(body, dict) else body
    return Scenario.model_validate(data)


def at(resource: str, replicas: int = 1) -> Plan:
    """Return the plan with the component there."""
    name = f"{resource} {replicas}"
    return Plan(name=name, placements={"c": Placement(resource=resource, replicas=replicas)})


def run_both(scenario: Scenario, plan: Plan, policy: Callable[[], Any], **more: Any) -> ControlledMeasures:
    """Run a replication in both engines, find the same, and return it."""
    ours, theirs = (
        simulate_policy(scenario, plan, policy, engine=engine, replications=1, **more).replications[0]
        for engine in ENGINES
    )
    assert ours.cost == pytest.approx(theirs.cost)
    assert ours.timeline == theirs.timeline
    assert ours.violations == theirs.violations
    return ours


def test_a_policy_that_does_nothing_changes_nothing() -> None:
    """Cost, requests and response times are those of an ordinary run of the same plan."""
    scenario = station(vm_profile=0.7, arrivals={"process": "poisson", "rate": 1.0}, run={"warm_up": "none"})
    report = simulate(scenario, at("vm", 2))
    ours = run_both(scenario, at("vm", 2), Static)
    assert ours.cost == pytest.approx(report.figures["cost"])
    assert ours.response_time.mean == pytest.approx(report.figures["response_time"]["mean"])
    assert ours.reconfigurations == 0


@pytest.mark.parametrize("seed", range(300, 324))
def test_engines_agree_under_a_random_policy(seed: int) -> None:
    """The whole loop gives the same observations, decisions and figures, whatever the world and the policy."""
    rng = Random(seed)
    scenario = world(seed)
    change = {
        "period": rng.choice([0.7, 1.0, 3.0]),
        "monitor": {"window": rng.choice([1.0, 4.0]), "delay": rng.choice([0.0, 0.3, 2.5]), "noise": 0.1, "hold": 1.0},
        "removal": rng.choice(["drain", "kill"]),
        "failure_probability": rng.choice([0.0, 0.3]),
        "late_probability": 0.3,
    }
    start = Law.model_validate(rng.choice([0.0, {"mean": 1.5}]))
    resources = scenario.continuum.resources.items()
    slow = {name: resource.model_copy(update={"start_time": start}) for name, resource in resources}
    scenario = scenario.model_copy(
        update={
            "reconfiguration": Reconfiguration.model_validate(change),
            "run": scenario.run.model_copy(update={"horizon": 20.0}),
            "continuum": scenario.continuum.model_copy(update={"resources": slow}),
        }
    )
    plan = random_plan(scenario, rng)
    universe = Universe(scenario)
    courses = [
        controlled_course(
            PolicyJob(
                scenario=scenario,
                plan=plan,
                policy=lambda: Drawn(scenario, seed),
                replication=0,
                engine=engine,
                time_limit=None,
            ),
            universe,
        )
        for engine in ENGINES
    ]
    ours, theirs = courses
    for name in ("arrivals", "ends", "lost", "visits"):
        one, other = getattr(ours.trajectory, name), getattr(theirs.trajectory, name)
        np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-9, err_msg=name)
    assert ours.timeline.decision == theirs.timeline.decision
    assert ours.timeline.nodes == theirs.timeline.nodes
    assert ours.rents == theirs.rents
    assert ours.broken == theirs.broken


# What a change takes ------------------------------------------------------------------------------------------------


def test_instant_changes_take_place_at_the_decision() -> None:
    """From the second decision on (20 s), another node is paid: 100 s of one node and 80 s of another."""
    ours = run_both(station(), at("vm"), lambda: Scripted(None, at("vm", 2)))
    assert ours.plans[1][0] == 20.0
    assert ours.cost == pytest.approx(100.0 + 80.0)
    assert ours.reconfigurations == 1


def test_a_node_is_paid_while_it_starts_and_serves_only_then() -> None:
    """Boot 4 s, pull 8 megabytes at 1 MB/s after 0.5 s, load 3 s: it serves 15.5 s after the decision at 10 s."""
    scenario = station(
        vm={"start_time": {"mean": 4.0, "law": "deterministic"}},
        container={"image_mb": 8.0},
        vm_profile={"service_time": 0.1, "cold_start": {"mean": 3.0, "law": "deterministic"}},
        reconfiguration={"registry": "edge"},
    )
    ours = run_both(scenario, at("edge"), lambda: Scripted(at("vm")))
    assert [time for time, _ in ours.plans] == [0.0, pytest.approx(10.0 + 4.0 + 0.5 + 8.0 + 3.0)]
    # The device is paid (0.01 euro a second) until the node serves, and the node from its order on.
    assert ours.cost == pytest.approx(0.01 * 25.5 + 90.0, abs=0.01)


def test_a_withdrawn_node_is_paid_until_it_is_empty() -> None:
    """The request that arrives at 9 s ends at 19 s on the first node, although the plan leaves it at 10 s."""
    scenario = station(
        arrivals={"process": "trace", "file": "t.csv", "times": [9.0]},
        vm_profile={"mean": 10.0, "law": "deterministic"},
    )
    assert run_both(scenario, at("vm"), lambda: Scripted(at("edge"))).cost == pytest.approx(19.0 + 0.01 * 90)
    killed = station(
        arrivals={"process": "trace", "file": "t.csv", "times": [9.0]},
        vm_profile={"mean": 10.0, "law": "deterministic"},
        reconfiguration={"removal": "kill"},
    )
    ours = run_both(killed, at("vm"), lambda: Scripted(at("edge")))
    assert (ours.cost, ours.retries) == (pytest.approx(10.0 + 0.01 * 90), 1)
    assert ours.response_time.mean == pytest.approx(1.1)


def test_another_answer_replaces_the_change_under_way() -> None:
    """The third node is given up at 20 s, 5 s before it would have run; the second keeps its order."""
    scenario = station(vm={"start_time": {"mean": 15.0, "law": "deterministic"}})
    ours = run_both(scenario, at("vm"), lambda: Scripted(at("vm", 3), at("vm", 2)))
    assert [time for time, _ in ours.plans] == [0.0, 25.0]
    assert ours.cost == pytest.approx(100.0 + 90.0 + 10.0)


def test_taking_an_order_back_costs_what_was_ordered() -> None:
    """The plan in force as answer cancels the change under way."""
    scenario = station(vm={"start_time": {"mean": 15.0, "law": "deterministic"}})
    ours = run_both(scenario, at("vm"), lambda: Scripted(at("vm", 3), at("vm")))
    assert ours.timeline.decision[:3] == ["ordered", "cancelled", "none"]
    assert (len(ours.plans), ours.reconfigurations) == (1, 0)
    assert ours.cost == pytest.approx(100.0 + 2 * 10.0)


def test_a_change_that_fails_leaves_the_old_plan_and_its_bill() -> None:
    """The node is paid until it should have run, and the failure is counted."""
    scenario = station(
        vm={"start_time": {"mean": 5.0, "law": "deterministic"}}, reconfiguration={"failure_probability": 1.0}
    )
    ours = run_both(scenario, at("vm"), lambda: Scripted(at("vm", 2)))
    assert (len(ours.plans), ours.failed_actuations, ours.reconfigurations) == (1, 1, 0)
    assert ours.cost == pytest.approx(100.0 + 5.0)


def test_late_changes_take_longer() -> None:
    """Every time is multiplied by the factor."""
    scenario = station(
        vm={"start_time": {"mean": 5.0, "law": "deterministic"}},
        reconfiguration={"late_probability": 1.0, "late_factor": 3.0},
    )
    assert run_both(scenario, at("vm"), lambda: Scripted(at("vm", 2))).plans[1][0] == 25.0


def test_impossible_plans_are_refused_and_counted() -> None:
    """With the second and the reason; the run goes on under the old plan."""
    scenario = station(reconfiguration={"fixed_resources": ["edge"]})
    ours = run_both(scenario, at("edge"), lambda: Scripted(at("vm", 4), at("edge", 2), at("vm", 2)))
    assert [refusal.time for refusal in ours.refused] == [10.0, 20.0]
    assert "asks for 4 replicas" in ours.refused[0].reason
    assert "'edge' is fixed" in ours.refused[1].reason
    assert ours.plans[1][0] == 30.0


@pytest.mark.parametrize("fails", [False, True])
def test_each_component_changes_over_when_its_own_replicas_are_ready(fails: bool) -> None:
    """One is ready after 2 s, the other after 5 s; a change that fails shows only when the last would be ready."""
    boots = {"fast": 2.0, "slow": 5.0}
    scenario = Scenario.model_validate(
        {
            "name": "two",
            "continuum": {
                "layers": {"cloud": {"type": "Virtual"}},
                "domains": {"net": {"layers": ["cloud"], "bandwidth_mbit_per_s": 8}},
                "resources": {
                    "old": {"layer": "cloud"},
                    **{
                        n: {"layer": "cloud", "start_time": {"mean": t, "law": "deterministic"}}
                        for n, t in boots.items()
                    },
                },
            },
            "application": {"components": {"a": {"candidates": ["old", "fast"]}, "b": {"candidates": ["old", "slow"]}}},
            "profiles": {"a": {"old": 1.0, "fast": 1.0}, "b": {"old": 1.0, "slow": 1.0}},
            "workload": {"sources": {"s": {"entry": "a", "arrivals": {"process": "poisson", "rate": 1.0}}}},
            "reconfiguration": {"failure_probability": float(fails)},
        }
    )
    first = Plan(placements={name: Placement(resource="old") for name in "ab"})
    actuator = Actuator(scenario, first, seed=1, replication=0)
    target = Plan(placements={"a": Placement(resource="fast"), "b": Placement(resource="slow")})
    assert actuator.order(target, 10.0, lambda _resource, _node: False) == "ordered"
    assert not actuator.progress(10.0)
    if fails:
        assert actuator.due == 15.0
        assert not actuator.progress(15.0)
        assert (actuator.failed, actuator.in_force, actuator.rented()) == (1, first, {("old", 0)})
        return
    assert actuator.due == 12.0
    assert actuator.progress(12.0)
    assert [actuator.in_force.placements[name].resource for name in "ab"] == ["fast", "old"]
    assert (actuator.due, actuator.done) == (15.0, 0)
    assert actuator.progress(15.0)
    assert (actuator.in_force, actuator.done, actuator.pending) == (target, 1, None)


# Policies that fail -------------------------------------------------------------------------------------------------


class Raising:
    """Raises at every decision."""

    def decide(self, observation: Observation) -> Plan | None:
        """Divide by nothing."""
        raise ZeroDivisionError(f"by nothing, after {observation.window} s")


class Confused:
    """Answers with something else."""

    def decide(self, observation: Observation) -> Any:
        """Answer with a word."""
        return f"scale up at {observation.time}"


class Hanging:
    """Never answers."""

    def decide(self, observation: Observation) -> Plan | None:
        """Wait for what does not come."""
        Event().wait(30.0)
        return observation.plan


@pytest.mark.parametrize(
    ("policy", "message"), [(Raising, "ZeroDivisionError: by nothing"), (Confused, "str"), (Hanging, "not decided")]
)
def test_policies_that_fail_are_named_with_the_simulated_time(policy: type, message: str) -> None:
    """The run stops with an error, or goes on and counts."""
    with pytest.raises(PolicyError, match=rf"policy '{policy.__name__}' at 10 s: .*{message}"):
        simulate_policy(station(), at("vm"), policy, engine="simpy", time_limit=0.05)
    run = simulate_policy(station(), at("vm"), policy, engine="simpy", time_limit=0.05, on_error="count")
    assert len(run.replications[0].policy_errors) == 9
    assert run.replications[0].completed > 90


# What a policy sees -------------------------------------------------------------------------------------------------


def watched(scenario: Scenario, plan: Plan, engine: str = "compiled") -> list[Observation]:
    """Return what a policy sees."""
    policy = Scripted()
    simulate_policy(scenario, plan, lambda: policy, engine=engine, replications=1)
    return policy.seen


def test_a_policy_sees_the_figures_of_its_window() -> None:
    """One request a second of 0.25 s each on one node of two: half of them on each, so 1/8 busy."""
    quarter = {"mean": 0.25, "law": "deterministic"}
    for engine in ENGINES:
        seen = watched(station(vm_profile=quarter, vm={"dispatch": "round_robin"}), at("vm", 2), engine)
        assert [each.time for each in seen] == [10.0 * i for i in range(1, 10)]
        assert [each.window for each in seen[:3]] == [10.0, 20.0, 20.0]
        one = seen[4]
        assert one.arrival_rates["s"] == pytest.approx(1.0, abs=0.06)
        assert one.throughput == pytest.approx(1.0, abs=0.06)
        assert one.response_time.mean == one.response_time.p95 == pytest.approx(0.25)
        assert one.components["c"].response_time.count == one.partitions["c"].service_time.count
        assert one.partitions["c"].service_time.mean == pytest.approx(0.25)
        assert one.resources["vm"].utilisation == pytest.approx(0.125, abs=0.01)
        assert (one.resources["vm"].nodes, one.resources["vm"].down) == (2, 0)
        assert one.bandwidths == {"net": 8.0}
        assert "edge" not in one.resources


def test_a_delayed_monitor_shows_what_was() -> None:
    """With a delay of 3 s the window ends 3 s before the decision; noise changes the times and nothing else."""
    scenario = station(
        arrivals={"process": "poisson", "rate": 3.0},
        reconfiguration={"monitor": {"window": 20.0, "delay": 3.0}},
    )
    noisy = station(
        arrivals={"process": "poisson", "rate": 3.0},
        reconfiguration={"monitor": {"window": 20.0, "delay": 3.0, "noise": 0.3}},
    )
    seen, blurred = watched(scenario, at("vm")), watched(noisy, at("vm"))
    assert [each.time for each in seen][:2] == [7.0, 17.0]
    ratios = [b.response_time.mean / s.response_time.mean for s, b in zip(seen, blurred, strict=True)]  # type: ignore[operator]
    assert len(set(ratios)) == len(ratios)
    assert [each.throughput for each in seen] == [each.throughput for each in blurred]


def test_nodes_that_are_down_and_links_that_are_cut_are_seen() -> None:
    """A crash of one node, and the bandwidth during a cut."""
    crash = {"event": "crash", "resource": "vm", "at": 15.0, "duration": 10.0, "node": 1}
    cut = {"event": "link", "domain": "net", "at": 15.0, "duration": 10.0, "bandwidth_factor": 0.0}
    seen = watched(station(events=[crash, cut]), at("vm", 2))
    assert [each.resources["vm"].down for each in seen[:3]] == [0, 1, 0]
    assert [each.bandwidths["net"] for each in seen[:3]] == [8.0, 0.0, 8.0]


def test_alarms_are_raised_and_cleared_after_their_hold_time() -> None:
    """What is not measured changes nothing; a throughput alarms when it is too low."""
    limits = (
        ResponseConstraint(kind="response", name="r", limit=1.0),
        ThroughputConstraint(kind="throughput", name="t", component="c", at_least=2.0),
    )
    alarms = Alarms(limits, hold=10.0)
    assert alarms.update(0.0, {"r": 2.0, "t": 3.0}) == ()
    assert alarms.update(5.0, {"r": 0.5, "t": 1.0}) == ()
    assert alarms.update(8.0, {"r": 2.0, "t": 1.0}) == ()
    [low] = alarms.update(15.0, {"r": 2.0, "t": 1.5})
    assert (low.constraint, low.kind, low.value, low.limit, low.since) == ("t", "throughput", 1.5, 2.0, 15.0)
    assert [alarm.constraint for alarm in alarms.update(18.0, {"r": 2.5, "t": None})] == ["t", "r"]
    assert len(alarms.update(20.0, {"r": 0.5, "t": None})) == 2
    assert [alarm.constraint for alarm in alarms.update(30.0, {"r": 0.5})] == ["t"]


# Against theory -----------------------------------------------------------------------------------------------------


def test_after_the_switch_the_new_plan_meets_its_theory() -> None:
    """From one node to two in mid-run: the second half is M/M/2 where the shortest queue is not, but cores are two.

    Two single-core nodes chosen at random are two M/M/1 queues at half the rate each: the mean response time is
    1 / (mu - lambda / 2).
    """
    rate, mean = 6.0, 0.1
    scenario = station(
        vm_profile=mean,
        arrivals={"process": "poisson", "rate": rate},
        run={"horizon": 4000.0, "replications": 12},
        reconfiguration={"period": 1000.0},
    )
    figures: list[tuple[float, float]] = []
    for replication in range(12):
        job = PolicyJob(scenario=scenario, plan=at("vm"), policy=lambda: Scripted(at("vm", 2)), replication=replication)
        run = controlled_course(job, Universe(scenario)).trajectory
        times = run.ends - run.arrivals
        parts = [(run.arrivals > 100) & (run.arrivals < 1000), (run.arrivals > 1100) & (run.arrivals < 3900)]
        figures.append((float(times[parts[0]].mean()), float(times[parts[1]].mean())))
    before, after = np.array(figures).T
    for measured, theory in ((before, 1 / (1 / mean - rate)), (after, 1 / (1 / mean - rate / 2))):
        half_width = 3.1 * measured.std(ddof=1) / len(measured) ** 0.5  # 99 % of Student's t with 11 degrees
        assert abs(measured.mean() - theory) < half_width


@pytest.mark.parametrize("engine", ENGINES)
def test_times_are_seen_of_the_component_that_took_them(engine: str) -> None:
    """Two components in a row that never wait take 0.1 s and 0.3 s; nobody's times are taken for the other's."""
    scenario = Scenario.model_validate(
        {
            "name": "row",
            "continuum": {
                "layers": {"cloud": {"type": "Virtual"}},
                "domains": {"net": {"layers": ["cloud"], "bandwidth_mbit_per_s": 1000}},
                "resources": {"one": {"layer": "cloud"}, "two": {"layer": "cloud"}},
            },
            "application": {
                "components": {"a": {"candidates": ["one"]}, "b": {"candidates": ["two"]}},
                "dependencies": [{"from": "a", "to": "b"}],
            },
            "profiles": {
                "a": {"one": {"mean": 0.1, "law": "deterministic"}},
                "b": {"two": {"mean": 0.3, "law": "deterministic"}},
            },
            "workload": {"sources": {"s": {"arrivals": {"process": "deterministic", "rate": 1.0}}}},
            "run": {"horizon": 35.0, "transfers_within_resource": "free"},
            "reconfiguration": {"period": 10.0},
        }
    )
    plan = Plan(placements={"a": Placement(resource="one"), "b": Placement(resource="two")})
    policy = Scripted()
    simulate_policy(scenario, plan, lambda: policy, name="watch", engine=engine, replications=1)
    last = policy.seen[-1]
    for name, seconds in (("a", 0.1), ("b", 0.3)):
        for times in (
            last.components[name].response_time,
            last.partitions[name].response_time,
            last.partitions[name].service_time,
        ):
            assert (times.mean, times.p95) == pytest.approx((seconds, seconds))
