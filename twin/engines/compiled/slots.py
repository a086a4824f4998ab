"""Rows that come and go: tokens, and the slots that say where the tokens of one request are."""

from __future__ import annotations

from twin.engines.compiled.jit import compiled, inlined
from twin.engines.compiled.world import NONE, World


@inlined
def fresh_token(world: World, request: int) -> int:
    """Return a new token of *request*."""
    clock = world.clock[0]
    token = int(clock.free_token)
    row = world.tokens[token]
    clock.free_token = row.next
    clock.tokens_free -= 1
    row.request = request
    row.visit = 0
    row.node = 0.0
    row.pool_node = NONE
    row.retries = 0
    for path in range(clock.paths):
        world.positions[token, path] = NONE
    return token


@compiled
def twin_token(world: World, token: int) -> int:
    """Return another token of the same request at the same place."""
    original = world.tokens[token]
    other = fresh_token(world, original.request)
    row = world.tokens[other]
    row.node = original.node
    row.slot = original.slot
    for path in range(world.clock[0].paths):
        world.positions[other, path] = world.positions[token, path]
        world.starts[other, path] = world.starts[token, path]
    return other


@inlined
def free_token(world: World, token: int) -> None:
    """Let the row of *token* be used again."""
    clock = world.clock[0]
    world.tokens[token].stamp = NONE
    world.tokens[token].next = clock.free_token
    clock.free_token = token
    clock.tokens_free += 1


@compiled
def open_slot(world: World, request: int) -> int:
    """Return a slot for the whereabouts of *request*."""
    clock = world.clock[0]
    slot = int(clock.free_slot)
    row = world.slots[slot]
    clock.free_slot = row.next
    clock.slots_free -= 1
    row.request = request
    row.live = 1
    for stage in range(len(world.stages)):
        world.active[slot, stage] = 0
        world.inbound[slot, stage] = 0
        world.waiting[slot, stage] = NONE
    for step in range(len(world.steps)):
        world.visited[slot, step] = 0
    return slot


@compiled
def close_slot(world: World, slot: int) -> None:
    """Forget where the tokens of a request were: none is left."""
    clock = world.clock[0]
    world.slots[slot].request = NONE
    world.slots[slot].next = clock.free_slot
    clock.free_slot = slot
    clock.slots_free += 1
