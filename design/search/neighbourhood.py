"""The moves that all heuristics share, compiled: they change deployments and layouts, nodes, and types of node.

Most moves are weighed before they are made, and mostly never made. The exception empties a group: it is made piece by
piece, and leaves a trail by which it can be taken back.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from design.kernels import kernel
from design.problem import IntArray
from design.search.changes import (
    Draft,
    set_pattern,
    set_pool,
    take_pattern,
    take_pool,
    weigh_pattern,
    weigh_pool,
)
from design.search.dice import Dice, chance, pick
from design.search.figures import State
from design.search.tables import Tables

DRAWS = 8
"""Patterns drawn until one can run."""

RELAY, RESIZE, EMPTY = 0, 1, 2
"""Kinds of move: lay a component out anew; change the pool of a group; lay out anew whatever uses a group."""


class Move(NamedTuple):
    """One change that may be made, and the trail of one that was made piece by piece."""

    what: IntArray
    """Kind; component or group; pattern or resource; nodes. Shape (4,)."""

    trail: IntArray
    """Component and pattern it had, shape (components, 2)."""

    length: IntArray
    """Of the trail, one number."""

    dice: Dice


def new_move(components: int, dice: Dice) -> Move:
    """Return room for a move drawn with *dice*."""
    trail = np.zeros((components, 2), dtype=np.int64)
    return Move(np.zeros(4, dtype=np.int64), trail, np.zeros(1, dtype=np.int64), dice)


@kernel
def draw_move(tables: Tables, state: State, move: Move, whole_groups: bool) -> None:
    """Draw a move: mostly one component, else the nodes or the type of a group, or a group that all leave."""
    what, dice = move.what, move.dice
    draw = chance(dice)
    if draw < 0.88:
        what[0], what[1] = RELAY, pick(dice, 0, state.pattern.size)
        what[2] = _draw_pattern(tables, state, dice, what[1], -1)
        return
    what[0], what[1] = RESIZE, pick(dice, 0, state.pool.size)
    pool = state.pool[what[1]]
    what[2], what[3] = pool.resource, pool.nodes
    if draw < 0.95:
        what[3] += 1 if chance(dice) < 0.4 else -1
    elif draw < 0.99 or not whole_groups:
        what[2] = tables.member[pick(dice, tables.member_ptr[what[1]], tables.member_ptr[what[1] + 1])]
        what[3] = pick(dice, 1, tables.resource[what[2]].nodes + 1)
    else:
        what[0] = EMPTY
    what[3] = min(max(what[3], 1), tables.resource[what[2]].nodes)


@kernel
def weigh(tables: Tables, state: State, draft: Draft, move: Move, penalty: float, most: float) -> float:
    """Return cost plus *penalty* times badness after a move; infinite if above *most*. Emptying a group is made."""
    what = move.what
    if what[0] == RELAY:
        return float(weigh_pattern(tables, state, draft, what[1], what[2], penalty, most))
    if what[0] == RESIZE:
        return float(weigh_pool(tables, state, draft, what[1], what[2], what[3], penalty, most))
    _empty(tables, state, draft, move)
    return float(state.figures[0].cost + penalty * state.figures[0].bad)


@kernel
def take(tables: Tables, state: State, draft: Draft, move: Move) -> None:
    """Make the move that was weighed last."""
    if move.what[0] == RELAY:
        take_pattern(tables, state, draft, move.what[1], move.what[2])
    elif move.what[0] == RESIZE:
        take_pool(state, draft, move.what[1])


@kernel
def leave(tables: Tables, state: State, draft: Draft, move: Move) -> None:
    """Let the move that was weighed last be as if it had not been."""
    if move.what[0] == EMPTY:
        for i in range(move.length[0] - 1, -1, -1):
            set_pattern(tables, state, draft, move.trail[i, 0], move.trail[i, 1])


@kernel
def _empty(tables: Tables, state: State, draft: Draft, move: Move) -> None:
    group, size = move.what[1], 0
    for component in range(state.pattern.size):
        if state.share[component, group].parts > 0:
            move.trail[size, 0], move.trail[size, 1] = component, state.pattern[component]
            size += 1
            set_pattern(tables, state, draft, component, _draw_pattern(tables, state, move.dice, component, group))
    move.length[0] = size


@kernel
def _draw_pattern(tables: Tables, state: State, dice: Dice, component: int, avoided: int) -> int:
    """Draw a deployment, then a pattern of it that can run and does not use the group *avoided*, if that soon comes."""
    own = tables.component[component]
    for _ in range(DRAWS):
        deployment = pick(dice, own.deployment, own.deployment_end)
        first, end = tables.start[deployment], tables.start[deployment + 1]
        if first < end:
            pattern = pick(dice, first, end)
            if _can_run(tables, state, pattern, avoided):
                return int(pattern)
    return int(state.pattern[component])


@kernel
def _can_run(tables: Tables, state: State, pattern: int, avoided: int) -> bool:
    for i in range(tables.pattern[pattern].part, tables.pattern[pattern].part_end):
        group = tables.part[i].location
        if group == avoided:
            return False
        if group < state.pool.size and not tables.demand[tables.part[i].partition, state.pool[group].resource] < np.inf:
            return False
    return True


@kernel
def draw_plan(tables: Tables, state: State, draft: Draft, dice: Dice, all_nodes: bool) -> None:
    """Draw a plan: a type for each group, its nodes (or all of them), and a pattern for each component."""
    for group in range(state.pool.size):
        first, end = tables.member_ptr[group], tables.member_ptr[group + 1]
        resource = tables.member[pick(dice, first, end)]
        most = tables.resource[resource].nodes
        set_pool(tables, state, draft, group, resource, most if all_nodes else pick(dice, 1, most + 1))
    for component in range(state.pattern.size):
        set_pattern(tables, state, draft, component, _draw_pattern(tables, state, dice, component, -1))
