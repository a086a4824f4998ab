"""What an AI-SPRINT application folder cannot hold of a scenario."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from twin.formats.aisprint.names import BASE
from twin.formats.aisprint.write_resources import nesting
from twin.formats.aisprint.written_names import WrittenNames, written_layers, written_names
from twin.model.base import Value
from twin.model.constraints import GlobalConstraint, LocalConstraint, ResponseConstraint
from twin.model.scenario import Scenario
from twin.model.workload import Poisson

_OF_RESOURCES = ("device", "power", "discipline", "dispatch", "queue_capacity")
_OF_FUNCTIONS = ("device", "cold_start", "concurrency_limit", "on_limit", "bills_cold_start", "billing_step", "busy_w")


def application_losses(scenario: Scenario) -> tuple[str, ...]:
    """Return what ``dump_application`` leaves out or changes, a sentence each.

    Service times are kept whole: the folder's ``profiles.yaml`` holds them, those of device classes by resource.
    """
    names = written_names(scenario.application)
    checks: tuple[tuple[str, Iterable[str]], ...] = (
        ("left out", _sections(scenario)),
        ("the arrival rate is to be given on reading", _rates(scenario)),
        ("arrivals become Poisson, at the root", _arrivals(scenario)),
        ("layers get AI-SPRINT's names", _layers(scenario)),
        ("contention on domains is left out", _different(scenario.continuum.domains.values(), ("contention",))),
        ("layers of several domains are written in the smallest", _nested(scenario)),
        ("facts of resources are left out", _different(scenario.continuum.resources.values(), _OF_RESOURCES)),
        ("facts of cloud functions are left out", _different(scenario.continuum.functions.values(), _OF_FUNCTIONS)),
        ("how components join and send is left out", _different(_components(scenario), ("join", "sends"))),
        ("partitions get AI-SPRINT's names", _renamed(names)),
        ("deployments get AI-SPRINT's names", _redeployed(names)),
        ("a component gets one size of its data", _sizes(scenario)),
        (
            "accuracy and own probabilities are kept for whole components with alternatives only",
            _unrated(scenario, names),
        ),
        ("constraints lose their names and become limits on means", _limits(scenario)),
    )
    found = ((text, ", ".join(dict.fromkeys(items))) for text, items in checks)
    return tuple(f"{text}: {items}" for text, items in found if items)


def _components(scenario: Scenario) -> Iterable[Any]:
    return scenario.application.components.values()


def _sections(scenario: Scenario) -> Iterator[str]:
    for name in ("question", "events", "run", "expect"):
        if getattr(scenario, name) != type(scenario).model_fields[name].default:
            yield name
    if any(isinstance(constraint, ResponseConstraint) for constraint in scenario.constraints):
        yield "limits on the whole application's response time"


def _rates(scenario: Scenario) -> Iterator[str]:
    for source in scenario.workload.sources.values():
        rate = getattr(source.arrivals, "rate", None)
        yield f"{source.name}, {rate:g} requests/s" if rate else source.name


def _arrivals(scenario: Scenario) -> Iterator[str]:
    roots = scenario.application.roots()
    for source in scenario.workload.sources.values():
        plain = isinstance(source.arrivals, Poisson) and source.at is None and not source.data_mb
        if not plain or scenario.entry(source.name) not in roots:
            yield source.name


def _layers(scenario: Scenario) -> Iterator[str]:
    for name, written in written_layers(scenario.continuum).items():
        if written.key != name:
            yield f"{name} becomes {written.key}"


def _nested(scenario: Scenario) -> Iterator[str]:
    for name, (own, _) in nesting(scenario.continuum).items():
        if own != list(scenario.continuum.domains[name].layers):
            yield name


def _different(values: Iterable[Any], fields: tuple[str, ...]) -> Iterator[str]:
    """Yield which of *fields* are not at their defaults."""
    for value in values:
        assert isinstance(value, Value)
        defaults = type(value).model_fields
        for name in fields:
            if getattr(value, name) != defaults[name].default:
                yield f"{getattr(value, 'name', '')} ({name})"


def _renamed(names: WrittenNames) -> Iterator[str]:
    for name, written in names.partitions.items():
        if name != written:
            yield f"{name} becomes {written}"


def _redeployed(names: WrittenNames) -> Iterator[str]:
    bases = {component: {deployment: BASE} for component, deployment in names.base.items()}
    cuts = {component: {old: f"partition{k}" for old, k in own.items()} for component, own in names.cuts.items()}
    for renamed in (bases, cuts, names.alternatives):
        for component, own in renamed.items():
            for old, new in own.items():
                if old != new:
                    yield f"{old} of {component} becomes {new}"


def _sizes(scenario: Scenario) -> Iterator[str]:
    for component in scenario.application.components:
        if len({edge.data_mb for edge in scenario.application.dependencies_of(component)}) > 1:
            yield component


def _unrated(scenario: Scenario, names: WrittenNames) -> Iterator[str]:
    for component in scenario.application.components.values():
        kept = set(names.alternatives[component.name])
        kept |= {names.base[component.name]} if kept and component.name in names.base else set()
        for deployment in component.deployments.values():
            said = deployment.accuracy is not None or deployment.transition_probabilities
            if said and deployment.name not in kept:
                yield f"{component.name} ({deployment.name})"


def _limits(scenario: Scenario) -> Iterator[str]:
    for constraint in scenario.constraints:
        limited = isinstance(constraint, LocalConstraint | GlobalConstraint) and constraint.statistic != "mean"
        if constraint.name or limited:
            yield constraint.name or f"{constraint.kind}: {constraint.target}"
