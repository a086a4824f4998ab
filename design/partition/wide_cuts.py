"""Cuts of several tensors, where skip connections leave no single one: as few bytes as possible.

Near a stated share of the model's time the cheapest set of tensors is a minimum cut of a flow network whose
capacities are the tensors' bytes (Ford & Fulkerson 1956).
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

import networkx as nx
import numpy as np

from design.onnx_models import OnnxModel
from design.partition.cuts import SINK, SOURCE, Cut, cuts_at, dependence
from design.partition.graph import ModelGraph, read_graph
from design.partition.sizes import sizes
from design.partition.work import estimated_seconds

_UNCUTTABLE = 1 << 60
"""Bytes of what cannot cross: more than any tensor has."""


def wide_cut_points(model: OnnxModel | ModelGraph, *, positions: int = 8) -> tuple[Cut, ...]:
    """Return cuts of as few bytes as possible near *positions* even shares of the model's time, however many tensors.

    Each may move half the way to its neighbours to get cheaper. Positions that end up at the same cut give one.
    """
    graph = read_graph(model)
    step = 1 / (positions + 1)
    found = (_cheapest(graph, (number + 0.5) * step, (number + 1.5) * step) for number in range(positions))
    return tuple(cuts_at(graph, dict.fromkeys(tuple(tensors) for tensors in found if tensors)))


def _cheapest(graph: ModelGraph, earliest: float, latest: float) -> list[str]:
    """Return the tensors of fewest bytes that cut about between two shares of the time; [] if only something else cuts.

    A node that needs more than *latest* before it must be after the cut, one that more than the rest must follow
    before it; what lies between goes where the cut is cheaper.
    """
    network = _capacities(graph)
    before, after = _shares(graph)
    for index in graph.alive:
        if before[index] >= latest:
            network.add_edge(index, SINK)
        elif after[index] >= 1 - earliest:
            network.add_edge(SOURCE, index)
    if not (network.succ[SOURCE] and network.pred[SINK]):
        return []
    try:
        price, (head, _) = nx.minimum_cut(network, SOURCE, SINK)
    except nx.NetworkXUnbounded:
        return []
    if price >= _UNCUTTABLE:
        return []
    return [name for kind, name in _between(network, head) if kind == "made"]


@lru_cache(maxsize=2)
def _shares(graph: ModelGraph) -> tuple[dict[int, float], dict[int, float]]:
    """Return for each node the part of the model's time that must come before it, and the part that must come after."""
    seconds = estimated_seconds(graph)
    order = sorted(graph.alive)
    row = {index: place for place, index in enumerate(order)}
    needs = np.zeros((len(order), len(order)), dtype=bool)  # [node, what it needs, itself included]
    for place, index in enumerate(order):
        needs[place, place] = True
        for name in graph.reads[index] & graph.maker.keys():
            if graph.maker[name] in row:
                needs[place] |= needs[row[graph.maker[name]]]
    parts = np.array([seconds[index] for index in order]) / sum(seconds.values())
    before, after = needs @ parts - parts, parts @ needs - parts
    return dict(zip(order, before.tolist(), strict=True)), dict(zip(order, after.tolist(), strict=True))


def _between(network: nx.DiGraph, head: set[object]) -> Iterator[tuple[str, str]]:
    for place in network:
        if isinstance(place, tuple) and place[0] == "made" and place in head and ("read", place[1]) not in head:
            yield place


def _capacities(graph: ModelGraph) -> nx.DiGraph:
    """Return a flow network in which a tensor costs its bytes once, however many nodes read it.

    Edges without a capacity are infinite; those from a node back to what it reads keep the parts in order.
    """
    known = sizes(graph, sorted(graph.dynamic_tensors))
    network = nx.DiGraph()
    for origin, target in dependence(graph).edges:
        if isinstance(origin, tuple):
            name = origin[1]
            cost = known[name].bytes if name in known else _UNCUTTABLE
            network.add_edge(("made", name), ("read", name), capacity=max(1, cost))
            network.add_edge(("read", name), target)
            network.add_edge(target, ("made", name))
        else:
            network.add_edge(origin, ("made", target[1]))
            network.add_edge(("made", target[1]), origin)
    return network
