"""A plan as production_deployment.yaml, in the dialect of Studio or of SPACE4AI-D."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Literal

from twin.errors import PlanError
from twin.formats.aisprint.candidates import IMAGES
from twin.formats.aisprint.names import cut_of
from twin.formats.aisprint.plan import PREFERRED
from twin.formats.aisprint.write_resources import network_domains, plain
from twin.formats.aisprint.written_names import written_layers, written_names
from twin.formats.scenario.writing import to_yaml
from twin.formats.text_file import write_text
from twin.model.application import Container
from twin.model.plan import Plan
from twin.model.plan_checks import chosen_deployments, plan_problems
from twin.model.scenario import Scenario

Dialect = Literal["studio", "space4ai-d"]
Document = dict[str, Any]

_FOLDER = re.compile(r"deployment[0-9]{1,6}")


def dump_production_deployment(
    scenario: Scenario, plan: Plan, *, dialect: Dialect = "studio", feasible: bool | None = None
) -> Document:
    """Return *plan* as the document of production_deployment.yaml; PlanError if it does not fit *scenario*.

    *feasible* is what SPACE4AI-D's dialect says of the plan; absent: nothing.
    """
    problems = [problem for problem in plan_problems(scenario, plan) if not problem.where.startswith("profiles.")]
    if problems:
        raise PlanError(f"plan {plan.name!r} does not fit scenario {scenario.name!r}", problems)
    domains = network_domains(scenario.continuum, plan)
    components = _components(scenario, plan)
    if dialect == "space4ai-d":
        system = {"Components": components, "Resources": {"name": scenario.name, "NetworkDomains": domains}}
        return {"System": system | ({} if feasible is None else {"Feasible": feasible})}
    return {
        "System": {
            "name": scenario.name,
            "NetworkDomains": domains,
            "Components": components,
            "DeploymentName": plan_folder(plan),
        }
    }


def save_production_deployment(
    path: Path, scenario: Scenario, plan: Plan, *, dialect: Dialect = "studio", feasible: bool | None = None
) -> None:
    """Write *plan* to *path* in one step."""
    document = dump_production_deployment(scenario, plan, dialect=dialect, feasible=feasible)
    write_text(Path(path), to_yaml(document), error=PlanError)


def plan_folder(plan: Plan) -> str:
    """Return the folder under aisprint/deployments that holds *plan*: its name, if Studio knows such a folder."""
    known = plan.name in PREFERRED or _FOLDER.fullmatch(plan.name)
    return plan.name if known else "optimal_deployment"


def _components(scenario: Scenario, plan: Plan) -> Document:
    names, layers = written_names(scenario.application), written_layers(scenario.continuum)
    chosen = chosen_deployments(scenario, plan)
    components: Document = {}
    for number, component in enumerate(scenario.application.components, 1):
        for partition in chosen[component].chain:
            resource = plan.placements[partition.name].resource
            written = names.partitions[partition.name]
            body = {**container_body(partition.candidates[resource]), "selectedExecutionResource": resource}
            components[f"component{number}{segment_suffix(written)}"] = {
                "name": written,
                "executionLayer": layers[scenario.continuum.host(resource).layer].number,
                "Containers": {"container1": body},
            }
    return components


def segment_suffix(written: str, cut: str | None = None) -> str:
    """Return ``_partition1_2`` for the name of a segment, else nothing; *cut* replaces its k."""
    own = cut_of(written)
    if own is None:
        return ""
    position = written.rsplit("_", 1)[1]
    return f"_partition{cut or own}_{position}"


def container_body(container: Container) -> Document:
    """Return a container as the files describe it, with the image for its resource."""
    rest = {key: value for key, value in container.properties.items() if key != IMAGES}
    return {
        "image": container.image,
        "memorySize": plain(container.memory_mb),
        "computingUnits": plain(container.computing_units),
        "trustedExecution": container.trusted_execution,
        "networkProtection": container.network_protection,
        "fileSystemProtection": container.file_system_protection,
        "GPURequirement": container.gpu,
        **rest,
    }
