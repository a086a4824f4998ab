"""Compiled kernels: options under given pools, and the times that a choice of them leads to.

A *pool set* gives each group a resource and a number of running nodes, or closes it. Under a pool set, a pattern
becomes an *option*: what it adds to each group's utilisation and to its component's time.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar, cast

import numba
import numpy as np

from design.problem import Choices, FloatArray, IntArray

FULL = 1.0 - 1e-12
"""Utilisation from which on a pool counts as overloaded."""

ROUNDING = 1e-9
"""Relative excess over a limit that counts as rounding, as in the evaluation."""

COMPARED = 60
"""Options, the lightest and cheapest of a component, that any other is compared with: nearly all that dominate."""

F = TypeVar("F", bound=Callable[..., Any])


def kernel(function: F) -> F:
    """Compile *function*; the machine code is kept beside the source, and other threads run meanwhile."""
    return cast("F", numba.njit(cache=True, nogil=True)(function))


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

    rows: FloatArray
    """What an option adds to each limited sum, see :class:`design.problem.Row`; shape (options, rows)."""


class Pools(NamedTuple):
    """What runs; shape (groups,). Closed groups have no nodes."""

    nodes: FloatArray

    speed: FloatArray

    memory: FloatArray
    """Megabytes that the containers of a group must fit into together."""

    within: FloatArray
    """Probability that two partitions of one pool meet on different nodes."""

    spare: FloatArray
    """What the nodes leave of each limited sum, shape (rows,)."""

    most: FloatArray
    """Utilisation that a plan must stay below."""


class Prices(NamedTuple):
    """What a partition adds where it runs: to the objective, shape (partitions, groups), and to limited sums."""

    part: FloatArray

    row_pattern: FloatArray
    """Shape (rows, patterns)."""

    row_part: FloatArray
    """Shape (rows, partitions, groups)."""


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
def build_options(
    choices: Choices, demand: FloatArray, memory: FloatArray, prices: Prices, within: FloatArray, every: bool
) -> Options:
    """Return the options that no other option of their component dominates, or *every* one that can run.

    Args:
        choices: The patterns.
        demand: Seconds of a partition at a group, infinite where it cannot run; shape (partitions, groups).
        memory: Megabytes likewise.
        prices: What partitions add to the objective and to limited sums.
        within: As in :class:`Pools`.
        every: Whether dominated options stay: the best plan needs none, the second best may.
    """
    groups = demand.shape[1]
    count = choices.pattern_ptr.size - 1
    most = choices.part_ptr.size - 1
    pattern = np.empty(most, np.int64)
    work = np.zeros((most, groups))
    needed = np.zeros((most, groups))
    rows = np.zeros((most, prices.row_part.shape[0]))
    delay = np.empty(most)
    cost = np.empty(most)
    total = np.empty(most)
    ptr = np.zeros(count + 1, np.int64)
    timed = timed_components(choices)
    size = 0
    for component in range(count):
        first = size
        for candidate in range(choices.pattern_ptr[component], choices.pattern_ptr[component + 1]):
            if not lay_out(choices, candidate, demand, memory, work[size], needed[size]):
                continue
            pattern[size] = candidate
            delay[size] = choices.delay[candidate] if timed[component] else 0.0
            for g in range(groups):
                delay[size] += within[g] * choices.delay_within[candidate, g] if timed[component] else 0.0
            cost[size] = choices.cost[candidate] + parts_sum(choices, candidate, prices.part)
            for row in range(rows.shape[1]):
                at_hosts = parts_sum(choices, candidate, prices.row_part[row])
                rows[size, row] = prices.row_pattern[row, candidate] + at_hosts
            total[size] = work[size].sum() + delay[size] + cost[size] + 1e-9 * (needed[size].sum() + rows[size].sum())
            size += 1
        if every:
            kept = np.arange(first, size)
        else:
            kept = _undominated(
                choices, component, first, size, pattern, work, needed, rows, delay, cost, total, within
            )
        size = first
        for i in kept:
            pattern[size], delay[size], cost[size] = pattern[i], delay[i], cost[i]
            work[size], needed[size], rows[size] = work[i].copy(), needed[i].copy(), rows[i].copy()
            size += 1
        work[size:] = 0.0
        needed[size:] = 0.0
        ptr[component + 1] = size
    return Options(
        ptr,
        pattern[:size].copy(),
        work[:size].copy(),
        delay[:size].copy(),
        cost[:size].copy(),
        needed[:size].copy(),
        rows[:size].copy(),
    )


@kernel
def parts_sum(choices: Choices, pattern: int, values: FloatArray) -> float:
    """Return the sum of *values*, by partition and group, over the partitions of a pattern that run in groups."""
    total = 0.0
    for i in range(choices.part_ptr[pattern], choices.part_ptr[pattern + 1]):
        if choices.location[i] < values.shape[1]:
            total += values[choices.part[i], choices.location[i]]
    return total


@kernel
def timed_components(choices: Choices) -> IntArray:
    """Say of each component whether a limit speaks of its time; the delays of the others make no difference."""
    timed = np.zeros(choices.rate.size, np.int64)
    for component in range(timed.size):
        timed[component] = choices.local_limit[component] < np.inf
    for component in choices.path_component:
        timed[component] = 1
    return timed


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
    rows: FloatArray,
    delay: FloatArray,
    cost: FloatArray,
    total: FloatArray,
    within: FloatArray,
) -> IntArray:
    """Drop options of *component* that another one beats in everything; return the others by position."""
    order = first + np.argsort(total[first:end], kind="mergesort")
    kept = np.empty(end - first, np.int64)
    size = 0
    for i in order:
        beaten = False
        for k in range(min(size, COMPARED)):
            j = kept[k]
            if (
                cost[j] <= cost[i]
                and delay[j] <= delay[i]
                and _no_more(work, j, i)
                and _no_more(needed, j, i)
                and _no_more(rows, j, i)
                and _as_near(choices, component, pattern[j], pattern[i], within)
            ):
                beaten = True
                break
        if not beaten:
            kept[size] = i
            size += 1
    return np.sort(kept[:size])


@kernel
def _no_more(values: FloatArray, one: int, other: int) -> bool:
    for g in range(values.shape[1]):  # noqa: SIM110 (a compiled loop)
        if values[one, g] > values[other, g]:
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
            if hop_seconds(choices, hop, one, location, within) > hop_seconds(choices, hop, other, location, within):
                return False
    return True


@kernel
def _locations(choices: Choices, hop: int) -> int:
    origin = choices.hop_origin[hop]
    patterns = choices.pattern_ptr[origin + 1] - choices.pattern_ptr[origin]
    return int((choices.hop_ptr[hop + 1] - choices.hop_ptr[hop]) // patterns)


@kernel
def hop_seconds(choices: Choices, hop: int, pattern: int, location: int, within: FloatArray) -> float:
    """Return the mean seconds of a transfer from a component laid out as *pattern* to *location*."""
    row = pattern - choices.pattern_ptr[choices.hop_origin[hop]]
    at = choices.hop_ptr[hop] + row * _locations(choices, hop) + location
    if location < within.size:
        return float(choices.hop[at] + within[location] * choices.hop_within[at])
    return float(choices.hop[at])


@kernel
def subsets_of(members: IntArray, groups: int) -> FloatArray:
    """Return sets of groups as rows of zeros and ones: each of *members* alone, then all subsets of up to seven.

    Of more than seven members: the pairs, and all together.
    """
    count = members.size
    most = (1 << count) if count <= 7 else 2 + count * (count + 1) // 2
    masks = np.zeros((most, groups))
    for i in range(count):
        masks[i, members[i]] = 1.0
    size = _all_subsets(members, masks) if count <= 7 else _pairs(members, masks)
    return masks[:size].copy()


@kernel
def _all_subsets(members: IntArray, masks: FloatArray) -> int:
    size = members.size
    for subset in range(1, 1 << members.size):
        if subset & (subset - 1):
            for i in range(members.size):
                masks[size, members[i]] = (subset >> i) & 1
            size += 1
    return size


@kernel
def _pairs(members: IntArray, masks: FloatArray) -> int:
    size = members.size
    for i in range(members.size):
        for j in range(i):
            masks[size, members[i]], masks[size, members[j]] = 1.0, 1.0
            size += 1
    masks[size, members] = 1.0
    return size + 1
