"""The figures of a plan kept up to date move by move, compiled: a move touches only what it changes.

A limit is a *row*: the time of a component, or of a path. With slowdowns s of the groups, a row takes

    fixed + Σ over groups of work × s(load) + inside × (chance of two different nodes)

and a change of one component adds to and subtracts from a few of these sums. What breaks a limit is allowed, at a
price: the *badness* of a plan is the sum of all relative excesses, and 0 for a plan that holds.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from design.component_search import FULL
from design.kernels import ROUNDING, kernel, slowdown
from design.problem import FloatArray, IntArray, Problem, ragged

CAPPED = 0.999
"""Utilisation that an overloaded group counts with where times are estimated."""


class Tables(NamedTuple):
    """What does not change; lists by component are flat, with the position where each begins (``_ptr``)."""

    # As in Choices, but not as one of them: to take a tuple of many arrays out of another one is slow.

    rate: FloatArray

    cost: FloatArray

    delay: FloatArray

    delay_within: FloatArray

    part_ptr: IntArray

    part: IntArray

    location: IntArray

    reach: FloatArray

    first: IntArray

    starts_at_edge: IntArray

    ends_at_edge: IntArray

    return_from: IntArray

    return_to: IntArray

    hop_origin: IntArray

    hop_target: IntArray

    pattern_ptr: IntArray

    hop_begin: IntArray
    """Where the table of a transfer begins."""

    hop_seconds: FloatArray

    hop_inside: FloatArray
    """Seconds between two nodes of one pool."""

    demand: FloatArray

    memory: FloatArray

    price: FloatArray

    nodes: IntArray

    speed: FloatArray

    node_memory: FloatArray

    memory_by_pool: bool

    within: bool

    member_ptr: IntArray
    """First resource of each group in ``member``."""

    member: IntArray

    deployment_ptr: IntArray
    """First deployment of each component."""

    start: IntArray
    """First pattern of each deployment, and their number at the end."""

    limit: FloatArray
    """Seconds of each row."""

    row_ptr: IntArray
    """Rows that a component is part of."""

    row: IntArray

    row_weight: FloatArray

    hop_ptr: IntArray
    """Transfers that a component sends or receives."""

    hop: IntArray

    hop_row_ptr: IntArray
    """Rows that a transfer is part of."""

    hop_row: IntArray

    hop_weight: FloatArray

    pair_ptr: IntArray
    """Pairs of components whose data must not come back to the edge."""

    pair: IntArray


class State(NamedTuple):
    """A plan and its figures."""

    pattern: IntArray

    types: IntArray
    """Resource of each group, also of those that nothing uses; these cost nothing."""

    nodes: IntArray

    load: FloatArray

    full: FloatArray
    """Megabytes in each group."""

    users: IntArray
    """Partitions in each group."""

    work: FloatArray
    """Service time by component and group."""

    need: FloatArray

    parts: IntArray
    """Partitions by component and group."""

    fixed: FloatArray
    """Seconds of each row that depend on no group."""

    row_work: FloatArray

    row_inside: FloatArray

    misfit: IntArray
    """Whether a component cannot run where it is."""

    totals: FloatArray
    """Functions' cost; components that cannot run; transfers without a network; ways back to the edge."""


def tables_of(problem: Problem) -> Tables:
    """Return the tables of *problem*."""
    choices, count = problem.choices, len(problem.components)
    local = [c for c in range(count) if np.isfinite(choices.local_limit[c])]
    rows: list[list[tuple[int, float]]] = [[] for _ in range(count)]
    for row, component in enumerate(local):
        rows[component].append((row, 1.0))
    hop_rows: list[list[tuple[int, float]]] = [[] for _ in range(choices.hop_origin.size)]
    for path in range(choices.path_limit.size):
        for i in range(choices.path_ptr[path], choices.path_ptr[path + 1]):
            rows[choices.path_component[i]].append((len(local) + path, float(choices.path_weight[i])))
        for i in range(choices.path_hop_ptr[path], choices.path_hop_ptr[path + 1]):
            hop_rows[choices.path_hop[i]].append((len(local) + path, float(choices.path_hop_weight[i])))
    hops = _touching(count, choices.hop_origin, choices.hop_target)
    pairs = _touching(count, choices.return_from, choices.return_to)
    starts = [
        [p for p in range(first, end) if p == first or problem.deployments[p] is not problem.deployments[p - 1]]
        for first, end in zip(choices.pattern_ptr[:-1], choices.pattern_ptr[1:], strict=True)
    ]
    return Tables(
        rate=choices.rate,
        cost=choices.cost,
        delay=choices.delay,
        delay_within=choices.delay_within,
        part_ptr=choices.part_ptr,
        part=choices.part,
        location=choices.location,
        reach=choices.reach,
        first=choices.first,
        starts_at_edge=choices.starts_at_edge,
        ends_at_edge=choices.ends_at_edge,
        return_from=choices.return_from,
        return_to=choices.return_to,
        hop_origin=choices.hop_origin,
        hop_target=choices.hop_target,
        pattern_ptr=choices.pattern_ptr,
        hop_begin=choices.hop_ptr,
        hop_seconds=choices.hop,
        hop_inside=choices.hop_within,
        demand=problem.demand,
        memory=problem.memory,
        price=problem.price,
        nodes=problem.nodes,
        speed=problem.speed,
        node_memory=problem.node_memory,
        memory_by_pool=problem.memory_by_pool,
        within=problem.within,
        member_ptr=ragged(problem.groups),
        member=_whole([r for group in problem.groups for r in group]),
        deployment_ptr=ragged(starts),
        start=_whole([*(p for each in starts for p in each), int(choices.pattern_ptr[-1])]),
        limit=np.concatenate([choices.local_limit[local], choices.path_limit]),
        row_ptr=ragged(rows),
        row=_whole([row for each in rows for row, _ in each]),
        row_weight=np.array([weight for each in rows for _, weight in each], dtype=np.float64),
        hop_ptr=ragged(hops),
        hop=_whole([hop for each in hops for hop in each]),
        hop_row_ptr=ragged(hop_rows),
        hop_row=_whole([row for each in hop_rows for row, _ in each]),
        hop_weight=np.array([weight for each in hop_rows for _, weight in each], dtype=np.float64),
        pair_ptr=ragged(pairs),
        pair=_whole([pair for each in pairs for pair in each]),
    )


