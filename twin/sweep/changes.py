"""What the axes of a sweep do to a scenario: short names for what is varied most, paths for everything else."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from pydantic import ValidationError

from twin.commands.options import changed as with_settings
from twin.errors import Problem, ScenarioError, did_you_mean
from twin.formats.reading import read_plan
from twin.model.plan import Plan
from twin.model.rates import scaled_to
from twin.model.scenario import Scenario
from twin.sweep.axes import Value, shown
from twin.sweep.dotted import SECTIONS, replaced

OWN_PLAN = "own"
"""Value of a ``plan`` axis that stands for the scenario's own plan."""


def changed_by(scenario: Scenario, name: str, value: Value) -> Scenario:
    """Return *scenario* as the axis *name* has it at *value*.

    Raises ScenarioError or PlanError where the axis is unknown or the value cannot be.
    """
    short, _, target = name.partition(":")
    if short in SHORT_NAMES:
        if target and short not in TARGETED:
            raise _fault(name, f"{short!r} is about the whole scenario; leave out {target!r}")
        return SHORT_NAMES[short](scenario, target, value)
    if "." in name or name in SECTIONS:
        return replaced(scenario, name.split("."), value)
    hint = did_you_mean(short, [*SHORT_NAMES, "override"])
    raise _fault(name, f"unknown axis{hint}; any value of the scenario goes by its path, such as run.warm_up")


def turn(name: str) -> int:
    """Return when an axis takes its turn: plans come after what they have to fit, replicas after plans."""
    if name.split(":")[0] in ("nodes", "replicas") or name.startswith("plan."):
        return 3
    return {"arrival_rate": 0, "plan": 2}.get(name, 1)


def _fault(name: str, message: str) -> ScenarioError:
    return ScenarioError("", [Problem(name, message)])


def _arrival_rate(scenario: Scenario, _target: str, value: Value) -> Scenario:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _fault("arrival_rate", f"expected a number of requests/s, got {shown(value)!r}")
    return scenario.model_copy(update={"workload": scaled_to(scenario.workload, value)})


def _plan(scenario: Scenario, _target: str, value: Value) -> Scenario:
    path = Path(str(value))
    if value == OWN_PLAN and not path.exists():
        return scenario
    return scenario.model_copy(update={"plan": read_plan(path, scenario)})


def _bandwidth(scenario: Scenario, target: str, value: Value) -> Scenario:
    return _domains(scenario, target, "bandwidth_mbit_per_s", value)


def _access_delay(scenario: Scenario, target: str, value: Value) -> Scenario:
    return _domains(scenario, target, "access_delay", value)


def _domains(scenario: Scenario, target: str, key: str, value: Value) -> Scenario:
    """Set *key* of one network domain, or of all."""
    if not scenario.continuum.domains:
        raise _fault(key, "the scenario has no network domain")
    for name in [target] if target else scenario.continuum.domains:
        scenario = replaced(scenario, ("continuum", "domains", name, key), value)
    return scenario


def _nodes(scenario: Scenario, target: str, value: Value) -> Scenario:
    """Give the resource so many nodes, all of which the plan uses."""
    plan = _own_plan(scenario, "nodes")
    used = [name for name, placement in plan.placements.items() if placement.resource == target]
    scenario = replaced(scenario, ("continuum", "resources", target, "nodes"), value)
    if not used:
        raise _fault(f"nodes:{target}", f"the plan runs nothing on {target!r}")
    return _with_replicas(scenario, used, value)


def _replicas(scenario: Scenario, target: str, value: Value) -> Scenario:
    """Give one partition, or all that the plan runs on one resource, so many replicas."""
    placements = _own_plan(scenario, "replicas").placements
    on_resource = [name for name, placement in placements.items() if placement.resource == target]
    names = [target] if target in placements else on_resource
    if not names:
        known = [*placements, *(placement.resource for placement in placements.values())]
        hint = did_you_mean(target, known)
        raise _fault(f"replicas:{target}", f"the plan has no partition and uses no resource {target!r}{hint}")
    return _with_replicas(scenario, names, value)


def _with_replicas(scenario: Scenario, partitions: Iterable[str], value: Value) -> Scenario:
    for name in partitions:
        scenario = replaced(scenario, ("plan", "placements", name, "replicas"), value)
    return scenario


def _own_plan(scenario: Scenario, axis: str) -> Plan:
    if scenario.plan is None:
        raise _fault(axis, "there is no plan; add one to the scenario, or give --plan FILE")
    return scenario.plan


def _discipline(scenario: Scenario, _target: str, value: Value) -> Scenario:
    """Set the discipline of all nodes."""
    try:
        return with_settings(scenario, discipline=value)
    except ValidationError:
        raise _fault("discipline", f"expected ps or fifo, got {shown(value)!r}") from None


def _seed(scenario: Scenario, _target: str, value: Value) -> Scenario:
    return replaced(scenario, ("run", "seed"), value)


SHORT_NAMES: dict[str, Callable[[Scenario, str, Value], Scenario]] = {
    "arrival_rate": _arrival_rate,
    "plan": _plan,
    "bandwidth": _bandwidth,
    "access_delay": _access_delay,
    "nodes": _nodes,
    "replicas": _replicas,
    "discipline": _discipline,
    "seed": _seed,
}

TARGETED = ("bandwidth", "access_delay", "nodes", "replicas")
"""Names that may be followed by ``:`` and what they are about."""
