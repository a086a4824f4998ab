"""What the kernel asks Python for while it runs: arrivals, thinking times, failures; drawn as the reference draws."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from twin.arrivals import arrival_blocks
from twin.model.events import Crash, Failures, LoadStep
from twin.model.law import LawName
from twin.model.workload import Closed
from twin.network import Entry, Network
from twin.streams import FloatArray, stream

THOUGHTS = 1024
"""Thinking times drawn at a time, beside the first of every user."""

OUTAGES = 64
"""Times to failure and to repair drawn at a time for each node."""

AT_LEAST = 16_384
"""Arrivals handed to the kernel at a time, where the blocks of all sources together are not longer."""


class SourceTimes:
    """The arrival times of an open source, or the thinking times of a closed one."""

    def __init__(self, entry: Entry, seed: int, replication: int, bare: LawName, steps: tuple[LoadStep, ...]) -> None:
        rng = stream(seed, replication, f"arrivals/{entry.source.name}")
        process = entry.source.arrivals
        if isinstance(process, Closed):
            self.blocks = _thoughts(process, rng, bare)
        else:
            self.blocks = arrival_blocks(process, rng, bare=bare, steps=steps)

    def following(self, at_least: int) -> FloatArray:
        """Return the next times; none where no more will come."""
        parts: list[FloatArray] = []
        count = 0
        while count < max(at_least, 1):
            block = next(self.blocks, None)
            if block is None:
                break
            parts.append(block)
            count += len(block)
        return np.concatenate(parts) if parts else np.empty(0)


def _thoughts(process: Closed, rng: np.random.Generator, bare: LawName) -> Iterator[FloatArray]:
    law = process.think_time.resolved(bare)
    while True:
        yield law.quantiles(rng.random(process.users + THOUGHTS))


class Outages:
    """The random failures of one node: pairs of time up and time down."""

    def __init__(self, event: Failures, rng: np.random.Generator, bare: LawName) -> None:
        self.laws = (event.time_to_failure.resolved(bare), event.time_to_repair.resolved(bare))
        self.rng = rng

    def following(self) -> FloatArray:
        """Return the next pairs, shape (OUTAGES, 2)."""
        u = self.rng.random((OUTAGES, 2))
        return np.column_stack([law.quantiles(u[:, i]) for i, law in enumerate(self.laws)])


class FailureRules:
    """Crashes and failing nodes as rows, in the order in which the reference plans them."""

    def __init__(
        self, network: Network, events: Sequence[Crash | Failures], seed: int, replication: int, bare: LawName
    ) -> None:
        self.rows: list[dict[str, float]] = []
        self.outages: dict[int, Outages] = {}
        names = {pool.name: i for i, pool in reversed(list(enumerate(network.stations)))}
        causes: dict[int, int] = {}
        for event in events:
            station = names.get(event.resource, -1)
            nodes = getattr(network.stations[station], "nodes", 0) if station >= 0 else 0
            if isinstance(event, Crash) and nodes:
                node = -1 if event.node is None else event.node
                self._add(event, station, node, at=event.at, duration=event.duration)
            elif isinstance(event, Failures) and nodes:
                cause = causes.get(station, 0)
                causes[station] = cause + 1
                for node in range(nodes):
                    name = f"failures/{event.resource}/{node}" + (f"/{cause}" if cause else "")
                    self.outages[len(self.rows)] = Outages(event, stream(seed, replication, name), bare)
                    self._add(event, station, node)

    def _add(self, event: Crash | Failures, station: int, node: int, **times: float) -> None:
        lost = event.requests == "lost"
        self.rows.append({"station": station, "node": node, "lost": lost, "retries": event.retries, **times})

    def following(self) -> FloatArray:
        """Return the next failures of every row, shape (rows, OUTAGES, 2); scripted crashes have none."""
        pairs = np.zeros((max(len(self.rows), 1), OUTAGES, 2))
        for row, outages in self.outages.items():
            pairs[row] = outages.following()
        return pairs
