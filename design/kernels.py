"""Compiled kernels of the search: options under given pools, lower bounds, and a branch and bound over components.

A *pool set* gives each group a resource and a number of running nodes, or closes it. Under a pool set, a pattern
becomes an *option*: what it adds to each group's utilisation and to its component's time. Loads only push times up,
so whatever a partial plan violates, all its completions violate too.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar, cast

import numba
import numpy as np

from design.problem import Choices, FloatArray, IntArray

ROUNDING = 1e-9
"""Relative excess over a limit that counts as rounding, as in the evaluation."""

FULL = 1.0 - 1e-12
"""Utilisation from which on a pool counts as overloaded."""

F = TypeVar("F", bound=Callable[..., Any])


def kernel(function: F) -> F:
    """Compile *function*; the machine code is kept beside the source."""
    return cast("F", numba.njit(cache=True)(function))


class Options(NamedTuple):
    """The options of all components under some pools; shapes (options,) and (options, groups)."""

    ptr: IntArray
    """First option of each component."""

    pattern: IntArray

    work: FloatArray
    """Reach times service time by group: what a request of the component costs there, seconds."""

    delay: FloatArray

    cost: FloatArray

    memory: FloatArray


class Pools(NamedTuple):
    """What runs; shape (groups,). Closed groups have no nodes."""

    nodes: FloatArray

    speed: FloatArray

    memory: FloatArray
    """Megabytes that the containers of a group must fit into together."""

    within: FloatArray
    """Probability that two partitions of one pool meet on different nodes."""


@kernel
def slowdown(utilisation: float, speed: float) -> float:
    """Return response time over service time at a shared node, see ``limited_ps_mean_number``."""
    if speed == 1.0:
        return 1.0 / (1.0 - utilisation)
    load = utilisation * speed
    if load <= 0.0:
        return 1.0
    whole = int(np.floor(speed))
    loss = 1.0
    for servers in range(1, whole + 1):
        loss = load * loss / (servers + load * loss)
    tail = utilisation / (1.0 - utilisation)
    number = load * (1.0 - loss) + loss * tail * (whole + 1.0 / (1.0 - utilisation))
    return number / (1.0 + loss * tail) / load


@kernel
def build_options(choices: Choices, demand: FloatArray, memory: FloatArray, within: FloatArray) -> Options:
    """Return the options that no other option of their component dominates.

    Args:
        choices: The patterns.
        demand: Seconds of a partition at a group, infinite where it cannot run; shape (partitions, groups).
        memory: Megabytes likewise.
        within: As in :class:`Pools`.
    """
    groups = demand.shape[1]
    count = choices.pattern_ptr.size - 1
    most = choices.part_ptr.size - 1
    pattern = np.empty(most, np.int64)
    work = np.zeros((most, groups))
    needed = np.zeros((most, groups))
    delay = np.empty(most)
    cost = np.empty(most)
    total = np.empty(most)
    ptr = np.zeros(count + 1, np.int64)
    size = 0
    for component in range(count):
        first = size
        for candidate in range(choices.pattern_ptr[component], choices.pattern_ptr[component + 1]):
            if not lay_out(choices, candidate, demand, memory, work[size], needed[size]):
                continue
            pattern[size] = candidate
            delay[size] = choices.delay[candidate]
            for g in range(groups):
                delay[size] += within[g] * choices.delay_within[candidate, g]
            cost[size] = choices.cost[candidate]
            total[size] = work[size].sum() + delay[size] + cost[size] + 1e-9 * needed[size].sum()
            size += 1
        kept = _undominated(choices, component, first, size, pattern, work, needed, delay, cost, total, within)
        size = first
        for i in kept:
            pattern[size], delay[size], cost[size] = pattern[i], delay[i], cost[i]
            work[size], needed[size] = work[i].copy(), needed[i].copy()
            size += 1
        work[size:] = 0.0
        needed[size:] = 0.0
        ptr[component + 1] = size
    return Options(
        ptr, pattern[:size].copy(), work[:size].copy(), delay[:size].copy(), cost[:size].copy(), needed[:size].copy()
    )


@kernel
def lay_out(
    choices: Choices, pattern: int, demand: FloatArray, memory: FloatArray, work: FloatArray, needed: FloatArray
) -> bool:
    """Add up a pattern's work and memory by group; False where it cannot run."""
    work[:] = 0.0
    needed[:] = 0.0
    for i in range(choices.part_ptr[pattern], choices.part_ptr[pattern + 1]):
        group = choices.location[i]
        if group < demand.shape[1]:
            part = choices.part[i]
            if not np.isfinite(demand[part, group]):
                return False
            work[group] += choices.reach[part] * demand[part, group]
            needed[group] += memory[part, group]
    return True


