"""Looking ahead from a partial plan: what can no longer be chosen, and whether any completion can hold.

For every set of places the least utilisation that the components left must add has to fit; each limit has to hold at
the least utilisations; the cost of functions is bounded by Lagrange multipliers on utilisation, whose reduced costs
drop options for good. All of it rests on one fact: whatever is added to a place makes nothing there quicker.
"""

from __future__ import annotations

import numpy as np

from design.component_frame import Frame, State, find_multipliers, sort
from design.component_times import in_time
from design.kernels import ROUNDING, kernel, option_time
from design.path_prices import path_fits, price_path, time_at_lowest
from design.problem import FloatArray, IntArray

TIGHTENINGS = 4
"""Times that room and prices are worked out anew before the search."""


@kernel
def look_ahead(  # noqa: C901 (one pass over the options, for speed)
    frame: Frame, state: State, spent: float, limit: float
) -> int:
    """Drop what can no longer be chosen; return the component to choose for next, or -1 at a dead end."""
    total = frame.masks @ state.used
    bound = spent - (frame.multipliers * (frame.most - state.used)).sum()
    cost = spent
    size = 0
    starts = state.ptr.copy()
    smallest = np.empty(total.size)
    state.base_second[:] = state.used_second
    for component in range(state.pick.size):
        begin, state.ptr[component] = size, size
        if state.pick[component] >= 0:
            continue
        smallest[:] = np.inf
        state.least_second[component] = np.inf
        cheapest, lowest = np.inf, np.inf
        for i in range(starts[component], starts[component + 1]):
            o = state.alive[i]
            if spent + frame.options.cost[o] < limit and _viable(frame, state, component, o):
                state.alive[size] = o
                size += 1
                cheapest, lowest = min(cheapest, frame.options.cost[o]), min(lowest, frame.reduced[o])
                for i_set in range(smallest.size):
                    smallest[i_set] = min(smallest[i_set], frame.by_set[o, i_set])
                if frame.lines:
                    _lower(state.least_second[component], frame.second[o])
        if size == begin:
            return -1
        cost += cheapest
        bound += lowest
        total += smallest
        state.cheapest[component] = lowest
        for i in range(frame.alone.size):
            state.least[component, frame.alone[i]] = smallest[i]
        if frame.lines:
            state.base_second[:] += state.least_second[component]
    state.ptr[state.pick.size] = size
    if cost >= limit or bound >= limit or (total >= frame.capacity).any():
        return -1
    _settle_lowest(frame, state, total)
    if not in_time(frame, state, state.lowest):
        return -1
    _allow(frame, state)
    following = _drop(frame, state, bound, limit)
    if following >= 0 and not _rows_fit(frame, state):
        return -1
    if following < 0 or frame.path_prices.size == 0:
        return following
    time_at_lowest(frame, state)
    for path in range(frame.choices.path_limit.size):
        if not path_fits(frame, state, path):
            return -1
    return following


@kernel
def _settle_lowest(frame: Frame, state: State, total: FloatArray) -> None:
    """Set the least utilisation of each place: what must go there, or what the other groups of a set cannot take."""
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
def tighten(frame: Frame, state: State, limit: float) -> float:
    """Find out how far the limits let each group be used, which leaves less room in every set and dearer prices.

    Returns what the functions cost at least; infinite at a dead end.
    """
    bound = -np.inf
    for _ in range(TIGHTENINGS):
        if look_ahead(frame, state, 0.0, limit) < 0:
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
    if look_ahead(frame, state, 0.0, limit) < 0:
        return np.inf
    sort(frame, state.alive, state.ptr)
    time_at_lowest(frame, state)
    for path in range(frame.choices.path_limit.size):
        price_path(frame, state, path)
    return bound


@kernel
def _reprice(frame: Frame, state: State, limit: float) -> float:
    """Find prices for the options left and the utilisation allowed; return what the functions cost at least."""
    options = frame.options
    prices, bound = find_multipliers(
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
def narrow(state: State, width: int) -> bool:
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


@kernel
def _most_use(frame: Frame, state: State, group: int) -> float:
    """Return the highest utilisation of a group at which the limits can hold, to 1e-4 from above, by bisection."""
    low, high = state.lowest[group], frame.most[group]
    trial = state.lowest.copy()
    trial[group] = high - 1e-9
    if in_time(frame, state, trial):
        return float(high)
    while high - low > 1e-4:
        trial[group] = (low + high) / 2.0
        if in_time(frame, state, trial):
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
            if limit < np.inf:
                second = state.used_second[g] + frame.second[option, g] if frame.lines else 0.0
                time += option_time(options, pools, option, g, utilisation, second)
    for g in range(state.full.size):
        needed = options.memory[option, g]
        if needed > 0.0 and state.full[g] + needed > pools.memory[g] * (1.0 + ROUNDING):
            return False
    return time <= limit * (1.0 + ROUNDING) and _may_follow(frame, state.pick, component, option)


@kernel
def _lower(values: FloatArray, others: FloatArray) -> None:
    for i in range(values.size):
        values[i] = min(values[i], others[i])


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
