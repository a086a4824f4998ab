"""Where a model can be cut: tensors that everything after them depends on, and nothing else that was made before.

A single tensor cuts the graph if it dominates the outputs: every path from an input to an output runs through it
(dominators as in Cooper, Harvey & Kennedy 2001, by networkx).

The answer leaves from the last segment, so an output that is made before a cut crosses it too.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import networkx as nx

from design.onnx_models import OnnxModel
from design.partition.graph import ModelGraph, read_graph
from design.partition.sizes import Size, sizes
from design.partition.work import estimated_seconds

SOURCE, SINK = "source", "sink"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """A place to cut a model."""

    tensors: tuple[str, ...]
    """What crosses: tensors, and those forwarded inputs that the rest of the model wants."""

    shapes: tuple[tuple[int, ...], ...]
    """Their shapes for the example input."""

    dtypes: tuple[str, ...]

    bytes: int
    """Bytes of all of them."""

    before: frozenset[int]
    """Indices of the nodes before the cut."""

    share: float
    """Estimated part (0–1) of the model's time that is before the cut."""


def cut_points(model: OnnxModel | ModelGraph) -> tuple[Cut, ...]:
    """Return every single tensor at which *model* can be cut, from the first to the last; () if there is none.

    Raises ProfileError for a model that cannot be read, or not cut with any proof.
    """
    graph = read_graph(model)
    tree = nx.immediate_dominators(dependence(graph), SOURCE)
    return tuple(cuts_at(graph, ([name] for name in reversed(list(_dominators(tree))))))


def forwarding_that_helps(model: OnnxModel | ModelGraph) -> dict[str, int]:
    """Return the inputs that, forwarded to every segment, let single tensors cut the model, each with their number."""
    graph = read_graph(model)
    if len(graph.inputs) < 2:
        return {}
    found = {}
    for name in graph.inputs:
        eased = replace(graph, forwarded=graph.forwarded | {name})
        found[name] = len(cut_points(eased))
    return {name: count for name, count in found.items() if count}


def dependence(graph: ModelGraph) -> nx.DiGraph:
    """Return the graph of operators (their indices) and tensors and tensors, from the inputs to the outputs."""
    flow = nx.DiGraph()
    for name in graph.inputs:
        if name not in graph.forwarded:
            flow.add_edge(SOURCE, ("tensor", name))
    for index in graph.alive:
        for name in graph.reads[index] & graph.dynamic_tensors:
            flow.add_edge(("tensor", name), index)
        for name in graph.nodes[index].output:
            flow.add_edge(index, ("tensor", name))
    for name in graph.outputs:
        if name in graph.dynamic_tensors:
            flow.add_edge(("tensor", name), SINK)
    return flow


def _dominators(tree: dict[object, object]) -> Iterator[str]:
    """Yield the tensors that dominate the outputs, from the last to the first."""
    place: object = SINK
    while place in tree and place != SOURCE:
        place = tree[place]
        if isinstance(place, tuple):
            yield place[1]


def cuts_at(graph: ModelGraph, candidates: Iterable[Iterable[str]]) -> Iterator[Cut]:
    """Yield the cut at each of *candidates* that can be sized and has something to do on both sides."""
    wanted = [tuple(tensors) for tensors in candidates]
    known = sizes(graph, sorted({name for tensors in wanted for name in tensors} | graph.forwarded))
    for tensors in wanted:
        if all(name in known for name in tensors):
            cut = _cut(graph, tensors, known)
            if cut is not None:
                yield cut


def _cut(graph: ModelGraph, tensors: tuple[str, ...], known: dict[str, Size]) -> Cut | None:
    """Return the cut at *tensors*, None if one side of it would do nothing."""
    after = graph.nodes_before(graph.outputs, given=tensors)
    before = graph.nodes_before(tensors) & graph.dynamic
    if not before or not after & graph.dynamic:
        return None
    wanted = {name for index in after for name in graph.reads[index]}
    crossing = (*tensors, *(name for name in graph.inputs if name in graph.forwarded & wanted))
    seconds = estimated_seconds(graph)
    return Cut(
        tensors=crossing,
        shapes=tuple(known[name].shape for name in crossing),
        dtypes=tuple(known[name].dtype for name in crossing),
        bytes=sum(known[name].bytes for name in crossing),
        before=before,
        share=sum(seconds[index] for index in before & seconds.keys()) / sum(seconds.values()),
    )
