"""Run a model with onnxruntime, and say in one sentence why it would not."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from onnxruntime.capi import onnxruntime_pybind11_state as onnxruntime_core

from design.example_inputs import Inputs
from design.onnx_models import OnnxModel
from twin.errors import ProfileError, did_you_mean

CPU_PROVIDER = "CPUExecutionProvider"

_QUIET = 4  # onnxruntime would print what its exceptions say anyway

_ORT_ERRORS: tuple[type[Exception], ...] = (
    *(kind for kind in vars(onnxruntime_core).values() if isinstance(kind, type) and issubclass(kind, Exception)),
    RuntimeError,
    ValueError,
    MemoryError,
)
"""onnxruntime's exceptions have no common base; the last three come through from C++ and its Python layer."""

_UNKNOWN_OPERATOR = re.compile(
    r"No Op registered for (?P<a>\S+)|(?P<b>\S+?)(?:\(-?\d+\))? is not a registered function/op"
    r"|Could not find an implementation for (?P<c>\S+?)\("
)
_PREAMBLES = (
    re.compile(r"^\[ONNXRuntimeError\] : \d+ : \w+ : "),
    re.compile(r"^Load model from .*? failed: ?"),
    re.compile(r"/onnxruntime_src/.*?\) (?=[A-Z])"),  # file and signature of the C++ function
)


def open_session(model: OnnxModel, *, threads: int = 1, provider: str = CPU_PROVIDER) -> onnxruntime.InferenceSession:
    """Return a session at full optimisation with *threads* threads inside an operator, none of them spinning.

    Spinning threads burn CPU time while they wait, which doubles the cost on a shared machine. *provider* is what
    runs the operators, see `providers`. Raises ProfileError if this onnxruntime cannot load the model.
    """
    return _open(model.path, model.reference, threads=threads, optimised=True, provider=provider)


def open_bytes(content: bytes, reference: str, *, optimised: bool = True) -> onnxruntime.InferenceSession:
    """Return a session of a model that is not in a file; errors call it *reference*. Otherwise as `open_session`."""
    return _open(content, reference, threads=1, optimised=optimised, provider=CPU_PROVIDER)


def providers() -> tuple[str, ...]:
    """Return what this onnxruntime can run operators on, such as ``CUDAExecutionProvider``, its first choice first."""
    return tuple(onnxruntime.get_available_providers())


def _open(
    source: Path | bytes, reference: str, *, threads: int, optimised: bool, provider: str
) -> onnxruntime.InferenceSession:
    if provider not in providers():
        raise ProfileError(f"this onnxruntime cannot run on {provider!r}{did_you_mean(provider, providers())}")
    options = onnxruntime.SessionOptions()
    level = onnxruntime.GraphOptimizationLevel
    options.graph_optimization_level = level.ORT_ENABLE_ALL if optimised else level.ORT_DISABLE_ALL
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = _QUIET
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    wanted = [provider] if provider == CPU_PROVIDER else [provider, CPU_PROVIDER]
    try:
        # Without a fallback: it would try the same provider again and print that on the output stream.
        return onnxruntime.InferenceSession(source, options, providers=wanted, enable_fallback=0)
    except _ORT_ERRORS as error:
        raise ProfileError(f"cannot load {reference!r}: {_reason(error)}") from error


def run_once(model: OnnxModel, session: onnxruntime.InferenceSession, inputs: Inputs) -> list[Any]:
    """Return what *session* makes of *inputs*; raises ProfileError if it refuses them."""
    try:
        return list(session.run(None, inputs))
    except _ORT_ERRORS as error:
        shapes = ", ".join(f"{name} {'x'.join(map(str, array.shape))}" for name, array in inputs.items())
        raise ProfileError(
            f"{model.reference!r} does not run with inputs {shapes}; perhaps --shape helps: {_reason(error)}"
        ) from error


def output_bytes(value: Any) -> int:
    """Return the bytes of what a model returns: arrays, or lists and dictionaries of them."""
    if isinstance(value, dict):
        return output_bytes(list(value)) + output_bytes(list(value.values()))
    if isinstance(value, list | tuple):
        return sum(output_bytes(item) for item in value)
    if isinstance(value, np.ndarray) and value.dtype.kind == "O":
        return output_bytes(value.ravel().tolist())
    return len(value.encode()) if isinstance(value, str) else int(np.asarray(value).nbytes)


def has_only_numbers(value: Any) -> bool:
    """Return whether no float in what a model returns is infinite or NaN."""
    if isinstance(value, dict):
        return has_only_numbers(list(value.values()))
    if isinstance(value, list | tuple):
        return all(has_only_numbers(item) for item in value)
    array = np.asarray(value)
    return array.dtype.kind != "f" or bool(np.isfinite(array).all())


def _reason(error: Exception) -> str:
    """Return onnxruntime's own words on one line, without codes and paths, the unknown operator first if it is one."""
    words = " ".join(str(error).split())
    for preamble in _PREAMBLES:
        words = preamble.sub("", words)
    words = words[:300]
    found = _UNKNOWN_OPERATOR.search(str(error))
    if found is None:
        return words or type(error).__name__
    operator = next(name for name in found.groups() if name)
    return f"onnxruntime {onnxruntime.__version__} does not know its operator {operator} ({words})"
