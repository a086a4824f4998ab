"""The agenda: a binary heap of events by time, then by the order in which they were planned."""

from __future__ import annotations

from twin.engines.compiled.jit import inlined
from twin.engines.compiled.rows import agenda, clock_of
from twin.engines.compiled.world import World

(
    ARRIVAL,
    THOUGHT,
    FIFO_DONE,
    SHARE_DONE,
    INSTANCE_DONE,
    LINK_PASSED,
    LINK_SENT,
    LINK_CHANGED,
    CRASH,
    REPAIR,
    FAIL,
    RECOVER,
    STOP,
) = range(13)
"""Kinds of events."""

KIND_BITS = 4
"""Bits of an entry that say what happens; the others say to whom."""

KINDS = 1 << KIND_BITS


@inlined
def plan(world: World, delay: float, kind: int, subject: int) -> int:
    """Let *kind* happen to *subject* after *delay* seconds; return the number of the event."""
    clock = clock_of(world)
    number = clock.number
    clock.number = number + 1
    time = clock.now + delay
    what = (subject << KIND_BITS) + kind
    if clock.hole:
        clock.hole = 0
        _sink(world, time, number, what)
    else:
        _rise(world, time, number, what)
    return int(number)


@inlined
def _rise(world: World, time: float, number: int, what: int) -> None:
    """Put the newest event where it belongs, from the end upwards."""
    clock = clock_of(world)
    place = clock.events
    clock.events = place + 1
    while place > 0:
        above = (place - 1) >> 1
        if agenda(world, above).time <= time:  # of two at one time, the one planned earlier comes first
            break
        _move(world, above, place)
        place = above
    row = agenda(world, place)
    row.time, row.number, row.what = time, number, what


@inlined
def _sink(world: World, time: float, number: int, what: int) -> None:
    """Put an event where it belongs, from the root downwards; the root is free."""
    end = clock_of(world).events
    place = 0
    below = 1
    while below < end:
        row = agenda(world, below)
        if below + 1 < end:
            other = agenda(world, below + 1)
            if other.time < row.time or (other.time == row.time and other.number < row.number):
                below += 1
                row = other
        if time < row.time or (time == row.time and number < row.number):
            break
        _move(world, below, place)
        place = below
        below = 2 * place + 1
    row = agenda(world, place)
    row.time, row.number, row.what = time, number, what


@inlined
def _move(world: World, origin: int, target: int) -> None:
    row, copy = agenda(world, origin), agenda(world, target)
    copy.time, copy.number, copy.what = row.time, row.number, row.what


@inlined
def drop_first(world: World) -> None:
    """Take the next event off the agenda; its place stays free for the next one planned."""
    clock_of(world).hole = 1


@inlined
def close_hole(world: World) -> None:
    """Fill the place of an event that was taken off, if none was planned since."""
    clock = clock_of(world)
    if clock.hole:
        clock.hole = 0
        clock.events -= 1
        last = agenda(world, clock.events)
        _sink(world, last.time, last.number, last.what)
