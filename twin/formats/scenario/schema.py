"""The JSON Schema of scenario files, for editors: the model's own schema, and the short forms files may use."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pydantic import BaseModel

from twin.formats.scenario.model_path import members, tags_of
from twin.model.application import Component, Deployment, Partition
from twin.model.continuum import Accelerator, CloudFunction, Layer, NetworkDomain, Resource
from twin.model.scenario import Scenario
from twin.model.workload import Arrivals, Source

Schema = dict[str, Any]
Schemas = dict[str, Schema]

_NULL: Schema = {"type": "null"}
_NAMED: tuple[type[BaseModel], ...] = (
    NetworkDomain,
    Layer,
    Accelerator,
    Resource,
    CloudFunction,
    Component,
    Deployment,
    Partition,
    Source,
)
"""Models whose name is their key in the file."""


def scenario_schema() -> Schema:
    """Return the schema (Draft 2020-12) of scenario files, with all their short forms.

    It accepts every file that loads and refuses unknown keys; what concerns several values only reading can check.
    A file that extends another one may leave out, or remove with ``null``, whatever the other one has.
    """
    whole = Scenario.model_json_schema(by_alias=True)
    models: Schemas = whole.pop("$defs")
    _leave_out_names(models)
    for name, allow in _SHORT_FORMS.items():
        models[name] = allow(models)
    part = {**_partial(whole), "title": "Part of a scenario"}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Scenario of the digital twin of the computing continuum",
        "type": "object",
        "if": {"required": ["extends"]},
        "then": _with_layers(part),
        "else": _with_layers(whole),
        "$defs": {**models, **{f"Partial{name}": _partial(model) for name, model in models.items()}, "Part": part},
    }


def _with_layers(schema: Schema) -> Schema:
    """Allow the keys that only a file has, not the scenario."""
    parts = {"type": "object", "additionalProperties": {"$ref": "#/$defs/Part"}}
    layers: Schemas = {
        "extends": {"type": "string", "description": "Scenario file this one is laid over, relative to it."},
        "overrides": {"anyOf": [parts, _NULL], "description": "Parts laid over this scenario on demand, by name."},
    }
    return {**schema, "properties": {**schema["properties"], **layers}}


def _leave_out_names(models: Schemas) -> None:
    for model in _NAMED:
        schema = models[model.__name__]
        schema["required"] = [key for key in schema.get("required", []) if key != "name"]
        if not schema["required"]:
            models[model.__name__] = _either(schema, _NULL)
    for process in members(Arrivals):
        # A process has to be named even where the class has it as its default.
        schema = models[process.__name__]
        schema["required"] = sorted({"process", *schema.get("required", [])})
        schema["properties"]["process"] = {"const": tags_of(process)[0]}


def _law(models: Schemas) -> Schema:
    return _either(models["Law"], {"type": "number", "minimum": 0, "description": "Its mean."})


def _profile(models: Schemas) -> Schema:
    """Allow a mean, the keys of a law without ``service_time``, and a profile file instead of either."""
    law = models["Law"].get("anyOf", [models["Law"]])[0]
    body = {**models["Profile"], "properties": {**law["properties"], **models["Profile"]["properties"]}}
    body["required"] = []
    body["anyOf"] = [{"required": [key]} for key in ("service_time", "mean", "samples", "file")]
    return _either(body, {"type": "number", "minimum": 0, "description": "Mean service time in seconds."})


def _partition(models: Schemas) -> Schema:
    schema, container = models["Partition"], {"$ref": "#/$defs/Container"}
    candidates = schema["properties"]["candidates"]
    forms = _either(
        {"type": "array", "items": {"type": "string"}, "minItems": 1},
        {**candidates, "additionalProperties": _either(container, _NULL)},
    )
    common = {**container, "description": "What the candidates leave open."}
    return {**schema, "properties": {**schema["properties"], "candidates": forms, "container": common}}


def _component(models: Schemas) -> Schema:
    """Allow a component to be written as the only partition of its only deployment."""
    schema = models["Component"]
    merged = {**models["Deployment"]["properties"], **models["Partition"]["properties"], **schema["properties"]}
    short = {key: value for key, value in merged.items() if key not in ("deployments", "partitions")}
    return _either(schema, {**schema, "properties": short, "required": ["candidates"]})


def _dependency(models: Schemas) -> Schema:
    schema = models["Dependency"]
    origin = schema["properties"]["from"]
    either = [{"required": ["from"]}, {"required": ["origin"]}]
    return {**schema, "properties": {**schema["properties"], "origin": origin}, "required": ["to"], "anyOf": either}


def _placement(models: Schemas) -> Schema:
    return _either(models["Placement"], {"type": "string", "description": "Resource or cloud function."})


def _plan(models: Schemas) -> Schema:
    short = {"type": "object", "minProperties": 1, "additionalProperties": {"$ref": "#/$defs/Placement"}}
    return _either(models["Plan"], short)


_SHORT_FORMS: dict[str, Callable[[Schemas], Schema]] = {
    "Law": _law,
    "Profile": _profile,
    "Partition": _partition,
    "Component": _component,
    "Dependency": _dependency,
    "Placement": _placement,
    "Plan": _plan,
}
"""In this order: a component takes over the keys of a partition."""


def _either(*forms: Schema) -> Schema:
    return {"anyOf": list(forms)}


def _partial(schema: Schema) -> Schema:
    """Return the schema of what may be laid over a value: nothing is required, ``null`` removes; lists are whole."""
    if "$ref" in schema:
        return {"$ref": schema["$ref"].replace("#/$defs/", "#/$defs/Partial")}
    choices = [_partial(one) for one in schema.get("oneOf") or schema.get("anyOf") or [] if one.keys() != {"required"}]
    if choices:
        return {"anyOf": choices}
    loose = {key: value for key, value in schema.items() if key not in ("required", "minProperties", "anyOf")}
    if "properties" in schema:
        loose["properties"] = {key: _either(_partial(value), _NULL) for key, value in schema["properties"].items()}
    if isinstance(schema.get("additionalProperties"), dict):
        loose["additionalProperties"] = _either(_partial(schema["additionalProperties"]), _NULL)
    return loose
