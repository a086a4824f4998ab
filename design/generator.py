"""Systems drawn at random that look like SPACE4AI's public instances, of any size: for benchmarks and tests.

Layers, prices, service times, data and limits lie in the ranges of the public instances with 15 and 20 components: a
drone and three layers of edge servers' and virtual machines' types each, functions of two sizes for the last
components, deployments of one to four partitions, requests that go on to one of the later components.
"""

from __future__ import annotations

import random
from typing import Any

from design.candidates import cases
from design.exact import ExactSearch
from design.problem_building import build_problem
from design.rules import rules_of
from twin.errors import TwinError
from twin.model.scenario import Scenario

TYPES = 5
"""Types of node in each layer of edge servers or virtual machines."""

EDGE_LAYERS = ("edge2", "edge3")

CLOUD_LAYERS = {"cloud4": 4.0, "cloud5": 10.0, "cloud6": 12.0}
"""Euro an hour of the dearest type."""

DRAWS = 100
"""Systems drawn until one has a plan."""


def generate(components: int, seed: int, *, arrival_rate: float = 1.8) -> Scenario:
    """Return a system for which a plan exists; equal arguments, equal system.

    Args:
        components: At least 4.
        seed: Of the draw.
        arrival_rate: Requests/s; a high one may leave no plan.

    Raises:
        TwinError: No draw has a plan.
    """
    if components < 4:
        raise TwinError(f"a system has at least 4 components, got {components}")
    for draw in range(DRAWS):
        scenario = _Draw(components, random.Random(f"{components} {seed} {draw}"), arrival_rate).scenario(seed)
        problem = build_problem(scenario, rules_of("d-pre2023"), cases(scenario)[0])
        if ExactSearch(problem=problem).find_quickly():
            return scenario
    raise TwinError(f"no system of {components} components carries {arrival_rate:g} requests/s; ask for fewer")


