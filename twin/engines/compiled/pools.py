"""Pools: the replicas a request may choose from, and the instances of a cloud function."""

from __future__ import annotations

import math
from typing import Any

from twin.engines.compiled.agenda import INSTANCE_DONE, plan
from twin.engines.compiled.chance import VISIT_BITS, quantile, uniform
from twin.engines.compiled.jit import compiled, inlined
from twin.engines.compiled.nodes import FIFO, FUNCTION, fifo_accept, sharing_accept
from twin.engines.compiled.pairing import added, without_first
from twin.engines.compiled.queues import append, strand, take_first
from twin.engines.compiled.world import NONE, Table, World
from twin.engines.trajectory import COLD, WARM

RANDOM, ROUND_ROBIN, SHORTEST_QUEUE = range(3)
"""Dispatch rules."""


@inlined
def accept(world: World, token: int) -> bool:
    """Bring *token* to a node or instance of its station; say no where it is turned away."""
    station = world.stations[world.steps[world.tokens[token].step].station]
    if station.kind == FUNCTION:
        return function_accept(world, station, token)
    node = world.tokens[token].pool_node
    if node == NONE or not world.nodes[node].up:
        node = choose(world, station, token)
    world.tokens[token].pool_node = NONE
    if node == NONE:
        strand(world, station, token)
        return True
    if station.kind == FIFO:
        return fifo_accept(world, node, token)
    return sharing_accept(world, node, token)


@inlined
def choose(world: World, station: Table, token: int) -> int:
    """Return the node for *token*, or NONE while all its replicas are down."""
    replicas = min(world.steps[world.tokens[token].step].replicas, station.nodes_count)
    if replicas == 1 and station.all_up:
        return int(station.nodes)
    return _chosen(world, station, token, replicas)


@compiled
def _chosen(world: World, station: Table, token: int, replicas: int) -> int:
    up = 0
    first = NONE
    for i in range(station.nodes, station.nodes + replicas):
        if world.nodes[i].up:
            up += 1
            first = i if first == NONE else first
    if up < 2:
        return first
    if station.dispatch == SHORTEST_QUEUE:
        return _shortest(world, first, station.nodes + replicas)
    row = world.tokens[token]
    step = world.steps[row.step]
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
        if world.nodes[i].up and world.nodes[i].present < world.nodes[best].present:
            best = i
    return best


@compiled
def _up(world: World, first: int, place: int) -> int:
    """Return the node number *place* among those that are up."""
    i = first
    while True:
        if world.nodes[i].up:
            if place == 0:
                return i
            place -= 1
        i += 1


@compiled
def function_accept(world: World, station: Table, token: int) -> bool:
    """Run *token* on an instance, or apply the concurrency limit."""
    if station.limit == NONE or station.busy < station.limit:
        _start(world, station, token)
    elif station.queues:
        append(world, station, token)
    else:
        return False
    return True


@compiled
def _start(world: World, station: Table, token: int) -> None:
    row = world.tokens[token]
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
def _warm_instance(world: World, station: Table) -> int:
    """Take the newest instance that is idle and has not expired."""
    clock = world.clock[0]
    oldest_alive = clock.now - station.idle_time
    while station.warm != NONE:
        instance = int(station.warm)
        station.warm = without_first(world.instances, instance)
        if world.instances[instance].idle_since > oldest_alive:
            return instance
        world.instances[instance].next = clock.free_instance
        clock.free_instance = instance
        clock.instances_free += 1
    return NONE


@compiled
def _fresh(world: World, number: int) -> int:
    clock = world.clock[0]
    instance = int(clock.free_instance)
    clock.free_instance = world.instances[instance].next
    clock.instances_free -= 1
    world.instances[instance].key = -float(number)
    world.instances[instance].order = 0
    return instance


@compiled
def _cold_time(world: World, row: Any) -> float:
    """Return the whole time of an execution on a fresh instance."""
    step = world.steps[row.step]
    if step.cold == NONE:
        return float(row.service)
    seconds = quantile(world, step.cold, row.request, row.visit)
    return seconds if step.cold_is_whole else seconds + row.service


@compiled
def _bill(world: World, index: int, warm: float, total: float) -> None:
    step = world.steps[index]
    seconds = total if step.bills_cold else warm
    unit = step.bill_unit
    world.billed[index] += math.ceil(seconds / unit - 1e-9) * unit if unit else seconds
    world.invocations[index] += 1


@compiled
def instance_done(world: World, token: int) -> None:
    """Let the instance of *token* idle, or serve the next one that waits."""
    row = world.tokens[token]
    station = world.stations[world.steps[row.step].station]
    world.instances[row.instance].idle_since = world.clock[0].now
    station.warm = added(world.instances, station.warm, row.instance)
    station.busy -= 1
    if station.queue != NONE:
        _start(world, station, take_first(world, station))
