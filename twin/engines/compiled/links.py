"""Links: transmission through a network domain, then its access delay."""

from __future__ import annotations

import math

from twin.engines.compiled.agenda import LINK_CHANGED, LINK_PASSED, LINK_SENT, plan
from twin.engines.compiled.jit import compiled
from twin.engines.compiled.pairing import add_token, without_first_token
from twin.engines.compiled.rows import clock_of, extras, links, timeline, tokens
from twin.engines.compiled.world import NONE, Row, World

FREE, QUEUED, SHARED = range(3)
"""Kinds of contention."""


@compiled
def transfer(world: World, index: int, token: int, size_mb: float) -> None:
    """Move *token* with *size_mb* megabytes; it arrives after transmission and delay."""
    link = links(world, index)
    link.carried_mb += size_mb
    if link.contention == SHARED:
        _share(world, index, link, token, size_mb)
        return
    now = clock_of(world).now
    start = max(now, link.free_at) if link.contention == QUEUED else now
    sent = start + size_mb / link.rate if link.steady else _sent_by(world, link, start, size_mb)
    if link.contention == QUEUED:
        link.free_at = sent
    delay = link.delay if link.steady else _delay_at(world, link, sent)
    plan(world, sent - now + delay, LINK_PASSED, token)


@compiled
def _sent_by(world: World, link: Row, start: float, size_mb: float) -> float:
    """Return when *size_mb* megabytes are through that begin at *start* and have the whole bandwidth."""
    last = link.times + link.times_count - 1
    for i in range(link.times, last + 1):
        rate = timeline(world, i).rate
        end = timeline(world, i + 1).time if i < last else math.inf
        if end <= start:
            continue
        begin = max(start, timeline(world, i).time)
        if rate > 0 and size_mb <= rate * (end - begin):
            return float(begin + size_mb / rate)
        size_mb -= rate * (end - begin)
    return math.inf


@compiled
def _delay_at(world: World, link: Row, time: float) -> float:
    """Return the access delay in force at *time*, in seconds."""
    total = 0.0
    for i in range(link.extras, link.extras + link.extras_count):
        extra = extras(world, i)
        if extra.start <= time < extra.end:
            total += extra.delay
    return float(link.delay + total)


@compiled
def _share(world: World, index: int, link: Row, token: int, size_mb: float) -> None:
    _advance(world, link)
    link.number += 1
    tokens(world, token).key = link.clock + size_mb
    tokens(world, token).order = link.number
    link.root = add_token(world, link.root, token)
    link.count += 1
    _reschedule(world, index, link)


@compiled
def _advance(world: World, link: Row) -> None:
    now = clock_of(world).now
    link.clock = link.clock + (now - link.since) * link.rate / link.count if link.count else 0.0
    link.since = now


@compiled
def _reschedule(world: World, index: int, link: Row) -> None:
    link.stamp = NONE
    if link.count and link.rate > 0:
        delay = (tokens(world, link.root).key - link.clock) * link.count / link.rate
        link.stamp = plan(world, max(delay, 0.0), LINK_SENT, index)


@compiled
def sent(world: World, index: int) -> None:
    """Let the first transfer on a shared link end its transmission."""
    link = links(world, index)
    _advance(world, link)
    token = int(link.root)
    link.clock = tokens(world, token).key
    link.root = without_first_token(world, token)
    link.count -= 1
    _reschedule(world, index, link)
    plan(world, _delay_at(world, link, clock_of(world).now), LINK_PASSED, token)


@compiled
def changed(world: World, change: int) -> None:
    """Give a shared link the bandwidth of row *change* of the timeline."""
    index = timeline(world, change).link
    link = links(world, index)
    _advance(world, link)
    link.rate = timeline(world, change).rate
    _reschedule(world, index, link)


@compiled
def plan_change(world: World, change: int) -> None:
    """Plan row *change* of the timeline of a shared link."""
    plan(world, timeline(world, change).time, LINK_CHANGED, change)
