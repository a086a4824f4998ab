"""Branch and bound over components under given pools, compiled.

A plan takes one option a component. Loads only push times up, so whatever a partial plan violates, all its
completions violate too; and three bounds look ahead: for every set of groups, the least utilisation that the
components left must add has to fit; each limit has to hold at the least utilisations; and the cost of functions is
bounded by Lagrange multipliers on utilisation, whose reduced costs also drop options for good.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from design.kernels import FULL, ROUNDING, Options, Pools, hop_seconds, kernel, slowdown, subsets_of
from design.problem import Choices, FloatArray, IntArray

ROUNDS = 120
"""Steps towards the best multipliers."""

TIGHTENINGS = 4
"""Times that room and prices are worked out anew before the search."""


class Frame(NamedTuple):
    """What stays the same during a search."""

    choices: Choices

    options: Options

    pools: Pools

    share: FloatArray
    """What an option adds to the utilisation of each group, shape (options, groups)."""

    masks: FloatArray
    """Sets of groups, single ones first; shape (sets, groups)."""

    by_set: FloatArray
    """The same for each set of groups, shape (options, sets)."""

    capacity: FloatArray
    """Utilisation that each set of groups can take, shape (sets,)."""

    alone: IntArray
    """Groups of the sets that hold a single one."""

    most: FloatArray
    """Utilisation that the limits allow each group at most, shape (groups,)."""

    path_prices: FloatArray
    """Seconds of a limited path for utilisation, shape (paths, groups)."""

    path_weights: FloatArray
    """Weight of each component on each limited path, shape (paths, components)."""

    priced: FloatArray
    """Utilisation of an option at these prices, shape (paths, options)."""

    multipliers: FloatArray
    """Euro an hour for utilisation, shape (groups,)."""

    reduced: FloatArray
    """Cost of an option with its utilisation at these prices, shape (options,)."""


class State(NamedTuple):
    """A partial plan at one depth."""

    used: FloatArray
    """Utilisation by group."""

    full: FloatArray
    """Memory by group."""

    pick: IntArray
    """Option of each component, or -1."""

    alive: IntArray
    """Options that may still be taken."""

    ptr: IntArray
    """Where those of each component begin."""

    least: FloatArray
    """Least utilisation that an open component adds, shape (components, groups)."""

    cheapest: FloatArray
    """Least reduced cost of an open component, shape (components,)."""

    base: FloatArray
    """Utilisation of each group by what must go there, shape (groups,)."""

    lowest: FloatArray
    """The same, with what other groups cannot take."""

    times: FloatArray
    """Least time of each component, seconds."""

    allowed: FloatArray
    """Time that each open component may take at most."""

    option_times: FloatArray
    """Least time of each option."""

    at_lowest: FloatArray
    """Time of each option when groups are used as in ``lowest``."""

    path_value: FloatArray
    """Least priced time that each open component adds to a path, shape (paths, components)."""


@kernel
def search(  # noqa: C901 (one loop over a stack: split up, it would pass a dozen arrays around)
    choices: Choices,
    options: Options,
    pools: Pools,
    budget: float,
    enough: float,
    node_limit: int,
    thorough: bool,
    width: int,
    stop: IntArray,
    banned: IntArray,
    chosen: IntArray,
) -> tuple[int, float, int, float]:
    """Look for the options whose functions cost least, and less than *budget*.

    Args:
        choices: The patterns.
        options: From :func:`design.kernels.build_options`.
        pools: What runs.
        budget: Euro an hour that the functions must stay below.
        enough: The search ends at the first plan whose functions cost no more than this.
        node_limit: Partial plans to look at, at most.
        thorough: Whether to spend time on bounds first, which pays off unless a plan is easily found.
        width: Options of each component that are looked at, the cheapest at the prices of utilisation; with fewer than
            all the search is quick, and proves nothing but by its bound.
        stop: Another thread ends the search by writing 1 into this array of one.
        banned: Plans that do not count: a pattern for each component; shape (plans, components).
        chosen: Receives the pattern of each component of the best plan.

    Returns:
        1 if nothing better than what was found exists, 0 if that is open; the cost (infinite without a plan); the
        number of partial plans; what the functions cost at least.
    """
    frame, bound = _frame(choices, options, pools, budget)
    if bound >= budget:
        return 1, np.inf, 1, bound
    components, groups = options.ptr.size - 1, pools.nodes.size
    used, full = np.zeros((components + 1, groups)), np.zeros((components + 1, groups))
    spent = np.zeros(components + 1)
    alive = np.zeros((components + 1, options.pattern.size), np.int64)
    ptr = np.zeros((components + 1, components + 1), np.int64)
    alive[0], ptr[0] = _ordered(frame), options.ptr
    pick = np.full(components, -1, np.int64)
    least, cheapest = np.zeros((components, groups)), np.zeros(components)
    base, lowest = np.zeros(groups), np.zeros(groups)
    times, allowed, option_times = np.zeros(components), np.zeros(components), np.zeros(options.pattern.size)
    at_lowest, path_value = np.zeros(options.pattern.size), np.zeros((choices.path_limit.size, components))
    turn, position = np.full(components + 1, -1, np.int64), np.zeros(components + 1, np.int64)
    best, limit, visited, depth, narrowed = np.inf, budget, 0, 0, False
    entering = True
    while depth >= 0:
        if entering:
            visited += 1
            if visited > node_limit or stop[0] > 0:
                return 0, best, visited, bound
            state = State(
                used[depth],
                full[depth],
                pick,
                alive[depth],
                ptr[depth],
                least,
                cheapest,
                base,
                lowest,
                times,
                allowed,
                option_times,
                at_lowest,
                path_value,
            )
            if depth == 0 and thorough:
                bound = max(bound, _tighten(frame, state, limit))
                if bound >= limit:
                    return 1, np.inf, 1, bound
            if depth == 0:
                narrowed = _narrow(state, width)
            turn[depth] = -1
            if depth < components:
                turn[depth] = _look_ahead(frame, state, spent[depth], limit)
            elif spent[depth] < limit and not _is_banned(options.pattern[pick], banned) and _holds(frame, pick):
                best = spent[depth]
                chosen[:] = options.pattern[pick]
                if best <= enough:
                    return 0, best, visited, bound
                limit = best - ROUNDING * (1.0 + abs(best))
            if turn[depth] >= 0:
                position[depth] = ptr[depth, turn[depth]]
        component = turn[depth]
        entering = component >= 0 and position[depth] < ptr[depth, component + 1] and spent[depth] < limit
        if not entering:
            if component >= 0:
                pick[component] = -1
            depth -= 1
            continue
        option = alive[depth, position[depth]]
        position[depth] += 1
        pick[component] = option
        used[depth + 1] = used[depth] + frame.share[option]
        full[depth + 1] = full[depth] + options.memory[option]
        spent[depth + 1] = spent[depth] + options.cost[option]
        left = ptr[depth, components]
        alive[depth + 1, :left], ptr[depth + 1] = alive[depth, :left], ptr[depth]
        depth += 1
    return 0 if narrowed else 1, best, visited, bound


# What stays the same --------------------------------------------------------------------------------------------------


@kernel
def _frame(choices: Choices, options: Options, pools: Pools, budget: float) -> tuple[Frame, float]:
    """Return the frame, and what the functions cost at least by the multipliers."""
    masks = subsets_of(np.flatnonzero(pools.nodes > 0), pools.nodes.size)
    share = _shares(choices, options, pools)
    every = np.arange(options.pattern.size)
    start = np.zeros(pools.nodes.size)
    multipliers, bound = _multipliers(options, share, pools.most, every, options.ptr, start, budget)
    frame = Frame(
        choices,
        options,
        pools,
        share,
        masks,
        share @ masks.T,
        masks @ pools.most,
        np.flatnonzero(pools.nodes > 0),
        pools.most.copy(),
        np.zeros((choices.path_limit.size, pools.nodes.size)),
        _path_weights(choices),
        np.zeros((choices.path_limit.size, options.pattern.size)),
        multipliers,
        options.cost + share @ multipliers,
    )
    return frame, bound


@kernel
def _shares(choices: Choices, options: Options, pools: Pools) -> FloatArray:
    """Return what each option adds to the utilisation of each group."""
    share = np.zeros(options.work.shape)
    for component in range(options.ptr.size - 1):
        for o in range(options.ptr[component], options.ptr[component + 1]):
            for g in range(pools.nodes.size):
                if options.work[o, g] > 0.0:
                    share[o, g] = choices.rate[component] * options.work[o, g] / (pools.nodes[g] * pools.speed[g])
    return share


@kernel
def _multipliers(  # noqa: C901 (nested sums, written out for speed)
    options: Options,
    share: FloatArray,
    capacity: FloatArray,
    alive: IntArray,
    ptr: IntArray,
    first_prices: FloatArray,
    budget: float,
) -> tuple[FloatArray, float]:
    """Return prices of utilisation under which functions are bounded best, and that bound, by subgradient steps.

    Options are those *alive*, component by component as *ptr* says; *capacity* is the utilisation that each group takes
    at most, and the steps begin at *first_prices*.
    """
    prices, best = first_prices.copy(), first_prices.copy()
    highest, patience, length = -np.inf, 0, 1.0
    target = budget if budget < np.inf else options.cost.sum() + 1.0
    slope = np.empty(prices.size)
    for _ in range(ROUNDS):
        bound = -(prices * capacity).sum()
        slope[:] = -capacity
        for component in range(ptr.size - 1):
            lowest, where = np.inf, -1
            for i in range(ptr[component], ptr[component + 1]):
                o = alive[i]
                reduced = options.cost[o]
                for g in range(prices.size):
                    reduced += prices[g] * share[o, g]
                if reduced < lowest:
                    lowest, where = reduced, o
            bound += lowest
            for g in range(prices.size):
                slope[g] += share[where, g]
        patience += 1
        if bound > highest:
            highest, patience = bound, 0
            best[:] = prices
        if bound >= target or patience > 40:
            break
        if patience > 4 and patience % 5 == 0:
            length /= 2.0
        steepness = (slope * slope).sum()
        if steepness <= 0.0:
            break
        gap = max(target - bound, 1e-6)
        prices = np.maximum(prices + length * gap / steepness * slope, 0.0)
    return best, highest


@kernel
def _ordered(frame: Frame) -> IntArray:
    """Return the options component by component: the cheapest at the prices of utilisation first, then the lightest."""
    order = np.arange(frame.options.pattern.size)
    _sort(frame, order, frame.options.ptr)
    return order


@kernel
def _sort(frame: Frame, alive: IntArray, ptr: IntArray) -> None:
    """Sort the options of each component, the cheapest at the prices of utilisation first, then the lightest."""
    for component in range(ptr.size - 1):
        own = alive[ptr[component] : ptr[component + 1]].copy()
        key = np.empty(own.size)
        for i in range(own.size):
            o = own[i]
            key[i] = frame.reduced[o] * 1e3 + frame.share[o].sum() + 1e-6 * frame.options.delay[o]
        alive[ptr[component] : ptr[component + 1]] = own[np.argsort(key, kind="mergesort")]


@kernel
def _narrow(state: State, width: int) -> bool:
    """Leave each component its first *width* options; whether any was dropped."""
    size, begin = 0, 0
    for component in range(state.ptr.size - 1):
        end = state.ptr[component + 1]
        for i in range(begin, min(end, begin + width)):
            state.alive[size] = state.alive[i]
            size += 1
        begin = end
        state.ptr[component + 1] = size
    return size < begin


# Looking ahead --------------------------------------------------------------------------------------------------------


@kernel
def _look_ahead(  # noqa: C901 (one pass over the options, for speed)
    frame: Frame, state: State, spent: float, limit: float
) -> int:
    """Drop what can no longer be chosen; return the component to choose for next, or -1 at a dead end."""
    total = frame.masks @ state.used
    bound = spent - (frame.multipliers * (frame.most - state.used)).sum()
    cost = spent
    size = 0
    starts = state.ptr.copy()
    smallest = np.empty(total.size)
    for component in range(state.pick.size):
        begin, state.ptr[component] = size, size
        if state.pick[component] >= 0:
            continue
        smallest[:] = np.inf
        cheapest, lowest = np.inf, np.inf
        for i in range(starts[component], starts[component + 1]):
            o = state.alive[i]
            if spent + frame.options.cost[o] < limit and _viable(frame, state, component, o):
                state.alive[size] = o
                size += 1
                cheapest, lowest = min(cheapest, frame.options.cost[o]), min(lowest, frame.reduced[o])
                for i_set in range(smallest.size):
                    smallest[i_set] = min(smallest[i_set], frame.by_set[o, i_set])
        if size == begin:
            return -1
        cost += cheapest
        bound += lowest
        total += smallest
        state.cheapest[component] = lowest
        for i in range(frame.alone.size):
            state.least[component, frame.alone[i]] = smallest[i]
    state.ptr[state.pick.size] = size
    if cost >= limit or bound >= limit or (total >= frame.capacity).any():
        return -1
    _settle_lowest(frame, state, total)
    if not _in_time(frame, state, state.lowest):
        return -1
    _allow(frame, state)
    following = _drop(frame, state, bound, limit)
    if following >= 0 and not _rows_fit(frame, state):
        return -1
    if following < 0 or frame.path_prices.size == 0:
        return following
    _time_at_lowest(frame, state)
    for path in range(frame.choices.path_limit.size):
        if not _path_fits(frame, state, path):
            return -1
    return following


@kernel
def _settle_lowest(frame: Frame, state: State, total: FloatArray) -> None:
    """Set the least utilisation of each group: what must go there, or what the other groups of a set cannot take."""
    state.base[:] = state.used
    for i in range(frame.alone.size):
        state.base[frame.alone[i]] = total[i]
    state.lowest[:] = state.base
    for s in range(frame.alone.size, total.size):
        spare = frame.capacity[s] - total[s]
        for i in range(frame.alone.size):
            g = frame.alone[i]
            if frame.masks[s, g] > 0.0 and frame.most[g] - spare > state.lowest[g]:
                state.lowest[g] = frame.most[g] - spare


@kernel
def _tighten(frame: Frame, state: State, limit: float) -> float:
    """Find out how far the limits let each group be used, which leaves less room in every set and dearer prices.

    Returns what the functions cost at least; infinite at a dead end.
    """
    bound = -np.inf
    for _ in range(TIGHTENINGS):
        if _look_ahead(frame, state, 0.0, limit) < 0:
            return np.inf
        changed = False
        for i in range(frame.alone.size):
            g = frame.alone[i]
            most = _most_use(frame, state, g)
            changed = changed or most < frame.most[g] - 1e-3
            frame.most[g] = most
        frame.capacity[:] = frame.masks @ frame.most
        before = bound
        bound = max(bound, _reprice(frame, state, limit))
        if bound >= limit:
            return bound
        if not changed and bound <= before + 1e-3 * abs(bound):
            break
    if _look_ahead(frame, state, 0.0, limit) < 0:
        return np.inf
    _sort(frame, state.alive, state.ptr)
    _time_at_lowest(frame, state)
    for path in range(frame.choices.path_limit.size):
        _price_path(frame, state, path)
    return bound


@kernel
def _reprice(frame: Frame, state: State, limit: float) -> float:
    """Find prices for the options left and the utilisation allowed; return what the functions cost at least."""
    options = frame.options
    prices, bound = _multipliers(
        options,
        frame.share,
        frame.most,
        state.alive,
        state.ptr,
        frame.multipliers,
        min(limit, options.cost.sum() + 1.0),
    )
    frame.multipliers[:] = prices
    frame.reduced[:] = options.cost + frame.share @ prices
    return bound


@kernel
def _most_use(frame: Frame, state: State, group: int) -> float:
    """Return the highest utilisation of a group at which the limits can hold, to 1e-4 from above, by bisection."""
    low, high = state.lowest[group], frame.most[group]
    trial = state.lowest.copy()
    trial[group] = high - 1e-9
    if _in_time(frame, state, trial):
        return float(high)
    while high - low > 1e-4:
        trial[group] = (low + high) / 2.0
        if _in_time(frame, state, trial):
            low = trial[group]
        else:
            high = trial[group]
    return float(high)


@kernel
def _allow(frame: Frame, state: State) -> None:
    """Set how long each open component may take, the others being as quick as they can."""
    choices = frame.choices
    for component in range(state.pick.size):
        state.allowed[component] = choices.local_limit[component] * (1.0 + ROUNDING)
    for path in range(choices.path_limit.size):
        spare = choices.path_limit[path] * (1.0 + ROUNDING)
        for i in range(choices.path_ptr[path], choices.path_ptr[path + 1]):
            spare -= choices.path_weight[i] * state.times[choices.path_component[i]]
        for i in range(choices.path_ptr[path], choices.path_ptr[path + 1]):
            component, weight = choices.path_component[i], choices.path_weight[i]
            if weight > 0.0:
                most = state.times[component] + spare / weight + 1e-12
                state.allowed[component] = min(state.allowed[component], most)


@kernel
def _drop(frame: Frame, state: State, bound: float, limit: float) -> int:
    """Drop options that are too dear or too slow whatever the others do; return the component to choose for next."""
    size, next_one, lowest = 0, -1, np.inf
    starts = state.ptr.copy()
    for component in range(state.pick.size):
        begin, state.ptr[component] = size, size
        for i in range(starts[component], starts[component + 1]):
            o = state.alive[i]
            dear = bound - state.cheapest[component] + frame.reduced[o] >= limit
            if not dear and state.option_times[o] <= state.allowed[component]:
                state.alive[size] = o
                size += 1
        if state.pick[component] >= 0:
            continue
        if size == begin:
            return -1
        # Few options first, and of those with equally many the one that must load the groups most.
        rank = (size - begin - 1) / (1e-3 + state.least[component].sum())
        if rank < lowest:
            next_one, lowest = component, rank
    state.ptr[state.pick.size] = size
    return next_one


@kernel
def _viable(frame: Frame, state: State, component: int, option: int) -> bool:
    """Say whether an option still fits beside what is chosen: utilisation, memory, own limit, way back to the edge."""
    options, pools = frame.options, frame.pools
    limit = frame.choices.local_limit[component]
    time = options.delay[option]
    for g in range(state.used.size):
        if frame.share[option, g] > 0.0:
            utilisation = state.used[g] + frame.share[option, g]
            if utilisation >= frame.most[g]:
                return False
            time += options.work[option, g] * slowdown(utilisation, pools.speed[g]) if limit < np.inf else 0.0
        needed = options.memory[option, g]
        if needed > 0.0 and state.full[g] + needed > pools.memory[g] * (1.0 + ROUNDING):
            return False
    return time <= limit * (1.0 + ROUNDING) and _may_follow(frame, state.pick, component, option)


@kernel
def _may_follow(frame: Frame, pick: IntArray, component: int, option: int) -> bool:
    """Say whether no data would come back to the edge between *component* and what is chosen."""
    choices, patterns = frame.choices, frame.options.pattern
    for i in range(choices.return_from.size):
        origin, target = choices.return_from[i], choices.return_to[i]
        if component not in (origin, target):
            continue
        before = option if origin == component else pick[origin]
        after = option if target == component else pick[target]
        if before < 0 or after < 0:
            continue
        if choices.starts_at_edge[patterns[after]] and not choices.ends_at_edge[patterns[before]]:
            return False
    return True


@kernel
def _in_time(frame: Frame, state: State, lowest: FloatArray) -> bool:
    """Say whether all limits can still hold when the groups are used at least as *lowest* says."""
    for component in range(state.pick.size):
        if state.pick[component] >= 0:
            state.times[component] = _time(frame, lowest, state.pick[component])
        else:
            state.times[component] = _quickest(frame, state, lowest, component)
        if state.times[component] == np.inf:
            return False
    return _limits_hold(frame, state.times, state.pick)


@kernel
def _quickest(frame: Frame, state: State, lowest: FloatArray, component: int) -> float:
    """Return the least time of an open component, whatever the others choose."""
    quickest = np.inf
    for i in range(state.ptr[component], state.ptr[component + 1]):
        o = state.alive[i]
        time = frame.options.delay[o]
        for g in range(lowest.size):
            if frame.share[o, g] > 0.0:
                utilisation = max(lowest[g], state.base[g] - state.least[component, g] + frame.share[o, g])
                if utilisation >= FULL:
                    time = np.inf
                    break
                time += frame.options.work[o, g] * slowdown(utilisation, frame.pools.speed[g])
        state.option_times[o] = time
        quickest = min(quickest, time)
    return quickest


@kernel
def _time(frame: Frame, utilisation: FloatArray, option: int) -> float:
    time = frame.options.delay[option]
    for g in range(utilisation.size):
        if frame.options.work[option, g] > 0.0:
            time += frame.options.work[option, g] * slowdown(utilisation[g], frame.pools.speed[g])
    return float(time)


@kernel
def _limits_hold(frame: Frame, times: FloatArray, pick: IntArray) -> bool:
    """Say whether limits hold with these *times*, transfers counted where both ends are chosen."""
    choices, patterns = frame.choices, frame.options.pattern
    if (times > choices.local_limit * (1.0 + ROUNDING)).any():
        return False
    for path in range(choices.path_limit.size):
        time = 0.0
        for i in range(choices.path_ptr[path], choices.path_ptr[path + 1]):
            time += choices.path_weight[i] * times[choices.path_component[i]]
        for i in range(choices.path_hop_ptr[path], choices.path_hop_ptr[path + 1]):
            hop = choices.path_hop[i]
            origin, target = pick[choices.hop_origin[hop]], pick[choices.hop_target[hop]]
            if origin >= 0 and target >= 0:
                location = choices.first[patterns[target]]
                seconds = hop_seconds(choices, hop, patterns[origin], location, frame.pools.within)
                time += choices.path_hop_weight[i] * seconds
        if time > choices.path_limit[path] * (1.0 + ROUNDING):
            return False
    return True


@kernel
def _rows_fit(frame: Frame, state: State) -> bool:
    """Say whether the limited sums can still hold, and drop the options with which they cannot."""
    rows, spare = frame.options.rows, frame.pools.spare
    for row in range(spare.size):
        total = 0.0
        least = np.zeros(state.pick.size)
        for component in range(state.pick.size):
            if state.pick[component] >= 0:
                total += rows[state.pick[component], row]
                continue
            least[component] = np.inf
            for i in range(state.ptr[component], state.ptr[component + 1]):
                least[component] = min(least[component], rows[state.alive[i], row])
            total += least[component]
        if not total <= spare[row]:
            return False
        _drop_beyond(frame, state, row, least + (spare[row] - total))
    return True


@kernel
def _drop_beyond(frame: Frame, state: State, row: int, most: FloatArray) -> None:
    """Drop the options that add more to a limited sum than their component may."""
    size = 0
    starts = state.ptr.copy()
    for component in range(state.pick.size):
        state.ptr[component] = size
        for i in range(starts[component], starts[component + 1]):
            if frame.options.rows[state.alive[i], row] <= most[component]:
                state.alive[size] = state.alive[i]
                size += 1
    state.ptr[state.pick.size] = size


# Limits on paths together with utilisation ----------------------------------------------------------------------------
#
# A path spends A × s(U) seconds at a group, where A is the service time that its components bring there and s the
# slowdown at utilisation U. With lower bounds a on A and l on U, A × s(U) ≥ A × s(l) + a × (s(U) - s(l)), and U is a
# sum over all components. Relaxing that equation at a price p leaves a minimum for each component by itself, and
# min over U of a × (s(U) - s(l)) - p × U for each group.


@kernel
def _path_weights(choices: Choices) -> FloatArray:
    weights = np.zeros((choices.path_limit.size, choices.rate.size))
    for path in range(choices.path_limit.size):
        for i in range(choices.path_ptr[path], choices.path_ptr[path + 1]):
            weights[path, choices.path_component[i]] += choices.path_weight[i]
    return weights


@kernel
def _time_at_lowest(frame: Frame, state: State) -> None:
    slow = np.ones(state.lowest.size)
    for g in range(slow.size):
        slow[g] = slowdown(min(state.lowest[g], FULL), frame.pools.speed[g])
    for i in range(state.ptr[state.pick.size]):
        o = state.alive[i]
        time = frame.options.delay[o]
        for g in range(slow.size):
            time += frame.options.work[o, g] * slow[g]
        state.at_lowest[o] = time


@kernel
def _group_terms(frame: Frame, state: State, path: int, prices: FloatArray, use: FloatArray) -> float:
    """Return the sum over groups of the minima over utilisation; *use* receives where they lie."""
    total = 0.0
    for i in range(frame.alone.size):
        g = frame.alone[i]
        brought = _least_work(frame, state, path, g) if frame.pools.speed[g] == 1.0 else 0.0
        low, high = min(state.lowest[g], frame.most[g]), frame.most[g]
        use[g] = high
        if brought > 0.0 and prices[g] > 0.0:
            use[g] = min(max(1.0 - np.sqrt(brought / prices[g]), low), high)
        elif brought > 0.0:
            use[g] = low
        if brought > 0.0:
            total += brought * (1.0 / (1.0 - use[g]) - 1.0 / (1.0 - low))
        total -= prices[g] * use[g]
    return total


@kernel
def _least_work(frame: Frame, state: State, path: int, group: int) -> float:
    """Return the service time that the components of a path bring to a group at least."""
    work = 0.0
    able = frame.pools.nodes[group] * frame.pools.speed[group]
    for component in range(state.pick.size):
        weight = frame.path_weights[path, component]
        if weight == 0.0:
            continue
        if state.pick[component] >= 0:
            work += weight * frame.options.work[state.pick[component], group]
        elif frame.choices.rate[component] > 0.0:
            work += weight * state.least[component, group] * able / frame.choices.rate[component]
    return work


@kernel
def _price_path(frame: Frame, state: State, path: int) -> None:
    """Find prices that bound the time of a path well, by subgradient steps, all components being open."""
    limit = frame.choices.path_limit[path]
    prices, use = np.zeros(frame.pools.nodes.size), np.zeros(frame.pools.nodes.size)
    highest, length, patience = -np.inf, 1.0, 0
    for _ in range(ROUNDS):
        bound = _group_terms(frame, state, path, prices, use)
        slope = -use
        for component in range(state.pick.size):
            lowest, where = _least_priced(frame, state, path, component, prices)
            bound += lowest
            slope += frame.share[where]
        patience += 1
        if bound > highest:
            highest, patience = bound, 0
            frame.path_prices[path] = prices
        steepness = (slope * slope).sum()
        if bound > limit * 1.001 or patience > 30 or steepness <= 1e-30:
            break
        length = length / 2.0 if patience % 5 == 4 else length
        prices = np.maximum(prices + length * max(limit * 1.01 - bound, 1e-6) / steepness * slope, 0.0)
    for o in range(frame.priced.shape[1]):
        frame.priced[path, o] = (frame.share[o] * frame.path_prices[path]).sum()


@kernel
def _least_priced(frame: Frame, state: State, path: int, component: int, prices: FloatArray) -> tuple[float, int]:
    """Return the least time on a path that a component adds, its utilisation priced, and the option."""
    weight = frame.path_weights[path, component]
    lowest, where = np.inf, -1
    for i in range(state.ptr[component], state.ptr[component + 1]):
        o = state.alive[i]
        value = weight * state.at_lowest[o] + (prices * frame.share[o]).sum()
        if value < lowest:
            lowest, where = value, o
    return lowest, where


@kernel
def _path_fits(frame: Frame, state: State, path: int) -> bool:
    """Say whether a path can hold its limit, and drop the options with which it cannot."""
    limit = frame.choices.path_limit[path] * (1.0 + ROUNDING)
    use = np.zeros(frame.pools.nodes.size)
    bound = _group_terms(frame, state, path, frame.path_prices[path], use)
    for component in range(state.pick.size):
        weight = frame.path_weights[path, component]
        if state.pick[component] >= 0:
            o = state.pick[component]
            bound += weight * state.times[component] + frame.priced[path, o]
            continue
        lowest = np.inf
        for i in range(state.ptr[component], state.ptr[component + 1]):
            o = state.alive[i]
            lowest = min(lowest, weight * state.at_lowest[o] + frame.priced[path, o])
        state.path_value[path, component] = lowest
        bound += lowest
    if bound > limit:
        return False
    size = 0
    starts = state.ptr.copy()
    for component in range(state.pick.size):
        state.ptr[component] = size
        for i in range(starts[component], starts[component + 1]):
            o = state.alive[i]
            value = frame.path_weights[path, component] * state.at_lowest[o] + frame.priced[path, o]
            if bound - state.path_value[path, component] + value <= limit:
                state.alive[size] = o
                size += 1
    state.ptr[state.pick.size] = size
    return True


@kernel
def _is_banned(patterns: IntArray, banned: IntArray) -> bool:
    for i in range(banned.shape[0]):  # noqa: SIM110 (a compiled loop)
        if (patterns == banned[i]).all():
            return True
    return False


@kernel
def _holds(frame: Frame, pick: IntArray) -> bool:
    """Say whether a whole plan holds, by the exact formula."""
    utilisation, sums = np.zeros(frame.pools.nodes.size), np.zeros(frame.pools.spare.size)
    for component in range(pick.size):
        utilisation += frame.share[pick[component]]
        sums += frame.options.rows[pick[component]]
    if (utilisation >= frame.pools.most).any() or (sums > frame.pools.spare).any():
        return False
    times = np.zeros(pick.size)
    for component in range(pick.size):
        times[component] = _time(frame, utilisation, pick[component])
    return _limits_hold(frame, times, pick)