def _touching(count: int, origin: IntArray, target: IntArray) -> list[list[int]]:
    """Return for each component the edges that touch it."""
    found: list[list[int]] = [[] for _ in range(count)]
    for edge, ends in enumerate(zip(origin, target, strict=True)):
        for component in ends:
            found[component].append(edge)
    return found


def _whole(values: list[int]) -> IntArray:
    return np.array(values, dtype=np.int64)


@kernel
def fresh(tables: Tables, pattern: IntArray, types: IntArray, nodes: IntArray) -> State:
    """Return a plan with all figures computed anew; the arrays given are copied."""
    components, groups, rows = pattern.size, types.size, tables.limit.size
    state = State(
        pattern.copy(),
        types.copy(),
        nodes.copy(),
        np.zeros(groups),
        np.zeros(groups),
        np.zeros(groups, np.int64),
        np.zeros((components, groups)),
        np.zeros((components, groups)),
        np.zeros((components, groups), np.int64),
        np.zeros(rows),
        np.zeros((rows, groups)),
        np.zeros((rows, groups)),
        np.zeros(components, np.int64),
        np.zeros(4),
    )
    renew(tables, state)
    return state


@kernel
def renew(tables: Tables, state: State) -> None:
    """Compute all figures anew, which removes the rounding of many moves."""
    for array in (state.load, state.full, state.fixed, state.totals):
        array[:] = 0.0
    state.users[:] = 0
    state.row_work[:] = 0.0
    state.row_inside[:] = 0.0
    for component in range(state.pattern.size):
        _lay(tables, state, component)
    for hop in range(tables.hop_origin.size):
        _add_hop(tables, state, hop, 1.0)
    for pair in range(tables.return_from.size):
        after, before = state.pattern[tables.return_to[pair]], state.pattern[tables.return_from[pair]]
        state.totals[3] += 1.0 if tables.starts_at_edge[after] and not tables.ends_at_edge[before] else 0.0


# Changes --------------------------------------------------------------------------------------------------------------


@kernel
def set_pattern(tables: Tables, state: State, component: int, pattern: int) -> None:
    """Lay *component* out as *pattern*, in whatever deployment that is."""
    _around(tables, state, component, -1.0)
    _add(tables, state, component, -1)
    state.pattern[component] = pattern
    _lay(tables, state, component)
    _around(tables, state, component, 1.0)


@kernel
def set_pool(tables: Tables, state: State, group: int, resource: int, nodes: int) -> None:
    """Let *group* take *nodes* of *resource*."""
    state.nodes[group] = nodes
    if resource == state.types[group]:
        return
    moved = np.flatnonzero(state.parts[:, group])
    for component in moved:
        _add(tables, state, int(component), -1)
    state.types[group] = resource
    for component in moved:
        _lay(tables, state, int(component))


@kernel
def _lay(tables: Tables, state: State, component: int) -> None:
    """Work out what a component brings to each group, and add it."""
    # Arrays are taken out of their tuples once: each time counts a reference, which costs more than the sums below.
    work, need, parts, types = state.work[component], state.need[component], state.parts[component], state.types
    part, location, demand = tables.part, tables.location, tables.demand
    reach, memory = tables.reach, tables.memory
    pattern, misfit = state.pattern[component], 0
    for g in range(types.size):
        work[g], need[g], parts[g] = 0.0, 0.0, 0
    for i in range(tables.part_ptr[pattern], tables.part_ptr[pattern + 1]):
        group = location[i]
        if group < types.size:
            seconds = demand[part[i], types[group]]
            parts[group] += 1
            if seconds < np.inf:
                work[group] += reach[part[i]] * seconds
                need[group] += memory[part[i], types[group]]
            else:
                misfit = 1
    state.misfit[component] = misfit
    _add(tables, state, component, 1)


