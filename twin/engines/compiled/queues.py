"""Lists of tokens in the order they came, linked through the tokens themselves."""

from __future__ import annotations

from twin.engines.compiled.jit import inlined
from twin.engines.compiled.world import NONE, Table, World


@inlined
def append(world: World, line: Table, token: int) -> None:
    """Let *token* wait at the end of the queue of *line*, a node or a pool of instances."""
    world.tokens[token].next = NONE
    if line.queue == NONE:
        line.queue = token
    else:
        world.tokens[line.queue_last].next = token
    line.queue_last = token


@inlined
def take_first(world: World, line: Table) -> int:
    """Take the first token off the queue of *line*."""
    token = int(line.queue)
    line.queue = world.tokens[token].next
    return token


@inlined
def strand(world: World, station: Table, token: int) -> None:
    """Let *token* wait until a node of *station* is up."""
    world.tokens[token].next = NONE
    if station.stranded == NONE:
        station.stranded = token
    else:
        world.tokens[station.stranded_last].next = token
    station.stranded_last = token
    station.stranded_count += 1


@inlined
def begin_running(world: World, node: Table, token: int) -> None:
    """Note that *token* runs on *node*, after those that run there already."""
    row = world.tokens[token]
    row.next = NONE
    row.previous = node.running_last
    if node.running_last == NONE:
        node.running = token
    else:
        world.tokens[node.running_last].next = token
    node.running_last = token


@inlined
def stop_running(world: World, node: Table, token: int) -> None:
    """Note that *token* runs on *node* no more."""
    row = world.tokens[token]
    if row.previous == NONE:
        node.running = row.next
    else:
        world.tokens[row.previous].next = row.next
    if row.next == NONE:
        node.running_last = row.previous
    else:
        world.tokens[row.next].previous = row.previous
