"""Lists of tokens in the order they came, linked through the tokens themselves."""

from __future__ import annotations

from twin.engines.compiled.jit import compiled, inlined
from twin.engines.compiled.operations import MOVE, push
from twin.engines.compiled.rows import steps, tokens
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


@compiled
def withdraw_waiting(world: World, line: Row, node: int, rank: int) -> int:
    """Take those off the queue of *line* who must leave it, note that they move, and return their number."""
    token = line.queue
    line.queue = NONE
    left = 0
    while token != NONE:
        following = tokens(world, token).next
        if leaves(world, token, node):
            redirect_begun(world, token)
            push(world, MOVE, token, 0, rank)
            left += 1
        else:
            append(world, line, token)
        token = following
    return left


@compiled
def leaves(world: World, token: int, node: int) -> bool:
    """Say whether the routes in force withdraw the step of *token*, or this *node* (its number) of it."""
    index = tokens(world, token).step
    step = steps(world, index)
    return not step.retired and (step.forward != index or node >= step.replicas)


@compiled
def redirect_begun(world: World, token: int) -> None:
    """Give *token*, whose execution has begun, the step that its partition has now."""
    row = tokens(world, token)
    if not steps(world, row.step).retired:
        row.step = steps(world, row.step).forward


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
