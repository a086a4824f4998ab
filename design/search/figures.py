"""The figures of a plan, computed anew or kept up to date by :mod:`design.search.changes`.

With slowdowns s of the groups, a row (the time of a component or a path) takes

    fixed + Σ over groups of work × s(load) + inside × (chance of two different nodes)

and a change of one component adds to and subtracts from a few of these sums. What breaks a limit is allowed, at a
price: the *badness* of a plan is the sum of all relative excesses, and 0 for a plan that holds.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from design.kernels import FULL, ROUNDING, kernel, slowdown
from design.problem import Array, FloatArray, IntArray
from design.search.tables import Record, Tables

CAPPED = 0.999
"""Utilisation that an overloaded group counts with where times are estimated."""

WORST = 10.0
"""Relative excess of a row that counts at most."""

POOL = np.dtype(
    [
        ("resource", np.int64),
        ("nodes", np.int64),
        ("users", np.int64),
        ("load", np.float64),
        ("memory", np.float64),
        ("slowdown", np.float64),
        ("inside", np.float64),
        ("bad", np.float64),
    ]
)
"""A group: what runs (also where nothing uses it, which costs nothing), partitions there, and what they come to."""

SHARE = np.dtype([("work", np.float64), ("memory", np.float64), ("parts", np.int64), ("misfits", np.int64)])
"""What a component brings to a group: service time, megabytes, partitions, and those that cannot run there."""

CROSSING = np.dtype([("seconds", np.float64), ("inside", np.float64), ("location", np.int64), ("cut", np.int64)])
"""A transfer as the plan has it: seconds, seconds between two nodes, where to, and whether there is no network."""

FIGURES = np.dtype([("cost", np.float64), ("bad", np.float64), ("pools_bad", np.float64), ("broken", np.int64)])
"""Of the plan: euro an hour, badness, that of its groups, and partitions, transfers and returns that cannot be."""


class State(NamedTuple):
    """A plan and its figures."""

    pattern: IntArray

    pool: Array
    """By group."""

    share: Array
    """By component and group."""

    crossing: Array
    """By transfer."""

    row_work: FloatArray
    """Service time by group and row."""

    row_inside: FloatArray

    time: FloatArray
    """Seconds of each row."""

    figures: Array
    """One record."""


def plan_in(state: State) -> tuple[IntArray, IntArray, IntArray]:
    """Return copies of patterns, resources and nodes."""
    return state.pattern.copy(), state.pool["resource"].copy(), state.pool["nodes"].copy()


def fresh(tables: Tables, pattern: IntArray, types: IntArray, nodes: IntArray) -> State:
    """Return a plan with all figures computed anew; the arrays given are copied."""
    components, groups, rows = pattern.size, types.size, tables.limit.size
    state = State(
        pattern.copy(),
        np.zeros(groups, dtype=POOL),
        np.zeros((components, groups), dtype=SHARE),
        np.zeros(tables.hop.size, dtype=CROSSING),
        np.zeros((groups, rows)),
        np.zeros((groups, rows)),
        np.zeros(rows),
        np.zeros(1, dtype=FIGURES),
    )
    state.pool["resource"], state.pool["nodes"] = types, nodes
    renew(tables, state)
    return state


@kernel
def renew(tables: Tables, state: State) -> None:
    """Compute all figures anew, which removes the rounding of many changes."""
    figures = state.figures[0]
    figures.cost, figures.bad, figures.pools_bad, figures.broken = 0.0, 0.0, 0.0, 0
    state.time[:] = 0.0
    state.row_work[:] = 0.0
    state.row_inside[:] = 0.0
    for g in range(state.pool.size):
        pool = state.pool[g]
        pool.load, pool.memory, pool.users = 0.0, 0.0, 0
    for component in range(state.pattern.size):
        _add_component(tables, state, component)
    for hop in range(tables.hop.size):
        _add_hop(tables, state, hop)
    for pair in range(tables.pair_from.size):
        figures.broken += returns(tables, state.pattern, pair)
    _sum_up(tables, state)


@kernel
def _sum_up(tables: Tables, state: State) -> None:
    figures, time, groups = state.figures[0], state.time, state.pool.size
    for g in range(groups):
        settle_pool(tables, state.pool[g])
        figures.pools_bad += state.pool[g].bad
        if state.pool[g].users > 0:
            figures.cost += state.pool[g].nodes * tables.resource[state.pool[g].resource].price
    figures.bad = figures.broken + figures.pools_bad
    for row in range(time.size):
        for g in range(groups):
            time[row] += (
                state.row_work[g, row] * state.pool[g].slowdown + state.row_inside[g, row] * state.pool[g].inside
            )
        figures.bad += excess(time[row], tables.limit[row])


@kernel
def _add_component(tables: Tables, state: State, component: int) -> None:
    own, laid_out, groups = tables.component[component], tables.pattern[state.pattern[component]], state.pool.size
    for g in range(groups):
        share = state.share[component, g]
        share.work, share.memory, share.parts, share.misfits = 0.0, 0.0, 0, 0
    for i in range(laid_out.part, laid_out.part_end):
        g = tables.part[i].location
        if g < groups:
            lay_part(tables, tables.part[i], state.pool[g].resource, state.share[component, g])
    state.figures[0].cost += laid_out.cost
    for g in range(groups):
        share, pool = state.share[component, g], state.pool[g]
        pool.load += own.rate * share.work
        pool.memory += share.memory
        pool.users += share.parts
        state.figures[0].broken += share.misfits
    for i in range(own.link, own.link_end):
        link = tables.component_link[i]
        state.time[link.row] += link.weight * laid_out.delay
        for g in range(groups):
            state.row_work[g, link.row] += link.weight * state.share[component, g].work
            state.row_inside[g, link.row] += link.weight * tables.delay_within[state.pattern[component], g]


@kernel
def _add_hop(tables: Tables, state: State, hop: int) -> None:
    crossing = state.crossing[hop]
    cross(tables, hop, state.pattern[tables.hop[hop].origin], state.pattern[tables.hop[hop].target], crossing)
    state.figures[0].broken += crossing.cut
    for i in range(tables.hop[hop].link, tables.hop[hop].link_end):
        link = tables.hop_link[i]
        state.time[link.row] += link.weight * crossing.seconds
        if crossing.location < state.pool.size:
            state.row_inside[crossing.location, link.row] += link.weight * crossing.inside


# Pieces, also of a change ---------------------------------------------------------------------------------------------


@kernel
def lay_part(tables: Tables, part: Record, resource: int, share: Record) -> None:
    """Add what a partition brings to the group where it runs on *resource*."""
    seconds = tables.demand[part.partition, resource]
    share.parts += 1
    if seconds < np.inf:
        share.work += part.reach * seconds
        share.memory += tables.memory[part.partition, resource]
    else:
        share.misfits += 1


@kernel
def settle_pool(tables: Tables, pool: Record) -> None:
    """Work out how much a group slows its users down, and by how much it is overloaded."""
    pool.slowdown, pool.inside, pool.bad = 1.0, 0.0, 0.0
    if pool.users == 0:
        return
    resource = tables.resource[pool.resource]
    utilisation = pool.load / (pool.nodes * resource.speed)
    if utilisation >= FULL:
        pool.bad += 1.0 + utilisation - FULL
        utilisation = CAPPED
    pool.slowdown = slowdown(utilisation, resource.speed)
    pool.inside = 1.0 - 1.0 / pool.nodes if tables.within else 0.0
    room = resource.memory * (pool.nodes if tables.memory_by_pool else 1)
    if pool.memory > room * (1.0 + ROUNDING):
        pool.bad += pool.memory / room - 1.0


@kernel
def cross(tables: Tables, hop: int, before: int, after: int, crossing: Record) -> None:
    """Work out a transfer from a component laid out as *before* to one laid out as *after*."""
    way, location = tables.hop[hop], tables.pattern[after].first
    at = way.table + (before - way.pattern) * way.locations + location
    crossing.seconds, crossing.inside = tables.hop_seconds[at], tables.hop_inside[at]
    crossing.location, crossing.cut = location, 0
    if not crossing.seconds < np.inf:
        crossing.seconds, crossing.inside, crossing.cut = 0.0, 0.0, 1


@kernel
def returns(tables: Tables, pattern: IntArray, pair: int) -> int:
    """Return 1 where the data of a pair of components would come back to the edge, else 0."""
    after, before = tables.pattern[pattern[tables.pair_to[pair]]], tables.pattern[pattern[tables.pair_from[pair]]]
    return 1 if after.starts_at_edge and not before.ends_at_edge else 0


@kernel
def excess(time: float, limit: float) -> float:
    """Return by how much of its limit a row is too long."""
    if time > limit * (1.0 + ROUNDING):
        return float(min(time / limit - 1.0, WORST))
    return 0.0
