"""Pool sets: which resource each group takes and how many nodes run; bounds on them, and their list in a cost range."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from design.kernels import FULL, IDLE, Demands, Pools, Prices, kernel, lay_out
from design.problem import Choices, FloatArray, IntArray, Problem

CLOSED = -1

OPEN = -2
"""Not decided yet: the group is taken to have the best of all its resources at once."""


class Resources(NamedTuple):
    """The resources as the kernels read them, those of a group in a row; shapes (groups + 1,) and (resources,)."""

    ptr: IntArray

    resource: IntArray

    demand: FloatArray
    """Shape (partitions, resources)."""

    part_price: FloatArray
    """What a partition adds to the objective on each, shape (partitions, resources)."""

    price: FloatArray

    nodes: IntArray

    speed: FloatArray


def resources_of(problem: Problem) -> Resources:
    """Return the resources of *problem* for the kernels."""
    return Resources(
        ptr=np.cumsum([0, *map(len, problem.groups)], dtype=np.int64),
        resource=np.array([r for group in problem.groups for r in group], dtype=np.int64),
        demand=problem.demand,
        part_price=problem.part_price,
        price=problem.price,
        nodes=problem.nodes,
        speed=problem.speed,
    )


def demands_on(problem: Problem, types: IntArray, memory: FloatArray) -> Demands:
    """Return what partitions need by group; of an undecided group the least of each that any of its resources needs."""
    spread = problem.square - np.where(np.isfinite(problem.demand), problem.demand, 0.0) ** 2
    return Demands(
        seconds=columns(problem, types, problem.demand),
        square=columns(problem, types, problem.square),
        spread=columns(problem, types, np.maximum(spread, 0.0)),
        memory=columns(problem, types, memory),
    )


def columns(problem: Problem, types: IntArray, values: FloatArray) -> FloatArray:
    """Return *values*, by partition and resource, by partition and group; infinite where a group is closed."""
    found = np.full((values.shape[0], len(problem.groups)), np.inf)
    for group, members in enumerate(problem.groups):
        if types[group] >= 0:
            found[:, group] = values[:, types[group]]
        elif types[group] == OPEN:
            found[:, group] = values[:, list(members)].min(axis=1)
    return found


def prices_of(problem: Problem, types: IntArray) -> Prices:
    """Return what partitions add to the objective and to limited sums; the least where a group is not decided."""
    shape = (len(problem.rows), len(problem.partitions), len(problem.groups))
    row_part, row_pattern = np.zeros(shape), np.zeros((len(problem.rows), len(problem.deployments)))
    for i, row in enumerate(problem.rows):
        row_part[i], row_pattern[i] = columns(problem, types, row.part), row.pattern
    return Prices(columns(problem, types, problem.part_price), row_pattern, row_part)


def scarce_memory(problem: Problem) -> FloatArray:
    """Return the memory of partitions on resources, 0 where a resource could hold all components at once."""
    choices = problem.choices
    if (np.diff(choices.pattern_ptr) == 0).any():
        return problem.memory
    largest = problem.memory.max(axis=1, initial=0.0)[choices.part]
    # The pattern of a source has no parts, which reduceat does not sum up to nothing.
    by_pattern = np.diff(np.concatenate(([0.0], np.cumsum(largest)))[choices.part_ptr])
    together = np.maximum.reduceat(by_pattern, choices.pattern_ptr[:-1]).sum()
    return np.where(together <= problem.node_memory, 0.0, problem.memory)


def pools_of(problem: Problem, types: IntArray, nodes: IntArray, most: FloatArray, *, loose: bool = False) -> Pools:
    """Return what runs; an undecided group has the most nodes, the most speed and the most memory of its resources.

    *most* is the utilisation that each resource may be used for, below 1 in any case. What is *loose* leaves out that
    nodes cost and that data between them travels: what does not hold there does not hold with fewer nodes either.
    """
    count, places = len(problem.groups), len(problem.groups) + len(problem.links)
    pools = Pools(
        nodes=np.zeros(places),
        speed=np.ones(places),
        memory=np.zeros(places),
        discipline=np.zeros(places, dtype=np.int64),
        within=np.zeros(count),
        exact=not loose and OPEN not in types,
        spare=np.array([row.room for row in problem.rows], dtype=np.float64),
        most=np.full(places, FULL),
    )
    pools.nodes[count:], pools.discipline[count:] = 1.0, problem.link_discipline
    for group, members in enumerate(problem.groups):
        if types[group] == CLOSED or (types[group] >= 0 and nodes[group] == 0):
            continue
        chosen = [types[group]] if types[group] >= 0 else list(members)
        running = nodes[group] if types[group] >= 0 else problem.nodes[chosen].max()
        pools.nodes[group] = running
        pools.speed[group] = problem.speed[chosen].max()
        pools.memory[group] = problem.node_memory[chosen].max() * (running if problem.memory_by_pool else 1)
        pools.most[group] = min(float(most[chosen].max()), FULL)
        kinds = set(problem.discipline[chosen].tolist())
        pools.discipline[group] = kinds.pop() if len(kinds) == 1 else IDLE
        if types[group] >= 0 and not loose:
            pools.within[group] = 1.0 - 1.0 / running if problem.within else 0.0
            for i, row in enumerate(problem.rows):
                pools.spare[i] -= row.node[types[group]] * running
    return pools


def most_nodes(problem: Problem, types: IntArray) -> IntArray:
    """Return how many nodes each decided group has at most."""
    return np.array([problem.nodes[r] if r >= 0 else 0 for r in types], dtype=np.int64)


def fixed_cost(problem: Problem, types: IntArray, nodes: IntArray) -> float:
    """Return the euro an hour that the running nodes cost."""
    return float(sum(problem.price[r] * n for r, n in zip(types, nodes, strict=True) if r >= 0))


def parts_cost(problem: Problem, types: IntArray, patterns: IntArray, values: FloatArray) -> float:
    """Return the sum of *values*, by partition and resource, over the partitions that these patterns put on pools."""
    choices, total = problem.choices, 0.0
    for pattern in patterns:
        for i in range(choices.part_ptr[pattern], choices.part_ptr[pattern + 1]):
            if choices.location[i] < len(problem.groups):
                total += float(values[choices.part[i], types[choices.location[i]]])
    return total


class PoolSetList(NamedTuple):
    """Pool sets whose bound lies in a range; shapes (sets,) and (sets, groups)."""

    complete: bool
    """Whether all are there; otherwise the list was too short for them."""

    bound: FloatArray

    types: IntArray

    nodes: IntArray


@kernel
def list_pool_sets(
    choices: Choices,
    resources: Resources,
    masks: FloatArray,
    order: IntArray,
    low: float,
    high: float,
    most: int,
    deadline: int,
) -> tuple[bool, FloatArray, IntArray, IntArray]:
    """Return the pool sets with a bound of at least *low* and below *high* that no simple bound rules out.

    Groups are decided in the *order* given. For every set of groups (*masks*) the work that must be done there has to
    fit the nodes. *deadline* is the number of bounds computed at most.
    """
    groups = order.size
    demand = np.empty((resources.demand.shape[0], groups))
    price = np.zeros(demand.shape)
    able = np.zeros(groups)
    for g in range(groups):
        _undecide(resources, demand, price, able, g)
    types = np.full(groups, CLOSED)
    step = np.full(groups, -1)
    bounds = np.empty(most)
    found_types = np.empty((most, groups), np.int64)
    found_nodes = np.empty((most, groups), np.int64)
    count, level, tests = 0, 0, 0
    spent = np.zeros(groups + 1)
    while level >= 0:
        g = order[level]
        step[level] += 1
        first, end = resources.ptr[g], resources.ptr[g + 1]
        if step[level] > end - first:
            step[level] = -1
            types[g] = CLOSED
            _undecide(resources, demand, price, able, g)
            level -= 1
            continue
        _decide(resources, demand, price, able, types, g, step[level] - 1)
        spent[level + 1] = spent[level] + (resources.price[types[g]] if types[g] >= 0 else 0.0)
        if spent[level + 1] >= high:
            continue
        tests += 1
        fits, cost, work = lightest(choices, demand, price, masks)
        if not fits or spent[level + 1] + cost >= high or not _able(work, masks, able):
            continue
        if level + 1 < groups:
            level += 1
            continue
        count = _list_counts(resources, types, masks, work, cost, low, high, bounds, found_types, found_nodes, count)
        if count > most or tests > deadline:
            return False, bounds[:most], found_types[:most], found_nodes[:most]
    return True, bounds[:count].copy(), found_types[:count].copy(), found_nodes[:count].copy()


@kernel
def _undecide(resources: Resources, demand: FloatArray, price: FloatArray, able: FloatArray, g: int) -> None:
    demand[:, g] = np.inf
    price[:, g] = np.inf
    able[g] = 0.0
    for i in range(resources.ptr[g], resources.ptr[g + 1]):
        r = resources.resource[i]
        demand[:, g] = np.minimum(demand[:, g], resources.demand[:, r])
        price[:, g] = np.minimum(price[:, g], resources.part_price[:, r])
        able[g] = max(able[g], resources.nodes[r] * resources.speed[r])


@kernel
def _decide(
    resources: Resources, demand: FloatArray, price: FloatArray, able: FloatArray, types: IntArray, g: int, choice: int
) -> None:
    """Close a group (choice -1), or give it one of its resources."""
    if choice < 0:
        types[g] = CLOSED
        demand[:, g] = np.inf
        able[g] = 0.0
    else:
        r = resources.resource[resources.ptr[g] + choice]
        types[g] = r
        demand[:, g] = resources.demand[:, r]
        price[:, g] = resources.part_price[:, r]
        able[g] = resources.nodes[r] * resources.speed[r]


@kernel
def lightest(
    choices: Choices, demand: FloatArray, price: FloatArray, masks: FloatArray
) -> tuple[bool, float, FloatArray]:
    """Return whether every component can run, its least cost beside nodes, and the least work in each set of groups."""
    groups = demand.shape[1]
    work, priced = np.zeros(groups), np.zeros(groups)
    total = np.zeros(masks.shape[0])
    smallest = np.empty(masks.shape[0])
    cost = 0.0
    for component in range(choices.pattern_ptr.size - 1):
        smallest[:] = np.inf
        cheapest = np.inf
        for pattern in range(choices.pattern_ptr[component], choices.pattern_ptr[component + 1]):
            if not lay_out(choices, pattern, demand, price, work, priced):
                continue
            cheapest = min(cheapest, choices.cost[pattern] + priced.sum())
            for s in range(masks.shape[0]):
                inside = 0.0
                for g in range(groups):
                    inside += masks[s, g] * work[g]
                if inside < smallest[s]:
                    smallest[s] = inside
        if cheapest == np.inf:
            return False, np.inf, total
        cost += cheapest
        total += choices.rate[component] * smallest
    return True, cost, total


@kernel
def _able(work: FloatArray, masks: FloatArray, able: FloatArray) -> bool:
    for s in range(masks.shape[0]):
        inside = 0.0
        for g in range(able.size):
            inside += masks[s, g] * able[g]
        if work[s] > inside or (work[s] == inside and inside > 0.0):
            return False
    return True


@kernel
def _list_counts(
    resources: Resources,
    types: IntArray,
    masks: FloatArray,
    work: FloatArray,
    cost: float,
    low: float,
    high: float,
    bounds: FloatArray,
    found_types: IntArray,
    found_nodes: IntArray,
    count: int,
) -> int:
    """Append all numbers of nodes for these types; a count above the length of the list says that it is too short."""
    groups = types.size
    nodes = np.zeros(groups, np.int64)
    able = np.zeros(groups)
    for g in range(groups):
        nodes[g] = 1 if types[g] >= 0 else 0
    while True:
        bound = cost + _price(resources, types, nodes, able)
        if low <= bound < high and _able(work, masks, able):
            if count >= bounds.size:
                return count + 1
            bounds[count], found_types[count], found_nodes[count] = bound, types, nodes
            count += 1
        if not _next_count(resources, types, nodes):
            return count


@kernel
def _price(resources: Resources, types: IntArray, nodes: IntArray, able: FloatArray) -> float:
    """Return the cost of the nodes; *able* receives what they can do."""
    cost = 0.0
    for g in range(types.size):
        if types[g] >= 0:
            cost += nodes[g] * resources.price[types[g]]
            able[g] = nodes[g] * resources.speed[types[g]]
    return float(cost)


@kernel
def _next_count(resources: Resources, types: IntArray, nodes: IntArray) -> bool:
    """Count up: the next numbers of nodes, from 1 to what there is; False after the last."""
    for g in range(types.size):
        if types[g] >= 0 and nodes[g] < resources.nodes[types[g]]:
            nodes[g] += 1
            return True
        nodes[g] = 1 if types[g] >= 0 else 0
    return False
