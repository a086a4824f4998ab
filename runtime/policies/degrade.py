"""Falls back to less accurate alternatives where no accurate plan holds, and climbs back when one does."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from math import prod
from typing import Any

from runtime.policies.reoptimising import Allowed, Reoptimising, Situation
from twin.control import Observation
from twin.errors import PolicyError
from twin.model.plan import Plan
from twin.model.plan_checks import chosen_deployments
from twin.model.scenario import Scenario

MOST_LEVELS = 1_000
"""Combinations of accuracies that are told apart."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """Deployments of equal accuracy, component by component."""

    accuracy: float
    """Product over the components; a component that states none does not count."""

    allowed: Allowed


class Degrade(Reoptimising):
    """Has the most accurate level at which a plan holds; within it, decides as ``optimal``.

    It falls as soon as it must, and climbs one or more levels when the higher one holds for *patience* seconds at a
    load that is higher by *hysteresis*. Where no level holds, the plan in force gets all nodes of its resources.
    """

    def __init__(
        self, scenario: Scenario, plan: Plan, *, hysteresis: float = 0.15, patience: float = 300.0, **options: Any
    ) -> None:
        """Take when to climb.

        Args:
            scenario: Its deployments state their accuracy.
            plan: The plan to begin with.
            hysteresis: Share by which the load could grow before the level climbed to breaks.
            patience: Seconds for which it must hold first.
            options: Those of :class:`~runtime.policies.reoptimising.Reoptimising`.

        Raises:
            PolicyError: An option makes no sense, or there are too many combinations of accuracies.
        """
        super().__init__(scenario, plan, **options)
        if hysteresis < 0 or patience < 0:
            raise PolicyError(f"policy degrade: hysteresis {hysteresis:g} and patience {patience:g} must be at least 0")
        self.levels = levels_of(scenario)
        self.hysteresis, self.patience = hysteresis, patience
        self._time = 0.0
        self._holds_since: float | None = None

    def decide(self, observation: Observation) -> Plan | None:
        """Return the best plan of the level to have."""
        self._time = observation.time
        return super().decide(observation)

    def plan_for(self, situation: Situation) -> Plan:
        """Return the best plan of the level in force, of one above if that has held for long, or else of one below."""
        here = self._level(situation.current)
        above = self._climb(situation, here)
        if above is not None:
            return above
        for level in self.levels[here:]:
            plan = self.best(situation, level.allowed)
            if plan is not None:
                return plan
        return self.widest(situation)

    def _climb(self, situation: Situation, here: int) -> Plan | None:
        for level in self.levels[:here]:
            plan = self.best(situation, level.allowed, above=1.0 + self.hysteresis)
            if plan is not None:
                self._holds_since = self._time if self._holds_since is None else self._holds_since
                if self._time - self._holds_since < self.patience:
                    return None
                self._holds_since = None
                return plan
        self._holds_since = None
        return None

    def _level(self, plan: Plan) -> int:
        chosen = chosen_deployments(self.scenario, plan)
        found = (i for i, each in enumerate(self.levels) if all(d.name in each.allowed[c] for c, d in chosen.items()))
        return next(found, 0)


def levels_of(scenario: Scenario) -> tuple[Level, ...]:
    """Return the levels of *scenario*, the most accurate first.

    Raises:
        PolicyError: There are too many.
    """
    names = list(scenario.application.components)
    grades: list[list[tuple[float, frozenset[str]]]] = []
    for component in scenario.application.components.values():
        by_accuracy: dict[float, list[str]] = {}
        for deployment in component.deployments.values():
            known = 1.0 if deployment.accuracy is None else deployment.accuracy
            by_accuracy.setdefault(known, []).append(deployment.name)
        grades.append([(accuracy, frozenset(each)) for accuracy, each in by_accuracy.items()])
    if prod(map(len, grades)) > MOST_LEVELS:
        raise PolicyError(f"policy degrade: {prod(map(len, grades))} combinations of accuracies; at most {MOST_LEVELS}")
    levels = [
        Level(
            accuracy=prod(accuracy for accuracy, _ in each),
            allowed={name: deployments for name, (_, deployments) in zip(names, each, strict=True)},
        )
        for each in product(*grades)
    ]
    return tuple(sorted(levels, key=lambda each: -each.accuracy))
