"""The names that components, partitions, layers and resources get in AI-SPRINT files.

Whatever was read from such files keeps its names; parts of other origin get the names the tools of AI-SPRINT expect.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from twin.errors import Problem, ScenarioError
from twin.formats.aisprint.names import BASE, cut_of, fold
from twin.model.application import Application, Component, Deployment
from twin.model.continuum import Continuum

_LAYER_KEY = re.compile(r"computationalLayer([0-9]{1,9})")
_CUT = re.compile(r"partition(?P<cut>[0-9]+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenLayer:
    """Key and number of a layer."""

    key: str

    number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenNames:
    """What partitions are called in the files, and which way to run a component they stand for."""

    partitions: dict[str, str]
    """Partition → its name in the files."""

    base: dict[str, str]
    """Component → its deployment that is neither cut nor replaced, where there is one."""

    cuts: dict[str, dict[str, str]]
    """Component → deployment that is cut → its k."""

    alternatives: dict[str, dict[str, str]]
    """Component → deployment that replaces it → the alternative's name."""


def written_names(application: Application) -> WrittenNames:
    """Return the names of all partitions; ScenarioError where a component's name means something else in the files."""
    problems = [
        Problem(f"application.components.{name}", "in AI-SPRINT files this name means a segment; rename the component")
        for name in application.components
        if cut_of(name) is not None
    ]
    if problems:
        raise ScenarioError("the application cannot be written as AI-SPRINT files", problems)
    names = WrittenNames(partitions={}, base={}, cuts={}, alternatives={})
    taken = set(application.components)
    for component in application.components.values():
        _name_component(component, names, taken)
    return names


def _name_component(component: Component, names: WrittenNames, taken: set[str]) -> None:
    cuts = {d.name: d for d in component.deployments.values() if _is_cut(component, d)}
    whole = [d for d in component.deployments.values() if d.name not in cuts]
    base = next((d for d in whole if d.chain[0].name == component.name), next(iter(whole), None))
    ks = _numbers(cuts)
    names.cuts[component.name] = ks
    for deployment in cuts.values():
        for position, partition in enumerate(deployment.chain, 1):
            names.partitions[partition.name] = f"{component.name}_partition{ks[deployment.name]}_{position}"
    if base is not None:
        names.base[component.name] = base.name
        names.partitions[base.chain[0].name] = component.name
    others = [d for d in whole if d is not base]
    alternatives = {d.name: _free_name(d.chain[0].name, component.name, taken) for d in others}
    names.alternatives[component.name] = alternatives
    for deployment in others:
        names.partitions[deployment.chain[0].name] = alternatives[deployment.name]


def _is_cut(component: Component, deployment: Deployment) -> bool:
    """Say whether a deployment is written as a partitioning: it has several segments, or is named as one."""
    part = fold(deployment.chain[0].name, {})
    return len(deployment.chain) > 1 or (
        part.component == component.name and part.deployment == deployment.name != BASE
    )


def _numbers(cuts: Iterable[str]) -> dict[str, str]:
    """Return the k of each cut: the one in its name, or else the next that is free."""
    found = {name: match["cut"] for name in cuts if (match := _CUT.fullmatch(name))}
    used = {int(k) for k in found.values()}
    for name in cuts:
        if name not in found:
            k = next(number for number in range(1, len(used) + 2) if number not in used)
            used.add(k)
            found[name] = str(k)
    return {name: found[name] for name in cuts}


def _free_name(name: str, component: str, taken: set[str]) -> str:
    candidates = [name, *(f"{component}-alternative{i}" for i in range(1, len(taken) + 2))]
    free = next(one for one in candidates if one not in taken and cut_of(one) is None)
    taken.add(free)
    return free


def written_layers(continuum: Continuum) -> dict[str, WrittenLayer]:
    """Return key and number of each layer; both are unique."""
    keyed = {name: int(match[1]) for name in continuum.layers if (match := _LAYER_KEY.fullmatch(name))}
    numbers: dict[str, int] = {}
    for name, layer in continuum.layers.items():
        wanted = keyed.get(name) if layer.number is None else layer.number
        if wanted is not None and wanted not in numbers.values():
            numbers[name] = wanted
    taken = {*numbers.values(), *keyed.values()}
    free = (number for number in range(1, len(taken) + len(continuum.layers) + 1) if number not in taken)
    written: dict[str, WrittenLayer] = {}
    for name in continuum.layers:
        number = numbers[name] if name in numbers else next(free)
        key = f"computationalLayer{number}"
        if name not in keyed and key in keyed:
            key = f"computationalLayer{next(free)}"
        written[name] = WrittenLayer(key=name if name in keyed else key, number=number)
    return written


def free_keys(wanted: Iterable[str | None], stem: str) -> list[str]:
    """Return a key for each entry: the wanted one where it is free, else *stem* and the next free number."""
    wishes = list(wanted)
    taken: set[str] = set()
    keys: list[str | None] = []
    for wish in wishes:
        keys.append(wish if wish is not None and wish not in taken else None)
        taken.add(wish or "")
    result: list[str] = []
    for i, key in enumerate(keys, 1):
        numbers = [i, *range(1, len(wishes) + len(taken) + 2)]
        free = next(f"{stem}{number}" for number in numbers if f"{stem}{number}" not in taken)
        result.append(key or free)
        taken.add(result[-1])
    return result
