"""Crashes and repairs of nodes, scripted or random."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
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

    def admit(self, token: Token) -> None:
        """Bring a request to a node of its station again."""
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
        names = [station.name for station in simulation.network.stations]
        causes: Counter[int] = Counter()
        for event in events:
            station = names.index(event.resource) if event.resource in names else -1
            if station < 0 or not isinstance(pool := simulation.pools[station], ReplicaPool):
                continue
            if isinstance(event, Crash):
                self._plan_crash(event, station, len(pool.nodes))
                continue
            for node in range(len(pool.nodes)):
                # Two causes of failure on one resource strike independently of each other.
                cause = f"/{causes[station]}" if causes[station] else ""
                rng = stream(seed, replication, f"failures/{event.resource}/{node}{cause}")
                self._wear(event, station, node, rng, bare)
            causes[station] += 1

    def _plan_crash(self, event: Crash, station: int, nodes: int) -> None:
        struck = range(nodes) if event.node is None else [event.node] if event.node < nodes else []
        self._after(event.at, lambda: self._crash(event, station, struck))
        self._after(event.at + event.duration, lambda: self._repair(station, struck))

    def _wear(self, event: Failures, station: int, node: int, rng: np.random.Generator, bare: LawName) -> None:
        """Let a node fail after a random time up, come back after a random time down, and so on."""
        up, down = (
            float(law.resolved(bare).quantiles(rng.random(1))[0])
            for law in (event.time_to_failure, event.time_to_repair)
        )

        def fail() -> None:
            self._crash(event, station, [node])
            self._after(down, back)

        def back() -> None:
            self._repair(station, [node])
            self._wear(event, station, node, rng, bare)

        self._after(up, fail)

    def _after(self, delay: float, action: object) -> None:
        assert callable(action)
        Timeout(self.env, delay).callbacks.append(lambda _: action())

    def _crash(self, event: Crash | Failures, station: int, nodes: Iterable[int]) -> None:
        """Take *nodes* down at once, so that no request flees from one of them to another.

        A node that several events hold down comes back with the last of them.
        """
        pool = self.simulation.pools[station]
        assert isinstance(pool, ReplicaPool)
        struck = [pool.crash(node) for node in nodes if self._hold(station, node)]
        for token in [token for running, _ in struck for token in running]:
            if event.requests == "lost" or token.retries >= event.retries:
                self.simulation.lose(token)
            else:
                token.retries += 1
                self.retried += 1
                self.simulation.admit(token)
        for token in [token for _, waiting in struck for token in waiting]:
            self.simulation.admit(token)

    def _repair(self, station: int, nodes: Iterable[int]) -> None:
        """Bring *nodes* back at once, so that the stranded requests spread over all of them."""
        pool = self.simulation.pools[station]
        assert isinstance(pool, ReplicaPool)
        pool.repair([node for node in nodes if self._release(station, node)])

    def _hold(self, station: int, node: int) -> bool:
        """Note that one more event holds a node down; say whether it was up until now."""
        holders, since = self._down.get((station, node), (0, self.env.now))
        self._down[station, node] = (holders + 1, since)
        return not holders

    def _release(self, station: int, node: int) -> bool:
        """Note that one event less holds a node down; say whether it is up again."""
        holders, since = self._down.pop((station, node))
        if holders > 1:
            self._down[station, node] = (holders - 1, since)
            return False
        self._seconds[station] += self.env.now - since
        return True

    def seconds_down(self) -> FloatArray:
        """Return the node-seconds each station has been down, up to now."""
        total = self._seconds.copy()
        for (station, _), (_, since) in self._down.items():
            total[station] += self.env.now - since
        return total
