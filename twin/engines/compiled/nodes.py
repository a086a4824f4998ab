"""Nodes: a queue for cores, or cores that all requests share (processor sharing by virtual time)."""

from __future__ import annotations

import math

from twin.engines.compiled.agenda import FIFO_DONE, SHARE_DONE, plan
from twin.engines.compiled.jit import compiled, inlined
from twin.engines.compiled.operations import MOVE, push
from twin.engines.compiled.pairing import add_token, without_first_token
from twin.engines.compiled.queues import (
    append,
    begin_running,
    leaves,
    redirect_begun,
    stop_running,
    take_first,
    withdraw_waiting,
)
from twin.engines.compiled.rows import clock_of, nodes, noted, shares, stations, steps, tokens
from twin.engines.compiled.world import NONE, Row, World

FIFO, SHARING, FUNCTION = range(3)
"""Kinds of stations."""


@inlined
def fifo_accept(world: World, index: int, token: int) -> bool:
    """Serve *token* at once or let it wait; say no where the line is full."""
    node = nodes(world, index)
    row = tokens(world, token)
    row.node = node.index
    row.at = index
    units = steps(world, row.step).micro_units
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
def _fifo_start(world: World, node: Row, token: int, units: int) -> None:
    node.free -= units
    if node.fails:
        begin_running(world, node, token)
        node.area -= clock_of(world).now * units
    row = tokens(world, token)
    row.stamp = plan(world, row.service, FIFO_DONE, token)


@inlined
def fifo_done(world: World, token: int) -> None:
    """Give the cores of *token* back and serve those that wait for them."""
    row = tokens(world, token)
    node = nodes(world, row.at)
    units = steps(world, row.step).micro_units
    if node.fails:
        stop_running(world, node, token)
        node.area += clock_of(world).now * units
    node.present -= 1
    node.free += units
    _serve(world, node)


@inlined
def _serve(world: World, node: Row) -> None:
    """Start those first in line for which there are cores."""
    while node.queue_count > 0:
        units = steps(world, tokens(world, node.queue).step).micro_units
        if units > node.free:
            break
        node.queue_count -= 1
        _fifo_start(world, node, take_first(world, node), units)


@compiled
def sharing_accept(world: World, index: int, token: int) -> bool:
    """Let *token* join those served; say no where the node is full."""
    node = nodes(world, index)
    row = tokens(world, token)
    row.node = node.index
    step = steps(world, row.step)
    if node.capacity != NONE and node.present >= int(node.cores / step.computing_units + 1e-9) + node.capacity:
        return False
    _advance(world, node)
    share = shares(world, node.shares + step.share)
    node.number += 1
    node.present += 1
    row.key = share.clock + row.service
    row.order = node.number
    share.root = add_token(world, share.root, token)
    share.count += 1
    _reschedule(world, index, node)
    return True


@inlined
def _advance(world: World, node: Row) -> None:
    elapsed = clock_of(world).now - node.since
    node.since = clock_of(world).now
    for i in range(node.shares, node.shares + node.shares_count):
        share = shares(world, i)
        share.clock = share.clock + share.rate * elapsed if share.count else 0.0
        if node.fails:
            node.area += share.rate * share.computing_units * share.count * elapsed


@compiled
def _reschedule(world: World, index: int, node: Row) -> None:
    """Fix the rates (max-min fair: small demands first) and plan the next departure."""
    node.stamp = NONE
    cores, jobs, soonest = node.cores, node.present, math.inf
    for i in range(node.shares, node.shares + node.shares_count):
        share = shares(world, i)
        if share.count:
            rate = min(1.0, cores / (jobs * share.computing_units))
            cores -= rate * share.computing_units * share.count
            jobs -= share.count
            share.rate = rate
            delay = (tokens(world, share.root).key - share.clock) / rate
            if delay < soonest:
                soonest = delay
                node.leading = i
    if node.present:
        node.stamp = plan(world, max(soonest, 0.0), SHARE_DONE, index)


@compiled
def sharing_done(world: World, index: int) -> int:
    """Return the token that leaves node *index* now."""
    node = nodes(world, index)
    share = shares(world, node.leading)
    _advance(world, node)
    token = int(share.root)
    share.clock = tokens(world, token).key
    share.root = without_first_token(world, token)
    share.count -= 1
    node.present -= 1
    _reschedule(world, index, node)
    return token


@compiled
def emptied(world: World, index: int) -> int:
    """Return the first of the requests that were running on node *index*, linked by ``next``; it goes down."""
    node = nodes(world, index)
    node.up = 0
    node.present = 0
    node.stamp = NONE
    if stations(world, node.station).kind == FIFO:
        first = int(node.running)
        node.area += clock_of(world).now * (node.total - node.free)
        node.running = NONE
        node.running_last = NONE
        node.free = node.total
        return first
    _advance(world, node)
    first = NONE
    last = NONE
    for i in range(node.shares, node.shares + node.shares_count):
        share = shares(world, i)
        while share.root != NONE:
            token = share.root
            share.root = without_first_token(world, token)
            tokens(world, token).next = NONE
            if last == NONE:
                first = token
            else:
                tokens(world, last).next = token
            last = token
        share.count = 0
    return first


@compiled
def fifo_withdraw(world: World, index: int, kill: int, interrupted: int, waiting: int) -> None:
    """Note who must leave node *index*: those *waiting* and, if *kill*, those *interrupted*; serve who may stay."""
    node = nodes(world, index)
    token = node.running if kill else NONE
    while token != NONE:
        following = tokens(world, token).next
        if leaves(world, token, int(node.index)):
            units = steps(world, tokens(world, token).step).micro_units
            stop_running(world, node, token)
            node.free += units
            node.area += clock_of(world).now * units
            node.present -= 1
            _interrupt(world, token, interrupted)
        token = following
    left = withdraw_waiting(world, node, int(node.index), waiting)
    node.present -= left
    node.queue_count -= left
    _serve(world, node)


@compiled
def sharing_withdraw(world: World, index: int, interrupted: int) -> None:
    """Note who must leave node *index*; all are in service."""
    node = nodes(world, index)
    bottom = clock_of(world).operations
    for i in range(node.shares, node.shares + node.shares_count):
        share = shares(world, i)
        kept = NONE
        while share.root != NONE:
            token = int(share.root)
            share.root = without_first_token(world, token)
            if leaves(world, token, int(node.index)):
                push(world, MOVE, token, 0, interrupted)
            else:
                tokens(world, token).next = kept
                kept = token
        while kept != NONE:
            following = tokens(world, kept).next
            share.root = add_token(world, share.root, kept)
            kept = following
    if clock_of(world).operations == bottom:
        return
    _advance(world, node)
    for i in range(bottom, clock_of(world).operations):
        token = int(noted(world, i).a)
        shares(world, node.shares + steps(world, tokens(world, token).step).share).count -= 1
        node.present -= 1
        tokens(world, token).stamp = NONE
        redirect_begun(world, token)
    _reschedule(world, index, node)


@compiled
def _interrupt(world: World, token: int, rank: int) -> None:
    tokens(world, token).stamp = NONE
    redirect_begun(world, token)
    push(world, MOVE, token, 0, rank)
