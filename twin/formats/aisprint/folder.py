"""AI-SPRINT application folders as scenarios.

All files of a folder are read before anything is refused, so that one error lists every problem of all of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from twin.errors import Problem, ScenarioError
from twin.formats.aisprint.candidates import CANDIDATES, read_alternatives, read_candidates, read_selected
from twin.formats.aisprint.deployments import (
    PARTITIONS,
    Chains,
    build_components,
    note_unused_templates,
    read_partitions,
)
from twin.formats.aisprint.graph import DAG, Graph, read_graph
from twin.formats.aisprint.measured import keep_measured
from twin.formats.aisprint.measures import with_performance, with_sizes
from twin.formats.aisprint.plan import PLAN, PlanFile, choose_plan_file, plan_file_problems, plan_of
from twin.formats.aisprint.profiles import Times, keep_given, read_profiles, read_rate, require_profiles
from twin.formats.aisprint.qos import ANNOTATIONS, expected_rate, read_constraints
from twin.formats.aisprint.reading import LONGEST_NAME, Reading
from twin.formats.aisprint.resources import bandwidths, read_continuum, read_physical_nodes
from twin.formats.aisprint.units import Units, units_of
from twin.formats.profile_schema import ProfileFile
from twin.model.application import Application
from twin.model.checks import scenario_problems
from twin.model.continuum import Continuum
from twin.model.plan_checks import plan_problems
from twin.model.scenario import Scenario
from twin.model.workload import Poisson, Source, Workload

RESOURCES = "common_config/candidate_resources.yaml"
NODES = "common_config/physical_nodes.yaml"
LAYER_LISTS = "space4ai-d/SPACE4AI-D.yaml"


@dataclass(frozen=True, slots=True, kw_only=True)
class ApplicationFolder:
    """What an AI-SPRINT application folder says."""

    scenario: Scenario
    """Its plan is the production deployment, where the folder has one."""

    notes: tuple[str, ...]
    """Choices made on reading: units, files that contradict each other, what is left out."""

    sources: tuple[str, ...]
    """Files read, relative to the folder."""


def load_application(
    folder: Path,
    *,
    deployment: str | None = None,
    profiles: Mapping[str, Mapping[str, Any]] | None = None,
    measured: Mapping[str, ProfileFile] | None = None,
    arrival_rate: float | None = None,
    dialect: str = "auto",
    require_profiles: bool = True,
) -> ApplicationFolder:
    """Read an AI-SPRINT application folder; ScenarioError with the problems of all its files.

    *deployment* names the folder under aisprint/deployments whose production_deployment.yaml is the plan; absent:
    current_deployment, else optimal_deployment, else base; ``none``: no plan. *profiles* are service times, partition
    → resource → profile; *measured* are profile files by their paths. *arrival_rate* is in requests/s. *dialect*
    names the units (see ``aisprint_units``). With *require_profiles* every candidate needs a service time, and the
    arrival rate must be known.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise ScenarioError(f"{folder} is no folder")
    reading = Reading(folder=folder)
    scenario = _read(reading, deployment, profiles, measured or {}, arrival_rate, dialect, complete=require_profiles)
    reading.require(f"application folder {folder}")
    if scenario is None:
        raise ScenarioError(f"application folder {folder} says too little")
    return ApplicationFolder(scenario=scenario, notes=tuple(reading.notes), sources=tuple(reading.sources))


def _read(
    reading: Reading,
    deployment: str | None,
    profiles: Mapping[str, Mapping[str, Any]] | None,
    measured: Mapping[str, ProfileFile],
    arrival_rate: float | None,
    dialect: str,
    complete: bool,
) -> Scenario | None:
    plan_file = choose_plan_file(reading, deployment)
    chosen = plan_file.graph_of if plan_file else None
    candidates = reading.open(CANDIDATES)
    graph = read_graph(reading, chosen, read_alternatives(candidates))
    continuum, units = read_resources(reading, plan_file, dialect)
    constraints = read_constraints(reading, graph, units, chosen)
    rate = read_rate(reading, arrival_rate, expected_rate(reading.open(ANNOTATIONS)), required=complete)
    if continuum is None or not graph.components:
        return None
    application = _application(reading, graph, continuum, plan_file, units)
    if application is None:
        return None
    times = Times(application.components, [*continuum.resources, *continuum.functions])
    keep_given(reading, times, profiles or {})
    keep_measured(reading, times, measured)
    read_profiles(reading, times)
    _look_for_gaps(reading, times, complete)
    scenario = Scenario(
        name=(graph.name or reading.folder.resolve().name or "application")[:LONGEST_NAME],
        continuum=continuum,
        application=application,
        profiles=times.found,
        workload=_workload(reading, application, rate),
        constraints=constraints,
        plan=plan_of(plan_file, continuum) if plan_file else None,
    )
    if not reading.problems:
        # After another problem, what does not fit together may only be its consequence.
        reading.problems += _contradictions(reading, scenario, plan_file)
    return scenario


