"""production_deployment.yaml: the plan of an application folder.

Three dialects are read: domains under ``System.Resources`` (SPACE4AI-D) or right under ``System`` (Studio), and
``selectedExecutionResource`` in singular or plural.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from twin.errors import PlanError, Problem, did_you_mean
from twin.formats.aisprint.graph import DEPLOYMENTS, deployment_names
from twin.formats.aisprint.reading import Entry, Reading
from twin.model.continuum import Continuum
from twin.model.plan import Placement, Plan
from twin.model.plan_checks import plan_problems
from twin.model.scenario import Scenario

PLAN = "production_deployment.yaml"
PREFERRED = ("current_deployment", "optimal_deployment", "base")
NO_PLAN = "none"
"""Asks for a folder to be read without a plan."""

_SELECTED = ("selectedExecutionResource", "selectedExecutionResources")


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """What the file says of one partition."""

    partition: str

    resource: str

    container: Entry

    entry: Entry


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanFile:
    """A production deployment as it stands in its file."""

    name: str
    """Folder of the deployment."""

    graph_of: str
    """Deployment whose graph and constraints belong to it (``DeploymentName``)."""

    domains: Entry
    """Its ``NetworkDomains``, which may be absent."""

    nodes: Mapping[str, int]
    """``totalNodes`` of each resource it lists."""

    selections: tuple[Selection, ...]


def load_production_deployment(path: Path, scenario: Scenario) -> Plan:
    """Read a plan for *scenario*; ScenarioError for a file that cannot be read, PlanError for a plan that does not fit.

    Each partition gets as many replicas as the file gives nodes to its resource.
    """
    reading = Reading(folder=path.parent)
    file = read_plan_file(reading, path.name, _plan_name(path))
    if file is None:
        reading.problem(path.name, "the file is absent or empty")
    reading.require(f"production deployment {path}")
    plan = plan_of(file, scenario.continuum) if file else None
    reading.require(f"production deployment {path}")
    if plan is None:
        raise PlanError(f"production deployment {path} places nothing")
    problems = [problem for problem in plan_problems(scenario, plan) if not problem.where.startswith("profiles.")]
    if problems:
        raise PlanError(f"production deployment {path} does not fit scenario {scenario.name!r}", problems)
    return plan


def _plan_name(path: Path) -> str:
    inside = path.resolve().parent
    return inside.name if path.name == PLAN and inside.parent.name == Path(DEPLOYMENTS).name else path.stem


def choose_plan_file(reading: Reading, deployment: str | None) -> PlanFile | None:
    """Read the plan of *deployment*, or else of the first preferred one that has a file; None if there is none."""
    having = [n for n in deployment_names(reading) if (reading.folder / DEPLOYMENTS / n / PLAN).is_file()]
    if deployment == NO_PLAN:
        return None
    if deployment is not None and deployment not in having:
        hint = did_you_mean(deployment, having) or "; the folder has none"
        reading.problem(DEPLOYMENTS, f"deployment {deployment!r} has no {PLAN}{hint}")
        return None
    candidates = [name for name in PREFERRED if name in having] or (having if len(having) == 1 else [])
    chosen = deployment or next(iter(candidates), None)
    if chosen is None:
        listed = f": it has {', '.join(having)}; name one as deployment" if having else ""
        reading.note(f"the folder has no plan{listed}")
        return None
    if deployment is None and len(having) > 1:
        reading.note(f"the plan is that of {chosen}; there are {', '.join(having)}")
    return read_plan_file(reading, f"{DEPLOYMENTS}/{chosen}/{PLAN}", chosen)


def read_plan_file(reading: Reading, file: str, name: str) -> PlanFile | None:
    """Return the production deployment *file* of the folder, or None if it is absent, empty or unreadable."""
    root = reading.open(file)
    if root is None:
        return None
    system = root.at("System")
    domains = (
        system.at("NetworkDomains") if system.has("NetworkDomains") else system.at("Resources").at("NetworkDomains")
    )
    graph_of = system.at("DeploymentName").value
    known = deployment_names(reading)
    selections = [s for entry in system.at("Components").children().values() if (s := _selection(entry))]
    if not system.at("Components").children():
        system.problem("'Components' is missing or empty; it places each component on a resource")
    return PlanFile(
        name=name,
        graph_of=graph_of if graph_of in known else name,
        domains=domains,
        nodes=_nodes(domains),
        selections=tuple(selections),
    )


def _selection(entry: Entry) -> Selection | None:
    containers = list(entry.at("Containers").children().values())
    if not containers:
        entry.problem("'Containers' is missing or empty; add container1 with a selectedExecutionResource")
        return None
    if len(containers) > 1:
        entry.reading.note(f"{entry.place} has {len(containers)} containers; the first one counts")
    container = containers[0]
    spelling = next((key for key in _SELECTED if container.has(key)), None)
    if spelling is None:
        container.problem("'selectedExecutionResource' is missing; name the resource it runs on")
        return None
    selected = container.at(spelling).names()
    if len(selected) != 1:
        container.at(spelling).problem(f"expected one resource, got {len(selected)}")
        return None
    return Selection(partition=entry.text("name"), resource=selected[0], container=container, entry=entry)


def _nodes(domains: Entry) -> dict[str, int]:
    """Return the nodes of each resource that has some; faults of the rest are not this reader's."""
    nodes: dict[str, int] = {}
    for domain in domains.children().values():
        for layer in domain.at("ComputationalLayers").children().values():
            for resource in layer.at("Resources").children().values():
                if resource.has("totalNodes"):
                    nodes[str(resource.at("name").value)] = resource.whole("totalNodes", least=1)
    return nodes


