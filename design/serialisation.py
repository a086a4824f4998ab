"""What it costs to hand tensors on to the next segment: bytes and seconds in the formats that are in use.

``npz`` is NumPy's own, ``protobuf`` is ONNX's tensor message, ``base64`` is what a JSON or event body needs.
"""

from __future__ import annotations

import base64
import io
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx

_REPEATS = 7
_LARGEST_MB = 500.0
"""Above this the copies could fill the memory; nobody sends that much per request."""

Arrays = list[np.ndarray[Any, Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class FormatCost:
    """Bytes and median seconds of one format."""

    bytes: int
    write_seconds: float
    read_seconds: float


def format_costs(outputs: Sequence[Any]) -> dict[str, FormatCost]:
    """Return the cost of each format for *outputs*; nothing if one is no array of numbers, or they are huge."""
    arrays = [output for output in outputs if isinstance(output, np.ndarray) and output.dtype.kind in "fiub"]
    size = sum(array.nbytes for array in arrays)
    if len(arrays) < len(outputs) or not 0 < size <= _LARGEST_MB * 1e6:
        return {}
    return {name: _cost(write, read, arrays) for name, (write, read) in FORMATS.items()}


def _cost(write: Callable[[Arrays], bytes], read: Callable[[bytes], Arrays], arrays: Arrays) -> FormatCost:
    content = write(arrays)
    return FormatCost(
        bytes=len(content),
        write_seconds=_median_seconds(lambda: write(arrays)),
        read_seconds=_median_seconds(lambda: read(content)),
    )


def _median_seconds(work: Callable[[], object]) -> float:
    times = []
    for _ in range(_REPEATS):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return float(np.median(times))


def _to_npz(arrays: Arrays) -> bytes:
    stream = io.BytesIO()
    np.savez(stream, *arrays)
    return stream.getvalue()


def _from_npz(content: bytes) -> Arrays:
    with np.load(io.BytesIO(content)) as stored:
        return [stored[name] for name in stored.files]


def _to_messages(arrays: Arrays) -> bytes:
    message = onnx.GraphProto(initializer=[onnx.numpy_helper.from_array(array) for array in arrays])
    return bytes(message.SerializeToString())


def _from_messages(content: bytes) -> Arrays:
    return [onnx.numpy_helper.to_array(tensor) for tensor in onnx.GraphProto.FromString(content).initializer]


FORMATS: dict[str, tuple[Callable[[Arrays], bytes], Callable[[bytes], Arrays]]] = {
    "npz": (_to_npz, _from_npz),
    "protobuf": (_to_messages, _from_messages),
    "base64": (
        lambda arrays: base64.b64encode(_to_npz(arrays)),
        lambda content: _from_npz(base64.b64decode(content)),
    ),
}
"""How arrays become bytes, and come back."""
