"""SPACE4AI's system file → scenario, in all its historical dialects.

The *dialect* says how the tool that computed with a file took its units and data:

========== ===================================================================================
d          SPACE4AI-D since May 2023: data_size in MB, Bandwidth in Mbit/s, hence a factor 8
d-file     the same, but without data between components: what its heuristics and ``-e`` evaluate
d-pre2023  SPACE4AI-D before: ``data_size / Bandwidth``, no factor
r, r-orig  SPACE4AI-R (and its ancestor): no factor; partitions in the order of ``next``
========== ===================================================================================

Without the factor the bandwidth is multiplied by 8, so that the model's delay, ``access_delay + 8 * size / bandwidth``,
is the tool's.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Literal, get_args

from pydantic import ValidationError

from twin.errors import Problem, ScenarioError
from twin.formats.space4ai.application import partitions_of, read_application
from twin.formats.space4ai.continuum import Dialect, charges_bits, read_continuum
from twin.formats.space4ai.early import with_deployments
from twin.formats.space4ai.entry import Entry, Findings
from twin.formats.space4ai.json import read_json, shortened
from twin.formats.space4ai.names import Names, names_of
from twin.formats.space4ai.performance import read_profiles
from twin.model.application import Application, Partition
from twin.model.checks import scenario_problems
from twin.model.constraints import Constraint, GlobalConstraint, LocalConstraint
from twin.model.continuum import CloudFunction, Resource
from twin.model.scenario import Run, Scenario
from twin.model.workload import Poisson, Source, Workload

VERSIONS = {"v0": "v0 (2021)", "v1": "v1 (2022)", "v2": "v2 (2022-23)", "v3": "v3 (since 2023)"}

KEYS = (
    "Components",
    "DirectedAcyclicGraph",
    "EdgeResources",
    "CloudResources",
    "FaaSResources",
    "CompatibilityMatrix",
    "Performance",
    "DemandMatrix",
    "Lambda",
    "LocalConstraints",
    "GlobalConstraints",
    "NetworkTechnology",
    "Time",
    "Names",
)
"""What a file may hold; the last one is this project's own, and nobody misspells it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SystemFile:
    """A system file as it was understood."""

    scenario: Scenario

    dialect: Dialect
    """The tool whose way to compute it was read with."""

    version: str
    """The format it is written in, such as ``v2 (2022-23)``."""

    hours: float
    """``Time``: the hours that SPACE4AI's costs are for."""

    notes: tuple[str, ...]
    """What was put right or left out on reading."""


def load_system(
    path: str | Path, *, dialect: Dialect | Literal["auto"] = "auto", arrival_rate: float | None = None
) -> Scenario:
    """Return the scenario in the system file at *path*; see :func:`read_system`."""
    return read_system(path, dialect=dialect, arrival_rate=arrival_rate).scenario


def read_system(
    path: str | Path, *, dialect: Dialect | Literal["auto"] = "auto", arrival_rate: float | None = None
) -> SystemFile:
    """Return the system file at *path* and how it was understood.

    *arrival_rate* (requests/s) replaces ``Lambda``; ``auto`` is the dialect ``d``. Raises ScenarioError with all that
    is wrong, each with its path in the file.
    """
    chosen: Dialect = "d" if dialect == "auto" else dialect
    if chosen not in get_args(Dialect):
        raise ValueError(f"dialect must be auto, {', '.join(get_args(Dialect))}, got {dialect!r}")
    path = Path(path)
    findings = Findings()
    document, had_comments = read_json(path, ScenarioError)
    if had_comments:
        findings.note("comments after # are left out")
    if arrival_rate is not None:
        document["Lambda"] = arrival_rate
    root = Entry(with_deployments(document, findings), "", findings)
    _check_keys(root)
    hours = root.child("Time", 1.0).number(above=True)
    scenario = _sound(path, findings, root, chosen)
    _note_dialect(findings, chosen, root)
    oldest = next((mark for mark in VERSIONS if mark in findings.marks), "v3")
    return SystemFile(scenario=scenario, dialect=chosen, version=VERSIONS[oldest], hours=hours, notes=findings.notes)


def _sound(path: Path, findings: Findings, root: Entry, dialect: Dialect) -> Scenario:
    """Return the scenario, or raise everything that is wrong with it."""
    beyond: list[Problem] = []
    scenario = None
    try:
        scenario = _scenario(path.stem, root, dialect, names_of(root))
    except ValidationError as bad:
        beyond = [Problem(".".join(map(str, detail["loc"])), detail["msg"]) for detail in bad.errors()]
    problems = findings.problems
    if scenario is None or problems:
        raise ScenarioError(str(path), shortened(problems or beyond))
    contradictions = scenario_problems(scenario)
    if contradictions:
        raise ScenarioError(str(path), shortened(contradictions))
    return scenario


