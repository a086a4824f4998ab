"""Large-neighbourhood search: change a pool or two, let some components choose anew, and search those exactly.

The components that are let go are found their best options by the compiled branch and bound of the exact search, all
others keep theirs; so one step weighs millions of plans. Which components go is drawn at random, and how many grows
while nothing is found.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from design.exact import PROOF, ExactSearch, Solution
from design.kernels import Options
from design.pool_sets import CLOSED, fixed_cost
from design.problem import IntArray
from design.search.stops import Progress, Stop

LOOK = 300
"""Partial plans looked at in one step."""

FEWEST = 4
"""Components let go at first."""

PATIENCE = 15
"""Steps without a better plan after which one component more is let go."""

SAME_POOLS = 0.3
"""Share of the steps that change components only."""


@dataclass(kw_only=True)
class LargeNeighbourhood:
    """A search around the best plan that *exact* knows; what it finds becomes the best plan there."""

    exact: ExactSearch

    seed: int = 0

    progress: Progress = field(default_factory=Progress)

    def __post_init__(self) -> None:
        self.rng = np.random.default_rng(self.seed)
        self.free = FEWEST

    def run(self, stop: Stop) -> Solution | None:
        """Search until *stop*; from the first plan of the exact search if there is none yet."""
        if self.exact.outcome.solution is None:
            self.exact.run(prove=False)
        while self.exact.outcome.solution is not None and stop.left(self.progress) >= 1:
            self.progress.iterations += 1
            if self._step(self.exact.outcome.solution):
                self.progress.improved, self.free = self.progress.iterations, FEWEST
            elif (self.progress.iterations - self.progress.improved) % PATIENCE == 0:
                self.free = min(self.free + 1, len(self.exact.problem.components))
        return self.exact.outcome.solution

    def _step(self, solution: Solution) -> bool:
        """Try one neighbour; whether it was cheaper."""
        exact = self.exact
        types, nodes = solution.types.copy(), solution.nodes.copy()
        if self.rng.random() > SAME_POOLS:
            for _ in range(self.rng.integers(1, 4)):
                self._change_group(types, nodes)
        budget = exact.best - fixed_cost(exact.problem, types, nodes) - PROOF * (1.0 + abs(exact.best))
        if budget <= 0.0:
            return False
        options, pools = exact.options(types, nodes)
        narrowed = narrow(options, solution.patterns, self._freed(types, nodes, solution))
        found = exact.inside(narrowed, pools, budget, LOOK, thorough=False)
        if found.cost < np.inf:
            exact.accept(types, nodes, found.patterns)
        return found.cost < np.inf

    def _change_group(self, types: IntArray, nodes: IntArray) -> None:
        """Close a group, or give it other nodes or another resource."""
        problem = self.exact.problem
        group = int(self.rng.integers(len(problem.groups)))
        draw = self.rng.random()
        if types[group] != CLOSED and draw < 0.3:
            types[group], nodes[group] = CLOSED, 0
        elif types[group] != CLOSED and draw < 0.6:
            nodes[group] = self.rng.integers(1, problem.nodes[types[group]] + 1)
        else:
            types[group] = self.rng.choice(problem.groups[group])
            nodes[group] = self.rng.integers(1, problem.nodes[types[group]] + 1)

    def _freed(self, types: IntArray, nodes: IntArray, solution: Solution) -> IntArray:
        """Return the components that choose anew: those on changed groups, and some drawn at random."""
        choices, count = self.exact.problem.choices, len(self.exact.problem.components)
        changed = set(np.flatnonzero((types != solution.types) | (nodes < solution.nodes)).tolist())
        freed = np.zeros(count, dtype=np.int64)
        for component, pattern in enumerate(solution.patterns):
            locations = choices.location[choices.part_ptr[pattern] : choices.part_ptr[pattern + 1]]
            freed[component] = not changed.isdisjoint(locations.tolist())
        freed[self.rng.choice(count, size=min(self.free, count), replace=False)] = 1
        return freed


def narrow(options: Options, patterns: IntArray, freed: IntArray) -> Options:
    """Leave the components that are not *freed* the option with their pattern; all of them where there is none."""
    kept: list[IntArray] = []
    for component in range(freed.size):
        own = np.arange(options.ptr[component], options.ptr[component + 1])
        same = own[options.pattern[own] == patterns[component]]
        kept.append(own if freed[component] or same.size == 0 else same)
    chosen = np.concatenate(kept)
    return Options(
        np.cumsum([0, *map(len, kept)], dtype=np.int64),
        options.pattern[chosen],
        options.work[chosen],
        options.visits[chosen],
        options.square[chosen],
        options.spread[chosen],
        options.delay[chosen],
        options.cost[chosen],
        options.memory[chosen],
        options.rows[chosen],
    )
