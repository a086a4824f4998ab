"""The same model with weights that differ, where the file makes all its weights up as one repeated number.

Models that carry an architecture and no training do that (those of the onnx package are such); their outputs are the
same whatever goes in, and a chain that mixes tensors up would still give them. With random weights it would not.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import onnx
from numpy.typing import NDArray

from design.partition.graph import ModelGraph

GAINS = (1.0, 0.5, 2.0)
"""Variance times fan-in: 2 keeps a signal alive through plain layers, less keeps it small over skip connections."""


def with_random_weights(graph: ModelGraph, gain: float) -> ModelGraph | None:
    """Return *graph* with every made-up weight random; None if it makes none up.

    Weights of two and more dimensions are normal with a variance of *gain* / fan-in (2 in He et al. 2015); vectors
    are even between 0.5 and 1.5, because some of them are variances.
    """
    proto = onnx.ModelProto()
    proto.CopyFrom(graph.proto)
    stored = {tensor.name: tensor for tensor in proto.graph.initializer}
    rng = np.random.default_rng(0)
    kept = []
    for node in proto.graph.node:
        shape = _made_shape(node, stored)
        if shape is None:
            kept.append(node)
        else:
            proto.graph.initializer.append(onnx.numpy_helper.from_array(_weights(shape, gain, rng), node.output[0]))
            if proto.ir_version < 4:  # which lists weights among the inputs
                kind = onnx.TensorProto.FLOAT
                proto.graph.input.append(onnx.helper.make_tensor_value_info(node.output[0], kind, shape))
    if len(kept) == len(proto.graph.node):
        return None
    nodes = [onnx.NodeProto.FromString(node.SerializeToString()) for node in kept]
    del proto.graph.node[:]
    proto.graph.node.extend(nodes)
    return replace(graph, proto=proto)


def _made_shape(node: onnx.NodeProto, stored: dict[str, onnx.TensorProto]) -> tuple[int, ...] | None:
    """Return the shape of the float weights *node* makes up, None if it does something else."""
    if node.op_type != "ConstantOfShape" or not node.input or node.input[0] not in stored:
        return None
    values = [attribute.t for attribute in node.attribute if attribute.name == "value"]
    if values and values[0].data_type != onnx.TensorProto.FLOAT:
        return None
    return tuple(int(size) for size in onnx.numpy_helper.to_array(stored[node.input[0]]).ravel())


def _weights(shape: tuple[int, ...], gain: float, rng: np.random.Generator) -> NDArray[np.float32]:
    if len(shape) < 2:
        return rng.uniform(0.5, 1.5, shape).astype(np.float32)
    scale = np.float32(math.sqrt(gain / max(1, math.prod(shape[1:]))))
    return rng.standard_normal(shape, dtype=np.float32) * scale
