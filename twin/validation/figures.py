"""Figures that theory knows, read from the records of a replication.

Response times leave out the requests of the end too, as long as the warm-up: of the last arrivals only the quick ones
are done, and their mean would be too small.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from twin.engines.trajectory import COLD, FloatArray, Trajectory
from twin.validation.case import Figure


def response_time(records: Trajectory, warm_up: float) -> float:
    """Return the mean seconds of the requests that were not lost."""
    return float(np.nanmean(_responses(records, warm_up)))


def response_time_of(source: int) -> Figure:
    """Return the figure: mean seconds of the requests of one source."""

    def figure(records: Trajectory, warm_up: float) -> float:
        mine = _settled(records, warm_up) & (records.sources == source)
        return float(np.nanmean((records.ends - records.arrivals)[mine]))

    return figure


def share_slower_than(seconds: float) -> Figure:
    """Return the figure: share of the responses that take longer than *seconds*."""

    def figure(records: Trajectory, warm_up: float) -> float:
        responses = _responses(records, warm_up)
        return float(np.mean(responses[~np.isnan(responses)] > seconds))

    return figure


def lost_share(records: Trajectory, warm_up: float) -> float:
    """Return the share of the requests that were lost."""
    return float(np.mean(records.lost[records.arrivals >= warm_up]))


def cold_share(records: Trajectory, warm_up: float) -> float:
    """Return the share of the executions that found no warm instance."""
    nodes = records.visits[records.visits[:, 2] >= warm_up, 5]
    return float(np.mean(nodes == COLD))


def throughput(records: Trajectory, warm_up: float) -> float:
    """Return the requests that ended, per second."""
    return float(np.sum(records.ends >= warm_up)) / (records.horizon - warm_up)


def mean_number(records: Trajectory, warm_up: float) -> float:
    """Return the mean number of requests present: the area under it, from the times they came and went."""
    starts = np.clip(records.arrivals, warm_up, None)
    ends = np.where(np.isnan(records.ends), records.horizon, records.ends)
    return float(np.sum(np.clip(ends - starts, 0.0, None))) / (records.horizon - warm_up)


def down_share(records: Trajectory, _warm_up: float) -> float:
    """Return the share of its time that the first station's only node was down."""
    return float(records.node_seconds_down[0]) / records.horizon


def visits_share(step: int, of: int) -> Figure:
    """Return the figure: visits to *step* for each visit to step *of*."""

    def figure(records: Trajectory, warm_up: float) -> float:
        steps = records.visits[records.visits[:, 2] >= warm_up, 1]
        return float(np.sum(steps == step) / np.sum(steps == of))

    return figure


def rate_between(start: float, end: float, period: float) -> Figure:
    """Return the figure: arrivals per second in the part *start* … *end* of each whole *period*."""

    def figure(records: Trajectory, _warm_up: float) -> float:
        periods = np.floor(records.horizon / period)
        phases = records.arrivals[records.arrivals < periods * period] % period
        return float(np.sum((phases >= start) & (phases < end)) / (periods * (end - start)))

    return figure


def arrival_rate(records: Trajectory, warm_up: float) -> float:
    """Return the arrivals per second."""
    return float(np.sum(records.arrivals >= warm_up)) / (records.horizon - warm_up)


def dispersion(window: float) -> Figure:
    """Return the figure: variance over mean of the arrivals in windows of so many seconds."""

    def figure(records: Trajectory, _warm_up: float) -> float:
        windows = int(records.horizon / window)
        counts = np.bincount((records.arrivals / window).astype(np.int64), minlength=windows)[:windows]
        return float(counts.var(ddof=1) / counts.mean())

    return figure


def _responses(records: Trajectory, warm_up: float) -> FloatArray:
    responses: FloatArray = (records.ends - records.arrivals)[_settled(records, warm_up)]
    return responses


def _settled(records: Trajectory, warm_up: float) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Say which requests came between the warm-up and the end, and were not lost."""
    chosen: np.ndarray[Any, np.dtype[np.bool_]] = (
        (records.arrivals >= warm_up) & (records.arrivals < records.horizon - warm_up) & ~records.lost
    )
    return chosen
