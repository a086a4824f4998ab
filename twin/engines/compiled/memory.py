"""The tables of a run in memory: Python owns them, the kernel knows their addresses."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from twin.engines.compiled.places import most_paths
from twin.engines.compiled.world import CLOCK, TABLES, Table
from twin.network import Network

FIRST_ROWS = 64

BY_REQUEST = ("arrivals", "ends", "entries", "lost")
"""Tables with a row for each request."""


class Memory:
    """The clock and all tables. A table is replaced as a whole, between two calls of the kernel."""

    def __init__(self) -> None:
        self.clock: Table = np.zeros(1, dtype=CLOCK)
        self.tables: dict[str, Table] = {}
        self.first = 0
        for name, kind in TABLES.items():
            self[name] = np.zeros(0, dtype=kind)

    def __getitem__(self, name: str) -> Table:
        return self.tables[name]

    def __setitem__(self, name: str, rows: Table) -> None:
        """Put *rows* in the place of a table; arrays of plain numbers become tables of one column."""
        rows = np.ascontiguousarray(rows)
        if rows.dtype != TABLES[name]:
            rows = rows.reshape(-1).view(TABLES[name])
        self.tables[name] = rows
        self._locate(name)

    def _locate(self, name: str) -> None:
        """Tell the kernel where a table lies; one that begins with a later request lies where its row 0 would be."""
        rows = self.tables[name]
        first = self.first if name in BY_REQUEST else 0
        self.clock[f"{name}_room"] = first + len(rows)
        self.clock[f"{name}_address"] = rows.ctypes.data - first * rows.itemsize

    def begin_at(self, request: int) -> None:
        """Let the tables with a row for each request begin with *request*; what lay before is forgotten."""
        self.first = request
        for name in BY_REQUEST:
            self._locate(name)

    def update(self, tables: Mapping[str, Table]) -> None:
        """Put several tables in place."""
        for name, rows in tables.items():
            self[name] = rows

    @property
    def address(self) -> int:
        """Where the clock lies."""
        return int(self.clock.ctypes.data)

    def count(self, field: str) -> int:
        """Return a whole number of the clock."""
        return int(self.clock[field][0])

    def values(self, name: str, length: int) -> Table:
        """Return the first numbers of a table of one column."""
        return self[name]["value"][:length]

    def grow(self, name: str, length: int) -> None:
        """Give table *name* room for *length* rows."""
        larger = np.empty(length, dtype=TABLES[name])
        larger[: len(self[name])] = self[name]
        self[name] = larger

    def grow_free(self, name: str, head: str, count: str) -> None:
        """Give table *name* more rows, all free.

        The field *head* of the clock is the first of the list of free rows, *count* their number.
        """
        have = len(self[name])
        length = 2 * have + max(FIRST_ROWS, 2 * self.count("fanout"))
        self.grow(name, length)
        rows = self[name]
        rows[have:] = np.zeros(1, dtype=rows.dtype)
        rows["next"][have:] = np.arange(have + 1, length + 1)
        rows["next"][length - 1] = self.count(head)
        self.clock[head] = have
        self.clock[count] += length - have


def record_tables(network: Network, *, requests: int, visits: int) -> dict[str, Table]:
    """Return records with room for so many requests and visits."""
    several = any(len(stage.steps) > 1 for stage in network.stages)
    lengths: dict[str, int] = {
        "arrivals": requests,
        "ends": requests,
        "entries": requests,
        "lost": requests,
        "visits": visits,
        "executions": visits if several else 1,
        "passages": requests * most_paths(network) + 1,
    }
    tables: dict[str, Any] = {name: np.empty(length, dtype=TABLES[name]) for name, length in lengths.items()}
    for name in ("billed", "invocations"):
        tables[name] = np.zeros(len(network.steps), dtype=TABLES[name])
    return tables
