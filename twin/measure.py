"""From the records of one replication to its figures.

Everything is computed from records after the run, so that measuring costs the simulation nothing. Requests that
arrive during the warm-up do not count; averages over time run from its end to the horizon.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from twin.engines.trajectory import COLD, FloatArray, Trajectory
from twin.model.constraints import GlobalConstraint, LocalConstraint, TimeLimit, constraint_name
from twin.model.continuum import Resource
from twin.model.plan import Plan
from twin.model.scenario import Scenario
from twin.network import FunctionPool, Network
from twin.statistics import warm_up_length

PERCENTILES = (50.0, 95.0, 99.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """What one replication says of a time: count, mean, percentiles."""

    count: int

    mean: float

    percentiles: tuple[float, ...]
    """At ``PERCENTILES``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Violation:
    """How one limit fared in one replication."""

    count: int
    """Requests whose outcome is known."""

    statistic: float
    """The limited figure: mean, percentile or share above the limit."""

    share: float
    """Share of requests above the limit, lost and overdue ones included."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measures:
    """The figures of one replication, by name."""

    horizon: float
    warm_up: float
    arrived: int
    completed: int
    unfinished: int
    lost: int
    retries: int
    backlog_growth: float
    """Unfinished requests per second of the second half of the run."""
    throughput: float
    response_time: Sample
    components: dict[str, Sample]
    component_throughput: dict[str, float]
    partitions: dict[str, dict[str, float]]
    partition_samples: dict[str, Sample]
    paths: dict[str, Sample]
    resources: dict[str, dict[str, float]]
    links: dict[str, dict[str, float]]
    violations: tuple[Violation | None, ...]
    """One for each constraint of the scenario, in its order; None where no time is limited."""
    cost: float
    energy: float
    series: dict[str, FloatArray] = field(default_factory=dict)


def measure(scenario: Scenario, plan: Plan, network: Network, run: Trajectory) -> Measures:
    """Return the figures of one replication."""
    return _Reading(scenario, plan, network, run).measures()


def found_warm_up(scenario: Scenario, run: Trajectory) -> float:
    """Return the second at which the warm-up of *run* ends: given, none, or found by MSER-5."""
    wish = scenario.run.warm_up
    if wish == "none":
        return 0.0
    if wish != "auto":
        return float(wish)
    done = np.flatnonzero(np.isfinite(run.ends) & ~run.lost)
    left_out = warm_up_length(run.ends[done] - run.arrivals[done])
    return float(run.arrivals[done[left_out]]) if left_out and left_out < len(done) else 0.0


def sample(values: FloatArray) -> Sample:
    """Summarise *values*; NaN where there are none."""
    if not len(values):
        return Sample(count=0, mean=float("nan"), percentiles=(float("nan"),) * len(PERCENTILES))
    levels = np.percentile(values, PERCENTILES)
    return Sample(count=len(values), mean=float(values.mean()), percentiles=tuple(float(level) for level in levels))


class _Reading:
    """One replication, cut at the end of its warm-up."""

    def __init__(self, scenario: Scenario, plan: Plan, network: Network, run: Trajectory) -> None:
        self.scenario, self.plan, self.network, self.run = scenario, plan, network, run
        self.warm_up = min(found_warm_up(scenario, run), run.horizon)
        self.span = max(run.horizon - self.warm_up, 1e-12)
        self.first = int(np.searchsorted(run.arrivals, self.warm_up))
        self.visits = run.visits
        self.by_step = self._rows_by(run.visits, len(network.steps))
        self.by_stage = self._rows_by(run.executions, len(network.stages))
        self.by_path = self._rows_by(run.passages, len(network.paths))

    @staticmethod
    def _rows_by(rows: FloatArray, count: int) -> list[FloatArray]:
        """Split *rows* by their second column, which holds an index below *count*."""
        order = np.argsort(rows[:, 1], kind="stable")
        bounds = np.searchsorted(rows[order, 1], np.arange(count + 1))
        return [rows[order[bounds[i] : bounds[i + 1]]] for i in range(count)]

    def _counted(self, rows: FloatArray) -> FloatArray:
        """Leave out the rows of requests that arrived during the warm-up."""
        return rows[rows[:, 0] >= self.first]

    def measures(self) -> Measures:
        """Compute all figures."""
        run = self.run
        finished = np.isfinite(run.ends)
        completed = finished & ~run.lost
        counted = np.flatnonzero(completed[self.first :]) + self.first
        response = run.ends[counted] - run.arrivals[counted]
        stages = {stage.name: self._stage_times(i) for i, stage in enumerate(self.network.stages)}
        in_window = completed & (run.ends >= self.warm_up)
        resources = self._resources()
        return Measures(
            horizon=run.horizon,
            warm_up=self.warm_up,
            arrived=len(run.arrivals),
            completed=int(completed.sum()),
            unfinished=int((~finished & ~run.lost).sum()),
            lost=int(run.lost.sum()),
            retries=run.retries,
            backlog_growth=self._backlog_growth(),
            throughput=float(in_window.sum()) / self.span,
            response_time=sample(response),
            components={name: sample(rows[:, 1] - rows[:, 0]) for name, rows in stages.items()},
            component_throughput={stage.name: self._throughput(i) for i, stage in enumerate(self.network.stages)},
            partitions={step.name: self._step_means(i) for i, step in enumerate(self.network.steps)},
            partition_samples={step.name: sample(self._step_times(i)) for i, step in enumerate(self.network.steps)},
            paths=self._paths(),
            resources=resources,
            links=self._links(),
            violations=self._violations(stages),
            cost=sum(figures["cost"] for figures in resources.values()),
            energy=sum(figures["energy"] for figures in resources.values()),
            series=self._series(),
        )

    def _stage_times(self, stage: int) -> FloatArray:
        """Return (start, end) of the executions of a stage that count, shape (executions, 2)."""
        steps = self.network.stages[stage].steps
        if len(steps) > 1:
            return self._counted(self.by_stage[stage])[:, 2:4]
        return self._counted(self.by_step[steps[0]])[:, 2:4]

    def _throughput(self, stage: int) -> float:
        """Return the executions/s of a stage that end within the window, whenever their requests arrived."""
        steps = self.network.stages[stage].steps
        rows = self.by_stage[stage] if len(steps) > 1 else self.by_step[steps[0]]
        return float((rows[:, 3] >= self.warm_up).sum()) / self.span

    def _step_times(self, step: int) -> FloatArray:
        rows = self._counted(self.by_step[step])
        return rows[:, 3] - rows[:, 2]

    def _step_means(self, step: int) -> dict[str, float]:
        """Return means of a step: its response time is waiting plus service."""
        rows = self._counted(self.by_step[step])
        response = float((rows[:, 3] - rows[:, 2]).mean()) if len(rows) else float("nan")
        service = float(rows[:, 4].mean()) if len(rows) else float("nan")
        figures = {"response_time": response, "waiting_time": response - service, "service_time": service}
        if isinstance(self.network.stations[self.network.steps[step].station], FunctionPool):
            figures["cold_share"] = float((rows[:, 5] == COLD).mean()) if len(rows) else float("nan")
        return figures

    def _paths(self) -> dict[str, Sample]:
        constraints = [c for c in self.scenario.constraints if isinstance(c, GlobalConstraint)]
        return {constraint_name(constraint): sample(self._path_times(i)) for i, constraint in enumerate(constraints)}

    def _path_times(self, path: int) -> FloatArray:
        rows = self._counted(self.by_path[path])
        return rows[:, 3] - rows[:, 2]

    # -- places -------------------------------------------------------------------------------------------------

    def _resources(self) -> dict[str, dict[str, float]]:
        """Return figures of every resource and function in use, by name."""
        figures: dict[str, dict[str, float]] = {}
        for index, station in enumerate(self.network.stations):
            if isinstance(station, FunctionPool):
                _add(figures.setdefault(station.function, {}), self._function(index, station))
            else:
                figures[station.name] = self._pool(index, self.scenario.continuum.resources[station.name])
        return figures

    def _pool(self, index: int, resource: Resource) -> dict[str, float]:
        nodes = self.plan.nodes(resource.name)
        busy, present, waiting = self._areas(index)
        utilisation = busy / (self.span * nodes * resource.cores)
        hours = self.run.horizon / 3600
        power = resource.power
        watt = power.idle_w + (power.busy_w - power.idle_w) * min(utilisation, 1.0) if power else 0.0
        return {
            "utilisation": utilisation,
            "nodes": float(nodes),
            "queue_length": waiting / self.span,
            "requests_present": present / self.span,
            "cost": nodes * resource.cost_per_hour * hours,
            "energy": watt * nodes * self.run.horizon,
            "down": float(self.run.node_seconds_down[index]) / (self.run.horizon * nodes),
        }

    def _areas(self, station: int) -> tuple[float, float, float]:
        """Return the integrals over the window of busy cores (instances), requests present and requests waiting.

        Only finished visits are recorded; those still running at the horizon are missing, which matters as little
        as they are few beside the finished ones. Work is spread evenly over the time of its visit where cores are
        shared; where they are queued for, it fills the end of the visit.
        """
        pool = self.network.stations[station]
        is_function = isinstance(pool, FunctionPool)
        queued = isinstance(pool, FunctionPool) or pool.discipline == "fifo"
        busy = present = waiting = 0.0
        for i, step in enumerate(self.network.steps):
            if step.station != station:
                continue
            rows = self.by_step[i]
            start, end, service = rows[:, 2], rows[:, 3], rows[:, 4]
            inside = np.clip(end, self.warm_up, None) - np.clip(start, self.warm_up, None)
            present += float(inside.sum())
            begun = end - service if queued else start
            served = np.clip(end, self.warm_up, None) - np.clip(begun, self.warm_up, None)
            if not queued:
                length = end - start
                served = served * np.divide(service, length, out=np.ones_like(service), where=length > 0)
            busy += float(served.sum()) * (1.0 if is_function else step.computing_units)
            waiting += float(inside.sum() - served.sum())
        return busy, present, max(waiting, 0.0)

    def _function(self, index: int, station: FunctionPool) -> dict[str, float]:
        function = self.scenario.continuum.functions[station.function]
        busy, present, waiting = self._areas(index)
        billed = sum(self.run.billed_seconds[i] for i, step in enumerate(self.network.steps) if step.station == index)
        calls = sum(self.run.invocations[i] for i, step in enumerate(self.network.steps) if step.station == index)
        limit = station.concurrency_limit
        return {
            "utilisation": busy / self.span / limit if limit else float("nan"),
            "nodes": 0.0,
            "queue_length": waiting / self.span,
            "requests_present": present / self.span,
            "cost": float(billed) * function.cost_per_hour / 3600 + float(calls) * function.cost_per_request,
            "energy": (function.busy_w or 0.0) * busy / self.span * self.run.horizon,
            "down": 0.0,
        }

    def _links(self) -> dict[str, dict[str, float]]:
        used = {send.hop.link for step in self.network.steps for send in step.sends if send.hop}
        used |= {step.next_hop.link for step in self.network.steps if step.next_hop}
        used |= {entry.hop.link for entry in self.network.entries if entry.hop}
        figures = {}
        for index in sorted(used):
            link = self.network.links[index]
            rate = float(self.run.link_mb[index]) / self.run.horizon
            figures[link.name] = {
                "utilisation": 8 * rate / link.bandwidth_mbit_per_s,
                "mb_per_s": rate,
            }
        return figures

    # -- judgement ----------------------------------------------------------------------------------------------

    def _violations(self, stages: dict[str, FloatArray]) -> tuple[Violation | None, ...]:
        return tuple(
            _violation(constraint, *self._limited(constraint, stages)) if isinstance(constraint, TimeLimit) else None
            for constraint in self.scenario.constraints
        )

    def _limited(self, constraint: TimeLimit, stages: dict[str, FloatArray]) -> tuple[FloatArray, int]:
        """Return the times that *constraint* limits, and the number of requests that surely break it without one."""
        if isinstance(constraint, LocalConstraint):
            rows = stages[constraint.component]
            return rows[:, 1] - rows[:, 0], 0
        if isinstance(constraint, GlobalConstraint):
            paths = [each for each in self.scenario.constraints if isinstance(each, GlobalConstraint)]
            return self._path_times(next(i for i, each in enumerate(paths) if each is constraint)), 0
        return self._answers(constraint.limit)

    def _answers(self, limit: float) -> tuple[FloatArray, int]:
        """Return response times, and how many requests were lost or are unfinished and already late."""
        run = self.run
        arrivals, ends, lost = run.arrivals[self.first :], run.ends[self.first :], run.lost[self.first :]
        done = np.isfinite(ends) & ~lost
        overdue = ~np.isfinite(ends) & ~lost & (run.horizon - arrivals > limit)
        return ends[done] - arrivals[done], int(lost.sum() + overdue.sum())

    def _backlog_growth(self) -> float:
        """Return the change of the number of unfinished requests over the second half of the run, per second."""
        half = self.run.horizon / 2
        ends = np.where(np.isfinite(self.run.ends), self.run.ends, np.inf)
        before = int((self.run.arrivals <= half).sum()) - int((ends <= half).sum())
        after = len(self.run.arrivals) - int(np.isfinite(self.run.ends).sum())
        return (after - before) / half if half else 0.0

    def _series(self, points: int = 60) -> dict[str, FloatArray]:
        """Return coarse series over the run: requests present and mean response time of those that arrived."""
        edges = np.linspace(0.0, self.run.horizon, points + 1)
        ends = np.sort(self.run.ends[np.isfinite(self.run.ends)])
        present = np.searchsorted(self.run.arrivals, edges, "right") - np.searchsorted(ends, edges, "right")
        return {"time": edges, "present": present.astype(np.float64)}


def _violation(constraint: TimeLimit, times: FloatArray, failed: int) -> Violation:
    count = len(times) + failed
    if not count:
        return Violation(count=0, statistic=float("nan"), share=float("nan"))
    share = (int((times > constraint.limit).sum()) + failed) / count
    if constraint.share_above is not None:
        statistic = share
    elif constraint.percentile is not None:
        padded = np.concatenate([times, np.full(failed, np.inf)])
        statistic = float(np.quantile(padded, constraint.percentile / 100, method="inverted_cdf"))
    else:
        statistic = float(times.mean()) if len(times) else float("nan")
    return Violation(count=count, statistic=statistic, share=share)


def _add(total: dict[str, float], part: dict[str, float]) -> None:
    """Add the figures of another partition on the same function; the busiest one gives the utilisation."""
    busiest = np.fmax(total.get("utilisation", np.nan), part["utilisation"])
    for key, value in part.items():
        total[key] = total.get(key, 0.0) + value
    total["utilisation"] = float(busiest)
