"""SPACE4AI's solution files → plan and figures, in the dialects of both tools and of all years.

What is inside a component is told apart by what it names, not by its depth: SPACE4AI-R leaves the level of the
deployment out for cloud functions (and writes their times under it), the files of 2021 and 2022 always leave it out.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from twin.errors import PlanError
from twin.formats.space4ai.entry import Entry, Findings, as_number
from twin.formats.space4ai.json import read_json, shortened
from twin.formats.space4ai.names import codes_of
from twin.model.plan import Placement, Plan
from twin.model.plan_checks import plan_problems
from twin.model.scenario import Scenario


@dataclass(frozen=True, slots=True, kw_only=True)
class SolutionFigures:
    """What a solution file says about itself; infinite times are those the tools write as ``inf`` or ``null``."""

    arrival_rate: float | None = None
    """``Lambda``, requests/s."""

    partitions: dict[str, float] = field(default_factory=dict)
    """Partition → response time, seconds."""

    components: dict[str, float] = field(default_factory=dict)
    """Component → response time, seconds."""

    paths: dict[str, float] = field(default_factory=dict)
    """Global constraint → response time of its path, seconds."""

    total_cost: float | None = None
    """Euro for the hours of ``Time``."""

    feasible: bool | None = None
    """None where the file does not say."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Component:
    """What a component's part of the file may name."""

    name: str

    deployments: frozenset[str]

    partitions: dict[str, str]
    """Code → name."""

    layers: frozenset[str]

    hosts: Mapping[str, object]


def load_solution(path: str | Path, scenario: Scenario) -> Plan:
    """Return the plan in the solution file at *path*.

    Raises PlanError with all that is wrong, where the file places nothing (an infeasible one), or where its plan does
    not fit *scenario*.
    """
    path = Path(path)
    root = _root(path)
    infeasible = root.child("feasible", None).value is False or root.has("Resources")
    placements = _placements(root, scenario) if root.has("components") or not infeasible else {}
    _raise_problems(path, root)
    if not placements and infeasible:
        raise PlanError(f"{path}: the tool found no feasible solution, so the file places nothing; take another one")
    if not placements:
        raise PlanError(f"{path}: places no partition; 'components' must say where each of them runs")
    plan = Plan(name=path.stem, placements=placements)
    problems = plan_problems(scenario, plan)
    if problems:
        reason = "is infeasible and holds no whole plan" if infeasible else "does not fit the scenario"
        raise PlanError(f"{path}: the solution {reason}", shortened(problems))
    return plan


def solution_figures(path: str | Path, scenario: Scenario | None = None) -> SolutionFigures:
    """Return the figures in the solution file at *path*.

    Names are the file's own, a partition's as ``c1.h1``; with *scenario* its names replace codes. Raises PlanError.
    """
    path = Path(path)
    root = _root(path)
    component_names, partition_names = _given_names(scenario) if scenario else ({}, {})
    components: dict[str, float] = {}
    partitions: dict[str, float] = {}
    for code, body in root.child("components", {}).entries():
        if body.has("response_time"):
            components[component_names.get(code, code)] = _seconds(body.child("response_time"))
        for partition, seconds in _partition_times(body):
            partitions[partition_names.get((code, partition), f"{code}.{partition}")] = seconds
    figures = SolutionFigures(
        arrival_rate=root.child("Lambda").number(above=True) if root.has("Lambda") else None,
        partitions=partitions,
        components=components,
        paths={
            name: _seconds(body.child("path_response_time"))
            for name, body in root.child("global_constraints", {}).entries()
            if body.has("path_response_time")
        },
        total_cost=_cost(root),
        feasible=_feasible(root),
    )
    _raise_problems(path, root)
    return figures


def _root(path: Path) -> Entry:
    return Entry(read_json(path, PlanError)[0], "", Findings())


def _raise_problems(path: Path, root: Entry) -> None:
    if root.findings.problems:
        raise PlanError(str(path), shortened(root.findings.problems))


