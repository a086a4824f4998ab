"""What one replication leaves behind: columns, not objects."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

FloatArray = np.ndarray[Any, np.dtype[np.float64]]
BoolArray = np.ndarray[Any, np.dtype[np.bool_]]

COLD = -2.0
"""Value in the column ``node`` of an execution that found no warm instance."""

WARM = -1.0
"""Value in the column ``node`` of an execution on a warm instance."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trajectory:
    """The records of one replication. Times are seconds since its start; NaN means: not before the horizon."""

    horizon: float

    arrivals: FloatArray
    """Arrival time of each request, shape (requests,)."""

    ends: FloatArray
    """Time at which its last part was done, shape (requests,)."""

    lost: BoolArray
    """Whether it was lost: rejected, throttled, or interrupted too often."""

    sources: np.ndarray[Any, np.dtype[np.int16]]
    """Index of the entry it came through."""

    visits: FloatArray
    """One row per visit to a step: request, step, arrival there, end, service time, node; shape (visits, 6)."""

    executions: FloatArray
    """One row per execution of a stage of several steps: request, stage, start, end; shape (executions, 4)."""

    passages: FloatArray
    """One row per request along a measured path: request, path, start, end; shape (passages, 4)."""

    link_mb: FloatArray
    """Megabytes that each link carried, shape (links,)."""

    billed_seconds: FloatArray
    """Billed execution time of each step on a function, rounded as its price list says, shape (steps,)."""

    invocations: FloatArray
    """Invocations of each step on a function, shape (steps,)."""

    retries: int
    """Executions that a crash interrupted and that started again."""

    node_seconds_down: FloatArray
    """Seconds that nodes of each station were down, shape (stations,)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """Part of the records of a replication, handed over while it runs; valid until the next one.

    Requests come in the order of their arrival, each once; those of the last piece may be unfinished. Rows of visits,
    executions and passages may belong to requests of other pieces.
    """

    first: int
    """Number of the first request in the columns."""

    arrivals: FloatArray
    """Arrival times of the requests from *first* on, those that follow in later pieces included."""

    ends: FloatArray
    """As in a trajectory, for the requests of this piece alone, as are the next two."""

    lost: BoolArray

    sources: np.ndarray[Any, np.dtype[np.int16]]

    visits: FloatArray

    executions: FloatArray

    passages: FloatArray


class Sink(Protocol):
    """What takes the records of a replication piece by piece, so that they need not be kept."""

    def take(self, piece: Piece) -> None:
        """Use *piece*, whose arrays are overwritten afterwards."""


class Several:
    """Sinks that take the same pieces."""

    def __init__(self, sinks: Sequence[Sink]) -> None:
        self.sinks = tuple(sinks)

    def take(self, piece: Piece) -> None:
        """Let each of them take *piece*."""
        for sink in self.sinks:
            sink.take(piece)


def whole(run: Trajectory) -> Piece:
    """Return all records of *run* as one piece."""
    return Piece(
        first=0,
        arrivals=run.arrivals,
        ends=run.ends,
        lost=run.lost,
        sources=run.sources,
        visits=run.visits,
        executions=run.executions,
        passages=run.passages,
    )
