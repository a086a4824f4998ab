"""Recorded series from files: CSV and Parquet tables, and InfluxDB's line protocol."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from runtime.drift.line_protocol import points
from runtime.drift.series import Series
from twin.errors import DriftError, Problem, did_you_mean
from twin.formats.text_file import read_text, require_file

MAX_BYTES = 500_000_000
_MOST = 20
"""Wrong rows of one file that are listed."""

_TIME_NAMES = ("time", "timestamp", "_time", "date", "datetime")

Row = tuple[str, object, object]
"""Where it stands, time, value."""


def read_series(path: Path, *, metric: str | None, field: str | None, time: str | None = None) -> Series:
    """Return the series of *field* in a ``.csv``, ``.parquet`` or ``.lp`` file.

    Tables hold times (seconds, or dates of ISO 8601) in the column *time*, by default the first one called time,
    timestamp or date, and values in the column *field*, by default the only other one; a column ``measurement`` or
    ``metric``, where there is one, is compared with *metric*. Line protocol has nanoseconds. Empty and NaN values are
    missing. Raises DriftError with the rows that are wrong.
    """
    suffix = path.suffix.lower()
    if suffix in (".lp", ".line", ".influx"):
        text = read_text(path, max_bytes=MAX_BYTES, error=DriftError)
        return series_from(points(text.splitlines(), str(path), metric=metric, field=field), str(path))
    names, rows = _parquet(path) if suffix in (".parquet", ".pq") else _csv(path)
    return series_from(_picked(path, names, rows, metric, field, time), str(path))


def series_from(rows: Iterable[Row], name: str) -> Series:
    """Return the series of *rows*; DriftError lists what is wrong with them, or that nothing is there."""
    times: list[float] = []
    values: list[float] = []
    problems: list[Problem] = []
    missing = 0
    before = -math.inf
    for where, time_given, value_given in rows:
        time, value = seconds(time_given), _number(value_given)
        complaint = _time_complaint(time_given, time, before) or _value_complaint(value_given, value)
        if complaint:
            problems.append(Problem(where, complaint))
            if len(problems) >= _MOST:
                break
            continue
        assert time is not None
        assert value is not None
        before = time
        if math.isnan(value):
            missing += 1
        else:
            times.append(time)
            values.append(value)
    if problems:
        raise DriftError(name, problems)
    if not values:
        raise DriftError(f"{name}: holds no values")
    return Series(times=np.array(times), values=np.array(values), missing=missing)


def seconds(given: object) -> float | None:
    """Return a time as seconds, None where it is none; dates without a zone count as UTC."""
    if isinstance(given, datetime):
        return (given if given.tzinfo else given.replace(tzinfo=UTC)).timestamp()
    number = None if given in (None, "") else _number(given)
    if number is not None or not isinstance(given, str):
        return number
    try:
        return seconds(datetime.fromisoformat(given))
    except ValueError:
        return None


def _time_complaint(given: object, time: float | None, before: float) -> str:
    if time is None or not math.isfinite(time):
        return f"expected a time in seconds or as 2026-05-01T12:00:00Z, got {_shown(given)}"
    if time < 0:
        return f"a time must be at least 0, got {given}"
    return f"time {given} comes before the one above; sort the rows" if time < before else ""


def _value_complaint(given: object, value: float | None) -> str:
    if value is None or math.isinf(value):
        return f"expected a finite number, got {_shown(given)}"
    return ""


def _shown(given: object) -> str:
    return "nothing" if given in (None, "") else repr(given)


def _number(given: object) -> float | None:
    """Return a value as a number, NaN where it is missing, None where it is something else."""
    if given is None or (isinstance(given, str) and given.strip().lower() in ("", "nan", "null", "none", "na")):
        return math.nan
    if not isinstance(given, int | float | str | np.number):
        return None
    try:
        return float(given)
    except (ValueError, OverflowError):
        return None


def _picked(
    path: Path,
    names: list[str],
    rows: Iterable[tuple[int, list[object]]],
    metric: str | None,
    field: str | None,
    time: str | None,
) -> Iterator[Row]:
    """Yield the times and values of one series of a table."""
    at = _column(path, names, time or next((name for name in names if name.lower() in _TIME_NAMES), names[0]))
    kinds = [i for i, name in enumerate(names) if name in ("measurement", "_measurement", "metric") and i != at]
    value = _column(path, names, field or _only_other(path, names, {at, *kinds}))
    seen: set[str] = set()
    found = False
    for number, cells in rows:
        cells = [*cells, *([None] * (len(names) - len(cells)))]
        seen.update(str(cells[kind]) for kind in kinds)
        if metric is None or all(str(cells[kind]) == metric for kind in kinds):
            found = True
            yield f"row {number}", cells[at], cells[value]
    if not found and kinds and seen:
        raise DriftError(f"{path}: no metric {metric!r}{did_you_mean(str(metric), seen)}")
    if metric is None and len(seen) > 1:
        raise DriftError(f"{path}: holds several metrics; choose with --metric: {', '.join(sorted(seen)[:12])}")


def _column(path: Path, names: list[str], name: str) -> int:
    if name not in names:
        raise DriftError(f"{path}: no column {name!r}{did_you_mean(name, names)}")
    return names.index(name)


def _only_other(path: Path, names: list[str], others: set[int]) -> str:
    left = [name for i, name in enumerate(names) if i not in others]
    if len(left) != 1:
        raise DriftError(f"{path}: choose the column of the values with --field: {', '.join(left[:12]) or 'none left'}")
    return left[0]


def _csv(path: Path) -> tuple[list[str], Iterator[tuple[int, list[object]]]]:
    reader = csv.reader(read_text(path, max_bytes=MAX_BYTES, error=DriftError).splitlines())
    try:
        table = [(reader.line_num, cells) for cells in reader if any(cell.strip() for cell in cells)]
    except csv.Error as bad:
        raise DriftError(f"{path}: row {reader.line_num}: not CSV: {bad}") from None
    if not table:
        raise DriftError(f"{path}: is empty")
    names = [cell.strip() for cell in table[0][1]]
    if all(not math.isnan(_number(name) or math.nan) for name in names):
        raise DriftError(f"{path}: the first row must name the columns, such as time,score")
    return names, ((line, [cell.strip() for cell in cells]) for line, cells in table[1:])


def _parquet(path: Path) -> tuple[list[str], Iterator[tuple[int, list[object]]]]:
    # Arrow takes a quarter of a second to import; most series do without it.
    import pyarrow
    import pyarrow.parquet

    require_file(path, max_bytes=MAX_BYTES, error=DriftError)
    try:
        table = pyarrow.parquet.read_table(path)
    except (pyarrow.ArrowException, OSError) as bad:
        raise DriftError(f"{path}: not a Parquet file: {bad}") from None
    if not table.column_names:
        raise DriftError(f"{path}: is empty")
    columns = [column.to_pylist() for column in table.columns]
    return list(table.column_names), ((i, list(cells)) for i, cells in enumerate(zip(*columns, strict=True), start=1))
