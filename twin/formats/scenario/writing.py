"""A scenario as YAML text somebody would write: short forms, no defaults, every figure exact."""

from __future__ import annotations

import re
from typing import Any

import yaml
from pydantic import BaseModel

from twin.formats.yaml_scalars import plain_scalar
from twin.model.application import Application, Component, Deployment, Partition
from twin.model.continuum import Continuum
from twin.model.law import Law
from twin.model.plan import Placement, Plan
from twin.model.profile import Profile
from twin.model.scenario import Scenario
from twin.model.workload import Source, Workload

_Mapping = dict[str, Any]

_ODD_BREAK = re.compile("[\r\x85\u2028\u2029]")


def dump_scenario(scenario: Scenario) -> str:
    """Return *scenario* as the text of a scenario file; reading it gives an equal scenario.

    Samples and times of a trace that came from other files are written out: the text stands for itself.
    """
    return to_yaml(_scenario(scenario))


def dump_plan(plan: Plan) -> str:
    """Return *plan* as the text of a plan file."""
    placements = {name: _placement(placement) for name, placement in plan.placements.items()}
    return to_yaml({"name": plan.name, "placements": placements})


def to_yaml(data: object) -> str:
    """Return plain values as YAML that reads the same in versions 1.1 and 1.2."""
    text: str = yaml.dump(
        data, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120, default_flow_style=None, indent=2
    )
    return text


class _Dumper(yaml.SafeDumper):
    """Quotes what either version of YAML would take for anything but a string, and repeats instead of aliasing."""

    def ignore_aliases(self, data: object) -> bool:  # noqa: ARG002  (the signature is PyYAML's)
        return True


def _quoted(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = None if plain_scalar(text) == text else "'"
    if _ODD_BREAK.search(text):
        # Within any other style these count as ends of lines, which are folded.
        style = '"'
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _quoted)


def _plain(value: BaseModel, *leave_out: str) -> _Mapping:
    """Return the fields of *value* that are not at their defaults, in the order of the model."""
    return value.model_dump(mode="json", by_alias=True, exclude_defaults=True, exclude=set(leave_out))


def _scenario(scenario: Scenario) -> _Mapping:
    sections: _Mapping = {
        "name": scenario.name,
        "question": scenario.question,
        "continuum": _continuum(scenario.continuum),
        "application": _application(scenario.application),
        "profiles": {
            partition: {device: _profile(profile) for device, profile in by_device.items()}
            for partition, by_device in scenario.profiles.items()
        },
        "workload": _workload(scenario.workload),
        "constraints": [{"kind": one.kind, **_plain(one, "kind")} for one in scenario.constraints],
        "events": [_with_laws(one, tag="event") for one in scenario.events],
        "run": _plain(scenario.run),
        "reconfiguration": _plain(scenario.reconfiguration),
        "plan": _plan(scenario.plan),
        "expect": [_plain(one) for one in scenario.expect],
    }
    required = ("name", "profiles")
    return {key: value for key, value in sections.items() if key in required or value not in (None, "", [], {})}


def _continuum(continuum: Continuum) -> _Mapping:
    sections: _Mapping = {
        "domains": {name: _plain(domain, "name") for name, domain in continuum.domains.items()},
        "layers": {name: _plain(layer, "name") for name, layer in continuum.layers.items()},
        "resources": {
            name: _with_laws(resource, "name", "accelerators") | _accelerators(resource.accelerators)
            for name, resource in continuum.resources.items()
        },
        "functions": {name: _with_laws(function, "name") for name, function in continuum.functions.items()},
    }
    return {key: value for key, value in sections.items() if value or key in ("domains", "layers")}


def _accelerators(accelerators: dict[str, Any]) -> _Mapping:
    named = {name: _plain(accelerator, "name") for name, accelerator in accelerators.items()}
    return {"accelerators": named} if named else {}


def _application(application: Application) -> _Mapping:
    sections: _Mapping = {
        "components": {name: _component(component) for name, component in application.components.items()},
        "dependencies": [_plain(edge) for edge in application.dependencies],
    }
    return {key: value for key, value in sections.items() if value}


def _component(component: Component) -> _Mapping:
    own = _plain(component, "name", "deployments")
    only = next(iter(component.deployments.values()))
    is_whole = len(component.deployments) == 1 and only.name == "base" and list(only.partitions) == [component.name]
    if is_whole:
        return {**_partition(only.chain[0]), **_plain(only, "name", "partitions"), **own}
    return {"deployments": {name: _deployment(one) for name, one in component.deployments.items()}, **own}


def _deployment(deployment: Deployment) -> _Mapping:
    partitions = {name: _partition(partition) for name, partition in deployment.partitions.items()}
    return {"partitions": partitions, **_plain(deployment, "name", "partitions")}


def _partition(partition: Partition) -> _Mapping:
    containers = {name: _plain(container) for name, container in partition.candidates.items()}
    first = next(iter(containers.values()))
    rest = _plain(partition, "name", "candidates")
    if all(container == first for container in containers.values()):
        return {"candidates": list(containers), **({"container": first} if first else {}), **rest}
    return {"candidates": containers, **rest}


def _law(law: Law) -> float | _Mapping:
    body = _plain(law)
    return float(body["mean"]) if body.keys() == {"mean"} else body


def _with_laws(value: BaseModel, *leave_out: str, tag: str | None = None) -> _Mapping:
    """Return the fields of *value*, its laws in their short form and its *tag* (which may be a default) in front."""
    defaults = type(value).model_fields
    laws = {
        key: _law(inner)
        for key in defaults
        if isinstance(inner := getattr(value, key), Law) and inner != defaults[key].default
    }
    front = {tag: getattr(value, tag)} if tag else {}
    dropped = {*leave_out, *laws, *front}
    return {**front, **_plain(value, *dropped), **laws}


def _profile(profile: Profile) -> float | _Mapping:
    law = _law(profile.service_time)
    rest = _with_laws(profile, "service_time")
    rest.pop("service_time", None)
    if not rest:
        return law
    return {"service_time": law, **rest}


def _workload(workload: Workload) -> _Mapping:
    return {"sources": {name: _source(source) for name, source in workload.sources.items()}}


def _source(source: Source) -> _Mapping:
    return {"arrivals": _with_laws(source.arrivals, tag="process"), **_plain(source, "name", "arrivals")}


def _placement(placement: Placement) -> str | _Mapping:
    body = _plain(placement)
    return str(body["resource"]) if body.keys() == {"resource"} else body


def _plan(plan: Plan | None) -> _Mapping | None:
    if plan is None:
        return None
    placements = {name: _placement(placement) for name, placement in plan.placements.items()}
    own = _plain(plan, "placements")
    # A partition could itself be called "placements".
    return {**own, "placements": placements} if own or "placements" in placements else placements
