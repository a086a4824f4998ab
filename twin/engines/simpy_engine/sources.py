"""Sources: the clocks that let requests arrive."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Protocol

import numpy as np
from simpy import Environment, Event, Timeout

from twin.arrivals import FloatArray, arrival_blocks
from twin.model.events import LoadStep
from twin.model.law import LawName
from twin.model.workload import Closed
from twin.network import Entry, Network
from twin.streams import stream


class Starter(Protocol):
    """What a source needs of the simulation."""

    env: Environment
    network: Network

    @property
    def next_request(self) -> int:
        """Number of the request that arrives next."""
        ...

    def start(self, source: int) -> None:
        """Let a request arrive."""
        ...

    def end_when_idle(self) -> None:
        """Stop the run if no request is left."""
        ...


def open_sources(
    simulation: Starter, seed: int, replication: int, steps: tuple[LoadStep, ...]
) -> Callable[[int], None]:
    """Start the clocks of all sources; return what to call with the number of each request that ends."""
    network = simulation.network
    clocks: list[OpenSource] = []
    users: list[ClosedSource] = []
    for i, entry in enumerate(network.entries):
        rng = stream(seed, replication, f"arrivals/{entry.source.name}")
        if isinstance(entry.source.arrivals, Closed):
            users.append(ClosedSource(simulation, i, entry, rng, network.bare))
        else:
            blocks = arrival_blocks(entry.source.arrivals, rng, bare=network.bare, steps=steps)
            clocks.append(OpenSource(simulation, i, blocks))

    def ended(request: int) -> None:
        for source in users:
            source.ended(request)
        if not users and all(clock.exhausted for clock in clocks):
            simulation.end_when_idle()

    if not users and all(clock.exhausted for clock in clocks):
        simulation.end_when_idle()
    return ended if users or not _endless(network) else _nothing


def _endless(network: Network) -> bool:
    """Say whether every open source goes on for ever, so that nobody needs to watch for its end."""
    return all(entry.source.arrivals.process not in ("trace", "piecewise") for entry in network.entries)


def _nothing(_request: int) -> None:
    """Take no notice of a request that ends."""


class OpenSource:
    """Requests arrive at times of their own."""

    def __init__(self, simulation: Starter, index: int, blocks: Iterator[FloatArray]) -> None:
        self.simulation = simulation
        self.env = simulation.env
        self.index = index
        self.blocks = blocks
        self.times: memoryview = np.empty(0).data
        self.position = 0
        self.exhausted = False
        self._wait()

    def _wait(self) -> None:
        while self.position >= len(self.times):
            block = next(self.blocks, None)
            if block is None:
                self.exhausted = True
                return
            self.times, self.position = np.ascontiguousarray(block).data, 0
        delay = self.times[self.position] - self.env.now
        self.position += 1
        Timeout(self.env, delay if delay > 0 else 0.0).callbacks.append(self._arrive)

    def _arrive(self, _event: Event) -> None:
        self._wait()
        self.simulation.start(self.index)


class ClosedSource:
    """Users think, send a request, and think again once it has ended."""

    def __init__(self, simulation: Starter, index: int, entry: Entry, rng: np.random.Generator, bare: LawName) -> None:
        assert isinstance(entry.source.arrivals, Closed)
        self.simulation = simulation
        self.index = index
        self.rng = rng
        self.think_time = entry.source.arrivals.think_time.resolved(bare)
        self.mine: set[int] = set()
        for _ in range(entry.source.arrivals.users):
            self._think()

    def _think(self) -> None:
        seconds = float(self.think_time.quantiles(self.rng.random(1))[0])
        Timeout(self.simulation.env, seconds).callbacks.append(self._arrive)

    def _arrive(self, _event: Event) -> None:
        # Noted before it starts: a request that is turned away ends at once.
        self.mine.add(self.simulation.next_request)
        self.simulation.start(self.index)

    def ended(self, request: int) -> None:
        """Let the user of *request* think again, if the user is one of this source."""
        if request in self.mine:
            self.mine.remove(request)
            self._think()
