"""Branch and bound over components under given pools, compiled.

A plan takes one option a component. Loads only push times up, so whatever a partial plan violates, all its
completions violate too; :mod:`design.component_bounds` looks ahead from it. A whole plan is judged by the exact
formula.
"""

from __future__ import annotations

import numpy as np

from design.component_bounds import look_ahead, narrow, tighten
from design.component_frame import State, make_frame, ordered
from design.component_times import holds, is_banned
from design.kernels import ROUNDING, Options, Pools, kernel
from design.link_loads import add_rest
from design.problem import Choices, IntArray


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
    frame, bound = make_frame(choices, options, pools, budget)
    if bound >= budget:
        return 1, np.inf, 1, bound
    components, places = options.ptr.size - 1, pools.nodes.size
    used, full = np.zeros((components + 1, places)), np.zeros((components + 1, pools.within.size))
    used_second = np.zeros((components + 1, places))
    spent = np.zeros(components + 1)
    alive = np.zeros((components + 1, options.pattern.size), np.int64)
    ptr = np.zeros((components + 1, components + 1), np.int64)
    alive[0], ptr[0] = ordered(frame), options.ptr
    pick = np.full(components, -1, np.int64)
    least, cheapest = np.zeros((components, places)), np.zeros(components)
    least_second, base_second = np.zeros((components, places)), np.zeros(places)
    base, lowest, times, variances = np.zeros(places), np.zeros(places), np.zeros(components), np.zeros(components)
    allowed, option_times = np.zeros(components), np.zeros(options.pattern.size)
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
                used_second[depth],
                full[depth],
                pick,
                alive[depth],
                ptr[depth],
                least,
                least_second,
                cheapest,
                base,
                base_second,
                lowest,
                times,
                variances,
                allowed,
                option_times,
                at_lowest,
                path_value,
            )
            if depth == 0 and thorough:
                bound = max(bound, tighten(frame, state, limit))
                if bound >= limit:
                    return 1, np.inf, 1, bound
            if depth == 0:
                narrowed = narrow(state, width)
            turn[depth] = -1
            if depth < components:
                turn[depth] = look_ahead(frame, state, spent[depth], limit)
            elif spent[depth] < limit and not is_banned(options.pattern[pick], banned) and holds(frame, state):
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
        if frame.lines:
            used_second[depth + 1] = used_second[depth] + frame.second[option]
        if frame.sent.shape[0] > 0:
            rest, rest_second = used[depth + 1], used_second[depth + 1]
            add_rest(choices, options, pools, frame.sent, frame.received, pick, component, rest, rest_second)
        full[depth + 1] = full[depth] + options.memory[option]
        spent[depth + 1] = spent[depth] + options.cost[option]
        left = ptr[depth, components]
        alive[depth + 1, :left], ptr[depth + 1] = alive[depth, :left], ptr[depth]
        depth += 1
    return 0 if narrowed else 1, best, visited, bound
