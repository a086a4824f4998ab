"""The records of a run as flat arrays of doubles, filled while it goes on."""

from __future__ import annotations

from array import array

import numpy as np

from twin.engines.trajectory import FloatArray, Trajectory


class Records:
    """What has happened so far; the columns are those of a ``Trajectory``."""

    def __init__(self, steps: int) -> None:
        self.arrivals = array("d")
        self.ends = array("d")
        self.source_of = array("h")
        self.lost: set[int] = set()
        self.visits = array("d")
        self.executions = array("d")
        self.passages = array("d")
        self.billed = [0.0] * steps
        self.invocations = [0.0] * steps

    def trajectory(
        self, *, horizon: float, link_mb: FloatArray, retries: int, node_seconds_down: FloatArray
    ) -> Trajectory:
        """Return all records, and beside them what is known elsewhere; the columns are views, so use them soon."""
        lost = np.zeros(len(self.arrivals), dtype=np.bool_)
        lost[list(self.lost)] = True
        return Trajectory(
            horizon=horizon,
            arrivals=np.frombuffer(self.arrivals),
            ends=np.frombuffer(self.ends),
            lost=lost,
            sources=np.frombuffer(self.source_of, dtype=np.int16),
            visits=np.frombuffer(self.visits).reshape(-1, 6),
            executions=np.frombuffer(self.executions).reshape(-1, 4),
            passages=np.frombuffer(self.passages).reshape(-1, 4),
            link_mb=link_mb,
            billed_seconds=np.array(self.billed),
            invocations=np.array(self.invocations),
            retries=retries,
            node_seconds_down=node_seconds_down,
        )

    def forget(self, *, over: bool) -> None:
        """Drop the rows that were handed over; when it is *over*, the requests, too."""
        self.visits, self.executions, self.passages = array("d"), array("d"), array("d")
        kept = slice(0, 0) if over else slice(None)
        # Copies, because arrays that somebody looks into cannot grow.
        self.arrivals, self.ends, self.source_of = self.arrivals[kept], self.ends[kept], self.source_of[kept]
        if over:
            self.lost.clear()
