"""What a plan is to be best at, and what it may need of the rest: cost, response time, energy, accuracy."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from math import inf, isfinite
from typing import Literal, get_args

from design.candidates import all_partitions
from twin.errors import EngineError, Problem, TwinError, did_you_mean
from twin.model.constraints import GlobalConstraint, LocalConstraint, ResponseConstraint, TimeLimit, constraint_name
from twin.model.scenario import Scenario

Objective = Literal["cost", "response_time", "energy", "accuracy"]

OBJECTIVES: tuple[Objective, ...] = get_args(Objective)

LOOSE = 1e9
"""Seconds of a limit that limits nothing."""

LIMITED = "response time looked at"
"""Name of the limit on the response time that is looked at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Goal:
    """One objective, and limits on what else can be an objective; infinity and 0 limit nothing."""

    objective: Objective = "cost"
    """Cost, response time and energy are made small, accuracy great."""

    target: str = "application"
    """What the response time is of: ``application``, a component, a global constraint, or a path ``a > b > c``."""

    budget: float = inf
    """Euro an hour, at most."""

    response_time: float = inf
    """Mean seconds of the target, at most."""

    energy: float = inf
    """Watt (watt-hours an hour) on average, at most."""

    accuracy: float = 0.0
    """Product of the components' accuracies, at least."""

    @property
    def concerned(self) -> set[Objective]:
        """What is made best or limited."""
        limited = {"cost": self.budget < inf, "response_time": self.response_time < inf}
        limited |= {"energy": self.energy < inf, "accuracy": self.accuracy > 0.0}
        return {self.objective} | {each for each in OBJECTIVES if limited[each]}

    def limited(self, scenario: Scenario) -> Scenario:
        """Return *scenario* with a limit on the response time looked at, if any is."""
        if "response_time" not in self.concerned:
            return scenario
        own = limit_on(scenario, self.target).model_copy(update={"limit": min(self.response_time, LOOSE)})
        return scenario.model_copy(update={"constraints": (*scenario.constraints, own)})


CHEAPEST = Goal()

UNITS: dict[Objective, str] = {"cost": "euro/hour", "response_time": "s", "energy": "W", "accuracy": ""}


def require_sense(scenario: Scenario, goal: Goal) -> None:
    """Raise TwinError unless *scenario* says all that *goal* needs to know.

    Raises:
        TwinError: A limit makes no sense, or there is no such target.
        EngineError: A host states no power, or a deployment no accuracy; all of them are named.
    """
    _require_limits(goal)
    if "response_time" in goal.concerned:
        limit_on(scenario, goal.target)
    problems: list[Problem] = []
    if "energy" in goal.concerned:
        problems += _without_power(scenario)
    if "accuracy" in goal.concerned:
        problems += _without_accuracy(scenario)
    if problems:
        raise EngineError(f"scenario {scenario.name!r} does not say all that the objective needs", problems)


def parse_objective(text: str) -> tuple[Objective, str]:
    """Return objective and target of ``cost``, ``energy``, ``accuracy``, ``response_time`` or ``response_time:WHAT``.

    Raises:
        TwinError: There is no such objective.
    """
    name, colon, target = (part.strip() for part in text.partition(":"))
    if name not in OBJECTIVES:
        raise TwinError(f"unknown objective {name!r}{did_you_mean(name, OBJECTIVES)}")
    if colon and (name != "response_time" or not target):
        raise TwinError(f"objective {text!r}: only response_time:WHAT names what it is of")
    return name, target or "application"


def limit_on(scenario: Scenario, target: str) -> TimeLimit:
    """Return a limit on the mean response time of *target* that limits nothing yet; TwinError for an unknown one."""
    if target == "application":
        return ResponseConstraint(kind="response", name=LIMITED, limit=LOOSE)
    if target in scenario.application.components:
        return LocalConstraint(kind="local", name=LIMITED, component=target, limit=LOOSE)
    paths = {constraint_name(c): c.path for c in scenario.constraints if isinstance(c, GlobalConstraint)}
    path = paths.get(target) or tuple(part.strip() for part in target.split(">"))
    sends = {(edge.origin, edge.to) for edge in scenario.application.dependencies}
    if len(path) < 2 or not set(pairwise(path)) <= sends:
        known = ["application", *scenario.application.components, *paths]
        raise TwinError(
            f"unknown target {target!r}{did_you_mean(target, known)}; it is one of {', '.join(known)}, "
            "or a path such as a > b > c"
        )
    return GlobalConstraint(kind="global", name=LIMITED, path=tuple(path), limit=LOOSE)


def _require_limits(goal: Goal) -> None:
    for name, value in (("budget", goal.budget), ("energy", goal.energy), ("response time", goal.response_time)):
        if not value >= 0.0 or (name == "response time" and value == 0.0):
            raise TwinError(f"the limit on {name} must be a positive number, got {value:g}")
    if not 0.0 <= goal.accuracy <= 1.0 or not isfinite(goal.accuracy):
        raise TwinError(f"the least accuracy must lie between 0 and 1, got {goal.accuracy:g}")


def _without_power(scenario: Scenario) -> Iterator[Problem]:
    used = {name for _, partition in all_partitions(scenario) for name in partition.candidates}
    for resource in scenario.continuum.resources.values():
        where = f"continuum.resources.{resource.name}.power"
        if resource.name in used and resource.power is None:
            yield Problem(where, "not stated; give idle_w and busy_w (0 leaves this resource out of the energy)")
        elif resource.name in used and resource.power is not None and resource.power.busy_w < resource.power.idle_w:
            yield Problem(where, "draws less when busy than when idle; for such hosts the search has no bound")
    for function in scenario.continuum.functions.values():
        if function.name in used and function.busy_w is None:
            where = f"continuum.functions.{function.name}.busy_w"
            yield Problem(where, "not stated; give the watt of a busy instance (0 leaves it out of the energy)")


def _without_accuracy(scenario: Scenario) -> Iterator[Problem]:
    stated = False
    for component in scenario.application.components.values():
        silent = [each.name for each in component.deployments.values() if each.accuracy is None]
        if len(silent) == len(component.deployments):
            continue
        stated = True
        for name in silent:
            where = f"application.components.{component.name}.deployments.{name}.accuracy"
            yield Problem(where, "not stated, while other deployments of the component state theirs; give it")
    if not stated:
        yield Problem("application.components", "no deployment states an accuracy; give it to those that differ")
