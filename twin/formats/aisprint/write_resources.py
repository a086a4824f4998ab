"""A continuum as ``NetworkDomains`` of AI-SPRINT files: all of it, or what a plan uses of it."""

from __future__ import annotations

from typing import Any

from twin.formats.aisprint.hosts import GIGABYTE_MB, KEY, NODE, Processing, read_accelerators, read_processing
from twin.formats.aisprint.reading import entry_of
from twin.formats.aisprint.units import writing_units
from twin.formats.aisprint.written_names import free_keys, written_layers
from twin.model.continuum import CloudFunction, Continuum, Resource
from twin.model.plan import Plan

Document = dict[str, Any]


def network_domains(continuum: Continuum, plan: Plan | None = None) -> Document:
    """Return the ``NetworkDomains`` mapping; with *plan*, the layers and resources it uses, and the nodes it runs."""
    hosts = hosts_of(continuum)
    used = {p.resource for p in plan.placements.values()} if plan else {host.name for host in hosts}
    kept = {host.layer for host in hosts if host.name in used} if plan else set(continuum.layers)
    units = writing_units(domain.bandwidth_mbit_per_s for domain in continuum.domains.values())
    keys = written_layers(continuum)
    layers = {name: _layer(continuum, name, used, plan) for name in continuum.layers if name in kept}
    nested = nesting(continuum)
    written = _written_domains(continuum, kept) if plan else list(continuum.domains)
    return {
        name: {
            "name": name,
            "AccessDelay": plain(continuum.domains[name].access_delay),
            "Bandwidth": plain(units.from_mega(continuum.domains[name].bandwidth_mbit_per_s)),
            "subNetworkDomains": [inner for inner in nested[name][1] if inner in written],
            "ComputationalLayers": {keys[layer].key: layers[layer] for layer in nested[name][0] if layer in layers},
        }
        for name in written
    }


def nesting(continuum: Continuum) -> dict[str, tuple[list[str], list[str]]]:
    """Return own layers and inner domains of each domain.

    AI-SPRINT describes a layer where it belongs: a domain that repeats all layers of a smaller one contains that one.
    """
    nested: dict[str, tuple[list[str], list[str]]] = {}
    for domain in continuum.domains.values():
        within = continuum.layers_within(domain.name)
        smaller = [
            inner
            for inner in continuum.domains.values()
            if inner.layers and set(inner.layers) < set(domain.layers) and continuum.layers_within(inner.name) < within
        ]
        repeated = {layer for inner in smaller for layer in inner.layers}
        own = [layer for layer in domain.layers if layer not in repeated]
        inner_names = [*domain.contains, *(inner.name for inner in smaller if inner.name not in domain.contains)]
        nested[domain.name] = (own, inner_names)
    return nested


def hosts_of(continuum: Continuum) -> list[Resource | CloudFunction]:
    """Return all resources and cloud functions."""
    return [*continuum.resources.values(), *continuum.functions.values()]


def _written_domains(continuum: Continuum, kept: set[str]) -> list[str]:
    """Return the domains that hold one of the *kept* layers, themselves or within."""
    return [name for name in continuum.domains if kept & continuum.layers_within(name)]


def _layer(continuum: Continuum, name: str, used: set[str], plan: Plan | None) -> Document:
    layer, written = continuum.layers[name], written_layers(continuum)[name]
    resources = [r for r in continuum.resources.values() if r.layer == name and r.name in used]
    functions = [f for f in continuum.functions.values() if f.layer == name and f.name in used]
    bodies = [_resource(r, plan.nodes(r.name) if plan else r.nodes) for r in resources] + list(
        map(_function, functions)
    )
    wishes = [host.properties.get(KEY) for host in hosts_of(continuum) if host.layer == name and host.name in used]
    keys = free_keys([wish if isinstance(wish, str) else None for wish in wishes], "resource")
    title = layer.description or (name if name != written.key else "")
    return {
        **({"name": title} if title else {}),
        "number": written.number,
        "type": layer.type,
        "Resources": dict(zip(keys, bodies, strict=True)),
    }


def _resource(resource: Resource, nodes: int) -> Document:
    kept = {
        key: value for key, value in resource.properties.items() if key not in (KEY, NODE, "processors", "accelerators")
    }
    return {
        "name": resource.name,
        "totalNodes": nodes,
        **({"description": resource.description} if resource.description else {}),
        "cost": plain(resource.cost_per_hour),
        **({"memorySize": plain(resource.memory_mb)} if resource.memory_mb is not None else {}),
        **kept,
        **_processors(resource),
        **_accelerators(resource),
    }


def _function(function: CloudFunction) -> Document:
    kept = {key: value for key, value in function.properties.items() if key not in (KEY, NODE)}
    return {
        "name": function.name,
        **({"description": function.description} if function.description else {}),
        "architecture": function.architecture,
        "cost": plain(function.cost_per_hour),
        **({"memorySize": plain(function.memory_mb)} if function.memory_mb is not None else {}),
        **kept,
        "idleTime": plain(function.idle_time),
        "transitionCost": plain(function.cost_per_request),
    }


def _processors(resource: Resource) -> Document:
    """Return the processors as they were read, if they still say what the model says, else one that does."""
    stored = resource.properties.get("processors")
    says = Processing(resource.cores, resource.architecture, resource.sgx)
    entry = entry_of(stored)
    known = stored is not None or KEY in resource.properties
    if known and read_processing(entry) == says and not entry.reading.problems:
        return {} if stored is None else {"processors": stored}
    processor = {
        "name": resource.description or resource.name,
        "architecture": resource.architecture,
        "computingUnits": plain(resource.cores),
        "SGXFlag": resource.sgx,
    }
    return {"processors": {"processor1": processor}}


def _accelerators(resource: Resource) -> Document:
    stored = resource.properties.get("accelerators")
    entry = entry_of(stored)
    if read_accelerators(entry) == resource.accelerators and not entry.reading.problems:
        return {} if stored is None else {"accelerators": stored}
    written = {}
    for accelerator in resource.accelerators.values():
        processor = {
            "type": accelerator.type,
            "architecture": accelerator.model or accelerator.type,
            "computingUnits": accelerator.count,
            "internalMemory": plain(accelerator.memory_mb / GIGABYTE_MB),
        }
        written[accelerator.name] = {"processors": {"processor1": processor}}
    return {"accelerators": written}


def plain(number: float) -> float | int:
    """Return a whole number as an integer: files say 4096, not 4096.0."""
    return int(number) if float(number).is_integer() and abs(number) < 1e15 else number
