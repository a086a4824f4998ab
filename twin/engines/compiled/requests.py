"""Requests: how they begin and how they end."""

from __future__ import annotations

from math import nan

from twin.engines.compiled.agenda import ARRIVAL, STOP, THOUGHT, plan
from twin.engines.compiled.jit import compiled, inlined
from twin.engines.compiled.operations import SETTLE, push
from twin.engines.compiled.slots import free_token, fresh_token, open_slot
from twin.engines.compiled.world import NONE, World


@inlined
def arrived(world: World, source: int) -> int:
    """Let a request arrive from *source*; return its token, or NONE once enough have arrived."""
    clock = world.clock[0]
    request = int(clock.requests)
    if request >= clock.limit:
        return NONE
    clock.requests = request + 1
    world.arrivals[request] = clock.now
    world.ends[request] = nan
    world.entries[request] = world.sources[source].entry
    world.lost[request] = False
    clock.live += 1
    token = fresh_token(world, request)
    if clock.tracks:
        slot = open_slot(world, request)
        stage = world.steps[world.sources[source].step].component
        world.tokens[token].slot = slot
        world.active[slot, stage] += 1
        world.inbound[slot, stage] += 1
    if request + 1 == clock.limit:
        stop(world)
    return token


@compiled
def stop(world: World) -> None:
    """End the run after what was planned for this moment before."""
    world.clock[0].stop_triggered = 1
    plan(world, 0.0, STOP, 0)


@compiled
def stop_when_idle(world: World) -> None:
    """End the run if nothing more can arrive and no request is left."""
    clock = world.clock[0]
    if clock.closed_sources or clock.exhausted < clock.open_sources:
        return
    if clock.live == 0 and not clock.stop_triggered:
        stop(world)


@inlined
def wait(world: World, source: int) -> None:
    """Plan the next arrival of an open source, its times being at hand."""
    row = world.sources[source]
    if row.position < row.length:
        delay = world.times[source, row.position] - world.clock[0].now
        row.position += 1
        plan(world, delay if delay > 0 else 0.0, ARRIVAL, source)
    elif not row.exhausted:
        row.exhausted = 1
        world.clock[0].exhausted += 1


@compiled
def think(world: World, source: int) -> None:
    """Let a user of a closed source think."""
    row = world.sources[source]
    plan(world, world.times[source, row.position], THOUGHT, source)
    row.position += 1
    if row.position >= row.length:
        world.clock[0].hungry = source


@inlined
def complete(world: World, request: int) -> None:
    """Let a request end."""
    clock = world.clock[0]
    world.ends[request] = clock.now
    clock.live -= 1
    source = world.entries[request]
    if clock.closed_sources and world.sources[source].closed:
        think(world, source)
    if clock.exhausted == clock.open_sources:
        stop_when_idle(world)


@inlined
def lose(world: World, token: int) -> None:
    """Let *token* leave for good; its request counts as lost."""
    row = world.tokens[token]
    request = int(row.request)
    world.lost[request] = True
    if world.clock[0].tracks:
        slot = int(row.slot)
        world.active[slot, world.steps[row.step].component] -= 1
        world.slots[slot].live -= 1
        push(world, SETTLE, slot, request)
    else:
        complete(world, request)
    free_token(world, token)
