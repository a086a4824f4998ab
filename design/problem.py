"""The search problem of a scenario, in arrays: what can be chosen, and what each choice adds to load, time and cost.

A *group* is a set of resources of which a plan runs at most one: the resources of one layer, or every resource by
itself. A *location* is a group or a function. A *place* is a group or a link in which transfers disturb each other. A
*pattern* says for one component which deployment it takes and at which location each partition runs; it is independent
of the resource that the group later takes. With the sums over all that visits a place, per second,

    load      Σ rate × seconds                       second    Σ rate × seconds²

a visit that alone takes S seconds takes S × slowdown(load) where requests share, and S + second / 2 × g(load) where
they wait their turn (see :mod:`design.kernels`). So loads are sums over components, and over pairs of components for
what travels between them; a choice for one component touches the loads of its own places only; and nothing ever
becomes quicker because something is added.

Where requests come from a layer of their own, their source is a component too, without partitions and with one pattern.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from twin.model.application import Deployment
from twin.model.scenario import Scenario

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
Array = NDArray[Any]


class Legs(NamedTuple):
    """Transmissions over links in which transfers disturb each other, in rows: by pattern, or by place in a table."""

    ptr: IntArray
    """First leg of each row; without any such link there are no rows either."""

    link: IntArray

    seconds: FloatArray
    """Seconds that the data need on the empty link."""

    weight: FloatArray
    """Mean number of such transfers, for a request of the component."""

    group: IntArray
    """Group within which the data stay, so that they only travel to another node; -1 where they always travel."""


class Choices(NamedTuple):
    """What the kernels read. Ragged lists are flat, with the position where each part begins (``_ptr``)."""

    pattern_ptr: IntArray
    """First pattern of each component, shape (components + 1,)."""

    part_ptr: IntArray
    """First part of each pattern, shape (patterns + 1,)."""

    part: IntArray
    """Partition of each part."""

    location: IntArray
    """Location of each part: a group, or the number of groups plus a function."""

    delay: FloatArray
    """Seconds that depend on no load: functions, and of transfers what no other disturbs; shape (patterns,)."""

    delay_within: FloatArray
    """Seconds of transfers between nodes of one pool, were the nodes always different; shape (patterns, groups)."""

    cost: FloatArray
    """Euro an hour for functions, shape (patterns,)."""

    first: IntArray
    """Location of the first partition, shape (patterns,)."""

    starts_at_edge: IntArray

    ends_at_edge: IntArray

    reach: FloatArray
    """Share of a component's requests that reach each partition, shape (partitions,)."""

    rate: FloatArray
    """Requests/s of each component, shape (components,)."""

    local_limit: FloatArray
    """Seconds, infinite without a limit; shape (components,)."""

    hop_origin: IntArray
    """Component each transfer on a limited path comes from, shape (transfers,)."""

    hop_target: IntArray

    hop_ptr: IntArray
    """Where the table of a transfer begins: seconds by pattern of its origin and location of its target."""

    hop: FloatArray

    hop_within: FloatArray
    """The same between nodes of one pool."""

    out_ptr: IntArray
    """Transfers that leave each component, shape (components + 1,)."""

    out: IntArray

    entered: IntArray
    """Whether a transfer on a limited path enters a component, shape (components,)."""

    path_ptr: IntArray
    """First member of each limited path."""

    path_component: IntArray

    path_weight: FloatArray

    path_hop_ptr: IntArray

    path_hop: IntArray

    path_hop_weight: FloatArray

    path_limit: FloatArray

    path_tail: FloatArray
    """Standard deviations that are added to the mean time of each limited path; 0 for a limit on the mean."""

    inner: Legs
    """Transmissions inside a component, by pattern."""

    between: Legs
    """Transmissions between components, by place in ``hop``."""

    hop_share: FloatArray
    """Transfers for each request of the component they come from, shape (transfers,)."""

    kind_ptr: IntArray
    """First pattern of the origin of each transfer in ``kind``."""

    kind: IntArray
    """Patterns with equal numbers send the same over the same links, wherever the target is."""

    variance: FloatArray
    """Variance of the time at functions, s²; shape (patterns,)."""

    return_from: IntArray
    """Pairs of components whose data must not come back to the edge."""

    return_to: IntArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A limit on a sum over what runs and what is chosen: euro an hour, watt, or logarithms of accuracies."""

    name: str

    node: FloatArray
    """What a running node of each resource adds, shape (resources,)."""

    pattern: FloatArray
    """What each pattern adds, shape (patterns,)."""

    part: FloatArray
    """What a partition adds on each resource, shape (partitions, resources)."""

    limit: float

    @property
    def room(self) -> float:
        """The limit, with the excess that counts as rounding."""
        return self.limit + 1e-9 * abs(self.limit) + 1e-12


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """A scenario made ready for search, all components taking one of the deployments given to it."""

    scenario: Scenario

    components: tuple[str, ...]

    partitions: tuple[str, ...]

    resources: tuple[str, ...]

    groups: tuple[tuple[int, ...], ...]
    """Resources of each group."""

    functions: tuple[str, ...]

    deployments: tuple[Deployment | None, ...]
    """Deployment of each pattern; None for a source of requests."""

    choices: Choices

    demand: FloatArray
    """Seconds of a partition on a resource, infinite where it cannot run; shape (partitions, resources)."""

    square: FloatArray
    """Mean square of that time, s²."""

    memory: FloatArray
    """Megabytes a partition needs on a resource."""

    price: FloatArray
    """Euro an hour for a node of each resource, or what else it adds to the objective."""

    part_price: FloatArray
    """What a partition adds to the objective on each resource, 0 for the cost; shape (partitions, resources)."""

    nodes: IntArray
    """Most nodes of each resource."""

    speed: FloatArray
    """Requests that a node of each resource serves at full speed at once (cores over units)."""

    capacity: FloatArray
    """Requests whose units fill the cores of a node of each resource, broken off nowhere."""

    discipline: IntArray
    """Whether requests share a resource or wait their turn there, see :mod:`design.kernels`."""

    links: tuple[str, ...]
    """Links in which transfers disturb each other; as places they come after the groups."""

    link_discipline: IntArray

    node_memory: FloatArray
    """Megabytes of a node, infinite where it is never short."""

    memory_by_pool: bool
    """Whether containers must fit into all nodes together instead of into each."""

    within: bool
    """Whether data between two nodes of one pool passes the network."""

    limits: tuple[tuple[str, int], ...]
    """Name of each limit, and its path, or minus one minus its component."""

    rows: tuple[Row, ...] = ()
    """Limits on what can be summed up beside times."""

    notes: tuple[str, ...] = ()

    @property
    def queues(self) -> bool:
        """Whether there is more than requests that share nodes: waiting lines, links, limits on percentiles."""
        return bool(self.discipline.any() or self.links or self.choices.path_tail.any())

    @property
    def lines_with_tails(self) -> bool:
        """Whether percentiles are limited where requests or transfers wait their turn."""
        return bool((self.discipline.any() or self.link_discipline.any()) and self.choices.path_tail.any())

    def with_limits(self, seconds: Mapping[int, float]) -> Problem:
        """Return the problem with other limits, by position in ``limits``; infinity drops one."""
        local, path = self.choices.local_limit.copy(), self.choices.path_limit.copy()
        for position, limit in seconds.items():
            place = self.limits[position][1]
            if place < 0:
                local[-1 - place] = limit
            else:
                path[place] = limit
        return self._with_choices(self.choices._replace(local_limit=local, path_limit=path))

    def _with_choices(self, choices: Choices) -> Problem:
        from dataclasses import replace

        return replace(self, choices=choices)

    def limit(self, position: int) -> float:
        """Return the seconds of one of the ``limits``."""
        place = self.limits[position][1]
        found = self.choices.local_limit[-1 - place] if place < 0 else self.choices.path_limit[place]
        return float(found)


def ragged(parts: Sequence[Sequence[Any]]) -> IntArray:
    """Return where each of *parts* begins once they are laid end to end."""
    return np.cumsum([0, *map(len, parts)], dtype=np.int64)
