"""The cheapest plan with a proof: branch and bound over pool sets in rising cost, and over components inside each.

What the running nodes cost dominates and is known before any component is placed. So all pool sets (a resource and a
number of nodes for each group) below the cost of the best plan known are listed in rising order of a lower bound,
after simple capacity bounds have ruled most of them out; inside each, a compiled search looks for options of the
components that hold. The first pool set whose bound reaches the best cost ends the search: that is the proof, about
the exact formula and not an approximation of it. Stopped before, the bound of the next pool set is the gap.

A first plan comes from the same tree with all nodes running, where a group that is not decided has the best of all
its resources at once: what cannot hold there cannot hold at all, which also proves that nothing can.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from math import inf
from typing import NamedTuple

import numpy as np

from design.component_search import search
from design.kernels import Options, Pools, build_options, subsets_of
from design.pool_sets import (
    CLOSED,
    OPEN,
    Resources,
    demands_on,
    fixed_cost,
    list_pool_sets,
    most_nodes,
    parts_cost,
    pools_of,
    prices_of,
    resources_of,
    scarce_memory,
)
from design.problem import FloatArray, IntArray, Problem

PROOF = 1e-9
"""Relative difference of cost below which a plan counts as optimal."""

FIRST_LOOK = 2_000
"""Partial plans of a pool set looked at before the others get their turn."""

POLL = 0.05
"""Seconds after which a long search looks at the clock."""

MORE = 8
"""Factor on the partial plans in each further round over the pool sets that were left open."""

GLANCE = 200
"""Partial plans looked at where a plan is hoped for rather than a proof."""

NARROW = 12
"""Options of a component looked at there."""

EVERY = 1 << 60

LONGEST_LIST = 300_000
"""Pool sets listed at once."""


@dataclass(frozen=True, kw_only=True)
class Solution:
    """One choice: resource and nodes of each group, and the pattern of each component."""

    types: IntArray

    nodes: IntArray

    patterns: IntArray

    cost: float
    """Euro an hour."""


class Inside(NamedTuple):
    """What the search inside one pool set found."""

    complete: bool
    """Whether nothing better than what was found exists there."""

    cost: float
    """Euro an hour of the functions, infinite without a plan."""

    patterns: IntArray

    bound: float
    """What the functions cost at least."""


Counted = tuple[int, float, int, float]
"""What the compiled search returns."""


@dataclass(kw_only=True)
class Outcome:
    """How far a search came."""

    solution: Solution | None = None

    bound: float = 0.0
    """No plan is cheaper; infinite where there is none."""

    evaluations: int = 0
    """Partial and whole plans looked at."""

    first_after: float | None = None
    """Seconds to the first plan."""

    finished: bool = False
    """Whether the bound is proved to be the cost, or that there is no plan."""


@dataclass(kw_only=True)
class ExactSearch:
    """The search on one problem; :meth:`run` may be interrupted, and the outcome read then."""

    problem: Problem

    deadline: float = inf
    """On the clock of ``time.perf_counter``."""

    below: float = inf
    """Only plans cheaper than this are of interest."""

    banned: tuple[Solution, ...] = ()
    """Plans that do not count; with any, plans in which a component takes a dominated option do."""

    most: FloatArray = field(default_factory=lambda: np.ones(0))
    """Utilisation that each resource may be used for; of none: anything below 1."""

    floor: float = 0.0
    """Euro an hour that no plan is below, where that is known; a plan found at this cost ends a search with bans."""

    enough: float = -inf
    """The search ends with the first plan that costs no more; it proves no more than that there is none."""

    on_plan: Callable[[Solution], None] = lambda _solution: None

    outcome: Outcome = field(default_factory=Outcome)

    def __post_init__(self) -> None:
        self.started = time.perf_counter()
        self.groups = len(self.problem.groups)
        self.resources: Resources = resources_of(self.problem)
        self.cache: dict[bytes, Options] = {}
        if self.most.size == 0:
            self.most = np.ones(len(self.problem.resources))
        self.memory = scarce_memory(self.problem)

    def run(self, *, prove: bool = True) -> Outcome:
        """Search until the proof, or until the deadline; without *prove*, until no change of one group helps.

        With plans banned there is only the proof.
        """
        if self.banned:
            # What all nodes running say of fewer nodes no longer holds, so that there is no quick first plan.
            self.below = min(self.below, self._dearest())
            self._look_beside()
            if self._reached_floor():
                self.outcome.bound, self.outcome.finished = self.best, True
            else:
                self._prove()
            if self.outcome.finished and self.outcome.solution is None:
                self.outcome.bound = inf
            return self.outcome
        feasible = self.find_any()
        if feasible is False:
            self.outcome.bound, self.outcome.finished = inf, True
        elif feasible and not self.outcome.finished:
            self._improve()
            if prove and not self.halted:
                if self.enough > -inf:
                    self.below = min(self.below, self.enough * (1.0 + PROOF) + PROOF)
                self._prove()
        return self.outcome

    @property
    def best(self) -> float:
        """Cost that a plan has to stay below."""
        solution = self.outcome.solution
        return min(self.below, solution.cost if solution else inf)

    # -- any plan at all ----------------------------------------------------------------------------------------

    def find_any(self) -> bool | None:
        """Say whether any plan holds, looking at all nodes of every choice of types; None when the time is over.

        A plan found becomes the solution.
        """
        if self.find_quickly():
            return True
        order = sorted(range(self.groups), key=lambda g: len(self.problem.groups[g]))
        state = self._descend(np.full(self.groups, OPEN), order, FIRST_LOOK)
        if state is None and time.perf_counter() < self.deadline:
            state = self._descend(np.full(self.groups, OPEN), order, 1 << 60)
        if state is None and self._fewer_nodes_may_hold and time.perf_counter() < self.deadline:
            self.below = min(self.below, self._dearest())
            self._prove()
            state = True if self.outcome.solution else False if self.outcome.finished else None
        return state

    @property
    def _fewer_nodes_may_hold(self) -> bool:
        """Whether a plan can hold though none seems to with all nodes running.

        Data travels between nodes, or they cost; or what is loose counts the variance of waits with a bound only.
        """
        return self.problem.within or bool(self.problem.rows) or self.problem.lines_with_tails

    def _descend(self, types: IntArray, order: list[int], look: int) -> bool | None:
        """Decide one group after the other; None where the limit of partial plans left something open."""
        if time.perf_counter() > self.deadline:
            return None
        decided = not order
        options, pools = self.options(types, most_nodes(self.problem, types), loose=True)
        found = self.inside(options, pools, inf, look if decided else FIRST_LOOK, enough=inf)
        if found.complete and found.cost == inf:
            return False
        if decided:
            return self._settle(types, found.patterns, look) if found.cost < inf else None
        open_ended = False
        for resource in self._quickest(order[0]):
            narrower = types.copy()
            narrower[order[0]] = resource
            state = self._descend(narrower, order[1:], look)
            if state:
                return True
            open_ended = open_ended or state is None
            if time.perf_counter() > self.deadline:
                return None
        return None if open_ended else False

    def _settle(self, types: IntArray, patterns: IntArray, look: int) -> bool | None:
        """Take the plan found for all nodes running; None where it holds only because nodes were free and one."""
        nodes = most_nodes(self.problem, types)
        if self._fewer_nodes_may_hold:
            options, pools = self.options(types, nodes)
            found = self.inside(options, pools, inf, look, enough=inf)
            if found.cost == inf:
                return None
            patterns = found.patterns
        self.accept(types, nodes, patterns)
        return True

    def find_quickly(self) -> bool:
        """Try the resources that can do most, all their nodes running; False where that found no plan."""
        types = np.array([self._quickest(group)[0] for group in range(self.groups)], dtype=np.int64)
        nodes = most_nodes(self.problem, types)
        options, pools = self.options(types, nodes)
        found = self.inside(options, pools, inf, GLANCE, enough=inf, thorough=False, width=NARROW)
        if not found.complete and found.cost == inf:
            found = self.inside(options, pools, inf, GLANCE, enough=inf, thorough=False)
        if found.cost < inf:
            self.accept(types, nodes, found.patterns)
        return found.cost < inf

    def _quickest(self, group: int) -> list[int]:
        """Return the resources of a group, the one that can do most first."""
        demand = self.problem.demand

        def ability(resource: int) -> float:
            able = demand[np.isfinite(demand[:, resource]), resource]
            mean = float(able.mean()) if able.size else inf
            return -float(self.problem.nodes[resource] * self.problem.speed[resource]) / max(mean, 1e-12)

        return sorted(self.problem.groups[group], key=ability)

    # -- pieces -------------------------------------------------------------------------------------------------

    def options(self, types: IntArray, nodes: IntArray, *, loose: bool = False) -> tuple[Options, Pools]:
        """Return the components' options on these pools, *loose* as in :func:`design.pool_sets.pools_of`."""
        pools = pools_of(self.problem, types, nodes, self.most, loose=loose)
        key = types.tobytes() + (pools.within.tobytes() if self.problem.within else b"")
        if key not in self.cache:
            problem = self.problem
            if len(self.cache) > 2_000:
                self.cache.clear()
            self.cache[key] = build_options(
                problem.choices,
                demands_on(problem, types, self.memory),
                prices_of(problem, types),
                pools.within,
                pools.nodes.size,
                problem.queues,
                bool(self.banned) or problem.lines_with_tails,
            )
        return self.cache[key], pools

    def inside(
        self,
        options: Options,
        pools: Pools,
        budget: float,
        look: int,
        *,
        enough: float = 0.0,
        thorough: bool = True,
        width: int = EVERY,
        banned: IntArray | None = None,
    ) -> Inside:
        """Search inside one pool set."""
        patterns = np.full(len(self.problem.components), -1)
        if (np.diff(options.ptr) == 0).any():
            return Inside(True, inf, patterns, inf)
        stop = np.zeros(1, dtype=np.int64)
        out = np.empty((0, patterns.size), dtype=np.int64) if banned is None else banned

        def run() -> Counted:
            return search(
                self.problem.choices, options, pools, budget, enough, look, thorough, width, stop, out, patterns
            )

        done, cost, visited, bound = run() if look <= FIRST_LOOK else self._in_thread(run, stop)
        self.outcome.evaluations += visited
        return Inside(bool(done), cost, patterns, bound)

    def _in_thread(self, run: Callable[[], Counted], stop: IntArray) -> Counted:
        """Run a long search so that the deadline and an interrupt can stop it; compiled code hears neither."""
        with ThreadPoolExecutor(max_workers=1) as thread:
            future = thread.submit(run)
            try:
                while not wait([future], timeout=POLL).done and time.perf_counter() < self.deadline:
                    continue
            finally:
                stop[0] = 1
            return future.result()

    def halt(self) -> None:
        """End the search as if its time were over."""
        self.deadline = -inf

    @property
    def halted(self) -> bool:
        """Whether an interrupt has ended it."""
        return self.deadline == -inf

    def _try(self, types: IntArray, nodes: IntArray, look: int, width: int = EVERY) -> Inside:
        """Search for a cheaper plan on these pools, and keep it."""
        fixed = fixed_cost(self.problem, types, nodes)
        budget = self.best - fixed - PROOF * (1.0 + abs(self.best)) if self.best < inf else inf
        options, pools = self.options(types, nodes)
        if budget <= 0.0 or (pools.spare < 0.0).any():
            return Inside(True, inf, np.full(len(self.problem.components), -1), inf)
        found = self.inside(options, pools, budget, look, width=width, banned=self._banned_on(types, nodes))
        if found.cost < inf:
            self.accept(types, nodes, found.patterns)
        return found._replace(bound=fixed + found.bound)

    def _banned_on(self, types: IntArray, nodes: IntArray) -> IntArray:
        """Return the patterns of the banned plans that run on these pools, shape (plans, components)."""
        rows = [
            each.patterns
            for each in self.banned
            if all(
                each.types[g] == CLOSED or (each.types[g] == types[g] and each.nodes[g] == nodes[g])
                for g in range(self.groups)
            )
        ]
        return np.array(rows, dtype=np.int64).reshape(len(rows), len(self.problem.components))

    def _look_beside(self) -> None:
        """Look for plans on the pools of the banned ones, where the next one of the same cost often is."""
        for each in {(one.types.tobytes(), one.nodes.tobytes()): one for one in self.banned}.values():
            if self._reached_floor() or time.perf_counter() > self.deadline:
                return
            self._try(each.types, each.nodes, FIRST_LOOK)

    def _reached_floor(self) -> bool:
        return self.outcome.solution is not None and self.best <= self.floor + PROOF * (1.0 + abs(self.floor))

    def _dearest(self) -> float:
        """Return euro an hour that every plan stays below."""
        pools = sum(max(float(self.problem.price[r] * self.problem.nodes[r]) for r in g) for g in self.problem.groups)
        choices = self.problem.choices
        spans = zip(choices.pattern_ptr[:-1], choices.pattern_ptr[1:], strict=True)
        functions = sum(float(choices.cost[first:end].max(initial=0.0)) for first, end in spans)
        parts = float(self.problem.part_price.max(axis=1, initial=0.0).sum())
        return 1.0 + 2.0 * (pools + functions + parts)

    def accept(self, types: IntArray, nodes: IntArray, patterns: IntArray) -> None:
        """Keep a plan; groups that nothing uses are closed."""
        choices = self.problem.choices
        used = {
            int(location)
            for pattern in patterns
            for location in choices.location[choices.part_ptr[pattern] : choices.part_ptr[pattern + 1]]
        }
        types, nodes = types.copy(), nodes.copy()
        for group in range(self.groups):
            if group not in used:
                types[group], nodes[group] = CLOSED, 0
        cost = fixed_cost(self.problem, types, nodes) + float(choices.cost[patterns].sum())
        cost += parts_cost(self.problem, types, patterns, self.problem.part_price)
        if cost < self.best and self._rows_hold(types, nodes, patterns):
            self.outcome.solution = Solution(types=types, nodes=nodes, patterns=patterns.copy(), cost=cost)
            if self.outcome.first_after is None:
                self.outcome.first_after = time.perf_counter() - self.started
            self.on_plan(self.outcome.solution)
            if cost <= self.enough:
                self.halt()

    def _rows_hold(self, types: IntArray, nodes: IntArray, patterns: IntArray) -> bool:
        for row in self.problem.rows:
            running = sum(float(row.node[r]) * n for r, n in zip(types, nodes, strict=True) if r >= 0)
            total = running + float(row.pattern[patterns].sum())
            if total + parts_cost(self.problem, types, patterns, row.part) > row.room * (1.0 + 1e-12):
                return False
        return True

    # -- a good plan soon ---------------------------------------------------------------------------------------

    def _improve(self) -> None:
        """Walk to cheaper pool sets that differ in one group, until none of them holds a plan."""
        improved = True
        while improved and time.perf_counter() < self.deadline:
            improved = False
            solution = self.outcome.solution
            if solution is None:
                return
            for types, nodes in self._neighbours(solution):
                if time.perf_counter() > self.deadline:
                    return
                if (
                    fixed_cost(self.problem, types, nodes) < self.best
                    and self._try(types, nodes, GLANCE, NARROW).cost < inf
                ):
                    improved = True
                    break

    def _neighbours(self, solution: Solution) -> Iterator[tuple[IntArray, IntArray]]:
        """Return pool sets with one group changed, the cheapest first."""
        found: list[tuple[float, int, IntArray, IntArray]] = []
        for group, members in enumerate(self.problem.groups):
            for resource, count in [
                (CLOSED, 0),
                *((r, n) for r in members for n in range(1, self.problem.nodes[r] + 1)),
            ]:
                types, nodes = solution.types.copy(), solution.nodes.copy()
                types[group], nodes[group] = resource, count
                if (types != solution.types).any() or (nodes != solution.nodes).any():
                    found.append((fixed_cost(self.problem, types, nodes), len(found), types, nodes))
        for _, _, types, nodes in sorted(found, key=lambda each: each[:2]):
            yield types, nodes

    # -- the proof ----------------------------------------------------------------------------------------------

    def _prove(self) -> None:
        """Search all pool sets below the best cost, in rising order of their bounds."""
        low = 0.0
        order = self._costliest_first()
        masks = subsets_of(np.arange(self.groups), self.groups)
        while low < self.best:
            high = self.best
            complete, bounds, types, nodes = self._list(masks, order, low, high)
            while not complete and time.perf_counter() < self.deadline:
                high = low + (high - low) / 4
                complete, bounds, types, nodes = self._list(masks, order, low, high)
            if not complete:
                self.outcome.bound = low
                return
            if not self._search_all(bounds, types, nodes):
                return
            low = high
            self.outcome.bound = min(low, self.best)
        self.outcome.bound, self.outcome.finished = self.best, True

    def _list(
        self, masks: FloatArray, order: IntArray, low: float, high: float
    ) -> tuple[bool, FloatArray, IntArray, IntArray]:
        left = self.deadline - time.perf_counter()
        tests = int(min(max(left, 0.0) * 5_000, 1e9)) + 100
        return list_pool_sets(self.problem.choices, self.resources, masks, order, low, high, LONGEST_LIST, tests)

    def _costliest_first(self) -> IntArray:
        price = [float(np.mean(self.problem.price[list(members)])) for members in self.problem.groups]
        return np.argsort([-each for each in price], kind="stable").astype(np.int64)

    def _search_all(self, bounds: FloatArray, types: IntArray, nodes: IntArray) -> bool:
        """Search pool sets, the lowest bounds first, with a growing number of partial plans; False if time is over.

        Where a search inside is given up, its multipliers may still have raised the bound of that pool set.
        """
        waiting, look = list(np.argsort(bounds, kind="stable")), FIRST_LOOK
        while waiting:
            later: list[int] = []
            open_bound = inf
            for i in waiting:
                if bounds[i] >= self.best - PROOF * (1.0 + abs(self.best)):
                    break
                self._raise_bound(min(bounds[i], open_bound))
                if time.perf_counter() > self.deadline:
                    return False
                found = self._try(types[i], nodes[i], look)
                if not found.complete:
                    bounds[i] = max(bounds[i], found.bound)
                    open_bound = min(open_bound, bounds[i])
                    later.append(i)
            self._raise_bound(open_bound)
            waiting, look = sorted(later, key=bounds.__getitem__), look * MORE
        return True

    def _raise_bound(self, bound: float) -> None:
        self.outcome.bound = max(self.outcome.bound, min(float(bound), self.best))
