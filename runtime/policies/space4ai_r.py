"""What SPACE4AI-R does at run time, with its limits: a random search whenever the throughput has jumped.

It remembers nothing but the last reading: a slow drift never triggers it, changes cost nothing to it, and it neither
forecasts nor waits. Devices are those bought for the first plan, and a layer of virtual machines that the first plan
uses keeps its type.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from math import isfinite

import networkx as nx
import numpy as np

from design.candidates import cases
from design.exact import Solution
from design.optimise import plan_of, rules_for
from design.problem import IntArray, Problem
from design.problem_building import build_problem
from runtime.policies.space4ai_r_search import search_as_space4ai_r
from runtime.policies.views import at_rates, limited_to, modelled
from twin.control import Observation
from twin.errors import PolicyError, TwinError
from twin.model.plan import Plan
from twin.model.rates import mean_rate
from twin.model.scenario import Scenario

TRIGGER = 0.05
"""Change of the throughput, relative to the last reading, beyond which it searches."""

SEED = 20122022
"""The seed of the public optimiser."""


class Space4aiR:
    """Searches anew when the throughput of the entry leaves ±5 % of the last reading, and takes whatever it finds.

    Where it finds nothing the plan stays, as it does while a change is on its way: the tool waits for that.
    """

    def __init__(
        self,
        scenario: Scenario,
        plan: Plan,
        *,
        greedy: int = 10,
        local: int = 2,
        starts: int = 10,
        edge_share: float = 1.0,
        dialect: str = "auto",
        seed: int = SEED,
    ) -> None:
        """Take how hard to search.

        Args:
            scenario: What there is, and the limits that must hold.
            plan: The design-time plan: it fixes devices and types of machines.
            greedy: Iterations of the random greedy: 10 in the deployed runtime manager, 10000 in the paper.
            local: Rounds of local search from each start: 2 there, 1666 in the paper.
            starts: Plans that the local search starts from.
            edge_share: Share of the devices' price that counts (``EnergyCostPct``).
            dialect: Formulas, see :mod:`design.rules`; ``auto``: the first of ``r``, ``d`` and ``twin`` that can.
            seed: Of the random search; every search begins with it, as there.

        Raises:
            PolicyError: An option makes no sense, or no formula holds the scenario.
        """
        if min(greedy, starts) < 1 or min(local, seed) < 0 or not 0 <= edge_share <= 1:
            raise PolicyError(
                "policy space4ai-r needs greedy and starts of at least 1, local and seed of at least 0 and edge_share "
                f"between 0 and 1, got {greedy}, {starts}, {local}, {seed}, {edge_share:g}"
            )
        self.scenario = scenario
        dialects = ("r", "d", "twin") if dialect == "auto" else (dialect,)
        view, self.dialect = modelled(scenario, dialects, "space4ai-r")
        self.view = limited_to(view, bought(scenario, plan))
        self.greedy, self.local, self.starts = int(greedy), int(local), int(starts)
        self.edge_share, self.seed = edge_share, int(seed)
        self._last: float | None = None

    def decide(self, observation: Observation) -> Plan | None:
        """Return what the search finds for the throughput that is seen."""
        if observation.pending is not None:
            return None
        reading, last = self._reading(observation), self._last
        if not isfinite(reading):
            return None
        self._last = reading
        if reading <= 0 or (last is not None and abs(reading - last) <= TRIGGER * last):
            return None
        found = self.search(reading)
        return None if found is None or found.placements == observation.plan.placements else found

    def search(self, throughput: float) -> Plan | None:
        """Return the plan found for so many requests/s of all sources together, or None."""
        if self.view is None:
            return None
        view = at_rates(self.view, self._shares(throughput))
        best: tuple[Problem, Solution] | None = None
        try:
            rules = rules_for(view, self.dialect)
            problems = [build_problem(view, rules, each) for each in cases(view)]
        except TwinError:
            return None
        for problem in problems:
            found = search_as_space4ai_r(
                self._priced(problem),
                edge=_edges(problem),
                order=_order(problem),
                greedy=self.greedy,
                local=self.local,
                starts=self.starts,
                seed=self.seed,
            )
            if found is not None and (best is None or found.cost < best[1].cost):
                best = problem, found
        return None if best is None else plan_of(*best)

    def _reading(self, observation: Observation) -> float:
        """Return the executions/s of the components that requests enter by."""
        entries = {self.scenario.entry(name) for name in self.scenario.workload.sources}
        seen = [observation.components[name].throughput for name in entries if name in observation.components]
        return sum(seen) if len(seen) == len(entries) else observation.throughput

    def _shares(self, throughput: float) -> Mapping[str, float]:
        """Return source → requests/s: the tool knows their sum alone, so they keep the proportions of the scenario."""
        means = {name: mean_rate(each.arrivals) or 0.0 for name, each in self.scenario.workload.sources.items()}
        total = sum(means.values())
        return {n: throughput * (each / total if total else 1 / len(means)) for n, each in means.items()}

    def _priced(self, problem: Problem) -> Problem:
        share = [self.edge_share if _is_edge(problem.scenario, name) else 1.0 for name in problem.resources]
        return replace(problem, price=problem.price * np.array(share))


def bought(scenario: Scenario, plan: Plan) -> dict[str, int]:
    """Return resource → most nodes at run time: devices as in *plan*, and no other type on a layer of machines it uses.

    A layer of machines that *plan* does not use may open with any type.
    """
    resources = scenario.continuum.resources
    layers = {resources[name].layer for name in resources if plan.nodes(name)}
    most: dict[str, int] = {}
    for name, resource in resources.items():
        if _is_edge(scenario, name):
            most[name] = plan.nodes(name)
        else:
            most[name] = 0 if resource.layer in layers and not plan.nodes(name) else resource.nodes
    return most


def _is_edge(scenario: Scenario, resource: str) -> bool:
    layer = scenario.continuum.resources[resource].layer
    return scenario.continuum.layers[layer].type.startswith("Physical")


def _edges(problem: Problem) -> IntArray:
    marks = [_is_edge(problem.scenario, problem.resources[members[0]]) for members in problem.groups]
    return np.array(marks, dtype=np.int64)


def _order(problem: Problem) -> IntArray:
    """Return the components, predecessors first."""
    graph: nx.DiGraph[str] = nx.DiGraph()
    graph.add_nodes_from(problem.components)
    graph.add_edges_from((edge.origin, edge.to) for edge in problem.scenario.application.dependencies)
    names = nx.lexicographical_topological_sort(graph, key=problem.components.index)
    return np.array([problem.components.index(name) for name in names], dtype=np.int64)
