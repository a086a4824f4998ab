"""The search of SPACE4AI-R, compiled: random greedy keeps the best few plans, local search improves each of them.

After its description in H. Sedghani, F. Filippini, D. Ardagna, SPACE4AI-R: a runtime management tool for AI
applications component placement and resource scaling in computing continua, UCC 2023, and the public optimiser. Only
plans that hold are visited, and only improvements are kept.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from design.exact import Solution
from design.kernels import ROUNDING, kernel
from design.problem import FloatArray, IntArray, Problem
from design.search.changes import Draft, new_draft, set_pattern, set_pool, settle
from design.search.dice import Dice, new_dice, pick
from design.search.figures import State, fresh
from design.search.neighbourhood import draw_plan
from design.search.tables import Tables, tables_of
from design.search.walks import shrink

MOVES = 6
"""Kinds of moves in a round of the local search."""


class Desk(NamedTuple):
    """A plan that changes, and what it takes to change it."""

    tables: Tables

    state: State

    draft: Draft

    dice: Dice


class Elite(NamedTuple):
    """The cheapest plans so far, one a row, in rising cost; infinite where there is none."""

    pattern: IntArray

    types: IntArray

    nodes: IntArray

    cost: FloatArray


def search_as_space4ai_r(
    problem: Problem, *, edge: IntArray, order: IntArray, greedy: int, local: int, starts: int, seed: int
) -> Solution | None:
    """Return the best plan found, or None; equal seeds give equal plans.

    Args:
        problem: What to search.
        edge: Whether each group is a physical device, shape (groups,).
        order: Components, predecessors first.
        greedy: Iterations of the random greedy.
        local: Rounds of the local search from each start.
        starts: Plans that the random greedy keeps.
        seed: Of the random numbers.
    """
    dice, tables = new_dice(seed), tables_of(problem)
    count, groups = len(problem.components), len(problem.groups)
    first_patterns = problem.choices.pattern_ptr[:-1].copy()
    if (np.diff(problem.choices.pattern_ptr) == 0).any():
        return None
    types = np.array([members[0] for members in problem.groups], dtype=np.int64)
    state = fresh(tables, first_patterns, types, np.ones(groups, dtype=np.int64))
    elite = Elite(
        np.zeros((starts, count), dtype=np.int64),
        np.zeros((starts, groups), dtype=np.int64),
        np.zeros((starts, groups), dtype=np.int64),
        np.full(starts, np.inf),
    )
    random_greedy(Desk(tables, state, new_draft(state), dice), elite, greedy)
    for place in np.flatnonzero(np.isfinite(elite.cost)):
        state = fresh(tables, elite.pattern[place], elite.types[place], elite.nodes[place])
        local_search(Desk(tables, state, new_draft(state), dice), edge, order, local)
        _store(state, elite, int(place))
    best = int(np.argmin(elite.cost))
    if not np.isfinite(elite.cost[best]):
        return None
    state = fresh(tables, elite.pattern[best], elite.types[best], elite.nodes[best])
    used = state.pool["users"] > 0
    return Solution(
        types=np.where(used, state.pool["resource"], -1),
        nodes=np.where(used, state.pool["nodes"], 0),
        patterns=state.pattern.copy(),
        cost=float(elite.cost[best]),
    )


@kernel
def random_greedy(desk: Desk, elite: Elite, iterations: int) -> None:
    """Draw plans on all nodes, take nodes away from those that hold, and keep the cheapest."""
    tables, state, draft, dice = desk
    for _ in range(iterations):
        draw_plan(tables, state, draft, dice, True)
        settle(tables, state, draft)
        if state.figures[0].bad == 0.0:
            shrink(tables, state, draft)
            settle(tables, state, draft)
            cost = state.figures[0].cost
            last = elite.cost.size - 1
            if cost < elite.cost[last] and not (np.abs(elite.cost - cost) <= ROUNDING * (1.0 + cost)).any():
                place = int(np.searchsorted(elite.cost, cost))
                for i in range(last, place, -1):
                    elite.pattern[i], elite.types[i], elite.nodes[i] = (
                        elite.pattern[i - 1],
                        elite.types[i - 1],
                        elite.nodes[i - 1],
                    )
                    elite.cost[i] = elite.cost[i - 1]
                _store(state, elite, place)


@kernel
def _store(state: State, elite: Elite, place: int) -> None:
    elite.pattern[place] = state.pattern
    elite.types[place], elite.nodes[place] = state.pool["resource"], state.pool["nodes"]
    elite.cost[place] = state.figures[0].cost


@kernel
def local_search(desk: Desk, edge: IntArray, order: IntArray, rounds: int) -> None:
    """Try the six moves, one after the other, for so many rounds; keep what is cheaper and holds."""
    tables, state, draft, _ = desk
    pattern = state.pattern.copy()
    types, nodes = state.pool["resource"].copy(), state.pool["nodes"].copy()
    cost = state.figures[0].cost
    for _ in range(rounds):
        for kind in range(MOVES):
            _apply(desk, edge, order, kind)
            if state.figures[0].cost < cost - ROUNDING * (1.0 + cost):
                settle(tables, state, draft)
            after = state.figures[0].cost
            if after < cost - ROUNDING * (1.0 + cost) and state.figures[0].bad == 0.0:
                cost = after
                pattern[:], types[:], nodes[:] = state.pattern, state.pool["resource"], state.pool["nodes"]
            else:
                _go_back(desk, pattern, types, nodes)
    settle(tables, state, draft)


@kernel
def _go_back(desk: Desk, pattern: IntArray, types: IntArray, nodes: IntArray) -> None:
    tables, state, draft, _ = desk
    for group in range(types.size):
        if state.pool[group].resource != types[group] or state.pool[group].nodes != nodes[group]:
            set_pool(tables, state, draft, group, types[group], nodes[group])
    for component in range(pattern.size):
        if state.pattern[component] != pattern[component]:
            set_pattern(tables, state, draft, component, pattern[component])


# Moves ----------------------------------------------------------------------------------------------------------------


@kernel
def _apply(desk: Desk, edge: IntArray, order: IntArray, kind: int) -> None:
    component = pick(desk.dice, 0, desk.state.pattern.size)
    if kind == 0:
        _to_machine(desk, edge, component)
    elif kind == 1:
        _to_edge(desk, edge, order)
    elif kind == 2:
        _to_cheaper_function(desk, component)
    elif kind == 3:
        _to_other_deployment(desk, component)
    elif kind == 4:
        _drop(desk)
    else:
        _replace(desk)


@kernel
def _to_machine(desk: Desk, edge: IntArray, component: int) -> None:
    """Move all partitions of a component that run on functions to one virtual machine that runs."""
    group = _active(desk, edge, 0)
    if group < 0:
        return
    places = _places(desk, component)
    for i in range(places.size):
        if places[i] >= edge.size:
            places[i] = group
    _lay_out(desk, component, places)


@kernel
def _to_edge(desk: Desk, edge: IntArray, order: IntArray) -> None:
    """Move the first partition that does not run on a device to one that is switched on."""
    group = _active(desk, edge, 1)
    if group < 0:
        return
    for component in order:
        places = _places(desk, component)
        for i in range(places.size):
            if places[i] >= edge.size or edge[places[i]] == 0:
                places[i] = group
                _lay_out(desk, component, places)
                return


@kernel
def _to_cheaper_function(desk: Desk, component: int) -> None:
    """Move one partition of a component to the cheapest other function."""
    tables, state = desk.tables, desk.state
    groups, before = state.pool.size, state.pattern[component]
    places = _places(desk, component)
    i = pick(desk.dice, 0, places.size)
    if places[i] < groups:
        return
    best = before
    first, end = _deployment(tables, component, before)
    for pattern in range(first, end):
        begin = tables.pattern[pattern].part
        if tables.part[begin + i].location >= groups and tables.pattern[pattern].cost < tables.pattern[best].cost:
            same = True
            for j in range(places.size):
                same = same and (j == i or tables.part[begin + j].location == places[j])
            if same:
                best = pattern
    if best != before:
        set_pattern(desk.tables, desk.state, desk.draft, component, best)


@kernel
def _to_other_deployment(desk: Desk, component: int) -> None:
    """Draw another deployment, and for each of its partitions a function or a pool that runs."""
    own, start = desk.tables.component[component], desk.tables.start
    first, end = own.deployment, own.deployment_end
    deployment = pick(desk.dice, first, end)
    _draw(desk, component, start[deployment], start[deployment + 1], -1)


@kernel
def _drop(desk: Desk) -> None:
    """Switch a pool off, and scatter what ran there over the other pools that run and functions."""
    group = _active(desk, np.zeros(desk.state.pool.size, np.int64), 0)
    if group >= 0:
        for component in range(desk.state.pattern.size):
            if desk.state.share[component, group].parts > 0:
                first, end = _deployment(desk.tables, component, desk.state.pattern[component])
                _draw(desk, component, first, end, group)


@kernel
def _replace(desk: Desk) -> None:
    """Move all that runs on a pool to another one that is off and not dearer, and take nodes away from all."""
    group = _active(desk, np.zeros(desk.state.pool.size, np.int64), 0)
    tables, state = desk.tables, desk.state
    other = pick(desk.dice, 0, state.pool.size)
    if group < 0 or state.pool[other].users > 0:
        return
    resource = tables.member[pick(desk.dice, tables.member_ptr[other], tables.member_ptr[other + 1])]
    paid = tables.resource[state.pool[group].resource].price * state.pool[group].nodes
    price, most = tables.resource[resource].price, tables.resource[resource].nodes
    nodes = most if price * most <= paid else int(paid / price)
    if nodes < 1:
        return
    set_pool(tables, state, desk.draft, other, resource, nodes)
    for component in range(state.pattern.size):
        if state.share[component, group].parts > 0:
            places = _places(desk, component)
            for i in range(places.size):
                if places[i] == group:
                    places[i] = other
            _lay_out(desk, component, places)
    settle(tables, state, desk.draft)
    if state.figures[0].bad == 0.0:
        shrink(tables, state, desk.draft)


# Pieces of moves ------------------------------------------------------------------------------------------------------


@kernel
def _active(desk: Desk, edge: IntArray, wanted: int) -> int:
    """Draw a group that something runs on and whose mark is *wanted*; -1 if there is none."""
    found = np.flatnonzero((desk.state.pool["users"] > 0) & (edge == wanted))
    return int(found[pick(desk.dice, 0, found.size)]) if found.size else -1


@kernel
def _places(desk: Desk, component: int) -> IntArray:
    own = desk.tables.pattern[desk.state.pattern[component]]
    return desk.tables.part["location"][own.part : own.part_end].copy()


@kernel
def _deployment(tables: Tables, component: int, pattern: int) -> tuple[int, int]:
    """Return the first pattern of the deployment of *pattern*, and the one after its last."""
    for deployment in range(tables.component[component].deployment, tables.component[component].deployment_end):
        if tables.start[deployment] <= pattern < tables.start[deployment + 1]:
            return tables.start[deployment], tables.start[deployment + 1]
    return pattern, pattern


@kernel
def _lay_out(desk: Desk, component: int, places: IntArray) -> None:
    """Lay a component out over *places* in the deployment it has, where that is possible."""
    first, end = _deployment(desk.tables, component, desk.state.pattern[component])
    for pattern in range(first, end):
        own = desk.tables.pattern[pattern]
        if (desk.tables.part["location"][own.part : own.part_end] == places).all():
            if pattern != desk.state.pattern[component]:
                set_pattern(desk.tables, desk.state, desk.draft, component, pattern)
            return


@kernel
def _draw(desk: Desk, component: int, first: int, end: int, group: int) -> None:
    """Draw one of the patterns from *first* to *end* on what runs; with a *group*, only what was there moves."""
    places = _places(desk, component)
    chosen, count = -1, 0
    for pattern in range(first, end):
        if _fits(desk, pattern, places, group):
            count += 1
            if pick(desk.dice, 0, count) == 0:
                chosen = pattern
    if chosen >= 0:
        set_pattern(desk.tables, desk.state, desk.draft, component, chosen)


@kernel
def _fits(desk: Desk, pattern: int, places: IntArray, group: int) -> bool:
    tables = desk.tables
    begin = tables.pattern[pattern].part
    for i in range(begin, tables.pattern[pattern].part_end):
        place = tables.part[i].location
        if group >= 0 and (place == group or (places[i - begin] != group and place != places[i - begin])):
            return False
        if place < desk.state.pool.size and not _runs(desk, tables.part[i].partition, place):
            return False
    return True


@kernel
def _runs(desk: Desk, part: int, group: int) -> bool:
    pool = desk.state.pool[group]
    return bool(pool.users > 0 and desk.tables.demand[part, pool.resource] < np.inf)
