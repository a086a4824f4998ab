"""The figures of a plan kept up to date move by move, compiled: a move touches only what it changes.

A limit is a *row*: the time of a component, or of a path. With slowdowns s of the groups, a row takes

    fixed + Σ over groups of work × s(load) + inside × (chance of two different nodes)

and a change of one component adds to and subtracts from a few of these sums. What breaks a limit is allowed, at a
price: the *badness* of a plan is the sum of all relative excesses, and 0 for a plan that holds.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar, cast

import numba
import numpy as np

from design.component_search import FULL
from design.kernels import ROUNDING, kernel, slowdown
from design.problem import FloatArray, IntArray, Problem, ragged

F = TypeVar("F", bound=Callable[..., Any])

CAPPED = 0.999
"""Utilisation that an overloaded group counts with where times are estimated."""


def inlined(function: F) -> F:
    """Compile *function* into its callers: handing dozens of arrays from call to call would cost more than the work."""
    return cast("F", numba.njit(cache=True, nogil=True, inline="always")(function))


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
        state.totals[3] += _returns(tables, state, pair)


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


@inlined
def _lay(tables: Tables, state: State, component: int) -> None:
    """Work out what a component brings to each group, and add it."""
    pattern = state.pattern[component]
    for g in range(state.types.size):
        state.work[component, g], state.need[component, g], state.parts[component, g] = 0.0, 0.0, 0
    state.misfit[component] = 0
    for i in range(tables.part_ptr[pattern], tables.part_ptr[pattern + 1]):
        group = tables.location[i]
        if group < state.types.size:
            part, resource = tables.part[i], state.types[group]
            state.parts[component, group] += 1
            if np.isfinite(tables.demand[part, resource]):
                state.work[component, group] += tables.reach[part] * tables.demand[part, resource]
                state.need[component, group] += tables.memory[part, resource]
            else:
                state.misfit[component] = 1
    _add(tables, state, component, 1)


@inlined
def _add(tables: Tables, state: State, component: int, sign: int) -> None:
    """Add what a component brings, or take it away."""
    pattern = state.pattern[component]
    rate = sign * tables.rate[component]
    state.totals[0] += sign * tables.cost[pattern]
    state.totals[1] += sign * state.misfit[component]
    for g in range(state.types.size):
        if state.parts[component, g] > 0:
            state.load[g] += rate * state.work[component, g]
            state.full[g] += sign * state.need[component, g]
            state.users[g] += sign * state.parts[component, g]
    for i in range(tables.row_ptr[component], tables.row_ptr[component + 1]):
        row, weight = tables.row[i], sign * tables.row_weight[i]
        state.fixed[row] += weight * tables.delay[pattern]
        for g in range(state.types.size):
            if state.parts[component, g] > 0:
                state.row_work[row, g] += weight * state.work[component, g]
                state.row_inside[row, g] += weight * tables.delay_within[pattern, g]


@inlined
def _around(tables: Tables, state: State, component: int, sign: float) -> None:
    """Add the transfers from and to a component, or take them away."""
    for i in range(tables.hop_ptr[component], tables.hop_ptr[component + 1]):
        _add_hop(tables, state, tables.hop[i], sign)
    for i in range(tables.pair_ptr[component], tables.pair_ptr[component + 1]):
        state.totals[3] += sign * _returns(tables, state, tables.pair[i])


@inlined
def _add_hop(tables: Tables, state: State, hop: int, sign: float) -> None:
    origin, target = tables.hop_origin[hop], tables.hop_target[hop]
    location = tables.first[state.pattern[target]]
    own = tables.pattern_ptr[origin + 1] - tables.pattern_ptr[origin]
    locations = (tables.hop_begin[hop + 1] - tables.hop_begin[hop]) // own
    at = tables.hop_begin[hop] + (state.pattern[origin] - tables.pattern_ptr[origin]) * locations + location
    if not np.isfinite(tables.hop_seconds[at]):
        state.totals[2] += sign
        return
    for i in range(tables.hop_row_ptr[hop], tables.hop_row_ptr[hop + 1]):
        row, weight = tables.hop_row[i], sign * tables.hop_weight[i]
        state.fixed[row] += weight * tables.hop_seconds[at]
        if location < state.types.size:
            state.row_inside[row, location] += weight * tables.hop_inside[at]


@inlined
def _returns(tables: Tables, state: State, pair: int) -> float:
    """Return 1 where data comes back to the edge."""
    before, after = state.pattern[tables.return_from[pair]], state.pattern[tables.return_to[pair]]
    return 1.0 if tables.starts_at_edge[after] and not tables.ends_at_edge[before] else 0.0


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
