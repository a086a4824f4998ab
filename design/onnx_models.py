"""Find an ONNX model, check that it is one, and describe what goes in and what comes out.

The installed onnx package ships real architectures whose weights are made up while they load; ``onnx:light_squeezenet``
names one of them, so that a scenario can be calibrated anywhere without large files beside it.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import onnx
from google.protobuf.message import DecodeError  # type: ignore[import-untyped, unused-ignore]
from onnx import external_data_helper

from twin.errors import ProfileError, did_you_mean

SHIPPED_PREFIX = "onnx:"
"""Marks the name of a model inside the onnx package."""

LARGEST_MODEL_BYTES = 2_000_000_000
"""Protobuf itself ends at 2 GiB; the weights of a larger model would not fit most machines of the edge either."""

_SHIPPED_FOLDER = Path("backend", "test", "data", "light")
_FIRST_BYTE = b"\x08"  # the tag of ir_version, which every ONNX writer puts first


@dataclass(frozen=True, slots=True, kw_only=True)
class Tensor:
    """One input or output of a model."""

    name: str

    dtype: str
    """NumPy's word for it, such as ``float32``; ``sequence``, ``map`` or ``optional`` if it is no tensor."""

    shape: tuple[int | str, ...] | None
    """Its sizes; a word (maybe empty) where the model leaves one open, None where it leaves even their number open."""

    bytes_per_element: int

    @property
    def size_mb(self) -> float | None:
        """The MB it takes when every open size is 1; None if the model does not tell."""
        if self.shape is None:
            return None
        return self.bytes_per_element * math.prod(size if isinstance(size, int) else 1 for size in self.shape) / 1e6


@dataclass(frozen=True, slots=True, kw_only=True)
class OnnxModel:
    """A model that was read and is what it says; whether this onnxruntime can run it shows when a session opens."""

    name: str
    """Short name: the file's without its ending, or the shipped one's without ``light_``."""

    reference: str
    """What a reader can find it by: the file's name without folders, or ``onnx:...``."""

    path: Path

    sha256: str
    """Digest of the model file; weights kept in other files are not covered."""

    inputs: tuple[Tensor, ...]

    outputs: tuple[Tensor, ...]

    notes: tuple[str, ...]
    """What a reader of its measurements should know."""


def resolve_model(reference: str) -> Path:
    """Return the file that *reference* means: a path, or ``onnx:NAME`` for a model inside the onnx package.

    Raises ProfileError if there is no such file or name.
    """
    if not reference.startswith(SHIPPED_PREFIX):
        path = Path(reference)
        if path.is_dir():
            raise ProfileError(f"model {reference!r} is a folder; name the .onnx file inside it")
        if not path.is_file():
            raise ProfileError(f"there is no model file {reference!r}; give a file or {SHIPPED_PREFIX}light_squeezenet")
        return path
    shipped = shipped_models()
    name = reference.removeprefix(SHIPPED_PREFIX)
    if name not in shipped:
        raise ProfileError(f"the onnx package ships no model {name!r}{did_you_mean(name, shipped)}")
    return shipped[name]


def shipped_models() -> dict[str, Path]:
    """Return the models inside the installed onnx package, by name."""
    package = find_spec("onnx")
    if package is None or package.origin is None:
        return {}
    folder = Path(package.origin).parent / _SHIPPED_FOLDER
    return {path.stem: path for path in sorted(folder.glob("*.onnx"))}


def load_model(reference: str) -> OnnxModel:
    """Read and describe the model that *reference* means (see `resolve_model`).

    Raises ProfileError if it is missing, too large, damaged, or no ONNX model at all.
    """
    path = resolve_model(reference)
    try:
        _check_size(reference, path.stat().st_size)
        content = path.read_bytes()
    except OSError as error:
        raise ProfileError(f"cannot read model {reference!r}: {error.strerror}") from error
    proto = _parse(reference, content)
    weight_files = _weight_files(reference, path.parent, proto.graph.initializer)
    _check_size(reference, len(content) + sum(file.stat().st_size for file in weight_files))
    try:
        return _describe(reference, path, hashlib.sha256(content).hexdigest(), proto, weight_files)
    except (ValueError, TypeError, KeyError) as error:  # onnx's ways to say that a field contradicts another
        raise ProfileError(f"model {reference!r} is damaged: {type(error).__name__} {error}") from error


