"""A run in pieces: what is finished goes to a sink, and its room is used again, so that memory does not grow."""

from __future__ import annotations

import numpy as np

from twin.engines.compiled.memory import BY_REQUEST, Memory
from twin.engines.trajectory import FloatArray, Piece, Sink

REQUESTS = 1 << 16
"""Requests for which there is room at first; it grows with the longest time a request takes, not with the run."""

ROWS = 1 << 16
"""Visits, and executions, for which there is room."""

RECORDS = {"visits": 6, "executions": 4, "passages": 4}
"""Tables of records, and how many numbers a row has."""


class Pieces:
    """The window of requests in memory: from the first unfinished one to the newest."""

    def __init__(self, memory: Memory, sink: Sink) -> None:
        self.memory, self.sink = memory, sink
        self.first = 0

    @property
    def is_due(self) -> bool:
        """Whether a table of records is full."""
        memory = self.memory
        rows = {"visits": 1, "executions": 1, "passages": memory.count("paths")}
        return any(memory.count(name) + more > len(memory[name]) for name, more in rows.items())

    def hand_over(self, *, over: bool = False) -> None:
        """Give the sink all records, and the requests up to the first unfinished one; all of them when it is *over*."""
        memory = self.memory
        arrived = memory.count("requests") - self.first
        ends = memory.values("ends", arrived)
        unfinished = np.isnan(ends)
        settled = int(unfinished.argmax()) if unfinished.any() and not over else arrived
        self.sink.take(
            Piece(
                first=self.first,
                arrivals=memory.values("arrivals", arrived),
                ends=ends[:settled],
                lost=memory.values("lost", settled),
                sources=memory.values("entries", settled),
                **{name: self._records(name, width) for name, width in RECORDS.items()},
            )
        )
        for name in RECORDS:
            memory.clock[name] = 0
        self._forget(settled)

    def _records(self, name: str, width: int) -> FloatArray:
        return self.memory[name][: self.memory.count(name)].view(np.float64).reshape(-1, width)

    def make_room(self) -> None:
        """Hand over what is finished, and give the next requests room."""
        memory = self.memory
        self.hand_over()
        have = len(memory["arrivals"])
        wanted = min(2 * have, memory.count("limit") - self.first)
        if 2 * (memory.count("requests") - self.first) > have and wanted > have:
            self._widen(wanted)

    def _forget(self, settled: int) -> None:
        """Move the window past so many requests; the rows behind it become free."""
        memory = self.memory
        room = len(memory["arrivals"])
        for name in BY_REQUEST:
            rows = memory[name]
            rows[: room - settled] = rows[settled:].copy()
        self.first += settled
        memory.begin_at(self.first)

    def _widen(self, room: int) -> None:
        memory = self.memory
        for name in BY_REQUEST:
            memory.grow(name, room)
        memory.begin_at(self.first)
