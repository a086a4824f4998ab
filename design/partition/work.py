"""How long each node of a model should take: an estimate that shares out a time, no replacement for measuring.

A node takes the longer of its multiplications and its memory traffic at the rates of one core of today. Only the
proportions between nodes matter to the choice of a cut, and they hold on most machines better than the seconds do.
"""

from __future__ import annotations

import math
from functools import lru_cache

import onnx

from design.partition.graph import ModelGraph
from design.partition.sizes import Size, sizes

OPERATIONS_PER_SECOND = 40e9
"""Multiplications and additions of 32-bit floats on one core with vector units."""

BYTES_PER_SECOND = 8e9
"""Memory traffic of one core."""


@lru_cache(maxsize=2)
def estimated_seconds(graph: ModelGraph) -> dict[int, float]:
    """Return the seconds of each node that an output needs, by its index."""
    names = {name for index in graph.alive for name in (*graph.nodes[index].input, *graph.nodes[index].output) if name}
    known = sizes(graph, sorted(names & graph.dynamic_tensors)) | _weights(graph)
    return {index: _seconds(graph.nodes[index], known) for index in sorted(graph.alive)}


def _weights(graph: ModelGraph) -> dict[str, Size]:
    stored = {
        tensor.name: Size(shape=tuple(tensor.dims), bytes=4 * math.prod(tensor.dims), dtype="")
        for tensor in graph.proto.graph.initializer
    }
    made = {name for name in graph.maker if name not in graph.dynamic_tensors}
    return sizes(graph, sorted(made)) | stored if made else stored


def _seconds(node: onnx.NodeProto, known: dict[str, Size]) -> float:
    moved = sum(known[name].bytes for name in (*node.input, *node.output) if name in known)
    return max(2 * _products(node, known) / OPERATIONS_PER_SECOND, moved / BYTES_PER_SECOND)


def _products(node: onnx.NodeProto, known: dict[str, Size]) -> float:
    """Return the number of multiplications of a convolution or matrix product; 0 for other operators."""
    if len(node.input) < 2 or any(name not in known for name in (*node.input[:2], *node.output[:1])):
        return 0.0
    left, right, out = (known[name].shape for name in (*node.input[:2], node.output[0]))
    match node.op_type:
        case "Conv":
            return math.prod(out) * math.prod(right[1:])
        case "ConvTranspose":
            return math.prod(left) * math.prod(right[1:])
        case "MatMul" | "Gemm":
            return math.prod(out) * left[0 if _flag(node, "transA") else -1] if left else 0.0
        case _:
            return 0.0


def _flag(node: onnx.NodeProto, name: str) -> bool:
    return any(attribute.name == name and attribute.i for attribute in node.attribute)
