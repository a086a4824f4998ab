"""Pairing heaps over the rows of a table, by ``key`` and then ``order`` (Fredman, Sedgewick, Sleator, Tarjan 1986).

They need no room of their own: a row points to its first child and to its next sibling.
"""

from __future__ import annotations

from twin.engines.compiled.jit import compiled
from twin.engines.compiled.world import NONE, Table


@compiled
def joined(rows: Table, one: int, other: int) -> int:
    """Return the root of both heaps together."""
    if one == NONE:
        return other
    if other == NONE:
        return one
    a, b = rows[one], rows[other]
    if b.key < a.key or (b.key == a.key and b.order < a.order):
        a.sibling = b.child
        b.child = one
        return other
    b.sibling = a.child
    a.child = other
    return one


@compiled
def added(rows: Table, root: int, row: int) -> int:
    """Return the root after *row*, its key and order set, has joined the heap."""
    rows[row].child = NONE
    rows[row].sibling = NONE
    return joined(rows, root, row)


@compiled
def without_first(rows: Table, root: int) -> int:
    """Return the root after the first row has left the heap."""
    child = rows[root].child
    pairs = NONE
    while child != NONE:
        one, other = child, rows[child].sibling
        child = NONE if other == NONE else rows[other].sibling
        rows[one].sibling = NONE
        if other != NONE:
            rows[other].sibling = NONE
        pair = joined(rows, one, other)
        rows[pair].sibling = pairs
        pairs = pair
    root = NONE
    while pairs != NONE:
        following = rows[pairs].sibling
        rows[pairs].sibling = NONE
        root = joined(rows, root, pairs)
        pairs = following
    return root