def _describe(reference: str, path: Path, sha256: str, proto: onnx.ModelProto, weight_files: list[Path]) -> OnnxModel:
    weights = {tensor.name for tensor in proto.graph.initializer}
    shipped = reference.startswith(SHIPPED_PREFIX)
    return OnnxModel(
        name=path.stem.removeprefix("light_") if shipped else path.stem,
        reference=reference if shipped else path.name,
        path=path,
        sha256=sha256,
        inputs=tuple(_tensor(value) for value in proto.graph.input if value.name not in weights),
        outputs=tuple(_tensor(value) for value in proto.graph.output),
        notes=(*_note_of_weight_files(weight_files), *_note_of_made_weights(proto.graph)),
    )


def _check_size(reference: str, size: int) -> None:
    if size > LARGEST_MODEL_BYTES:
        raise ProfileError(
            f"model {reference!r} is too large: {size / 1e9:.1f} GB with its weights, "
            f"at most {LARGEST_MODEL_BYTES / 1e9:.1f} GB can be measured"
        )


def _parse(reference: str, content: bytes) -> onnx.ModelProto:
    """Return the model in *content*; only its frame is checked, the operators are onnxruntime's business."""
    proto = onnx.ModelProto()
    try:
        proto.ParseFromString(content)
    except DecodeError as error:
        raise ProfileError(_why_unreadable(reference, content)) from error
    if not proto.opset_import or not proto.graph.node:
        raise ProfileError(_why_unreadable(reference, content))
    return proto


def _why_unreadable(reference: str, content: bytes) -> str:
    if not content:
        return f"model {reference!r} is empty"
    if content.startswith(_FIRST_BYTE):
        return f"model {reference!r} is truncated or damaged; export or download it again"
    return f"{reference!r} is not an ONNX model"


def _weight_files(reference: str, folder: Path, weights: Iterable[onnx.TensorProto]) -> list[Path]:
    """Return the files beside the model that hold its weights; none may lie outside the model's folder."""
    names = {
        external_data_helper.ExternalDataInfo(tensor).location
        for tensor in weights
        if external_data_helper.uses_external_data(tensor)
    }
    files = [folder / name for name in sorted(names)]
    for name, file in zip(sorted(names), files, strict=True):
        if not file.resolve().is_relative_to(folder.resolve()):
            raise ProfileError(f"model {reference!r} wants weights from outside its folder: {name!r}")
        if not file.is_file():
            raise ProfileError(f"the weights of model {reference!r} are missing: put {name!r} beside it")
    return files


def _tensor(value: onnx.ValueInfoProto) -> Tensor:
    kind = value.type.WhichOneof("value")
    if kind != "tensor_type":
        word = (kind or "unknown").removesuffix("_type")
        return Tensor(name=value.name, dtype=word, shape=None, bytes_per_element=0)
    tensor = value.type.tensor_type
    dtype = onnx.helper.tensor_dtype_to_np_dtype(tensor.elem_type)
    dims = tensor.shape.dim if tensor.HasField("shape") else None
    return Tensor(
        name=value.name,
        dtype="string" if dtype.kind == "O" else dtype.name,
        shape=None if dims is None else tuple(_size(dim) for dim in dims),
        bytes_per_element=dtype.itemsize,
    )


def _size(dim: onnx.TensorShapeProto.Dimension) -> int | str:
    """Return a fixed size as a number, an open one as its word; some exporters write open sizes as 0 or -1."""
    return dim.dim_value if dim.dim_value > 0 else dim.dim_param


def _note_of_weight_files(files: list[Path]) -> tuple[str, ...]:
    if not files:
        return ()
    return (f"weights in {', '.join(file.name for file in files)}, which the sha256 does not cover",)


def _note_of_made_weights(graph: onnx.GraphProto) -> tuple[str, ...]:
    """Say so if nodes make the weights: onnxruntime folds them away while loading, but nothing is read from a disk."""
    shapes = {tensor.name: tensor for tensor in graph.initializer}
    made_mb = sum(
        _made_bytes(node, shapes[node.input[0]]) / 1e6
        for node in graph.node
        if node.op_type == "ConstantOfShape" and node.input and node.input[0] in shapes
    )
    if made_mb < 0.1:
        return ()
    return (f"{made_mb:.1f} MB of weights are made up while loading, so the load time leaves out reading them",)


def _made_bytes(node: onnx.NodeProto, shape: onnx.TensorProto) -> int:
    """Return the bytes a ConstantOfShape node makes; without a value it makes float32 zeros."""
    count = math.prod(int(size) for size in onnx.numpy_helper.to_array(shape).ravel())
    values = [onnx.numpy_helper.to_array(attribute.t) for attribute in node.attribute if attribute.name == "value"]
    return count * (values[0].itemsize if values else 4)
