"""The records of one replication as they were kept: every figure is exact."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from twin.batches import Batches, batched, correlation_time
from twin.engines.trajectory import COLD, BoolArray, FloatArray, Trajectory
from twin.measure import (
    PERCENTILES,
    Measures,
    Requests,
    Sample,
    StepMeans,
    Violation,
    figures_of,
    measured_paths,
    settled_after,
)
from twin.model.constraints import GlobalConstraint, LocalConstraint, TimeLimit
from twin.model.plan import Plan
from twin.model.scenario import Scenario
from twin.network import FunctionPool, Network


def measure(scenario: Scenario, plan: Plan, network: Network, run: Trajectory) -> Measures:
    """Return the figures of one replication whose records are all there."""
    return figures_of(scenario, plan, network, run, KeptRecords(scenario, network, run))


def served_late(pool: object) -> bool:
    """Say whether the service of a visit fills its end: where cores or instances are queued for, not shared."""
    return isinstance(pool, FunctionPool) or getattr(pool, "discipline", "") == "fifo"


def sample(times: FloatArray) -> Sample:
    """Summarise *times*; NaN where there are none."""
    if not len(times):
        return Sample(count=0, mean=float("nan"), percentiles=(float("nan"),) * len(PERCENTILES))
    levels = np.percentile(times, PERCENTILES)
    return Sample(count=len(times), mean=float(times.mean()), percentiles=tuple(float(level) for level in levels))


class KeptRecords:
    """One replication, cut at the end of its warm-up."""

    quantile_error = 0.0

    def __init__(self, scenario: Scenario, network: Network, run: Trajectory) -> None:
        self.scenario, self.network, self.run = scenario, network, run
        self.warm_up = min(settled_after(scenario.run.warm_up, run.arrivals, run.ends, run.lost), run.horizon)
        self.first = int(np.searchsorted(run.arrivals, self.warm_up))
        self.by_step = _rows_by(run.visits, len(network.steps))
        self.by_stage = _rows_by(run.executions, len(network.stages))
        self.by_path = _rows_by(run.passages, len(network.paths))

    def _counted(self, rows: FloatArray) -> FloatArray:
        """Leave out the rows of requests that arrived during the warm-up."""
        return rows[rows[:, 0] >= self.first]

    def _sample(self, requests: FloatArray, times: FloatArray) -> Sample:
        """Summarise *times*, each of one of *requests*; NaN where there are none."""
        whole = sample(times)
        if not whole.count:
            return whole
        batches = self._batches(requests, times)
        return replace(whole, batches=batches, correlation=correlation_time(batches, float(times.var())))

    def _batches(self, requests: FloatArray, values: FloatArray) -> Batches:
        return batched(requests, values, first=self.first, last=len(self.run.arrivals))

    # -- requests -----------------------------------------------------------------------------------------------

    def requests(self) -> Requests:
        """Count the requests."""
        run = self.run
        finished = np.isfinite(run.ends)
        completed = finished & ~run.lost
        return Requests(
            arrived=len(run.arrivals),
            completed=int(completed.sum()),
            unfinished=int((~finished & ~run.lost).sum()),
            lost=int(run.lost.sum()),
            completed_in_window=int((completed & (run.ends >= self.warm_up)).sum()),
        )

    def answers(self) -> Sample:
        """Summarise the response times of the application."""
        return self._sample(*self._answers())

    def _answers(self) -> tuple[FloatArray, FloatArray]:
        """Return the counted requests that were answered, and their response times."""
        run = self.run
        done = np.flatnonzero(np.isfinite(run.ends[self.first :]) & ~run.lost[self.first :]) + self.first
        return done.astype(np.float64), run.ends[done] - run.arrivals[done]

    def backlog_growth(self) -> float:
        """Return the change of the number of unfinished requests over the second half of the run, per second."""
        half = self.run.horizon / 2
        ends = np.where(np.isfinite(self.run.ends), self.run.ends, np.inf)
        before = int((self.run.arrivals <= half).sum()) - int((ends <= half).sum())
        after = len(self.run.arrivals) - int(np.isfinite(self.run.ends).sum())
        return (after - before) / half if half else 0.0

    def series(self, points: int = 60) -> dict[str, FloatArray]:
        """Return coarse series over the run: the requests present."""
        edges = np.linspace(0.0, self.run.horizon, points + 1)
        ends = np.sort(self.run.ends[np.isfinite(self.run.ends)])
        present = np.searchsorted(self.run.arrivals, edges, "right") - np.searchsorted(ends, edges, "right")
        return {"time": edges, "present": present.astype(np.float64)}

    # -- components ---------------------------------------------------------------------------------------------

    def _stage_rows(self, index: int) -> FloatArray:
        """Return rows of a stage: request, index, start, end and more."""
        steps = self.network.stages[index].steps
        return self.by_stage[index] if len(steps) > 1 else self.by_step[steps[0]]

    def stage(self, index: int) -> Sample:
        """Summarise the times of a stage."""
        return self._sample(*_times(self._counted(self._stage_rows(index))))

    def stage_ended(self, index: int) -> int:
        """Count the executions of a stage that end within the window, whenever their requests arrived."""
        return int((self._stage_rows(index)[:, 3] >= self.warm_up).sum())

    def step(self, index: int) -> Sample:
        """Summarise the response times at a step."""
        return self._sample(*_times(self._counted(self.by_step[index])))

    def step_means(self, index: int) -> StepMeans:
        """Return means of a step."""
        rows = self._counted(self.by_step[index])
        if not len(rows):
            return StepMeans(response_time=float("nan"), service_time=float("nan"), cold_share=float("nan"))
        return StepMeans(
            response_time=float((rows[:, 3] - rows[:, 2]).mean()),
            service_time=float(rows[:, 4].mean()),
            cold_share=float((rows[:, 5] == COLD).mean()),
        )

    def step_areas(self, index: int) -> tuple[float, float]:
        """Return the integrals over the window of requests present at a step and of those being served."""
        rows = self.by_step[index]
        queued = served_late(self.network.stations[self.network.steps[index].station])
        inside, served = areas(rows[:, 2], rows[:, 3], rows[:, 4], self.warm_up, queued=np.bool_(queued))
        return float(inside.sum()), float(served.sum())

    def path(self, index: int) -> Sample:
        """Summarise the times along a measured path."""
        return self._sample(*_times(self._counted(self.by_path[index])))

    # -- judgement ----------------------------------------------------------------------------------------------

    def violation(self, constraint: TimeLimit) -> Violation:
        """Say how a limit fared."""
        requests, times, failed = self._limited(constraint)
        count = len(times) + len(failed)
        if not count:
            return Violation(count=0, statistic=float("nan"), share=float("nan"))
        late = times > constraint.limit
        share = (int(late.sum()) + len(failed)) / count
        everyone = np.concatenate([requests, failed])
        of_times = self._batches(requests, times)
        return Violation(
            count=count,
            statistic=share if constraint.share_above is not None else _statistic(constraint, times, len(failed)),
            share=share,
            batches=self._batches(everyone, np.concatenate([late, np.ones(len(failed))])),
            times=of_times,
            correlation=correlation_time(of_times, float(times.var()) if len(times) else 0.0),
        )

    def _limited(self, constraint: TimeLimit) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return requests, the times of theirs that *constraint* limits, and requests that surely break it without."""
        none = np.empty(0)
        if isinstance(constraint, LocalConstraint):
            names = [stage.name for stage in self.network.stages]
            return *_times(self._counted(self._stage_rows(names.index(constraint.component)))), none
        if isinstance(constraint, GlobalConstraint):
            path = next(i for i, each in enumerate(measured_paths(self.scenario)) if each is constraint)
            return *_times(self._counted(self.by_path[path])), none
        return *self._answers(), self._failed(constraint.limit)

    def _failed(self, limit: float) -> FloatArray:
        """Return the requests that were lost, or are unfinished and already late."""
        run = self.run
        arrivals, ends, lost = run.arrivals[self.first :], run.ends[self.first :], run.lost[self.first :]
        overdue = ~np.isfinite(ends) & ~lost & (run.horizon - arrivals > limit)
        return (np.flatnonzero(lost | overdue) + self.first).astype(np.float64)


