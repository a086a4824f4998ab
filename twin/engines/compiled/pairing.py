"""Pairing heaps over the rows of a table, by ``key`` and then ``order`` (Fredman, Sedgewick, Sleator, Tarjan 1986).

They need no room of their own: a row points to its first child and to its next sibling.
"""

from __future__ import annotations

from collections.abc import Callable

from twin.engines.compiled.jit import compiled
from twin.engines.compiled.rows import Access, instances, tokens
from twin.engines.compiled.world import NONE, World

Add = Callable[[World, int, int], int]

RemoveFirst = Callable[[World, int], int]


def _joining(rows: Access) -> Add:
    """Return how to join two heaps over *rows*."""

    @compiled
    def joined(world: World, one: int, other: int) -> int:
        """Return the root of both heaps together."""
        if one == NONE:
            return other
        if other == NONE:
            return one
        a, b = rows(world, one), rows(world, other)
        if b.key < a.key or (b.key == a.key and b.order < a.order):
            a.sibling = b.child
            b.child = one
            return other
        b.sibling = a.child
        a.child = other
        return one

    return joined


def _heap_over(rows: Access) -> tuple[Add, RemoveFirst]:
    """Return how to add a row to a heap over *rows*, and how to remove the first."""
    joined = _joining(rows)

    @compiled
    def added(world: World, root: int, row: int) -> int:
        """Return the root after *row*, its key and order set, has joined the heap."""
        rows(world, row).child = NONE
        rows(world, row).sibling = NONE
        return joined(world, root, row)

    @compiled
    def without_first(world: World, root: int) -> int:
        """Return the root after the first row has left the heap."""
        child = rows(world, root).child
        pairs = NONE
        while child != NONE:
            one, other = child, rows(world, child).sibling
            child = NONE if other == NONE else rows(world, other).sibling
            rows(world, one).sibling = NONE
            if other != NONE:
                rows(world, other).sibling = NONE
            pair = joined(world, one, other)
            rows(world, pair).sibling = pairs
            pairs = pair
        root = NONE
        while pairs != NONE:
            following = rows(world, pairs).sibling
            rows(world, pairs).sibling = NONE
            root = joined(world, root, pairs)
            pairs = following
        return root

    return added, without_first


add_token, without_first_token = _heap_over(tokens)

add_instance, without_first_instance = _heap_over(instances)
