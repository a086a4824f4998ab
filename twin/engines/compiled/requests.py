"""Requests: how they begin and how they end."""

from __future__ import annotations

from math import nan

from twin.engines.compiled.agenda import ARRIVAL, STOP, THOUGHT, plan
from twin.engines.compiled.chance import draw_ahead
from twin.engines.compiled.jit import compiled, inlined
from twin.engines.compiled.operations import SETTLE, push
from twin.engines.compiled.rows import (
    arrivals,
    clock_of,
    ends,
    entries,
    lost,
    slots,
    sources,
    spots,
    steps,
    times,
    tokens,
)
from twin.engines.compiled.slots import free_token, fresh_token, open_slot, spot_of
from twin.engines.compiled.world import NONE, World


@inlined
def arrived(world: World, source: int) -> int:
    """Let a request arrive from *source*; return its token, or NONE once enough have arrived."""
    clock = clock_of(world)
    request = int(clock.requests)
    if request >= clock.limit:
        return NONE
    clock.requests = request + 1
    if clock.rings and request >= clock.drawn:
        draw_ahead(world)
    arrivals(world, request).value = clock.now
    ends(world, request).value = nan
    entries(world, request).value = sources(world, source).entry
    lost(world, request).value = False
    clock.live += 1
    token = fresh_token(world, request)
    if clock.tracks:
        stage = steps(world, sources(world, source).step).component
        slot = open_slot(world, request, stage)
        tokens(world, token).slot = slot
        spot = spots(world, spot_of(world, slot, stage))
        spot.active += 1
        spot.inbound += 1
    if request + 1 == clock.limit:
        stop(world)
    return token


@compiled
def stop(world: World) -> None:
    """End the run after what was planned for this moment before."""
    clock_of(world).stop_triggered = 1
    plan(world, 0.0, STOP, 0)


@compiled
def stop_when_idle(world: World) -> None:
    """End the run if nothing more can arrive, no request is left, and no horizon says when."""
    clock = clock_of(world)
    if clock.closed_sources or clock.exhausted < clock.open_sources or clock.bounded:
        return
    if clock.live == 0 and not clock.stop_triggered:
        stop(world)


@inlined
def wait(world: World, source: int) -> None:
    """Plan the next arrival of an open source, its times being at hand."""
    row = sources(world, source)
    if row.position < row.length:
        delay = times(world, source * clock_of(world).times_width + row.position).value - clock_of(world).now
        row.position += 1
        plan(world, delay if delay > 0 else 0.0, ARRIVAL, source)
    elif not row.exhausted:
        row.exhausted = 1
        clock_of(world).exhausted += 1


@compiled
def think(world: World, source: int) -> None:
    """Let a user of a closed source think."""
    row = sources(world, source)
    plan(world, times(world, source * clock_of(world).times_width + row.position).value, THOUGHT, source)
    row.position += 1
    if row.position >= row.length:
        clock_of(world).hungry = source


@inlined
def complete(world: World, request: int) -> None:
    """Let a request end."""
    clock = clock_of(world)
    ends(world, request).value = clock.now
    clock.live -= 1
    source = entries(world, request).value
    if clock.closed_sources and sources(world, source).closed:
        think(world, source)
    if clock.exhausted == clock.open_sources:
        stop_when_idle(world)


@inlined
def lose(world: World, token: int) -> None:
    """Let *token* leave for good; its request counts as lost."""
    row = tokens(world, token)
    request = int(row.request)
    lost(world, request).value = True
    if clock_of(world).tracks:
        slot = int(row.slot)
        spots(world, spot_of(world, slot, steps(world, row.step).component)).active -= 1
        slots(world, slot).live -= 1
        push(world, SETTLE, slot, request)
    else:
        complete(world, request)
    free_token(world, token)
