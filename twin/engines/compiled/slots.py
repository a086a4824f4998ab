"""Rows that come and go: tokens, and the slots that say where the tokens of one request are."""

from __future__ import annotations

from twin.engines.compiled.jit import compiled, inlined
from twin.engines.compiled.rows import clock_of, places, slots, spots, stages, steps, tokens, visited
from twin.engines.compiled.world import NONE, World


@inlined
def fresh_token(world: World, request: int) -> int:
    """Return a new token of *request*."""
    clock = clock_of(world)
    token = int(clock.free_token)
    row = tokens(world, token)
    clock.free_token = row.next
    clock.tokens_free -= 1
    row.request = request
    row.visit = 0
    row.node = 0.0
    row.pool_node = NONE
    row.retries = 0
    for path in range(clock.paths):
        places(world, token * clock.paths + path).position = NONE
    return token


@compiled
def twin_token(world: World, token: int) -> int:
    """Return another token of the same request at the same place."""
    original = tokens(world, token)
    other = fresh_token(world, original.request)
    row = tokens(world, other)
    row.node = original.node
    row.slot = original.slot
    clock = clock_of(world)
    for path in range(clock.paths):
        place = places(world, token * clock.paths + path)
        copy = places(world, other * clock.paths + path)
        copy.position, copy.start = place.position, place.start
    return other


@inlined
def free_token(world: World, token: int) -> None:
    """Let the row of *token* be used again."""
    clock = clock_of(world)
    tokens(world, token).stamp = NONE
    tokens(world, token).next = clock.free_token
    clock.free_token = token
    clock.tokens_free += 1


@inlined
def spot_of(world: World, slot: int, stage: int) -> int:
    """Return the row of SPOT that says where the tokens of *slot* are with regard to *stage*."""
    return int(slot * clock_of(world).stages + stages(world, stage).place)


@inlined
def visits_of(world: World, slot: int, step: int) -> int:
    """Return the row that says how often the request of *slot* has been at *step*."""
    return int(slot * clock_of(world).steps + steps(world, step).place)


@compiled
def open_slot(world: World, request: int, stage: int) -> int:
    """Return a slot for the whereabouts of *request*, which begins at *stage* and never leaves its part."""
    clock = clock_of(world)
    slot = int(clock.free_slot)
    row = slots(world, slot)
    clock.free_slot = row.next
    clock.slots_free -= 1
    row.request = request
    row.live = 1
    row.joins = stages(world, stage).part_joins
    row.joins_count = stages(world, stage).part_joins_count
    for place in range(clock.stages):
        spot = spots(world, slot * clock.stages + place)
        spot.active = 0
        spot.inbound = 0
        spot.waiting = NONE
    for place in range(clock.steps):
        visited(world, slot * clock.steps + place).value = 0
    return slot


@compiled
def close_slot(world: World, slot: int) -> None:
    """Forget where the tokens of a request were: none is left."""
    clock = clock_of(world)
    slots(world, slot).request = NONE
    slots(world, slot).next = clock.free_slot
    clock.free_slot = slot
    clock.slots_free += 1