def areas(
    start: FloatArray, end: FloatArray, service: FloatArray, warm_up: float, *, queued: BoolArray | np.bool_
) -> tuple[FloatArray, FloatArray]:
    """Return how long each visit lies within the window that begins with *warm_up*, and how long it is served there.

    Work is spread evenly over the time of its visit where cores are shared; where they are *queued* for, it fills the
    end of the visit.
    """
    inside = np.clip(end, warm_up, None) - np.clip(start, warm_up, None)
    begun = np.where(queued, end - service, start)
    served = np.clip(end, warm_up, None) - np.clip(begun, warm_up, None)
    length = end - start
    share = np.divide(service, length, out=np.ones_like(service), where=(length > 0) & ~queued)
    return inside, served * share


def _statistic(constraint: TimeLimit, times: FloatArray, failed: int) -> float:
    if constraint.percentile is not None:
        padded = np.concatenate([times, np.full(failed, np.inf)])
        return float(np.quantile(padded, constraint.percentile / 100, method="inverted_cdf"))
    return float(times.mean()) if len(times) else float("nan")


def _rows_by(rows: FloatArray, count: int) -> list[FloatArray]:
    """Split *rows* by their second column, which holds an index below *count*."""
    order = np.argsort(rows[:, 1], kind="stable")
    bounds = np.searchsorted(rows[order, 1], np.arange(count + 1))
    return [rows[order[bounds[i] : bounds[i + 1]]] for i in range(count)]


def _times(rows: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the requests of *rows* and how long each row took."""
    return rows[:, 0], rows[:, 3] - rows[:, 2]
