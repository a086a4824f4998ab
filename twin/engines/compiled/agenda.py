"""The agenda: a binary heap of events by time, then by the order in which they were planned."""

from __future__ import annotations

from twin.engines.compiled.jit import compiled, inlined
from twin.engines.compiled.rows import agenda, clock_of
from twin.engines.compiled.world import Row, World

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
    place = clock.events
    clock.events = place + 1
    while place > 0:
        above = (place - 1) >> 1
        if agenda(world, above).time <= time:  # of two at one time, the one planned earlier comes first
            break
        _move(world, above, place)
        place = above
    row = agenda(world, place)
    row.time, row.number, row.what = time, number, (subject << KIND_BITS) + kind
    return int(number)


@inlined
def _move(world: World, origin: int, target: int) -> None:
    row, copy = agenda(world, origin), agenda(world, target)
    copy.time, copy.number, copy.what = row.time, row.number, row.what


@inlined
def _is_before(row: Row, other: Row) -> bool:
    return bool(row.time < other.time or (row.time == other.time and row.number < other.number))


@compiled
def drop_first(world: World) -> None:
    """Take the next event off the agenda."""
    clock = clock_of(world)
    last = clock.events - 1
    clock.events = last
    moved = agenda(world, last)
    place = 0
    below = 1
    while below < last:
        if below + 1 < last and _is_before(agenda(world, below + 1), agenda(world, below)):
            below += 1
        if _is_before(moved, agenda(world, below)):
            break
        _move(world, below, place)
        place = below
        below = 2 * place + 1
    _move(world, last, place)
