"""What a search over components works on: the frame that stays the same, and the partial plan at one depth."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from design.kernels import LINE, Options, Pools, kernel, subsets_of
from design.link_loads import least_loads
from design.problem import Choices, FloatArray, IntArray

ROUNDS = 120
"""Steps towards the best multipliers."""


class Frame(NamedTuple):
    """What stays the same during a search."""

    choices: Choices

    options: Options

    pools: Pools

    share: FloatArray
    """What an option adds to the utilisation of each place, whatever the others choose; shape (options, places)."""

    second: FloatArray
    """What it adds to the Σ rate × E[S²] of a waiting line, shape (options, places); no columns without any."""

    sent: FloatArray
    """What a transfer at least brings to each link, by transfer, option of its origin, and link: load, then second."""

    received: FloatArray
    """What it brings beyond that, by transfer, location of its target, and link."""

    masks: FloatArray
    """Sets of places, single ones first; shape (sets, places)."""

    by_set: FloatArray
    """The share for each set of places, shape (options, sets)."""

    capacity: FloatArray
    """Utilisation that each set of places can take, shape (sets,)."""

    alone: IntArray
    """Places of the sets that hold a single one."""

    most: FloatArray
    """Utilisation that the limits allow each place at most, shape (places,)."""

    path_prices: FloatArray
    """Seconds of a limited path for utilisation, shape (paths, places)."""

    path_weights: FloatArray
    """Weight of each component on each limited path, shape (paths, components)."""

    priced: FloatArray
    """Utilisation of an option at these prices, shape (paths, options)."""

    multipliers: FloatArray
    """Euro an hour for utilisation, shape (places,)."""

    reduced: FloatArray
    """Cost of an option with its utilisation at these prices, shape (options,)."""

    lines: bool
    """Whether there are waiting lines."""

    tails: bool
    """Whether there are limits on percentiles."""


class State(NamedTuple):
    """A partial plan at one depth."""

    used: FloatArray
    """Utilisation by place."""

    used_second: FloatArray
    """Σ rate × E[S²] by place."""

    full: FloatArray
    """Memory by group."""

    pick: IntArray
    """Option of each component, or -1."""

    alive: IntArray
    """Options that may still be taken."""

    ptr: IntArray
    """Where those of each component begin."""

    least: FloatArray
    """Least utilisation that an open component adds, shape (components, places)."""

    least_second: FloatArray

    cheapest: FloatArray
    """Least reduced cost of an open component, shape (components,)."""

    base: FloatArray
    """Utilisation of each place by what must go there, shape (places,)."""

    base_second: FloatArray

    lowest: FloatArray
    """Utilisation with what other groups cannot take."""

    times: FloatArray
    """Least time of each component, seconds."""

    variances: FloatArray
    """Least variance of that time, s²."""

    allowed: FloatArray
    """Time that each open component may take at most."""

    option_times: FloatArray
    """Least time of each option."""

    at_lowest: FloatArray
    """Time of each option when groups are used as in ``lowest``."""

    path_value: FloatArray
    """Least priced time that each open component adds to a path, shape (paths, components)."""


@kernel
def make_frame(choices: Choices, options: Options, pools: Pools, budget: float) -> tuple[Frame, float]:
    """Return the frame, and what the functions cost at least by the multipliers."""
    alone, masks = _sets(pools)
    share, second, lines = _shares(choices, options, pools)
    sent, received = least_loads(choices, options, pools, share, second)
    every, start = np.arange(options.pattern.size), np.zeros(pools.nodes.size)
    multipliers, bound = find_multipliers(options, share, pools.most, every, options.ptr, start, budget)
    frame = Frame(
        choices,
        options,
        pools,
        share,
        second,
        sent,
        received,
        masks,
        share @ masks.T,
        masks @ pools.most,
        alone,
        pools.most.copy(),
        np.zeros((choices.path_limit.size, pools.nodes.size)),
        _path_weights(choices),
        np.zeros((choices.path_limit.size, options.pattern.size)),
        multipliers,
        options.cost + share @ multipliers,
        lines,
        bool(choices.path_tail.any()),
    )
    return frame, bound


@kernel
def _sets(pools: Pools) -> tuple[IntArray, FloatArray]:
    """Return the places in use, and sets of places: each of them alone, then sets of groups."""
    groups, places = pools.within.size, pools.nodes.size
    open_groups, links = np.flatnonzero(pools.nodes[:groups] > 0), np.arange(groups, places)
    of_groups = subsets_of(open_groups, places)
    masks = np.zeros((of_groups.shape[0] + links.size, places))
    masks[: open_groups.size] = of_groups[: open_groups.size]
    for i in range(links.size):
        masks[open_groups.size + i, links[i]] = 1.0
    masks[open_groups.size + links.size :] = of_groups[open_groups.size :]
    return np.concatenate((open_groups, links)), masks


@kernel
def _shares(choices: Choices, options: Options, pools: Pools) -> tuple[FloatArray, FloatArray, bool]:
    """Return what each option adds to utilisation and to Σ rate × E[S²] of each place, and whether any has a line."""
    share = np.zeros((options.pattern.size, pools.nodes.size))
    lines = bool((pools.discipline == LINE).any())
    second = np.zeros((share.shape[0], pools.nodes.size if lines else 0))
    for component in range(options.ptr.size - 1):
        for o in range(options.ptr[component], options.ptr[component + 1]):
            for g in range(pools.nodes.size):
                if options.work[o, g] > 0.0:
                    share[o, g] = choices.rate[component] * options.work[o, g] / (pools.nodes[g] * pools.speed[g])
                    if lines:
                        second[o, g] = choices.rate[component] * options.square[o, g] / pools.nodes[g]
    return share, second, lines


@kernel
def _path_weights(choices: Choices) -> FloatArray:
    weights = np.zeros((choices.path_limit.size, choices.rate.size))
    for path in range(choices.path_limit.size):
        for i in range(choices.path_ptr[path], choices.path_ptr[path + 1]):
            weights[path, choices.path_component[i]] += choices.path_weight[i]
    return weights


@kernel
def find_multipliers(  # noqa: C901 (nested sums, written out for speed)
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
def ordered(frame: Frame) -> IntArray:
    """Return the options component by component: the cheapest at the prices of utilisation first, then the lightest."""
    order = np.arange(frame.options.pattern.size)
    sort(frame, order, frame.options.ptr)
    return order


@kernel
def sort(frame: Frame, alive: IntArray, ptr: IntArray) -> None:
    """Sort the options of each component, the cheapest at the prices of utilisation first, then the lightest."""
    for component in range(ptr.size - 1):
        own = alive[ptr[component] : ptr[component + 1]].copy()
        key = np.empty(own.size)
        for i in range(own.size):
            o = own[i]
            key[i] = frame.reduced[o] * 1e3 + frame.share[o].sum() + 1e-6 * frame.options.delay[o]
        alive[ptr[component] : ptr[component + 1]] = own[np.argsort(key, kind="mergesort")]
