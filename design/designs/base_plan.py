"""The first plan of an application: every component whole, in its first container, on its first layer and resource."""

from __future__ import annotations

from typing import Any

from design.designs.inputs import Inputs
from twin.formats.aisprint.names import BASE
from twin.formats.aisprint.reading import Entry
from twin.formats.aisprint.write_resources import network_domains
from twin.model.plan import Placement, Plan

Document = dict[str, Any]

_CANDIDATES = "candidateExecutionResources"


def base_plan_document(inputs: Inputs) -> Document:
    """Return production_deployment.yaml of the base, with the resources it uses at all their nodes."""
    components: Document = {}
    placements: dict[str, Placement] = {}
    for number, name in enumerate(inputs.graph.components, 1):
        container = next(iter(inputs.candidates[name].at("Containers").children().values()))
        resource = _first_resource(inputs, name, container)
        placements[name] = Placement(resource=resource, replicas=_nodes(inputs, resource))
        body = {key: value for key, value in container.value.items() if key != _CANDIDATES}
        components[f"component{number}"] = {
            "name": name,
            "executionLayer": _layer(inputs, resource),
            "Containers": {"container1": {**body, "selectedExecutionResource": resource}},
        }
    domains = network_domains(inputs.continuum, Plan(name=BASE, placements=placements))
    return {
        "System": {
            "name": inputs.graph.name,
            "NetworkDomains": domains,
            "Components": components,
            "DeploymentName": BASE,
        }
    }


def _first_resource(inputs: Inputs, component: str, container: Entry) -> str:
    """Return the first resource of *container* on the component's first layer, or else its first one."""
    names = container.at(_CANDIDATES).names()
    first = inputs.layers[component][0]
    return next((name for name in names if _layer(inputs, name) == first), names[0])


def _layer(inputs: Inputs, resource: str) -> int | None:
    return inputs.continuum.layers[inputs.continuum.host(resource).layer].number


def _nodes(inputs: Inputs, resource: str) -> int:
    known = inputs.continuum.resources.get(resource)
    return known.nodes if known else 1
