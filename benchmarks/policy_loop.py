"""A policy that decides every 60 simulated seconds: the compiled engine against plain SimPy in its usual style.

Three components in a row, each on a resource of its own of up to eight nodes (FIFO, exponential service), under a
sinusoidal load; the policy adds or gives back nodes by their utilisation. The plain style (one process per request, one
``Resource`` per node) measures means and percentiles each minute, too, but gets its decisions from the compiled run at
the same seconds, so that both carry out the same plans. Both run in this process, in turn; what counts is the ratio of
CPU times.

    python benchmarks/policy_loop.py [--rate 40] [--hours 2] [--rounds 5]
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Generator
from itertools import pairwise
from typing import Any

import numpy as np
import simpy

from twin.arrivals import arrival_blocks
from twin.control import Observation
from twin.model.plan import Placement, Plan
from twin.model.scenario import Scenario
from twin.policy_run import PolicyJob, controlled_course
from twin.streams import stream
from twin.universe import Universe

STATIONS = 3
NODES = 8
BUSY = 0.6
"""Utilisation at the mean rate with half of the nodes."""


class Threshold:
    """One node more above 80 % busy, one less below 40 %."""

    def decide(self, observation: Observation) -> Plan | None:
        """Answer with the plan in force, a node more or less for each component."""
        placements = {
            name: Placement(resource=place.resource, replicas=self._replicas(observation, place))
            for name, place in observation.plan.placements.items()
        }
        return Plan(name="scaled", placements=placements)

    def _replicas(self, observation: Observation, place: Placement) -> int:
        busy = observation.resources[place.resource].utilisation or 0.0
        return min(max(place.replicas + (busy > 0.8) - (busy < 0.4), 1), NODES)


def system(rate: float, horizon: float) -> tuple[Scenario, Plan]:
    """Return the scenario and its first plan."""
    names = [f"c{i}" for i in range(STATIONS)]
    scenario = Scenario.model_validate(
        {
            "name": "policy loop",
            "continuum": {
                "layers": {"cloud": {"type": "Virtual"}},
                "domains": {"net": {"layers": ["cloud"], "bandwidth_mbit_per_s": 1000}},
                "resources": {f"vm{i}": {"layer": "cloud", "nodes": NODES} for i in range(STATIONS)},
            },
            "application": {
                "components": {name: {"candidates": [f"vm{i}"]} for i, name in enumerate(names)},
                "dependencies": [{"from": a, "to": b} for a, b in pairwise(names)],
            },
            "profiles": {name: {f"vm{i}": BUSY * NODES / 2 / rate} for i, name in enumerate(names)},
            "workload": {
                "sources": {
                    "s": {"arrivals": {"process": "sinusoid", "rate": rate, "amplitude": 0.8, "period": 3600.0}}
                }
            },
            "constraints": [{"kind": "response", "limit": 1.0}],
            "run": {"horizon": horizon, "discipline": "fifo", "transfers_within_resource": "free"},
            "reconfiguration": {"period": 60.0},
        }
    )
    plan = Plan(placements={name: Placement(resource=f"vm{i}", replicas=4) for i, name in enumerate(names)})
    return scenario, plan


def compiled(scenario: Scenario, plan: Plan, replication: int) -> tuple[list[tuple[float, Plan]], float, int]:
    """Return the plans that came into force, the mean response time, and the requests."""
    job = PolicyJob(scenario=scenario, plan=plan, policy=Threshold, replication=replication, time_limit=None)
    course = controlled_course(job, Universe(scenario))
    run = course.trajectory
    return list(course.plans), float(np.nanmean(run.ends - run.arrivals)), len(run.arrivals)


class Plain:
    """The usual style under plans that are given."""

    def __init__(self, scenario: Scenario, plans: list[tuple[float, Plan]], replication: int) -> None:
        self.env = simpy.Environment()
        self.nodes = [[simpy.Resource(self.env) for _ in range(NODES)] for _ in range(STATIONS)]
        self.arrivals: Any = scenario.workload.sources["s"].arrivals
        self.mean = BUSY * NODES / 2 / self.arrivals.rate
        self.replicas = [4] * STATIONS
        self.rng = np.random.default_rng(replication)
        self.visits: list[list[tuple[float, float]]] = [[] for _ in range(STATIONS)]
        self.response_times: list[tuple[float, float]] = []
        self.env.process(self.policy(plans))
        self.env.process(self.monitor())
        self.env.process(self.source(replication))
        self.env.run(until=scenario.run.horizon)

    def request(self) -> Generator[simpy.Event, Any, None]:
        """Live the life of a request."""
        env, arrival = self.env, self.env.now
        for station in range(STATIONS):
            entered = env.now
            node = self.nodes[station][int(self.rng.random() * self.replicas[station])]
            with node.request() as turn:
                yield turn
                yield env.timeout(self.rng.exponential(self.mean))
            self.visits[station].append((env.now, env.now - entered))
        self.response_times.append((env.now, env.now - arrival))

    def source(self, replication: int) -> Generator[simpy.Event, Any, None]:
        """Let requests arrive."""
        for block in arrival_blocks(self.arrivals, stream(0, replication, "arrivals/s"), bare="exponential", steps=()):
            for moment in block.tolist():
                yield self.env.timeout(moment - self.env.now)
                self.env.process(self.request())

    def policy(self, plans: list[tuple[float, Plan]]) -> Generator[simpy.Event, Any, None]:
        """Carry out the plans."""
        for moment, plan in plans:
            if moment > self.env.now:
                yield self.env.timeout(moment - self.env.now)
            self.replicas[:] = [place.replicas for place in plan.placements.values()]

    def monitor(self) -> Generator[simpy.Event, Any, None]:
        """Find mean and 95th percentile of the last two minutes, every minute."""
        first = [0] * (STATIONS + 1)
        while True:
            yield self.env.timeout(60.0)
            for i, times in enumerate([*self.visits, self.response_times]):
                while first[i] < len(times) and times[first[i]][0] < self.env.now - 120.0:
                    first[i] += 1
                window = np.array([seconds for _, seconds in times[first[i] :]])
                if len(window):
                    _ = window.mean(), np.percentile(window, 95)


def plain(scenario: Scenario, plans: list[tuple[float, Plan]], replication: int) -> float:
    """Return the mean response time of the usual style under *plans*."""
    return statistics.fmean(seconds for _, seconds in Plain(scenario, plans, replication).response_times)


def main() -> None:
    """Run both in turn and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rate", type=float, default=40.0)
    parser.add_argument("--hours", type=float, default=2.0)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    scenario, plan = system(options.rate, 3600 * options.hours)
    compiled(*system(options.rate, 300.0), 0)
    seconds: dict[str, list[float]] = {"compiled policy loop": [], "plain SimPy, same decisions": []}
    means: dict[str, list[float]] = {name: [] for name in seconds}
    changes = requests = 0
    for replication in range(options.rounds):
        begin = time.process_time()
        plans, ours, count = compiled(scenario, plan, replication)
        middle = time.process_time()
        theirs = plain(scenario, plans, replication)
        end = time.process_time()
        for name, spent, mean in zip(seconds, (middle - begin, end - middle), (ours, theirs), strict=True):
            seconds[name].append(spent)
            means[name].append(mean)
        changes, requests = changes + len(plans) - 1, requests + count
    rounds = options.rounds
    print(f"{requests / rounds:,.0f} requests and {changes / rounds:.0f} changes of plan a run, {rounds} runs in turn")
    for name, spent in seconds.items():
        print(f"{name:30s} {statistics.median(spent):8.3f} CPU s   mean response time {np.mean(means[name]):.4f} s")
    ratios = [theirs / ours for ours, theirs in zip(*seconds.values(), strict=True)]
    print(f"ratio {statistics.median(ratios):.1f} (lowest {min(ratios):.1f}, highest {max(ratios):.1f})")


if __name__ == "__main__":
    main()
