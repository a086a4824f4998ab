"""What is to stand in an application folder once it is designed: all files, computed before any is written."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from design.annotations.application import annotations_of
from design.designs.base_plan import base_plan_document
from design.designs.component_files import DESIGNS, component_files, files_under
from design.designs.cutting import EXIT_TABLE, ONNX, Cutting, cut_models
from design.designs.deployments import Deployment, enumerate_deployments
from design.designs.device_notes import device_notes
from design.designs.documents import application_constraints, constraints_of_layers, graph_document, layer_document
from design.designs.drift import drift_document
from design.designs.exit_table import exit_count
from design.designs.inputs import Inputs, read_inputs
from design.designs.output import Content, CopyOf, LinkTo, recorded
from design.designs.performance import Ranking, all_models, rank, ranking_document
from design.designs.ways import Way, layers_of, ways_of
from twin.errors import DesignError, Problem
from twin.formats.aisprint.deployments import PARTITIONS
from twin.formats.aisprint.graph import DAG, DEPLOYMENTS
from twin.formats.aisprint.measures import PERFORMANCE
from twin.formats.aisprint.names import BASE
from twin.formats.aisprint.plan import PLAN
from twin.formats.aisprint.qos import ANNOTATIONS, MULTI_CLUSTER
from twin.formats.scenario.writing import to_yaml

FIRST_PLAN = f"{DEPLOYMENTS}/optimal_deployment/{PLAN}"
"""Optimisers write their plan here too: a plan that is not ours stays."""

DRIFT_FILE = "common_config/drift_detector/drift_detector_config.yaml"
QOS = "space4ai-d/qos_constraints.yaml"
MOST_DEPLOYMENTS = 200

_COPIED = ("oscar", "oscarp", "pycompss", "im", "space4ai-r")
_CREDENTIALS = "auth.dat"

Document = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Designs:
    """An application as it is designed."""

    inputs: Inputs

    ways: tuple[Way, ...]

    deployments: tuple[Deployment, ...]

    ranking: Ranking | None

    files: dict[str, Content]
    """Path in the application's folder → what is to stand there."""

    notes: tuple[str, ...]


def plan_designs(folder: Path, *, most: int = MOST_DEPLOYMENTS, cutting: Cutting | None = None) -> Designs:
    """Read an application folder and work out its designs and deployments; nothing is written.

    At most *most* deployments are worked out; *cutting* cuts the models. Raises DesignError with all problems found.
    """
    inputs = read_inputs(folder)
    notes = [*inputs.notes, *device_notes(inputs)]
    problems: list[Problem] = list(_exit_problems(inputs))
    ways: list[list[Way]] = []
    for component in inputs.graph.components:
        own, lacking = ways_of(inputs, component)
        ways.append(own)
        problems += lacking
    drift, contradictions = drift_document(inputs.codes.values())
    problems += contradictions
    ranking = _ranking(inputs, problems)
    if problems:
        raise DesignError(f"application folder {folder}", problems)
    cut = cut_models(inputs, [way for own in ways for way in own], cutting)
    possible = [[way for way in own if (way.model, way.design) not in cut.impossible] for own in ways]
    allowed = [one.models for one in ranking.entries] if ranking else all_models(inputs)
    deployments, left_out = enumerate_deployments(possible, lambda part: layers_of(inputs, part), allowed, most)
    notes += [*cut.notes, *(ranking.notes if ranking else ()), *([left_out] if left_out else [])]
    files: dict[str, Content] = {}
    for way in (way for own in possible for way in own):
        own_files, own_notes = component_files(inputs, way, cut)
        files |= own_files
        notes += own_notes
    documents = _common_documents(inputs, possible, deployments, ranking, drift)
    files |= {name: to_yaml(document) for name, document in documents.items()}
    files |= _deployment_files(inputs, deployments, ranking)
    files |= _copies(inputs, deployments, notes)
    return Designs(
        inputs=inputs,
        ways=tuple(way for own in possible for way in own),
        deployments=tuple(deployments),
        ranking=ranking,
        files=files,
        notes=tuple(dict.fromkeys(notes)),
    )


