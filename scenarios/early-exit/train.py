"""Make the classifier of this folder: data, training and export, in NumPy and onnx alone.

``python train.py`` writes ``shapes.onnx``; ``python train.py --samples FILE.npz [--noise 0.9]`` writes pictures it has
not seen, with labels. The same seed gives the same files.

Six shapes are drawn into pictures of 32 x 32, at random places and sizes, under noise of random strength: easy ones can
leave the network at the first exit, hard ones need all of it. Exits follow the trunk after its first and second layer,
as in BranchyNet (Teerapittayanon et al. 2016); the losses of the three answers are added up, early ones with less
weight. Convolutions are products of matrices over unfolded patches; the optimiser is Adam (Kingma & Ba 2015).
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

Array = NDArray[np.float32]
Parameters = dict[str, Array]

SIZE = 32
CLASSES = ("disc", "ring", "square", "frame", "cross", "stripes")
LAYERS = ((1, 12, 2), (12, 32, 2), (32, 48, 1), (48, 32, 1))
"""Channels in and out, and stride, of the convolutions of 3 x 3."""

HEADS = {"exit1": (1, 2), "exit2": (2, 2), "final": (4, 2)}
"""Layers before each answer, and the side of the squares whose mean it sees."""

WEIGHTS = {"exit1": 0.6, "exit2": 0.6, "final": 1.0}
NOISE = 0.45
"""Largest standard deviation of the noise; a shape is 1 above its ground."""


def pictures(count: int, *, noise: float, seed: int) -> tuple[Array, NDArray[np.int64]]:
    """Return *count* pictures, of shape (count, 1, 32, 32), and the classes they show."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, len(CLASSES), count)
    radius = rng.uniform(5, 11, count)[:, None, None]
    rows = np.arange(SIZE)[None, :, None] - rng.uniform(12, 20, count)[:, None, None]
    columns = np.arange(SIZE)[None, None, :] - rng.uniform(12, 20, count)[:, None, None]
    far = np.hypot(rows, columns)
    wide = np.maximum(abs(rows), abs(columns))
    narrow = np.minimum(abs(rows), abs(columns))
    drawn = np.stack(
        [
            far <= radius,
            (far <= radius) & (far >= radius - 2.5),
            wide <= radius,
            (wide <= radius) & (wide >= radius - 2.5),
            (wide <= radius) & (narrow <= 1.5),
            (wide <= radius) & (np.floor(rows) % 4 < 2),
        ]
    )[labels, np.arange(count)]
    strength = rng.uniform(0, noise, count)[:, None, None]
    noisy = drawn * rng.uniform(0.7, 1.0, count)[:, None, None] + strength * rng.standard_normal((count, SIZE, SIZE))
    return noisy[:, None].astype(np.float32), labels


def fresh_parameters(rng: np.random.Generator) -> Parameters:
    """Return random weights (He et al. 2015) and zero offsets."""
    found: Parameters = {}
    for number, (inner, outer, _) in enumerate(LAYERS, start=1):
        scale = np.sqrt(2 / (inner * 9))
        found[f"conv{number}_w"] = (rng.standard_normal((outer, inner, 3, 3)) * scale).astype(np.float32)
        found[f"conv{number}_b"] = np.zeros(outer, np.float32)
    for name, (depth, side) in HEADS.items():
        width = LAYERS[depth - 1][1] * (map_size(depth) // side) ** 2
        found[f"{name}_w"] = (rng.standard_normal((width, len(CLASSES))) / np.sqrt(width)).astype(np.float32)
        found[f"{name}_b"] = np.zeros(len(CLASSES), np.float32)
    return found


def map_size(depth: int) -> int:
    """Return the side of the maps after *depth* layers."""
    size = SIZE
    for _, _, stride in LAYERS[:depth]:
        size = (size + stride - 1) // stride
    return size


def unfolded(x: Array, stride: int) -> Array:
    """Return the patches of 3 x 3 around every output pixel: (pictures, rows, columns, channels * 9)."""
    padded = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(2, 3))[:, :, ::stride, ::stride]
    return np.ascontiguousarray(windows.transpose(0, 2, 3, 1, 4, 5)).reshape(
        *windows.shape[:1], *windows.shape[2:4], -1
    )


def folded(patches: Array, shape: tuple[int, ...], stride: int) -> Array:
    """Add up gradients of patches where they came from."""
    count, channels, height, width = shape
    total = np.zeros((count, channels, height + 2, width + 2), np.float32)
    parts = patches.reshape(*patches.shape[:3], channels, 3, 3).transpose(0, 3, 4, 5, 1, 2)
    high, wide = parts.shape[4:]
    for row in range(3):
        for column in range(3):
            total[:, :, row : row + stride * high : stride, column : column + stride * wide : stride] += parts[
                :, :, row, column
            ]
    return total[:, :, 1:-1, 1:-1]


