"""Heuristics by name: each takes a share of the iterations at a time until its criterion says stop."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from design.exact import Solution
from design.problem import IntArray, Problem
from design.search.dice import new_dice
from design.search.figures import State, fresh
from design.search.genetic import Population
from design.search.stops import Progress, Stop
from design.search.tables import Tables, tables_of
from design.search.walks import Best, Walk, draw_first, greedy_draws, new_walk, no_best, tabu_walk, walk

SHARE = 2_000
"""Iterations between two looks at the criterion."""

HEAT = 2.0
"""Euro an hour: temperature at which annealing begins, and begins again."""

COLDEST = 1e-3

COOLING = 0.9999

SAMPLE = 40
"""Moves among which tabu search chooses."""

TENURE = 12
"""Rounds for which it leaves alone what it has changed."""

FIRST_DRAWS = 200
"""Plans drawn at random before a walk starts from the best of them."""


@dataclass(kw_only=True)
class Walker:
    """One run of a heuristic on one problem; equal seeds and counted iterations give equal plans."""

    problem: Problem

    seed: int = 0

    on_plan: Callable[[Solution], None] = lambda _solution: None

    progress: Progress = field(default_factory=Progress)

    def __post_init__(self) -> None:
        self.dice = new_dice(self.seed)
        problem = self.problem
        self.tables: Tables = tables_of(problem)
        self.best: Best = no_best(len(problem.components), len(problem.groups))
        types = np.array([members[0] for members in problem.groups], dtype=np.int64)
        nodes = np.ones(len(problem.groups), dtype=np.int64)
        state = fresh(self.tables, problem.choices.pattern_ptr[:-1].copy(), types, nodes)
        self.walk: Walk = new_walk(self.tables, state, self.best, self.dice)
        draw_first(self.walk)
        self.penalty = max(float((problem.price * problem.nodes).sum()), 1.0)

    def run(self, method: str, stop: Stop) -> Solution | None:
        """Search until *stop*; the best plan that holds, or None."""
        if method != "random":
            self._advance(stop, lambda count: greedy_draws(self.walk, count), FIRST_DRAWS)
            self.return_to_best()
        return self.run_from(method, stop)

    def run_from(self, method: str, stop: Stop) -> Solution | None:
        """Search from where the walk stands until *stop*."""
        step = STEPS[method](self)
        while self._advance(stop, step, SHARE):
            continue
        return self.solution

    def return_to_best(self) -> None:
        """Go on from the best plan, if there is one."""
        if np.isfinite(self.best.cost[0]):
            self.walk = new_walk(self.tables, self._best_state(), self.best, self.dice)

    def _best_state(self) -> State:
        return fresh(self.tables, self.best.pattern, self.best.types, self.best.nodes)

    @property
    def solution(self) -> Solution | None:
        """The best plan so far; groups that nothing uses are closed."""
        if not np.isfinite(self.best.cost[0]):
            return None
        pool = self._best_state().pool
        used = pool["users"] > 0
        return Solution(
            types=np.where(used, pool["resource"], -1),
            nodes=np.where(used, pool["nodes"], 0),
            patterns=self.best.pattern.copy(),
            cost=float(self.best.cost[0]),
        )

    def _advance(self, stop: Stop, step: Callable[[int], None], share: int) -> bool:
        """Take up to *share* iterations; False when it is time to stop."""
        count = int(min(stop.left(self.progress), share))
        if count < 1:
            return False
        self.best.found[0] = -1
        step(count)
        if self.best.found[0] >= 0:
            self.progress.improved = self.progress.iterations + int(self.best.found[0]) + 1
            if self.solution is not None:
                self.on_plan(self.solution)
        self.progress.iterations += count
        return True


def _random(walker: Walker) -> Callable[[int], None]:
    return lambda count: greedy_draws(walker.walk, count)


def _local(walker: Walker) -> Callable[[int], None]:
    heat = np.zeros(1)
    return lambda count: walk(walker.walk, walker.penalty, heat, 1.0, count)


def _annealing(walker: Walker) -> Callable[[int], None]:
    """Cool down, and begin again from the best plan when cold."""
    heat = np.full(1, HEAT)

    def step(count: int) -> None:
        if heat[0] < COLDEST:
            heat[0] = HEAT
            walker.return_to_best()
        walk(walker.walk, walker.penalty, heat, COOLING, count)

    return step


def _tabu(walker: Walker) -> Callable[[int], None]:
    until: IntArray = np.zeros(len(walker.problem.components) + len(walker.problem.groups), dtype=np.int64)
    clock = np.zeros(1, dtype=np.int64)
    return lambda count: tabu_walk(walker.walk, walker.penalty, until, clock, SAMPLE, TENURE, count)


def _genetic(walker: Walker) -> Callable[[int], None]:
    population = Population(walker.walk, walker.penalty, walker.seed)
    return population.evolve


STEPS: dict[str, Callable[[Walker], Callable[[int], None]]] = {
    "random": _random,
    "local": _local,
    "tabu": _tabu,
    "annealing": _annealing,
    "genetic": _genetic,
}
"""Heuristics by name; each returns what takes a number of iterations."""