def _placements(root: Entry, scenario: Scenario) -> dict[str, Placement]:
    codes = codes_of(scenario)
    names = {code: name for name, code in codes.components.items()}
    hosts: dict[str, object] = {**scenario.continuum.resources, **scenario.continuum.functions}
    placements: dict[str, Placement] = {}
    for code, body in root.child("components").entries():
        if not body.known_key(code, "component", names):
            continue
        deployments = scenario.application.components[names[code]].deployments.values()
        component = _Component(
            name=code,
            deployments=frozenset(codes.deployments[names[code], deployment.name] for deployment in deployments),
            partitions={codes.partitions[name]: name for deployment in deployments for name in deployment.partitions},
            layers=frozenset(codes.layers.values()),
            hosts=hosts,
        )
        for partition, entry, host in _placed(body, component, None):
            if partition in placements:
                entry.problem(f"partition {partition!r} is placed twice")
            replicas = entry.child("number").count() if host in scenario.continuum.resources else 1
            placements[partition] = Placement(resource=host, replicas=replicas)
    return placements


def _placed(body: Entry, component: _Component, partition: str | None) -> Iterator[tuple[str, Entry, str]]:
    """Yield partition, entry and name of each host inside *body*, which belongs to *partition* where that is known."""
    for key, entry in body.entries():
        if not isinstance(entry.value, Mapping):
            continue
        if _describes_host(entry):
            host = entry.known_key(key, "resource or function", component.hosts)
            name = partition or _only_partition(entry, component)
            if host and name:
                yield name, entry, host
        elif key in component.partitions:
            yield from _placed(entry, component, component.partitions[key])
        elif key in component.deployments or _is_layer(key, component):
            yield from _placed(entry, component, partition)
        else:
            entry.known_key(
                key, "deployment or partition", {**dict.fromkeys(component.deployments), **component.partitions}
            )


def _is_layer(key: str, component: _Component) -> bool:
    """Say whether *key* is a layer; its capitals differ between the tools and need not be the system file's."""
    return key in component.layers or key.lower().startswith("computationallayer")


def _describes_host(entry: Entry) -> bool:
    return any(entry.has(key) for key in ("number", "memory", "cost", "idle_time_before_kill"))


def _only_partition(entry: Entry, component: _Component) -> str:
    """Return the partition of a component that has one; the files of 2021 then need not name it."""
    if len(component.partitions) == 1:
        return next(iter(component.partitions.values()))
    entry.problem(f"stands under no partition of {component.name!r}, which has {', '.join(component.partitions)}")
    return ""


def _given_names(scenario: Scenario) -> tuple[dict[str, str], dict[tuple[str, str], str]]:
    """Return code → name of components, and codes of component and partition → name."""
    codes = codes_of(scenario)
    partitions = {
        (codes.components[component.name], codes.partitions[name]): name
        for component in scenario.application.components.values()
        for deployment in component.deployments.values()
        for name in deployment.partitions
    }
    return {code: name for name, code in codes.components.items()}, partitions


def _partition_times(body: Entry) -> Iterator[tuple[str, float]]:
    """Yield every part of a component that has a response time of its own."""
    for key, entry in body.entries():
        if isinstance(entry.value, Mapping):
            if entry.has("response_time"):
                yield key, _seconds(entry.child("response_time"))
            yield from _partition_times(entry)


def _seconds(entry: Entry) -> float:
    """Return a time; predictors return theirs in a list of one."""
    value = entry.value
    while isinstance(value, list) and len(value) == 1:
        value = value[0]
    found = math.inf if value is None else as_number(value)
    if entry.is_absent or found is None or math.isnan(found):
        if not entry.is_absent:
            entry.problem(f"must be seconds, 'inf' or null, got {value!r}")
        return math.inf
    return found


def _cost(root: Entry) -> float | None:
    if root.child("total_cost", None).value is None:
        return None
    return _seconds(root.child("total_cost"))


def _feasible(root: Entry) -> bool | None:
    entry = root.child("feasible", None)
    if entry.value is not None and not isinstance(entry.value, bool):
        entry.problem(f"must be true or false, got {entry.value!r}")
    return entry.value if isinstance(entry.value, bool) else None
