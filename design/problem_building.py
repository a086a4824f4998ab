"""A scenario becomes a search problem: patterns, loads, transfers and limits, by the rules of one dialect."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise, product

import numpy as np

from design.candidates import Hosts, hosts_of
from design.function_figures import function_figures
from design.limits import Limit, limits_of
from design.problem import Choices, Problem, ragged
from design.rules import Rules
from design.traffic_rates import component_rates, reaches
from twin.errors import EngineError, Problem as Fault
from twin.model.application import Dependency, Deployment, Partition
from twin.model.scenario import Scenario

Allowed = Mapping[str, Sequence[Deployment]]

MOST_PATTERNS = 2_000_000
"""More than this many patterns do not fit into memory."""

UNREACHABLE = 1e30
"""Limit of a transfer that only has to be possible."""


def build_problem(
    scenario: Scenario, rules: Rules, allowed: Allowed, *, one_type_per_layer: bool = True
) -> Problem:
    """Return the search problem of *scenario* when components take one of the deployments *allowed*.

    All deployments of a component must send alike, see :func:`design.candidates.cases`.

    Raises:
        EngineError: There are too many patterns.
    """
    return _Builder(scenario, rules, allowed, hosts_of(scenario, one_type_per_layer=one_type_per_layer)).problem()


@dataclass(frozen=True, slots=True)
class _Pattern:
    """One way to lay out a component."""

    deployment: Deployment

    locations: tuple[int, ...]


class _Builder:
    """Turns names into positions, once."""

    def __init__(self, scenario: Scenario, rules: Rules, allowed: Allowed, hosts: Hosts) -> None:
        self.scenario, self.rules, self.allowed, self.hosts = scenario, rules, allowed, hosts
        self.components = tuple(scenario.application.components)
        self.position = {name: i for i, name in enumerate(self.components)}
        self.rates = component_rates(scenario, {name: each[0] for name, each in allowed.items()})
        self.reach = {
            name: share for each in allowed.values() for deployment in each for name, share in reaches(deployment).items()
        }
        self.owner = {
            name: owner for owner, each in allowed.items() for deployment in each for name in deployment.partitions
        }
        self.partitions = tuple(self.owner)
        self.index = {name: i for i, name in enumerate(self.partitions)}
        self.within = rules.dialect == "twin" and scenario.run.transfers_within_resource == "network"
        self.figures = {
            (name, function): function_figures(scenario, rules, name, function, self.rates[self.owner[name]], self.reach[name])
            for name in self.partitions
            for function in hosts.functions_for(name)
        }
        self.patterns = [list(self._patterns_of(name)) for name in self.components]

    def problem(self) -> Problem:
        """Assemble everything."""
        hosts, count = self.hosts, len(self.hosts.resources)
        demand = np.full((len(self.partitions), count), np.inf)
        memory = np.zeros((len(self.partitions), count))
        for (name, resource), (seconds, megabytes) in hosts.fits.items():
            if name in self.index:
                demand[self.index[name], resource] = seconds
                memory[self.index[name], resource] = megabytes
        limits, notes = limits_of(self.scenario, self.rules, self.rates)
        resources = [self.scenario.continuum.resources[name] for name in hosts.resources]
        return Problem(
            scenario=self.scenario,
            components=self.components,
            partitions=self.partitions,
            resources=hosts.resources,
            groups=hosts.groups,
            functions=hosts.functions,
            deployments=tuple(pattern.deployment for each in self.patterns for pattern in each),
            choices=self._choices(limits),
            demand=demand,
            memory=memory,
            price=np.array([resource.cost_per_hour for resource in resources], dtype=np.float64),
            nodes=np.array([resource.nodes for resource in resources], dtype=np.int64),
            speed=np.array(hosts.speed, dtype=np.float64),
            node_memory=np.array([r.memory_mb or math.inf for r in resources], dtype=np.float64),
            memory_by_pool=self.rules.memory == "pool",
            within=self.within,
            limits=tuple((limit.name, limit.place) for limit in limits),
            notes=tuple(notes),
        )

    # -- patterns -----------------------------------------------------------------------------------------------

    def _patterns_of(self, component: str) -> Iterator[_Pattern]:
        size = sum(math.prod(len(self._locations(p)) for p in d.chain) for d in self.allowed[component])
        if size > MOST_PATTERNS:
            place = f"application.components.{component}"
            message = f"{size:.3g} ways to lay it out; at most {MOST_PATTERNS} can be searched"
            raise EngineError("the scenario is too large", [Fault(place, message)])
        for deployment in self.allowed[component]:
            for locations in product(*(self._locations(partition) for partition in deployment.chain)):
                if self._may_run(deployment, locations):
                    yield _Pattern(deployment, locations)

    def _locations(self, partition: Partition) -> tuple[int, ...]:
        return self.hosts.locations[partition.name]

    def _may_run(self, deployment: Deployment, locations: tuple[int, ...]) -> bool:
        """Say whether data can pass through the chain: a network everywhere, and no way back to the edge."""
        edge = [self.hosts.at_edge(location) for location in locations]
        if not self.rules.returns_to_edge and any(b and not a for a, b in pairwise(edge)):
            return False
        return all(math.isfinite(self._transfer(a, b, 0.0)) for a, b in pairwise(locations))

    def _transfer(self, origin: int, target: int, size_mb: float) -> float:
        """Return the seconds between two locations; 0 at one of them, infinite without a network."""
        return 0.0 if origin == target else self.hosts.seconds(origin, target, size_mb)

    def _transfer_within(self, origin: int, target: int, size_mb: float) -> float:
        """Return the seconds between two different nodes of one pool."""
        if not self.within or origin != target or origin >= len(self.hosts.groups):
            return 0.0
        seconds = self.hosts.seconds(origin, target, size_mb)
        return seconds if math.isfinite(seconds) else 0.0

    def _delays(self, pattern: _Pattern) -> tuple[float, list[float], float]:
        """Return constant seconds, seconds between nodes by group, and the cost of functions of a pattern."""
        chain, groups = pattern.deployment.chain, len(self.hosts.groups)
        seconds, cost, within = 0.0, 0.0, [0.0] * groups
        for partition, location in zip(chain, pattern.locations, strict=True):
            if location >= groups:
                time, price = self.figures[partition.name, self.hosts.functions[location - groups]]
                seconds += self.reach[partition.name] * time
                cost += price
        for i, (before, after) in enumerate(pairwise(pattern.locations)):
            reach, size = self.reach[chain[i + 1].name], chain[i].data_mb
            seconds += reach * self._transfer(before, after, size)
            if before == after and before < groups:
                within[before] += reach * self._transfer_within(before, after, size)
        return seconds, within, cost

    # -- arrays -------------------------------------------------------------------------------------------------

    def _choices(self, limits: Sequence[Limit]) -> Choices:
        flat = [pattern for each in self.patterns for pattern in each]
        figures = [self._delays(pattern) for pattern in flat]
        edges, tables, within = self._hops(limits)
        paths = [limit for limit in limits if limit.place >= 0]
        known = {(edge.origin, edge.to): i for i, edge in enumerate(edges)}
        bare = [i for i, table in enumerate(tables) if not np.isfinite(table).all()]
        out = [[i for i, edge in enumerate(edges) if edge.origin == name] for name in self.components]
        returns = [] if self.rules.returns_to_edge else self.scenario.application.dependencies
        local = np.full(len(self.components), np.inf)
        for limit in limits:
            if limit.place < 0:
                local[-1 - limit.place] = limit.seconds
        groups = len(self.hosts.groups)
        first = [pattern.locations[0] for pattern in flat]
        return Choices(
            pattern_ptr=ragged(self.patterns),
            part_ptr=ragged([pattern.locations for pattern in flat]),
            part=_whole(self.index[name] for pattern in flat for name in pattern.deployment.partitions),
            location=_whole(location for pattern in flat for location in pattern.locations),
            delay=np.array([seconds for seconds, _, _ in figures], dtype=np.float64),
            delay_within=np.array([each for _, each, _ in figures], dtype=np.float64).reshape(len(flat), groups),
            cost=np.array([cost for _, _, cost in figures], dtype=np.float64),
            first=_whole(first),
            starts_at_edge=_whole(int(self.hosts.at_edge(location)) for location in first),
            ends_at_edge=_whole(int(self.hosts.at_edge(pattern.locations[-1])) for pattern in flat),
            reach=np.array([self.reach[name] for name in self.partitions], dtype=np.float64),
            rate=np.array([self.rates[name] for name in self.components], dtype=np.float64),
            local_limit=local,
            hop_origin=_whole(self.position[edge.origin] for edge in edges),
            hop_target=_whole(self.position[edge.to] for edge in edges),
            hop_ptr=np.cumsum([0, *(table.size for table in tables)], dtype=np.int64),
            hop=np.concatenate([np.zeros(0), *(table.ravel() for table in tables)]),
            hop_within=np.concatenate([np.zeros(0), *(table.ravel() for table in within)]),
            out_ptr=ragged(out),
            out=_whole(i for each in out for i in each),
            entered=_whole(int(any(edge.to == name for edge in edges)) for name in self.components),
            path_ptr=ragged([limit.components for limit in paths] + [()] * len(bare)),
            path_component=_whole(self.position[name] for limit in paths for name in limit.components),
            path_weight=np.array([w for limit in paths for w in limit.components.values()], dtype=np.float64),
            path_hop_ptr=ragged([*(limit.hops for limit in paths), *([i] for i in bare)]),
            path_hop=_whole([*(known[edge] for limit in paths for edge in limit.hops), *bare]),
            path_hop_weight=np.array(
                [*(w for limit in paths for w in limit.hops.values()), *([1.0] * len(bare))], dtype=np.float64
            ),
            path_limit=np.array([*(limit.seconds for limit in paths), *([UNREACHABLE] * len(bare))], dtype=np.float64),
            return_from=_whole(self.position[edge.origin] for edge in returns),
            return_to=_whole(self.position[edge.to] for edge in returns),
        )

    def _hops(
        self, limits: Sequence[Limit]
    ) -> tuple[list[Dependency], list[np.ndarray], list[np.ndarray]]:
        """Return the dependencies on limited paths, or without a network somewhere, with their tables of seconds."""
        limited = {edge for limit in limits for edge in limit.hops}
        kept: list[Dependency] = []
        tables, within = [], []
        for edge in self.scenario.application.dependencies:
            if (edge.origin, edge.to) not in limited and self.hosts.is_connected:
                continue
            table, inner = self._hop_tables(edge)
            if (edge.origin, edge.to) in limited or not np.isfinite(table).all():
                kept.append(edge)
                tables.append(table)
                within.append(inner)
        return kept, tables, within

    def _hop_tables(self, edge: Dependency) -> tuple[np.ndarray, np.ndarray]:
        """Return the mean seconds to each location by pattern of the origin; shape (patterns, locations)."""
        patterns, locations = self.patterns[self.position[edge.origin]], range(self.hosts.location_count)
        starts = {location for pattern in self.patterns[self.position[edge.to]] for location in pattern.locations[:1]}
        table = np.zeros((len(patterns), len(locations)))
        within = np.zeros_like(table)
        known: dict[tuple[Deployment, tuple[int, ...]], int] = {}
        del known
        for row, pattern in enumerate(patterns):
            size = pattern.deployment.dependency_data_mb.get(edge.to, edge.data_mb)
            size = size if self.rules.component_data else 0.0
            for target in starts:
                for location, weight in self._exits(pattern, target):
                    if weight > 0.0 or self.rules.hops == "exits":
                        seconds = self._transfer(location, target, size)
                        table[row, target] += weight * seconds if math.isfinite(seconds) else math.inf
                        within[row, target] += weight * self._transfer_within(location, target, size)
        return table, within

    def _exits(self, pattern: _Pattern, target: int) -> Iterator[tuple[int, float]]:
        """Yield where requests leave the component, and which share of them."""
        if self.rules.hops == "last":
            yield pattern.locations[-1], 1.0
            return
        reach = 1.0
        for partition, location in zip(pattern.deployment.chain[:-1], pattern.locations, strict=False):
            yield location, reach * partition.exit_probability
            if self.rules.hops == "exits" or location != target:
                reach *= 1.0 - partition.exit_probability
        yield pattern.locations[-1], reach


def _whole(values: Sequence[int] | Iterator[int]) -> np.ndarray:
    return np.array(list(values), dtype=np.int64)
