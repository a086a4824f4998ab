"""The annotations of AI-SPRINT: written on components as decorators, read from their source by ``ctwin designs``.

``from design.annotations import component_name, exec_time``; what each of them means stands in
:mod:`design.annotations.decorators`. Importing this needs nothing but Python, and the decorators change nothing, so
annotated code runs as it is. Code that says ``aisprint.annotations`` runs through :mod:`design.annotations.shim`.
"""

from __future__ import annotations

from design.annotations.decorators import (
    annotation,
    component_name,
    detect_metric_drift,
    device_constraints,
    early_exits_model,
    exec_time,
    expected_throughput,
    model_performance,
    partitionable_model,
    security,
)

__all__ = [
    "annotation",
    "component_name",
    "detect_metric_drift",
    "device_constraints",
    "early_exits_model",
    "exec_time",
    "expected_throughput",
    "model_performance",
    "partitionable_model",
    "security",
]
