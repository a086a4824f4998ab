"""Rows of the tables that a run begins with: places and links as they are before the first request."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from twin.engines.compiled import links, nodes, pools
from twin.engines.compiled.world import NONE, Table
from twin.engines.micro_units import micro_units
from twin.engines.timeline import Timeline
from twin.network import FunctionPool, Link, NodePool

Row = dict[str, Any]

DISPATCH = {"random": pools.RANDOM, "round_robin": pools.ROUND_ROBIN, "shortest_queue": pools.SHORTEST_QUEUE}

CONTENTION = {"none": links.FREE, "fifo": links.QUEUED, "shared": links.SHARED}


def table(kind: np.dtype[np.void], rows: Sequence[Row]) -> Table:
    """Return *rows* as a table, never an empty one; what a row leaves out is 0."""
    records = np.zeros(max(len(rows), 1), dtype=kind)
    for name in kind.names or ():
        if rows and any(name in row for row in rows):
            records[name][: len(rows)] = [row.get(name, 0) for row in rows]
    return records


def numbers(values: Iterable[Any]) -> Table:
    """Return whole numbers as an array that is never empty."""
    listed = list(values)
    return np.array(listed or [NONE], dtype=np.int64)


def pool_row(pool: NodePool, first: int) -> Row:
    """Return a pool of nodes, the first of them being row *first*."""
    return {
        "kind": nodes.SHARING if pool.discipline == "ps" else nodes.FIFO,
        "nodes": first,
        "nodes_count": pool.nodes,
        "dispatch": DISPATCH[pool.dispatch],
        "all_up": True,
        "stranded": NONE,
        "stranded_last": NONE,
    }


def node_row(pool: NodePool, number: int, station: int, shares: int, shares_count: int) -> Row:
    """Return node *number* of a pool, its shares beginning at row *shares*."""
    micro = micro_units(pool.cores)
    return {
        "station": station,
        "index": float(number),
        "cores": pool.cores,
        "total": micro,
        "free": micro,
        "capacity": NONE if pool.queue_capacity is None else pool.queue_capacity,
        "up": True,
        "queue": NONE,
        "queue_last": NONE,
        "running": NONE,
        "running_last": NONE,
        "shares": shares,
        "shares_count": shares_count,
        "leading": NONE,
        "stamp": NONE,
    }


def function_row(pool: FunctionPool) -> Row:
    """Return a pool of instances."""
    return {
        "kind": nodes.FUNCTION,
        "idle_time": pool.idle_time,
        "limit": NONE if pool.concurrency_limit is None else pool.concurrency_limit,
        "queues": pool.on_limit == "queue",
        "warm": NONE,
        "queue": NONE,
        "queue_last": NONE,
    }


def link_row(link: Link, course: Timeline, times: int, extras: int) -> Row:
    """Return a link, its timeline and extra delays beginning at these rows."""
    return {
        "contention": CONTENTION[link.contention],
        "delay": course.delay,
        "rate": course.rates[0],
        "steady": not course.changes,
        "times": times,
        "times_count": len(course.times),
        "extras": extras,
        "extras_count": len(course.changes),
        "root": NONE,
        "stamp": NONE,
    }
