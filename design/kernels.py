"""Compiled kernels: options under given pools, and the times that a choice of them leads to.

A *pool set* gives each group a resource and a number of running nodes, or closes it. Under a pool set, a pattern
becomes an *option*: what it adds to each place's utilisation and to its component's time. Links in which transfers
disturb each other are places like groups, with one node of speed 1.
"""

from __future__ import annotations

import platform
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple, TypeVar, cast

import llvmlite.binding
import numba
import numpy as np

from design.problem import Choices, FloatArray, IntArray, Legs

FULL = 1.0 - 1e-12
"""Utilisation from which on a pool counts as overloaded."""

ROUNDING = 1e-9
"""Relative excess over a limit that counts as rounding, as in the evaluation."""

COMPARED = 60
"""Options, the lightest and cheapest of a component, that any other is compared with: nearly all that dominate."""

SHARED, LINE, IDLE = 0, 1, 2
"""Disciplines: requests share a place, wait their turn, or (where it is open which) just take their time."""

F = TypeVar("F", bound=Callable[..., Any])


def kernel(function: F) -> F:
    """Compile *function*; the machine code is kept beside the source, and other threads run meanwhile."""
    return cast("F", numba.njit(cache=True, nogil=True)(function))


def code_folder(function: Any) -> tuple[Path, str]:
    """Return where the machine code of a kernel is kept, and for which versions and processor."""
    processor = llvmlite.binding.get_host_cpu_name()
    versions = (numba.__version__, np.__version__, platform.python_version(), processor)
    return Path(function.stats.cache_path or "."), "-".join(versions)


class Options(NamedTuple):
    """The options of all components under some pools; shapes (options,) and (options, places).

    What only waiting lines and limits on percentiles need has no columns where there are none.
    """

    ptr: IntArray
    """First option of each component."""

    pattern: IntArray

    work: FloatArray
    """Reach times service time by place: what a request of the component costs there, seconds."""

    visits: FloatArray
    """Mean number of visits of such a request."""

    square: FloatArray
    """Reach times mean square of the service time, s²."""

    spread: FloatArray
    """Reach times variance of the service time, s²."""

    delay: FloatArray

    cost: FloatArray

    memory: FloatArray

    rows: FloatArray
    """What an option adds to each limited sum, see :class:`design.problem.Row`; shape (options, rows)."""


class Pools(NamedTuple):
    """What runs; shape (places,). Closed groups have no nodes."""

    nodes: FloatArray

    speed: FloatArray
    """Requests that a node serves at full speed at once; of a waiting line the number of servers."""

    memory: FloatArray
    """Megabytes that the containers of a group must fit into together."""

    discipline: IntArray

    within: FloatArray
    """Probability that two partitions of one pool meet on different nodes, shape (groups,)."""

    exact: bool
    """Whether all this is decided; otherwise it stands for what is best, and variances count with a lower bound."""

    spare: FloatArray
    """What the nodes leave of each limited sum, shape (rows,)."""

    most: FloatArray
    """Utilisation that a plan must stay below."""


class Demands(NamedTuple):
    """What partitions need at each group; shape (partitions, groups)."""

    seconds: FloatArray
    """Infinite where it cannot run."""

    square: FloatArray

    spread: FloatArray

    memory: FloatArray
    """Megabytes."""


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
def _waits(load: float, servers: float) -> float:
    """Return the probability to wait in M/M/c: Erlang's C, by the recursion of Erlang's B."""
    loss = 1.0
    for busy in range(1, int(servers) + 1):
        loss = load * loss / (busy + load * loss)
    return float(loss / (1.0 - load / servers * (1.0 - loss)))


@kernel
def waiting(utilisation: float, second: float, servers: float) -> float:
    """Return the mean seconds in a waiting line, *second* being Σ rate × E[S²] at one node.

    That is W = second / 2 × C(c, a) / (a (c - a)) with the load a: the formula of Pollaczek and Khinchine for one
    server, Erlang's for exponential times, and the estimate of Lee and Longton (1959) otherwise. Neither the number of
    classes nor their mixture enters, and it grows with both arguments: Erlang's C is convex, so that C / a grows.
    """
    load = utilisation * servers
    if load <= 0.0 or second <= 0.0:
        return 0.0
    return second / 2.0 * _waits(load, servers) / (load * (servers - load))


@kernel
def option_time(options: Options, pools: Pools, option: int, place: int, utilisation: float, second: float) -> float:
    """Return the mean seconds that an option spends at a place."""
    work = options.work[option, place]
    if pools.discipline[place] == SHARED:
        return float(work * slowdown(utilisation, pools.speed[place])) if work > 0.0 else 0.0
    if pools.discipline[place] == LINE and options.visits[option, place] > 0.0:
        return float(work + options.visits[option, place] * waiting(utilisation, second, pools.speed[place]))
    return float(work)


