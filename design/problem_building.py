"""A scenario becomes a search problem: patterns, loads, transfers and limits, by the rules of one dialect."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from design.candidates import Hosts, hosts_of
from design.function_figures import FunctionFigures, function_figures
from design.hop_tables import HopTable, dependency_table, source_table
from design.kernels import LINE, SHARED
from design.layouts import Layouts, layouts_of
from design.limits import Hop, Limit, limits_of
from design.problem import Choices, FloatArray, IntArray, Problem, ragged
from design.rules import Rules
from design.sources import located_sources
from design.space4ai_formula import at_edge
from design.traffic_rates import component_rates, reaches
from design.transfers import LegList, Transfers, gathered
from twin.model.application import Deployment
from twin.model.continuum import Resource
from twin.model.scenario import Scenario

Allowed = Mapping[str, Sequence[Deployment]]

UNREACHABLE = 1e30
"""Limit of a transfer that only has to be possible."""


def build_problem(scenario: Scenario, rules: Rules, allowed: Allowed, *, one_type_per_layer: bool = True) -> Problem:
    """Return the search problem of *scenario* when components take one of the deployments *allowed*.

    All deployments of a component must send alike, see :func:`design.candidates.cases`.

    Raises:
        EngineError: There are too many patterns.
    """
    return _Builder(scenario, rules, allowed, hosts_of(scenario, one_type_per_layer=one_type_per_layer)).problem()


class _Builder:
    """Turns names into positions, once."""

    def __init__(self, scenario: Scenario, rules: Rules, allowed: Allowed, hosts: Hosts) -> None:
        self.scenario, self.rules, self.hosts = scenario, rules, hosts
        self.chosen = {name: each[0] for name, each in allowed.items()}
        deployments = [(owner, deployment) for owner, each in allowed.items() for deployment in each]
        self.reach = {name: share for _, each in deployments for name, share in reaches(each).items()}
        self.owner = {name: owner for owner, each in deployments for name in each.partitions}
        self.index = {name: i for i, name in enumerate(self.owner)}
        self.sources = located_sources(scenario) if rules.dialect == "twin" else {}
        self.components = (*scenario.application.components, *self.sources)
        self.position = {name: i for i, name in enumerate(self.components)}
        self.rates = component_rates(scenario, self.chosen) | {name: each.rate for name, each in self.sources.items()}
        self.within = rules.dialect == "twin" and scenario.run.transfers_within_resource == "network"
        self.transfers = Transfers(hosts, within=self.within, contended=rules.dialect == "twin")
        self.on_functions = self._function_figures()
        self.layouts = [
            [layouts_of(each, hosts, rules, self.transfers, self.on_functions) for each in allowed[name]]
            if name in allowed
            else [Layouts(None, np.zeros((1, 0), dtype=np.int64))]
            for name in self.components
        ]

    def _function_figures(self) -> dict[tuple[str, int], FunctionFigures]:
        """Return what each partition takes and costs on each function, by name and location."""
        groups = len(self.hosts.groups)
        return {
            (name, groups + self.hosts.functions.index(host)): function_figures(
                self.scenario, self.rules, name, host, self.rates[self.owner[name]], self.reach[name]
            )
            for name in self.index
            for host in self.hosts.functions_for(name)
        }

    def problem(self) -> Problem:
        """Assemble everything."""
        hosts, count = self.hosts, len(self.hosts.resources)
        demand = np.full((len(self.index), count), np.inf)
        square, memory = np.zeros((len(self.index), count)), np.zeros((len(self.index), count))
        for (name, resource), (seconds, megabytes) in hosts.fits.items():
            if name in self.index:
                demand[self.index[name], resource] = seconds
                square[self.index[name], resource] = seconds**2 * (1.0 + self._variation(name, resource))
                memory[self.index[name], resource] = megabytes
        limits, notes = limits_of(self.scenario, self.rules, self.chosen)
        resources = [self.scenario.continuum.resources[name] for name in hosts.resources]
        domains = self.scenario.continuum.domains
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
            square=square,
            memory=memory,
            price=np.array([self._price(resource) for resource in resources], dtype=np.float64),
            part_price=np.zeros(demand.shape),
            nodes=np.array([resource.nodes for resource in resources], dtype=np.int64),
            speed=np.array([self._speed(*each) for each in zip(resources, hosts.units, strict=True)], dtype=np.float64),
            capacity=np.array(
                [
                    resource.cores / units if self.rules.dialect == "twin" else 1.0
                    for resource, units in zip(resources, hosts.units, strict=True)
                ],
                dtype=np.float64,
            ),
            discipline=np.array([self._discipline(resource) for resource in resources], dtype=np.int64),
            links=self.transfers.links,
            link_discipline=_whole(
                LINE if domains[name].contention == "fifo" else SHARED for name in self.transfers.links
            ),
            node_memory=np.array([r.memory_mb or math.inf for r in resources], dtype=np.float64),
            memory_by_pool=self.rules.memory == "pool",
            within=self.within,
            limits=tuple((limit.name, limit.place) for limit in limits),
            notes=tuple(notes),
        )

    def _flat(self) -> Iterator[Layouts]:
        return (layouts for each in self.layouts for layouts in each)

    # -- resources ----------------------------------------------------------------------------------------------

    def _variation(self, partition: str, resource: int) -> float:
        """Return the squared coefficient of variation of a service time."""
        profile = self.scenario.profile(partition, self.hosts.resources[resource])
        assert profile is not None, "the partition fits"
        return profile.scaled_service_time.resolved(self.scenario.run.law).scv

    def _discipline(self, resource: Resource) -> int:
        own = (resource.discipline or self.scenario.run.discipline) if self.rules.dialect == "twin" else "ps"
        return LINE if own == "fifo" else SHARED

    def _speed(self, resource: Resource, units: float) -> float:
        """Return how many requests a node serves at full speed; to SPACE4AI it is one server, whatever its cores."""
        if self.rules.dialect != "twin":
            return 1.0
        shared = self._discipline(resource) == SHARED
        return resource.cores / units if shared else max(1.0, math.floor(resource.cores / units + 1e-9))

    def _price(self, resource: Resource) -> float:
        share = self.rules.edge_share if at_edge(self.scenario, resource) else 1.0
        return share * resource.cost_per_hour

    # -- patterns -----------------------------------------------------------------------------------------------

    def _delays(self, layouts: Layouts) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
        """Return constant seconds, seconds between nodes by group, cost and variance on functions of each way."""
        chain, locations = layouts.chain, layouts.locations
        seconds, cost, variance = np.zeros(len(locations)), np.zeros(len(locations)), np.zeros(len(locations))
        within = np.zeros((len(locations), self.hosts.location_count))
        for i, partition in enumerate(chain):
            reach = self.reach[partition.name]
            on_function = np.zeros((self.hosts.location_count, 3))
            for (name, location), figures in self.on_functions.items():
                if name == partition.name:
                    on_function[location] = reach * figures.seconds, figures.cost, reach * figures.variance
            time, price, spread = on_function[locations[:, i]].T
            seconds, cost, variance = seconds + time, cost + price, variance + spread
            if i:
                before, after = locations[:, i - 1], locations[:, i]
                transfer = self.transfers.of(chain[i - 1].data_mb)
                seconds += reach * transfer.seconds[before, after]
                within[np.arange(len(locations)), before] += reach * transfer.inside[before, after]
        return seconds, within[:, : len(self.hosts.groups)], cost, variance

    def _inner_legs(self, layouts: Layouts) -> LegList:
        """Return what each way sends over links between its own partitions."""
        legs, rows = LegList(), np.arange(len(layouts.locations))
        for i in range(1, len(layouts.chain)):
            before, after = layouts.locations[:, i - 1], layouts.locations[:, i]
            transfer = self.transfers.of(layouts.chain[i - 1].data_mb)
            weight = np.full(len(rows), self.reach[layouts.chain[i].name])
            group = np.where(before == after, before, -1)
            legs.add(rows, transfer.link[before, after], transfer.on_link[before, after], weight, group)
        return legs

    # -- arrays -------------------------------------------------------------------------------------------------

    def _choices(self, limits: Sequence[Limit]) -> Choices:
        flat = list(self._flat())
        figures = [self._delays(layouts) for layouts in flat]
        starts = np.cumsum([0, *(len(layouts.locations) for layouts in flat)])
        inner = [self._inner_legs(each).shifted(int(first)) for each, first in zip(flat, starts, strict=False)]
        hops = self._hops(limits)
        paths = [limit for limit in limits if limit.place >= 0]
        known = {hop.ends: i for i, hop in enumerate(hops)}
        bare = [i for i, hop in enumerate(hops) if not np.isfinite(hop.seconds).all()]
        out = [[i for i, hop in enumerate(hops) if hop.ends[0] == name] for name in self.components]
        returns = [] if self.rules.returns_to_edge else self.scenario.application.dependencies
        local = np.full(len(self.components), np.inf)
        for limit in limits:
            if limit.place < 0:
                local[-1 - limit.place] = limit.seconds
        hop_ptr = np.cumsum([0, *(hop.seconds.size for hop in hops)], dtype=np.int64)
        lengths = [layouts.locations.shape[1] for layouts in flat for _ in range(len(layouts.locations))]
        edges = self.hosts.edges()
        return Choices(
            pattern_ptr=np.cumsum([0, *(sum(len(x.locations) for x in each) for each in self.layouts)], dtype=np.int64),
            part_ptr=np.cumsum([0, *lengths], dtype=np.int64),
            part=_joined(
                np.tile([self.index[partition.name] for partition in layouts.chain], len(layouts.locations))
                for layouts in flat
            ),
            location=_joined(layouts.locations.ravel() for layouts in flat),
            delay=np.concatenate([seconds for seconds, _, _, _ in figures]),
            delay_within=np.concatenate([each for _, each, _, _ in figures]),
            cost=np.concatenate([cost for _, _, cost, _ in figures]),
            first=_joined(layouts.ends(0) for layouts in flat),
            starts_at_edge=_joined(edges[layouts.ends(0)] for layouts in flat),
            ends_at_edge=_joined(edges[layouts.ends(-1)] for layouts in flat),
            reach=np.array([self.reach[name] for name in self.index], dtype=np.float64),
            rate=np.array([self.rates[name] for name in self.components], dtype=np.float64),
            local_limit=local,
            hop_origin=_whole(self.position[hop.ends[0]] for hop in hops),
            hop_target=_whole(self.position[hop.ends[1]] for hop in hops),
            hop_ptr=hop_ptr,
            hop=np.concatenate([np.zeros(0), *(hop.seconds.ravel() for hop in hops)]),
            hop_within=np.concatenate([np.zeros(0), *(hop.inside.ravel() for hop in hops)]),
            out_ptr=ragged(out),
            out=_whole(i for each in out for i in each),
            entered=_whole(int(any(hop.ends[1] == name for hop in hops)) for name in self.components),
            path_ptr=np.cumsum([0, *(len(limit.components) for limit in paths), *(0 for _ in bare)], dtype=np.int64),
            path_component=_whole(self.position[name] for limit in paths for name in limit.components),
            path_weight=np.array([w for limit in paths for w in limit.components.values()], dtype=np.float64),
            path_hop_ptr=np.cumsum([0, *(len(limit.hops) for limit in paths), *(1 for _ in bare)], dtype=np.int64),
            path_hop=_whole([*(known[edge] for limit in paths for edge in limit.hops), *bare]),
            path_hop_weight=np.array(
                [*(w for limit in paths for w in limit.hops.values()), *(1.0 for _ in bare)], dtype=np.float64
            ),
            path_limit=np.array([*(limit.seconds for limit in paths), *(UNREACHABLE for _ in bare)], dtype=np.float64),
            path_tail=np.array([*(limit.tail for limit in paths), *(0.0 for _ in bare)], dtype=np.float64),
            inner=gathered(inner, int(starts[-1]), any_links=bool(self.transfers.links)),
            between=gathered(
                (hop.legs.shifted(int(first)) for hop, first in zip(hops, hop_ptr, strict=False)),
                int(hop_ptr[-1]),
                any_links=bool(self.transfers.links),
            ),
            hop_share=np.array([hop.share for hop in hops], dtype=np.float64),
            kind_ptr=np.cumsum([0, *(hop.kind.size for hop in hops)], dtype=np.int64),
            kind=_joined(hop.kind for hop in hops),
            variance=np.concatenate([variance for _, _, _, variance in figures]),
            return_from=_whole(self.position[edge.origin] for edge in returns),
            return_to=_whole(self.position[edge.to] for edge in returns),
        )

    def _hops(self, limits: Sequence[Limit]) -> list[HopTable]:
        """Return the transfers on limited paths, without a network somewhere, or over links that others use."""
        limited: set[Hop] = {edge for limit in limits for edge in limit.hops}
        first = {
            name: np.unique(np.concatenate([layouts.ends(0) for layouts in each]))
            for name, each in zip(self.components, self.layouts, strict=True)
        }
        tables = [
            dependency_table(
                edge,
                self.layouts[self.position[edge.origin]],
                first[edge.to],
                self.rules,
                self.transfers,
                self.chosen[edge.origin].transition_probabilities.get(edge.to, edge.probability),
            )
            for edge in self.scenario.application.dependencies
        ]
        tables += [
            source_table(name, source, first[source.entry], self.transfers) for name, source in self.sources.items()
        ]
        return [hop for hop in tables if hop.ends in limited or hop.legs.parts or not np.isfinite(hop.seconds).all()]


def _whole(values: Iterable[int]) -> IntArray:
    return np.array(list(values), dtype=np.int64)


def _joined(parts: Iterable[np.ndarray[Any, Any]]) -> IntArray:
    return np.concatenate([np.zeros(0, dtype=np.int64), *parts]).astype(np.int64)
