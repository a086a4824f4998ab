"""The cycle of a user: the queues a request meets between two thoughts, and the time it spends at each."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from twin.engines.closed_form.classes import Mixture, QueueClass, mixture
from twin.engines.closed_form.functions import CHAIN, has_cold_start, solve_function
from twin.engines.closed_form.links import LinkState, transmission_time
from twin.engines.closed_form.nodes import node_groups, servers_of
from twin.engines.closed_form.queues import MIXED_UNITS
from twin.engines.closed_form.state import link_traffic, steps_by_station
from twin.engines.closed_form.stations import StationState, StepState
from twin.engines.queueing import ClosedNetwork, mva
from twin.engines.trajectory import FloatArray
from twin.errors import EngineError
from twin.model.law import Law
from twin.network import FunctionPool, NodePool
from twin.routing import Passing, Routing
from twin.traffic import route_traffic

PASSES = 200
"""Attempts to make the throughput agree with the cold starts it causes."""

Key = tuple[str, int, int]
"""``station`` or ``link``, its index, and the group of nodes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Centre:
    """A queue, or several alike, of the closed network."""

    classes: tuple[QueueClass, ...]
    """Who visits each of them; the rates are visits per cycle."""

    servers: float

    sharing: bool

    count: int = 1

    members: tuple[int, ...] = ()
    """Positions of the classes among the steps of the station."""

    @property
    def demand(self) -> float:
        """Seconds of service per cycle at each queue."""
        return math.fsum(each.rate * each.mean for each in self.classes)

    def response_times(self, spent: float) -> tuple[float, ...]:
        """Return the seconds of one visit of each class when a cycle spends *spent* seconds at each queue."""
        if self.sharing:
            slowdown = spent / self.demand if self.demand > 0.0 else 1.0 / min(1.0, self.servers)
            return tuple(each.mean * slowdown for each in self.classes)
        visits = math.fsum(each.rate for each in self.classes)
        wait = (spent - self.demand) / visits if visits > 0.0 else 0.0
        return tuple(each.mean + max(wait, 0.0) for each in self.classes)


