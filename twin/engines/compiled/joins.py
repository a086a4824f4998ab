"""Several tokens of one request: forks, and joins that wait for every input that may still come."""

from __future__ import annotations

from twin.engines.compiled.chance import VISIT_BITS, uniform
from twin.engines.compiled.jit import compiled
from twin.engines.compiled.operations import FIRE, QUEUE, SETTLE, TRAVEL, push
from twin.engines.compiled.paths import begin, merge
from twin.engines.compiled.requests import complete
from twin.engines.compiled.rows import ancestors, clock_of, joins, noted, sends, slots, spots, stages, steps, tokens
from twin.engines.compiled.slots import close_slot, free_token, spot_of, twin_token
from twin.engines.compiled.world import NONE, Row, World


@compiled
def spread(world: World, token: int, step: Row) -> None:
    """Go on by every edge the coins choose; a request ends with its last token."""
    row = tokens(world, token)
    slot, request, visit = int(row.slot), int(row.request), int(row.visit)
    stage = stages(world, step.component)
    spots(world, spot_of(world, slot, step.component)).active -= 1
    push(world, SETTLE, slot, request)
    bottom = clock_of(world).operations
    sent = 0
    coin = uniform(stage.key, request + (visit << VISIT_BITS)) if stage.tossed else 0.0
    for i in range(step.sends, step.sends + step.sends_count):
        send = sends(world, i)
        if stage.exclusive:
            coin -= send.probability
            taken = coin < 0 and sent == 0
        else:
            taken = uniform(send.key, request + (visit << VISIT_BITS)) < send.probability
        if taken:
            push(world, TRAVEL, token if sent == 0 else twin_token(world, token), send.step, send.hop)
            _expect(world, slot, steps(world, send.step).component)
            sent += 1
    slots(world, slot).live += sent - 1
    if sent == 0:
        free_token(world, token)
    _reverse(world, bottom)


@compiled
def _expect(world: World, slot: int, stage: int) -> None:
    spot = spots(world, spot_of(world, slot, stage))
    spot.active += 1
    spot.inbound += 1


@compiled
def _reverse(world: World, bottom: int) -> None:
    """Let what was noted first, from *bottom* on, be done first."""
    low, high = bottom, clock_of(world).operations - 1
    while low < high:
        one, other = noted(world, low), noted(world, high)
        one.kind, other.kind = other.kind, one.kind
        one.a, other.a = other.a, one.a
        one.b, other.b = other.b, one.b
        one.c, other.c = other.c, one.c
        low += 1
        high -= 1


@compiled
def wait_for_join(world: World, token: int, stage: int) -> bool:
    """Note that *token* has arrived at *stage*; say whether it has to wait there for others."""
    row = tokens(world, token)
    slot = int(row.slot)
    spot = spots(world, spot_of(world, slot, stage))
    spot.inbound -= 1
    if not stages(world, stage).joins:
        return False
    row.next = NONE
    if spot.waiting == NONE:
        spot.waiting = token
    else:
        tokens(world, spot.waiting_last).next = token
    spot.waiting_last = token
    push(world, FIRE, slot, row.request)
    return True


@compiled
def settle(world: World, slot: int, request: int) -> None:
    """Fire the joins that nothing more can reach, and end the request when no token is left."""
    if slots(world, slot).request != request:
        return
    if slots(world, slot).live == 0:
        close_slot(world, slot)
        complete(world, request)
    else:
        fire(world, slot, request)


@compiled
def fire(world: World, slot: int, request: int) -> None:
    """Let the first join go on that waits for nothing more, then look again."""
    if slots(world, slot).request != request:
        return
    stage = _ready(world, slot)
    if stage == NONE:
        return
    push(world, FIRE, slot, request)
    token = _merged(world, slot, stage)
    begin(world, token, stage)
    push(world, QUEUE, token)


@compiled
def _ready(world: World, slot: int) -> int:
    """Return the first join at which nothing more can arrive, or NONE."""
    row = slots(world, slot)
    for i in range(row.joins, row.joins + row.joins_count):
        join = joins(world, i).value
        spot = spots(world, spot_of(world, slot, join))
        if spot.waiting != NONE and not spot.inbound and not _awaited(world, slot, join):
            return int(join)
    return NONE


@compiled
def _awaited(world: World, slot: int, join: int) -> bool:
    stage = stages(world, join)
    for i in range(stage.ancestors, stage.ancestors + stage.ancestors_count):
        if spots(world, spot_of(world, slot, ancestors(world, i).value)).active:
            return True
    return False


@compiled
def _merged(world: World, slot: int, stage: int) -> int:
    """Return the token that goes on for all that wait: the last to arrive, on every path any of them followed."""
    spot = spots(world, spot_of(world, slot, stage))
    token, last = int(spot.waiting), int(spot.waiting_last)
    spot.waiting = NONE
    while token != last:
        following = int(tokens(world, token).next)
        merge(world, last, token)
        free_token(world, token)
        slots(world, slot).live -= 1
        spot.active -= 1
        token = following
    return last
