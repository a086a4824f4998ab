"""Measured paths: how far along each of them a token is, and since when."""

from __future__ import annotations

from twin.engines.compiled.jit import compiled, inlined
from twin.engines.compiled.world import NONE, Table, World


@inlined
def begin(world: World, token: int, stage: int) -> None:
    """Begin a component."""
    world.tokens[token].began = world.clock[0].now
    if world.clock[0].paths:
        _advance(world, world.stages[stage], token)


@compiled
def _advance(world: World, stage: Table, token: int) -> None:
    """Begin, continue or leave behind each path, as *token* enters *stage*."""
    now = world.clock[0].now
    entry = stage.entered
    end = entry + stage.entered_count
    for path in range(world.clock[0].paths):
        position, start = world.positions[token, path], world.starts[token, path]
        world.positions[token, path] = NONE
        while entry < end and world.entered[entry, 0] == path:
            here = world.entered[entry, 1]
            if here == 0:
                world.positions[token, path] = 0
                world.starts[token, path] = now
            elif position == here - 1 and position != NONE:
                world.positions[token, path] = here
                world.starts[token, path] = start
            entry += 1


@compiled
def finish(world: World, stage: Table, token: int) -> None:
    """Record the paths that end with *stage*."""
    clock = world.clock[0]
    for i in range(stage.final, stage.final + stage.final_count):
        path = world.final[i]
        if world.positions[token, path] == world.lengths[path] - 1:
            row = world.passages[clock.passages]
            row[0], row[1] = world.tokens[token].request, path
            row[2], row[3] = world.starts[token, path], clock.now
            clock.passages += 1


@compiled
def merge(world: World, token: int, other: int) -> None:
    """Put *token* on the paths of *other* too; of two places on one path it keeps the farther, then the earlier."""
    for path in range(world.clock[0].paths):
        here, there = world.positions[token, path], world.positions[other, path]
        since, then = world.starts[token, path], world.starts[other, path]
        if there > here or (there == here and there != NONE and then < since):
            world.positions[token, path] = there
            world.starts[token, path] = then
