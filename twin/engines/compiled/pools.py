"""Pools: the replicas a request may choose from, and the instances of a cloud function."""

from __future__ import annotations

import math

from twin.engines.compiled.agenda import INSTANCE_DONE, plan
from twin.engines.compiled.chance import VISIT_BITS, quantile, uniform
from twin.engines.compiled.jit import compiled, inlined
from twin.engines.compiled.nodes import FIFO, FUNCTION, fifo_accept, sharing_accept
from twin.engines.compiled.pairing import add_instance, without_first_instance
from twin.engines.compiled.queues import append, strand, take_first
from twin.engines.compiled.rows import billed, clock_of, instances, invocations, nodes, stations, steps, tokens
from twin.engines.compiled.world import NONE, Row, World
from twin.engines.trajectory import COLD, WARM

RANDOM, ROUND_ROBIN, SHORTEST_QUEUE = range(3)
"""Dispatch rules."""


@inlined
def accept(world: World, token: int) -> bool:
    """Bring *token* to a node or instance of its station; say no where it is turned away."""
    station = stations(world, steps(world, tokens(world, token).step).station)
    if station.kind == FUNCTION:
        return function_accept(world, station, token)
    node = tokens(world, token).pool_node
    if node == NONE or not nodes(world, node).up:
        node = choose(world, station, token)
    tokens(world, token).pool_node = NONE
    if node == NONE:
        strand(world, station, token)
        return True
    if station.kind == FIFO:
        return fifo_accept(world, node, token)
    return sharing_accept(world, node, token)


@inlined
def choose(world: World, station: Row, token: int) -> int:
    """Return the node for *token*, or NONE while all its replicas are down."""
    replicas = min(steps(world, tokens(world, token).step).replicas, station.nodes_count)
    if replicas == 1 and station.all_up:
        return int(station.nodes)
    return _chosen(world, station, token, replicas)


@compiled
def _chosen(world: World, station: Row, token: int, replicas: int) -> int:
    up = 0
    first = NONE
    for i in range(station.nodes, station.nodes + replicas):
        if nodes(world, i).up:
            up += 1
            first = i if first == NONE else first
    if up < 2:
        return first
    if station.dispatch == SHORTEST_QUEUE:
        return _shortest(world, first, station.nodes + replicas)
    row = tokens(world, token)
    step = steps(world, row.step)
    if station.dispatch == RANDOM:
        place = int(uniform(step.dispatch_key, row.request + (row.visit << VISIT_BITS)) * up)
    else:
        place = step.turn % up
        step.turn += 1
    return _up(world, station.nodes, place)


@compiled
def _shortest(world: World, first: int, end: int) -> int:
    best = first
    for i in range(first + 1, end):
        if nodes(world, i).up and nodes(world, i).present < nodes(world, best).present:
            best = i
    return best


@compiled
def _up(world: World, first: int, place: int) -> int:
    """Return the node number *place* among those that are up."""
    i = first
    while True:
        if nodes(world, i).up:
            if place == 0:
                return i
            place -= 1
        i += 1


@compiled
def function_accept(world: World, station: Row, token: int) -> bool:
    """Run *token* on an instance, or apply the concurrency limit."""
    if station.limit == NONE or station.busy < station.limit:
        _start(world, station, token)
    elif station.queues:
        append(world, station, token)
    else:
        return False
    return True


@compiled
def _start(world: World, station: Row, token: int) -> None:
    row = tokens(world, token)
    station.busy += 1
    instance = _warm_instance(world, station)
    warm_time = row.service
    if instance == NONE:
        station.born += 1
        instance = _fresh(world, station.born)
        row.node = COLD
        row.service = _cold_time(world, row)
    else:
        row.node = WARM
    _bill(world, row.step, warm_time, row.service)
    row.instance = instance
    row.stamp = plan(world, row.service, INSTANCE_DONE, token)


@compiled
def _warm_instance(world: World, station: Row) -> int:
    """Take the newest instance that is idle and has not expired."""
    clock = clock_of(world)
    oldest_alive = clock.now - station.idle_time
    while station.warm != NONE:
        instance = int(station.warm)
        station.warm = without_first_instance(world, instance)
        if instances(world, instance).idle_since > oldest_alive:
            return instance
        instances(world, instance).next = clock.free_instance
        clock.free_instance = instance
        clock.instances_free += 1
    return NONE


@compiled
def _fresh(world: World, number: int) -> int:
    clock = clock_of(world)
    instance = int(clock.free_instance)
    clock.free_instance = instances(world, instance).next
    clock.instances_free -= 1
    instances(world, instance).key = -float(number)
    instances(world, instance).order = 0
    return instance


@compiled
def _cold_time(world: World, row: Row) -> float:
    """Return the whole time of an execution on a fresh instance."""
    step = steps(world, row.step)
    if step.cold == NONE:
        return float(row.service)
    seconds = quantile(world, step.cold, row.request, row.visit)
    return seconds if step.cold_is_whole else seconds + row.service


@compiled
def _bill(world: World, index: int, warm: float, total: float) -> None:
    step = steps(world, index)
    seconds = total if step.bills_cold else warm
    unit = step.bill_unit
    billed(world, index).value += math.ceil(seconds / unit - 1e-9) * unit if unit else seconds
    invocations(world, index).value += 1


@compiled
def instance_done(world: World, token: int) -> None:
    """Let the instance of *token* idle, or serve the next one that waits."""
    row = tokens(world, token)
    station = stations(world, steps(world, row.step).station)
    instances(world, row.instance).idle_since = clock_of(world).now
    station.warm = add_instance(world, station.warm, row.instance)
    station.busy -= 1
    if station.queue != NONE:
        _start(world, station, take_first(world, station))
