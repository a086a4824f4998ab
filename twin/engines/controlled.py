"""The engines' side of a controlled run: advance, be looked at, change the routes, go on.

A switch means the same in every engine. Requests in service finish where they are; with *kill*, those at a placement or
node that the new network withdraws start again at the new placement of their partition, with their full work and as
one more retry (executions on a cloud function are always finished). Requests that wait at a withdrawn placement
or node move to the new one at once, by the dispatch rule of its pool; their waiting goes on counting. Requests on a
link or waiting for a join go to the new placement when they arrive; a node that was reserved for them is free again.
What a component has begun in a deployment that is no longer in force is finished by the partitions of that deployment
where they are. Those that move do so in the order: interrupted, waiting, stranded; each by station, node and line.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from twin.engines.trajectory import FloatArray, Trajectory
from twin.network import Network

IntArray = np.ndarray[Any, np.dtype[np.int64]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Census:
    """What is where at one moment. Nodes stand in the order of the stations that have some."""

    time: float

    live: int
    """Requests in the system."""

    present: FloatArray
    """Requests at each station, those that found no node up included, shape (stations,)."""

    node_present: FloatArray
    """Requests at each node, shape (nodes,)."""

    node_busy: FloatArray
    """Core-seconds of service at each node since the start, shape (nodes,)."""

    node_up: np.ndarray[Any, np.dtype[np.bool_]]
    """Whether no failure holds the node down, shape (nodes,)."""


class ControlledEngine(Protocol):
    """One replication that can be stopped, looked at and changed."""

    @property
    def now(self) -> float:
        """Simulated second."""
        ...

    @property
    def over(self) -> bool:
        """Whether nothing more will happen."""
        ...

    def advance(self, until: float) -> None:
        """Run on to the second *until*, or to the end; what happens at that very second is still to come."""
        ...

    def switch(self, network: Network, *, kill: bool) -> None:
        """Go on under the routes of *network*, another network of the same universe."""
        ...

    def census(self) -> Census:
        """Look at what is where."""
        ...

    def visits(self, first: int) -> FloatArray:
        """Return the visits recorded so far, from number *first* on, as in ``Trajectory``."""
        ...

    def executions(self, first: int) -> FloatArray:
        """Return the executions recorded so far, from number *first* on."""
        ...

    def passages(self, first: int) -> FloatArray:
        """Return the passages recorded so far, from number *first* on."""
        ...

    def requests(self, first: int) -> tuple[FloatArray, IntArray]:
        """Return arrival time and source of the requests from number *first* on."""
        ...

    def outcomes(self, requests: IntArray) -> tuple[FloatArray, np.ndarray[Any, np.dtype[np.bool_]]]:
        """Return the end of each of *requests* (NaN: not yet) and whether it was lost."""
        ...

    def finished(self) -> Trajectory:
        """Return all records."""
        ...