@kernel
def _add(tables: Tables, state: State, component: int, sign: int) -> None:
    """Add what a component brings, or take it away."""
    work, need, parts = state.work[component], state.need[component], state.parts[component]
    load, full, users, fixed = state.load, state.full, state.users, state.fixed
    row_work, row_inside, rows, weights = state.row_work, state.row_inside, tables.row, tables.row_weight
    pattern = state.pattern[component]
    within = tables.delay_within[pattern]
    rate, delay = sign * tables.rate[component], tables.delay[pattern]
    state.totals[0] += sign * tables.cost[pattern]
    state.totals[1] += sign * state.misfit[component]
    first, end = tables.row_ptr[component], tables.row_ptr[component + 1]
    for i in range(first, end):
        fixed[rows[i]] += sign * weights[i] * delay
    for g in range(work.size):
        if parts[g] > 0:
            load[g] += rate * work[g]
            full[g] += sign * need[g]
            users[g] += sign * parts[g]
            for i in range(first, end):
                row_work[rows[i], g] += sign * weights[i] * work[g]
                row_inside[rows[i], g] += sign * weights[i] * within[g]


@kernel
def _around(tables: Tables, state: State, component: int, sign: float) -> None:
    """Add the transfers from and to a component, or take them away."""
    for i in range(tables.hop_ptr[component], tables.hop_ptr[component + 1]):
        _add_hop(tables, state, tables.hop[i], sign)
    first, end = tables.pair_ptr[component], tables.pair_ptr[component + 1]
    if first == end:
        return
    pair, pattern, origin, target = tables.pair, state.pattern, tables.return_from, tables.return_to
    starts, ends = tables.starts_at_edge, tables.ends_at_edge
    back = 0
    for i in range(first, end):
        if starts[pattern[target[pair[i]]]] and not ends[pattern[origin[pair[i]]]]:
            back += 1
    state.totals[3] += sign * back


@kernel
def _add_hop(tables: Tables, state: State, hop: int, sign: float) -> None:
    pattern, pattern_ptr, begin = state.pattern, tables.pattern_ptr, tables.hop_begin
    origin, location = tables.hop_origin[hop], tables.first[pattern[tables.hop_target[hop]]]
    locations = (begin[hop + 1] - begin[hop]) // (pattern_ptr[origin + 1] - pattern_ptr[origin])
    at = begin[hop] + (pattern[origin] - pattern_ptr[origin]) * locations + location
    seconds, inside = tables.hop_seconds[at], tables.hop_inside[at]
    if not seconds < np.inf:
        state.totals[2] += sign
        return
    fixed, row_inside, rows, weights = state.fixed, state.row_inside, tables.hop_row, tables.hop_weight
    groups = state.types.size
    for i in range(tables.hop_row_ptr[hop], tables.hop_row_ptr[hop + 1]):
        fixed[rows[i]] += sign * weights[i] * seconds
        if location < groups:
            row_inside[rows[i], location] += sign * weights[i] * inside


# Figures --------------------------------------------------------------------------------------------------------------


@kernel
def cost_of(tables: Tables, state: State) -> float:
    """Return euro an hour; groups that nothing uses cost nothing."""
    cost = state.totals[0]
    for g in range(state.types.size):
        if state.users[g] > 0:
            cost += tables.price[state.types[g]] * state.nodes[g]
    return float(cost)


@kernel
def badness_of(tables: Tables, state: State) -> float:
    """Return the sum of all relative excesses over what is allowed; exactly 0 for a plan that holds."""
    bad = state.totals[1] + state.totals[2] + state.totals[3]
    slow, inside = np.ones(state.types.size), np.zeros(state.types.size)
    for g in range(state.types.size):
        if state.users[g] == 0:
            continue
        resource, running = state.types[g], state.nodes[g]
        speed = tables.speed[resource]
        utilisation = state.load[g] / (running * speed)
        if utilisation >= FULL:
            bad += 1.0 + utilisation - FULL
            utilisation = CAPPED
        slow[g] = slowdown(utilisation, speed)
        inside[g] = 1.0 - 1.0 / running if tables.within else 0.0
        room = tables.node_memory[resource] * (running if tables.memory_by_pool else 1)
        if state.full[g] > room * (1.0 + ROUNDING):
            bad += state.full[g] / room - 1.0
    for row in range(tables.limit.size):
        time = state.fixed[row]
        for g in range(slow.size):
            time += state.row_work[row, g] * slow[g] + state.row_inside[row, g] * inside[g]
        if time > tables.limit[row] * (1.0 + ROUNDING):
            bad += min(time / tables.limit[row] - 1.0, 10.0)
    return float(bad)
