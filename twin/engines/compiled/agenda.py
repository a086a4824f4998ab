"""The agenda: a binary heap of events by time, then by the order in which they were planned."""

from __future__ import annotations

from twin.engines.compiled.jit import compiled, inlined
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
    clock = world.clock[0]
    number = clock.number
    clock.number = number + 1
    place = clock.events
    clock.events = place + 1
    time = clock.now + delay
    due, order, what = world.due, world.order, world.what
    while place > 0:
        above = (place - 1) >> 1
        if due[above] <= time:  # of two at one time, the one planned earlier comes first
            break
        due[place], order[place], what[place] = due[above], order[above], what[above]
        place = above
    due[place], order[place], what[place] = time, number, (subject << KIND_BITS) + kind
    return int(number)


@compiled
def drop_first(world: World) -> None:
    """Take the next event off the agenda."""
    clock = world.clock[0]
    last = clock.events - 1
    clock.events = last
    due, order, what = world.due, world.order, world.what
    time, number = due[last], order[last]
    place = 0
    below = 1
    while below < last:
        right = below + 1
        if right < last and (due[right] < due[below] or (due[right] == due[below] and order[right] < order[below])):
            below = right
        if time < due[below] or (time == due[below] and number < order[below]):
            break
        due[place], order[place], what[place] = due[below], order[below], what[below]
        place = below
        below = 2 * place + 1
    due[place], order[place], what[place] = time, number, what[last]