@kernel
def _undominated(
    choices: Choices,
    component: int,
    first: int,
    end: int,
    pattern: IntArray,
    work: FloatArray,
    needed: FloatArray,
    delay: FloatArray,
    cost: FloatArray,
    total: FloatArray,
    within: FloatArray,
) -> IntArray:
    """Return the options of *component* that no other one beats in everything, in rising order of position."""
    order = first + np.argsort(total[first:end], kind="mergesort")
    kept = np.empty(end - first, np.int64)
    size = 0
    for i in order:
        beaten = False
        for j in kept[:size]:
            if (
                cost[j] <= cost[i]
                and delay[j] <= delay[i]
                and _no_more(work[j], work[i])
                and _no_more(needed[j], needed[i])
                and _as_near(choices, component, pattern[j], pattern[i], within)
            ):
                beaten = True
                break
        if not beaten:
            kept[size] = i
            size += 1
    return np.sort(kept[:size])


@kernel
def _no_more(one: FloatArray, other: FloatArray) -> bool:
    for g in range(one.size):
        if one[g] > other[g]:
            return False
    return True


@kernel
def _as_near(choices: Choices, component: int, one: int, other: int, within: FloatArray) -> bool:
    """Say whether *one* is as good for the neighbours as *other*: transfers, and the way back to the edge."""
    if choices.return_from.size > 0:
        if choices.starts_at_edge[one] > choices.starts_at_edge[other]:
            return False
        if choices.ends_at_edge[one] < choices.ends_at_edge[other]:
            return False
    if choices.entered[component] and choices.first[one] != choices.first[other]:
        return False
    for i in range(choices.out_ptr[component], choices.out_ptr[component + 1]):
        hop = choices.out[i]
        for location in range(_locations(choices, hop)):
            if _hop(choices, hop, one, location, within) > _hop(choices, hop, other, location, within):
                return False
    return True


@kernel
def _locations(choices: Choices, hop: int) -> int:
    origin = choices.hop_origin[hop]
    patterns = choices.pattern_ptr[origin + 1] - choices.pattern_ptr[origin]
    return (choices.hop_ptr[hop + 1] - choices.hop_ptr[hop]) // patterns


@kernel
def _hop(choices: Choices, hop: int, pattern: int, location: int, within: FloatArray) -> float:
    """Return the mean seconds of a transfer from a component laid out as *pattern* to *location*."""
    row = pattern - choices.pattern_ptr[choices.hop_origin[hop]]
    at = choices.hop_ptr[hop] + row * _locations(choices, hop) + location
    if location < within.size:
        return choices.hop[at] + within[location] * choices.hop_within[at]
    return choices.hop[at]


# Branch and bound over components -------------------------------------------------------------------------------------


