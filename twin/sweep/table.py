"""The table of a sweep as files: CSV to look at, Parquet to compute with, JSON for programs."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from twin.files import fresh_file
from twin.sweep.axes import shown
from twin.sweep.sweeping import Row, Sweep

CSV = "sweep.csv"
PARQUET = "sweep.parquet"


def save_tables(sweep: Sweep, folder: Path) -> None:
    """Write the rows of *sweep* to ``sweep.csv`` and ``sweep.parquet`` in *folder*, each in one step."""
    rows = sweep.rows()
    names = columns(rows)
    with fresh_file(folder / CSV) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, names, lineterminator="\n")
        writer.writeheader()
        writer.writerows({name: _cell(value) for name, value in row.items()} for row in rows)
    import pyarrow as pa  # takes a quarter of a second to import
    import pyarrow.parquet as pq

    table = pa.table({name: _column([row.get(name) for row in rows]) for name in names})
    with fresh_file(folder / PARQUET) as temporary:
        pq.write_table(table, temporary)


def columns(rows: Sequence[Row]) -> list[str]:
    """Return the names of all columns; what only some points have stands where these have it."""
    names: list[str] = []
    for row in rows:
        if row.keys() <= set(names):
            continue
        at = 0
        for name in row:
            if name in names:
                at = names.index(name) + 1
            else:
                names.insert(at, name)
                at += 1
    return names


def to_json(sweep: Sweep) -> str:
    """Return the sweep as one JSON document."""
    document = {
        "axes": {axis.name: list(axis.values) for axis in sweep.layout.axes},
        "points": len(sweep.layout.points),
        "broken": sweep.broken,
        "notes": list(sweep.layout.notes),
        "rows": sweep.rows(),
    }
    return json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False)


def _cell(value: Any) -> Any:
    if isinstance(value, bool):
        return shown(value)
    # repr keeps every digit; csv would do the same, but only by chance of its version
    return repr(value) if isinstance(value, float) else value


def _column(values: list[Any]) -> list[Any]:
    """Return values of one type, as Arrow wants them: numbers, truth values, or texts."""
    kinds = {type(value) for value in values if value is not None}
    if len(kinds) < 2:
        return values
    if kinds == {int, float}:
        return [None if value is None else float(value) for value in values]
    return [None if value is None else shown(value) for value in values]
