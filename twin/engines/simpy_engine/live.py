"""The twin at the pace of the wall clock, with real servers at its stations.

Arrivals, routing, links and joins are the simulation's own; only the service of a request happens outside. What comes
back is a trajectory like any other, so that measured and simulated figures are computed by the same code. A visit
lasts from the moment the node has received the request until its answer is back.
"""

from __future__ import annotations

import asyncio
import gc
import selectors
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from simpy import Environment, Timeout

from twin.engines.billing import Billing
from twin.engines.simpy_engine.pools import ReplicaPool
from twin.engines.simpy_engine.simulation import Simulation
from twin.engines.simpy_engine.token import Token
from twin.engines.trajectory import Trajectory
from twin.model.events import Event
from twin.network import Network


@dataclass(frozen=True, slots=True)
class Served:
    """What a servant says of a request; seconds on the clock of ``time.perf_counter``."""

    received: float

    begun: float

    ended: float


class Servant(Protocol):
    """Whoever serves requests outside the twin."""

    async def open(self) -> None:
        """Get ready; called once before the clock starts."""
        ...

    async def serve(self, station: str, node: int, partition: str, request: int, seconds: float) -> Served:
        """Serve a request at a node.

        *seconds* is the service time the twin would give this request, for nodes that can only act it.
        """
        ...

    async def close(self) -> None:
        """Let go of everything; called once, whatever happened."""
        ...


def run_live(
    network: Network,
    servant: Servant,
    *,
    seed: int,
    replication: int = 0,
    requests: int | None = None,
    horizon: float | None = None,
    events: Iterable[Event] = (),
) -> Trajectory:
    """Run *network* in real time until *requests* have arrived or *horizon* seconds have passed.

    The same seed brings the same arrivals, ways and link times as in the other engines. Cloud functions stay
    simulated. Raises whatever *servant* raises.
    """
    simulation = LiveSimulation(network, seed, replication, tuple(events), Billing(), horizon)
    # Of the selectors, only select() waits for microseconds; epoll rounds up to a millisecond.
    with asyncio.Runner(loop_factory=lambda: asyncio.SelectorEventLoop(selectors.SelectSelector())) as runner:
        return runner.run(simulation.run_outside(servant, requests))


class LiveNode:
    """A node somewhere else: it takes requests and gives them back served."""

    def __init__(self, index: int, station: str, simulation: LiveSimulation) -> None:
        self.index = float(index)
        self.station = station
        self.simulation = simulation
        self.present = 0
        self.up = True

    def accept(self, token: Token) -> None:
        """Hand *token* out to be served."""
        token.node = self.index
        self.present += 1
        self.simulation.hand_out(self, token)


class LiveSimulation(Simulation):
    """A replication whose nodes are servers elsewhere."""

    _servant: Servant
    _wake: asyncio.Event
    _origin = 0.0
    _failure: Exception | None = None

    def _build_stations(self, struck: frozenset[str]) -> None:
        super()._build_stations(struck)
        self._outside: set[asyncio.Task[None]] = set()
        for pool, station in zip(self.pools, self.network.stations, strict=True):
            if isinstance(pool, ReplicaPool):
                pool.nodes = [LiveNode(i, station.name, self) for i in range(len(pool.nodes))]  # type: ignore[misc]
        for route, step in zip(self.routes, self.network.steps, strict=True):
            route.accept = self.pools[step.station].entrance(step.replicas)

    def hand_out(self, node: LiveNode, token: Token) -> None:
        """Let *token* be served at *node*."""
        task = asyncio.get_running_loop().create_task(self._serve(node, token))
        self._outside.add(task)
        task.add_done_callback(self._outside.discard)

    async def _serve(self, node: LiveNode, token: Token) -> None:
        try:
            served = await self._servant.serve(
                node.station, int(node.index), token.step.name, token.request, token.service
            )
        except Exception as error:
            self._failure = error
            self._wake.set()
            return
        token.entered = max(served.received - self._origin, token.entered)
        token.service = served.ended - served.begun
        self._catch_up()
        node.present -= 1
        if not self._over:
            self._done(token)
        self._wake.set()

    async def run_outside(self, servant: Servant, requests: int | None) -> Trajectory:
        """Run to the end at the pace of the wall clock and return the records."""
        self._servant = servant
        self._wake = asyncio.Event()
        self._limit = float("inf") if requests is None else requests
        try:
            await servant.open()
            gc.disable()
            self._origin = time.perf_counter()
            await self._keep_pace()
        finally:
            gc.enable()
            for task in tuple(self._outside):
                task.cancel()
            await asyncio.gather(*self._outside, return_exceptions=True)
            await servant.close()
        return self._trajectory()

    async def _keep_pace(self) -> None:
        while True:
            self._catch_up()
            if self._failure is not None:
                raise self._failure
            if self._over:
                return
            self._wake.clear()
            delay = min(self.env.peek(), self._end) - self._clock()
            if delay > 0:
                try:
                    await asyncio.wait_for(self._wake.wait(), min(delay, 3600.0))
                except TimeoutError:
                    continue
            else:
                await asyncio.sleep(0)

    @property
    def _end(self) -> float:
        return float("inf") if self._horizon is None else self._horizon

    @property
    def _over(self) -> bool:
        return bool(self._stop.processed) or self.env.now >= self._end

    def _clock(self) -> float:
        return time.perf_counter() - self._origin

    def _catch_up(self) -> None:
        """Let everything happen that is due, and set the simulation's clock."""
        env: Environment = self.env
        due = min(self._clock(), self._end)
        while not self._over and env.peek() <= due:
            env.step()
        if not self._over and due > env.now:
            Timeout(env, due - env.now)
            env.step()