@kernel
def option_variance(
    options: Options, pools: Pools, option: int, place: int, utilisation: float, second: float, exact: bool
) -> float:
    """Return the variance of that time (s²), or without *exact* a lower bound that grows with the arguments."""
    visits, square, spread = options.visits[option, place], options.square[option, place], options.spread[option, place]
    if visits <= 0.0:
        return 0.0
    if pools.discipline[place] == SHARED:
        return float(sharing_variance(square, spread, slowdown(utilisation, pools.speed[place])))
    if pools.discipline[place] == LINE:
        return float(spread + visits * waiting_variance(utilisation, second, pools.speed[place], exact))
    return float(spread)


@kernel
def sharing_variance(square: float, spread: float, slow: float) -> float:
    """Return an estimate of the variance of a time at a shared place: E[S²], Var S, and how much it is slowed down."""
    return slow * slow * spread + (slow * slow - slow) * square


@kernel
def waiting_variance(utilisation: float, second: float, servers: float, exact: bool) -> float:
    """Return the variance of the wait, taken to be exponential for those who wait at all; a lower bound if not exact.

    The variance W² (2 / C - 1) does not grow with the load alone, its lower bound W² does.
    """
    wait = waiting(utilisation, second, servers)
    if wait == 0.0 or not exact:
        return wait * wait
    return wait * wait * (2.0 / _waits(utilisation * servers, servers) - 1.0)


@kernel
def build_options(
    choices: Choices, demands: Demands, prices: Prices, within: FloatArray, places: int, queues: bool, every: bool
) -> Options:
    """Return the options that no other option of their component dominates, or *every* one that can run.

    Args:
        choices: The patterns.
        demands: What partitions need.
        prices: What they add to the objective and to limited sums.
        within: As in :class:`Pools`.
        places: Groups and links.
        queues: Whether waiting lines, links or limits on percentiles need their columns.
        every: Whether dominated options stay: the best plan needs none, the second best may. So may the best one where
            percentiles of waiting lines are limited: with less work and the same square, a wait varies more.
    """
    groups = demands.seconds.shape[1]
    most = choices.part_ptr.size - 1
    pattern, ptr = np.empty(most, np.int64), np.zeros(choices.pattern_ptr.size, np.int64)
    work, needed = np.zeros((most, places)), np.zeros((most, groups))
    columns = places if queues else 0
    visits, square, spread = np.zeros((most, columns)), np.zeros((most, columns)), np.zeros((most, columns))
    delay, cost, rows = np.zeros(most), np.empty(most), np.zeros((most, prices.row_part.shape[0]))
    timed = timed_components(choices)
    size = 0
    for component in range(choices.pattern_ptr.size - 1):
        first = size
        for candidate in range(choices.pattern_ptr[component], choices.pattern_ptr[component + 1]):
            if not lay_out(choices, candidate, demands.seconds, demands.memory, work[size], needed[size]):
                continue
            pattern[size] = candidate
            if timed[component]:
                delay[size] = choices.delay[candidate] + (within * choices.delay_within[candidate]).sum()
            else:
                delay[size] = 0.0
            cost[size] = choices.cost[candidate] + parts_sum(choices, candidate, prices.part)
            for row in range(rows.shape[1]):
                at_hosts = parts_sum(choices, candidate, prices.row_part[row])
                rows[size, row] = prices.row_pattern[row, candidate] + at_hosts
            if queues:
                _lay_queues(choices, candidate, demands, visits[size], square[size], spread[size])
                add_legs(choices.inner, candidate, within, groups, work[size], visits[size], square[size])
            size += 1
        found = Options(ptr, pattern, work, visits, square, spread, delay, cost, needed, rows)
        if not every:
            kept = _undominated(choices, component, first, size, found, within)
            size = _close_ranks(found, kept, first, size)
        ptr[component + 1] = size
    return Options(
        ptr,
        pattern[:size].copy(),
        work[:size].copy(),
        visits[:size].copy(),
        square[:size].copy(),
        spread[:size].copy(),
        delay[:size].copy(),
        cost[:size].copy(),
        needed[:size].copy(),
        rows[:size].copy(),
    )


