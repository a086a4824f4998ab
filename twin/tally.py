"""One replication measured while it runs: its records come in pieces, and none of them is kept.

Counts, means, shares above limits and averages over time are exact; quantiles come from sketches with a known error.
The end of the warm-up must be known before anything can be counted: where it has to be found, the first pieces wait
until there are requests enough for MSER-5, which then looks at these alone.
"""

from __future__ import annotations

from dataclasses import fields, replace
from math import ceil, inf, isnan, nan

import numpy as np

from twin.batches import Batches, correlation_time
from twin.engines.trajectory import COLD, BoolArray, FloatArray, Piece, Trajectory
from twin.kept import areas, served_late
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
from twin.network import Network
from twin.running import RunningBacklog, RunningBatches, RunningTimes
from twin.sketch import IntArray, bits_for

WARM_UP_REQUESTS = 1 << 17
"""Requests in which the end of the warm-up is looked for: it ends before half of them."""

WARM_UP_ROWS = 1 << 19
"""Records that wait for the end of the warm-up at most."""


class Tally:
    """The sink that measures; afterwards it knows what is to be known of the replication."""

    def __init__(self, scenario: Scenario, plan: Plan, network: Network) -> None:
        self.scenario, self.plan, self.network = scenario, plan, network
        self.limits = [each for each in scenario.constraints if isinstance(each, TimeLimit)]
        self.paths = measured_paths(scenario)
        self.horizon = scenario.run.horizon or inf
        self.warm_up = nan
        self.first: int | None = None
        self.held: list[Piece] = []
        self.arrived = self.completed = self.lost = self.completed_in_window = 0
        self.unfinished = np.empty((0, 2))
        self.backlog = RunningBacklog(scenario.run.horizon)
        self._open_series()

    def _open_series(self) -> None:
        steps, stages, paths = len(self.network.steps), len(self.network.stages), len(self.network.paths)
        self.queued = np.array([served_late(self.network.stations[step.station]) for step in self.network.steps])
        self.several = np.array([len(stage.steps) > 1 for stage in self.network.stages])
        stages = stages if self.several.any() else 0
        bits = bits_for(1 + steps + stages + paths)
        self.quantile_error = 2.0 ** -(bits + 1)
        self.response, self.by_step, self.by_stage, self.by_path = (
            RunningTimes(series, bits) for series in (1, steps, stages, paths)
        )
        self.above = RunningBatches(len(self.limits))
        self.above_count = np.zeros(len(self.limits), dtype=np.int64)
        self.failed_count = np.zeros(len(self.limits), dtype=np.int64)
        self.service, self.cold, self.inside, self.served = (np.zeros(steps) for _ in range(4))
        self.step_ended = np.zeros(steps, dtype=np.int64)
        self.stage_ends = np.zeros(stages, dtype=np.int64)

    # -- the run ------------------------------------------------------------------------------------------------

    def take(self, piece: Piece) -> None:
        """Count a piece, or let it wait until it is known what counts."""
        if not isnan(self.warm_up):
            self._count(piece)
            return
        wish = self.scenario.run.warm_up
        if wish != "auto":
            self.warm_up = settled_after(wish, piece.arrivals, piece.ends, piece.lost)
            self._count(piece)
            return
        self.held.append(_copied(piece))
        rows = sum(len(each.visits) + len(each.executions) + len(each.passages) for each in self.held)
        if sum(len(each.ends) for each in self.held) >= WARM_UP_REQUESTS or rows >= WARM_UP_ROWS:
            self._find_warm_up()

    @property
    def has_requests(self) -> bool:
        """Whether a request has arrived."""
        return bool(self.arrived or any(len(piece.ends) for piece in self.held))

    def measures(self, run: Trajectory) -> Measures:
        """Return the figures, once *run* is over."""
        if self.held:
            self._find_warm_up()
        self.horizon = run.horizon
        self.warm_up = min(self.warm_up, run.horizon)
        self._judge_unfinished()
        return figures_of(self.scenario, self.plan, self.network, run, self)

    def _find_warm_up(self) -> None:
        arrivals = np.concatenate([piece.arrivals[: len(piece.ends)] for piece in self.held])
        ends = np.concatenate([piece.ends for piece in self.held])
        lost = np.concatenate([piece.lost for piece in self.held])
        self.warm_up = settled_after("auto", arrivals, ends, lost)
        while self.held:
            self._count(self.held.pop(0))

    def _count(self, piece: Piece) -> None:
        if self.first is None:
            place = int(np.searchsorted(piece.arrivals, self.warm_up))
            if place < len(piece.arrivals):
                self.first = piece.first + place
        self._count_requests(piece)
        self._count_visits(piece.visits)
        self._count_rows(self.by_stage, piece.executions)
        self._count_rows(self.by_path, piece.passages)
        if len(piece.executions):
            ended = piece.executions[:, 3] >= self.warm_up
            self.stage_ends += np.bincount(_index(piece.executions[ended]), minlength=len(self.stage_ends))
        self._judge_rows(piece)

    def _places(self, requests: FloatArray) -> FloatArray:
        """Return how many counted requests came before each of these; negative for those that do not count."""
        return requests - (inf if self.first is None else self.first)

    def _count_requests(self, piece: Piece) -> None:
        arrivals, ends, lost = piece.arrivals[: len(piece.ends)], piece.ends, piece.lost
        finished = np.isfinite(ends)
        completed = finished & ~lost
        self.arrived += len(ends)
        self.lost += int(lost.sum())
        self.completed += int(completed.sum())
        self.completed_in_window += int((completed & (ends >= self.warm_up)).sum())
        self.backlog.add(arrivals, ends[finished])
        numbers = piece.first + np.arange(len(ends), dtype=np.float64)
        left = ~finished & ~lost
        self.unfinished = np.concatenate([self.unfinished, np.column_stack([numbers[left], arrivals[left]])])
        places = self._places(numbers)
        counted = completed & (places >= 0)
        times = ends[counted] - arrivals[counted]
        self.response.add(np.zeros(len(times), dtype=np.int64), places[counted], times)
        gone = lost & (places >= 0)
        for i, limit in enumerate(self.limits):
            if not isinstance(limit, LocalConstraint | GlobalConstraint):
                self._judge(i, places[counted], times > limit.limit)
                self._judge(i, places[gone], np.ones(int(gone.sum()), dtype=np.bool_), failed=True)

    def _count_visits(self, rows: FloatArray) -> None:
        step, steps = _index(rows), len(self.network.steps)
        start, end, service = rows[:, 2], rows[:, 3], rows[:, 4]
        inside, served = areas(start, end, service, self.warm_up, queued=self.queued[step])
        self.inside += np.bincount(step, weights=inside, minlength=steps)
        self.served += np.bincount(step, weights=served, minlength=steps)
        self.step_ended += np.bincount(step[end >= self.warm_up], minlength=steps)
        places = self._places(rows[:, 0])
        counted = places >= 0
        step, service, cold = step[counted], service[counted], rows[counted, 5] == COLD
        self.service += np.bincount(step, weights=service, minlength=steps)
        self.cold += np.bincount(step[cold], minlength=steps)
        self.by_step.add(step, places[counted], (end - start)[counted])

    def _count_rows(self, series: RunningTimes, rows: FloatArray) -> None:
        if len(rows):
            places = self._places(rows[:, 0])
            rows, places = rows[places >= 0], places[places >= 0]
            series.add(_index(rows), places, rows[:, 3] - rows[:, 2])

    # -- limits -------------------------------------------------------------------------------------------------

    def _judge_rows(self, piece: Piece) -> None:
        for i, limit in enumerate(self.limits):
            if isinstance(limit, LocalConstraint | GlobalConstraint):
                rows, index = self._limited_rows(limit, piece)
                places = self._places(rows[:, 0])
                rows, places = (
                    rows[(places >= 0) & (rows[:, 1] == index)],
                    places[(places >= 0) & (rows[:, 1] == index)],
                )
                self._judge(i, places, rows[:, 3] - rows[:, 2] > limit.limit)

    def _limited_rows(self, limit: LocalConstraint | GlobalConstraint, piece: Piece) -> tuple[FloatArray, int]:
        """Return the records of *piece* among which those that *limit* is about have this index."""
        if isinstance(limit, GlobalConstraint):
            return piece.passages, self._path_of(limit)
        stage = self._stage_of(limit)
        steps = self.network.stages[stage].steps
        return (piece.executions, stage) if len(steps) > 1 else (piece.visits, steps[0])

    def _judge(
        self,
        limit: int,
        places: FloatArray,
        late: BoolArray,
        *,
        failed: bool = False,
    ) -> None:
        """Note which of the requests at *places* are above a limit; *failed* ones have no time."""
        (self.failed_count if failed else self.above_count)[limit] += int(late.sum())
        self.above.add(np.full(len(places), limit), places, late.astype(np.float64))

    def _judge_unfinished(self) -> None:
        """Count those that are unfinished and already late."""
        places = self._places(self.unfinished[:, 0])
        for i, limit in enumerate(self.limits):
            if not isinstance(limit, LocalConstraint | GlobalConstraint):
                overdue = (places >= 0) & (self.horizon - self.unfinished[:, 1] > limit.limit)
                self._judge(i, places[overdue], np.ones(int(overdue.sum()), dtype=np.bool_), failed=True)

    def _path_of(self, limit: GlobalConstraint) -> int:
        return next(i for i, each in enumerate(self.paths) if each is limit)

    def _stage_of(self, limit: LocalConstraint) -> int:
        return next(i for i, stage in enumerate(self.network.stages) if stage.name == limit.component)

    # -- what is known ------------------------------------------------------------------------------------------

    def _sample(self, series: RunningTimes, index: int) -> Sample:
        count = int(series.count[index])
        batches = self._batches(series, index)
        levels = series.sketches.quantiles(index, np.array(PERCENTILES) / 100)
        return Sample(
            count=count,
            mean=float(series.mean[index]) if count else nan,
            percentiles=tuple(float(level) for level in levels),
            batches=batches,
            correlation=correlation_time(batches, series.variance(index)),
        )

    def _batches(self, series: RunningTimes, index: int) -> Batches | None:
        return series.batches.of(index, self._counted_requests()) if series.batches else None

    def _counted_requests(self) -> int:
        return self.arrived - self.first if self.first is not None else 0

    def requests(self) -> Requests:
        """Count the requests."""
        return Requests(
            arrived=self.arrived,
            completed=self.completed,
            unfinished=len(self.unfinished),
            lost=self.lost,
            completed_in_window=self.completed_in_window,
        )

    def answers(self) -> Sample:
        """Summarise the response times of the application."""
        return self._sample(self.response, 0)

    def _stage_series(self, index: int) -> tuple[RunningTimes, int]:
        return (self.by_stage, index) if self.several[index] else (self.by_step, self.network.stages[index].steps[0])

    def stage(self, index: int) -> Sample:
        """Summarise the times of a stage."""
        return self._sample(*self._stage_series(index))

    def stage_ended(self, index: int) -> int:
        """Count the executions of a stage that end within the window, whenever their requests arrived."""
        steps = self.network.stages[index].steps
        return int(self.stage_ends[index] if self.several[index] else self.step_ended[steps[0]])

    def step(self, index: int) -> Sample:
        """Summarise the response times at a step."""
        return self._sample(self.by_step, index)

    def step_means(self, index: int) -> StepMeans:
        """Return means of a step."""
        count = self.by_step.count[index]
        if not count:
            return StepMeans(response_time=nan, service_time=nan, cold_share=nan)
        return StepMeans(
            response_time=float(self.by_step.mean[index]),
            service_time=float(self.service[index] / count),
            cold_share=float(self.cold[index] / count),
        )

    def step_areas(self, index: int) -> tuple[float, float]:
        """Return the integrals over the window of requests present at a step and of those being served."""
        return float(self.inside[index]), float(self.served[index])

    def path(self, index: int) -> Sample:
        """Summarise the times along a measured path."""
        return self._sample(self.by_path, index)

    def violation(self, constraint: TimeLimit) -> Violation:
        """Say how a limit fared."""
        limit = next(i for i, each in enumerate(self.limits) if each is constraint)
        series, index = self._limited(constraint)
        known, failed = int(series.count[index]), int(self.failed_count[limit])
        count = known + failed
        if not count:
            return Violation(count=0, statistic=nan, share=nan)
        share = (int(self.above_count[limit]) + failed) / count
        times = self._batches(series, index)
        return Violation(
            count=count,
            statistic=share if constraint.share_above is not None else self._statistic(constraint, count),
            share=share,
            batches=self.above.of(limit, self._counted_requests()),
            times=times,
            # Where there are too many series for batches of each, the application stands for them.
            correlation=correlation_time(times, series.variance(index)) if times else self.answers().correlation,
        )

    def _limited(self, constraint: TimeLimit) -> tuple[RunningTimes, int]:
        if isinstance(constraint, LocalConstraint):
            return self._stage_series(self._stage_of(constraint))
        if isinstance(constraint, GlobalConstraint):
            return self.by_path, self._path_of(constraint)
        return self.response, 0

    def _statistic(self, constraint: TimeLimit, count: int) -> float:
        """Return the limited mean or percentile; *count* includes those that have failed, whose times are infinite."""
        series, index = self._limited(constraint)
        known = int(series.count[index])
        if constraint.percentile is None:
            return float(series.mean[index]) if known else nan
        rank = max(ceil(count * constraint.percentile / 100) - 1, 0)
        return float(series.sketches.ordered(index, np.array([rank]))[0]) if rank < known else inf

    def backlog_growth(self) -> float:
        """Return the change of the number of unfinished requests over about the second half of the run, per second."""
        present, points = self.backlog.present(np.array([self.horizon / 2]))
        rest = self.horizon - float(points[0])
        ended = int(self.backlog.ended.sum())
        return (self.arrived - ended - float(present[0])) / rest if rest > 0 else 0.0

    def series(self, points: int = 60) -> dict[str, FloatArray]:
        """Return coarse series over the run: the requests present."""
        present, times = self.backlog.present(np.linspace(0.0, self.horizon, points + 1))
        return {"time": times, "present": present}


def _index(rows: FloatArray) -> IntArray:
    """Return the second column of *rows*: the step, stage or path."""
    return rows[:, 1].astype(np.int64)


def _copied(piece: Piece) -> Piece:
    arrays = {each.name: getattr(piece, each.name).copy() for each in fields(piece) if each.name != "first"}
    return replace(piece, **arrays)
