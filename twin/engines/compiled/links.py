"""Links: transmission through a network domain, then its access delay."""

from __future__ import annotations

import math

from twin.engines.compiled.agenda import LINK_CHANGED, LINK_PASSED, LINK_SENT, plan
from twin.engines.compiled.jit import compiled
from twin.engines.compiled.pairing import added, without_first
from twin.engines.compiled.world import NONE, Table, World

FREE, QUEUED, SHARED = range(3)
"""Kinds of contention."""


@compiled
def transfer(world: World, index: int, token: int, size_mb: float) -> None:
    """Move *token* with *size_mb* megabytes; it arrives after transmission and delay."""
    link = world.links[index]
    link.carried_mb += size_mb
    if link.contention == SHARED:
        _share(world, index, link, token, size_mb)
        return
    now = world.clock[0].now
    start = max(now, link.free_at) if link.contention == QUEUED else now
    sent = start + size_mb / link.rate if link.steady else _sent_by(world, link, start, size_mb)
    if link.contention == QUEUED:
        link.free_at = sent
    delay = link.delay if link.steady else _delay_at(world, link, sent)
    plan(world, sent - now + delay, LINK_PASSED, token)


@compiled
def _sent_by(world: World, link: Table, start: float, size_mb: float) -> float:
    """Return when *size_mb* megabytes are through that begin at *start* and have the whole bandwidth."""
    last = link.times + link.times_count - 1
    for i in range(link.times, last + 1):
        rate = world.timeline[i].rate
        end = world.timeline[i + 1].time if i < last else math.inf
        if end <= start:
            continue
        begin = max(start, world.timeline[i].time)
        if rate > 0 and size_mb <= rate * (end - begin):
            return float(begin + size_mb / rate)
        size_mb -= rate * (end - begin)
    return math.inf


@compiled
def _delay_at(world: World, link: Table, time: float) -> float:
    """Return the access delay in force at *time*, in seconds."""
    total = 0.0
    for i in range(link.extras, link.extras + link.extras_count):
        extra = world.extras[i]
        if extra.start <= time < extra.end:
            total += extra.delay
    return float(link.delay + total)


@compiled
def _share(world: World, index: int, link: Table, token: int, size_mb: float) -> None:
    _advance(world, link)
    link.number += 1
    world.tokens[token].key = link.clock + size_mb
    world.tokens[token].order = link.number
    link.root = added(world.tokens, link.root, token)
    link.count += 1
    _reschedule(world, index, link)


@compiled
def _advance(world: World, link: Table) -> None:
    now = world.clock[0].now
    link.clock = link.clock + (now - link.since) * link.rate / link.count if link.count else 0.0
    link.since = now


@compiled
def _reschedule(world: World, index: int, link: Table) -> None:
    link.stamp = NONE
    if link.count and link.rate > 0:
        delay = (world.tokens[link.root].key - link.clock) * link.count / link.rate
        link.stamp = plan(world, max(delay, 0.0), LINK_SENT, index)


@compiled
def sent(world: World, index: int) -> None:
    """Let the first transfer on a shared link end its transmission."""
    link = world.links[index]
    _advance(world, link)
    token = int(link.root)
    link.clock = world.tokens[token].key
    link.root = without_first(world.tokens, token)
    link.count -= 1
    _reschedule(world, index, link)
    plan(world, _delay_at(world, link, world.clock[0].now), LINK_PASSED, token)


@compiled
def changed(world: World, change: int) -> None:
    """Give a shared link the bandwidth of row *change* of the timeline."""
    index = world.timeline[change].link
    link = world.links[index]
    _advance(world, link)
    link.rate = world.timeline[change].rate
    _reschedule(world, index, link)


@compiled
def plan_change(world: World, change: int) -> None:
    """Plan row *change* of the timeline of a shared link."""
    plan(world, world.timeline[change].time, LINK_CHANGED, change)