@kernel
def search(
    choices: Choices, options: Options, pools: Pools, budget: float, node_limit: int, chosen: IntArray
) -> tuple[int, float, int]:
    """Look for the options whose functions cost least, and less than *budget*.

    Args:
        choices: The patterns.
        options: From :func:`build_options`.
        pools: What runs.
        budget: Euro an hour that the functions must stay below.
        node_limit: Partial plans to look at, at most.
        chosen: Receives the pattern of each component of the best plan.

    Returns:
        1 if all was looked at and 0 if the limit came first; the cost (infinite without a plan); partial plans.
    """
    components, groups = options.ptr.size - 1, pools.nodes.size
    share = _shares(choices, options, pools)
    masks = subsets_of(np.flatnonzero(pools.nodes > 0), groups)
    by_subset = share @ masks.T
    capacity = masks.sum(axis=1) * FULL
    # A state per depth: utilisation by group, memory, cost, options alive.
    used = np.zeros((components + 1, groups))
    full = np.zeros((components + 1, groups))
    spent = np.zeros(components + 1)
    alive = np.zeros((components + 1, options.pattern.size), np.int64)
    alive_ptr = np.zeros((components + 1, components + 1), np.int64)
    alive[0], alive_ptr[0] = _ordered(options, share), options.ptr
    pick = np.full(components, -1, np.int64)
    turn = np.full(components + 1, -1, np.int64)
    position = np.zeros(components + 1, np.int64)
    least = np.zeros((components, groups))
    best, visited, depth = np.inf, 0, 0
    entering = True
    limit = budget
    while depth >= 0:
        if entering:
            visited += 1
            if visited > node_limit:
                return 0, best, visited
            if depth == components:
                if _complete(choices, options, pools, share, pick):
                    best = spent[depth]
                    limit = best - ROUNDING * (1.0 + abs(best))
                    chosen[:] = options.pattern[pick]
                next_component = -2
            else:
                next_component = _bound(
                    choices,
                    options,
                    pools,
                    share,
                    masks,
                    by_subset,
                    capacity,
                    used[depth],
                    full[depth],
                    spent[depth],
                    limit,
                    pick,
                    alive[depth],
                    alive_ptr[depth],
                    least,
                )
            if next_component < 0:
                depth -= 1
                entering = False
                continue
            turn[depth], position[depth] = next_component, alive_ptr[depth, next_component]
        component = turn[depth]
        pick[component] = -1
        if position[depth] >= alive_ptr[depth, component + 1] or spent[depth] >= limit:
            depth -= 1
            entering = False
            continue
        option = alive[depth, position[depth]]
        position[depth] += 1
        pick[component] = option
        used[depth + 1] = used[depth] + share[option]
        full[depth + 1] = full[depth] + options.memory[option]
        spent[depth + 1] = spent[depth] + options.cost[option]
        alive[depth + 1], alive_ptr[depth + 1] = alive[depth], alive_ptr[depth]
        depth += 1
        entering = True
    return 1, best, visited


@kernel
def _shares(choices: Choices, options: Options, pools: Pools) -> FloatArray:
    """Return what each option adds to the utilisation of each group; 2 where the group is closed."""
    share = np.zeros(options.work.shape)
    for component in range(options.ptr.size - 1):
        for o in range(options.ptr[component], options.ptr[component + 1]):
            for g in range(pools.nodes.size):
                if options.work[o, g] > 0.0:
                    able = pools.nodes[g] * pools.speed[g]
                    share[o, g] = choices.rate[component] * options.work[o, g] / able if able > 0 else 2.0
    return share


