"""The nine annotations and ``annotation`` as decorators that hand the function back unchanged.

They belong on the function ``main`` of a component's main.py, with arguments by name. Nothing happens when they run:
their arguments are read from the source text.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

F = TypeVar("F", bound=Callable[..., Any])

_Scalar = str | float
_PerMetric = _Scalar | Sequence[_Scalar] | Sequence[Sequence[_Scalar]]


def annotation(annotations: Mapping[str, Mapping[str, Any]]) -> Callable[[F], F]:
    """Give all annotations at once: name of the annotation → its arguments. No others may stand beside it."""
    return _unchanged


def component_name(*, name: str) -> Callable[[F], F]:
    """Say which component of application_dag.yaml this is. The one annotation that every component needs."""
    return _unchanged


def exec_time(
    *,
    local_time_thr: float | None = None,
    global_time_thr: float | None = None,
    prev_components: Sequence[str] = (),
) -> Callable[[F], F]:
    """Limit the mean response time, in seconds: of this component, and from *prev_components* on up to its end.

    *prev_components* follow each other along the dependencies, the last one directly before this component; each of
    them carries ``exec_time`` too, which may be empty.
    """
    return _unchanged


def expected_throughput(*, rate: float) -> Callable[[F], F]:
    """Ask for *rate* files per second."""
    return _unchanged


def partitionable_model(*, onnx_file: str, num_partitions: int = 1) -> Callable[[F], F]:
    """Let the model ``onnx/<onnx_file>`` be cut in *num_partitions* alternative ways."""
    return _unchanged


def device_constraints(*, ram: float, vram: float, use_gpu_for: Sequence[str]) -> Callable[[F], F]:
    """Ask for memory and memory of GPUs, in GB; *use_gpu_for* lists ``dnn``, ``pre``, ``post``, or nothing."""
    return _unchanged


def early_exits_model(
    *, onnx_file: str, condition_function: str, transition_probabilities: Sequence[float]
) -> Callable[[F], F]:
    """Let requests leave the model ``onnx/<onnx_file>`` early.

    *condition_function* is a function of main.py that gets the result of an exit and returns True where the request
    leaves there; *transition_probabilities* has for each exit the probability that a request goes on.
    """
    return _unchanged


def model_performance(
    *, metric: str | None = None, metric_thr: float | None = None, filtered_class: str | None = None
) -> Callable[[F], F]:
    """Rank the alternatives of a chain of filters and the classifier at its end, from their confusion matrices.

    The classifier has *metric* (``average_f1``, ``average_precision``, ``average_recall`` or ``average_accuracy``) and
    the least value *metric_thr* it must reach; a filter has the class that it holds back.
    """
    return _unchanged


def detect_metric_drift(
    *,
    metric: str | Sequence[str],
    field: str | Sequence[str] | Sequence[Sequence[str]],
    statistical_test: _PerMetric,
    test_threshold: _PerMetric,
    monitoring_period: _PerMetric,
    detection_interval: float,
    data_collection_period: float,
) -> Callable[[F], F]:
    """Watch fields of metrics for drift.

    For several metrics give lists: one entry for each metric, itself a list of one entry for each field. A single value
    counts for all. Periods and the interval are in hours.
    """
    return _unchanged


def security(
    *,
    trustedExecution: bool = False,
    networkShield: bool = False,
    filesystemShield: bool = False,
    confProc: bool = False,
    integrityProc: bool = False,
    confRest: bool = False,
) -> Callable[[F], F]:
    """Say what must be protected while the component runs."""
    return _unchanged


def _unchanged(function: F) -> F:
    return function
