"""Walks from plan to plan by random moves, compiled: local search, simulated annealing, tabu search, random greedy."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from design.kernels import ROUNDING, kernel
from design.problem import FloatArray, IntArray
from design.search.changes import Draft, new_draft, set_pool, settle
from design.search.dice import Dice, chance
from design.search.figures import State
from design.search.neighbourhood import RELAY, Move, draw_move, draw_plan, leave, new_move, take, weigh
from design.search.tables import Tables


class Best(NamedTuple):
    """The cheapest plan that holds so far."""

    pattern: IntArray

    types: IntArray

    nodes: IntArray

    cost: FloatArray
    """One number, infinite before the first plan."""

    found: IntArray
    """One number: the step of the last call that found it, or -1."""


class Walk(NamedTuple):
    """A plan on its way, with all that it takes to move on."""

    tables: Tables

    state: State

    draft: Draft

    move: Move

    best: Best


def new_walk(tables: Tables, state: State, best: Best, dice: Dice) -> Walk:
    """Return a walk that begins at *state*."""
    return Walk(tables, state, new_draft(state), new_move(state.pattern.size, dice), best)


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
def draw_first(walk: Walk) -> None:
    """Begin at a plan drawn at random, all nodes running."""
    draw_plan(walk.tables, walk.state, walk.draft, walk.move.dice, True)
    settle(walk.tables, walk.state, walk.draft)


@kernel
def keep(tables: Tables, state: State, draft: Draft, best: Best, step: int) -> None:
    """Keep a plan that is cheaper than the best so far and holds."""
    figures = state.figures[0]
    if figures.bad == 0.0 and figures.cost < best.cost[0] - ROUNDING * (1.0 + figures.cost):
        settle(tables, state, draft)
        if figures.bad == 0.0:
            for g in range(state.pool.size):
                best.types[g], best.nodes[g] = state.pool[g].resource, state.pool[g].nodes
            best.pattern[:] = state.pattern
            best.cost[0], best.found[0] = figures.cost, step


@kernel
def walk(walk: Walk, penalty: float, heat: FloatArray, cooling: float, steps: int) -> None:
    """Take *steps* moves; a worse plan is accepted with probability exp(-difference/heat), at heat 0 never.

    The chance is drawn first, so that a move need only be weighed until it is too dear.
    """
    tables, state, draft, move, best = walk
    value = state.figures[0].cost + penalty * state.figures[0].bad
    for step in range(steps):
        draw_move(tables, state, move, True)
        most = value - heat[0] * np.log(1.0 - chance(move.dice)) if heat[0] > 0.0 else value
        after = weigh(tables, state, draft, move, penalty, most)
        if after <= most:
            take(tables, state, draft, move)
            if after < value:
                keep(tables, state, draft, best, step)
            value = after
        else:
            leave(tables, state, draft, move)
        heat[0] *= cooling
    settle(tables, state, draft)


@kernel
def tabu_walk(
    walk: Walk, penalty: float, until: IntArray, clock: IntArray, sample: int, tenure: int, steps: int
) -> None:
    """Take the best of *sample* moves again and again, even if it is worse; what has changed rests for *tenure* rounds.

    *until* says for each component and then each group how long it rests, *clock* counts the rounds.
    """
    tables, state, draft, move, best = walk
    chosen = np.zeros(4, np.int64)
    for first in range(0, steps, sample):
        lowest = np.inf
        clock[0] += 1
        for _ in range(min(sample, steps - first)):
            draw_move(tables, state, move, False)
            after = weigh(tables, state, draft, move, penalty, lowest)
            if after < lowest and (after < best.cost[0] or until[_place(state, move.what)] <= clock[0]):
                lowest = after
                chosen[:] = move.what
        if lowest < np.inf:
            move.what[:] = chosen
            weigh(tables, state, draft, move, penalty, np.inf)
            take(tables, state, draft, move)
            until[_place(state, chosen)] = clock[0] + tenure
            keep(tables, state, draft, best, first)
    settle(tables, state, draft)


@kernel
def _place(state: State, what: IntArray) -> int:
    return int(what[1] if what[0] == RELAY else state.pattern.size + what[1])


@kernel
def greedy_draws(walk: Walk, steps: int) -> None:
    """Draw *steps* plans with all nodes running, and take nodes away while the plan holds."""
    tables, state, draft, move, best = walk
    for step in range(steps):
        draw_plan(tables, state, draft, move.dice, True)
        settle(tables, state, draft)
        if state.figures[0].bad == 0.0:
            shrink(tables, state, draft)
            keep(tables, state, draft, best, step)
    settle(tables, state, draft)


@kernel
def shrink(tables: Tables, state: State, draft: Draft) -> None:
    """Take nodes away, group by group, as long as the plan holds."""
    for g in range(state.pool.size):
        while state.pool[g].nodes > 1:
            set_pool(tables, state, draft, g, state.pool[g].resource, state.pool[g].nodes - 1)
            if state.figures[0].bad > 0.0:
                set_pool(tables, state, draft, g, state.pool[g].resource, state.pool[g].nodes + 1)
                break
