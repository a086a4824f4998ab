"""What it costs to go from one plan to another: the old nodes are paid until the new containers are ready.

Mean times enter where the twin draws times. What a node costs from its order on is part of the new plan's cost by the
hour; what is counted here is what is paid beside it. Requests that wait meanwhile have no price.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import inf

from twin.actuation import containers, pull_time
from twin.model.plan import Plan
from twin.model.plan_checks import chosen_deployments
from twin.model.scenario import Scenario

HOUR = 3600.0


def switching_cost(scenario: Scenario, old: Plan, new: Plan) -> float:
    """Return the expected euro paid twice when *new* replaces *old*, never below 0; infinite where it cannot succeed.

    Each node that *new* gives up is paid until the last component on it has moved. A change that fails is taken to be
    tried again until it succeeds, the nodes it orders being paid each time.
    """
    ready = ready_times(scenario, old, new)
    owner = {name: owner for owner, each in chosen_deployments(scenario, old).items() for name in each.partitions}
    leaves: dict[tuple[str, int], float] = {}
    for partition, host, number in containers(scenario, old):
        leaves[host, number] = max(leaves.get((host, number), 0.0), ready[owner[partition]])
    price = {name: resource.cost_per_hour / HOUR for name, resource in scenario.continuum.resources.items()}
    wanted = {(host, number) for _, host, number in containers(scenario, new)}
    twice = sum(price[node[0]] * seconds for node, seconds in leaves.items() if node not in wanted)
    return twice + _repeated(scenario, ready, sum(price[host] for host, number in wanted - set(leaves)))


def ready_times(scenario: Scenario, old: Plan, new: Plan) -> Mapping[str, float]:
    """Return component → expected seconds from the order of *new* until its replicas are ready; 0 if all run already.

    A node boots, its image is pulled, its model loads; what may come late counts with the mean of the delay.
    """
    rules = scenario.reconfiguration
    slower = 1.0 + rules.late_probability * (rules.late_factor - 1.0)
    running = set(containers(scenario, old))
    nodes = {(host, number) for _, host, number in running}
    owner = {name: owner for owner, each in chosen_deployments(scenario, new).items() for name in each.partitions}
    ready = dict.fromkeys(scenario.application.components, 0.0)
    for each in containers(scenario, new):
        if each not in running:
            partition, host, number = each
            boots = 0.0 if (host, number) in nodes else scenario.continuum.resources[host].start_time.expectation
            seconds = (boots + start_time(scenario, partition, host)) * slower
            ready[owner[partition]] = max(ready[owner[partition]], seconds)
    return ready


def start_time(scenario: Scenario, partition: str, host: str) -> float:
    """Return the mean seconds that a container of *partition* needs on a node of *host* that runs."""
    profile = scenario.profile(partition, host)
    loads = profile.cold_start.expectation * profile.scale if profile and profile.cold_start else 0.0
    return pull_time(scenario, partition, host) + loads


def longest_start(scenario: Scenario) -> float:
    """Return the longest mean time from ordering a node anywhere until a container on it is ready; finite ones only."""
    found = [0.0]
    for component in scenario.application.components.values():
        for deployment in component.deployments.values():
            for partition in deployment.chain:
                for host in partition.candidates:
                    if host in scenario.continuum.resources:
                        boots = scenario.continuum.resources[host].start_time.expectation
                        found.append(boots + start_time(scenario, partition.name, host))
    return max(each for each in found if each < inf)


def _repeated(scenario: Scenario, ready: Mapping[str, float], price: float) -> float:
    """Return the expected euro for attempts that fail; *price* is what a second of the ordered nodes costs."""
    fails = scenario.reconfiguration.failure_probability
    if fails == 1.0:
        return inf
    return fails / (1.0 - fails) * price * max(ready.values(), default=0.0)
