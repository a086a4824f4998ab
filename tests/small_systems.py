"""Small random systems, and the cheapest plan among all of theirs: the oracle of the exact search."""

from __future__ import annotations

import random
from collections.abc import Iterator
from itertools import pairwise, product
from typing import Any

from design.evaluate import evaluate
from design.evaluation import Evaluation
from design.goals import Goal
from design.plan_figures import PlanFigures, judge
from design.rules import rules_of
from design.twin_formula import offered_loads
from twin.model.plan import Placement, Plan
from twin.model.plan_checks import plan_problems
from twin.model.scenario import Scenario


def small_system(seed: int, *, twin: bool = False) -> Scenario:
    """Draw a system with a few hundred plans; some have none that holds. With *twin*, with what only the twin knows."""
    rng = random.Random(seed)
    hosts = ["edge1", "edge2", "vm1", "vm2"] if rng.random() < 0.6 else ["edge1", "vm1", "vm2"]
    components: dict[str, Any] = {}
    profiles: dict[str, Any] = {}
    for i in range(rng.choice([2, 3])):
        deployments: dict[str, Any] = {}
        for d in range(rng.choice([1, 1, 2])):
            partitions: dict[str, Any] = {}
            length = rng.choice([1, 1, 2])
            for h in range(length):
                name = f"c{i}d{d}h{h}"
                choices = rng.sample([*hosts, "fun"], k=rng.choice([2, 3]))
                partitions[name] = {
                    "candidates": {host: {"memory_mb": rng.choice([100, 300])} for host in choices},
                    "exit_probability": round(rng.uniform(0, 0.7), 3) if h + 1 < length else 0.0,
                    "data_mb": rng.choice([0.0, 5.0]),
                }
                profiles[name] = {host: _profile(rng, host) for host in choices}
            deployments[f"d{d}"] = {"partitions": partitions}
        components[f"c{i}"] = {"deployments": deployments}
    names = list(components)
    edges = [
        {"from": a, "to": b, "probability": round(rng.uniform(0.3, 1.0), 3), "data_mb": rng.choice([1.0, 40.0])}
        for a, b in pairwise(names)
    ]
    if twin and rng.random() < 0.5 and len(names) > 1:
        for deployment in components[names[0]]["deployments"].values():
            deployment["transition_probabilities"] = {names[1]: round(rng.uniform(0.2, 0.9), 3)}
    return Scenario.model_validate(
        {
            "name": f"small {seed}",
            "continuum": _continuum(rng, hosts),
            "application": {"components": components, "dependencies": edges},
            "profiles": profiles,
            "workload": {"sources": {"s": {"arrivals": {"process": "poisson", "rate": rng.choice([0.5, 1.0, 2.0])}}}},
            "constraints": _constraints(rng, names),
            "run": {"transfers_within_resource": "network" if twin else "free"},
        }
    )


def figured(scenario: Scenario, seed: int) -> Scenario:
    """Give every host a power and every deployment an accuracy, drawn at random."""
    rng = random.Random(f"figures {seed}")
    document = scenario.model_dump(by_alias=True)
    for resource in document["continuum"]["resources"].values():
        idle = round(rng.choice([0.0, rng.uniform(0, 50)]), 2)
        resource["power"] = {"idle_w": idle, "busy_w": idle + round(rng.uniform(0, 80), 2)}
    document["continuum"]["functions"]["fun"]["busy_w"] = round(rng.uniform(0, 60), 2)
    for component in document["application"]["components"].values():
        for deployment in component["deployments"].values():
            deployment["accuracy"] = round(rng.uniform(0.5, 1.0), 3)
    return Scenario.model_validate(document)


def queueing_system(seed: int) -> Scenario:
    """Draw a small system with what waits: lines, servers, laws, links in which transfers meet, percentiles."""
    rng = random.Random(-1 - seed)
    plain = small_system(seed, twin=True).model_dump(mode="json", exclude_unset=True, by_alias=True)
    _let_wait(rng, plain["continuum"])
    for profiles in plain["profiles"].values():
        for host, profile in profiles.items():
            seconds = profile["service_time"]["mean"]
            profiles[host] = profile | {"service_time": {"mean": seconds} | rng.choice(LAWS)}
    if rng.random() < 0.6:
        plain["workload"]["sources"]["s"] |= {"at": rng.choice(["L1", "L2"]), "data_mb": rng.choice([0.0, 3.0])}
    if rng.random() < 0.5:
        _let_all_go_one_way(plain["application"])
    plain["constraints"] = [_late(rng, each) for each in plain.get("constraints", ())]
    if rng.random() < 0.6:
        plain["constraints"].append(_late(rng, {"kind": "response", "limit": round(rng.uniform(1, 8), 3)}))
    return Scenario.model_validate(plain)


def _let_wait(rng: random.Random, continuum: dict[str, Any]) -> None:
    for resource in continuum["resources"].values():
        resource["discipline"] = rng.choice(["fifo", "fifo", "ps"])
        resource["cores"] = rng.choice([1, 2, 3])
    for domain in continuum["domains"].values():
        domain["contention"] = rng.choice(["none", "shared", "fifo"])
    if rng.random() < 0.3:
        continuum["functions"]["fun"] |= {"concurrency_limit": rng.choice([1, 2, 4]), "on_limit": "queue"}


