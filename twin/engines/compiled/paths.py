"""Measured paths: how far along each of them a token is, and since when."""

from __future__ import annotations

from twin.engines.compiled.jit import compiled, inlined
from twin.engines.compiled.rows import clock_of, entered, final, passages, places, stages, tokens
from twin.engines.compiled.world import NONE, Row, World


@inlined
def begin(world: World, token: int, stage: int) -> None:
    """Begin a component."""
    tokens(world, token).began = clock_of(world).now
    if clock_of(world).paths:
        _advance(world, stages(world, stage), token)


@compiled
def _advance(world: World, stage: Row, token: int) -> None:
    """Begin, continue or leave behind each path, as *token* enters *stage*."""
    clock = clock_of(world)
    entry = stage.entered
    end = entry + stage.entered_count
    for path in range(clock.paths):
        place = places(world, token * clock.paths + path)
        position, start = place.position, place.start
        place.position = NONE
        while entry < end and entered(world, entry).place == path:
            here = entered(world, entry).position
            if here == 0:
                place.position = 0
                place.start = clock.now
            elif position == here - 1:
                place.position = here
                place.start = start
            entry += 1


@compiled
def finish(world: World, stage: Row, token: int) -> None:
    """Record the paths that end with *stage*."""
    clock = clock_of(world)
    for i in range(stage.final, stage.final + stage.final_count):
        end = final(world, i)
        place = places(world, token * clock.paths + end.place)
        if place.position == end.length - 1:
            row = passages(world, clock.passages)
            row.request, row.owner = tokens(world, token).request, end.path
            row.start, row.end = place.start, clock.now
            clock.passages += 1


@compiled
def merge(world: World, token: int, other: int) -> None:
    """Put *token* on the paths of *other* too; of two places on one path it keeps the farther, then the earlier."""
    clock = clock_of(world)
    for path in range(clock.paths):
        here = places(world, token * clock.paths + path)
        there = places(world, other * clock.paths + path)
        earlier = there.position == here.position and there.position != NONE and there.start < here.start
        if there.position > here.position or earlier:
            here.position = there.position
            here.start = there.start
