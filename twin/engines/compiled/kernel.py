"""The loop: what remains to be done now, then the next event, until something is missing or the run is over."""

from __future__ import annotations

from twin.engines.compiled import agenda, operations
from twin.engines.compiled.agenda import close_hole, drop_first
from twin.engines.compiled.failures import (
    admit,
    crash,
    fail,
    plan_crash,
    plan_recovery,
    readmit,
    recover,
    repair,
    struck,
    wear,
)
from twin.engines.compiled.jit import cached, compiled, inlined
from twin.engines.compiled.joins import fire, settle
from twin.engines.compiled.links import changed, plan_change, sent
from twin.engines.compiled.nodes import fifo_done, sharing_done
from twin.engines.compiled.operations import push
from twin.engines.compiled.pools import instance_done
from twin.engines.compiled.requests import arrived, stop_when_idle, think, wait
from twin.engines.compiled.routing import done, enter, queue, travel
from twin.engines.compiled.rows import agenda as coming
from twin.engines.compiled.rows import clock_of, links, nodes, noted, rules, sources, tokens
from twin.engines.compiled.switching import move, switch
from twin.engines.compiled.world import NONE, World

(
    OVER,
    DRAINED,
    NEED_ROOM,
    NEED_REQUESTS,
    NEED_TIMES,
    NEED_OUTAGES,
    LATER,
) = range(7)
"""Why the kernel returns."""

GO_ON = -1

MARGIN = 8
"""Events and operations that one operation may add, beside one for each token."""


def digested(digest: int) -> object:
    """Return the kernel of the sources with this *digest*, which stands for them in the key of the cache on disk."""

    @cached
    def kernel(world: World) -> int:
        _ = digest
        clock = clock_of(world)
        while True:
            clock.credit -= 1
            if clock.credit < 0 and _is_short_of_room(world):
                return NEED_ROOM
            if clock.hungry != NONE:
                return NEED_TIMES
            outcome = _operation(world) if clock.operations else _event(world)
            if outcome != GO_ON:
                return outcome

    return kernel


@compiled
def _is_short_of_room(world: World) -> bool:
    """Say whether a table could overflow at the next step; otherwise note for how many steps none can.

    A step records one visit at most, begins two invocations at most, and plans few events, except that it may start
    every token that waits; but none starts twice.
    """
    clock = clock_of(world)
    steps = min(
        clock.visits_room - clock.visits,
        clock.executions_room - clock.executions,
        clock.tokens_free // clock.fanout,
        clock.slots_free,
        clock.instances_free // 2,
        (clock.agenda_room - clock.events - clock.tokens_room) // MARGIN,
    )
    if clock.paths:
        steps = min(steps, (clock.passages_room - clock.passages) // clock.paths)
    clock.credit = steps - 1
    return bool(steps < 1)


@inlined
def _event(world: World) -> int:
    """Take the next event."""
    clock = clock_of(world)
    close_hole(world)
    if clock.events == 0:
        return DRAINED
    if coming(world, 0).time >= clock.horizon:
        clock.now = clock.horizon
        return LATER
    what = coming(world, 0).what
    kind, subject = what & (agenda.KINDS - 1), what >> agenda.KIND_BITS
    if kind <= agenda.THOUGHT:
        return _arrival(world, subject)
    clock.now = coming(world, 0).time
    number = coming(world, 0).number
    drop_first(world)
    if kind == agenda.LINK_PASSED:
        enter(world, subject)
        return GO_ON
    if kind > agenda.INSTANCE_DONE:
        return _rare(world, kind, subject, number)
    token = _served(world, kind, subject, number)
    if token != NONE:
        done(world, token)
    return GO_ON


@inlined
def _served(world: World, kind: int, subject: int, number: int) -> int:
    """Return the token whose service ends, or NONE if it has been interrupted since."""
    if kind == agenda.SHARE_DONE:
        return sharing_done(world, subject) if nodes(world, subject).stamp == number else NONE
    if tokens(world, subject).stamp != number:
        return NONE
    if kind == agenda.FIFO_DONE:
        fifo_done(world, subject)
    else:
        instance_done(world, subject)
    return subject


@inlined
def _arrival(world: World, source: int) -> int:
    """Let a request arrive, once there is room for it and the next arrival is known."""
    clock = clock_of(world)
    row = sources(world, source)
    if clock.requests >= clock.arrivals_room and clock.requests < clock.limit:
        return NEED_REQUESTS
    if not row.closed and row.position >= row.length and not row.final:
        clock.hungry = source
        return NEED_TIMES
    clock.now = coming(world, 0).time
    drop_first(world)
    if not row.closed:
        wait(world, source)
    token = arrived(world, source)
    if token != NONE:
        travel(world, token, row.step, row.hop)
    return GO_ON


@compiled
def _rare(world: World, kind: int, subject: int, number: int) -> int:
    """Carry out an event that seldom happens."""
    if kind == agenda.STOP:
        return OVER
    if kind == agenda.LINK_SENT:
        if links(world, subject).stamp == number:
            sent(world, subject)
    elif kind == agenda.LINK_CHANGED:
        changed(world, subject)
    elif kind == agenda.CRASH:
        crash(world, subject)
    elif kind == agenda.REPAIR:
        repair(world, subject)
    elif kind == agenda.FAIL:
        fail(world, subject)
    else:
        recover(world, subject)
    return GO_ON


@compiled
def _operation(world: World) -> int:
    """Do what was noted last; what lacks something stays noted."""
    clock = clock_of(world)
    row = noted(world, clock.operations - 1)
    kind, a, b, c = int(row.kind), int(row.a), int(row.b), int(row.c)
    if kind == operations.WEAR and rules(world, a).position >= clock.outages_width:
        return NEED_OUTAGES
    clock.operations -= 1
    if kind == operations.TRAVEL:
        travel(world, a, b, c)
    elif kind == operations.QUEUE:
        queue(world, a)
    elif kind == operations.SETTLE:
        settle(world, a, b)
    elif kind == operations.FIRE:
        fire(world, a, b)
    else:
        _rare_operation(world, kind, a, b)
    return GO_ON


@compiled
def _rare_operation(world: World, kind: int, a: int, b: int) -> None:
    """Do what is noted only at the start of a run, or when something fails."""
    if kind == operations.STRUCK:
        struck(world, a, b)
    elif kind == operations.ADMIT:
        admit(world, a)
    elif kind == operations.READMIT:
        readmit(world, a, b)
    elif kind == operations.WEAR:
        wear(world, a)
    elif kind == operations.PLAN_RECOVERY:
        plan_recovery(world, a)
    elif kind == operations.MOVE:
        move(world, a)
    elif kind == operations.SWITCH:
        switch(world, a)
    else:
        _opening(world, kind, a, b)


@compiled
def _opening(world: World, kind: int, a: int, b: int) -> None:
    """Plan what a run begins with."""
    if kind == operations.PLAN_CHANGE:
        plan_change(world, a)
    elif kind == operations.PLAN_CRASH:
        plan_crash(world, a)
    elif kind == operations.WAIT:
        wait(world, a)
    elif kind == operations.THINK:
        if b > 1:
            push(world, operations.THINK, a, b - 1)
        think(world, a)
    else:
        stop_when_idle(world)
