"""Crashes and repairs of nodes, scripted or random."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from simpy import Environment, Timeout

from twin.engines.simpy_engine.pools import InstancePool, ReplicaPool
from twin.engines.simpy_engine.token import Token
from twin.engines.trajectory import FloatArray
from twin.model.events import Crash, Failures
from twin.model.law import LawName
from twin.network import Network
from twin.streams import stream


class Victim(Protocol):
    """What a failure needs of the simulation."""

    env: Environment
    network: Network
    pools: list[ReplicaPool | InstancePool]

    def lose(self, token: Token) -> None:
        """Let a request leave for good."""
        ...


class Failing:
    """Takes nodes down and brings them back, and says what becomes of their requests."""

    def __init__(
        self,
        simulation: Victim,
        events: Sequence[Crash | Failures],
        seed: int,
        replication: int,
        bare: LawName,
    ) -> None:
        self.simulation = simulation
        self.env = simulation.env
        self.retried = 0
        self._down: dict[tuple[int, int], tuple[int, float]] = {}
        self._seconds = np.zeros(len(simulation.network.stations))
        for event in events:
            for station, pool in enumerate(simulation.pools):
                if isinstance(pool, ReplicaPool) and simulation.network.stations[station].name == event.resource:
                    self._plan(event, station, len(pool.nodes), (seed, replication), bare)

    def _plan(self, event: Crash | Failures, station: int, nodes: int, chance: tuple[int, int], bare: LawName) -> None:
        if isinstance(event, Crash):
            struck = range(nodes) if event.node is None else [event.node] if event.node < nodes else []
            for node in struck:
                self._after(event.at, lambda node=node: self._crash(event, station, node))
                self._after(event.at + event.duration, lambda node=node: self._repair(station, node))
            return
        for node in range(nodes):
            rng = stream(*chance, f"failures/{event.resource}/{node}")
            self._wear(event, station, node, rng, bare)

    def _wear(self, event: Failures, station: int, node: int, rng: np.random.Generator, bare: LawName) -> None:
        """Let a node fail after a random time up, come back after a random time down, and so on."""
        up, down = (
            float(law.resolved(bare).quantiles(rng.random(1))[0])
            for law in (event.time_to_failure, event.time_to_repair)
        )

        def fail() -> None:
            self._crash(event, station, node)
            self._after(down, back)

        def back() -> None:
            self._repair(station, node)
            self._wear(event, station, node, rng, bare)

        self._after(up, fail)

    def _after(self, delay: float, action: object) -> None:
        assert callable(action)
        Timeout(self.env, delay).callbacks.append(lambda _: action())

    def _crash(self, event: Crash | Failures, station: int, node: int) -> None:
        """Take a node down; a node that several events hold down comes back with the last of them."""
        holders, since = self._down.get((station, node), (0, self.env.now))
        self._down[station, node] = (holders + 1, since)
        pool = self.simulation.pools[station]
        if holders or not isinstance(pool, ReplicaPool):
            return
        running, waiting = pool.crash(node)
        for token in running:
            if event.requests == "lost" or token.retries >= event.retries:
                self.simulation.lose(token)
            else:
                token.retries += 1
                self.retried += 1
                pool.accept(token)
        for token in waiting:
            pool.accept(token)

    def _repair(self, station: int, node: int) -> None:
        holders, since = self._down[station, node]
        if holders > 1:
            self._down[station, node] = (holders - 1, since)
            return
        del self._down[station, node]
        self._seconds[station] += self.env.now - since
        pool = self.simulation.pools[station]
        if isinstance(pool, ReplicaPool):
            pool.repair(node)

    def seconds_down(self) -> FloatArray:
        """Return the node-seconds each station has been down, up to now."""
        total = self._seconds.copy()
        for (station, _), (_, since) in self._down.items():
            total[station] += self.env.now - since
        return total
