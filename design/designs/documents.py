"""The documents of one deployment: its graph, and its constraints for each layer and for all of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from design.annotations.reading import AnnotatedCode
from design.designs.deployments import Deployment
from design.designs.inputs import Inputs
from design.designs.ways import Way
from twin.formats.aisprint.graph import Edges, Graph
from twin.formats.aisprint.names import BASE
from twin.formats.aisprint.write_qos import Limit, limits_document
from twin.formats.aisprint.write_resources import plain

Document = dict[str, Any]


def graph_document(graph: Graph, ways: Sequence[Way], probabilities: Edges) -> Document:
    """Return application_dag.yaml: whole components, or their segments in a chain with the early exits between them.

    From a segment with an exit, edges lead to the next one and, with what is left, to whatever follows the component.
    """
    by_component = {way.component: way for way in ways}
    edges: list[list[Any]] = []
    for way in ways:
        after = [to for origin, to in probabilities if origin == way.component]
        for i, part in enumerate(way.parts[:-1]):
            goes_on = way.goes_on[i] if way.goes_on else 1.0
            edges.append([part, way.parts[i + 1], plain(goes_on)])
            leaves = round(1 - goes_on, 12)
            edges += [[part, by_component[to].parts[0], plain(leaves)] for to in after if leaves]
        last = way.parts[-1]
        edges += [[last, by_component[to].parts[0], plain(probabilities[way.component, to])] for to in after]
    return {
        "System": {
            "name": graph.name,
            "components": [part for way in ways for part in way.parts],
            "dependencies": edges,
            **_alternatives(graph, ways),
        }
    }


def _alternatives(graph: Graph, ways: Sequence[Way]) -> Document:
    """Return the alternatives, which the graph of the base names."""
    if not graph.alternatives or any(way.design != BASE or way.model != way.component for way in ways):
        return {}
    listed: dict[str, list[str]] = {}
    for alternative, component in graph.alternatives.items():
        listed.setdefault(component, []).append(alternative)
    return {"alternative_components": listed}


def constraints_of_layers(inputs: Inputs, deployment: Deployment) -> dict[int, Document]:
    """Return layer → its components and constraints. A constraint stands where the last part that it spans runs."""
    limits = list(_limits(inputs, deployment.ways))
    found: dict[int, Document] = {}
    for layer in deployment.numbers:
        here = [part for part, number in deployment.layers.items() if number == layer]
        own = [limit for limit in limits if deployment.layers[limit[0][-1]] == layer]
        found[layer] = {
            "components": here,
            **limits_document(own),
            "throughput_component": _throughput(inputs.codes, deployment.ways, here),
        }
    return found


def layer_document(graph: Graph, constraints: Document) -> Document:
    """Return ams/qos_constraints_L<n>.yaml of one layer."""
    return {"system": {"name": graph.name, **{key: constraints[key] for key in constraints if key != "components"}}}


def application_constraints(inputs: Inputs, deployment: Deployment) -> Document:
    """Return space4ai-d/qos_constraints.yaml: the constraints of all layers together."""
    return {"system": {"name": inputs.graph.name, **limits_document(_limits(inputs, deployment.ways))}}


def _limits(inputs: Inputs, ways: Sequence[Way]) -> Iterator[Limit]:
    """Yield the limits in the order of the components, each component's own before that of the path to it.

    They belong to the component: an alternative in its place is held to them too.
    """
    parts = {way.component: list(way.parts) for way in ways}
    for way in ways:
        code = inputs.codes[way.component]
        local = code.value("exec_time", "local_time_thr")
        if isinstance(local, int | float):
            yield parts[way.component], local
        limit, before = code.value("exec_time", "global_time_thr"), code.value("exec_time", "prev_components")
        if isinstance(limit, int | float) and isinstance(before, list | tuple):
            yield [part for name in (*before, way.component) for part in parts[name]], limit


def _throughput(codes: Mapping[str, AnnotatedCode], ways: Iterable[Way], here: Sequence[str]) -> str | Document:
    """Return the first part on a layer whose component expects a throughput; it is watched at its first segment."""
    watched = [way.parts[0] for way in ways if codes[way.component].has("expected_throughput")]
    return next((part for part in watched if part in here), {})