def _let_all_go_one_way(application: dict[str, Any]) -> None:
    for component in application["components"].values():
        for deployment in component["deployments"].values():
            for partition in deployment["partitions"].values():
                partition.pop("exit_probability", None)
    for edge in application["dependencies"]:
        edge["probability"] = 1.0


LAWS: list[dict[str, Any]] = [
    {"law": "exponential"},
    {"law": "deterministic"},
    {"law": "gamma", "cv": 1.7},
    {"law": "lognormal", "cv": 0.4},
]


def _late(rng: random.Random, constraint: dict[str, Any]) -> dict[str, Any]:
    """Let a limit hold for the mean, for a percentile, or for all but a share of the requests."""
    draw = rng.random()
    if draw < 0.4:
        return constraint
    wider = constraint | {"limit": 2 * constraint["limit"]}
    return wider | ({"percentile": rng.choice([80.0, 95.0])} if draw < 0.8 else {"share_above": 0.1})


def _profile(rng: random.Random, host: str) -> dict[str, Any] | float:
    seconds = round(rng.uniform(0.05, 0.9), 4)
    return {"service_time": seconds, "cold_service_time": seconds + 1.0} if host == "fun" else seconds


def _continuum(rng: random.Random, hosts: list[str]) -> dict[str, Any]:
    return {
        "layers": {
            "L1": {"type": "PhysicalToBeProvisioned"},
            "L2": {"type": "Virtual"},
            "L3": {"type": "NativeCloudFunction"},
        },
        "resources": {
            name: {
                "layer": "L1" if name.startswith("edge") else "L2",
                "nodes": rng.choice([1, 2]),
                "cores": rng.choice([1, 2]),
                "memory_mb": rng.choice([350, 1000]),
                "cost_per_hour": round(rng.uniform(0.5, 4), 3),
            }
            for name in hosts
        },
        "functions": {"fun": {"layer": "L3", "cost_per_hour": round(rng.uniform(0.5, 8), 3), "memory_mb": 2000}},
        "domains": {
            "near": {"layers": ["L1", "L2"], "access_delay": 0.01, "bandwidth_mbit_per_s": 100},
            "all": {"layers": ["L1", "L2", "L3"], "access_delay": 0.05, "bandwidth_mbit_per_s": 1000},
        },
    }


def _constraints(rng: random.Random, names: list[str]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    if rng.random() < 0.5:
        found.append({"kind": "local", "component": rng.choice(names), "limit": round(rng.uniform(0.3, 3), 3)})
    if rng.random() < 0.7:
        found.append({"kind": "global", "name": "path", "path": names, "limit": round(rng.uniform(1, 8), 3)})
    return found


def all_plans(scenario: Scenario, *, one_type_per_layer: bool = True) -> Iterator[Plan]:
    """Yield every plan with equal numbers of nodes on a pool, and one resource type per layer where that is asked."""
    resources = scenario.continuum.resources
    for deployments in product(*(each.deployments.values() for each in scenario.application.components.values())):
        partitions = [partition for deployment in deployments for partition in deployment.chain]
        for hosts in product(*(partition.candidates for partition in partitions)):
            used = sorted({host for host in hosts if host in resources})
            layers = [resources[host].layer for host in used]
            if one_type_per_layer and len(set(layers)) < len(layers):
                continue
            for counts in product(*(range(1, resources[host].nodes + 1) for host in used)):
                nodes = dict(zip(used, counts, strict=True))
                yield Plan(
                    placements={
                        partition.name: Placement(resource=host, replicas=nodes.get(host, 1))
                        for partition, host in zip(partitions, hosts, strict=True)
                    }
                )


def every_plan(scenario: Scenario, goal: Goal, dialect: str = "twin") -> list[tuple[Plan, PlanFigures]]:
    """Return every plan that holds and overloads nothing, with its figures."""
    found = []
    for plan in all_plans(scenario):
        if plan_problems(scenario, plan):
            continue
        evaluation, figures = judge(scenario, plan, goal, dialect)
        loads = [each.utilisation for each in evaluation.resources.values() if each.utilisation is not None]
        if evaluation.feasible and all(load < 1 for load in loads):
            found.append((plan, figures))
    return found


def cheapest(scenario: Scenario, dialect: str, *, one_type_per_layer: bool = True) -> Evaluation | None:
    """Return the cheapest plan that holds and overloads nothing, by evaluating all of them."""
    best: Evaluation | None = None
    for plan in all_plans(scenario, one_type_per_layer=one_type_per_layer):
        if plan_problems(scenario, plan):
            continue
        if rules_of(dialect).dialect == "twin" and max(offered_loads(scenario, plan).values(), default=0.0) >= 1.0:
            continue  # how an overloaded network drains takes the closed forms long to find out
        found = evaluate(scenario, plan, dialect=dialect)
        stable = all(each.utilisation is None or each.utilisation < 1 for each in found.resources.values())
        if found.feasible and stable and (best is None or found.cost < best.cost):
            best = found
    return best
