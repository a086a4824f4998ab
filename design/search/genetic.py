"""A genetic search: children take components and groups from one of two parents each, then walk downhill a little."""

from __future__ import annotations

import numpy as np

from design.problem import IntArray
from design.search.figures import State, Tables, badness_of, cost_of, fresh
from design.search.neighbourhood import Trail, draw_plan
from design.search.walks import Best, keep, walk

SIZE = 20
"""Plans kept."""

LESSONS = 50
"""Moves downhill of each child, which count as iterations."""

Genes = tuple[IntArray, IntArray, IntArray]


class Population:
    """Plans that breed; the worst one makes room for a better child."""

    def __init__(self, tables: Tables, best: Best, trail: Trail, penalty: float, seed: int) -> None:
        self.tables, self.best, self.trail, self.penalty = tables, best, trail, penalty
        self.rng = np.random.default_rng(seed)
        self.genes: list[Genes] = []
        self.values: list[float] = []

    def evolve(self, start: State, count: int) -> None:
        """Spend *count* iterations; before the first child, plans are drawn beside *start*."""
        done = 0
        while done < count:
            lessons = min(LESSONS, count - done)
            state = self._newcomer(start) if len(self.genes) < SIZE else self._child()
            walk(self.tables, state, self.best, self.trail, self.penalty, np.zeros(1), 1.0, lessons)
            done += lessons
            if self.best.found[0] >= 0:
                self.best.found[0] = done - 1
            keep(self.tables, state, self.best, done - 1)
            self._admit(state)

    def _newcomer(self, start: State) -> State:
        state = fresh(self.tables, start.pattern, start.types, start.nodes)
        if self.genes:
            draw_plan(self.tables, state, True)
        return state

    def _child(self) -> State:
        """Cross two parents, each the better of two drawn."""
        first, second = (min(self.rng.integers(SIZE, size=2), key=self.values.__getitem__) for _ in range(2))
        one, other = self.genes[first], self.genes[second]
        components = self.rng.random(one[0].size) < 0.5
        groups = self.rng.random(one[1].size) < 0.5
        pattern = np.where(components, one[0], other[0])
        return fresh(self.tables, pattern, np.where(groups, one[1], other[1]), np.where(groups, one[2], other[2]))

    def _admit(self, state: State) -> None:
        value = cost_of(self.tables, state) + self.penalty * badness_of(self.tables, state)
        genes = state.pattern.copy(), state.types.copy(), state.nodes.copy()
        if len(self.genes) < SIZE:
            self.genes.append(genes)
            self.values.append(value)
            return
        worst = max(range(SIZE), key=self.values.__getitem__)
        if value < self.values[worst] and value not in self.values:
            self.genes[worst], self.values[worst] = genes, value