@kernel
def subsets_of(members: IntArray, groups: int) -> FloatArray:
    """Return sets of groups as rows of zeros and ones: each of *members* alone, then all subsets of up to seven.

    Of more than seven members: the pairs, and all together.
    """
    count = members.size
    masks = np.zeros(((1 << count) if count <= 7 else 1 + count + count * (count - 1) // 2, groups))
    for i in range(count):
        masks[i, members[i]] = 1.0
    size = count
    for subset in range(1, 1 << min(count, 7)):
        if count <= 7 and subset & (subset - 1):
            for i in range(count):
                if (subset >> i) & 1:
                    masks[size, members[i]] = 1.0
            size += 1
    if count > 7:
        for i in range(count):
            for j in range(i):
                masks[size, members[i]], masks[size, members[j]] = 1.0, 1.0
                size += 1
        masks[size, members] = 1.0
        size += 1
    return masks[:size].copy()


@kernel
def _ordered(options: Options, share: FloatArray) -> IntArray:
    """Return the options component by component: the cheapest first, then the lightest."""
    order = np.empty(options.pattern.size, np.int64)
    for component in range(options.ptr.size - 1):
        first, end = options.ptr[component], options.ptr[component + 1]
        key = np.empty(end - first)
        for o in range(first, end):
            key[o - first] = options.cost[o] * 1e6 + share[o].sum() + 1e-6 * options.delay[o]
        order[first:end] = first + np.argsort(key, kind="mergesort")
    return order


@kernel
def _bound(
    choices: Choices,
    options: Options,
    pools: Pools,
    share: FloatArray,
    masks: FloatArray,
    by_subset: FloatArray,
    capacity: FloatArray,
    used: FloatArray,
    full: FloatArray,
    spent: float,
    limit: float,
    pick: IntArray,
    alive: IntArray,
    alive_ptr: IntArray,
    least: FloatArray,
) -> int:
    """Drop what can no longer be chosen; return the component with the fewest options left, or -1 at a dead end."""
    components = pick.size
    subsets, alone = capacity.size, _alone(masks)
    total = masks @ used
    smallest = np.empty(subsets)
    cost = spent
    narrowest, fewest = -1, 1 << 60
    size = 0
    starts = alive_ptr.copy()
    for component in range(components):
        first, end = starts[component], starts[component + 1]
        alive_ptr[component] = size
        if pick[component] >= 0:
            continue
        smallest[:] = np.inf
        cheapest = np.inf
        begin = size
        for i in range(first, end):
            o = alive[i]
            if not _viable(choices, options, pools, share, used, full, pick, component, o):
                continue
            if spent + options.cost[o] >= limit:
                continue
            alive[size] = o
            size += 1
            cheapest = min(cheapest, options.cost[o])
            for subset in range(subsets):
                if by_subset[o, subset] < smallest[subset]:
                    smallest[subset] = by_subset[o, subset]
        if size == begin:
            return -1
        if size - begin < fewest:
            narrowest, fewest = component, size - begin
        cost += cheapest
        for subset in range(subsets):
            total[subset] += smallest[subset]
        for i in range(alone.size):
            least[component, alone[i]] = smallest[i]
    alive_ptr[components] = size
    if cost >= limit:
        return -1
    for subset in range(subsets):
        if total[subset] >= capacity[subset]:
            return -1
    lowest = used.copy()
    for i in range(alone.size):
        lowest[alone[i]] = total[i]
    if not _in_time(choices, options, pools, share, lowest, least, pick, alive, alive_ptr):
        return -1
    return narrowest


@kernel
def _alone(masks: FloatArray) -> IntArray:
    """Return the groups whose rows of single groups stand first in *masks*."""
    size = 0
    while size < masks.shape[0] and masks[size].sum() == 1.0:
        size += 1
    groups = np.empty(size, np.int64)
    for i in range(size):
        groups[i] = np.argmax(masks[i])
    return groups


@kernel
def _viable(
    choices: Choices,
    options: Options,
    pools: Pools,
    share: FloatArray,
    used: FloatArray,
    full: FloatArray,
    pick: IntArray,
    component: int,
    option: int,
) -> bool:
    """Say whether an option still fits beside what is chosen: utilisation, memory, way back to the edge, own limit."""
    limit = choices.local_limit[component]
    time = options.delay[option]
    for g in range(used.size):
        if share[option, g] > 0.0:
            utilisation = used[g] + share[option, g]
            if utilisation >= FULL:
                return False
            if limit < np.inf:
                time += options.work[option, g] * slowdown(utilisation, pools.speed[g])
        if options.memory[option, g] > 0.0:
            if full[g] + options.memory[option, g] > pools.memory[g] * (1.0 + ROUNDING):
                return False
    if time > limit * (1.0 + ROUNDING):
        return False
    return _may_follow(choices, options, pick, component, option)


@kernel
def _may_follow(choices: Choices, options: Options, pick: IntArray, component: int, option: int) -> bool:
    """Say whether no data would come back to the edge between *component* and what is chosen."""
    pattern = options.pattern[option]
    for i in range(choices.return_from.size):
        if choices.return_to[i] == component and choices.starts_at_edge[pattern]:
            before = pick[choices.return_from[i]]
            if before >= 0 and not choices.ends_at_edge[options.pattern[before]]:
                return False
        if choices.return_from[i] == component and not choices.ends_at_edge[pattern]:
            after = pick[choices.return_to[i]]
            if after >= 0 and choices.starts_at_edge[options.pattern[after]]:
                return False
    return True


@kernel
def _in_time(
    choices: Choices,
    options: Options,
    pools: Pools,
    share: FloatArray,
    lowest: FloatArray,
    least: FloatArray,
    pick: IntArray,
    alive: IntArray,
    alive_ptr: IntArray,
) -> bool:
    """Say whether all limits can still hold when the groups are used at least as *lowest* says."""
    times = np.zeros(pick.size)
    for component in range(pick.size):
        if pick[component] >= 0:
            times[component] = _time(options, pools, lowest, pick[component])
        else:
            quickest = np.inf
            for i in range(alive_ptr[component], alive_ptr[component + 1]):
                o = alive[i]
                time = options.delay[o]
                for g in range(lowest.size):
                    if share[o, g] > 0.0:
                        utilisation = min(lowest[g] - least[component, g] + share[o, g], 2.0)
                        if utilisation >= FULL:
                            time = np.inf
                            break
                        time += options.work[o, g] * slowdown(utilisation, pools.speed[g])
                quickest = min(quickest, time)
            times[component] = quickest
        if times[component] > choices.local_limit[component] * (1.0 + ROUNDING):
            return False
        if times[component] == np.inf:
            return False
    return _paths_hold(choices, options, pools, times, pick)


@kernel
def _time(options: Options, pools: Pools, utilisation: FloatArray, option: int) -> float:
    time = options.delay[option]
    for g in range(utilisation.size):
        if options.work[option, g] > 0.0:
            time += options.work[option, g] * slowdown(utilisation[g], pools.speed[g])
    return time


@kernel
def _paths_hold(choices: Choices, options: Options, pools: Pools, times: FloatArray, pick: IntArray) -> bool:
    """Say whether the limits on paths hold with these *times*, transfers counted where both ends are chosen."""
    for path in range(choices.path_limit.size):
        time = 0.0
        for i in range(choices.path_ptr[path], choices.path_ptr[path + 1]):
            time += choices.path_weight[i] * times[choices.path_component[i]]
        for i in range(choices.path_hop_ptr[path], choices.path_hop_ptr[path + 1]):
            hop = choices.path_hop[i]
            origin, target = pick[choices.hop_origin[hop]], pick[choices.hop_target[hop]]
            if origin >= 0 and target >= 0:
                location = choices.first[options.pattern[target]]
                seconds = _hop(choices, hop, options.pattern[origin], location, pools.within)
                time += choices.path_hop_weight[i] * seconds
        if time > choices.path_limit[path] * (1.0 + ROUNDING):
            return False
    return True


@kernel
def _complete(choices: Choices, options: Options, pools: Pools, share: FloatArray, pick: IntArray) -> bool:
    """Say whether a whole plan holds, by the exact formula."""
    utilisation = np.zeros(pools.nodes.size)
    for component in range(pick.size):
        utilisation += share[pick[component]]
    for g in range(utilisation.size):
        if utilisation[g] >= FULL:
            return False
    times = np.zeros(pick.size)
    for component in range(pick.size):
        times[component] = _time(options, pools, utilisation, pick[component])
        if times[component] > choices.local_limit[component] * (1.0 + ROUNDING):
            return False
    return _paths_hold(choices, options, pools, times, pick)