class _Draw:
    """One draw, piece by piece."""

    def __init__(self, components: int, rng: random.Random, arrival_rate: float) -> None:
        self.count, self.rng, self.arrival_rate = components, rng, arrival_rate
        self.names = [f"c{i + 1}" for i in range(components)]
        self.resources: dict[str, dict[str, Any]] = {}
        self.functions: dict[str, dict[str, Any]] = {}
        self.profiles: dict[str, dict[str, Any]] = {}

    def scenario(self, seed: int) -> Scenario:
        """Return what was drawn."""
        self._draw_resources()
        components = {name: {"deployments": self._deployments(i)} for i, name in enumerate(self.names)}
        dependencies = self._dependencies()
        source = {"entry": "c1", "arrivals": {"process": "poisson", "rate": self.arrival_rate}}
        return Scenario.model_validate(
            {
                "name": f"generated {self.count} {seed}",
                "continuum": self._continuum(),
                "application": {"components": components, "dependencies": dependencies},
                "profiles": self.profiles,
                "workload": {"sources": {"users": source}},
                "constraints": self._constraints(dependencies),
                "run": {"transfers_within_resource": "free"},
            }
        )

    # -- what there is ----------------------------------------------------------------------------------------------

    def _draw_resources(self) -> None:
        self._add("drone", "edge1", 1, self.rng.uniform(4.0, 5.0))
        for layer in EDGE_LAYERS:
            for i in range(TYPES):
                self._add(f"{layer}type{i + 1}", layer, 2, self.rng.uniform(6.0, 7.8))
        for layer, dearest in CLOUD_LAYERS.items():
            for i in range(TYPES):
                self._add(f"{layer}type{i + 1}", layer, self.rng.choice([3, 3, 4]), self.rng.uniform(0.02, dearest))

    def _add(self, name: str, layer: str, nodes: int, price: float) -> None:
        self.resources[name] = {"layer": layer, "nodes": nodes, "cost_per_hour": price, "memory_mb": 491_520}

    def _continuum(self) -> dict[str, Any]:
        physical = {layer: {"type": "PhysicalToBeProvisioned"} for layer in ("edge1", *EDGE_LAYERS)}
        virtual = {layer: {"type": "Virtual"} for layer in CLOUD_LAYERS}
        layers = {**physical, **virtual, "functions": {"type": "NativeCloudFunction"}}
        fast = {"layers": ["edge1", "edge2"], "access_delay": 0.001, "bandwidth_mbit_per_s": 2000}
        middle = {"layers": ["edge3", "cloud4"], "access_delay": 0.001, "bandwidth_mbit_per_s": 1500}
        everywhere = {"layers": list(layers), "access_delay": 0.001, "bandwidth_mbit_per_s": 1000}
        return {
            "layers": layers,
            "resources": self.resources,
            "functions": self.functions,
            "domains": {"near": fast, "middle": middle, "everywhere": everywhere},
        }

    # -- what is asked ----------------------------------------------------------------------------------------------

    def _deployments(self, i: int) -> dict[str, Any]:
        lengths = [1, *self.rng.sample([2, 3, 4], k=self.rng.choice([0, 0, 1, 1, 2]))]
        return {f"s{length}": {"partitions": self._chain(i, length)} for length in lengths}

    def _chain(self, i: int, length: int) -> dict[str, Any]:
        partitions = {}
        for h in range(length):
            name = f"{self.names[i]}s{length}h{h + 1}"
            hosts = self._hosts(i, name)
            self.profiles[name] = {host: self._profile(host, length) for host in hosts}
            partitions[name] = {
                "candidates": {host: {"memory_mb": self.rng.choice([256, 512, 1024, 2048])} for host in hosts},
                "exit_probability": self.rng.uniform(0.0, 0.9) if h + 1 < length else 0.0,
                "data_mb": self.rng.choice([4.0, 5.0, 6.0, 7.0]),
            }
        return partitions

    def _hosts(self, i: int, partition: str) -> list[str]:
        """Return where a partition can run: the first components at the edge, the last ones in the cloud."""
        place = i / self.count
        if i < 2:
            return ["drone"]
        hosts = ["drone"] if place < 0.2 else []
        edge = [name for name in self.resources if self.resources[name]["layer"] in EDGE_LAYERS]
        cloud = [name for name in self.resources if self.resources[name]["layer"] in CLOUD_LAYERS]
        hosts += edge if place < 0.6 else []
        hosts += cloud if place >= 0.45 else []
        if place >= 0.6:
            for size in ("small", "large"):
                name = f"{partition}{size}"
                price = self.rng.uniform(0.005, 1.0)
                self.functions[name] = {"layer": "functions", "cost_per_hour": price, "memory_mb": 4096}
                hosts.append(name)
        return hosts

    def _profile(self, host: str, length: int) -> dict[str, float] | float:
        if host in self.functions:
            return {"service_time": self.rng.uniform(2.0, 3.0), "cold_service_time": self.rng.uniform(3.1, 4.9)}
        low, high = {"d": (0.12, 0.28), "e": (0.6, 1.1), "c": (0.2, 0.7)}[host[0]]
        return self.rng.uniform(low, high) / length

    def _dependencies(self) -> list[dict[str, Any]]:
        """Return edges that only lead forward; whoever has several successors sends each request to one of them."""
        edges = []
        for i, name in enumerate(self.names[:-1]):
            later = self.names[i + 2 :] if i else []
            chosen = self.rng.sample(later, k=min(len(later), self.rng.randint(0, 12)))
            targets = [self.names[i + 1], *chosen]
            weights = [self.rng.uniform(0.05, 1.0) for _ in targets]
            for target, weight in zip(targets, weights, strict=True):
                size = self.rng.choice([4.0, 5.0, 6.0, 7.0])
                edges.append({"from": name, "to": target, "probability": weight / sum(weights), "data_mb": size})
        return edges

    def _constraints(self, dependencies: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Limit a third of the components, and half as many paths."""
        limited = self.rng.sample(self.names, k=self.count // 3)
        found: list[dict[str, Any]] = [
            {"kind": "local", "component": name, "limit": self.rng.uniform(6.0, 10.0)} for name in limited
        ]
        for i in range(max(self.count // 6, 1)):
            path = [self.rng.choice(self.names[:-2])]
            while len(path) < self.rng.randint(2, 7) and path[-1] != self.names[-1]:
                path.append(self.rng.choice([e["to"] for e in dependencies if e["from"] == path[-1]]))
            limit = self.rng.uniform(17.0, 25.0)
            found.append({"kind": "global", "name": f"p{i + 1}", "path": path, "limit": limit})
        return found
