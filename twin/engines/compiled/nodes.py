"""Nodes: a queue for cores, or cores that all requests share (processor sharing by virtual time)."""

from __future__ import annotations

import math

from twin.engines.compiled.agenda import FIFO_DONE, SHARE_DONE, plan
from twin.engines.compiled.jit import compiled, inlined
from twin.engines.compiled.pairing import added, without_first
from twin.engines.compiled.queues import append, begin_running, stop_running, take_first
from twin.engines.compiled.world import NONE, Table, World

FIFO, SHARING, FUNCTION = range(3)
"""Kinds of stations."""


@inlined
def fifo_accept(world: World, index: int, token: int) -> bool:
    """Serve *token* at once or let it wait; say no where the line is full."""
    node = world.nodes[index]
    row = world.tokens[token]
    row.node = node.index
    row.at = index
    units = world.steps[row.step].micro_units
    if units <= node.free and node.queue_count == 0:
        _fifo_start(world, node, token, units)
    elif node.capacity == NONE or node.queue_count < node.capacity:
        append(world, node, token)
        node.queue_count += 1
    else:
        return False
    node.present += 1
    return True


@inlined
def _fifo_start(world: World, node: Table, token: int, units: int) -> None:
    node.free -= units
    if world.stations[node.station].fails:
        begin_running(world, node, token)
    row = world.tokens[token]
    row.stamp = plan(world, row.service, FIFO_DONE, token)


@inlined
def fifo_done(world: World, token: int) -> None:
    """Give the cores of *token* back and serve those that wait for them."""
    row = world.tokens[token]
    node = world.nodes[row.at]
    if world.stations[node.station].fails:
        stop_running(world, node, token)
    node.present -= 1
    node.free += world.steps[row.step].micro_units
    while node.queue_count > 0:
        units = world.steps[world.tokens[node.queue].step].micro_units
        if units > node.free:
            break
        node.queue_count -= 1
        _fifo_start(world, node, take_first(world, node), units)


@compiled
def sharing_accept(world: World, index: int, token: int) -> bool:
    """Let *token* join those served; say no where the node is full."""
    node = world.nodes[index]
    row = world.tokens[token]
    row.node = node.index
    step = world.steps[row.step]
    if (
        node.capacity != NONE
        and node.present >= int(node.cores / step.computing_units + 1e-9) + node.capacity
    ):
        return False
    _advance(world, node)
    share = world.shares[node.shares + step.share]
    node.number += 1
    node.present += 1
    row.key = share.clock + row.service
    row.order = node.number
    share.root = added(world.tokens, share.root, token)
    share.count += 1
    _reschedule(world, index, node)
    return True


@inlined
def _advance(world: World, node: Table) -> None:
    elapsed = world.clock[0].now - node.since
    node.since = world.clock[0].now
    for i in range(node.shares, node.shares + node.shares_count):
        share = world.shares[i]
        share.clock = share.clock + share.rate * elapsed if share.count else 0.0


@compiled
def _reschedule(world: World, index: int, node: Table) -> None:
    """Fix the rates (max-min fair: small demands first) and plan the next departure."""
    node.stamp = NONE
    cores, jobs, soonest = node.cores, node.present, math.inf
    for i in range(node.shares, node.shares + node.shares_count):
        share = world.shares[i]
        if share.count:
            rate = min(1.0, cores / (jobs * share.computing_units))
            cores -= rate * share.computing_units * share.count
            jobs -= share.count
            share.rate = rate
            delay = (world.tokens[share.root].key - share.clock) / rate
            if delay < soonest:
                soonest = delay
                node.leading = i
    if node.present:
        node.stamp = plan(world, max(soonest, 0.0), SHARE_DONE, index)


@compiled
def sharing_done(world: World, index: int) -> int:
    """Return the token that leaves node *index* now."""
    node = world.nodes[index]
    share = world.shares[node.leading]
    _advance(world, node)
    token = int(share.root)
    share.clock = world.tokens[token].key
    share.root = without_first(world.tokens, token)
    share.count -= 1
    node.present -= 1
    _reschedule(world, index, node)
    return token


@compiled
def emptied(world: World, index: int) -> int:
    """Return the first of the requests that were running on node *index*, linked by ``next``; it goes down."""
    node = world.nodes[index]
    node.up = 0
    node.present = 0
    node.stamp = NONE
    if world.stations[node.station].kind == FIFO:
        first = int(node.running)
        node.running = NONE
        node.running_last = NONE
        node.free = node.total
        return first
    first = NONE
    last = NONE
    for i in range(node.shares, node.shares + node.shares_count):
        share = world.shares[i]
        while share.root != NONE:
            token = share.root
            share.root = without_first(world.tokens, token)
            world.tokens[token].next = NONE
            if last == NONE:
                first = token
            else:
                world.tokens[last].next = token
            last = token
        share.count = 0
    return first
