"""A scenario as an AI-SPRINT application folder."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

from twin.errors import ScenarioError
from twin.formats.aisprint.candidates import CANDIDATES
from twin.formats.aisprint.deployments import PARTITIONS
from twin.formats.aisprint.folder import NODES, RESOURCES
from twin.formats.aisprint.graph import DAG, DEPLOYMENTS
from twin.formats.aisprint.hosts import NODE
from twin.formats.aisprint.measures import PERFORMANCE, SIZES
from twin.formats.aisprint.names import BASE
from twin.formats.aisprint.plan import PLAN
from twin.formats.aisprint.profiles import PROFILES
from twin.formats.aisprint.qos import ANNOTATIONS
from twin.formats.aisprint.units import writing_units
from twin.formats.aisprint.write_application import (
    candidates_document,
    graph_document,
    partitions_document,
    performance_document,
    profiles_document,
    sizes_document,
)
from twin.formats.aisprint.write_plan import dump_production_deployment, plan_folder
from twin.formats.aisprint.write_qos import annotations_document, monitored_document, qos_document
from twin.formats.aisprint.write_resources import hosts_of, network_domains
from twin.formats.aisprint.written_names import WrittenNames, free_keys, written_layers, written_names
from twin.formats.scenario.writing import to_yaml
from twin.formats.text_file import write_text
from twin.model.application import Deployment
from twin.model.continuum import Continuum
from twin.model.plan_checks import chosen_deployments
from twin.model.scenario import Scenario

Document = dict[str, Any]


def dump_application(scenario: Scenario) -> dict[str, Document]:
    """Return the documents of an application folder by their relative paths.

    Reading them gives *scenario* again, but for what ``application_losses`` lists. Raises ScenarioError for names that
    AI-SPRINT cannot hold, PlanError for a plan that does not fit.
    """
    names = written_names(scenario.application)
    units = writing_units(domain.bandwidth_mbit_per_s for domain in scenario.continuum.domains.values())
    documents: dict[str, Document] = {
        f"common_config/{DAG}": graph_document(scenario, names, {}),
        RESOURCES: {"System": {"name": scenario.name, "NetworkDomains": network_domains(scenario.continuum)}},
        CANDIDATES: candidates_document(scenario, names),
        PARTITIONS: partitions_document(scenario, names),
        "space4ai-d/qos_constraints.yaml": qos_document(scenario),
        **_deployments(scenario, names),
    }
    optional: dict[str, Document] = {
        NODES: _physical_nodes(scenario.continuum),
        ANNOTATIONS: annotations_document(scenario),
        SIZES: sizes_document(scenario, names, units),
        PERFORMANCE: performance_document(scenario, names),
        PROFILES: profiles_document(scenario, names),
    }
    return documents | {name: document for name, document in optional.items() if document}


def save_application(scenario: Scenario, folder: Path) -> None:
    """Write an application folder in one step; ScenarioError if *folder* exists and is not empty."""
    folder = Path(folder)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ScenarioError(f"{folder} exists and is not an empty folder; name another one")
    texts = {name: to_yaml(document) for name, document in dump_application(scenario).items()}
    unfinished = folder.with_name(f".{folder.resolve().name}.{os.getpid()}.part")
    try:
        for name, text in texts.items():
            path = unfinished / name
            path.parent.mkdir(parents=True, exist_ok=True)
            write_text(path, text)
        os.replace(unfinished, folder)
    except OSError as bad:
        raise ScenarioError(f"{folder}: cannot be written: {bad.strerror or bad}") from None
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def _deployments(scenario: Scenario, names: WrittenNames) -> dict[str, Document]:
    """Return what lies under aisprint/deployments: the base, the plan, and cut components with early exits."""
    components = scenario.application.components
    documents: dict[str, Document] = {}
    if set(names.base) == set(components):
        base = {name: component.deployments[names.base[name]] for name, component in components.items()}
        documents |= _deployment(scenario, names, BASE, base)
    shown: list[Deployment] = []
    if scenario.plan is not None:
        chosen = chosen_deployments(scenario, scenario.plan)
        shown = list(chosen.values())
        folder = plan_folder(scenario.plan)
        documents[f"{DEPLOYMENTS}/{folder}/{PLAN}"] = dump_production_deployment(scenario, scenario.plan)
        documents |= _deployment(scenario, names, folder, chosen)
    number = 1
    for name, deployment in ((name, d) for name, c in components.items() for d in c.deployments.values()):
        if any(partition.exit_probability for partition in deployment.chain) and deployment not in shown:
            number = next(i for i in range(number, number + 3) if f"{DEPLOYMENTS}/deployment{i}/{DAG}" not in documents)
            documents[f"{DEPLOYMENTS}/deployment{number}/{DAG}"] = graph_document(scenario, names, {name: deployment})
    return documents


def _deployment(
    scenario: Scenario, names: WrittenNames, folder: str, chosen: dict[str, Deployment]
) -> dict[str, Document]:
    return {
        f"{DEPLOYMENTS}/{folder}/{DAG}": graph_document(scenario, names, chosen),
        f"{DEPLOYMENTS}/{folder}/ams/qos_constraints.yaml": monitored_document(scenario, names, chosen),
    }


def _physical_nodes(continuum: Continuum) -> Document:
    """Return physical_nodes.yaml with what is known of the machines; whoever deploys adds the credentials."""
    layers: Document = {}
    for name, written in written_layers(continuum).items():
        hosts = [host for host in hosts_of(continuum) if host.layer == name]
        bodies = [{"name": h.name, **node} for h in hosts if isinstance(node := h.properties.get(NODE), dict)]
        if bodies:
            keys = free_keys([None] * len(bodies), "resource")
            layers[written.key] = {"number": written.number, "Resources": dict(zip(keys, bodies, strict=True))}
    return {"ComputationalLayers": layers} if layers else {}
