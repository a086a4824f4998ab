"""How large the tensors inside a model are: inferred where the graph tells, seen in a run where it does not."""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice

import numpy as np
import onnx

from design.onnx_sessions import open_bytes, output_bytes, run_once
from design.partition.graph import ModelGraph

_AT_ONCE = 32
"""Tensors looked at in one run; all of a large model at once could fill the memory."""

_LARGEST_INFERRED = 1_900_000_000
"""Shape inference hands the model over as one message, which ends at 2 GiB."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """Shape and bytes of a tensor, for the example input."""

    shape: tuple[int, ...]

    bytes: int

    dtype: str


def sizes(graph: ModelGraph, tensors: Collection[str]) -> dict[str, Size]:
    """Return the sizes of *tensors*; one that is no plain tensor (a sequence, a map) is left out.

    Raises ProfileError if a run is needed and the model refuses the example input.
    """
    found = _inferred(graph) | {
        name: Size(shape=array.shape, bytes=array.nbytes, dtype=str(array.dtype))
        for name, array in graph.example.items()
    }
    found |= _seen(graph, [name for name in tensors if name not in found])
    return {name: found[name] for name in tensors if name in found}


@lru_cache(maxsize=2)
def open_types(graph: ModelGraph) -> dict[str, onnx.ValueInfoProto]:
    """Return what shape inference knows of each tensor, with the sizes that the model leaves open left open."""
    whole = graph.proto.graph
    stated = {value.name: value for value in (*whole.input, *whole.output) if is_complete(value)}
    return {name: value for name, value in _inference(graph.proto).items() if is_complete(value)} | stated


def is_complete(value: onnx.ValueInfoProto) -> bool:
    """Say whether *value* tells its type, and for a tensor the number of its sizes, as the checker demands."""
    tensor = value.type.tensor_type
    kind = value.type.WhichOneof("value")
    return kind is not None and (kind != "tensor_type" or (tensor.HasField("shape") and tensor.elem_type > 0))


@lru_cache(maxsize=2)
def concrete_types(graph: ModelGraph) -> dict[str, onnx.ValueInfoProto]:
    """Return what shape inference knows when the inputs have the sizes of the example."""
    proto = onnx.ModelProto()
    proto.CopyFrom(graph.proto)
    for value in (*proto.graph.output, *proto.graph.value_info):
        if value.type.HasField("tensor_type"):
            value.type.tensor_type.ClearField("shape")  # else its open sizes would win over those of the example
    for value in proto.graph.input:
        if value.name in graph.example:
            shape = onnx.TensorShapeProto()
            for size in graph.example[value.name].shape:
                shape.dim.add().dim_value = size
            value.type.tensor_type.shape.CopyFrom(shape)
    return _inference(proto)


def _inference(proto: onnx.ModelProto) -> dict[str, onnx.ValueInfoProto]:
    """Return the types of all tensors by name; only those the model states where inference fails."""
    graph = proto.graph
    stated = {value.name: value for value in (*graph.input, *graph.output, *graph.value_info)}
    if proto.ByteSize() > _LARGEST_INFERRED:
        return stated
    try:
        told = onnx.shape_inference.infer_shapes(proto, data_prop=True).graph
    except (onnx.shape_inference.InferenceError, ValueError, RuntimeError):
        return stated
    return stated | {value.name: value for value in (*told.value_info, *told.input, *told.output)}


def _inferred(graph: ModelGraph) -> dict[str, Size]:
    read = {name: _size(value) for name, value in concrete_types(graph).items()}
    return {name: size for name, size in read.items() if size is not None}


def _size(value: onnx.ValueInfoProto) -> Size | None:
    """Return the size if every part of it is known; a tensor of text is known only in a run."""
    tensor = value.type.tensor_type
    if not value.type.HasField("tensor_type") or not tensor.HasField("shape") or not tensor.elem_type:
        return None
    if any(not dim.HasField("dim_value") for dim in tensor.shape.dim):
        return None
    dtype = onnx.helper.tensor_dtype_to_np_dtype(tensor.elem_type)
    if dtype.kind == "O":
        return None
    shape = tuple(int(dim.dim_value) for dim in tensor.shape.dim)
    return Size(shape=shape, bytes=math.prod(shape) * dtype.itemsize, dtype=dtype.name)


def _seen(graph: ModelGraph, tensors: list[str]) -> dict[str, Size]:
    """Run the model with *tensors* as outputs and look at them, some at a time."""
    found: dict[str, Size] = {}
    waiting = iter(tensors)
    while batch := list(islice(waiting, _AT_ONCE)):
        proto = onnx.ModelProto()
        proto.CopyFrom(graph.proto)
        del proto.graph.output[:]
        proto.graph.output.extend(onnx.ValueInfoProto(name=name) for name in batch)
        session = open_bytes(proto.SerializeToString(), graph.model.reference, optimised=False)
        values = run_once(graph.model, session, graph.example)
        found |= {
            name: Size(shape=value.shape, bytes=output_bytes(value), dtype=str(value.dtype))
            for name, value in zip(batch, values, strict=True)
            if isinstance(value, np.ndarray)
        }
    return found
