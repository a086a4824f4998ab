"""The graph of a model as a cut sees it: which nodes depend on the input, and what each of them reads.

Nodes that no input reaches (weights that nodes make, shapes that are constant) belong to no side of a cut: every
segment that needs them gets them. The same holds for what depends on *forwarded* inputs alone, such as an attention
mask that each segment is handed again.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

import onnx

from design.example_inputs import Inputs, Shape, example_inputs
from design.onnx_models import OnnxModel
from twin.errors import ProfileError, did_you_mean

_RANDOM = frozenset(
    ["Bernoulli", "Multinomial", "RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike"]
)


@dataclass(frozen=True, kw_only=True, eq=False)
class ModelGraph:
    """A model with its weights, the inputs it is tried with, and what each node reads.

    Two of them are never equal: what is found out about one is kept with it.
    """

    model: OnnxModel

    proto: onnx.ModelProto

    example: Inputs
    """Inputs that resolve the sizes the model leaves open."""

    made_up: bool = True
    """Whether other random inputs would do as well; those that were given may have to be of a kind."""

    forwarded: frozenset[str] = frozenset()
    """Inputs that are handed to every segment that wants them, so that they need not cross a cut."""

    @cached_property
    def nodes(self) -> list[onnx.NodeProto]:
        """All nodes, in the order of the file, which ONNX demands to be one they can run in."""
        return list(self.proto.graph.node)

    @cached_property
    def inputs(self) -> tuple[str, ...]:
        """Names of the true inputs, weights left out."""
        return tuple(tensor.name for tensor in self.model.inputs)

    @cached_property
    def outputs(self) -> tuple[str, ...]:
        """Names of the outputs."""
        return tuple(tensor.name for tensor in self.model.outputs)

    @cached_property
    def reads(self) -> list[frozenset[str]]:
        """What each node reads, the captures of the graphs inside it included."""
        return [frozenset(_reads(node)) for node in self.nodes]

    @cached_property
    def maker(self) -> dict[str, int]:
        """Index of the node that makes a tensor, by the tensor's name."""
        return {name: index for index, node in enumerate(self.nodes) for name in node.output if name}

    @cached_property
    def dynamic(self) -> frozenset[int]:
        """Indices of the nodes that an input reaches, other than a forwarded one."""
        alive = set(self.inputs) - self.forwarded
        found = set()
        for index, node in enumerate(self.nodes):
            if self.reads[index] & alive:
                found.add(index)
                alive.update(name for name in node.output if name)
        return frozenset(found)

    @cached_property
    def dynamic_tensors(self) -> frozenset[str]:
        """Names of what dynamic nodes make, and of the inputs that are not forwarded."""
        made = {name for index in self.dynamic for name in self.nodes[index].output if name}
        return frozenset(made | (set(self.inputs) - self.forwarded))

    @cached_property
    def alive(self) -> frozenset[int]:
        """Indices of the dynamic nodes that an output needs."""
        return self.dynamic & self.nodes_before(self.outputs)

    def nodes_before(self, tensors: Iterable[str], *, given: Collection[str] = ()) -> frozenset[int]:
        """Return the nodes that are needed to make *tensors* when *given* are there already."""
        found: set[int] = set()
        waiting = [name for name in tensors if name not in given]
        while waiting:
            index = self.maker.get(waiting.pop())
            if index is not None and index not in found:
                found.add(index)
                waiting.extend(name for name in self.reads[index] if name not in given)
        return frozenset(found)

    def check_names(self, tensors: Iterable[str]) -> None:
        """Raise ProfileError for a name that is no tensor of the graph which depends on an input."""
        for name in tensors:
            if name not in self.dynamic_tensors and name not in self.forwarded:
                known = did_you_mean(name, self.dynamic_tensors)
                raise ProfileError(f"model {self.model.reference!r} has no tensor {name!r} to cut at{known}")


def read_graph(
    model: OnnxModel | ModelGraph,
    *,
    shapes: Mapping[str, Shape] | None = None,
    example: Inputs | None = None,
    made_up: bool = True,
    seed: int = 0,
    forward: Collection[str] = (),
) -> ModelGraph:
    """Read *model* with its weights; *example* holds its inputs, else random ones of *shapes* are made up.

    *made_up* is False if only inputs like the example make sense. *forward* names inputs that every segment is
    handed. Raises ProfileError if an input is unknown, or if the model draws random numbers, because then no split
    could be proved.
    """
    if isinstance(model, ModelGraph):
        return model
    try:
        proto = onnx.load(model.path)
    except (OSError, MemoryError) as error:
        raise ProfileError(f"cannot read model {model.reference!r} with its weights: {error}") from error
    _refuse_random(model, proto)
    names = [tensor.name for tensor in model.inputs]
    for name in forward:
        if name not in names:
            raise ProfileError(f"model {model.reference!r} has no input {name!r} to forward{did_you_mean(name, names)}")
    if not names:
        raise ProfileError(f"model {model.reference!r} has no input, so nothing in it can be cut")
    inputs = example if example is not None else example_inputs(model, seed=seed, shapes=shapes)
    return ModelGraph(model=model, proto=proto, example=inputs, made_up=made_up, forwarded=frozenset(forward))


def inner_graphs(node: onnx.NodeProto) -> Iterator[onnx.GraphProto]:
    """Yield the graphs a node such as ``If`` or ``Loop`` holds."""
    for attribute in node.attribute:
        if attribute.type == onnx.AttributeProto.GRAPH:
            yield attribute.g
        elif attribute.type == onnx.AttributeProto.GRAPHS:
            yield from attribute.graphs


def _reads(node: onnx.NodeProto) -> set[str]:
    found = {name for name in node.input if name}
    for graph in inner_graphs(node):
        found |= _captures(graph)
    return found


def _captures(graph: onnx.GraphProto) -> set[str]:
    """Return the names *graph* takes from outside: those it reads, or returns, without making them."""
    own = {value.name for value in graph.input} | {tensor.name for tensor in graph.initializer}
    own |= {tensor.values.name for tensor in graph.sparse_initializer}
    found: set[str] = set()
    for node in graph.node:
        found |= _reads(node) - own
        own.update(node.output)
    return found | ({value.name for value in graph.output} - own)


def _all_nodes(nodes: Iterable[onnx.NodeProto]) -> Iterator[onnx.NodeProto]:
    for node in nodes:
        yield node
        for graph in inner_graphs(node):
            yield from _all_nodes(graph.node)


def _refuse_random(model: OnnxModel, proto: onnx.ModelProto) -> None:
    places = [proto.graph.node, *(function.node for function in proto.functions)]
    for node in (node for place in places for node in _all_nodes(place)):
        if node.op_type in _RANDOM:
            raise ProfileError(
                f"model {model.reference!r} draws random numbers ({node.op_type} {node.name!r}), "
                "so no cut of it can be proved"
            )