def _scenario(name: str, root: Entry, dialect: Dialect, names: Names) -> Scenario:
    continuum = read_continuum(root, dialect, names)
    hosts: dict[str, Resource | CloudFunction] = {**continuum.resources, **continuum.functions}
    application = read_application(root, dialect, names, hosts)
    edge = frozenset(name for name, layer in continuum.layers.items() if layer.type == "PhysicalToBeProvisioned")
    return Scenario(
        name=name,
        continuum=continuum,
        application=application,
        profiles=read_profiles(root, _by_code(root, names, application), hosts, edge),
        workload=_workload(root, application),
        constraints=tuple(_constraints(root, names, application)),
        run=Run(discipline="ps", transfers_within_resource="free"),
    )


def _by_code(root: Entry, names: Names, application: Application) -> dict[tuple[str, str], Partition]:
    """Return the partitions by the codes of their component and of themselves."""
    found: dict[tuple[str, str], Partition] = {}
    for code, body in root.child("Components").entries():
        component = application.components[names.component(code)]
        partitions = {p.name: p for deployment in component.deployments.values() for p in deployment.chain}
        for partition in partitions_of(body):
            name = names.partition(code, partition)
            if name in partitions:
                found[code, partition] = partitions[name]
            else:
                root.child("Names", {}).problem(f"{name!r} is the name of several things")
    return found


def _workload(root: Entry, application: Application) -> Workload:
    """Return one Poisson source a root; each root receives the full load, as in SPACE4AI-R."""
    if not root.has("Lambda"):
        root.findings.problem("Lambda", "is missing; put the arrival rate (requests/s) there or give one on loading")
    rate = root.child("Lambda", 1.0).number(above=True)
    roots = application.roots() or tuple(application.components)[:1]
    if len(roots) > 1:
        root.findings.note(f"{len(roots)} roots ({', '.join(roots)}) get the full load each, as in SPACE4AI-R")
    sources = {"requests" if len(roots) == 1 else f"requests {entry}": entry for entry in roots}
    return Workload(
        sources={
            name: Source(name=name, arrivals=Poisson(process="poisson", rate=rate), entry=entry)
            for name, entry in sources.items()
        }
    )


def _constraints(root: Entry, names: Names, application: Application) -> Iterator[Constraint]:
    components = dict(root.child("Components").entries())
    for code, body in root.child("LocalConstraints", {}).entries():
        limit = body.child("local_res_time").limit()
        if body.known_key(code, "component", components) and limit is not None:
            yield LocalConstraint(kind="local", component=names.component(code), limit=limit)
    edges = {(edge.origin, edge.to) for edge in application.dependencies}
    for name, body in root.child("GlobalConstraints", {}).entries():
        limit = body.child("global_res_time").limit()
        items = body.child("components").items()
        codes = [item.known("component", components) for item in items]
        path = tuple(names.component(code) for code in codes)
        for before, item, after in zip(path, items[1:], path[1:], strict=False):
            if before and after and (before, after) not in edges:
                item.problem(f"no edge leads from {before!r} to {after!r}; a path follows the graph")
        if not items:
            body.child("components").problem("must name at least one component")
        if all(path) and path and limit is not None:
            yield GlobalConstraint(kind="global", name=name, path=path, limit=limit)


def _check_keys(root: Entry) -> None:
    """Refuse what looks like a known key misspelt; pass over the rest, as the tools do."""
    for key, entry in root.entries():
        if key not in KEYS:
            close = get_close_matches(key, KEYS[:-1], n=1, cutoff=0.6)
            if close:
                entry.problem(f"unknown key; did you mean {close[0]!r}?")
            else:
                root.findings.note(f"key {key!r} is not part of the format and is passed over")


def _note_dialect(findings: Findings, dialect: Dialect, root: Entry) -> None:
    if charges_bits(dialect):
        text = "data_size is taken as MB and Bandwidth as Mbit/s (factor 8)"
    else:
        text = "data_size and Bandwidth are taken in one unit: the bandwidth times 8 cancels the model's factor 8"
    findings.note(f"dialect {dialect}: {text}")
    if dialect == "d-file":
        findings.note("data between components is left out, as SPACE4AI-D's heuristics and -e do")
    if not root.has("Time"):
        findings.note("Time is absent and taken as 1 hour")
