"""Cut a model into a chain of models, each a file of its own that any runtime of ONNX can load."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx

from design.onnx_models import OnnxModel
from design.partition.graph import ModelGraph, read_graph
from design.partition.sizes import Size, open_types, sizes
from twin.errors import ProfileError
from twin.files import make_folder, write_with


@dataclass(frozen=True, kw_only=True, eq=False)
class Segment:
    """One model of the chain."""

    proto: onnx.ModelProto

    inputs: tuple[str, ...]
    """What it reads; all of it is an input of the whole model or was handed on by the segment before."""

    outputs: tuple[str, ...]
    """What it makes of that: the tensors of the cut that ends it, or outputs of the whole model."""

    carried: tuple[str, ...] = ()
    """What it hands on without looking at it: later segments want it."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Split:
    """A model and the chain it was cut into."""

    graph: ModelGraph

    cuts: tuple[tuple[str, ...], ...]
    """The tensors of each cut, in order."""

    segments: tuple[Segment, ...]
    """One more than cuts."""


def split(model: OnnxModel | ModelGraph, cuts: Sequence[str | Sequence[str]]) -> Split:
    """Cut *model* at *cuts*, given from the inputs to the outputs: each the name of a tensor, or several names.

    Raises ProfileError if a name is unknown, if something besides the tensors of a cut would have to cross it, or if
    nothing lies between two cuts. Whether the chain gives what the model gives is for `prove` to say.
    """
    graph = read_graph(model)
    named = tuple((cut,) if isinstance(cut, str) else tuple(cut) for cut in cuts)
    for tensors in named:
        graph.check_names(tensors)
    known = _types(graph, {name for tensors in named for name in tensors})
    starts = (graph.inputs, *named)
    ends = (*named, graph.outputs)
    segments = tuple(_segment(graph, start, end, known) for start, end in zip(starts, ends, strict=True))
    return Split(graph=graph, cuts=named, segments=segments)


def segment_name(component: str, number: int, place: int) -> str:
    """Return AI-SPRINT's name of the segment at *place* (from 1) of the cut, or chain, of that *number* (from 1)."""
    return f"{component}_partition{number}_{place}" if component else f"partition{number}_{place}"


def write_segments(parts: Split, folder: Path, *, component: str | None = None, number: int = 1) -> tuple[Path, ...]:
    """Write ``<component>_partition<number>_<place>.onnx`` for each segment into *folder* and return the paths.

    *component* is the model's name unless given; an empty one leaves only ``partition...``. Raises ProfileError for
    a segment that is too large for one file, and TwinError if a file cannot be written; whole files stay.
    """
    name = parts.graph.model.name if component is None else component
    paths = [folder / f"{segment_name(name, number, place)}.onnx" for place in range(1, len(parts.segments) + 1)]
    contents = [_content(segment, path) for segment, path in zip(parts.segments, paths, strict=True)]
    make_folder(folder)
    for path, content in zip(paths, contents, strict=True):
        _write(path, content)
    return tuple(paths)


def _write(path: Path, content: bytes) -> None:
    def fill(temporary: Path) -> None:
        temporary.write_bytes(content)

    write_with(path, fill)


def _content(segment: Segment, path: Path) -> bytes:
    try:
        return bytes(segment.proto.SerializeToString())
    except ValueError as error:  # protobuf's word for more than 2 GiB
        raise ProfileError(f"segment {path.stem!r} is too large for one ONNX file, which ends at 2 GiB") from error


def _segment(
    graph: ModelGraph, start: tuple[str, ...], end: tuple[str, ...], known: Mapping[str, onnx.ValueInfoProto]
) -> Segment:
    """Return the model that makes *end* of *start*, and of the forwarded inputs."""
    made = tuple(dict.fromkeys(name for name in end if name not in start))
    given = {*start, *graph.forwarded}
    nodes = graph.nodes_before(made, given=given)
    wanted = {name for index in nodes for name in graph.reads[index]}
    missing = [name for name in graph.inputs if name in wanted | set(made) and name not in given]
    if missing:
        raise _bypassed(graph, start, end, missing)
    if not nodes & graph.dynamic:
        raise ProfileError(f"nothing of model {graph.model.reference!r} lies between {_list(start)} and {_list(end)}")
    inputs = tuple(name for name in dict.fromkeys((*start, *sorted(graph.forwarded))) if name in wanted)
    body = _body(graph, sorted(nodes), wanted | set(made))
    body.input.extend(known[name] for name in inputs)
    body.output.extend(known[name] for name in made)
    return Segment(
        proto=_model(graph.proto, body),
        inputs=inputs,
        outputs=made,
        carried=tuple(name for name in end if name in start),
    )


def _bypassed(graph: ModelGraph, start: Iterable[str], end: Iterable[str], missing: Iterable[str]) -> ProfileError:
    return ProfileError(
        f"{_list(start)} does not cut model {graph.model.reference!r}: {_list(end)} also depends on input "
        f"{_list(missing)} by another way; add to the cut what bypasses it, forward that input, or cut elsewhere"
    )


def _list(names: Iterable[str]) -> str:
    shown = sorted(names)
    return ", ".join(map(repr, shown[:4])) + (f" and {len(shown) - 4} more" if len(shown) > 4 else "")


def _body(graph: ModelGraph, nodes: Sequence[int], wanted: Collection[str]) -> onnx.GraphProto:
    """Return a graph of *nodes* with the weights they want; models before IR 4 name the weights as inputs, too."""
    whole = graph.proto.graph
    body = onnx.GraphProto(name=whole.name)
    body.node.extend(graph.nodes[index] for index in nodes)
    body.initializer.extend(tensor for tensor in whole.initializer if tensor.name in wanted)
    body.sparse_initializer.extend(tensor for tensor in whole.sparse_initializer if tensor.values.name in wanted)
    weights = {tensor.name for tensor in body.initializer}
    body.input.extend(value for value in whole.input if value.name in weights)
    return body


def _model(whole: onnx.ModelProto, body: onnx.GraphProto) -> onnx.ModelProto:
    model = onnx.ModelProto()
    model.ir_version = whole.ir_version
    model.producer_name = whole.producer_name
    model.domain = whole.domain
    model.opset_import.extend(whole.opset_import)
    model.functions.extend(whole.functions)
    model.graph.CopyFrom(body)
    return model


def _types(graph: ModelGraph, tensors: Collection[str]) -> dict[str, onnx.ValueInfoProto]:
    """Return what a segment says of its inputs and outputs, with the sizes that the model leaves open left open."""
    told = open_types(graph)
    unknown = [name for name in {*tensors, *graph.inputs, *graph.outputs} if name not in told]
    return told | {name: _type_of(name, size) for name, size in sizes(graph, unknown).items()}


def _type_of(name: str, size: Size) -> onnx.ValueInfoProto:
    text = size.dtype == "object"
    kind = onnx.TensorProto.STRING if text else onnx.helper.np_dtype_to_tensor_dtype(np.dtype(size.dtype))
    return onnx.helper.make_tensor_value_info(name, kind, [""] * len(size.shape))
