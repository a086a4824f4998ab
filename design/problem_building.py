"""A scenario becomes a search problem: patterns, loads, transfers and limits, by the rules of one dialect."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from design.candidates import Hosts, hosts_of
from design.function_figures import function_figures
from design.limits import Limit, limits_of
from design.problem import Choices, FloatArray, IntArray, Problem, ragged
from design.rules import Rules
from design.traffic_rates import component_rates, reaches
from twin.errors import EngineError
from twin.errors import Problem as Fault
from twin.model.application import Dependency, Deployment
from twin.model.scenario import Scenario

Allowed = Mapping[str, Sequence[Deployment]]

MOST_PATTERNS = 2_000_000
"""More than this many patterns do not fit into memory."""

UNREACHABLE = 1e30
"""Limit of a transfer that only has to be possible."""


def build_problem(scenario: Scenario, rules: Rules, allowed: Allowed, *, one_type_per_layer: bool = True) -> Problem:
    """Return the search problem of *scenario* when components take one of the deployments *allowed*.

    All deployments of a component must send alike, see :func:`design.candidates.cases`.

    Raises:
        EngineError: There are too many patterns.
    """
    return _Builder(scenario, rules, allowed, hosts_of(scenario, one_type_per_layer=one_type_per_layer)).problem()


@dataclass(frozen=True, slots=True)
class _Layouts:
    """All ways to lay out one deployment."""

    deployment: Deployment

    locations: IntArray
    """Shape (ways, partitions)."""


class _Builder:
    """Turns names into positions, once."""

    def __init__(self, scenario: Scenario, rules: Rules, allowed: Allowed, hosts: Hosts) -> None:
        self.scenario, self.rules, self.allowed, self.hosts = scenario, rules, allowed, hosts
        self.components = tuple(scenario.application.components)
        self.position = {name: i for i, name in enumerate(self.components)}
        self.chosen = {name: each[0] for name, each in allowed.items()}
        self.rates = component_rates(scenario, self.chosen)
        deployments = [(owner, deployment) for owner, each in allowed.items() for deployment in each]
        self.reach = {name: share for _, each in deployments for name, share in reaches(each).items()}
        self.owner = {name: owner for owner, each in deployments for name in each.partitions}
        self.index = {name: i for i, name in enumerate(self.owner)}
        self.within = rules.dialect == "twin" and scenario.run.transfers_within_resource == "network"
        self.edges = hosts.edges()
        self.known: dict[float, tuple[FloatArray, FloatArray]] = {}
        self.layouts = [[self._layouts(each) for each in allowed[name]] for name in self.components]

    def problem(self) -> Problem:
        """Assemble everything."""
        hosts, count = self.hosts, len(self.hosts.resources)
        demand = np.full((len(self.index), count), np.inf)
        memory = np.zeros((len(self.index), count))
        for (name, resource), (seconds, megabytes) in hosts.fits.items():
            if name in self.index:
                demand[self.index[name], resource] = seconds
                memory[self.index[name], resource] = megabytes
        limits, notes = limits_of(self.scenario, self.rules, self.chosen)
        resources = [self.scenario.continuum.resources[name] for name in hosts.resources]
        return Problem(
            scenario=self.scenario,
            components=self.components,
            partitions=tuple(self.index),
            resources=hosts.resources,
            groups=hosts.groups,
            functions=hosts.functions,
            deployments=tuple(each.deployment for each in self._flat() for _ in range(len(each.locations))),
            choices=self._choices(limits),
            demand=demand,
            memory=memory,
            price=np.array([resource.cost_per_hour for resource in resources], dtype=np.float64),
            part_price=np.zeros(demand.shape),
            nodes=np.array([resource.nodes for resource in resources], dtype=np.int64),
            # To SPACE4AI a node is one server, however many cores it has.
            speed=np.array(hosts.speed if self.rules.dialect == "twin" else [1.0] * count, dtype=np.float64),
            node_memory=np.array([r.memory_mb or math.inf for r in resources], dtype=np.float64),
            memory_by_pool=self.rules.memory == "pool",
            within=self.within,
            limits=tuple((limit.name, limit.place) for limit in limits),
            notes=tuple(notes),
        )

    def _flat(self) -> Iterator[_Layouts]:
        return (layouts for each in self.layouts for layouts in each)

    # -- patterns -----------------------------------------------------------------------------------------------

    def _layouts(self, deployment: Deployment) -> _Layouts:
        """Return the ways on which data can pass: a network everywhere, and no way back to the edge if forbidden."""
        candidates = [self.hosts.locations[partition.name] for partition in deployment.chain]
        count = math.prod(map(len, candidates))
        if count > MOST_PATTERNS:
            message = f"{count:.3g} ways to lay it out; at most {MOST_PATTERNS} can be searched"
            raise EngineError("the scenario is too large", [Fault(f"deployment {deployment.name}", message)])
        grid = np.meshgrid(*(np.array(each, dtype=np.int64) for each in candidates), indexing="ij")
        locations = np.stack([axis.ravel() for axis in grid], axis=1)
        possible = np.ones(count, dtype=np.bool_)
        seconds = self._transfers(0.0)[0]
        for i in range(locations.shape[1] - 1):
            before, after = locations[:, i], locations[:, i + 1]
            possible &= np.isfinite(seconds[before, after])
            if not self.rules.returns_to_edge:
                possible &= self.edges[before] | ~self.edges[after]
        return _Layouts(deployment, locations[possible])

    def _transfers(self, size_mb: float) -> tuple[FloatArray, FloatArray]:
        """Return seconds from location to location, and between two nodes of one pool; shape (locations, locations)."""
        if size_mb not in self.known:
            seconds = self.hosts.transfers(size_mb)
            own, groups = np.diag(seconds).copy(), len(self.hosts.groups)
            np.fill_diagonal(seconds, 0.0)
            own[groups:] = 0.0
            own[~np.isfinite(own)] = 0.0
            self.known[size_mb] = seconds, np.diag(own) if self.within else np.zeros_like(seconds)
        return self.known[size_mb]

    def _delays(self, layouts: _Layouts) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return constant seconds, seconds between nodes by group, and the cost of functions of each way."""
        chain, locations = layouts.deployment.chain, layouts.locations
        seconds, cost = np.zeros(len(locations)), np.zeros(len(locations))
        within = np.zeros((len(locations), self.hosts.location_count))
        for i, partition in enumerate(chain):
            time, price = self._on_functions(partition.name)
            seconds += self.reach[partition.name] * time[locations[:, i]]
            cost += price[locations[:, i]]
            if i:
                before, after, reach = locations[:, i - 1], locations[:, i], self.reach[partition.name]
                between, inside = self._transfers(chain[i - 1].data_mb)
                seconds += reach * between[before, after]
                within[np.arange(len(locations)), before] += reach * inside[before, after]
        return seconds, within[:, : len(self.hosts.groups)], cost

    def _on_functions(self, partition: str) -> tuple[FloatArray, FloatArray]:
        """Return mean seconds and euro an hour by location; 0 at pools."""
        time, price = np.zeros(self.hosts.location_count), np.zeros(self.hosts.location_count)
        for name in self.hosts.functions_for(partition):
            location = len(self.hosts.groups) + self.hosts.functions.index(name)
            rate, reach = self.rates[self.owner[partition]], self.reach[partition]
            time[location], price[location] = function_figures(self.scenario, self.rules, partition, name, rate, reach)
        return time, price

    # -- arrays -------------------------------------------------------------------------------------------------

    def _choices(self, limits: Sequence[Limit]) -> Choices:
        flat = list(self._flat())
        figures = [self._delays(layouts) for layouts in flat]
        hops = self._hops(limits)
        paths = [limit for limit in limits if limit.place >= 0]
        known = {(edge.origin, edge.to): i for i, (edge, _, _) in enumerate(hops)}
        bare = [i for i, (_, table, _) in enumerate(hops) if not np.isfinite(table).all()]
        out = [[i for i, (edge, _, _) in enumerate(hops) if edge.origin == name] for name in self.components]
        returns = [] if self.rules.returns_to_edge else self.scenario.application.dependencies
        local = np.full(len(self.components), np.inf)
        for limit in limits:
            if limit.place < 0:
                local[-1 - limit.place] = limit.seconds
        lengths = [layouts.locations.shape[1] for layouts in flat for _ in range(len(layouts.locations))]
        return Choices(
            pattern_ptr=np.cumsum([0, *(sum(len(x.locations) for x in each) for each in self.layouts)], dtype=np.int64),
            part_ptr=np.cumsum([0, *lengths], dtype=np.int64),
            part=_joined(
                np.tile([self.index[name] for name in layouts.deployment.partitions], len(layouts.locations))
                for layouts in flat
            ),
            location=_joined(layouts.locations.ravel() for layouts in flat),
            delay=np.concatenate([seconds for seconds, _, _ in figures]),
            delay_within=np.concatenate([each for _, each, _ in figures]),
            cost=np.concatenate([cost for _, _, cost in figures]),
            first=_joined(layouts.locations[:, 0] for layouts in flat),
            starts_at_edge=_joined(self.edges[layouts.locations[:, 0]] for layouts in flat),
            ends_at_edge=_joined(self.edges[layouts.locations[:, -1]] for layouts in flat),
            reach=np.array([self.reach[name] for name in self.index], dtype=np.float64),
            rate=np.array([self.rates[name] for name in self.components], dtype=np.float64),
            local_limit=local,
            hop_origin=_whole(self.position[edge.origin] for edge, _, _ in hops),
            hop_target=_whole(self.position[edge.to] for edge, _, _ in hops),
            hop_ptr=np.cumsum([0, *(table.size for _, table, _ in hops)], dtype=np.int64),
            hop=np.concatenate([np.zeros(0), *(table.ravel() for _, table, _ in hops)]),
            hop_within=np.concatenate([np.zeros(0), *(table.ravel() for _, _, table in hops)]),
            out_ptr=ragged(out),
            out=_whole(i for each in out for i in each),
            entered=_whole(int(any(edge.to == name for edge, _, _ in hops)) for name in self.components),
            path_ptr=np.cumsum([0, *(len(limit.components) for limit in paths), *(0 for _ in bare)], dtype=np.int64),
            path_component=_whole(self.position[name] for limit in paths for name in limit.components),
            path_weight=np.array([w for limit in paths for w in limit.components.values()], dtype=np.float64),
            path_hop_ptr=np.cumsum([0, *(len(limit.hops) for limit in paths), *(1 for _ in bare)], dtype=np.int64),
            path_hop=_whole([*(known[edge] for limit in paths for edge in limit.hops), *bare]),
            path_hop_weight=np.array(
                [*(w for limit in paths for w in limit.hops.values()), *(1.0 for _ in bare)], dtype=np.float64
            ),
            path_limit=np.array([*(limit.seconds for limit in paths), *(UNREACHABLE for _ in bare)], dtype=np.float64),
            return_from=_whole(self.position[edge.origin] for edge in returns),
            return_to=_whole(self.position[edge.to] for edge in returns),
        )

    def _hops(self, limits: Sequence[Limit]) -> list[tuple[Dependency, FloatArray, FloatArray]]:
        """Return the dependencies on limited paths, or without a network somewhere, with their tables of seconds."""
        limited = {edge for limit in limits for edge in limit.hops}
        found = []
        for edge in self.scenario.application.dependencies:
            table, within = self._hop_tables(edge)
            if (edge.origin, edge.to) in limited or not np.isfinite(table).all():
                found.append((edge, table, within))
        return found

    def _hop_tables(self, edge: Dependency) -> tuple[FloatArray, FloatArray]:
        """Return the mean seconds to each location by way of the origin; shape (patterns, locations)."""
        parts = [self._hop_rows(layouts, edge) for layouts in self.layouts[self.position[edge.origin]]]
        table, within = (np.concatenate([part[i] for part in parts]) for i in (0, 1))
        starts = [layouts.locations[:, 0] for layouts in self.layouts[self.position[edge.to]]]
        elsewhere = np.setdiff1d(np.arange(table.shape[1]), np.concatenate(starts))
        table[:, elsewhere] = 0.0
        return table, within

    def _hop_rows(self, layouts: _Layouts, edge: Dependency) -> tuple[FloatArray, FloatArray]:
        """Average over the exits of one deployment, or take its last partition, as the rules have it."""
        size = layouts.deployment.dependency_data_mb.get(edge.to, edge.data_mb) if self.rules.component_data else 0.0
        seconds, inside = self._transfers(size)
        cut = ~np.isfinite(seconds)
        finite = np.where(cut, 0.0, seconds)
        shape = len(layouts.locations), self.hosts.location_count
        table, within, impossible = np.zeros(shape), np.zeros(shape), np.zeros(shape, dtype=np.bool_)
        reach = np.ones(shape)
        for i, partition in enumerate(layouts.deployment.chain):
            here = layouts.locations[:, i]
            last = i == layouts.locations.shape[1] - 1
            leaving = partition.exit_probability if self.rules.hops != "last" else 0.0
            weight = reach if last else reach * leaving
            table += weight * finite[here]
            within += weight * inside[here]
            impossible |= cut[here]
            away = (here[:, None] != np.arange(shape[1])) | (self.rules.hops == "exits")
            reach = np.where(away, reach * (1.0 - leaving), reach)
        table[impossible] = np.inf
        return table, within


def _whole(values: Iterable[int]) -> IntArray:
    return np.array(list(values), dtype=np.int64)


def _joined(parts: Iterable[np.ndarray[Any, Any]]) -> IntArray:
    return np.concatenate([np.zeros(0, dtype=np.int64), *parts]).astype(np.int64)
