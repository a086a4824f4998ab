"""Limits on paths that hardly any request takes, judged by the components on them.

A limit on the mean along a path speaks of the requests that take it. Where a branch is rare these are too few to judge
by, however long the run. What such a request takes is then put together: the mean response times of the components
in the simulation, over all requests that visit them, and the transfers between them by the formula. That is the mean
along the path if a component is no slower for those that came this way than for the others.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import isfinite

from design.evaluate import evaluate
from design.rules import Rules
from twin.measure import Measures, Violation
from twin.model.constraints import GlobalConstraint, constraint_name
from twin.model.plan import Plan
from twin.model.scenario import Scenario

FEWEST = 30
"""Requests along a path in each replication, from which on they are judged themselves."""


class RarePaths:
    """What stands for the requests on rare paths of one plan."""

    def __init__(self, scenario: Scenario, plan: Plan, dialect: str | Rules) -> None:
        by_formula = evaluate(scenario, plan, dialect=dialect)
        self.limits: dict[int, tuple[GlobalConstraint, float]] = {}
        for i, each in enumerate(scenario.constraints):
            if isinstance(each, GlobalConstraint) and each.percentile is None and each.share_above is None:
                whole = by_formula.paths.get(constraint_name(each))
                if whole is not None:
                    transfers = whole - sum(by_formula.components[name] for name in each.path)
                    self.limits[i] = each, transfers

    def judged(self, measures: Sequence[Measures]) -> tuple[list[Measures], tuple[str, ...]]:
        """Return *measures* with rare paths put together, and the names of those limits."""
        rare = [i for i in self.limits if any(_count(each, i) < FEWEST for each in measures)]
        names = tuple(constraint_name(self.limits[i][0]) for i in rare)
        return [self._filled(each, rare) for each in measures], names

    def _filled(self, measures: Measures, rare: Sequence[int]) -> Measures:
        violations = list(measures.violations)
        for i in rare:
            constraint, transfers = self.limits[i]
            time = transfers + sum(measures.components[name].mean for name in constraint.path)
            if isfinite(time):
                late = float(time > constraint.limit)
                seen = violations[i]
                violations[i] = Violation(count=1, statistic=time, share=seen.share if seen else late)
        return replace(measures, violations=tuple(violations))


def _count(measures: Measures, index: int) -> int:
    found = measures.violations[index]
    return found.count if found else 0
