"""Routing: the ways that requests take through a network, each with its probability."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import networkx as nx
import numpy as np

from twin.engines.trajectory import FloatArray
from twin.network import Hop, Network


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """A way that requests take to a step: from a source, within a stage, or from one stage to another."""

    origin: int
    """Index of the step it leaves, or of the entry if it ``enters``."""

    target: int
    """Index of the step it leads to."""

    probability: float
    """Probability that a request that is done at the origin takes it."""

    hop: Hop | None = None

    crossing: float = 0.0
    """Probability that a transfer takes place: two nodes of one pool may turn out to be the same."""

    enters: bool = False

    forks: bool = False
    """Whether the request may take other ways at the same time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Passing:
    """Shares of the requests that come through: neither lost nor stuck in a backlog that grows for ever."""

    steps: FloatArray
    """Of each step, shape (steps,)."""

    transfers: Mapping[tuple[int, float], float] = field(default_factory=dict)
    """Of the transfers over a link, by link and megabytes; those not named all arrive."""

    def along(self, way: Way) -> float:
        """Return the share that arrives at the end of *way*."""
        if way.hop is None or not self.transfers:
            return 1.0
        stuck = 1.0 - self.transfers.get((way.hop.link, way.hop.size_mb), 1.0)
        return 1.0 - way.crossing * stuck

    def distance(self, other: Passing) -> float:
        """Return the largest difference of any share."""
        steps = float(np.abs(self.steps - other.steps).max(initial=0.0))
        keys = self.transfers.keys() | other.transfers.keys()
        return max([steps, *(abs(self.transfers.get(key, 1.0) - other.transfers.get(key, 1.0)) for key in keys)])

    def toward(self, other: Passing, weight: float) -> Passing:
        """Return the shares a part *weight* of the way to those of *other*."""
        keys = self.transfers.keys() | other.transfers.keys()
        mixed = {
            key: (1 - weight) * self.transfers.get(key, 1.0) + weight * other.transfers.get(key, 1.0) for key in keys
        }
        return Passing(steps=(1 - weight) * self.steps + weight * other.steps, transfers=mixed)


class Approach:
    """Steps towards shares that reproduce themselves.

    A whole step may overshoot where requests visit one station several times: holding back the first visit empties
    it for the second. So steps shrink whenever they bring the two no closer.
    """

    SMALLEST = 2.0**-10

    def __init__(self) -> None:
        self.weight = 1.0
        self.last = float("inf")

    def step(self, passing: Passing, following: Passing) -> Passing:
        """Return the next shares to try after *passing*, which led to *following*."""
        distance = passing.distance(following)
        if distance >= self.last:
            self.weight = max(self.weight / 2, self.SMALLEST)
        self.last = distance
        return passing.toward(following, self.weight)


class Routing:
    """All ways through a network, laid out once."""

    def __init__(self, network: Network) -> None:
        self.network = network
        self.forking = tuple(
            not stage.exclusive and len(network.successors[i]) > 1 for i, stage in enumerate(network.stages)
        )
        """For each stage, whether its requests may go on to several stages at once."""
        self.entering = tuple(
            Way(
                origin=i,
                target=entry.step,
                probability=1.0,
                hop=entry.hop,
                crossing=float(entry.hop is not None),
                enters=True,
            )
            for i, entry in enumerate(network.entries)
        )
        """The way in from each entry."""
        self.leaving = tuple(self._ways_from(i) for i in range(len(network.steps)))
        """The ways out of each step."""

    @cached_property
    def order(self) -> tuple[int, ...]:
        """The steps in an order in which no way leads back; only a network without loops has one."""
        stages = self.network.stages
        return tuple(step for i in nx.topological_sort(self.network.graph) for step in stages[i].steps)

    @cached_property
    def stage_orders(self) -> tuple[tuple[int, ...], ...]:
        """For each part of the network its stages, in an order in which no way leads back."""
        orders: list[list[int]] = [[] for _ in self.network.parts]
        for stage in nx.topological_sort(self.network.graph):
            orders[self.network.part_of[stage]].append(stage)
        return tuple(tuple(order) for order in orders)

    @cached_property
    def ways(self) -> tuple[Way, ...]:
        """Every way, those from the entries first."""
        return (*self.entering, *(way for ways in self.leaving for way in ways))

    @cached_property
    def ways_over(self) -> tuple[tuple[Way, ...], ...]:
        """For each link, the ways that lead over it."""
        ways: list[list[Way]] = [[] for _ in self.network.links]
        for way in self.ways:
            if way.hop is not None:
                ways[way.hop.link].append(way)
        return tuple(tuple(each) for each in ways)

    def part_of(self, way: Way) -> int:
        """Return the part of the network that *way* leads to."""
        return self.network.part_of[self.network.steps[way.target].component]

    def exit_probability(self, step: int) -> float:
        """Return the probability that a request leaves its stage at *step*; it surely does at the last one."""
        return 1.0 if self.network.steps[step].next_step is None else self.network.steps[step].exit_probability

    def is_entrance(self, step: int) -> bool:
        """Say whether *step* is the first of its stage."""
        return self.network.stages[self.network.steps[step].component].steps[0] == step

    def _ways_from(self, index: int) -> tuple[Way, ...]:
        step = self.network.steps[index]
        leaves = self.exit_probability(index)
        ways = [(send.step, leaves * send.probability, send.hop, self.forking[step.component]) for send in step.sends]
        if step.next_step is not None:
            ways.append((step.next_step, 1.0 - leaves, step.next_hop, False))
        return tuple(
            Way(
                origin=index,
                target=target,
                probability=probability,
                hop=hop,
                crossing=self._crossing(index, target, hop),
                forks=forks,
            )
            for target, probability, hop, forks in ways
        )

    def _crossing(self, origin: int, target: int, hop: Hop | None) -> float:
        """Return the probability that a transfer between two nodes, drawn at random, takes place."""
        if hop is None:
            return 0.0
        steps = self.network.steps
        return 1.0 - 1.0 / max(steps[origin].replicas, steps[target].replicas) if hop.within_pool else 1.0
