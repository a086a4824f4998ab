"""Records of a replication as Parquet files, written in pieces."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from twin.engines.trajectory import COLD, Piece
from twin.files import fresh_file, make_folder
from twin.network import Network

ROWS = 1 << 17
"""Rows written at a time, so that memory does not grow with the run."""

REQUESTS = pa.schema(
    [
        ("arrival", pa.float64()),
        ("end", pa.float64()),
        ("lost", pa.bool_()),
        ("source", pa.dictionary(pa.int16(), pa.string())),
    ]
)

VISITS = pa.schema(
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


class RecordWriter:
    """The sink that writes requests and visits to files."""

    def __init__(self, network: Network, requests: pq.ParquetWriter, visits: pq.ParquetWriter) -> None:
        self.requests, self.visits = requests, visits
        self.sources = pa.array([entry.source.name for entry in network.entries], pa.string())
        self.partitions = pa.array([step.name for step in network.steps], pa.string())

    def take(self, piece: Piece) -> None:
        """Write a piece."""
        for first in range(0, len(piece.ends), ROWS):
            part = slice(first, min(first + ROWS, len(piece.ends)))
            source = pa.DictionaryArray.from_arrays(pa.array(piece.sources[part], pa.int16()), self.sources)
            columns = [pa.array(piece.arrivals[part]), pa.array(piece.ends[part]), pa.array(piece.lost[part]), source]
            self.requests.write_table(pa.table(columns, schema=REQUESTS))
        for first in range(0, len(piece.visits), ROWS):
            rows = piece.visits[first : first + ROWS]
            columns = [
                pa.array(rows[:, 0].astype("int64")),
                pa.DictionaryArray.from_arrays(pa.array(rows[:, 1].astype("int32")), self.partitions),
                pa.array(rows[:, 2]),
                pa.array(rows[:, 3]),
                pa.array(rows[:, 4]),
                pa.array(rows[:, 5].astype("int32")),
                pa.array(rows[:, 5] == COLD),
            ]
            self.visits.write_table(pa.table(columns, schema=VISITS))


@contextmanager
def record_writer(network: Network, folder: Path) -> Iterator[RecordWriter]:
    """Offer a sink that fills ``requests.parquet`` and ``visits.parquet`` below *folder*; times in seconds.

    The files are there once the block has ended well.

    Raises:
        TwinError: The folder cannot be written.
    """
    make_folder(folder)
    with (
        fresh_file(folder / "requests.parquet") as requests_file,
        fresh_file(folder / "visits.parquet") as visits_file,
        pq.ParquetWriter(requests_file, REQUESTS) as requests,
        pq.ParquetWriter(visits_file, VISITS) as visits,
    ):
        yield RecordWriter(network, requests, visits)