def plan_of(file: PlanFile, continuum: Continuum) -> Plan | None:
    """Return the plan of *file* on *continuum*; names that do not fit it stay in, for the checks to find."""
    placements: dict[str, Placement] = {}
    for selection in file.selections:
        entry, resource = selection.entry, selection.resource
        if selection.partition in placements:
            entry.problem(f"{selection.partition!r} is placed twice")
        if resource not in continuum.resources and resource not in continuum.functions:
            known = did_you_mean(resource, [*continuum.resources, *continuum.functions])
            entry.problem(f"selected resource {resource!r} does not exist{known}")
            continue
        _note_layer(selection, continuum)
        placements[selection.partition] = Placement(resource=resource, replicas=_replicas(file, selection, continuum))
    return Plan(name=file.name, placements=placements) if placements else None


def _replicas(file: PlanFile, selection: Selection, continuum: Continuum) -> int:
    if selection.resource in continuum.functions:
        return 1
    if selection.resource in file.nodes:
        return file.nodes[selection.resource]
    nodes = continuum.resources[selection.resource].nodes
    selection.entry.reading.note(
        f"{selection.entry.source.name} does not list {selection.resource!r}; all its {nodes} nodes are taken"
    )
    return nodes


def _note_layer(selection: Selection, continuum: Continuum) -> None:
    entry = selection.entry
    if not entry.has("executionLayer"):
        return
    layer = continuum.layers[continuum.host(selection.resource).layer]
    number = entry.whole("executionLayer", 0)
    if number != layer.number:
        where = f"{entry.place}: executionLayer is {number}"
        entry.reading.note(f"{where}, but {selection.resource!r} lies on layer {layer.number}; the resource counts")


def plan_file_problems(file: PlanFile, problems: list[Problem]) -> list[Problem]:
    """Return problems of a plan (``plan.<partition>``) at the places of its file."""
    placed = {f"plan.{selection.partition}": selection.entry for selection in file.selections}
    located = []
    for problem in problems:
        entry = placed.get(problem.where)
        if entry is None:
            source = file.domains.source.name
            located.append(
                Problem(f"{source}: {problem.where}", problem.message) if problem.where == "plan" else problem
            )
            continue
        line = entry.source.line(entry.keys)
        located.append(Problem(entry.place, f"{problem.where.removeprefix('plan.')!r}: {problem.message}", line))
    return located
