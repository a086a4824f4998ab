"""Random inputs that fit a model: the cost of a run depends on their shapes, hardly ever on their values."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from design.onnx_models import OnnxModel, Tensor
from twin.errors import ProfileError, did_you_mean

Shape = tuple[int, ...]
Inputs = dict[str, NDArray[Any]]
"""Arrays by the name of the input; their element types are the model's choice."""

LARGEST_INPUT_MB = 2000.0

_MADE_UP = frozenset(
    ["bool", *(f"{kind}{bits}" for kind in ("int", "uint") for bits in (8, 16, 32, 64))]
    + [f"float{bits}" for bits in (16, 32, 64)]
)


def parse_shape(text: str) -> tuple[str, Shape]:
    """Return the name and the sizes that ``name=1,3,224,224`` says; ``name=`` is a scalar.

    Raises ProfileError if *text* has another form.
    """
    name, equals, sizes = text.rpartition("=")
    try:
        shape = tuple(int(size) for size in sizes.split(",")) if sizes.strip() else ()
    except ValueError:
        shape = (-1,)
    if not name or not equals or min(shape, default=1) < 1:
        raise ProfileError(f"cannot read shape {text!r}; write name=1,3,224,224 with whole numbers from 1")
    return name, shape


def check_shape_names(models: list[OnnxModel], shapes: Mapping[str, Shape]) -> None:
    """Raise ProfileError if a name in *shapes* is no input of any of the *models*."""
    known = {tensor.name for model in models for tensor in model.inputs}
    for name in shapes:
        if name not in known:
            raise ProfileError(f"no model has an input {name!r} to shape{did_you_mean(name, known)}")


def example_inputs(model: OnnxModel, *, seed: int, shapes: Mapping[str, Shape] | None = None) -> Inputs:
    """Return one random array per input of *model*.

    A size the model leaves open is 1 unless *shapes* says otherwise; names in it that the model does not have are
    left to other models. Floats are standard normal, truths even, whole numbers 0 or 1, which are valid indices of
    any vocabulary. Raises ProfileError if an input cannot be made.
    """
    wanted = shapes or {}
    dtypes = {tensor.name: _dtype(model, tensor) for tensor in model.inputs}
    final = {tensor.name: _shape(model, tensor, wanted.get(tensor.name)) for tensor in model.inputs}
    size_mb = sum(tensor.bytes_per_element * math.prod(final[tensor.name]) / 1e6 for tensor in model.inputs)
    if size_mb > LARGEST_INPUT_MB:
        raise ProfileError(
            f"the inputs of {model.reference!r} would take {size_mb:.0f} MB, more than {LARGEST_INPUT_MB:.0f}"
        )
    rng = np.random.default_rng(seed)
    return {tensor.name: _values(dtypes[tensor.name], final[tensor.name], rng) for tensor in model.inputs}


def _shape(model: OnnxModel, tensor: Tensor, wanted: Shape | None) -> Shape:
    if tensor.shape is None:
        if wanted is None:
            raise ProfileError(
                f"{model.reference!r} leaves the shape of {tensor.name!r} open; give one: --shape {tensor.name}=1,..."
            )
        return wanted
    if wanted is None:
        return tuple(size if isinstance(size, int) else 1 for size in tensor.shape)
    fits = len(wanted) == len(tensor.shape) and all(
        isinstance(size, str) or size == asked for size, asked in zip(tensor.shape, wanted, strict=True)
    )
    if not fits:
        form = ",".join(str(size or "any") for size in tensor.shape)
        asked_form = ",".join(map(str, wanted))
        raise ProfileError(f"shape {asked_form} does not fit {tensor.name!r} of {model.reference!r}, which is {form}")
    return wanted


def _dtype(model: OnnxModel, tensor: Tensor) -> np.dtype[Any]:
    if tensor.dtype not in _MADE_UP:
        raise ProfileError(
            f"input {tensor.name!r} of {model.reference!r} is of type {tensor.dtype}; "
            "only floats, whole numbers and truths can be made up"
        )
    return np.dtype(tensor.dtype)


def _values(dtype: np.dtype[Any], shape: Shape, rng: np.random.Generator) -> NDArray[Any]:
    numbers = rng.standard_normal(shape) if dtype.kind == "f" else rng.integers(0, 2, shape)
    return np.asarray(numbers, dtype=dtype)
