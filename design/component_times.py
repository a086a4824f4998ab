"""Times under a partial plan, as lower bounds, or under a whole one exactly; and whether the limits hold with them."""

from __future__ import annotations

import numpy as np

from design.component_frame import Frame, State
from design.kernels import (
    FULL,
    LINE,
    ROUNDING,
    SHARED,
    hop_row,
    hop_seconds,
    kernel,
    option_time,
    option_variance,
    sharing_variance,
    slowdown,
    waiting,
    waiting_variance,
)
from design.link_loads import link_loads
from design.problem import FloatArray, IntArray


@kernel
def in_time(frame: Frame, state: State, lowest: FloatArray) -> bool:
    """Say whether all limits can still hold when the places are used at least as *lowest* says."""
    for component in range(state.pick.size):
        if state.pick[component] >= 0:
            _settle(frame, state, component, state.pick[component], lowest, state.base_second, False)
        else:
            _quickest(frame, state, lowest, component)
        if state.times[component] == np.inf:
            return False
    return _limits_hold(frame, state, lowest, state.base_second, False)


@kernel
def holds(frame: Frame, state: State) -> bool:
    """Say whether a whole plan holds, by the exact formula."""
    groups, places = frame.pools.within.size, frame.pools.nodes.size
    utilisation, second, sums = np.zeros(places), np.zeros(places), np.zeros(frame.pools.spare.size)
    for component in range(state.pick.size):
        option = state.pick[component]
        utilisation[:groups] += frame.share[option, :groups]
        sums += frame.options.rows[option]
        if frame.lines:
            second[:groups] += frame.second[option, :groups]
    link_loads(frame.choices, frame.options, frame.pools, state.pick, utilisation, second)
    if (utilisation >= frame.pools.most).any() or (sums > frame.pools.spare).any():
        return False
    for component in range(state.pick.size):
        _settle(frame, state, component, state.pick[component], utilisation, second, frame.pools.exact)
    return _limits_hold(frame, state, utilisation, second, frame.pools.exact)


@kernel
def _quickest(frame: Frame, state: State, lowest: FloatArray, component: int) -> None:
    """Set the least time of an open component, and the least variance, whatever the others choose."""
    quickest, steadiest = np.inf, np.inf
    utilisation, second = lowest.copy(), state.base_second.copy()
    for i in range(state.ptr[component], state.ptr[component + 1]):
        o = state.alive[i]
        time = frame.options.delay[o]
        for g in range(lowest.size):
            if frame.share[o, g] > 0.0:
                utilisation[g] = max(lowest[g], state.base[g] - state.least[component, g] + frame.share[o, g])
                if utilisation[g] >= FULL:
                    time = np.inf
                    break
            else:
                utilisation[g] = lowest[g]
            if frame.lines:
                second[g] = state.base_second[g] - state.least_second[component, g] + frame.second[o, g]
            time += option_time(frame.options, frame.pools, o, g, utilisation[g], second[g])
        state.option_times[o] = time
        quickest = min(quickest, time)
        if frame.tails and time < np.inf:
            steadiest = min(steadiest, _variance(frame, o, utilisation, second, False))
    state.times[component] = quickest
    state.variances[component] = steadiest if frame.tails else 0.0


@kernel
def _settle(
    frame: Frame,
    state: State,
    component: int,
    option: int,
    utilisation: FloatArray,
    second: FloatArray,
    exact: bool,
) -> None:
    """Set the time of a component, and its variance, when it takes *option*."""
    time = frame.options.delay[option]
    for g in range(utilisation.size):
        if frame.options.work[option, g] > 0.0 or (frame.lines and frame.options.visits[option, g] > 0.0):
            if utilisation[g] >= 1.0:
                time = np.inf
                break
            time += option_time(frame.options, frame.pools, option, g, utilisation[g], second[g])
    state.times[component] = time
    state.variances[component] = 0.0
    if frame.tails and time < np.inf:
        state.variances[component] = _variance(frame, option, utilisation, second, exact)


@kernel
def _variance(frame: Frame, option: int, utilisation: FloatArray, second: FloatArray, exact: bool) -> float:
    variance = frame.choices.variance[frame.options.pattern[option]]
    for g in range(utilisation.size):
        variance += option_variance(frame.options, frame.pools, option, g, utilisation[g], second[g], exact)
    return float(variance)


@kernel
def _limits_hold(frame: Frame, state: State, utilisation: FloatArray, second: FloatArray, exact: bool) -> bool:
    """Say whether limits hold with the times in *state*, transfers counted where both ends are chosen."""
    choices, patterns = frame.choices, frame.options.pattern
    if (state.times > choices.local_limit * (1.0 + ROUNDING)).any():
        return False
    for path in range(choices.path_limit.size):
        time, variance, tail = 0.0, 0.0, choices.path_tail[path]
        for i in range(choices.path_ptr[path], choices.path_ptr[path + 1]):
            time += choices.path_weight[i] * state.times[choices.path_component[i]]
            variance += choices.path_weight[i] * state.variances[choices.path_component[i]]
        for i in range(choices.path_hop_ptr[path], choices.path_hop_ptr[path + 1]):
            hop, weight = choices.path_hop[i], choices.path_hop_weight[i]
            origin, target = state.pick[choices.hop_origin[hop]], state.pick[choices.hop_target[hop]]
            if origin >= 0 and target >= 0:
                location = choices.first[patterns[target]]
                time += weight * hop_seconds(choices, hop, patterns[origin], location, frame.pools.within)
                row = hop_row(choices, hop, patterns[origin], location)
                on_links, spread = _travel(frame, row, utilisation, second, tail > 0.0, exact)
                time += weight * on_links
                variance += weight * spread
        if tail > 0.0:
            time += tail * np.sqrt(variance)
        if time > choices.path_limit[path] * (1.0 + ROUNDING):
            return False
    return True


@kernel
def _travel(
    frame: Frame, row: int, utilisation: FloatArray, second: FloatArray, tail: bool, exact: bool
) -> tuple[float, float]:
    """Return mean seconds and variance of the transmissions in a *row* over links in which transfers meet others."""
    legs, groups = frame.choices.between, frame.pools.within.size
    time, variance = 0.0, 0.0
    if legs.ptr.size <= row + 1:
        return time, variance
    for i in range(legs.ptr[row], legs.ptr[row + 1]):
        place, seconds = groups + legs.link[i], legs.seconds[i]
        weight = legs.weight[i] * (frame.pools.within[legs.group[i]] if legs.group[i] >= 0 else 1.0)
        if utilisation[place] >= 1.0:
            return np.inf, 0.0
        if frame.pools.discipline[place] == SHARED:
            slow = slowdown(utilisation[place], 1.0)
            time += weight * seconds * slow
            variance += weight * sharing_variance(seconds * seconds, 0.0, slow) if tail else 0.0
        elif frame.pools.discipline[place] == LINE:
            time += weight * (seconds + waiting(utilisation[place], second[place], 1.0))
            variance += weight * waiting_variance(utilisation[place], second[place], 1.0, exact) if tail else 0.0
    return time, variance


@kernel
def is_banned(patterns: IntArray, banned: IntArray) -> bool:
    """Say whether a plan is one of those that do not count."""
    for i in range(banned.shape[0]):  # noqa: SIM110 (a compiled loop)
        if (patterns == banned[i]).all():
            return True
    return False
