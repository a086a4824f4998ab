"""One replication of a network on SimPy's event core.

Each event is a callback; a request costs one event for its arrival and one for each service and transfer, where a
process with a ``Resource`` costs four.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from math import inf, nan

import numpy as np
from simpy import Environment
from simpy.core import StopSimulation

from twin.engines.billing import Billing
from twin.engines.simpy_engine.draws import Column
from twin.engines.simpy_engine.failures import Failing
from twin.engines.simpy_engine.forks import Forks
from twin.engines.simpy_engine.joins import JoinRules, Whereabouts
from twin.engines.simpy_engine.links import FreeLink, SharedLink
from twin.engines.simpy_engine.pools import InstancePool, ReplicaPool
from twin.engines.simpy_engine.records import Records
from twin.engines.simpy_engine.routes import lay_routes
from twin.engines.simpy_engine.sources import open_sources
from twin.engines.simpy_engine.token import Token
from twin.engines.timeline import Timeline
from twin.engines.trajectory import COLD, Sink, Trajectory, whole
from twin.model.events import Crash, Event, Failures, LinkChange, LoadStep
from twin.network import FunctionPool, Network

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


class Simulation(Forks):
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
        self.live = 0
        self.records = Records(len(self.routes))
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
        return len(self.records.arrivals)

    def start(self, source: int) -> None:
        """Let a request arrive from *source* and travel to its first step."""
        request = len(self.records.arrivals)
        if request >= self._limit:
            return  # the last request arrived together with others, at this very moment
        if request >= self._capacity:
            self._reserve()
        self.records.arrivals.append(self.env.now)
        self.records.ends.append(nan)
        self.records.source_of.append(source)
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
            self._capacity = min(self._capacity, len(self.records.arrivals) + PIECE)
            self._hand_over(self.sink, over=False)
        for column in self._columns:
            column.reserve(self._capacity)

    def admit(self, token: Token) -> None:
        """Bring *token* to a node of its station again."""
        token.step.pool.accept(token)

    def _bill(self, token: Token) -> None:
        """Count an invocation; called with the warm service time, before a cold start is added."""
        index = token.step.index
        warm = token.service
        total = token.step.cold(token) if token.node == COLD else warm
        self.records.billed[index] += self.billing.seconds(index, warm, total)
        self.records.invocations[index] += 1

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
        self.records.forget(over=over)

    def _trajectory(self) -> Trajectory:
        return self.records.trajectory(
            horizon=self.env.now,
            link_mb=np.array([link.carried_mb for link in self.links]),
            retries=self.failing.retried,
            node_seconds_down=self.failing.seconds_down(),
        )


def _dispatch_coin(token: Token) -> float:
    return float(token.step.dispatch.later(token.request, token.visit))