@kernel
def _close_ranks(options: Options, kept: IntArray, first: int, end: int) -> int:
    """Move the options *kept* up to *first*, clear what is left before *end*, and return where they end."""
    size = first
    for i in kept:
        options.pattern[size] = options.pattern[i]
        options.delay[size] = options.delay[i]
        options.cost[size] = options.cost[i]
        for table in (options.work, options.memory, options.visits, options.square, options.spread, options.rows):
            table[size] = table[i].copy()
        size += 1
    for table in (options.work, options.memory, options.visits, options.square, options.spread):
        table[size:end] = 0.0
    return size


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
def _lay_queues(
    choices: Choices, pattern: int, demands: Demands, visits: FloatArray, square: FloatArray, spread: FloatArray
) -> None:
    """Add up a pattern's visits, and the squares and variances of its service times, by group."""
    visits[:], square[:], spread[:] = 0.0, 0.0, 0.0
    for i in range(choices.part_ptr[pattern], choices.part_ptr[pattern + 1]):
        group, part = choices.location[i], choices.part[i]
        if group < demands.seconds.shape[1]:
            visits[group] += choices.reach[part]
            square[group] += choices.reach[part] * demands.square[part, group]
            spread[group] += choices.reach[part] * demands.spread[part, group]


@kernel
def add_legs(
    legs: Legs, row: int, within: FloatArray, groups: int, work: FloatArray, visits: FloatArray, square: FloatArray
) -> None:
    """Add what the transmissions of a *row* bring to the links, which come after the *groups*."""
    if legs.ptr.size <= row + 1:
        return
    for i in range(legs.ptr[row], legs.ptr[row + 1]):
        weight = legs.weight[i] * (within[legs.group[i]] if legs.group[i] >= 0 else 1.0)
        place = groups + legs.link[i]
        work[place] += weight * legs.seconds[i]
        visits[place] += weight
        square[place] += weight * legs.seconds[i] * legs.seconds[i]


@kernel
def _undominated(
    choices: Choices, component: int, first: int, end: int, options: Options, within: FloatArray
) -> IntArray:
    """Drop options of *component* that another one beats in everything; return the others by position."""
    total = np.empty(end - first)
    for i in range(first, end):
        total[i - first] = options.work[i].sum() + options.delay[i] + options.cost[i] + 1e-9 * options.memory[i].sum()
        total[i - first] += (
            1e-9 * options.rows[i].sum() + options.visits[i].sum() + options.square[i].sum() + options.spread[i].sum()
        )
    order = first + np.argsort(total, kind="mergesort")
    kept = np.empty(end - first, np.int64)
    size = 0
    for i in order:
        beaten = False
        for k in range(min(size, COMPARED)):
            j = kept[k]
            if _no_worse(options, j, i) and _as_near(
                choices, component, options.pattern[j], options.pattern[i], within
            ):
                beaten = choices.variance[options.pattern[j]] <= choices.variance[options.pattern[i]]
            if beaten:
                break
        if not beaten:
            kept[size] = i
            size += 1
    return np.sort(kept[:size])


@kernel
def _no_worse(options: Options, one: int, other: int) -> bool:
    return (
        options.cost[one] <= options.cost[other]
        and options.delay[one] <= options.delay[other]
        and _no_more(options.work, one, other)
        and _no_more(options.memory, one, other)
        and _no_more(options.visits, one, other)
        and _no_more(options.square, one, other)
        and _no_more(options.spread, one, other)
        and _no_more(options.rows, one, other)
    )


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
        if not _sends_no_more(choices, choices.out[i], one, other, within):
            return False
    return True


@kernel
def _sends_no_more(choices: Choices, hop: int, one: int, other: int, within: FloatArray) -> bool:
    """Say whether a transfer takes no longer from *one* than from *other*, and loads links alike."""
    if kind_of(choices, hop, one) != kind_of(choices, hop, other):
        return False
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
    """Return the mean seconds of a transfer to *location* that no other transfer can disturb."""
    at = hop_row(choices, hop, pattern, location)
    if location < within.size:
        return float(choices.hop[at] + within[location] * choices.hop_within[at])
    return float(choices.hop[at])


@kernel
def kind_of(choices: Choices, hop: int, pattern: int) -> int:
    """Return the number that patterns share which send the same over the same links."""
    return int(choices.kind[choices.kind_ptr[hop] + pattern - choices.pattern_ptr[choices.hop_origin[hop]]])


@kernel
def hop_row(choices: Choices, hop: int, pattern: int, location: int) -> int:
    """Return the place of a transfer in the tables: from a component laid out as *pattern* to *location*."""
    row = pattern - choices.pattern_ptr[choices.hop_origin[hop]]
    return int(choices.hop_ptr[hop] + row * _locations(choices, hop) + location)


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
