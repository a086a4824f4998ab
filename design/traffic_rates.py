"""Arrival rates of components and partitions when each takes one given deployment; placements play no part in it."""

from __future__ import annotations

from collections.abc import Mapping

import networkx as nx

from twin.errors import Problem, ScenarioError
from twin.model.application import Deployment
from twin.model.rates import mean_rate
from twin.model.scenario import Scenario


def entry_rates(scenario: Scenario) -> dict[str, float]:
    """Return component → requests/s that enter there from outside.

    Raises:
        ScenarioError: A source has no long-run rate.
    """
    rates: dict[str, float] = {}
    problems = []
    for name, source in scenario.workload.sources.items():
        rate = mean_rate(source.arrivals)
        if rate is None:
            place = f"workload.sources.{name}.arrivals"
            problems.append(Problem(place, f"{source.arrivals.process} arrivals have no rate of their own; give one"))
            continue
        entry = scenario.entry(name)
        rates[entry] = rates.get(entry, 0.0) + rate
    if problems:
        raise ScenarioError(f"scenario {scenario.name!r} has no load to design for", problems)
    return rates


def component_rates(scenario: Scenario, chosen: Mapping[str, Deployment]) -> dict[str, float]:
    """Return component → requests/s: what enters, and what its predecessors send, by their deployments *chosen*.

    Components stand in an order in which predecessors come first.
    """
    entering = entry_rates(scenario)
    graph: nx.DiGraph[str] = nx.DiGraph()
    graph.add_nodes_from(scenario.application.components)
    graph.add_edges_from((edge.origin, edge.to) for edge in scenario.application.dependencies)
    rates: dict[str, float] = {}
    for name in nx.lexicographical_topological_sort(graph, key=list(scenario.application.components).index):
        arriving = [
            chosen[edge.origin].transition_probabilities.get(name, edge.probability) * rates[edge.origin]
            for edge in scenario.application.dependencies
            if edge.to == name
        ]
        rates[name] = sum(arriving, entering.get(name, 0.0))
    return rates


def reaches(deployment: Deployment) -> dict[str, float]:
    """Return partition → share of the component's requests that get that far."""
    share, shares = 1.0, {}
    for partition in deployment.chain:
        shares[partition.name] = share
        share *= 1.0 - partition.exit_probability
    return shares
