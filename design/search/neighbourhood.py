"""The moves that all heuristics share, compiled: they change deployments and layouts, nodes, and types of node.

A move is applied at once and leaves a trail, so that it can be taken back.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from design.kernels import kernel
from design.problem import IntArray
from design.search.figures import State, Tables, set_pattern, set_pool

DRAWS = 8
"""Patterns drawn until one can run."""


class Trail(NamedTuple):
    """What the last move changed."""

    size: IntArray
    """Number of components changed, and the group changed or -1."""

    component: IntArray

    pattern: IntArray

    pool: IntArray
    """Resource and nodes that the group had."""


@kernel
def new_trail(components: int) -> Trail:
    """Return a trail that no move has left yet."""
    return Trail(
        np.array([0, -1]), np.zeros(components, np.int64), np.zeros(components, np.int64), np.zeros(2, np.int64)
    )


@kernel
def move(tables: Tables, state: State, trail: Trail) -> None:
    """Apply a random move: mostly one component, else the nodes or the type of a group, or a group left by all."""
    trail.size[0], trail.size[1] = 0, -1
    draw = np.random.random()
    if draw < 0.88:
        component = np.random.randint(state.pattern.size)
        _change(tables, state, trail, component, _draw_pattern(tables, state, component, -1))
        return
    group = np.random.randint(state.types.size)
    if draw < 0.99:
        resource, nodes = state.types[group], state.nodes[group]
        if draw < 0.95:
            nodes += 1 if np.random.random() < 0.4 else -1
        else:
            resource = tables.member[np.random.randint(tables.member_ptr[group], tables.member_ptr[group + 1])]
            nodes = np.random.randint(1, tables.nodes[resource] + 1)
        trail.size[1], trail.pool[0], trail.pool[1] = group, state.types[group], state.nodes[group]
        set_pool(tables, state, group, resource, min(max(nodes, 1), tables.nodes[resource]))
        return
    for component in range(state.pattern.size):
        if state.parts[component, group] > 0:
            _change(tables, state, trail, component, _draw_pattern(tables, state, component, group))


@kernel
def undo(tables: Tables, state: State, trail: Trail) -> None:
    """Take the last move back."""
    for i in range(trail.size[0] - 1, -1, -1):
        set_pattern(tables, state, trail.component[i], trail.pattern[i])
    if trail.size[1] >= 0:
        set_pool(tables, state, trail.size[1], trail.pool[0], trail.pool[1])


@kernel
def _change(tables: Tables, state: State, trail: Trail, component: int, pattern: int) -> None:
    if pattern == state.pattern[component]:
        return
    i = trail.size[0]
    trail.component[i], trail.pattern[i] = component, state.pattern[component]
    trail.size[0] += 1
    set_pattern(tables, state, component, pattern)


@kernel
def _draw_pattern(tables: Tables, state: State, component: int, avoided: int) -> int:
    """Draw a deployment, then a pattern of it that can run and does not use the group *avoided*, if that soon comes."""
    for _ in range(DRAWS):
        deployment = np.random.randint(tables.deployment_ptr[component], tables.deployment_ptr[component + 1])
        first, end = tables.start[deployment], tables.start[deployment + 1]
        if first < end:
            pattern = np.random.randint(first, end)
            if _can_run(tables, state, pattern, avoided):
                return int(pattern)
    return int(state.pattern[component])


@kernel
def _can_run(tables: Tables, state: State, pattern: int, avoided: int) -> bool:
    for i in range(tables.part_ptr[pattern], tables.part_ptr[pattern + 1]):
        group = tables.location[i]
        if group == avoided:
            return False
        if group < state.types.size and not np.isfinite(tables.demand[tables.part[i], state.types[group]]):
            return False
    return True


@kernel
def draw_plan(tables: Tables, state: State, all_nodes: bool) -> None:
    """Draw a plan: a type for each group, its nodes (or all of them), and a pattern for each component."""
    for group in range(state.types.size):
        first, end = tables.member_ptr[group], tables.member_ptr[group + 1]
        resource = tables.member[np.random.randint(first, end)]
        nodes = tables.nodes[resource] if all_nodes else np.random.randint(1, tables.nodes[resource] + 1)
        set_pool(tables, state, group, resource, nodes)
    for component in range(state.pattern.size):
        set_pattern(tables, state, component, _draw_pattern(tables, state, component, -1))


@kernel
def plant(seed: int) -> None:
    """Seed the random numbers of compiled code."""
    np.random.seed(seed)
