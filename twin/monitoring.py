"""Monitoring: from the records of the last window to an Observation, with the delay and the noise of a real monitor.

Each look is a few vectorised passes over the rows of the window; dictionaries hold one entry a component or resource.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from twin.alarms import Alarms, is_broken
from twin.control import ComponentSeen, Observation, PartitionSeen, ResourceSeen, Times
from twin.engines.controlled import Census, ControlledEngine, IntArray
from twin.engines.trajectory import FloatArray
from twin.model.constraints import (
    Constraint,
    DeviceConstraint,
    GlobalConstraint,
    LocalConstraint,
    ThroughputConstraint,
    TimeLimit,
    constraint_name,
)
from twin.model.events import LinkChange
from twin.model.plan import Plan
from twin.network import FunctionPool, NodePool
from twin.streams import stream
from twin.universe import Universe

MOST_SHORT = 2**15


@dataclass(frozen=True, slots=True, kw_only=True)
class _Usage:
    """Busy core-seconds and wanted node-seconds of each station since the start."""

    time: float
    busy: FloatArray
    nodes: FloatArray


class Monitor:
    """Watches one replication."""

    def __init__(self, universe: Universe, engine: ControlledEngine, plan: Plan, *, seed: int, replication: int):
        self.universe = universe
        self.scenario = universe.scenario
        self.engine = engine
        self.rules = self.scenario.reconfiguration.monitor
        self.alarms = Alarms(self.scenario.constraints, hold=self.rules.hold)
        self.broken: dict[str, list[bool]] = {}
        """Constraint → whether its true value broke it, window by window."""
        self._noise = stream(seed, replication, "monitor")
        self._layout = _Layout(universe)
        self._paths = [each for each in self.scenario.constraints if isinstance(each, GlobalConstraint)]
        self._requests = 0
        self._open: IntArray = np.empty(0, dtype=np.int64)
        self._open_since: FloatArray = np.empty(0)
        self._arrived: list[tuple[FloatArray, IntArray]] = []
        self._ended: list[tuple[FloatArray, FloatArray, FloatArray]] = []
        self._first = {"visits": 0, "executions": 0, "passages": 0}
        count = len(universe.stations)
        self._usage = deque([_Usage(time=0.0, busy=np.zeros(count), nodes=np.zeros(count))])
        self._wanted = self._layout.nodes_of(plan)

    def change(self, plan: Plan) -> None:
        """Note that another plan is in force from now on."""
        self._use(self.engine.census())
        self._wanted = self._layout.nodes_of(plan)

    def look(self, plan: Plan) -> Observation:
        """Return what there was to be seen during the window that ends now."""
        census = self.engine.census()
        now = census.time
        since = max(0.0, now - self.rules.window)
        self._use(census)
        arrived = self._arrivals(since)
        responses, lost = self._endings(since)
        answered = responses[lost == 0]
        visits, executions, passages = (self._rows(name, since) for name in self._first)
        steps = _Groups(visits, len(self._layout.steps))
        stages = self._stage_times(steps, executions)
        along = _Groups(passages, len(self._paths))
        self._judge(stages, along, answered, now - since)
        names = [entry.name for entry in self.scenario.workload.sources.values()]
        span = max(now - since, 1e-9)
        return Observation(
            time=now,
            window=now - since,
            plan=plan,
            arrival_rates={name: float(count) / span for name, count in zip(names, arrived, strict=True)},
            throughput=len(answered) / span,
            lost=int(lost.sum()),
            unfinished=census.live,
            response_time=self._times(_Sample(answered)),
            components={
                stage.name: ComponentSeen(throughput=len(times) / span, response_time=self._times(times))
                for stage, times in zip(self.universe.components, stages, strict=True)
            },
            partitions=self._partitions(steps, plan),
            paths={constraint_name(limit): self._times(along.durations(i)) for i, limit in enumerate(self._paths)},
            resources=self._resources(census, since, plan),
            bandwidths=self._bandwidths(now),
            alarms=self.alarms.update(now, self._measured()),
        )

    # -- records of the window ----------------------------------------------------------------------------------

    def _rows(self, name: str, since: float) -> FloatArray:
        """Return the rows of a kind of records that ended within the window; they come in the order of their ends."""
        rows: FloatArray = getattr(self.engine, name)(self._first[name])
        begin = int(np.searchsorted(rows[:, 3], since, "right")) if since > 0 else 0
        self._first[name] += begin
        return rows[begin:]

    def _arrivals(self, since: float) -> IntArray:
        """Return how many requests of each source arrived within the window."""
        fresh = self.engine.requests(self._requests)
        self._open = np.concatenate([self._open, np.arange(self._requests, self._requests + len(fresh[0]))])
        self._open_since = np.concatenate([self._open_since, fresh[0]])
        self._requests += len(fresh[0])
        self._arrived.append((fresh[0].copy(), fresh[1].copy()))
        self._arrived = [part for part in self._arrived if len(part[0]) and part[0][-1] > since]
        count = len(self.scenario.workload.sources)
        totals = np.zeros(count, dtype=np.int64)
        for times, sources in self._arrived:
            totals += np.bincount(sources[np.searchsorted(times, since, "right") :], minlength=count)
        return totals

    def _endings(self, since: float) -> tuple[FloatArray, FloatArray]:
        """Return response time and loss (0 or 1) of the requests that ended within the window."""
        ends, lost = self.engine.outcomes(self._open)
        over = np.isfinite(ends)
        self._ended.append((ends[over], ends[over] - self._open_since[over], lost[over].astype(np.float64)))
        self._open, self._open_since = self._open[~over], self._open_since[~over]
        self._ended = [part for part in self._ended if len(part[0]) and part[0].max() > since]
        if not self._ended:
            return np.empty(0), np.empty(0)
        columns = [np.concatenate(column) for column in zip(*self._ended, strict=True)]
        inside = columns[0] > since
        return columns[1][inside], columns[2][inside]

    def _stage_times(self, steps: _Groups, executions: FloatArray) -> list[_Sample]:
        """Return the times of the executions of each component."""
        own = _Groups(executions, len(self.universe.components))
        stages = self._layout.stages
        return [
            own.durations(i) if len(stage.steps) > 1 else steps.durations(stage.steps[0])
            for i, stage in enumerate(stages)
        ]

    # -- figures ------------------------------------------------------------------------------------------------

    def _blurred(self, value: float | None) -> float | None:
        """Return a time as it was measured."""
        if value is None or not self.rules.noise:
            return value
        return max(0.0, value * (1.0 + self.rules.noise * float(self._noise.standard_normal())))

    def _times(self, sample: _Sample) -> Times:
        if not len(sample):
            return Times(count=0)
        return Times(count=len(sample), mean=self._blurred(sample.mean), p95=self._blurred(sample.p95))

    def _partitions(self, steps: _Groups, plan: Plan) -> dict[str, PartitionSeen]:
        at = {name: self.universe.step_index[name, placement.resource] for name, placement in plan.placements.items()}
        return {
            name: PartitionSeen(
                service_time=self._times(steps.service_times(i)), response_time=self._times(steps.durations(i))
            )
            for name, i in at.items()
        }

    def _use(self, census: Census) -> None:
        """Add up what the nodes did since the last look."""
        last = self._usage[-1]
        if census.time > last.time:
            nodes = last.nodes + self._wanted * (census.time - last.time)
            busy = np.bincount(self._layout.owners, census.node_busy, minlength=len(nodes)).astype(np.float64)
            self._usage.append(_Usage(time=census.time, busy=busy, nodes=nodes))
        while len(self._usage) > 2 and self._usage[1].time <= census.time - self.rules.window:
            self._usage.popleft()

    def _used(self, since: float) -> tuple[FloatArray, FloatArray]:
        """Return busy core-seconds and wanted node-seconds since *since*, interpolated between two looks."""
        one, last = self._usage[0], self._usage[-1]
        for other in self._usage:
            if other.time > since:
                share = (since - one.time) / (other.time - one.time) if other.time > one.time else 0.0
                busy = last.busy - one.busy - share * (other.busy - one.busy)
                return busy, last.nodes - one.nodes - share * (other.nodes - one.nodes)
            one = other
        return last.busy - one.busy, last.nodes - one.nodes

    def _resources(self, census: Census, since: float, plan: Plan) -> dict[str, ResourceSeen]:
        busy, nodes = self._used(since)
        seen: dict[str, ResourceSeen] = {}
        for i, pool in enumerate(self.universe.stations.values()):
            wanted, present = int(self._wanted[i]), int(census.present[i])
            if isinstance(pool, NodePool) and (wanted or present):
                up = census.node_up[self._layout.first_node[i] :][:wanted]
                share = min(float(busy[i] / (nodes[i] * pool.cores)), 1.0) if nodes[i] > 0 else None
                seen[pool.name] = ResourceSeen(nodes=wanted, down=int((~up).sum()), utilisation=share, present=present)
            elif isinstance(pool, FunctionPool):
                name = pool.function
                if present or name in seen or name in {place.resource for place in plan.placements.values()}:
                    there = present + (seen[name].present if name in seen else 0)
                    seen[name] = ResourceSeen(nodes=0, down=0, utilisation=None, present=there)
        return seen

    def _bandwidths(self, time: float) -> dict[str, float]:
        rates = {name: domain.bandwidth_mbit_per_s for name, domain in self.scenario.continuum.domains.items()}
        for event in self.scenario.events:
            if isinstance(event, LinkChange) and event.at <= time < event.at + event.duration:
                rates[event.domain] *= event.bandwidth_factor
        return rates

    # -- constraints --------------------------------------------------------------------------------------------

    def _measured(self) -> dict[str, float | None]:
        """Return the constrained figures as they were measured: times are blurred, counts are not."""
        counts = {constraint_name(each) for each in self.scenario.constraints if isinstance(each, ThroughputConstraint)}
        return {name: value if name in counts else self._blurred(value) for name, value in self._values.items()}

    def _judge(self, stages: list[_Sample], along: _Groups, answered: FloatArray, span: float) -> None:
        """Find the true value of every constrained figure, and note whether it breaks its constraint."""
        paths = iter(range(len(self._paths)))
        self._values: dict[str, float | None] = {}
        for constraint in self.scenario.constraints:
            if isinstance(constraint, DeviceConstraint):
                continue
            times = answered
            if isinstance(constraint, GlobalConstraint):
                times = along.durations(next(paths)).times
            elif isinstance(constraint, LocalConstraint | ThroughputConstraint):
                times = stages[self.universe.stage_index[constraint.component]].times
            value = limited_value(constraint, times, span)
            name = constraint_name(constraint)
            self._values[name] = value
            if value is not None:
                self.broken.setdefault(name, []).append(is_broken(constraint, value))


def limited_value(constraint: Constraint, times: FloatArray, span: float) -> float | None:
    """Return the figure that *constraint* limits: of *times* that ended within *span* seconds; None without any."""
    if isinstance(constraint, ThroughputConstraint):
        return len(times) / span if span > 0 else None
    if not isinstance(constraint, TimeLimit) or not len(times):
        return None
    if constraint.percentile is not None:
        return _quantile(times, constraint.percentile / 100)
    if constraint.share_above is not None:
        return _quantile(times, 1 - constraint.share_above)
    return float(times.mean())


class _Layout:
    """Where the nodes and steps of a universe stand in the columns of its engines."""

    def __init__(self, universe: Universe) -> None:
        pools = list(universe.stations.values())
        counts = [pool.nodes if isinstance(pool, NodePool) else 0 for pool in pools]
        self.names = [pool.name for pool in pools]
        self.owners = np.repeat(np.arange(len(pools)), counts)
        self.first_node = np.concatenate([[0], np.cumsum(counts)])
        self.steps = universe.step_index
        self.stages = universe.stages

    def nodes_of(self, plan: Plan) -> FloatArray:
        """Return how many nodes of each station *plan* wants."""
        return np.array([plan.nodes(name) for name in self.names], dtype=np.float64)


class _Sample:
    """Times of which mean and 95th percentile may be asked for more than once: they are computed the first time."""

    def __init__(self, times: FloatArray) -> None:
        self.times = times

    def __len__(self) -> int:
        return len(self.times)

    @cached_property
    def mean(self) -> float:
        return float(self.times.mean())

    @cached_property
    def p95(self) -> float:
        return _quantile(self.times, 0.95)


class _Groups:
    """Columns of records by the owner of a row, in the order of the rows; what was asked for once is kept."""

    def __init__(self, rows: FloatArray, count: int) -> None:
        self._rows = rows
        self._order: IntArray | None = None
        self._bounds = [0] * (count + 1)
        self._durations: dict[int, _Sample] = {}
        if len(rows):
            # Whole numbers of 16 bits are sorted in one pass; more steps or components than that have other troubles.
            owners = rows[:, 1].astype(np.int16 if count < MOST_SHORT else np.int64)
            self._order = np.argsort(owners, kind="stable") if count > 1 else None
            self._bounds[1:] = np.cumsum(np.bincount(owners, minlength=count)).tolist()

    def durations(self, owner: int) -> _Sample:
        """Return end less start of the rows of *owner*."""
        if owner not in self._durations:
            self._durations[owner] = self._of(owner, self._ends_less_starts)
        return self._durations[owner]

    def service_times(self, owner: int) -> _Sample:
        """Return the service times of *owner*, a step."""
        return self._of(owner, self._services)

    def _of(self, owner: int, column: FloatArray) -> _Sample:
        return _Sample(column[self._bounds[owner] : self._bounds[owner + 1]])

    @cached_property
    def _ends_less_starts(self) -> FloatArray:
        return self._sorted(self._rows[:, 3] - self._rows[:, 2])

    @cached_property
    def _services(self) -> FloatArray:
        return self._sorted(self._rows[:, 4])

    def _sorted(self, column: FloatArray) -> FloatArray:
        return column if self._order is None else column[self._order]


def _quantile(times: FloatArray, share: float) -> float:
    """Return the smallest value that so large a *share* of *times* does not exceed."""
    place = min(max(int(np.ceil(share * len(times) - 1e-9)) - 1, 0), len(times) - 1)
    return float(np.partition(times, place)[place])