def gradients(p: Parameters, x: Array, labels: NDArray[np.int64]) -> Parameters:
    """Return the gradient of the added losses, by running forwards and backwards."""
    maps, patches = [x], []
    for number, (_, outer, stride) in enumerate(LAYERS, start=1):
        patches.append(unfolded(maps[-1], stride))
        made = patches[-1] @ p[f"conv{number}_w"].reshape(outer, -1).T + p[f"conv{number}_b"]
        maps.append(np.maximum(made, 0).transpose(0, 3, 1, 2))
    found: Parameters = {}
    flows: dict[int, Array] = {}
    for name, (depth, side) in HEADS.items():
        flows[depth] = head_gradient(name, side, p, maps[depth], labels, found)
    flow = flows[len(LAYERS)]
    for number in range(len(LAYERS), 0, -1):
        _, outer, stride = LAYERS[number - 1]
        error = (flow * (maps[number] > 0)).transpose(0, 2, 3, 1)
        flat = error.reshape(-1, outer)
        found[f"conv{number}_w"] = (flat.T @ patches[number - 1].reshape(len(flat), -1)).reshape(
            p[f"conv{number}_w"].shape
        )
        found[f"conv{number}_b"] = flat.sum(axis=0)
        if number > 1:
            back = error @ p[f"conv{number}_w"].reshape(outer, -1)
            flow = folded(back, maps[number - 1].shape, stride) + flows.get(number - 1, np.float32(0))
    return found


def head_gradient(
    name: str, side: int, p: Parameters, maps: Array, labels: NDArray[np.int64], found: Parameters
) -> Array:
    """Put the gradients of one answer into *found* and return that of the maps it sees."""
    count, channels, size, _ = maps.shape
    pooled = maps.reshape(count, channels, size // side, side, size // side, side).mean(axis=(3, 5))
    seen = pooled.reshape(count, -1)
    logits = seen @ p[f"{name}_w"] + p[f"{name}_b"]
    grown = np.exp(logits - logits.max(axis=1, keepdims=True))
    error = grown / grown.sum(axis=1, keepdims=True)
    error[np.arange(count), labels] -= 1
    error *= np.float32(WEIGHTS[name] / count)
    found[f"{name}_w"], found[f"{name}_b"] = seen.T @ error, error.sum(axis=0)
    back = (error @ p[f"{name}_w"].T).reshape(pooled.shape) / np.float32(side**2)
    return np.asarray(np.repeat(np.repeat(back, side, axis=2), side, axis=3), dtype=np.float32)


def trained(*, seed: int, count: int = 5000, epochs: int = 7, batch: int = 64) -> Parameters:
    """Return the parameters after Adam with a rate that falls to zero."""
    x, labels = pictures(count, noise=NOISE, seed=seed)
    rng = np.random.default_rng(seed)
    p = fresh_parameters(rng)
    first: dict[str, Any] = {name: np.zeros_like(value) for name, value in p.items()}
    second: dict[str, Any] = {name: np.zeros_like(value) for name, value in p.items()}
    steps = epochs * (count // batch)
    for step in range(steps):
        if step % (count // batch) == 0:
            order = rng.permutation(count)
        chosen = order[step % (count // batch) * batch :][:batch]
        rate = 3e-3 * (1 - step / steps)
        for name, gradient in gradients(p, x[chosen], labels[chosen]).items():
            first[name] = 0.9 * first[name] + 0.1 * gradient
            second[name] = 0.999 * second[name] + 0.001 * gradient**2
            mean, spread = first[name] / (1 - 0.9 ** (step + 1)), second[name] / (1 - 0.999 ** (step + 1))
            p[name] = (p[name] - rate * mean / (np.sqrt(spread) + 1e-8)).astype(np.float32)
    return p


def exported(p: Parameters) -> onnx.ModelProto:
    """Return the network as ONNX: one input ``picture``, three outputs of probabilities."""
    nodes = []
    for number, (_, _, stride) in enumerate(LAYERS, start=1):
        reads = "picture" if number == 1 else f"relu{number - 1}"
        weights = [reads, f"conv{number}_w", f"conv{number}_b"]
        nodes.append(helper.make_node("Conv", weights, [f"conv{number}"], strides=[stride] * 2, pads=[1] * 4))
        nodes.append(helper.make_node("Relu", [f"conv{number}"], [f"relu{number}"]))
        for name, (depth, side) in HEADS.items():
            if depth == number:
                square = {"kernel_shape": [side] * 2, "strides": [side] * 2}
                nodes.append(helper.make_node("AveragePool", [f"relu{depth}"], [f"{name}_pool"], **square))
                nodes.append(helper.make_node("Flatten", [f"{name}_pool"], [f"{name}_flat"]))
                dense = [f"{name}_flat", f"{name}_w", f"{name}_b"]
                nodes.append(helper.make_node("Gemm", dense, [f"{name}_logits"]))
                nodes.append(helper.make_node("Softmax", [f"{name}_logits"], [name]))
    graph = helper.make_graph(
        nodes,
        "shapes",
        [helper.make_tensor_value_info("picture", TensorProto.FLOAT, ["batch", 1, SIZE, SIZE])],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", len(CLASSES)]) for name in HEADS],
        [numpy_helper.from_array(value, name) for name, value in p.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    return model


def main() -> None:
    """Write the model, or samples."""
    reader = argparse.ArgumentParser(description="Make the classifier of this folder, or pictures for it.")
    reader.add_argument("--samples", type=Path, metavar="FILE.npz", help="write pictures and labels instead")
    reader.add_argument("--count", type=int, default=1000)
    reader.add_argument("--noise", type=float, default=NOISE, help="more of it is a drift of the world")
    reader.add_argument("--seed", type=int, default=1)
    asked = reader.parse_args()
    if asked.samples is None:
        path = Path(__file__).with_name("shapes.onnx")
        path.write_bytes(exported(trained(seed=asked.seed)).SerializeToString())
    else:
        x, labels = pictures(asked.count, noise=asked.noise, seed=1_000_000 + asked.seed)
        np.savez_compressed(asked.samples, picture=x, labels=labels)


if __name__ == "__main__":
    main()
