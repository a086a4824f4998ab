"""The way of a token through the network, as long as its request has no other."""

from __future__ import annotations

from twin.engines.compiled.chance import VISIT_BITS, quantile, uniform
from twin.engines.compiled.jit import compiled, inlined
from twin.engines.compiled.joins import spread, wait_for_join
from twin.engines.compiled.links import transfer
from twin.engines.compiled.operations import QUEUE, push
from twin.engines.compiled.paths import begin, finish
from twin.engines.compiled.pools import accept, choose
from twin.engines.compiled.requests import complete, lose
from twin.engines.compiled.rows import (
    clock_of,
    executions,
    hops,
    nodes,
    sends,
    stages,
    stations,
    steps,
    tokens,
    visited,
    visits,
)
from twin.engines.compiled.slots import free_token, visits_of
from twin.engines.compiled.world import NONE, Row, World


@inlined
def travel(world: World, token: int, step: int, hop: int) -> None:
    """Move *token* to *step*, over *hop* if there is one."""
    tokens(world, token).step = step
    if hop == NONE or _stays(world, token, step, hop):
        enter(world, token)
    else:
        transfer(world, hops(world, hop).link, token, hops(world, hop).size_mb)


@inlined
def _stays(world: World, token: int, step: int, hop: int) -> bool:
    """Choose the node where a transfer may turn out to be free; say whether it is."""
    if not hops(world, hop).within:
        return False
    row = tokens(world, token)
    draw_visit(world, token)
    node = choose(world, stations(world, steps(world, step).station), token)
    row.pool_node = node if steps(world, step).replicas > 1 else NONE
    return bool(node != NONE and nodes(world, node).index == row.node)


@inlined
def draw_visit(world: World, token: int) -> None:
    """Say how often the request of *token* has been at its step before."""
    if clock_of(world).tracks:
        row = tokens(world, token)
        row.visit = visited(world, visits_of(world, row.slot, row.step)).value


@inlined
def enter(world: World, token: int) -> None:
    """Arrive at a step; at the first one of a stage, a component begins."""
    step = steps(world, tokens(world, token).step)
    if step.first:
        if clock_of(world).tracks and wait_for_join(world, token, step.component):
            return
        begin(world, token, step.component)
    if clock_of(world).tracks:
        push(world, QUEUE, token)
    else:
        queue(world, token)


@inlined
def queue(world: World, token: int) -> None:
    """Bring *token* to its station, with the time it needs there."""
    row = tokens(world, token)
    row.entered = clock_of(world).now
    row.retries = 0
    draw_visit(world, token)
    if clock_of(world).tracks:
        visited(world, visits_of(world, row.slot, row.step)).value = row.visit + 1
    row.service = quantile(world, steps(world, row.step).service, row.request, row.visit)
    if not accept(world, token):
        lose(world, token)


@inlined
def done(world: World, token: int) -> None:
    """Leave a station: record the visit, then go on within the component or leave it."""
    row = tokens(world, token)
    step = steps(world, row.step)
    if clock_of(world).keeps_visits:
        _record(world, token)
    following, hop = step.next, step.hop
    if step.last or _exits(step, row):
        send = _leave(world, token, step)
        if send == NONE:
            return
        following, hop = sends(world, send).step, sends(world, send).hop
    travel(world, token, following, hop)


@inlined
def _record(world: World, token: int) -> None:
    clock = clock_of(world)
    row = tokens(world, token)
    visit = visits(world, clock.visits)
    visit.request, visit.step, visit.entered = row.request, row.step, row.entered
    visit.end, visit.service, visit.node = clock.now, row.service, row.node
    clock.visits += 1


@inlined
def _exits(step: Row, row: Row) -> bool:
    if not step.exit_tossed:
        return bool(step.exit_probability != 0)
    return uniform(step.exit_key, row.request + (row.visit << VISIT_BITS)) < float(step.exit_probability)


@inlined
def _leave(world: World, token: int, step: Row) -> int:
    """Leave a component; return the send that *token* takes, or NONE if no way is left, or several."""
    stage = stages(world, step.component)
    if stage.several_steps and clock_of(world).keeps_visits:
        _record_execution(world, token, step.component)
    if stage.final_count:
        finish(world, stage, token)
    if clock_of(world).tracks:
        spread(world, token, step)
        return NONE
    chosen = step.sends if step.sends_count else NONE
    if stage.tossed and step.sends_count:
        chosen = _tossed(world, token, step, stage)
    if chosen == NONE:
        complete(world, tokens(world, token).request)
        free_token(world, token)
    return int(chosen)


@compiled
def _record_execution(world: World, token: int, stage: int) -> None:
    clock = clock_of(world)
    row = executions(world, clock.executions)
    row.request, row.owner = tokens(world, token).request, stage
    row.start, row.end = tokens(world, token).began, clock.now
    clock.executions += 1


@compiled
def _tossed(world: World, token: int, step: Row, stage: Row) -> int:
    coin = uniform(stage.key, tokens(world, token).request)
    for i in range(step.sends, step.sends + step.sends_count):
        coin -= sends(world, i).probability
        if coin < 0:
            return i
    return NONE
