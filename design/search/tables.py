"""What a walk from plan to plan reads and never changes, in records: one look at memory for one thing.

A limit is a *row*: the time of a component, or of a path. A *link* says with which weight something enters a row.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np

from design.problem import Array, FloatArray, IntArray, Problem, ragged

Record = Any
"""One record of an array, in compiled code."""

PATTERN = np.dtype(
    [
        ("cost", np.float64),
        ("delay", np.float64),
        ("part", np.int64),
        ("part_end", np.int64),
        ("first", np.int64),
        ("starts_at_edge", np.int64),
        ("ends_at_edge", np.int64),
    ]
)
"""A pattern of a component: functions' cost, constant seconds, its parts, location of the first one."""

PART = np.dtype([("partition", np.int64), ("location", np.int64), ("reach", np.float64)])

COMPONENT = np.dtype(
    [
        ("rate", np.float64),
        ("deployment", np.int64),
        ("deployment_end", np.int64),
        ("link", np.int64),
        ("link_end", np.int64),
        ("hop", np.int64),
        ("hop_end", np.int64),
        ("pair", np.int64),
        ("pair_end", np.int64),
    ]
)
"""A component: requests/s, and where its deployments, links to rows, transfers and pairs stand in their lists."""

HOP = np.dtype(
    [
        ("origin", np.int64),
        ("target", np.int64),
        ("table", np.int64),
        ("locations", np.int64),
        ("pattern", np.int64),
        ("link", np.int64),
        ("link_end", np.int64),
    ]
)
"""A transfer: its ends, where its table begins, how long a row of that is, and the first pattern of its origin."""

LINK = np.dtype([("row", np.int64), ("weight", np.float64)])

RESOURCE = np.dtype([("price", np.float64), ("nodes", np.int64), ("speed", np.float64), ("memory", np.float64)])


class Tables(NamedTuple):
    """What does not change."""

    pattern: Array

    part: Array

    component: Array

    hop: Array

    resource: Array

    component_link: Array

    hop_link: Array

    component_hop: IntArray
    """Transfers that a component sends or receives."""

    pair_from: IntArray
    """Pairs of components whose data must not come back to the edge."""

    pair_to: IntArray

    component_pair: IntArray
    """Pairs that a component is part of."""

    start: IntArray
    """First pattern of each deployment, and their number at the end."""

    member_ptr: IntArray
    """First resource of each group in ``member``."""

    member: IntArray

    hop_seconds: FloatArray

    hop_inside: FloatArray
    """Seconds between two nodes of one pool."""

    delay_within: FloatArray
    """The same by pattern and group, between its own partitions."""

    demand: FloatArray

    memory: FloatArray

    limit: FloatArray
    """Seconds of each row."""

    memory_by_pool: bool

    within: bool


def tables_of(problem: Problem) -> Tables:
    """Return the tables of *problem*."""
    choices, count = problem.choices, len(problem.components)
    rows, hop_rows = _rows(problem)
    hops = _touching(count, choices.hop_origin, choices.hop_target)
    pairs = _touching(count, choices.return_from, choices.return_to)
    starts = [
        [p for p in range(first, end) if p == first or problem.deployments[p] is not problem.deployments[p - 1]]
        for first, end in zip(choices.pattern_ptr[:-1], choices.pattern_ptr[1:], strict=True)
    ]
    spans = np.diff(choices.hop_ptr) // np.maximum(np.diff(choices.pattern_ptr)[choices.hop_origin], 1)
    ends = {
        name: (ptr[:-1], ptr[1:])
        for name, ptr in (("deployment", ragged(starts)), ("link", ragged(rows)), ("hop", ragged(hops)))
    } | {"pair": (ragged(pairs)[:-1], ragged(pairs)[1:])}
    limited = np.isfinite(choices.local_limit)
    return Tables(
        pattern=_records(
            PATTERN,
            choices.cost,
            choices.delay,
            choices.part_ptr[:-1],
            choices.part_ptr[1:],
            choices.first,
            choices.starts_at_edge,
            choices.ends_at_edge,
        ),
        part=_records(PART, choices.part, choices.location, choices.reach[choices.part]),
        component=_records(COMPONENT, choices.rate, *(each for pair in ends.values() for each in pair)),
        hop=_records(
            HOP,
            choices.hop_origin,
            choices.hop_target,
            choices.hop_ptr[:-1],
            spans,
            choices.pattern_ptr[choices.hop_origin],
            ragged(hop_rows)[:-1],
            ragged(hop_rows)[1:],
        ),
        resource=_records(RESOURCE, problem.price, problem.nodes, problem.speed, problem.node_memory),
        component_link=_links(rows),
        hop_link=_links(hop_rows),
        component_hop=_whole(hop for each in hops for hop in each),
        pair_from=choices.return_from,
        pair_to=choices.return_to,
        component_pair=_whole(pair for each in pairs for pair in each),
        start=_whole([*(p for each in starts for p in each), int(choices.pattern_ptr[-1])]),
        member_ptr=ragged(problem.groups),
        member=_whole(r for group in problem.groups for r in group),
        hop_seconds=choices.hop,
        hop_inside=choices.hop_within,
        delay_within=choices.delay_within,
        demand=problem.demand,
        memory=problem.memory,
        limit=np.concatenate([choices.local_limit[limited], choices.path_limit]),
        memory_by_pool=problem.memory_by_pool,
        within=problem.within,
    )


Links = list[list[tuple[int, float]]]


def _rows(problem: Problem) -> tuple[Links, Links]:
    """Return for each component and each transfer the rows it is part of: limits of components, then of paths."""
    choices = problem.choices
    local = np.flatnonzero(np.isfinite(choices.local_limit)).tolist()
    rows: Links = [[] for _ in range(len(problem.components))]
    hop_rows: Links = [[] for _ in range(choices.hop_origin.size)]
    for row, component in enumerate(local):
        rows[component].append((row, 1.0))
    for path in range(choices.path_limit.size):
        for i in range(choices.path_ptr[path], choices.path_ptr[path + 1]):
            rows[choices.path_component[i]].append((len(local) + path, float(choices.path_weight[i])))
        for i in range(choices.path_hop_ptr[path], choices.path_hop_ptr[path + 1]):
            hop_rows[choices.path_hop[i]].append((len(local) + path, float(choices.path_hop_weight[i])))
    return rows, hop_rows


def _touching(count: int, origin: IntArray, target: IntArray) -> list[list[int]]:
    """Return for each component the edges that touch it."""
    found: list[list[int]] = [[] for _ in range(count)]
    for edge, ends in enumerate(zip(origin, target, strict=True)):
        for component in ends:
            found[component].append(edge)
    return found


def _records(kind: np.dtype[np.void], *columns: Array) -> Array:
    """Return records with these columns, in the order of the fields of *kind*."""
    assert kind.names is not None
    found = np.zeros(len(columns[0]), dtype=kind)
    for name, column in zip(kind.names, columns, strict=True):
        found[name] = column
    return found


def _links(parts: Links) -> Array:
    return np.array([link for each in parts for link in each], dtype=LINK)


def _whole(values: Iterable[int]) -> IntArray:
    return np.array(list(values), dtype=np.int64)
