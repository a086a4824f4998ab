"""Plans that hold, in rising cost by the formula: the exact search again and again, plans already seen cut off."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from math import inf
from typing import Literal

import numpy as np

from design.candidates import cases
from design.exact import ExactSearch, Solution
from design.optimise import MOST_CASES, on_interrupt, plan_of, rules_for
from design.problem import Problem
from design.problem_building import build_problem
from design.rules import Rules
from twin.errors import TwinError
from twin.model.plan import Plan
from twin.model.scenario import Scenario

End = Literal["exhausted", "time", "interrupted"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RankedPlan:
    """A plan that holds by the formula, and what it costs."""

    plan: Plan

    cost: float
    """Euro an hour."""

    busiest: tuple[str, float] | None
    """The resource with the highest utilisation by the formula."""


@dataclass(kw_only=True)
class _Case:
    """One selection of deployments: its problem, what was taken of it, and the cheapest plan that is left."""

    problem: Problem

    taken: tuple[Solution, ...] = ()

    following: Solution | None = None

    searched: bool = False


class PlanOrder:
    """Every plan once, the cheapest first; among equally dear ones in no order that means anything.

    A plan is what it places where and on how many nodes, so that two deployments of a component make two plans.

    Raises:
        EngineError: The scenario holds what the search has no formula for.
        TwinError: An argument makes no sense.
    """

    def __init__(
        self,
        scenario: Scenario,
        *,
        dialect: str | Rules = "twin",
        time_limit: float | None = None,
        one_type_per_layer: bool = True,
    ) -> None:
        rules = rules_for(scenario, dialect, time_limit)
        selections = cases(scenario)
        if len(selections) > MOST_CASES:
            raise TwinError(f"{len(selections)} selections of deployments send differently; at most {MOST_CASES}")
        self.deadline = time.perf_counter() + (inf if time_limit is None else time_limit)
        self.dialect = dialect
        self.most: dict[str, float] = {}
        """Utilisation that resources may be used for, where that was limited."""
        self.end: End | None = None
        """Why there are no more plans, once there are none; ``exhausted`` is a proof."""
        self.unproved: RankedPlan | None = None
        """The cheapest plan that was found when the time was over and others might still be cheaper."""
        self._cases = [
            _Case(problem=build_problem(scenario, rules, each, one_type_per_layer=one_type_per_layer))
            for each in selections
        ]

    def __iter__(self) -> Iterator[RankedPlan]:
        """Yield plans until none is left, or the time is over."""
        while (case := self._cheapest()) is not None:
            found = case.following
            assert found is not None
            case.taken, case.following, case.searched = (*case.taken, found), None, False
            yield _ranked(case.problem, found)

    def allow(self, resource: str, most: float) -> None:
        """Let the plans that follow use *resource* for less than *most* of its capacity only."""
        self.most[resource] = most
        for case in self._cases:
            if case.following is None or not self._allowed(case.problem, case.following):
                case.following, case.searched = None, False
            case.taken = tuple(each for each in case.taken if self._allowed(case.problem, each))

    def _allowed(self, problem: Problem, solution: Solution) -> bool:
        used = utilisations(problem, solution)
        return all(used.get(resource, 0.0) < most for resource, most in self.most.items())

    def _cheapest(self) -> _Case | None:
        for case in self._cases:
            if not case.searched and not self._look(case):
                return None
        left = [case for case in self._cases if case.following is not None]
        if not left:
            self.end = "exhausted"
            return None
        return min(left, key=lambda case: case.following.cost if case.following else inf)

    def _look(self, case: _Case) -> bool:
        """Find the cheapest plan of *case* that was not taken; False where that could not be proved in time."""
        search = ExactSearch(
            problem=case.problem,
            deadline=self.deadline,
            banned=case.taken,
            most=np.array([self.most.get(name, 1.0) for name in case.problem.resources], dtype=np.float64),
            floor=case.taken[-1].cost if case.taken else 0.0,
        )
        with on_interrupt(self._interrupt, search):
            search.run()
        if not search.outcome.finished:
            self.end = self.end or "time"
            found = search.outcome.solution
            if found is not None and (self.unproved is None or found.cost < self.unproved.cost):
                self.unproved = _ranked(case.problem, found)
            return False
        case.following, case.searched = search.outcome.solution, True
        return True

    def _interrupt(self, search: ExactSearch) -> None:
        self.end = "interrupted"
        search.halt()


def _ranked(problem: Problem, found: Solution) -> RankedPlan:
    used = utilisations(problem, found)
    busiest = max(used.items(), key=lambda each: each[1], default=None)
    return RankedPlan(plan=plan_of(problem, found), cost=found.cost, busiest=busiest)


def utilisations(problem: Problem, solution: Solution) -> dict[str, float]:
    """Return resource → utilisation by the formula."""
    choices, groups = problem.choices, len(problem.groups)
    load = np.zeros(groups)
    for component, pattern in enumerate(solution.patterns):
        for i in range(choices.part_ptr[pattern], choices.part_ptr[pattern + 1]):
            group, part = choices.location[i], choices.part[i]
            if group < groups:
                load[group] += (
                    choices.rate[component] * choices.reach[part] * problem.demand[part, solution.types[group]]
                )
    return {
        problem.resources[r]: float(load[group] / (solution.nodes[group] * problem.speed[r]))
        for group, r in enumerate(solution.types)
        if r >= 0
    }
