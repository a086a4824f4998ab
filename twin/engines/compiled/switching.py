"""Other routes: what becomes of the requests when Python has rewritten the ways of the steps."""

from __future__ import annotations

from twin.engines.compiled.agenda import KIND_BITS, KINDS, LINK_PASSED
from twin.engines.compiled.chance import quantile
from twin.engines.compiled.failures import arrange
from twin.engines.compiled.jit import compiled
from twin.engines.compiled.links import SHARED
from twin.engines.compiled.nodes import FIFO, FUNCTION, fifo_withdraw, sharing_withdraw
from twin.engines.compiled.operations import MOVE, push
from twin.engines.compiled.pools import accept
from twin.engines.compiled.queues import redirect_begun, withdraw_waiting
from twin.engines.compiled.requests import lose
from twin.engines.compiled.rows import (
    agenda,
    clock_of,
    joins,
    links,
    noted,
    slots,
    spots,
    stations,
    steps,
    tokens,
)
from twin.engines.compiled.slots import spot_of
from twin.engines.compiled.world import NONE, World

INTERRUPTED, WAITING, STRANDED = range(3)
"""Who moves first."""


@compiled
def switch(world: World, kill: int) -> None:
    """Send requests on their way to the steps that take them now, and let those move that are at withdrawn places."""
    _redirect_on_links(world)
    _redirect_at_joins(world)
    clock = clock_of(world)
    bottom = clock.operations
    for index in range(clock.stations_count):
        station = stations(world, index)
        if station.kind == FUNCTION:
            withdraw_waiting(world, station, 0, WAITING)
            continue
        for i in range(station.nodes, station.nodes + station.nodes_count):
            if station.kind == FIFO:
                fifo_withdraw(world, i, kill, INTERRUPTED, WAITING)
            elif kill:
                sharing_withdraw(world, i, INTERRUPTED)
        token = station.stranded
        for _ in range(station.stranded_count):
            redirect_begun(world, token)
            push(world, MOVE, token, 0, STRANDED)
            token = tokens(world, token).next
        station.stranded = NONE
        station.stranded_count = 0
    for i in range(bottom, clock.operations):
        clock.retried += noted(world, i).c == INTERRUPTED
    arrange(world, bottom)


@compiled
def move(world: World, token: int) -> None:
    """Bring *token* to where its partition runs now, with the work it has there."""
    row = tokens(world, token)
    row.pool_node = NONE
    row.service = quantile(world, steps(world, row.step).service, row.request, row.visit)
    if not accept(world, token):
        lose(world, token)


@compiled
def _redirect(world: World, token: int) -> None:
    row = tokens(world, token)
    row.step = steps(world, row.step).forward
    row.pool_node = NONE


@compiled
def _redirect_on_links(world: World) -> None:
    clock = clock_of(world)
    for i in range(clock.hole, clock.events):
        what = agenda(world, i).what
        if what & (KINDS - 1) == LINK_PASSED:
            _redirect(world, what >> KIND_BITS)
    for index in range(clock.links_count):
        if links(world, index).contention == SHARED and links(world, index).root != NONE:
            _redirect_heap(world, links(world, index).root)


@compiled
def _redirect_heap(world: World, root: int) -> None:
    """Redirect all tokens of a pairing heap; the free part of the stack of operations holds those still to visit."""
    clock = clock_of(world)
    bottom = clock.operations
    push(world, MOVE, root)
    while clock.operations > bottom:
        clock.operations -= 1
        token = int(noted(world, clock.operations).a)
        _redirect(world, token)
        if tokens(world, token).sibling != NONE:
            push(world, MOVE, tokens(world, token).sibling)
        if tokens(world, token).child != NONE:
            push(world, MOVE, tokens(world, token).child)


@compiled
def _redirect_at_joins(world: World) -> None:
    clock = clock_of(world)
    if not clock.tracks:
        return
    for slot in range(clock.slots_room):
        if slots(world, slot).live > 0:
            first = slots(world, slot).joins
            for i in range(first, first + slots(world, slot).joins_count):
                token = spots(world, spot_of(world, slot, joins(world, i).value)).waiting
                while token != NONE:
                    _redirect(world, token)
                    token = tokens(world, token).next