class Cycle:
    """What a request of a user meets between two thoughts."""

    def __init__(self, routing: Routing, users: int, think_time: float) -> None:
        self.network = routing.network
        self.users = users
        self.think_time = think_time
        one = np.ones(1)
        traffic = route_traffic(routing, one)
        self.visits: FloatArray = traffic.rates
        passing = Passing(steps=np.ones(len(self.network.steps)))
        self.sizes = link_traffic(routing, one, self.visits, passing)
        self.members = steps_by_station(self.network)
        self.throughput = 0.0
        self.centres: dict[Key, Centre] = {}

    def solve(self) -> ClosedNetwork:
        """Return the means of the cycle; where functions start cold, for the throughput that makes them so."""
        for _ in range(PASSES):
            self.centres = dict(self._all_centres())
            solution = self._analysed()
            settled = math.isclose(solution.throughput, self.throughput, rel_tol=1e-12)
            self.throughput = solution.throughput
            if settled or not self._starts_cold():
                break
        return solution

    def _analysed(self) -> ClosedNetwork:
        queues = [centre for centre in self.centres.values() for _ in range(centre.count)]
        demands = [*(centre.demand for centre in queues), self._delay()]
        if self.think_time + sum(demands) <= 0.0:
            raise EngineError("users who neither think nor wait send requests without end; give them a think_time")
        return mva(demands, self.users, self.think_time, [*(centre.servers for centre in queues), math.inf])

    def _all_centres(self) -> list[tuple[Key, Centre]]:
        found = []
        for i, pool in enumerate(self.network.stations):
            if isinstance(pool, NodePool):
                found += [(("station", i, k), centre) for k, centre in enumerate(self._node_centres(pool, i))]
            elif self._queues(pool):
                found.append((("station", i, 0), self._function_centre(pool, i)))
        for i, link in enumerate(self.network.links):
            if link.contention != "none" and self.sizes[i]:
                classes = tuple(
                    QueueClass(rate=rate, law=Law(law="deterministic", mean=transmission_time(link, size)))
                    for size, rate in self.sizes[i].items()
                )
                found.append(
                    (("link", i, 0), Centre(classes=classes, servers=1.0, sharing=link.contention == "shared"))
                )
        return found

    def _node_centres(self, pool: NodePool, index: int) -> list[Centre]:
        steps = [self.network.steps[i] for i in self.members[index]]
        centres = []
        for group in node_groups(pool, steps):
            classes = tuple(
                QueueClass(
                    rate=float(self.visits[self.members[index][i]]) / min(steps[i].replicas, pool.nodes),
                    law=steps[i].service_time,
                    units=steps[i].computing_units,
                )
                for i in group.members
            )
            units = mixture(classes).units
            sharing = pool.discipline == "ps"
            servers = pool.cores / units if sharing else max(1.0, servers_of(pool, units))
            centres.append(
                Centre(classes=classes, servers=servers, sharing=sharing, count=group.nodes, members=group.members)
            )
        return centres

    def _queues(self, pool: FunctionPool) -> bool:
        """Say whether requests may have to wait for the limit of *pool*."""
        return pool.concurrency_limit is not None and pool.concurrency_limit < self.users

    def _function(self, pool: FunctionPool, index: int) -> StationState:
        """Return the function at the present throughput, without its limit."""
        steps = [self.network.steps[i] for i in self.members[index]]
        rates = [float(self.visits[i]) * self.throughput for i in self.members[index]]
        return solve_function(replace(pool, concurrency_limit=None), steps, rates)

    def _function_centre(self, pool: FunctionPool, index: int) -> Centre:
        state = self._function(pool, index)
        classes = tuple(
            QueueClass(
                rate=float(self.visits[i]),
                law=self.network.steps[i].service_time.scaled(own.service_time / mean)
                if (mean := self.network.steps[i].service_time.expectation) > 0.0
                else Law(law="deterministic", mean=own.service_time),
            )
            for i, own in zip(self.members[index], state.steps, strict=True)
        )
        return Centre(classes=classes, servers=float(pool.concurrency_limit or 1), sharing=False)

    def _delay(self) -> float:
        """Return the seconds a cycle spends where nobody waits for others."""
        delay = 0.0
        for i, pool in enumerate(self.network.stations):
            if isinstance(pool, FunctionPool) and not self._queues(pool):
                times = self._function(pool, i).steps
                delay += sum(
                    float(self.visits[k]) * own.response_time for k, own in zip(self.members[i], times, strict=True)
                )
        for link, sizes in zip(self.network.links, self.sizes, strict=True):
            for size, rate in sizes.items():
                delay += rate * (
                    link.access_delay + (transmission_time(link, size) if link.contention == "none" else 0.0)
                )
        return delay

    def _starts_cold(self) -> bool:
        return any(
            isinstance(self.network.stations[step.station], FunctionPool) and has_cold_start(step)
            for step in self.network.steps
        )

    def stations(self, solution: ClosedNetwork) -> tuple[StationState, ...]:
        """Return the state of every station."""
        spent = self._spent(solution)
        return tuple(
            self._nodes(pool, i, spent) if isinstance(pool, NodePool) else self._instances(pool, i, spent)
            for i, pool in enumerate(self.network.stations)
        )

    def _spent(self, solution: ClosedNetwork) -> dict[Key, float]:
        """Return the seconds a cycle spends at one queue of each centre."""
        first, spent = 0, {}
        for key, centre in self.centres.items():
            spent[key] = solution.response_times[first]
            first += centre.count
        return spent

    def _nodes(self, pool: NodePool, index: int, spent: dict[Key, float]) -> StationState:
        steps = [self.network.steps[i] for i in self.members[index]]
        totals = [0.0] * len(steps)
        present = busy = 0.0
        for key, centre in self.centres.items():
            if key[:2] != ("station", index):
                continue
            for i, time in zip(centre.members, centre.response_times(spent[key]), strict=True):
                totals[i] += centre.count * time / min(steps[i].replicas, pool.nodes)
            present += centre.count * self.throughput * spent[key]
            busy += centre.count * self.throughput * math.fsum(each.load for each in centre.classes)
        states = tuple(
            StepState(response_time=total, service_time=step.service_time.expectation)
            for total, step in zip(totals, steps, strict=True)
        )
        utilisation = busy / (pool.nodes * pool.cores)
        return StationState(steps=states, utilisation=utilisation, mean_number=present, offered_load=utilisation)

    def _instances(self, pool: FunctionPool, index: int, spent: dict[Key, float]) -> StationState:
        state = self._function(pool, index)
        centre = self.centres.get(("station", index, 0))
        if centre is not None:
            times = centre.response_times(spent["station", index, 0])
            steps = tuple(replace(own, response_time=time) for own, time in zip(state.steps, times, strict=True))
            present = self.throughput * spent["station", index, 0]
            state = replace(state, steps=steps, mean_number=present, any_arrivals=False)
        if pool.concurrency_limit is None:
            return state
        work = sum(
            float(self.visits[i]) * own.service_time for i, own in zip(self.members[index], state.steps, strict=True)
        )
        return replace(state, utilisation=self.throughput * work / pool.concurrency_limit)

    def links(self, solution: ClosedNetwork) -> tuple[LinkState, ...]:
        """Return the state of every link."""
        spent = self._spent(solution)
        states = []
        for i, link in enumerate(self.network.links):
            sizes = self.sizes[i]
            own = [transmission_time(link, size) for size in sizes]
            centre = self.centres.get(("link", i, 0))
            times = own if centre is None else centre.response_times(spent["link", i, 0])
            states.append(
                LinkState(
                    transfer_times={size: time + link.access_delay for size, time in zip(sizes, times, strict=True)},
                    passed=dict.fromkeys(sizes, 1.0),
                    utilisation=self.throughput * sum(r * t for r, t in zip(sizes.values(), own, strict=True)),
                    transfer_rate=self.throughput * sum(sizes.values()),
                    any_arrivals=centre is None,
                )
            )
        return tuple(states)

    def reasons(self) -> tuple[str, ...]:
        """Return why the product form, and with it every figure, is an estimate."""
        found = []
        for (kind, index, _), centre in self.centres.items():
            media: Sequence[object] = self.network.stations if kind == "station" else self.network.links
            name = getattr(media[index], "name", "")
            found += [f"{name!r}: {reason}" for reason in [_doubt(centre, mixture(centre.classes))] if reason]
        for pool, members in zip(self.network.stations, self.members, strict=True):
            steps = [self.network.steps[i] for i in members]
            if isinstance(pool, NodePool):
                if pool.dispatch != "random" and any(step.replicas > 1 for step in steps):
                    found.append(f"{pool.name!r}: dispatch {pool.dispatch} is taken as random, which is worse")
            elif any(map(has_cold_start, steps)):
                found.append(f"{pool.name!r}: {CHAIN}")
        return tuple(dict.fromkeys(found))


def _doubt(centre: Centre, mixed: Mixture) -> str:
    if not mixed.one_unit:
        return MIXED_UNITS
    if not centre.sharing and not mixed.exponential and mixed.mean > 0.0:
        return "first come first served, but its service times are not exponential with one mean"
    return ""
