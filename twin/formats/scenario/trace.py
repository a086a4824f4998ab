"""Arrival times from a file: one column of a CSV or Parquet table, in seconds, in order."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np

from twin.errors import Problem, ScenarioError, did_you_mean
from twin.formats.text_file import read_text, require_file
from twin.model.scenario import Scenario
from twin.model.workload import Trace

MAX_BYTES = 500_000_000
MAX_TIMES = 10_000_000
"""Arrivals a trace may hold."""

_LONG_GAP = 40
"""Usual gaps between arrivals from which on a gap is worth a word."""

_MOST = 20
"""Wrong rows of one file that are listed."""


def read_times(path: Path, *, column: str | None = None) -> tuple[float, ...]:
    """Return the times in *column* (absent: the first one) of a ``.csv`` or ``.parquet`` file.

    A CSV file may go without a header if no column is named. Raises ScenarioError with the rows, counted from 1 as
    the lines of a CSV file and as the rows of a Parquet table, whose times are no finite non-negative seconds or
    come before the one above.
    """
    rows = _parquet_rows(path, column) if path.suffix.lower() in (".parquet", ".pq") else _csv_rows(path, column)
    times: list[float] = []
    problems: list[Problem] = []
    for row, value in rows:
        time = _number(value)
        complaint = _complaint(value, time, times[-1] if times else 0.0)
        if complaint:
            problems.append(Problem("", f"row {row}: {complaint}"))
        elif time is not None:
            times.append(time)
        if len(problems) >= _MOST or len(times) > MAX_TIMES:
            break
    if problems:
        raise ScenarioError(str(path), problems)
    if not times:
        raise ScenarioError(f"{path}: holds no arrivals")
    if len(times) > MAX_TIMES:
        raise ScenarioError(f"{path}: holds more than {MAX_TIMES} arrivals")
    return tuple(times)


def trace_notes(scenario: Scenario) -> tuple[str, ...]:
    """Return what looks lost or doubled in the traces of *scenario*, a sentence each: it runs all the same."""
    sources = [(name, entry.arrivals) for name, entry in scenario.workload.sources.items()]
    return tuple(
        f"source {name}, {arrivals.file}: {suspicion}"
        for name, arrivals in sources
        if isinstance(arrivals, Trace)
        for suspicion in _suspicions(arrivals.times, scenario.run.horizon)
    )


def _suspicions(times: Sequence[float], horizon: float | None) -> Iterator[str]:
    gaps = np.diff(np.asarray(times))
    doubled = int((gaps == 0).sum())
    if doubled:
        yield f"arrivals at the time of the one before: {doubled}; are rows doubled?"
    usual = float(np.median(gaps[gaps > 0])) if doubled < len(gaps) else 0.0
    # Of a million exponential gaps none is longer than 40 medians, but for one chance in a million.
    if usual and gaps.max() > _LONG_GAP * usual:
        at = int(np.argmax(gaps))
        ratio = gaps[at] / usual
        yield f"nothing arrives for {gaps[at]:g} s after {times[at]:g} s, {ratio:.0f} usual gaps; are rows missing?"
    if horizon is not None and times and times[-1] + _LONG_GAP * usual < horizon:
        yield f"the last arrival is at {times[-1]:g} s, well before the end of the run at {horizon:g} s"


def _complaint(value: object, time: float | None, before: float) -> str:
    """Return what is wrong with one time, empty if it is fine."""
    if time is None:
        return f"expected a number of seconds, got {'nothing' if value in (None, '') else repr(value)}"
    if not math.isfinite(time):
        return f"must be a finite number of seconds, got {value}"
    if time < 0:
        return f"must be at least 0 seconds, got {value}"
    return f"{value} comes before {before:g} in the row above; sort the times" if time < before else ""


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        return float(value)
    except (ValueError, OverflowError):
        return None


def _csv_rows(path: Path, column: str | None) -> Iterator[tuple[int, object]]:
    """Yield line number and text of each time; empty lines are passed over."""
    table = _csv_table(path)
    first = next(table, None)
    if first is None:
        return
    line, cells = first
    position = 0
    if column is not None:
        position = _position(path, column, [cell.strip() for cell in cells])
    elif _number(cells[0]) is not None:
        yield line, cells[0].strip()
    for line, cells in table:
        yield line, cells[position].strip() if position < len(cells) else None


def _csv_table(path: Path) -> Iterator[tuple[int, list[str]]]:
    reader = csv.reader(read_text(path, max_bytes=MAX_BYTES).splitlines())
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                yield reader.line_num, cells
    except csv.Error as bad:
        raise ScenarioError(f"{path}: row {reader.line_num}: not CSV: {bad}") from None


def _parquet_rows(path: Path, column: str | None) -> Iterable[tuple[int, object]]:
    # Arrow takes a quarter of a second to import; most scenarios do without it.
    import pyarrow
    import pyarrow.parquet

    require_file(path, max_bytes=MAX_BYTES)
    try:
        table = pyarrow.parquet.ParquetFile(path)
        names = list(table.schema_arrow.names)
        position = 0 if column is None else _position(path, column, names)
        if table.metadata.num_rows > MAX_TIMES:
            raise ScenarioError(f"{path}: holds more than {MAX_TIMES} arrivals")
        values = table.read(columns=[names[position]]).column(0).to_pylist() if names else []
    except (pyarrow.ArrowException, OSError) as bad:
        raise ScenarioError(f"{path}: not a Parquet file: {bad}") from None
    return enumerate(values, start=1)


def _position(path: Path, column: str, names: list[str]) -> int:
    if column not in names:
        raise ScenarioError(f"{path}: no column {column!r}{did_you_mean(column, names)}")
    return names.index(column)
