"""One replication of a network on SimPy's event core.

Each event is a callback; a request costs one event for its arrival and one for each service and transfer, where a
process with a ``Resource`` costs four. Records go to flat arrays of doubles.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from dataclasses import replace
from math import inf, nan

import numpy as np
from simpy import Environment
from simpy.core import StopSimulation

from twin.engines.billing import Billing
from twin.engines.simpy_engine.draws import Column
from twin.engines.simpy_engine.failures import Failing
from twin.engines.simpy_engine.joins import JoinRules, Whereabouts, merged
from twin.engines.simpy_engine.links import FreeLink, SharedLink
from twin.engines.simpy_engine.pools import InstancePool, ReplicaPool
from twin.engines.simpy_engine.routes import StepRoute, lay_routes
from twin.engines.simpy_engine.sources import open_sources
from twin.engines.simpy_engine.token import Token
from twin.engines.timeline import Timeline
from twin.engines.trajectory import COLD, Sink, Trajectory, whole
from twin.model.events import Crash, Event, Failures, LinkChange, LoadStep
from twin.network import FunctionPool, Hop, Network

FIRST_RESERVE = 4096

PIECE = 1 << 17
"""Requests, at most, between two pieces of the records for a sink."""


def simulate_network(
    network: Network,
    *,
    seed: int,
    replication: int = 0,
    requests: int | None = None,
    horizon: float | None = None,
    events: Iterable[Event] = (),
    billing: Billing | None = None,
    sink: Sink | None = None,
) -> Trajectory:
    """Run *network* until *requests* have arrived or *horizon* seconds have passed, whichever comes first.

    Where nothing more can arrive (a trace has ended), it ends with the last request. What happens at the very second
    of the horizon is not recorded any more. Equal arguments return equal records. A *sink* gets them piece by piece,
    all requests with the last one; what is returned is then without them.

    Raises:
        ValueError: Neither *requests* nor *horizon* is given, or one of them is not positive.
    """
    if requests is None and horizon is None:
        raise ValueError("give requests or horizon")
    if (requests is not None and requests < 1) or (horizon is not None and horizon <= 0):
        raise ValueError(f"requests and horizon must be positive, not {requests} and {horizon}")
    simulation = Simulation(network, seed, replication, tuple(events), billing or Billing(), horizon, sink)
    return simulation.run(requests)


class Simulation:
    """The state of one replication."""

    def __init__(
        self,
        network: Network,
        seed: int,
        replication: int,
        events: tuple[Event, ...],
        billing: Billing,
        horizon: float | None,
        sink: Sink | None = None,
    ) -> None:
        self.env = Environment()
        self.sink = sink
        self.network = network
        self.routes = lay_routes(network, seed, replication)
        self.billing = billing
        self._columns = self._columns_in_use()
        self._columns += [coin for stage in {route.stage for route in self.routes} for coin in stage.coins]
        self._capacity = 0
        self._limit: float = inf
        self._stop = self.env.event()
        self._horizon = horizon
        self._rules = JoinRules(network)
        self._tracks_tokens = network.forks or network.has_loops
        self._whereabouts: dict[int, Whereabouts] = {}
        self._open_records()
        self._build_links([event for event in events if isinstance(event, LinkChange)])
        failures = [event for event in events if isinstance(event, Crash | Failures)]
        self._build_stations(frozenset(event.resource for event in failures))
        self.failing = Failing(self, failures, seed, replication, network.bare)
        self._on_end = open_sources(
            self, seed, replication, tuple(event for event in events if isinstance(event, LoadStep))
        )

    # -- set-up -------------------------------------------------------------------------------------------------

    def _columns_in_use(self) -> list[Column]:
        used = (route for route in self.routes if route.forward is route and not route.retired)
        return [column for route in used for column in route.columns]

    def _open_records(self) -> None:
        self.live = 0
        self.arrivals = array("d")
        self.ends = array("d")
        self.source_of = array("h")
        self.lost: set[int] = set()
        self._visits = array("d")
        self._executions = array("d")
        self._passages = array("d")
        self.billed = [0.0] * len(self.routes)
        self.invocations = [0.0] * len(self.routes)

    def _build_links(self, changes: list[LinkChange]) -> None:
        self.links: list[FreeLink | SharedLink] = []
        for link in self.network.links:
            timeline = Timeline(link, [change for change in changes if change.domain == link.name])
            if link.contention == "shared":
                self.links.append(SharedLink(self.env, timeline, self._enter))
            else:
                self.links.append(FreeLink(self.env, link, timeline, self._enter))

    def _build_stations(self, struck: frozenset[str]) -> None:
        self.pools: list[ReplicaPool | InstancePool] = []
        for pool in self.network.stations:
            if isinstance(pool, FunctionPool):
                self.pools.append(InstancePool(self.env, pool, self._done, self.lose, self._bill))
            else:
                fails = pool.name in struck
                self.pools.append(ReplicaPool(self.env, pool, self._done, self.lose, _dispatch_coin, fails=fails))
        for route, step in zip(self.routes, self.network.steps, strict=True):
            route.pool = self.pools[step.station]
            route.accept = route.pool.entrance(step.replicas)

    # -- the life of a request ----------------------------------------------------------------------------------

    @property
    def next_request(self) -> int:
        """Number of the request that arrives next."""
        return len(self.arrivals)

    def start(self, source: int) -> None:
        """Let a request arrive from *source* and travel to its first step."""
        request = len(self.arrivals)
        if request >= self._limit:
            return  # the last request arrived together with others, at this very moment
        if request >= self._capacity:
            self._reserve()
        self.arrivals.append(self.env.now)
        self.ends.append(nan)
        self.source_of.append(source)
        self.live += 1
        token = Token(request)
        entry = self.network.entries[source]
        step = self.routes[entry.step]
        if self._tracks_tokens:
            self._whereabouts[request] = Whereabouts(len(self.network.stages))
            self._whereabouts[request].active[step.stage.index] += 1
            self._whereabouts[request].inbound[step.stage.index] += 1
        if request + 1 == self._limit:
            self._stop.succeed()
        self._travel(token, step, entry.hop)

    def _reserve(self) -> None:
        self._capacity = max(FIRST_RESERVE, 2 * self._capacity)
        if self.sink:
            self._capacity = min(self._capacity, len(self.arrivals) + PIECE)
            self._hand_over(self.sink, over=False)
        for column in self._columns:
            column.reserve(self._capacity)

    def _travel(self, token: Token, step: StepRoute, hop: Hop | None) -> None:
        token.step = step
        if hop is None:
            self._enter(token)
            return
        if hop.within_pool:
            self._draw_visit(token)
            node = step.pool.choose(token)
            token.pool_node = node if step.replicas > 1 else None
            if node is not None and node.index == token.node:
                self._enter(token)
                return
        self.links[hop.link].transfer(token, hop.size_mb)

    def _enter(self, token: Token) -> None:
        """Arrive at a step; at the first one of a stage, a component begins."""
        step = token.step
        now = self.env.now
        if step.first:
            stage = step.stage
            if self._tracks_tokens:
                whereabouts = self._whereabouts[token.request]
                whereabouts.inbound[stage.index] -= 1
                if stage.joins:
                    whereabouts.waiting.setdefault(stage.index, []).append(token)
                    self._fire_joins(token.request)
                    return
            token.began = now
            if stage.entered_paths or token.paths:
                token.paths = _advanced(token.paths, stage.entered_paths, now)
        if self._tracks_tokens:
            self._queue(token, now)
            return
        token.entered = now
        token.retries = 0
        token.service = step.services.first[token.request]
        step.accept(token)

    def _begin(self, token: Token, now: float) -> None:
        token.began = now
        stage = token.step.stage
        if stage.entered_paths or token.paths:
            token.paths = _advanced(token.paths, stage.entered_paths, now)

    def _queue(self, token: Token, now: float) -> None:
        """Enter the station of a step that the request may visit again."""
        token.entered = now
        token.retries = 0
        step = token.step
        self._draw_visit(token)
        self._whereabouts[token.request].visits[step.counter] = token.visit + 1
        token.service = step.services.later(token.request, token.visit)
        step.accept(token)

    def _draw_visit(self, token: Token) -> None:
        if self._tracks_tokens:
            token.visit = self._whereabouts[token.request].visits.get(token.step.counter, 0)

    def _done(self, token: Token) -> None:
        """Leave a station: record the visit, then go on within the component or leave it."""
        step = token.step
        now = self.env.now
        self._visits.extend((token.request, step.index, token.entered, now, token.service, token.node))
        if step.last:
            if step.stage.is_plain and not self._tracks_tokens:
                self._send_one(token, step, now)
            else:
                self._leave(token, step, now)
        elif step.exits is None:
            self._travel(token, step.next, step.next_hop) if step.exit_probability == 0 else self._leave(
                token, step, now
            )
        elif step.exits.later(token.request, token.visit) < step.exit_probability:
            self._leave(token, step, now)
        else:
            self._travel(token, step.next, step.next_hop)

    def _leave(self, token: Token, step: StepRoute, now: float) -> None:
        stage = step.stage
        if stage.several_steps:
            self._executions.extend((token.request, stage.index, token.began, now))
        for path in stage.final_paths:
            place = token.paths.get(path)
            if place is not None and place[0] == len(self.network.paths[path]) - 1:
                self._passages.extend((token.request, path, place[1], now))
        if self._tracks_tokens:
            self._spread(token, step)
        else:
            self._send_one(token, step, now)

    def _send_one(self, token: Token, step: StepRoute, now: float) -> None:
        """Go on by at most one edge: the only token of a request."""
        sends = step.sends
        if not sends:
            self._complete(token.request, now)
        elif not step.stage.coins:
            self._travel(token, sends[0][1], sends[0][2])
        else:
            coin: float = step.stage.coins[0].first[token.request]
            for probability, target, hop in sends:
                coin -= probability
                if coin < 0:
                    self._travel(token, target, hop)
                    return
            self._complete(token.request, now)

    def _complete(self, request: int, now: float) -> None:
        self.ends[request] = now
        self.live -= 1
        self._whereabouts.pop(request, None)
        self._on_end(request)

    # -- several tokens of one request --------------------------------------------------------------------------

    def _spread(self, token: Token, step: StepRoute) -> None:
        """Go on by every edge the coins choose; a request ends with its last token."""
        request, stage = token.request, step.stage
        whereabouts = self._whereabouts[request]
        chosen = self._chosen(token, step)
        whereabouts.active[stage.index] -= 1
        whereabouts.live += len(chosen) - 1
        for target, _ in chosen:
            whereabouts.active[target.stage.index] += 1
            whereabouts.inbound[target.stage.index] += 1
        copies = [token] + [token.twin() for _ in chosen[1:]]
        for copy in copies[1:]:
            copy.node = token.node
        for copy, (target, hop) in zip(copies, chosen, strict=False):
            self._travel(copy, target, hop)
        self._settle(request)

    def _chosen(self, token: Token, step: StepRoute) -> list[tuple[StepRoute, Hop | None]]:
        coins = [column.later(token.request, token.visit) for column in step.stage.coins]
        if not step.stage.exclusive:
            return [(target, hop) for coin, (p, target, hop) in zip(coins, step.sends, strict=True) if coin < p]
        coin = coins[0] if coins else 0.0
        for probability, target, hop in step.sends:
            coin -= probability
            if coin < 0:
                return [(target, hop)]
        return []

    def _settle(self, request: int) -> None:
        """Fire the joins that nothing more can reach, and end the request when no token is left."""
        whereabouts = self._whereabouts.get(request)
        if whereabouts is None:
            return
        if whereabouts.live == 0:
            self._complete(request, self.env.now)
        else:
            self._fire_joins(request)

    def _fire_joins(self, request: int) -> None:
        whereabouts = self._whereabouts[request]
        while (join := whereabouts.ready(self._rules)) is not None:
            tokens = whereabouts.waiting.pop(join)
            whereabouts.live -= len(tokens) - 1
            whereabouts.active[join] -= len(tokens) - 1
            token = merged(tokens)
            now = self.env.now
            self._begin(token, now)
            self._queue(token, now)

    def admit(self, token: Token) -> None:
        """Bring *token* to a node of its station again."""
        token.step.pool.accept(token)

    def lose(self, token: Token) -> None:
        """Let *token* leave for good; its request counts as lost."""
        request = token.request
        self.lost.add(request)
        if not self._tracks_tokens:
            self._complete(request, self.env.now)
            return
        whereabouts = self._whereabouts[request]
        whereabouts.active[token.step.stage.index] -= 1
        whereabouts.live -= 1
        self._settle(request)

    def _bill(self, token: Token) -> None:
        """Count an invocation; called with the warm service time, before a cold start is added."""
        index = token.step.index
        warm = token.service
        total = token.step.cold(token) if token.node == COLD else warm
        self.billed[index] += self.billing.seconds(index, warm, total)
        self.invocations[index] += 1

    # -- the run ------------------------------------------------------------------------------------------------

    def end_when_idle(self) -> None:
        """Stop once no request is left, where no horizon says when: nothing more will arrive."""
        if self._horizon is None and self.live == 0 and not self._stop.triggered:
            self._stop.succeed()

    def run(self, requests: int | None) -> Trajectory:
        """Run to the end and return the records."""
        self._limit = inf if requests is None else requests
        self._stop.callbacks.append(StopSimulation.callback)
        self.env.run(until=self._horizon)
        if self.sink:
            self._hand_over(self.sink, over=True)
        return self._trajectory()

    def _hand_over(self, sink: Sink, *, over: bool) -> None:
        """Give *sink* the records of visits, executions and passages, and when it is *over* those of requests."""
        piece = whole(self._trajectory())
        settled = len(piece.ends) if over else 0
        sink.take(replace(piece, ends=piece.ends[:settled], lost=piece.lost[:settled], sources=piece.sources[:settled]))
        self._visits, self._executions, self._passages = array("d"), array("d"), array("d")
        kept = slice(0, 0) if over else slice(None)
        # Copies, because arrays that somebody looks into cannot grow.
        self.arrivals, self.ends, self.source_of = self.arrivals[kept], self.ends[kept], self.source_of[kept]
        if over:
            self.lost.clear()

    def _trajectory(self) -> Trajectory:
        count = len(self.arrivals)
        lost = np.zeros(count, dtype=np.bool_)
        lost[list(self.lost)] = True
        return Trajectory(
            horizon=self.env.now,
            arrivals=np.frombuffer(self.arrivals),
            ends=np.frombuffer(self.ends),
            lost=lost,
            sources=np.frombuffer(self.source_of, dtype=np.int16),
            visits=np.frombuffer(self._visits).reshape(-1, 6),
            executions=np.frombuffer(self._executions).reshape(-1, 4),
            passages=np.frombuffer(self._passages).reshape(-1, 4),
            link_mb=np.array([link.carried_mb for link in self.links]),
            billed_seconds=np.array(self.billed),
            invocations=np.array(self.invocations),
            retries=self.failing.retried,
            node_seconds_down=self.failing.seconds_down(),
        )


def _dispatch_coin(token: Token) -> float:
    return float(token.step.dispatch.later(token.request, token.visit))


def _advanced(
    paths: dict[int, tuple[int, float]], entered: tuple[tuple[int, int], ...], now: float
) -> dict[int, tuple[int, float]]:
    """Return the paths a token is on after entering a stage: begun, continued, or left behind."""
    following = {}
    for path, position in entered:
        if position == 0:
            following[path] = (0, now)
        else:
            place = paths.get(path)
            if place is not None and place[0] == position - 1:
                following[path] = (position, place[1])
    return following
