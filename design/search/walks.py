"""Walks from plan to plan by random moves, compiled: local search, simulated annealing, tabu search, random greedy."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from design.kernels import ROUNDING, kernel
from design.problem import FloatArray, IntArray
from design.search.figures import State, Tables, badness_of, cost_of, renew, set_pattern, set_pool
from design.search.neighbourhood import Trail, draw_plan, move, undo


class Best(NamedTuple):
    """The cheapest plan that holds so far."""

    pattern: IntArray

    types: IntArray

    nodes: IntArray

    cost: FloatArray
    """One number, infinite before the first plan."""

    found: IntArray
    """One number: the step of the last call that found it, or -1."""


def no_best(components: int, groups: int) -> Best:
    """Return the best of no plans."""
    return Best(
        np.full(components, -1),
        np.full(groups, -1),
        np.zeros(groups, dtype=np.int64),
        np.full(1, np.inf),
        np.full(1, -1),
    )


@kernel
def keep(tables: Tables, state: State, best: Best, step: int) -> None:
    """Keep a plan that is cheaper than the best so far and holds."""
    cost = cost_of(tables, state)
    if cost < best.cost[0] - ROUNDING * (1.0 + cost) and badness_of(tables, state) == 0.0:
        renew(tables, state)
        if badness_of(tables, state) == 0.0:
            best.pattern[:], best.types[:], best.nodes[:] = state.pattern, state.types, state.nodes
            best.cost[0], best.found[0] = cost_of(tables, state), step


@kernel
def walk(
    tables: Tables, state: State, best: Best, trail: Trail, penalty: float, heat: FloatArray, cooling: float, steps: int
) -> None:
    """Take *steps* moves; a worse plan is accepted with probability exp(-difference/heat), at heat 0 never."""
    value = cost_of(tables, state) + penalty * badness_of(tables, state)
    for step in range(steps):
        move(tables, state, trail)
        after = cost_of(tables, state) + penalty * badness_of(tables, state)
        worse = after - value
        if worse <= 0.0 or (heat[0] > 0.0 and np.random.random() < np.exp(-worse / heat[0])):
            value = after
            if worse < 0.0:
                keep(tables, state, best, step)
        else:
            undo(tables, state, trail)
        heat[0] *= cooling
    renew(tables, state)


@kernel
def tabu_walk(
    tables: Tables,
    state: State,
    best: Best,
    trail: Trail,
    penalty: float,
    until: IntArray,
    clock: IntArray,
    sample: int,
    tenure: int,
    steps: int,
) -> None:
    """Take the best of *sample* moves again and again, even if it is worse; what has changed rests for *tenure* rounds.

    *until* says for each component and then each group how long it rests, *clock* counts the rounds.
    """
    components = state.pattern.size
    pattern, types, nodes = state.pattern.copy(), state.types.copy(), state.nodes.copy()
    for first in range(0, steps, sample):
        lowest = np.inf
        clock[0] += 1
        for _ in range(min(sample, steps - first)):
            move(tables, state, trail)
            after = cost_of(tables, state) + penalty * badness_of(tables, state)
            keep(tables, state, best, first)
            if after < lowest and (best.found[0] == first or not _rests(trail, until, clock[0], components)):
                lowest = after
                pattern[:], types[:], nodes[:] = state.pattern, state.types, state.nodes
            undo(tables, state, trail)
        if lowest < np.inf:
            _go(tables, state, pattern, types, nodes, until, clock[0] + tenure)
    renew(tables, state)


@kernel
def _rests(trail: Trail, until: IntArray, now: int, components: int) -> bool:
    for i in range(trail.size[0]):
        if until[trail.component[i]] > now:
            return True
    return bool(trail.size[1] >= 0 and until[components + trail.size[1]] > now)


@kernel
def _go(
    tables: Tables, state: State, pattern: IntArray, types: IntArray, nodes: IntArray, until: IntArray, rested: int
) -> None:
    """Change what differs, and let it rest."""
    for group in range(types.size):
        if types[group] != state.types[group] or nodes[group] != state.nodes[group]:
            set_pool(tables, state, group, types[group], nodes[group])
            until[pattern.size + group] = rested
    for component in range(pattern.size):
        if pattern[component] != state.pattern[component]:
            set_pattern(tables, state, component, pattern[component])
            until[component] = rested


@kernel
def greedy_draws(tables: Tables, state: State, best: Best, steps: int) -> None:
    """Draw *steps* plans with all nodes running, and take nodes away while the plan holds."""
    for step in range(steps):
        draw_plan(tables, state, True)
        if badness_of(tables, state) == 0.0:
            _shrink(tables, state)
            keep(tables, state, best, step)
    renew(tables, state)


@kernel
def _shrink(tables: Tables, state: State) -> None:
    for group in range(state.types.size):
        while state.nodes[group] > 1:
            set_pool(tables, state, group, state.types[group], state.nodes[group] - 1)
            if badness_of(tables, state) > 0.0:
                set_pool(tables, state, group, state.types[group], state.nodes[group] + 1)
                break
