"""A controlled run in compiled code: Python rewrites rows of the tables between two calls of the kernel."""

from __future__ import annotations

from collections.abc import Iterable
from math import inf
from typing import Any

import numpy as np

from twin.engines.billing import Billing
from twin.engines.compiled import kernel, operations
from twin.engines.compiled.coverage import require_covered
from twin.engines.compiled.nodes import FIFO, FUNCTION
from twin.engines.compiled.outcome import records, trajectory_of
from twin.engines.compiled.simulation import CompiledRun
from twin.engines.compiled.warm import note_warm
from twin.engines.compiled.world import NONE
from twin.engines.controlled import Census, IntArray
from twin.engines.micro_units import MICRO
from twin.engines.trajectory import FloatArray, Trajectory
from twin.model.events import Event
from twin.network import Network


class ControlledCompiled(CompiledRun):
    """One replication of the networks of a universe; what a switch means is said in ``twin.engines.controlled``.

    Raises:
        EngineError: The kernel does not cover something of the network.
    """

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
        events = tuple(events)
        require_covered(network, events)
        super().__init__(network, seed, replication, events, (billing or Billing()).rules)
        self.open(requests, horizon, keep_visits=True)
        self.memory["nodes"]["fails"] = True
        self.horizon = inf if horizon is None else horizon
        self.over = False
        self._census: Census | None = None
        self._owners = np.repeat(np.arange(len(self.memory["nodes"])), self.memory["nodes"]["shares_count"])

    # -- the course of the run ----------------------------------------------------------------------------------

    @property
    def now(self) -> float:
        """Simulated second."""
        return float(self.memory.clock["now"][0])

    def advance(self, until: float) -> None:
        """Run on to the second *until*, or to the end; what happens at that very second is still to come."""
        if self.over or until <= self.now:
            return
        clock = self.memory.clock
        self._census = None
        clock["horizon"] = min(until, self.horizon)
        need = self.go_on()
        if need == kernel.DRAINED and np.isfinite(clock["horizon"][0]):
            clock["now"] = clock["horizon"]
        drained = need == kernel.DRAINED and self.horizon == inf
        self.over = need == kernel.OVER or drained or self.now >= self.horizon

    def switch(self, network: Network, *, kill: bool) -> None:
        """Go on under the routes of *network*, another network of the same universe."""
        memory = self.memory
        self._census = None
        self.network = network
        self.layout.rewire(network)
        memory["hops"] = self.layout.tables["hops"]
        self._make_room()
        row = memory.count("operations")
        memory["noted"][row] = (operations.SWITCH, kill, 0, 0)
        memory.clock["operations"] = row + 1
        memory.clock["credit"] = 0
        memory.clock["horizon"] = self.now
        self.go_on()

    def finished(self) -> Trajectory:
        """Return all records."""
        note_warm()
        return trajectory_of(self.memory, self.network)

    # -- to be looked at ----------------------------------------------------------------------------------------

    def census(self) -> Census:
        """Look at what is where; what was seen stays true until the run goes on."""
        if self._census is None:
            self._census = self._counted()
        return self._census

    def _counted(self) -> Census:
        nodes, stations = self.memory["nodes"], self.memory["stations"]
        pools = len(self.network.stations)
        present = np.where(stations["kind"] == FUNCTION, stations["busy"], stations["stranded_count"])[:pools]
        present = present.astype(np.float64)
        count = int(stations["nodes_count"].sum())
        np.add.at(present, nodes["station"][:count], nodes["present"][:count])
        for index in np.flatnonzero((stations["kind"] == FUNCTION) & (stations["queue"] != NONE)):
            present[index] += self._line(int(stations["queue"][index]))
        return Census(
            time=self.now,
            live=self.memory.count("live"),
            present=present,
            node_present=nodes["present"][:count].astype(np.float64),
            node_busy=self._busy()[:count],
            node_up=nodes["up"][:count] == 1,
        )

    def _line(self, token: int) -> int:
        following = self.memory["tokens"]["next"]
        length = 0
        while token != NONE:
            length += 1
            token = int(following[token])
        return length

    def _busy(self) -> FloatArray:
        """Return the core-seconds of service at each node, up to now."""
        nodes, shares = self.memory["nodes"], self.memory["shares"]
        owners = self._owners
        shares = shares[: len(owners)]
        rate = np.bincount(owners, shares["rate"] * shares["computing_units"] * shares["count"], minlength=len(nodes))
        shared = nodes["area"] + rate * (self.now - nodes["since"])
        queued = (nodes["area"] + self.now * (nodes["total"] - nodes["free"])) / MICRO
        fifo = self.memory["stations"]["kind"][nodes["station"]] == FIFO
        return np.where(fifo, queued, shared)

    def visits(self, first: int) -> FloatArray:
        """Return the visits recorded so far, from number *first* on."""
        return records(self.memory, "visits", 6)[first:]

    def executions(self, first: int) -> FloatArray:
        """Return the executions recorded so far, from number *first* on."""
        return records(self.memory, "executions", 4)[first:]

    def passages(self, first: int) -> FloatArray:
        """Return the passages recorded so far, from number *first* on."""
        return records(self.memory, "passages", 4)[first:]

    def requests(self, first: int) -> tuple[FloatArray, IntArray]:
        """Return arrival time and source of the requests from number *first* on."""
        count = self.memory.count("requests")
        return self.memory.values("arrivals", count)[first:], self.memory.values("entries", count)[first:]

    def outcomes(self, requests: IntArray) -> tuple[FloatArray, np.ndarray[Any, np.dtype[np.bool_]]]:
        """Return the end of each of *requests* (NaN: not yet) and whether it was lost."""
        count = self.memory.count("requests")
        return self.memory.values("ends", count)[requests], self.memory.values("lost", count)[requests]
