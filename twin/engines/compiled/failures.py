"""Crashes and repairs of nodes, scripted or random."""

from __future__ import annotations

from twin.engines.compiled.agenda import CRASH, FAIL, RECOVER, REPAIR, plan
from twin.engines.compiled.jit import compiled
from twin.engines.compiled.nodes import emptied
from twin.engines.compiled.operations import ADMIT, MOVE, PLAN_RECOVERY, READMIT, STRUCK, WEAR, push
from twin.engines.compiled.pools import accept
from twin.engines.compiled.queues import redirect_begun
from twin.engines.compiled.requests import lose
from twin.engines.compiled.rows import clock_of, nodes, noted, outages, rules, stations, steps, tokens
from twin.engines.compiled.world import NONE, World


@compiled
def plan_crash(world: World, rule: int) -> None:
    """Plan a scripted crash and its repair."""
    row = rules(world, rule)
    plan(world, row.at, CRASH, rule)
    plan(world, row.at + row.duration, REPAIR, rule)


@compiled
def wear(world: World, rule: int) -> None:
    """Let a node fail after its next random time up."""
    plan(world, outages(world, rule * clock_of(world).outages_width + rules(world, rule).position).up, FAIL, rule)


@compiled
def plan_recovery(world: World, rule: int) -> None:
    """Let a node that failed come back after its random time down."""
    row = rules(world, rule)
    plan(world, outages(world, rule * clock_of(world).outages_width + row.position).down, RECOVER, rule)
    row.position += 1


@compiled
def fail(world: World, rule: int) -> None:
    """Let a node fail; its repair is planned once the requests have been dealt with."""
    push(world, PLAN_RECOVERY, rule)
    crash(world, rule)


@compiled
def recover(world: World, rule: int) -> None:
    """Bring a node that failed back, and let it wear again."""
    push(world, WEAR, rule)
    repair(world, rule)


@compiled
def crash(world: World, rule: int) -> None:
    """Take the nodes of *rule* down at once, so that no request flees from one of them to another."""
    row = rules(world, rule)
    station = stations(world, row.station)
    bottom = clock_of(world).operations
    for index in range(station.nodes, station.nodes + station.nodes_count):
        if row.node in (NONE, index - station.nodes) and _hold(world, index):
            station.all_up = 0
            _strike(world, index, rule)
    arrange(world, bottom)


@compiled
def _strike(world: World, index: int, rule: int) -> None:
    """Note what becomes of the requests on a node."""
    node = nodes(world, index)
    token = emptied(world, index)
    while token != NONE:
        following = tokens(world, token).next
        tokens(world, token).stamp = NONE
        push(world, STRUCK, token, rule, 0)
        token = following
    token = node.queue
    while token != NONE:
        following = tokens(world, token).next
        push(world, ADMIT, token, 0, 1)
        token = following
    node.queue = NONE
    node.queue_count = 0


@compiled
def arrange(world: World, bottom: int) -> None:
    """Put the requests of all nodes in their order, by rank: those that were running, then those that waited.

    They stand in the order of the nodes; beyond the top of the stack there is room to sort them, last first.
    """
    top = clock_of(world).operations
    place = top
    for rank in (2, 1, 0):
        for i in range(top - 1, bottom - 1, -1):
            if noted(world, i).c == rank:
                _copy(world, i, place)
                place += 1
    for i in range(top - bottom):
        _copy(world, top + i, bottom + i)


@compiled
def _copy(world: World, origin: int, target: int) -> None:
    row, copy = noted(world, origin), noted(world, target)
    copy.kind, copy.a, copy.b, copy.c = row.kind, row.a, row.b, row.c


@compiled
def struck(world: World, token: int, rule: int) -> None:
    """Start a request again that a crash has interrupted, or lose it."""
    row = tokens(world, token)
    if rules(world, rule).lost or row.retries >= rules(world, rule).retries:
        lose(world, token)
    else:
        row.retries += 1
        clock_of(world).retried += 1
        admit(world, token)


@compiled
def admit(world: World, token: int) -> None:
    """Bring *token* to a node that is up, of its station or of the one that has taken its place."""
    index = tokens(world, token).step
    if steps(world, index).forward != index and not steps(world, index).retired:
        redirect_begun(world, token)
        push(world, MOVE, token)
    elif not accept(world, token):
        lose(world, token)


@compiled
def repair(world: World, rule: int) -> None:
    """Bring the nodes of *rule* back at once, so that the stranded requests spread over all of them."""
    row = rules(world, rule)
    station = stations(world, row.station)
    all_up = 1
    for index in range(station.nodes, station.nodes + station.nodes_count):
        if row.node in (NONE, index - station.nodes) and _release(world, index):
            nodes(world, index).up = 1
        all_up &= nodes(world, index).up
    station.all_up = all_up
    if station.stranded_count:
        push(world, READMIT, row.station, station.stranded_count)


@compiled
def readmit(world: World, index: int, count: int) -> None:
    """Bring the first of the next *count* stranded requests to a node."""
    station = stations(world, index)
    token = station.stranded
    station.stranded = tokens(world, token).next
    station.stranded_count -= 1
    if count > 1:
        push(world, READMIT, index, count - 1)
    admit(world, token)


@compiled
def _hold(world: World, index: int) -> bool:
    """Note that one more event holds a node down; say whether it was up until now."""
    node = nodes(world, index)
    node.holders += 1
    if node.holders > 1:
        return False
    node.down_since = clock_of(world).now
    return True


@compiled
def _release(world: World, index: int) -> bool:
    """Note that one event less holds a node down; say whether it is up again."""
    node = nodes(world, index)
    node.holders -= 1
    if node.holders:
        return False
    stations(world, node.station).seconds_down += clock_of(world).now - node.down_since
    return True
