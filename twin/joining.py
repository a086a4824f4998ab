"""Joins: how often a stage runs that runs once for all the inputs of a request.

The parts of a request draw their branches independently. So the probability that none of them reaches a join follows
backwards through the graph: where a request goes one way or another the probabilities mix, where it forks they
multiply. This is exact as long as no join before the one in question has merged parts that might still miss it.
Only the stages behind the last stage that all requests pass (the dominator) need to be looked at.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import networkx as nx

from twin.engines.trajectory import FloatArray
from twin.routing import Passing, Routing, Way


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reach:
    """What becomes of one request that stands at the beginning of a stage or step."""

    missing: float
    """Probability that no part of it reaches the join."""

    most: float
    """Most parts of it that can reach the join."""


NOWHERE = _Reach(missing=1.0, most=0.0)
THERE = _Reach(missing=0.0, most=1.0)


class Joining:
    """The joins of a network without loops, for the requests that take the way *entry* into it."""

    def __init__(self, routing: Routing, entry: Way, passing: Passing) -> None:
        self.routing = routing
        self.network = routing.network
        self.start = self.network.steps[entry.target].component
        self.passing = passing
        self.reasons: list[str] = []
        """Why the rates are estimates, where they are."""
        self._order = routing.stage_orders[routing.part_of(entry)]
        self._rank = {stage: i for i, stage in enumerate(self._order)}
        self._dominators = self._dominator_tree()
        self._single = {self.start}
        """Stages that run at most once per request."""
        self._merges: dict[int, bool] = {}
        """Whether several parts of a request may meet at a join."""
        for stage in self._order:
            self._look_at(stage)

    def rate(self, join: int, rates: FloatArray) -> float:
        """Return how often a second *join* runs; *rates* are those of the steps before it, and of its arrivals."""
        arriving = float(rates[self.network.stages[join].steps[0]])
        if not self._merges.get(join):
            return arriving
        gate = self._gate(join)
        reach = self._reach(join, gate)
        self._note(join, [stage for stage in reach if stage != gate], reach)
        return float(rates[self.network.stages[gate].steps[0]]) * (1.0 - reach[gate].missing)

    def _note(self, join: int, between: list[int], reach: dict[int, _Reach]) -> None:
        doubtful = [k for k in between if self._merges.get(k) and 0.0 < reach[k].missing < 1.0]
        if doubtful:
            names = ", ".join(repr(self.network.stages[k].name) for k in doubtful[:3])
            self.reasons.append(
                f"how often {self.network.stages[join].name!r} joins is an estimate: parts of a request that merge at "
                f"{names} are counted as if they went on independently"
            )

    def _dominator_tree(self) -> dict[int, int]:
        """Return for each stage that the requests reach the last one before it that all of them pass."""
        tree = nx.immediate_dominators(self.network.graph, self.start)
        return {stage: parent for stage, parent in tree.items() if stage != self.start}

    def _look_at(self, stage: int) -> None:
        """Find out whether *stage*, all before it being known, runs at most once per request."""
        if stage not in self._dominators:
            return
        before = [each for each in self.network.graph.predecessors(stage) if self._is_reached(each)]
        if len(before) == 1:
            if before[0] in self._single:
                self._single.add(stage)
            return
        gate = self._gate(stage)
        several = self._reach(stage, gate)[gate].most > 1.0
        if stage in self.network.waiting_stages:
            self._merges[stage] = several
        if not several or stage in self.network.waiting_stages:
            self._single.add(stage)

    def _is_reached(self, stage: int) -> bool:
        return stage == self.start or stage in self._dominators

    def _gate(self, stage: int) -> int:
        """Return the last stage before *stage* that each of its requests passes, and passes once."""
        gate = self._dominators[stage]
        while gate not in self._single:
            gate = self._dominators[gate]
        return gate

    def _reach(self, join: int, gate: int) -> dict[int, _Reach]:
        """Return what becomes, with regard to *join*, of a request at each stage from *gate* on."""
        region = {join}
        stack = [join]
        while stack:
            for stage in self.network.graph.predecessors(stack.pop()):
                if stage not in region and self._is_reached(stage):
                    region.add(stage)
                    if stage != gate:
                        stack.append(stage)
        reach: dict[int, _Reach] = {}
        for stage in sorted(region - {join}, key=self._rank.__getitem__, reverse=True):
            reach[stage] = self._from_stage(stage, reach, join)
        return reach

    def _from_stage(self, stage: int, reach: dict[int, _Reach], join: int) -> _Reach:
        following = NOWHERE
        for step in reversed(self.network.stages[stage].steps):
            leaves = self.routing.exit_probability(step)
            ways = self.routing.leaving[step]
            sent = self._spread(
                stage, [way for way in ways if self.routing.is_entrance(way.target)], reach, join, leaves
            )
            onward = [way for way in ways if not self.routing.is_entrance(way.target)]
            came = self.passing.along(onward[0]) if onward else 0.0
            missing = leaves * sent.missing + (1.0 - leaves) * (1.0 - came * (1.0 - following.missing))
            passes = float(self.passing.steps[step])
            following = _Reach(
                missing=1.0 - passes * (1.0 - missing),
                most=max(sent.most if leaves > 0.0 else 0.0, following.most if leaves < 1.0 else 0.0),
            )
        return following

    def _spread(self, stage: int, ways: Iterable[Way], reach: dict[int, _Reach], join: int, leaves: float) -> _Reach:
        """Return what becomes of a request that leaves *stage* by *ways*."""
        missing, most = 1.0, 0.0
        for way in ways:
            probability = way.probability / leaves if leaves > 0.0 else 0.0
            after = self._after(way, reach, join)
            arrives = probability * (1.0 - after.missing)
            if self.routing.forking[stage]:
                missing *= 1.0 - arrives
                most += after.most if probability > 0.0 else 0.0
            else:
                missing -= arrives
                most = max(most, after.most if probability > 0.0 else 0.0)
        return _Reach(missing=max(missing, 0.0), most=most)

    def _after(self, way: Way, reach: dict[int, _Reach], join: int) -> _Reach:
        """Return what becomes of a request that takes *way* to the beginning of a stage."""
        stage = self.network.steps[way.target].component
        there = THERE if stage == join else reach.get(stage, NOWHERE)
        arrives = self.passing.along(way)
        return _Reach(missing=1.0 - arrives * (1.0 - there.missing), most=there.most)
