"""Records of a replication as Parquet files, written in pieces."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from twin.engines.trajectory import COLD, Trajectory
from twin.files import fresh_file, make_folder
from twin.network import Network

PIECE = 1 << 17
"""Rows written at a time, so that memory does not grow with the run."""


def save_records(run: Trajectory, network: Network, folder: Path) -> None:
    """Write ``requests.parquet`` and ``visits.parquet`` below *folder*; times in seconds.

    Raises:
        TwinError: The folder cannot be written.
    """
    make_folder(folder)
    _save_requests(run, network, folder / "requests.parquet")
    _save_visits(run, network, folder / "visits.parquet")


def _save_requests(run: Trajectory, network: Network, path: Path) -> None:
    names = pa.array([entry.source.name for entry in network.entries], pa.string())
    schema = pa.schema(
        [
            ("arrival", pa.float64()),
            ("end", pa.float64()),
            ("lost", pa.bool_()),
            ("source", pa.dictionary(pa.int16(), pa.string())),
        ]
    )
    with fresh_file(path) as temporary, pq.ParquetWriter(temporary, schema) as writer:
        for first in range(0, len(run.arrivals), PIECE):
            piece = slice(first, first + PIECE)
            source = pa.DictionaryArray.from_arrays(pa.array(run.sources[piece], pa.int16()), names)
            columns = [pa.array(run.arrivals[piece]), pa.array(run.ends[piece]), pa.array(run.lost[piece]), source]
            writer.write_table(pa.table(columns, schema=schema))


def _save_visits(run: Trajectory, network: Network, path: Path) -> None:
    names = pa.array([step.name for step in network.steps], pa.string())
    schema = pa.schema(
        [
            ("request", pa.int64()),
            ("partition", pa.dictionary(pa.int32(), pa.string())),
            ("arrival", pa.float64()),
            ("end", pa.float64()),
            ("service_time", pa.float64()),
            ("node", pa.int32()),
            ("cold", pa.bool_()),
        ]
    )
    with fresh_file(path) as temporary, pq.ParquetWriter(temporary, schema) as writer:
        for first in range(0, len(run.visits), PIECE):
            rows = run.visits[first : first + PIECE]
            columns = [
                pa.array(rows[:, 0].astype("int64")),
                pa.DictionaryArray.from_arrays(pa.array(rows[:, 1].astype("int32")), names),
                pa.array(rows[:, 2]),
                pa.array(rows[:, 3]),
                pa.array(rows[:, 4]),
                pa.array(rows[:, 5].astype("int32")),
                pa.array(rows[:, 5] == COLD),
            ]
            writer.write_table(pa.table(columns, schema=schema))
