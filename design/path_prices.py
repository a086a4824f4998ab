"""Limits on paths together with utilisation.

A path spends A × s(U) seconds at a group, where A is the service time that its components bring there and s the
slowdown at utilisation U. With lower bounds a on A and l on U, A × s(U) ≥ A × s(l) + a × (s(U) - s(l)), and U is at
least a sum over all components. Relaxing that at a price p leaves a minimum for each component by itself, and min over
U of a × (s(U) - s(l)) - p × U for each group. Where s is not 1 / (1 - U), the second term is left out, which is a bound
as well; so it is for waiting lines and links.
"""

from __future__ import annotations

import numpy as np

from design.component_frame import ROUNDS, Frame, State
from design.kernels import FULL, LINE, ROUNDING, SHARED, kernel, slowdown, waiting
from design.problem import FloatArray


@kernel
def time_at_lowest(frame: Frame, state: State) -> None:
    """Set the time of each option when places are used as in ``lowest``."""
    slow, wait = np.ones(state.lowest.size), np.zeros(state.lowest.size)
    for g in range(slow.size):
        utilisation = min(state.lowest[g], FULL)
        if frame.pools.discipline[g] == SHARED:
            slow[g] = slowdown(utilisation, frame.pools.speed[g])
        elif frame.pools.discipline[g] == LINE:
            wait[g] = waiting(utilisation, state.base_second[g], frame.pools.speed[g])
    for i in range(state.ptr[state.pick.size]):
        o = state.alive[i]
        time = frame.options.delay[o]
        for g in range(slow.size):
            time += frame.options.work[o, g] * slow[g]
            if frame.lines:
                time += frame.options.visits[o, g] * wait[g]
        state.at_lowest[o] = time


@kernel
def _group_terms(frame: Frame, state: State, path: int, prices: FloatArray, use: FloatArray) -> float:
    """Return the sum over groups of the minima over utilisation; *use* receives where they lie."""
    total = 0.0
    for i in range(frame.alone.size):
        g = frame.alone[i]
        brought = _least_work(frame, state, path, g) if _is_plain(frame, g) else 0.0
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
def _is_plain(frame: Frame, place: int) -> bool:
    """Say whether time at a place is that of one shared server, and its load comes from components alone."""
    pools = frame.pools
    return bool(place < pools.within.size and pools.speed[place] == 1.0 and pools.discipline[place] == SHARED)


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
def price_path(frame: Frame, state: State, path: int) -> None:
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
def path_fits(frame: Frame, state: State, path: int) -> bool:
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
