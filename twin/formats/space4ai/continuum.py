"""SPACE4AI's resources and network technology → the continuum.

An instance of an edge device or VM is one processor-sharing server, however many cores it has (SPACE4AI-D, -R:
``R = D / (1 - U)``); edge devices are paid only while used; a transfer takes the fastest domain that lists both layers.
"""

from __future__ import annotations

import re
from typing import Literal

from twin.formats.space4ai.entry import Entry
from twin.formats.space4ai.names import Names
from twin.model.continuum import CloudFunction, Continuum, Layer, LayerType, NetworkDomain, Resource

Dialect = Literal["d", "d-pre2023", "d-file", "r", "r-orig"]

BITS_PER_BYTE = 8

KINDS: dict[str, LayerType] = {
    "EdgeResources": "PhysicalToBeProvisioned",
    "CloudResources": "Virtual",
    "FaaSResources": "NativeCloudFunction",
}


def charges_bits(dialect: Dialect) -> bool:
    """Say whether the tool takes ``data_size / Bandwidth`` as megabytes through megabits, with the factor 8.

    SPACE4AI-D does since May 2023; before, and in SPACE4AI-R, both have the same unit.
    """
    return dialect in ("d", "d-file")


def read_continuum(root: Entry, dialect: Dialect, names: Names) -> Continuum:
    """Return the continuum; layers, resources and functions keep the order of the file."""
    layers: dict[str, Layer] = {}
    resources: dict[str, Resource] = {}
    functions: dict[str, CloudFunction] = {}
    if not any(root.has(kind) for kind in KINDS):
        root.findings.problem("EdgeResources", f"is missing; give at least one of {', '.join(KINDS)}")
    for kind, layer_type in KINDS.items():
        for code, entry in _layers(root.child(kind, {})):
            if code in layers:
                entry.problem(f"layer {code!r} stands twice; a layer holds resources of one kind")
            layers[code] = Layer(name=names.layer(code), type=layer_type, number=_number(code))
            for name, body in _hosts(entry):
                if name in resources or name in functions:
                    body.problem(f"{name!r} stands twice; names of resources and functions are unique")
                elif kind == "FaaSResources":
                    functions[name] = _function(name, layers[code].name, body, _transition_cost(root, entry))
                else:
                    resources[name] = _resource(name, layers[code].name, body)
    _note_faas(root, layers)
    return Continuum(
        domains=_domains(root, layers, dialect),
        layers={layer.name: layer for layer in layers.values()},
        resources=resources,
        functions=functions,
    )


def _layers(kind: Entry) -> list[tuple[str, Entry]]:
    """Return the layers; the files of 2021 and 2022 keep ``transition_cost`` beside them."""
    return [(code, entry) for code, entry in kind.entries() if code != "transition_cost"]


def _hosts(layer: Entry) -> list[tuple[str, Entry]]:
    return [(name, entry) for name, entry in layer.entries() if name != "transition_cost"]


def _number(layer: str) -> int | None:
    """Return the number at the end of a layer's name: AI-SPRINT's number of it."""
    found = re.search(r"\d{1,9}$", layer)
    return int(found.group()) if found else None


def _resource(name: str, layer: str, body: Entry) -> Resource:
    cores = body.child("n_cores", 1).count()
    if not body.has("n_cores"):
        body.findings.note("n_cores is absent and taken as 1; no queue depends on it", mark="v1")
    return Resource(
        name=name,
        layer=layer,
        nodes=body.child("number").count(),
        cores=1.0,
        memory_mb=body.child("memory").number(above=True),
        cost_per_hour=body.child("cost").number(),
        discipline="ps",
        dispatch="random",
        description=_description(body),
        properties={"n_cores": cores},
    )


def _function(name: str, layer: str, body: Entry, transition_cost: float) -> CloudFunction:
    return CloudFunction(
        name=name,
        layer=layer,
        memory_mb=body.child("memory").number(above=True),
        idle_time=body.child("idle_time_before_kill").number(above=True),
        cost_per_hour=body.child("cost").number(),
        description=_description(body),
        properties={"transition_cost": transition_cost},
    )


def _description(body: Entry) -> str:
    text = body.child("description", "").value
    return text if isinstance(text, str) else str(text)


def _transition_cost(root: Entry, layer: Entry) -> float:
    """Return the price of a request, which both tools read, print and never charge (the published model does)."""
    beside = root.child("FaaSResources", {})
    if beside.has("transition_cost"):
        beside.findings.note("transition_cost beside the layers is taken for each of them", mark="v1")
    entry = layer if layer.has("transition_cost") else beside
    cost = entry.child("transition_cost", 0).number()
    if cost:
        entry.findings.note(f"transition_cost {cost:g} is kept as a property but not charged, as in SPACE4AI-D and -R")
    return cost


def _note_faas(root: Entry, layers: dict[str, Layer]) -> None:
    for code, layer in layers.items():
        if layer.type == "NativeCloudFunction" and not code.lower().startswith("computationallayer"):
            root.findings.note(
                f"SPACE4AI-D passes over FaaS layer {code!r}: its name begins with no 'computationallayer'"
            )


def _domains(root: Entry, layers: dict[str, Layer], dialect: Dialect) -> dict[str, NetworkDomain]:
    factor = 1 if charges_bits(dialect) else BITS_PER_BYTE
    return {
        name: NetworkDomain(
            name=name,
            layers=_layers_of(body, layers),
            access_delay=body.child("AccessDelay").number(),
            bandwidth_mbit_per_s=factor * body.child("Bandwidth").number(above=True, high=1e14),
            contention="none",
        )
        for name, body in root.child("NetworkTechnology").entries()
    }


def _layers_of(domain: Entry, layers: dict[str, Layer]) -> tuple[str, ...]:
    """Return the known layers of a domain, whatever the capitals of ``computationalLayers``."""
    keys = [key for key, _ in domain.entries() if key.lower() == "computationallayers"]
    key = keys[0] if keys else "computationalLayers"
    if key != "computationalLayers" and keys:
        text = f"{key} is read as computationalLayers; the tools since 2023 refuse that spelling"
        domain.findings.note(text, mark="v2")
    codes = [entry.text() for entry in domain.child(key).items()]
    for code in codes:
        if code and code not in layers:
            domain.findings.note(f"{domain.where} lists layer {code!r}, which holds no resources; left out")
    return tuple(layers[code].name for code in dict.fromkeys(codes) if code in layers)