def read_resources(reading: Reading, plan: PlanFile | None, dialect: str) -> tuple[Continuum | None, Units]:
    """Return what there is: from candidate_resources.yaml, or else what the plan uses of it."""
    root = reading.open(RESOURCES)
    domains = root.at("System").at("NetworkDomains") if root else None
    if domains is None and plan and plan.domains.value:
        domains = plan.domains
        reading.note(f"there is no {RESOURCES}; the resources are those of {domains.source.name}")
    units, notes = units_of(dialect, bandwidths(domains) if domains else ())
    for note in notes:
        reading.note(note)
    nodes = read_physical_nodes(reading.open(NODES))
    if domains is None:
        reading.problem(RESOURCES, "the file is absent or empty; it describes network domains, layers and resources")
        return None, units
    continuum = read_continuum(domains, units, nodes)
    lists = reading.open(LAYER_LISTS)
    for key in ("EdgeResources", "CloudResources", "FaaSResources"):
        for name in lists.at(key).names() if lists and continuum else ():
            if continuum and name not in continuum.layers:
                reading.note(f"{LAYER_LISTS}: {key} names {name!r}, which is no layer; left out")
    return continuum, units


def _application(
    reading: Reading, graph: Graph, continuum: Continuum, plan: PlanFile | None, units: Units
) -> Application | None:
    reduced = RESOURCES not in reading.sources
    candidates = read_candidates(reading.open(CANDIDATES), graph, continuum, reduced=reduced)
    chains = Chains(graph)
    chains.add(candidates)
    chains.add(read_partitions(reading.open(PARTITIONS), graph))
    chains.add(graph.parts)
    chains.add(selection.partition for selection in (plan.selections if plan else ()))
    note_unused_templates(reading, candidates, chains)
    components = build_components(reading, graph, candidates, chains, read_selected(plan, continuum))
    sized, dependencies = with_sizes(reading, components, graph, units)
    if not sized:
        return None
    return with_performance(reading, Application(components=sized, dependencies=dependencies), graph)


def _look_for_gaps(reading: Reading, times: Times, complete: bool) -> None:
    if complete:
        require_profiles(reading, times)
    elif times.missing():
        gaps = ", ".join(f"{partition} on {host}" for partition, host in times.missing())
        reading.note(f"there is no service time of {gaps}")


def _workload(reading: Reading, application: Application, rate: float) -> Workload:
    """Return Poisson arrivals at the root; several roots receive the full rate each, as in SPACE4AI-R."""
    roots = application.roots()
    if len(roots) > 1:
        reading.note(f"there are {len(roots)} roots ({', '.join(roots)}); each receives {rate:g} requests/s")
        sources = {name: Source(name=name, arrivals=Poisson(rate=rate), entry=name) for name in roots}
    else:
        sources = {"requests": Source(name="requests", arrivals=Poisson(rate=rate))}
    return Workload(sources=sources)


def _contradictions(reading: Reading, scenario: Scenario, plan: PlanFile | None) -> list[Problem]:
    """Return what only shows when all files are put together; absent service times are not among it."""
    found = scenario_problems(scenario)
    if scenario.plan and plan:
        unfit = [
            problem for problem in plan_problems(scenario, scenario.plan) if not problem.where.startswith("profiles.")
        ]
        found += plan_file_problems(plan, unfit)
    homes = {
        "continuum.domains": f"{RESOURCES if RESOURCES in reading.sources else PLAN}: System.NetworkDomains",
        "application.dependencies": f"{DAG}: System.dependencies",
        "application.components": CANDIDATES,
    }
    return [_at_home(problem, homes) for problem in found]


def _at_home(problem: Problem, homes: Mapping[str, str]) -> Problem:
    """Return *problem* with the path in the file in place of the path in the model, where they differ."""
    for path, home in homes.items():
        if problem.where == path or problem.where.startswith(f"{path}."):
            return replace(problem, where=home + problem.where.removeprefix(path))
    return problem
