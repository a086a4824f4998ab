"""The reference of a controlled run: a simulation that stops, is looked at, gets other routes, and goes on."""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from math import inf
from typing import Any

import numpy as np
from simpy.core import StopSimulation

from twin.engines.billing import Billing
from twin.engines.controlled import Census, IntArray
from twin.engines.simpy_engine.pools import ReplicaPool
from twin.engines.simpy_engine.routes import StepRoute, wire
from twin.engines.simpy_engine.simulation import Simulation
from twin.engines.simpy_engine.token import Token
from twin.engines.trajectory import FloatArray, Trajectory
from twin.model.events import Event
from twin.network import Hop, Network


class ControlledSimulation(Simulation):
    """One replication of the networks of a universe; what a switch means is said in ``twin.engines.controlled``."""

    def __init__(
        self,
        network: Network,
        *,
        seed: int,
        replication: int = 0,
        requests: int | None = None,
        horizon: float | None = None,
        events: Iterable[Event] = (),
        billing: Billing | None = None,
    ) -> None:
        self._switches = 0
        self._ended = False
        super().__init__(network, seed, replication, tuple(events), billing or Billing(), horizon)
        self._limit = inf if requests is None else requests
        self._stop.callbacks.append(StopSimulation.callback)
        self._awake = {id(column) for column in self._columns}

    def _build_stations(self, struck: frozenset[str]) -> None:
        """Let every node be one that may be interrupted."""
        super()._build_stations(struck | {pool.name for pool in self.network.stations})

    # -- the course of the run ----------------------------------------------------------------------------------

    @property
    def now(self) -> float:
        """Simulated second."""
        return float(self.env.now)

    @property
    def over(self) -> bool:
        """Whether nothing more will happen."""
        return self._ended or (self._horizon is not None and self.env.now >= self._horizon)

    def advance(self, until: float) -> None:
        """Run on to the second *until*, or to the end; what happens at that very second is still to come."""
        stop = until if self._horizon is None else min(until, self._horizon)
        if stop <= self.env.now or self.over:
            return
        try:
            while self.env.peek() < stop:
                self.env.step()
        except StopSimulation:
            self._ended = True
            return
        self._ended = self._horizon is None and self.env.peek() == inf
        if stop < inf:
            self.env.run(until=stop)  # nothing is left before: this moves the clock

    def finished(self) -> Trajectory:
        """Return all records."""
        return self._trajectory()

    # -- other routes -------------------------------------------------------------------------------------------

    def switch(self, network: Network, *, kill: bool) -> None:
        """Go on under the routes of *network*, another network of the same universe."""
        self._switches += 1
        self.network = network
        wire(self.routes, network)
        self._wake()
        moved: tuple[list[Token], list[Token], list[Token]] = ([], [], [])
        for pool in self.pools:
            for all_of_a_kind, here in zip(moved, pool.withdraw(_leaves, kill=kill), strict=True):
                all_of_a_kind += here
        self.failing.retried += len(moved[0])
        for token in [token for kind in moved for token in kind]:
            self._move(token)

    def _wake(self) -> None:
        """Draw the numbers of steps that were not in use."""
        for column in self._columns_in_use():
            if id(column) not in self._awake:
                self._awake.add(id(column))
                self._columns.append(column)
                column.reserve(self._capacity)

    def _move(self, token: Token) -> None:
        """Bring *token* to where its partition runs now, with the work it has there."""
        step: StepRoute = token.step
        if not step.retired:
            step = token.step = step.forward
        token.pool_node = None
        token.service = step.services.later(token.request, token.visit)
        step.accept(token)

    def admit(self, token: Token) -> None:
        """Bring *token* to a node again: of its station, or of the one that has taken its place."""
        if token.step.retired or token.step.forward is token.step:
            super().admit(token)
        else:
            self._move(token)

    # -- the life of a request ----------------------------------------------------------------------------------

    def _travel(self, token: Token, step: StepRoute, hop: Hop | None) -> None:
        token.switches = self._switches
        super()._travel(token, step, hop)

    def _enter(self, token: Token) -> None:
        self._redirect(token)
        super()._enter(token)

    def _queue(self, token: Token, now: float) -> None:
        self._redirect(token)
        super()._queue(token, now)

    def _redirect(self, token: Token) -> None:
        """Send *token* where its requests go now; a node reserved before a switch is free again."""
        token.step = token.step.forward
        if token.switches != self._switches:
            token.pool_node = None

    # -- to be looked at ----------------------------------------------------------------------------------------

    def census(self) -> Census:
        """Look at what is where."""
        nodes = [node for pool in self.pools if isinstance(pool, ReplicaPool) for node in pool.nodes]
        return Census(
            time=self.now,
            live=self.live,
            present=np.array([pool.present() for pool in self.pools], dtype=np.float64),
            node_present=np.array([node.present for node in nodes], dtype=np.float64),
            node_busy=np.array([node.busy() for node in nodes], dtype=np.float64),
            node_up=np.array([node.up for node in nodes], dtype=np.bool_),
        )

    def visits(self, first: int) -> FloatArray:
        """Return the visits recorded so far, from number *first* on."""
        return _rows(self.records.visits, first, 6)

    def executions(self, first: int) -> FloatArray:
        """Return the executions recorded so far, from number *first* on."""
        return _rows(self.records.executions, first, 4)

    def passages(self, first: int) -> FloatArray:
        """Return the passages recorded so far, from number *first* on."""
        return _rows(self.records.passages, first, 4)

    def requests(self, first: int) -> tuple[FloatArray, IntArray]:
        """Return arrival time and source of the requests from number *first* on."""
        return np.array(self.records.arrivals[first:]), np.array(self.records.source_of[first:], dtype=np.int64)

    def outcomes(self, requests: IntArray) -> tuple[FloatArray, np.ndarray[Any, np.dtype[np.bool_]]]:
        """Return the end of each of *requests* (NaN: not yet) and whether it was lost."""
        ends = np.array([self.records.ends[request] for request in requests], dtype=np.float64)
        return ends, np.array([request in self.records.lost for request in requests.tolist()], dtype=np.bool_)


def _leaves(token: Token, node: float) -> bool:
    """Say whether the routes in force withdraw the step of *token*, or this node of it."""
    step: StepRoute = token.step
    return not step.retired and (step.forward is not step or node >= step.replicas)


def _rows(records: array[float], first: int, width: int) -> FloatArray:
    """Return a copy: an array that is looked at could not grow."""
    return np.frombuffer(records[first * width :]).reshape(-1, width)
