"""Random scenarios in which a plan can change: several candidates and deployments, with everything an engine knows."""

from __future__ import annotations

from random import Random
from typing import Any

from twin.model.plan import Placement, Plan
from twin.model.plan_checks import plan_problems
from twin.model.scenario import Scenario

HOSTS = ("edge", "server", "vm")


def world(seed: int) -> Scenario:
    """Draw a scenario of one to four components on three resources and a cloud function."""
    rng = Random(seed)
    components: dict[str, Any] = {}
    profiles: dict[str, Any] = {}
    for i in range(rng.choice([1, 2, 3, 4])):
        components[f"c{i}"] = _component(rng, f"c{i}", profiles)
    names = list(components)
    edges = [
        {"from": a, "to": b, "probability": rng.choice([0.3, 0.5, 1.0]), "data_mb": rng.choice([0.0, 0.1, 0.5])}
        for i, a in enumerate(names)
        for b in names[i + 1 :]
        if b == names[i + 1] or rng.random() < 0.4
    ]
    return Scenario.model_validate(
        {
            "name": f"world {seed}",
            "continuum": _continuum(rng),
            "application": {"components": components, "dependencies": edges},
            "profiles": profiles,
            "workload": {"sources": _sources(rng, names)},
            "constraints": [
                {"kind": "local", "component": names[0], "limit": 0.5},
                {"kind": "global", "path": names[:2], "limit": 1.0},
                {"kind": "response", "limit": 1.0, "percentile": 95},
            ],
            "events": _events(rng),
            "run": {
                "seed": rng.randrange(1000),
                "discipline": rng.choice(["ps", "fifo"]),
                "transfers_within_resource": rng.choice(["network", "free"]),
            },
        }
    )


def random_plan(scenario: Scenario, rng: Random) -> Plan:
    """Draw a plan that fits *scenario*."""
    while True:
        placements = {}
        for component in scenario.application.components.values():
            deployment = rng.choice(list(component.deployments.values()))
            for partition in deployment.chain:
                host = rng.choice(list(partition.candidates))
                nodes = scenario.continuum.resources[host].nodes if host in scenario.continuum.resources else 1
                placements[partition.name] = Placement(resource=host, replicas=rng.randint(1, nodes))
        plan = Plan(placements=placements)
        if not plan_problems(scenario, plan):
            return plan


def _component(rng: Random, name: str, profiles: dict[str, Any]) -> dict[str, Any]:
    deployments: dict[str, Any] = {}
    for d in range(rng.choice([1, 1, 2])):
        partitions: dict[str, Any] = {}
        length = rng.choice([1, 1, 2, 3])
        for h in range(length):
            partition = f"{name}d{d}h{h}"
            hosts = rng.sample([*HOSTS, "function"], k=rng.choice([1, 2, 3]))
            partitions[partition] = {
                "candidates": {host: {"computing_units": rng.choice([0.5, 1.0])} for host in hosts},
                "exit_probability": rng.choice([0.0, 0.3]) if h + 1 < length else 0.0,
                "data_mb": rng.choice([0.0, 0.2]),
            }
            profiles[partition] = {host: _law(rng) for host in hosts}
        deployments[f"d{d}"] = {"partitions": partitions, "accuracy": rng.choice([0.7, 0.9])}
    sends = rng.choice(["exclusive", "independent"])
    return {"deployments": deployments, "join": rng.choice(["each", "all"]), "sends": sends}


def _law(rng: Random) -> dict[str, Any]:
    mean = rng.choice([0.02, 0.1, 0.3])
    law = rng.choice(["exponential", "exponential", "deterministic", "gamma"])
    return {"law": law, "mean": mean, **({"cv": 1.5} if law == "gamma" else {})}


def _continuum(rng: Random) -> dict[str, Any]:
    contention = ["none", "fifo", "shared"]
    layers = {"edge": "PhysicalAlreadyProvisioned", "vm": "Virtual", "cloud": "NativeCloudFunction"}
    return {
        "layers": {name: {"type": kind} for name, kind in layers.items()},
        "domains": {
            "local": {
                "layers": ["edge"],
                "bandwidth_mbit_per_s": 20,
                "access_delay": 0.01,
                "contention": rng.choice(contention),
            },
            "net": {
                "layers": ["vm", "cloud"],
                "contains": ["local"],
                "bandwidth_mbit_per_s": rng.choice([8, 50]),
                "access_delay": 0.02,
                "contention": rng.choice(contention),
            },
        },
        "resources": {
            host: {
                "layer": "vm" if host == "vm" else "edge",
                "nodes": rng.choice([1, 2, 3]),
                "cores": rng.choice([1.0, 1.5, 2.0]),
                "cost_per_hour": 1.0,
                "dispatch": rng.choice(["random", "round_robin", "shortest_queue"]),
                "queue_capacity": rng.choice([None, None, None, 3]),
                "discipline": rng.choice([None, "ps", "fifo"]),
            }
            for host in HOSTS
        },
        "functions": {
            "function": {
                "layer": "cloud",
                "idle_time": rng.choice([0.2, 5.0]),
                "cold_start": rng.choice([0.0, {"mean": 0.2, "law": "lognormal", "cv": 1.0}]),
                "concurrency_limit": rng.choice([1, 2, 5]),
                "on_limit": rng.choice(["reject", "queue"]),
            }
        },
    }


def _sources(rng: Random, names: list[str]) -> dict[str, Any]:
    rate = rng.choice([2.0, 6.0, 12.0])
    processes: list[dict[str, Any]] = [
        {"process": "poisson", "rate": rate},
        {"process": "batch", "rate": rate, "size": 4},
        {"process": "closed", "users": rng.choice([1, 4, 9]), "think_time": rng.choice([0.05, 0.5])},
        {"process": "piecewise", "times": [0, 2, 4], "rates": [10, 0, 5], "period": 6},
    ]
    return {
        f"source {i}": {"entry": name, "at": "edge", "data_mb": 0.1, "arrivals": rng.choice(processes)}
        for i, name in enumerate([names[0], *rng.sample(names, k=rng.choice([0, 1]))])
    }


def _events(rng: Random) -> list[dict[str, Any]]:
    resource, retries = rng.choice(HOSTS), {"requests": rng.choice(["retry", "lost"]), "retries": 2}
    crash = {"event": "crash", "resource": resource, "at": 3.0, "duration": 4.0, "node": rng.choice([None, 0, 1])}
    failures = {"event": "failures", "resource": resource, "time_to_failure": 3.0, "time_to_repair": 0.5}
    changed = {"event": "link", "domain": "net", "at": 2.0, "duration": 3.0, "bandwidth_factor": rng.choice([0.0, 0.5])}
    kinds = [crash | retries, failures | retries, changed]
    return rng.sample(kinds, k=rng.choice([0, 0, 1, 2]))
