"""Constraints as QoS files and annotations: what AMS, SPACE4AI-D and OSCAR-P read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from twin.formats.aisprint.hosts import GIGABYTE_MB
from twin.formats.aisprint.write_resources import plain
from twin.formats.aisprint.written_names import WrittenNames
from twin.model.application import Deployment
from twin.model.constraints import DeviceConstraint, GlobalConstraint, LocalConstraint, ThroughputConstraint
from twin.model.scenario import Scenario

Document = dict[str, Any]


def qos_document(scenario: Scenario) -> Document:
    """Return qos_constraints.yaml of the whole application."""
    return {"system": _constraints(scenario, {name: [name] for name in scenario.application.components})}


def monitored_document(scenario: Scenario, names: WrittenNames, chosen: Mapping[str, Deployment]) -> Document:
    """Return qos_constraints.yaml as AMS reads it for one deployment: components appear as their segments.

    The limit of a component that is cut becomes one of the path of its segments.
    """
    chains = {name: [names.partitions[p.name] for p in deployment.chain] for name, deployment in chosen.items()}
    body = _constraints(scenario, chains)
    rated = [c.component for c in scenario.constraints if isinstance(c, ThroughputConstraint)]
    return {"system": {**body, "throughput_component": chains[rated[0]][0] if rated else {}}}


def _constraints(scenario: Scenario, chains: Mapping[str, list[str]]) -> Document:
    limits: list[Limit] = []
    for constraint in scenario.constraints:
        if isinstance(constraint, LocalConstraint | GlobalConstraint):
            path = constraint.path if isinstance(constraint, GlobalConstraint) else (constraint.component,)
            limits.append(([part for component in path for part in chains[component]], constraint.limit))
    return {"name": scenario.name, **limits_document(limits)}


Limit = tuple[list[str], float]
"""The parts that a limit spans, in order, and its seconds."""


def limits_document(limits: Iterable[Limit]) -> Document:
    """Return limits as QoS files hold them: of one part local, of several global, each kind numbered from 1."""
    local: list[Document] = []
    paths: list[Document] = []
    for names, limit in limits:
        threshold = {"threshold": plain(limit)}
        if len(names) == 1:
            local.append({"component_name": names[0], **threshold})
        else:
            paths.append({"path_components": names, **threshold})
    return {
        "local_constraints": {f"local_constraint_{i}": body for i, body in enumerate(local, 1)},
        "global_constraints": {f"global_constraint_{i}": body for i, body in enumerate(paths, 1)},
    }


def annotations_document(scenario: Scenario) -> Document:
    """Return annotations.yaml with the constraints that the QoS files cannot hold; empty if there are none."""
    bodies: dict[str, Document] = {}
    for constraint in scenario.constraints:
        if isinstance(constraint, ThroughputConstraint):
            bodies.setdefault(constraint.component, {})["expected_throughput"] = {"rate": plain(constraint.at_least)}
        if isinstance(constraint, DeviceConstraint):
            bodies.setdefault(constraint.component, {})["device_constraints"] = {
                "ram": plain(constraint.memory_mb / GIGABYTE_MB),
                "vram": plain(constraint.gpu_memory_mb / GIGABYTE_MB),
                "use_gpu_for": ["dnn"] if constraint.gpu else [],
            }
    return {
        f"src/{component}/main.py": {"component_name": {"name": component}, **bodies[component]}
        for component in scenario.application.components
        if component in bodies
    }
