"""What to watch for drift: drift_detector_config.yaml, from the annotations of all components."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from design.annotations.reading import AnnotatedCode
from twin.errors import Problem

DRIFT = "detect_metric_drift"
_COMMON = ("data_collection_period", "detection_interval")
_OF_FIELDS = ("monitoring_period", "statistical_test", "test_threshold")

Document = dict[str, Any]


def drift_document(codes: Iterable[AnnotatedCode]) -> tuple[Document, list[Problem]]:
    """Return the configuration, empty where nothing is watched, and what contradicts itself.

    There is one configuration for the application: its periods are the same for all components, and a field of a metric
    is watched in one way.
    """
    document: Document = {}
    problems: list[Problem] = []
    for code in codes:
        if not code.has(DRIFT):
            continue
        for name in _COMMON:
            value = code.value(DRIFT, name)
            if document.setdefault(name, value) != value:
                differs = f"is {value} here and {document[name]} in another component; the application has one"
                problems.append(code.uses[DRIFT].place.problem(f"{DRIFT}.{name}", differs))
        metrics = document.setdefault("metrics", {})
        for metric, field, watched in _fields(code):
            if metrics.setdefault(metric, {}).setdefault(field, watched) != watched:
                twice = f"{field!r} of {metric!r} is watched in another way too; keep one"
                problems.append(code.uses[DRIFT].place.problem(DRIFT, twice))
    return document, problems


def _fields(code: AnnotatedCode) -> Iterator[tuple[str, str, Document]]:
    """Yield metric, field and how it is watched."""
    said = code.value(DRIFT, "metric")
    metrics = [said] if isinstance(said, str) else list(_items(said))
    for i, metric in enumerate(metrics):
        fields = _of_metric(code.value(DRIFT, "field"), i, len(metrics))
        listed = list(_items(fields)) if isinstance(fields, list | tuple) else [fields]
        for j, field in enumerate(listed):
            watched = {}
            for name in _OF_FIELDS:
                own = _of_metric(code.value(DRIFT, name), i, len(metrics))
                watched[name] = own[j] if isinstance(own, list | tuple) else own
            yield str(metric), str(field), watched


def _of_metric(value: object, i: int, count: int) -> Any:
    """Return what *value* says of the i-th metric: a value that is no list counts for all."""
    if not isinstance(value, list | tuple):
        return value
    nested = any(isinstance(item, list | tuple) for item in value)
    return value[i] if count > 1 or nested else value


def _items(value: object) -> Iterable[object]:
    return value if isinstance(value, list | tuple) else ()
