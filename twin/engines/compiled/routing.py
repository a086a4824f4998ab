"""The way of a token through the network, as long as its request has no other."""

from __future__ import annotations

from twin.engines.compiled.chance import VISIT_BITS, is_missing, quantile, uniform
from twin.engines.compiled.jit import compiled, inlined
from twin.engines.compiled.joins import spread, wait_for_join
from twin.engines.compiled.links import transfer
from twin.engines.compiled.operations import QUEUE, push
from twin.engines.compiled.paths import begin, finish
from twin.engines.compiled.pools import accept, choose
from twin.engines.compiled.requests import complete, lose
from twin.engines.compiled.slots import free_token
from twin.engines.compiled.world import NONE, Table, World


@inlined
def travel(world: World, token: int, step: int, hop: int) -> None:
    """Move *token* to *step*, over *hop* if there is one."""
    world.tokens[token].step = step
    if hop == NONE or _stays(world, token, step, hop):
        enter(world, token)
    else:
        transfer(world, world.hops[hop].link, token, world.hops[hop].size_mb)


@inlined
def _stays(world: World, token: int, step: int, hop: int) -> bool:
    """Choose the node where a transfer may turn out to be free; say whether it is."""
    if not world.hops[hop].within:
        return False
    row = world.tokens[token]
    draw_visit(world, token)
    row.pool_node = choose(world, world.stations[world.steps[step].station], token)
    return bool(row.pool_node != NONE and world.nodes[row.pool_node].index == row.node)


@inlined
def draw_visit(world: World, token: int) -> None:
    """Say how often the request of *token* has been at its step before."""
    if world.clock[0].tracks:
        row = world.tokens[token]
        row.visit = world.visited[row.slot, row.step]


@inlined
def enter(world: World, token: int) -> None:
    """Arrive at a step; at the first one of a stage, a component begins."""
    step = world.steps[world.tokens[token].step]
    if step.first:
        if world.clock[0].tracks and wait_for_join(world, token, step.component):
            return
        begin(world, token, step.component)
    if world.clock[0].tracks or step.supplied:
        push(world, QUEUE, token)
    else:
        queue(world, token)


@inlined
def queue(world: World, token: int) -> None:
    """Bring *token* to its station, with the time it needs there."""
    row = world.tokens[token]
    row.entered = world.clock[0].now
    row.retries = 0
    draw_visit(world, token)
    if world.clock[0].tracks:
        world.visited[row.slot, row.step] = row.visit + 1
    row.service = quantile(world, world.steps[row.step].service, row.request, row.visit)
    if not accept(world, token):
        lose(world, token)


@compiled
def lacks_numbers(world: World, token: int) -> bool:
    """Say whether times must be fetched from outside before *token* may queue."""
    row = world.tokens[token]
    step = world.steps[row.step]
    if not step.supplied:
        return False
    draw_visit(world, token)
    return is_missing(world, step.service, row.request, row.visit) or (
        step.cold != NONE and is_missing(world, step.cold, row.request, row.visit)
    )


@inlined
def done(world: World, token: int) -> None:
    """Leave a station: record the visit, then go on within the component or leave it."""
    row = world.tokens[token]
    step = world.steps[row.step]
    if world.clock[0].keeps_visits:
        _record(world, token)
    following, hop = step.next, step.hop
    if step.last or _exits(step, row):
        send = _leave(world, token, step)
        if send == NONE:
            return
        following, hop = world.sends[send].step, world.sends[send].hop
    travel(world, token, following, hop)


@inlined
def _record(world: World, token: int) -> None:
    clock = world.clock[0]
    row = world.tokens[token]
    visit = world.visits[clock.visits]
    visit[0], visit[1], visit[2] = row.request, row.step, row.entered
    visit[3], visit[4], visit[5] = clock.now, row.service, row.node
    clock.visits += 1


@inlined
def _exits(step: Table, row: Table) -> bool:
    if not step.exit_tossed:
        return bool(step.exit_probability != 0)
    return uniform(step.exit_key, row.request + (row.visit << VISIT_BITS)) < float(step.exit_probability)


@inlined
def _leave(world: World, token: int, step: Table) -> int:
    """Leave a component; return the send that *token* takes, or NONE if no way is left, or several."""
    stage = world.stages[step.component]
    if stage.several_steps and world.clock[0].keeps_visits:
        _record_execution(world, token, step.component)
    if stage.final_count:
        finish(world, stage, token)
    if world.clock[0].tracks:
        spread(world, token, step)
        return NONE
    chosen = step.sends if step.sends_count else NONE
    if stage.tossed and step.sends_count:
        chosen = _tossed(world, token, step, stage)
    if chosen == NONE:
        complete(world, world.tokens[token].request)
        free_token(world, token)
    return int(chosen)


@compiled
def _record_execution(world: World, token: int, stage: int) -> None:
    clock = world.clock[0]
    row = world.executions[clock.executions]
    row[0], row[1] = world.tokens[token].request, stage
    row[2], row[3] = world.tokens[token].began, clock.now
    clock.executions += 1


@compiled
def _tossed(world: World, token: int, step: Table, stage: Table) -> int:
    coin = uniform(stage.key, world.tokens[token].request)
    for i in range(step.sends, step.sends + step.sends_count):
        coin -= world.sends[i].probability
        if coin < 0:
            return i
    return NONE