def _exit_problems(inputs: Inputs) -> Iterable[Problem]:
    """Yield early exits whose table and probabilities count differently."""
    for model, code in inputs.codes.items():
        given = code.argument("early_exits_model", "transition_probabilities")
        table = inputs.source(model) / ONNX / EXIT_TABLE
        if given is None or not isinstance(given.value, list | tuple) or not table.is_file():
            continue
        shown = f"src/{code.folder}/{ONNX}/{EXIT_TABLE}"
        try:
            count = exit_count(table, shown)
        except DesignError as bad:
            yield Problem("", bad.message)
            continue
        if count != len(given.value):
            differs = f"has {len(given.value)} probabilities, but {shown} lists {count} exits; give one for each"
            yield given.place.problem("early_exits_model.transition_probabilities", differs)


def _ranking(inputs: Inputs, problems: list[Problem]) -> Ranking | None:
    try:
        return rank(inputs)
    except DesignError as bad:
        problems += bad.problems or [Problem("", bad.message)]
        return None


def _common_documents(
    inputs: Inputs,
    ways: Sequence[Sequence[Way]],
    deployments: Sequence[Deployment],
    ranking: Ranking | None,
    drift: Document,
) -> dict[str, Document]:
    """Return the documents that concern the application as a whole."""
    annotations = {
        f"{inputs.folder.as_posix()}/src/{code.folder}/main.py": annotations_of(code)
        for code in sorted(inputs.codes.values(), key=lambda code: code.folder)
    }
    layers = {
        deployment.name: {"ExecutionLayers": constraints_of_layers(inputs, deployment)} for deployment in deployments
    }
    documents: dict[str, Document] = {
        ANNOTATIONS: annotations,
        PARTITIONS: _partitions_document(ways),
        MULTI_CLUSTER: {"System": {"Deployments": layers}},
        QOS: application_constraints(inputs, deployments[0]),
        FIRST_PLAN: base_plan_document(inputs),
    }
    if ranking:
        documents[PERFORMANCE] = ranking_document(ranking, tuple(inputs.graph.components))
    if drift:
        documents[DRIFT_FILE] = drift
    return documents


def _partitions_document(ways: Sequence[Sequence[Way]]) -> Document:
    """Return component_partitions.yaml, the segments of each cut from the last to the first, as Studio lists them."""
    found: dict[str, dict[str, list[str]]] = {}
    for way in (way for own in ways for way in own):
        found.setdefault(way.model, {"partitions": []})["partitions"] += reversed(way.folders)
    return {"components": found}


def _deployment_files(inputs: Inputs, deployments: Sequence[Deployment], ranking: Ranking | None) -> dict[str, Content]:
    """Return graph, constraints and links of every deployment."""
    ranked = {one.models: one.probabilities for one in ranking.entries} if ranking else {}
    files: dict[str, Content] = {}
    for deployment in deployments:
        # The base is what the application's own graph says; what replaces a filter lets another share pass.
        own = ranked.get(deployment.models) if deployment.name != BASE else None
        probabilities = own or inputs.graph.probabilities
        documents: dict[str, Document] = {
            DAG: graph_document(inputs.graph, deployment.ways, probabilities),
            QOS: application_constraints(inputs, deployment),
        }
        for layer, constraints in constraints_of_layers(inputs, deployment).items():
            documents[f"ams/qos_constraints_L{layer}.yaml"] = layer_document(inputs.graph, constraints)
        place = f"{DEPLOYMENTS}/{deployment.name}"
        files |= {f"{place}/{name}": to_yaml(document) for name, document in documents.items()}
        files |= {f"{place}/src/{name}": link for name, link in _links(deployment).items()}
    return files


def _links(deployment: Deployment) -> dict[str, Content]:
    """Return links to the designs that a deployment is made of."""
    up = "../" * len(Path(DEPLOYMENTS, deployment.name, "src").parts)
    links: dict[str, Content] = {}
    for way in deployment.ways:
        for folder in way.folders:
            name = way.model if deployment.name == BASE else f"{way.model}_{folder}"
            links[name] = LinkTo(f"{up}{DESIGNS}/{way.model}/{folder}")
    return links


def _copies(inputs: Inputs, deployments: Sequence[Deployment], notes: list[str]) -> dict[str, Content]:
    """Return copies of what the user prepared for the tools that deploy; credentials stay where they are."""
    own = recorded(inputs.folder)
    files: dict[str, Content] = {}
    for name in _COPIED:
        for inner in files_under(inputs.folder / name):
            path = f"{name}/{inner}"
            if Path(inner).name == _CREDENTIALS:
                notes.append(f"{path} holds credentials; it is not copied into the deployments")
            elif path not in own and path != PERFORMANCE:
                source = CopyOf(inputs.folder / path)
                files |= {f"{DEPLOYMENTS}/{deployment.name}/{path}": source for deployment in deployments}
    return files
