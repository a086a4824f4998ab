"""Two small ONNX models to begin with, of weights drawn with a fixed seed: they compute, and have learnt nothing."""

from __future__ import annotations

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

SEED = 20
OPSET = 17
IR_VERSION = 8
"""Old enough for every onnxruntime that is still in use."""

FEATURES = 32
CLASSES = 4


def extractor() -> bytes:
    """Return a convolutional network: image (1, 3, 64, 64) → features (1, 32), a chain that can be cut anywhere."""
    rng = np.random.default_rng(SEED)
    nodes, weights = [], []
    tensor, channels = "image", 3
    for i, wider in enumerate((8, 16, FEATURES), 1):
        kernel = rng.normal(0, (9 * channels) ** -0.5, (wider, channels, 3, 3)).astype(np.float32)
        weights.append(numpy_helper.from_array(kernel, f"kernel{i}"))
        nodes += [
            helper.make_node("Conv", [tensor, f"kernel{i}"], [f"conv{i}"], pads=[1, 1, 1, 1]),
            helper.make_node("Relu", [f"conv{i}"], [f"relu{i}"]),
            helper.make_node("MaxPool", [f"relu{i}"], [f"pool{i}"], kernel_shape=[2, 2], strides=[2, 2]),
        ]
        tensor, channels = f"pool{i}", wider
    nodes += [
        helper.make_node("GlobalAveragePool", [tensor], ["mean"]),
        helper.make_node("Flatten", ["mean"], ["features"]),
    ]
    return _model("extract", nodes, weights, ("image", [1, 3, 64, 64]), ("features", [1, FEATURES]))


def classifier() -> bytes:
    """Return two dense layers: features (1, 32) → probabilities of four classes (1, 4)."""
    rng = np.random.default_rng(SEED + 1)
    shapes = {"dense1": (FEATURES, 64), "dense2": (64, CLASSES)}
    weights = [
        numpy_helper.from_array(rng.normal(0, shape[0] ** -0.5, shape).astype(np.float32), name)
        for name, shape in shapes.items()
    ]
    nodes = [
        helper.make_node("MatMul", ["features", "dense1"], ["hidden"]),
        helper.make_node("Relu", ["hidden"], ["active"]),
        helper.make_node("MatMul", ["active", "dense2"], ["scores"]),
        helper.make_node("Softmax", ["scores"], ["probabilities"], axis=1),
    ]
    return _model("classify", nodes, weights, ("features", [1, FEATURES]), ("probabilities", [1, CLASSES]))


def _model(
    name: str,
    nodes: list[onnx.NodeProto],
    weights: list[onnx.TensorProto],
    entry: tuple[str, list[int]],
    result: tuple[str, list[int]],
) -> bytes:
    ends = [helper.make_tensor_value_info(tensor, TensorProto.FLOAT, shape) for tensor, shape in (entry, result)]
    graph = helper.make_graph(nodes, name, ends[:1], ends[1:], weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION)
    onnx.checker.check_model(model, full_check=True)
    content: bytes = model.SerializeToString()
    return content
