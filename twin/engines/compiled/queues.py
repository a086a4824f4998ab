"""Lists of tokens in the order they came, linked through the tokens themselves."""

from __future__ import annotations

from twin.engines.compiled.jit import inlined
from twin.engines.compiled.rows import tokens
from twin.engines.compiled.world import NONE, Row, World


@inlined
def append(world: World, line: Row, token: int) -> None:
    """Let *token* wait at the end of the queue of *line*, a node or a pool of instances."""
    tokens(world, token).next = NONE
    if line.queue == NONE:
        line.queue = token
    else:
        tokens(world, line.queue_last).next = token
    line.queue_last = token


@inlined
def take_first(world: World, line: Row) -> int:
    """Take the first token off the queue of *line*."""
    token = int(line.queue)
    line.queue = tokens(world, token).next
    return token


@inlined
def strand(world: World, station: Row, token: int) -> None:
    """Let *token* wait until a node of *station* is up."""
    tokens(world, token).next = NONE
    if station.stranded == NONE:
        station.stranded = token
    else:
        tokens(world, station.stranded_last).next = token
    station.stranded_last = token
    station.stranded_count += 1


@inlined
def begin_running(world: World, node: Row, token: int) -> None:
    """Note that *token* runs on *node*, after those that run there already."""
    row = tokens(world, token)
    row.next = NONE
    row.previous = node.running_last
    if node.running_last == NONE:
        node.running = token
    else:
        tokens(world, node.running_last).next = token
    node.running_last = token


@inlined
def stop_running(world: World, node: Row, token: int) -> None:
    """Note that *token* runs on *node* no more."""
    row = tokens(world, token)
    if row.previous == NONE:
        node.running = row.next
    else:
        tokens(world, row.previous).next = row.next
    if row.next == NONE:
        node.running_last = row.previous
    else:
        tokens(world, row.next).previous = row.previous
