"""What one replication leaves behind: columns, not objects."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

FloatArray = np.ndarray[Any, np.dtype[np.float64]]

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

    lost: np.ndarray[Any, np.dtype[np.bool_]]
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
