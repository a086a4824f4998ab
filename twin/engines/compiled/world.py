"""The state of a compiled run: a handful of tables, one row for each thing there is."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

NONE = -1
"""No row: the end of a list, or an absent reference."""

Table = Any
"""An array, of records or of numbers; numba knows their types."""


def _table(**fields: str) -> np.dtype[np.void]:
    """Return a record type; *fields* names the columns of each kind: i(nteger), f(loat) or u(nsigned)."""
    kinds = {"i": np.int64, "f": np.float64, "u": np.uint64}
    return np.dtype([(name, kinds[kind]) for kind, names in fields.items() for name in names.split()])


CLOCK = _table(
    f="now horizon",
    i="number events operations limit requests live tracks paths joins stop_triggered stop_listens open_sources closed_sources"
    " exhausted free_token tokens_free free_slot slots_free free_instance instances_free visits executions passages"
    " retried fanout hungry need_law need_page keeps_visits",
)
"""What there is once: the time, counters, and heads of the lists of free rows."""

TOKEN = _table(
    f="node began entered service key",
    i="request step visit at pool_node retries stamp next previous child sibling order slot instance",
)
"""The place of a request. ``next`` serves whichever list it waits in; ``key`` … ``sibling`` whichever heap."""

STEP = _table(
    f="exit_probability computing_units bill_unit",
    i="component station replicas micro_units share first last next hop exit_tossed sends sends_count"
    " service cold cold_is_whole supplied bills_cold turn",
    u="exit_key dispatch_key",
)
"""A step; ``service`` and ``cold`` are rows of LAW, ``supplied`` says that a law needs numbers from outside."""

STAGE = _table(
    f="",
    i="several_steps exclusive joins tossed entered entered_count final final_count ancestors ancestors_count",
    u="key",
)
"""A stage; its lists are stretches of other tables."""

SEND = _table(f="probability", i="step hop", u="key")

HOP = _table(f="size_mb", i="link within")

LAW = _table(f="mean scale spread", i="family samples samples_count column", u="key")
"""The law of a step's times; ``column`` is its row of numbers supplied from outside, or NONE."""

STATION = _table(
    f="idle_time seconds_down",
    i="kind nodes nodes_count dispatch all_up fails stranded stranded_last stranded_count limit queues"
    " warm born busy queue queue_last",
)
"""A pool of nodes, or of instances."""

NODE = _table(
    f="cores since down_since index",
    i="kind up present free total capacity queue queue_last queue_count running running_last shares shares_count"
    " leading stamp number holders station",
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

SOURCE = _table(f="", i="entry step hop closed position length final exhausted")

RULE = _table(f="at duration", i="station node lost retries position")
"""A crash, or one node's random failures."""

SLOT = _table(f="", i="request live next")
"""Where the tokens of one request are; beside it rows of ``active``, ``inbound``, ``visited`` and ``waiting``."""

OPERATION = _table(f="", i="kind a b c")


class World(NamedTuple):
    """All tables of a run. Those that grow are replaced between two calls of the kernel."""

    clock: Table
    due: Table
    order: Table
    what: Table
    operations: Table
    tokens: Table
    positions: Table
    starts: Table
    steps: Table
    stages: Table
    sends: Table
    hops: Table
    laws: Table
    samples: Table
    entered: Table
    final: Table
    lengths: Table
    joins: Table
    ancestors: Table
    stations: Table
    nodes: Table
    shares: Table
    instances: Table
    links: Table
    timeline: Table
    extras: Table
    sources: Table
    times: Table
    rules: Table
    outages: Table
    slots: Table
    active: Table
    inbound: Table
    visited: Table
    waiting: Table
    waiting_last: Table
    columns: Table
    page_keys: Table
    page_rows: Table
    pages: Table
    arrivals: Table
    ends: Table
    entries: Table
    lost: Table
    visits: Table
    executions: Table
    passages: Table
    billed: Table
    invocations: Table
