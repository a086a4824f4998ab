"""What remains to be done at this very moment: a stack, so that consequences come before what follows."""

from __future__ import annotations

from twin.engines.compiled.jit import compiled
from twin.engines.compiled.rows import clock_of, noted
from twin.engines.compiled.world import World

(
    TRAVEL,
    QUEUE,
    SETTLE,
    FIRE,
    STRUCK,
    ADMIT,
    READMIT,
    PLAN_CHANGE,
    PLAN_CRASH,
    WEAR,
    PLAN_RECOVERY,
    WAIT,
    THINK,
    OPENED,
    SWITCH,
    MOVE,
) = range(16)
"""Kinds of operations."""


@compiled
def push(world: World, kind: int, a: int, b: int = 0, c: int = 0) -> None:
    """Note what to do next; what was noted last is done first."""
    clock = clock_of(world)
    row = noted(world, clock.operations)
    row.kind, row.a, row.b, row.c = kind, a, b, c
    clock.operations += 1
