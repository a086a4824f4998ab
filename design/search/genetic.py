"""A genetic search: children take components and groups from one of two parents each, then walk downhill a little."""

from __future__ import annotations

import numpy as np

from design.problem import IntArray
from design.search.figures import State, fresh, plan_in
from design.search.walks import Walk, draw_first, keep, new_walk, walk

SIZE = 20
"""Plans kept."""

LESSONS = 50
"""Moves downhill of each child, which count as iterations."""

Genes = tuple[IntArray, IntArray, IntArray]


class Population:
    """Plans that breed; the worst one makes room for a better child."""

    def __init__(self, start: Walk, penalty: float, seed: int) -> None:
        self.start, self.penalty = start, penalty
        self.rng = np.random.default_rng(seed)
        self.genes: list[Genes] = []
        self.values: list[float] = []

    def evolve(self, count: int) -> None:
        """Spend *count* iterations; before the first child, plans are drawn beside the first one."""
        done, best = 0, self.start.best
        while done < count:
            lessons = min(LESSONS, count - done)
            pupil = self._walk(*(plan_in(self.start.state) if len(self.genes) < SIZE else self._child()))
            if 0 < len(self.genes) < SIZE:
                draw_first(pupil)
            walk(pupil, self.penalty, np.zeros(1), 1.0, lessons)
            done += lessons
            if best.found[0] >= 0:
                best.found[0] = done - 1
            keep(pupil.tables, pupil.state, pupil.draft, best, done - 1)
            self._admit(pupil.state)

    def _walk(self, *plan: IntArray) -> Walk:
        start = self.start
        return new_walk(start.tables, fresh(start.tables, *plan), start.best, start.move.dice)

    def _child(self) -> Genes:
        """Cross two parents, each the better of two drawn."""
        first, second = (min(self.rng.integers(SIZE, size=2), key=self.values.__getitem__) for _ in range(2))
        one, other = self.genes[first], self.genes[second]
        components = self.rng.random(one[0].size) < 0.5
        groups = self.rng.random(one[1].size) < 0.5
        pattern = np.where(components, one[0], other[0])
        return pattern, np.where(groups, one[1], other[1]), np.where(groups, one[2], other[2])

    def _admit(self, state: State) -> None:
        value = float(state.figures["cost"][0] + self.penalty * state.figures["bad"][0])
        genes = plan_in(state)
        if len(self.genes) < SIZE:
            self.genes.append(genes)
            self.values.append(value)
            return
        worst = max(range(SIZE), key=self.values.__getitem__)
        if value < self.values[worst] and value not in self.values:
            self.genes[worst], self.values[worst] = genes, value
