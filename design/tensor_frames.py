"""Tensors as bytes: how the parts of a cut model hand them to each other through a socket.

A frame is the length of its heading (four bytes, big-endian), a heading in JSON that names dtype and shape of each
tensor, and the tensors' bytes one after the other. Nothing in a frame is ever executed or unpickled.
"""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from twin.errors import ProfileError

Tensors = dict[str, NDArray[Any]]

LONGEST_HEADING = 1 << 20
"""Bytes; a heading tells names and shapes, not contents."""

_KINDS = frozenset("biuf")


def packed(tensors: Mapping[str, NDArray[Any]]) -> bytes:
    """Return *tensors* as one frame."""
    arrays = {name: np.ascontiguousarray(array) for name, array in tensors.items()}
    heading = json.dumps([[name, array.dtype.str, array.shape] for name, array in arrays.items()]).encode()
    return b"".join([struct.pack(">I", len(heading)), heading, *(array.tobytes() for array in arrays.values())])


def unpacked(frame: bytes) -> Tensors:
    """Return the tensors of *frame*, by name; they share its memory and are read-only.

    Raises ProfileError if the bytes are no such frame.
    """
    try:
        (length,) = struct.unpack_from(">I", frame)
        if length > LONGEST_HEADING:
            raise ValueError(f"a heading of {length} bytes")
        heading = json.loads(frame[4 : 4 + length])
        tensors: Tensors = {}
        place = 4 + length
        for name, kind, shape in heading:
            dtype = np.dtype(str(kind))
            if dtype.kind not in _KINDS or min(shape, default=0) < 0:
                raise ValueError(f"{kind} of shape {shape}")
            count = math.prod(shape)
            tensors[str(name)] = np.frombuffer(frame, dtype, count, place).reshape(shape)
            place += count * dtype.itemsize
    except (struct.error, ValueError, TypeError, KeyError) as error:
        raise ProfileError(f"the message holds no tensors: {error}") from error
    if place != len(frame):
        raise ProfileError(f"the message holds {len(frame)} bytes, its tensors {place}")
    return tensors
