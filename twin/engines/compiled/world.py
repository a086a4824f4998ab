"""The state of a compiled run: a handful of tables, one row for each thing there is.

The kernel passes one number around, the address of the clock; behind the clock's fields stand the addresses of the
tables. Passing the arrays themselves would copy hundreds of words at every call.
"""

from __future__ import annotations

from typing import Any

import numpy as np

NONE = -1
"""No row: the end of a list, or an absent reference."""

Table = np.ndarray[Any, np.dtype[Any]]
"""A table, as Python sees it."""

Row = Any
"""A row of a table, as the kernel sees it; its fields are attributes."""

World = int
"""The address of the clock."""


def _table(**fields: str) -> np.dtype[np.void]:
    """Return a record type; *fields* names the columns of each kind: i(nteger), f(loat) or u(nsigned)."""
    kinds = {"i": np.int64, "f": np.float64, "u": np.uint64}
    return np.dtype([(name, kinds[kind]) for kind, names in fields.items() for name in names.split()])


def _column(kind: type[np.generic]) -> np.dtype[np.void]:
    """Return the type of a table with one column."""
    return np.dtype([("value", kind)])


TOKEN = _table(
    f="node began entered service key",
    i="request step visit at pool_node retries stamp next previous child sibling order slot instance",
)
"""The place of a request. ``next`` serves whichever list it waits in; ``key`` … ``sibling`` whichever heap."""

STEP = _table(
    f="exit_probability computing_units bill_unit",
    i="component place station replicas micro_units share first last next hop exit_tossed sends sends_count"
    " service cold cold_is_whole bills_cold turn forward retired",
    u="exit_key dispatch_key",
)
"""A step; ``place`` is its number in its part of the network, the same for all candidates of a partition.

``service`` and ``cold`` are rows of LAW.
"""

STAGE = _table(
    f="",
    i="place several_steps exclusive joins tossed entered entered_count final final_count ancestors ancestors_count"
    " part_joins part_joins_count",
    u="key",
)
"""A stage; ``place`` is its number in its part of the network. Its lists are stretches of other tables."""

SEND = _table(f="probability", i="step hop", u="key")

HOP = _table(f="size_mb", i="link within")

LAW = _table(f="mean scale spread", i="family samples samples_count ring", u="key")
"""The law of a step's times; ``spread`` is the half-width, the sigma or the shape of its family."""

STATION = _table(
    f="idle_time seconds_down",
    i="kind nodes nodes_count dispatch all_up stranded stranded_last stranded_count limit queues"
    " warm born busy queue queue_last",
)
"""A pool of nodes, or of instances."""

NODE = _table(
    f="cores since down_since index area",
    i="kind up present free total capacity queue queue_last queue_count running running_last shares shares_count"
    " leading stamp number holders station fails",
)
"""A node; FIFO uses the queue, processor sharing the shares."""

SHARE = _table(f="computing_units clock rate", i="root count")

INSTANCE = _table(f="key idle_since", i="order number child sibling next")

LINK = _table(
    f="delay free_at carried_mb clock since rate",
    i="contention steady times times_count extras extras_count root count number stamp",
)

TIMELINE = _table(f="time rate", i="link")

EXTRA = _table(f="start end delay")

SOURCE = _table(i="entry step hop closed position length final exhausted")

RULE = _table(f="at duration", i="station node lost retries position")
"""A crash, or one node's random failures."""

SLOT = _table(i="request live next joins joins_count")
"""Where the tokens of one request are; beside it rows of ``active``, ``inbound``, ``visited`` and ``waiting``."""

OPERATION = _table(i="kind a b c")

EVENT = _table(f="time", i="number what")
"""An entry of the agenda; ``what`` says what happens and to whom."""

PLACE = _table(f="start", i="position")
"""How far a token is along a path, and since when; token by token, path by path."""

SPOT = _table(i="active inbound waiting waiting_last")
"""The tokens of a request in a stage: bound for it or in it, not arrived yet, waiting at its join; slot by slot."""

ENTERED = _table(i="place position")
"""Where a stage stands on a path; ``place`` is the path's number in its part of the network."""

FINAL = _table(i="path place length")
"""A path that ends with a stage."""

VISIT = _table(f="request step entered end service node")

PASSAGE = _table(f="request owner start end")
"""The record of an execution of a stage, or of a passage along a path."""

OUTAGE = _table(f="up down")

REAL, WHOLE = _column(np.float64), _column(np.int64)

TABLES: dict[str, np.dtype[np.void]] = {
    "agenda": EVENT,
    "noted": OPERATION,
    "tokens": TOKEN,
    "places": PLACE,
    "steps": STEP,
    "stages": STAGE,
    "sends": SEND,
    "hops": HOP,
    "laws": LAW,
    "samples": REAL,
    "ring": REAL,
    "entered": ENTERED,
    "final": FINAL,
    "joins": WHOLE,
    "ancestors": WHOLE,
    "stations": STATION,
    "nodes": NODE,
    "shares": SHARE,
    "instances": INSTANCE,
    "links": LINK,
    "timeline": TIMELINE,
    "extras": EXTRA,
    "sources": SOURCE,
    "times": REAL,
    "rules": RULE,
    "outages": OUTAGE,
    "slots": SLOT,
    "spots": SPOT,
    "visited": WHOLE,
    "arrivals": REAL,
    "ends": REAL,
    "entries": _column(np.int16),
    "lost": _column(np.bool_),
    "visits": VISIT,
    "executions": PASSAGE,
    "passages": PASSAGE,
    "billed": REAL,
    "invocations": REAL,
}
"""All tables of a run, by name."""

COUNTS = tuple(f"{name}_room" for name in TABLES)
"""Fields of the clock that say how many rows each table has."""

ADDRESSES = tuple(f"{name}_address" for name in TABLES)
"""Fields of the clock that say where each table lies in memory."""

CLOCK = _table(
    f="now horizon",
    i="number events hole operations credit limit requests live tracks paths stop_triggered"
    " open_sources closed_sources exhausted free_token tokens_free free_slot slots_free free_instance instances_free"
    " visits executions passages retried fanout hungry keeps_visits drawn rings"
    " ndtri_function gammaincinv_function times_width outages_width stages steps laws"
    " stations_count links_count bounded " + " ".join((*COUNTS, *ADDRESSES)),
)
"""What there is once: the time, counters, heads of the lists of free rows, widths of tables, and their addresses."""
