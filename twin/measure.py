"""From what is known of one replication to its figures.

What is known comes from the records of the run: all of them at once where they fit into memory (``twin.kept``), or
piece by piece while it runs (``twin.tally``). Requests that arrive during the warm-up do not count; averages over time
run from its end to the horizon.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from twin.batches import Batches, batch_means
from twin.engines.trajectory import BoolArray, FloatArray, Trajectory
from twin.model.constraints import Constraint, GlobalConstraint, TimeLimit, constraint_name
from twin.model.continuum import Resource
from twin.model.plan import Plan
from twin.model.scenario import Scenario
from twin.network import FunctionPool, Network
from twin.statistics import Estimate, warm_up_length

PERCENTILES = (50.0, 95.0, 99.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """What one replication says of a time: count, mean, percentiles."""

    count: int

    mean: float

    percentiles: tuple[float, ...]
    """At ``PERCENTILES``."""

    batches: Batches | None = None
    """Sums over requests that follow each other, from which one replication has its interval."""

    correlation: float = 1.0
    """How many requests tell as much of the mean as one independent one."""


def within_run(sample: Sample, confidence: float) -> Estimate:
    """Return the mean of one replication with the interval that its own length gives (``twin.batches``)."""
    return batch_means(sample.batches, confidence, sample.correlation).around(sample.mean)


@dataclass(frozen=True, slots=True, kw_only=True)
class Violation:
    """How one limit fared in one replication."""

    count: int
    """Requests whose outcome is known."""

    statistic: float
    """The limited figure: mean, percentile or share above the limit."""

    share: float
    """Share of requests above the limit, lost and overdue ones included."""

    batches: Batches | None = None
    """Requests above the limit among those that follow each other."""

    times: Batches | None = None
    """The limited times of requests that follow each other."""

    correlation: float = 1.0
    """How many requests tell as much as one independent one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Requests:
    """What became of the requests of one replication."""

    arrived: int
    completed: int
    unfinished: int
    lost: int
    completed_in_window: int
    """Completed after the warm-up, whenever they arrived."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StepMeans:
    """Means over the counted visits to a step; NaN where there are none."""

    response_time: float
    service_time: float
    cold_share: float


class Records(Protocol):
    """What is known of one replication, cut at the end of its warm-up."""

    warm_up: float

    quantile_error: float
    """How far quantiles may be off, relative to their value; 0 where they are exact."""

    def requests(self) -> Requests:
        """Count the requests."""

    def answers(self) -> Sample:
        """Summarise the response times of the application."""

    def stage(self, index: int) -> Sample:
        """Summarise the times of a stage."""

    def stage_ended(self, index: int) -> int:
        """Count the executions of a stage that end within the window, whenever their requests arrived."""

    def step(self, index: int) -> Sample:
        """Summarise the response times at a step."""

    def step_means(self, index: int) -> StepMeans:
        """Return means of a step."""

    def step_areas(self, index: int) -> tuple[float, float]:
        """Return the integrals over the window of requests present at a step and of those being served."""

    def path(self, index: int) -> Sample:
        """Summarise the times along a measured path."""

    def violation(self, constraint: TimeLimit) -> Violation:
        """Say how a limit fared."""

    def backlog_growth(self) -> float:
        """Return the change of the number of unfinished requests over the second half of the run, per second."""

    def series(self) -> dict[str, FloatArray]:
        """Return coarse series over the run: the requests present."""


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
    quantile_error: float = 0.0
    """How far percentiles may be off, relative to their value; 0 where they are exact."""


def figures_of(scenario: Scenario, plan: Plan, network: Network, run: Trajectory, records: Records) -> Measures:
    """Return the figures of one replication; of *run* only what has no record of its own."""
    return _Figures(scenario, plan, network, run, records).measures()


def settled_after(wish: float | str, arrivals: FloatArray, ends: FloatArray, lost: BoolArray) -> float:
    """Return the second at which the warm-up ends: given, none, or found by MSER-5 in the times of these requests."""
    if wish == "none":
        return 0.0
    if wish != "auto":
        return float(wish)
    done = np.flatnonzero(np.isfinite(ends) & ~lost)
    left_out = warm_up_length(ends[done] - arrivals[done])
    return float(arrivals[done[left_out]]) if left_out and left_out < len(done) else 0.0


class _Figures:
    """Names what is known of a replication."""

    def __init__(self, scenario: Scenario, plan: Plan, network: Network, run: Trajectory, records: Records) -> None:
        self.scenario, self.plan, self.network, self.run, self.records = scenario, plan, network, run, records
        self.span = max(run.horizon - records.warm_up, 1e-12)

    def measures(self) -> Measures:
        """Compute all figures."""
        run, network, records = self.run, self.network, self.records
        requests = records.requests()
        resources = self._resources()
        return Measures(
            horizon=run.horizon,
            warm_up=records.warm_up,
            arrived=requests.arrived,
            completed=requests.completed,
            unfinished=requests.unfinished,
            lost=requests.lost,
            retries=run.retries,
            backlog_growth=records.backlog_growth(),
            throughput=float(requests.completed_in_window) / self.span,
            response_time=records.answers(),
            components={stage.name: records.stage(i) for i, stage in enumerate(network.stages)},
            component_throughput={
                stage.name: float(records.stage_ended(i)) / self.span for i, stage in enumerate(network.stages)
            },
            partitions={step.name: self._step_means(i) for i, step in enumerate(network.steps)},
            partition_samples={step.name: records.step(i) for i, step in enumerate(network.steps)},
            paths={constraint_name(path): records.path(i) for i, path in enumerate(measured_paths(self.scenario))},
            resources=resources,
            links=self._links(),
            violations=tuple(map(self._violation, self.scenario.constraints)),
            cost=sum(figures["cost"] for figures in resources.values()),
            energy=sum(figures["energy"] for figures in resources.values()),
            series=records.series(),
            quantile_error=records.quantile_error,
        )

    def _step_means(self, index: int) -> dict[str, float]:
        """Return means of a step: its response time is waiting plus service."""
        means = self.records.step_means(index)
        response, service = means.response_time, means.service_time
        figures = {"response_time": response, "waiting_time": response - service, "service_time": service}
        if isinstance(self.network.stations[self.network.steps[index].station], FunctionPool):
            figures["cold_share"] = means.cold_share
        return figures

    def _violation(self, constraint: Constraint) -> Violation | None:
        return self.records.violation(constraint) if isinstance(constraint, TimeLimit) else None

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
        return {
            "utilisation": utilisation,
            "nodes": float(nodes),
            "queue_length": waiting / self.span,
            "requests_present": present / self.span,
            "cost": nodes * resource.cost_per_hour * hours,
            "energy": watts(resource, utilisation) * nodes * self.run.horizon,
            "down": float(self.run.node_seconds_down[index]) / (self.run.horizon * nodes),
        }

    def _areas(self, station: int) -> tuple[float, float, float]:
        """Return the integrals over the window of busy cores (instances), requests present and requests waiting.

        Only finished visits are recorded; those still running at the horizon are missing, which matters as little
        as they are few beside the finished ones.
        """
        is_function = isinstance(self.network.stations[station], FunctionPool)
        busy = present = waiting = 0.0
        for i in self.network.steps_at[station]:
            inside, served = self.records.step_areas(i)
            present += inside
            busy += served * (1.0 if is_function else self.network.steps[i].computing_units)
            waiting += inside - served
        return busy, present, max(waiting, 0.0)

    def _function(self, index: int, station: FunctionPool) -> dict[str, float]:
        function = self.scenario.continuum.functions[station.function]
        busy, present, waiting = self._areas(index)
        billed = sum(self.run.billed_seconds[i] for i in self.network.steps_at[index])
        calls = sum(self.run.invocations[i] for i in self.network.steps_at[index])
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


def watts(resource: Resource, utilisation: float) -> float:
    """Return what one node draws on average."""
    power = resource.power
    return power.idle_w + (power.busy_w - power.idle_w) * min(utilisation, 1.0) if power else 0.0


def measured_paths(scenario: Scenario) -> list[GlobalConstraint]:
    """Return the constraints on paths, in the order in which the network numbers these paths."""
    return [constraint for constraint in scenario.constraints if isinstance(constraint, GlobalConstraint)]


def _add(total: dict[str, float], part: dict[str, float]) -> None:
    """Add the figures of another partition on the same function; the busiest one gives the utilisation."""
    busiest = np.fmax(total.get("utilisation", np.nan), part["utilisation"])
    for key, value in part.items():
        total[key] = total.get(key, 0.0) + value
    total["utilisation"] = float(busiest)
