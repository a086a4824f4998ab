"""What a change would come to, without making it; and making it, with the figures that were worked out.

Only what is touched is looked at, the cheapest figure first: a change that costs too much is dropped before its queues
are looked at, one that overloads a node before its times are.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from design.kernels import kernel
from design.problem import Array, FloatArray, IntArray
from design.search.figures import (
    CROSSING,
    FIGURES,
    SHARE,
    State,
    cross,
    excess,
    lay_part,
    renew,
    returns,
    settle_pool,
)
from design.search.tables import Record, Tables


class Draft(NamedTuple):
    """The figures that the change last weighed leads to, where they differ from those of the plan."""

    pool: Array
    """By group."""

    share: Array
    """Of one component by group, or of all components in one group."""

    crossing: Array
    """Of the transfers of one component, in the order of its list."""

    row_work: FloatArray
    """Of all rows in one group."""

    time: FloatArray

    figures: Array

    touched: IntArray
    """Whether the record of a group differs from that of the plan."""


def new_draft(state: State) -> Draft:
    """Return room for changes of a plan of this size."""
    components, groups = state.share.shape
    return Draft(
        state.pool.copy(),
        np.zeros(max(components, groups), dtype=SHARE),
        np.zeros(max(state.crossing.size, 1), dtype=CROSSING),
        np.zeros(state.time.size),
        np.zeros(state.time.size),
        np.zeros(1, dtype=FIGURES),
        np.zeros(groups, dtype=np.int64),
    )


@kernel
def settle(tables: Tables, state: State, draft: Draft) -> None:
    """Compute all figures of the plan anew, which removes the rounding of many changes."""
    renew(tables, state)
    draft.touched[:] = 1
    _forget(state, draft)


@kernel
def _forget(state: State, draft: Draft) -> None:
    """Let the groups be as in the plan again."""
    for g in range(state.pool.size):
        if draft.touched[g]:
            draft.pool[g] = state.pool[g]
            draft.touched[g] = 0


@kernel
def weigh_pattern(
    tables: Tables, state: State, draft: Draft, component: int, pattern: int, penalty: float, most: float
) -> float:
    """Return cost plus *penalty* times badness with *component* laid out as *pattern*; infinite if above *most*."""
    figures, groups = draft.figures[0], state.pool.size
    before, after = tables.pattern[state.pattern[component]], tables.pattern[pattern]
    _lay_out(tables, state, draft, pattern)
    cost = state.figures[0].cost + after.cost - before.cost
    for g in range(groups):
        users, change = state.pool[g].users, draft.share[g].parts - state.share[component, g].parts
        if change != 0 and (users == 0 or users + change == 0):
            price = state.pool[g].nodes * tables.resource[state.pool[g].resource].price
            cost += price if users == 0 else -price
    figures.cost = cost
    if cost > most:
        return np.inf
    _weigh_pools(tables, state, draft, component)
    if cost + penalty * figures.pools_bad > most:
        return np.inf
    figures.broken = state.figures[0].broken + _weigh_hops(tables, state, draft, component, pattern)
    for g in range(groups):
        figures.broken += draft.share[g].misfits - state.share[component, g].misfits
    if cost + penalty * (figures.pools_bad + figures.broken) > most:
        return np.inf
    _weigh_rows(tables, state, draft, component, pattern)
    value = cost + penalty * figures.bad
    return value if value <= most else np.inf


@kernel
def _lay_out(tables: Tables, state: State, draft: Draft, pattern: int) -> None:
    """Work out what a component laid out as *pattern* brings to each group."""
    groups = state.pool.size
    for g in range(groups):
        share = draft.share[g]
        share.work, share.memory, share.parts, share.misfits = 0.0, 0.0, 0, 0
    for i in range(tables.pattern[pattern].part, tables.pattern[pattern].part_end):
        g = tables.part[i].location
        if g < groups:
            lay_part(tables, tables.part[i], state.pool[g].resource, draft.share[g])


@kernel
def _weigh_pools(tables: Tables, state: State, draft: Draft, component: int) -> None:
    rate, bad = tables.component[component].rate, 0.0
    _forget(state, draft)
    for g in range(state.pool.size):
        now, new, pool = state.share[component, g], draft.share[g], draft.pool[g]
        if now.parts > 0 or new.parts > 0:
            draft.touched[g] = 1
            pool.users += new.parts - now.parts
            pool.load += rate * (new.work - now.work)
            pool.memory += new.memory - now.memory
            settle_pool(tables, pool)
        bad += pool.bad
    draft.figures[0].pools_bad = bad


@kernel
def _weigh_hops(tables: Tables, state: State, draft: Draft, component: int, pattern: int) -> int:
    """Work out the transfers of a component; return how many more transfers and returns cannot be."""
    own, more = tables.component[component], 0
    for i in range(own.hop, own.hop_end):
        hop = tables.component_hop[i]
        origin, target = tables.hop[hop].origin, tables.hop[hop].target
        before = pattern if origin == component else state.pattern[origin]
        after = pattern if target == component else state.pattern[target]
        cross(tables, hop, before, after, draft.crossing[i - own.hop])
        more += draft.crossing[i - own.hop].cut - state.crossing[hop].cut
    new, old = tables.pattern[pattern], tables.pattern[state.pattern[component]]
    if new.starts_at_edge != old.starts_at_edge or new.ends_at_edge != old.ends_at_edge:
        kept = state.pattern[component]
        for i in range(own.pair, own.pair_end):
            more -= returns(tables, state.pattern, tables.component_pair[i])
        state.pattern[component] = pattern
        for i in range(own.pair, own.pair_end):
            more += returns(tables, state.pattern, tables.component_pair[i])
        state.pattern[component] = kept
    return int(more)


@kernel
def _weigh_rows(tables: Tables, state: State, draft: Draft, component: int, pattern: int) -> None:
    own, time = tables.component[component], draft.time
    time[:] = state.time
    _weigh_slowdowns(tables, state, draft, time)
    delay = tables.pattern[pattern].delay - tables.pattern[state.pattern[component]].delay
    for g in range(state.pool.size):
        delay += (draft.share[g].work - state.share[component, g].work) * draft.pool[g].slowdown
        more = tables.delay_within[pattern, g] - tables.delay_within[state.pattern[component], g]
        delay += more * draft.pool[g].inside
    for i in range(own.link, own.link_end):
        time[tables.component_link[i].row] += tables.component_link[i].weight * delay
    for i in range(own.hop, own.hop_end):
        hop = tables.component_hop[i]
        seconds = _seconds(draft.crossing[i - own.hop], draft.pool) - _seconds(state.crossing[hop], draft.pool)
        for j in range(tables.hop[hop].link, tables.hop[hop].link_end):
            time[tables.hop_link[j].row] += tables.hop_link[j].weight * seconds
    draft.figures[0].bad = draft.figures[0].pools_bad + draft.figures[0].broken
    for row in range(time.size):
        draft.figures[0].bad += excess(time[row], tables.limit[row])


@kernel
def _weigh_slowdowns(tables: Tables, state: State, draft: Draft, time: FloatArray) -> None:
    """Count that groups are slower or quicker, and data between two nodes where a group has lost or found users."""
    for g in range(state.pool.size):
        slower = draft.pool[g].slowdown - state.pool[g].slowdown
        if slower != 0.0:
            for row in range(time.size):
                time[row] += state.row_work[g, row] * slower
        more = draft.pool[g].inside - state.pool[g].inside
        if tables.within and more != 0.0:
            for row in range(time.size):
                time[row] += state.row_inside[g, row] * more


@kernel
def _seconds(crossing: Record, pool: Array) -> float:
    if crossing.location < pool.size:
        return float(crossing.seconds + crossing.inside * pool[crossing.location].inside)
    return float(crossing.seconds)


@kernel
def take_pattern(tables: Tables, state: State, draft: Draft, component: int, pattern: int) -> None:
    """Make the change that :func:`weigh_pattern` has weighed last, if that was not above its limit."""
    own, before = tables.component[component], state.pattern[component]
    for g in range(state.pool.size):
        new, now = draft.share[g], state.share[component, g]
        within = tables.delay_within[pattern, g] - tables.delay_within[before, g]
        for i in range(own.link, own.link_end):
            link = tables.component_link[i]
            state.row_work[g, link.row] += link.weight * (new.work - now.work)
            state.row_inside[g, link.row] += link.weight * within
        state.share[component, g] = new
        if draft.touched[g]:
            state.pool[g] = draft.pool[g]
            draft.touched[g] = 0
    for i in range(own.hop, own.hop_end):
        hop = tables.component_hop[i]
        _turn(tables, state, hop, -1.0)
        state.crossing[hop] = draft.crossing[i - own.hop]
        _turn(tables, state, hop, 1.0)
    state.pattern[component] = pattern
    state.time[:] = draft.time
    state.figures[0] = draft.figures[0]


@kernel
def _turn(tables: Tables, state: State, hop: int, sign: float) -> None:
    location = state.crossing[hop].location
    if location < state.pool.size:
        for i in range(tables.hop[hop].link, tables.hop[hop].link_end):
            link = tables.hop_link[i]
            state.row_inside[location, link.row] += sign * link.weight * state.crossing[hop].inside


# Pools ----------------------------------------------------------------------------------------------------------------


@kernel
def weigh_pool(
    tables: Tables, state: State, draft: Draft, group: int, resource: int, nodes: int, penalty: float, most: float
) -> float:
    """Return cost plus *penalty* times badness with *nodes* of *resource* in *group*; infinite if above *most*."""
    figures, pool, new = draft.figures[0], state.pool[group], draft.pool[group]
    figures.cost, figures.broken = state.figures[0].cost, state.figures[0].broken
    if pool.users > 0:
        figures.cost += nodes * tables.resource[resource].price - pool.nodes * tables.resource[pool.resource].price
    if figures.cost > most:
        return np.inf
    _forget(state, draft)
    draft.touched[group] = 1
    new.resource, new.nodes = resource, nodes
    draft.row_work[:] = state.row_work[group]
    if resource != pool.resource:
        _lay_again(tables, state, draft, group, resource)
    settle_pool(tables, new)
    figures.pools_bad = 0.0
    for g in range(state.pool.size):
        figures.pools_bad += draft.pool[g].bad
    figures.bad = figures.pools_bad + figures.broken
    if figures.cost + penalty * figures.bad > most:
        return np.inf
    for row in range(draft.time.size):
        draft.time[row] = (
            state.time[row]
            + (draft.row_work[row] * new.slowdown - state.row_work[group, row] * pool.slowdown)
            + state.row_inside[group, row] * (new.inside - pool.inside)
        )
        figures.bad += excess(draft.time[row], tables.limit[row])
    value = figures.cost + penalty * figures.bad
    return float(value) if value <= most else np.inf


@kernel
def _lay_again(tables: Tables, state: State, draft: Draft, group: int, resource: int) -> None:
    """Work out what all components bring to a group that takes another resource."""
    new = draft.pool[group]
    new.load, new.memory = 0.0, 0.0
    for component in range(state.pattern.size):
        now, share = state.share[component, group], draft.share[component]
        share.work, share.memory, share.parts, share.misfits = 0.0, 0.0, 0, 0
        if now.parts == 0:
            continue
        own, laid_out = tables.component[component], tables.pattern[state.pattern[component]]
        for i in range(laid_out.part, laid_out.part_end):
            if tables.part[i].location == group:
                lay_part(tables, tables.part[i], resource, share)
        new.load += own.rate * share.work
        new.memory += share.memory
        draft.figures[0].broken += share.misfits - now.misfits
        for i in range(own.link, own.link_end):
            link = tables.component_link[i]
            draft.row_work[link.row] += link.weight * (share.work - now.work)


@kernel
def take_pool(state: State, draft: Draft, group: int) -> None:
    """Make the change that :func:`weigh_pool` has weighed last, if that was not above its limit."""
    if draft.pool[group].resource != state.pool[group].resource:
        for component in range(state.pattern.size):
            state.share[component, group] = draft.share[component]
        state.row_work[group] = draft.row_work
    state.pool[group] = draft.pool[group]
    draft.touched[group] = 0
    state.time[:] = draft.time
    state.figures[0] = draft.figures[0]


@kernel
def set_pattern(tables: Tables, state: State, draft: Draft, component: int, pattern: int) -> None:
    """Lay *component* out as *pattern*, whatever that comes to."""
    weigh_pattern(tables, state, draft, component, pattern, 0.0, np.inf)
    take_pattern(tables, state, draft, component, pattern)


@kernel
def set_pool(tables: Tables, state: State, draft: Draft, group: int, resource: int, nodes: int) -> None:
    """Let *group* take *nodes* of *resource*, whatever that comes to."""
    weigh_pool(tables, state, draft, group, resource, nodes, 0.0, np.inf)
    take_pool(state, draft, group)
