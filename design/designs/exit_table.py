"""early_exits.csv: one line for each early exit of a model."""

from __future__ import annotations

import csv
from pathlib import Path

from twin.errors import DesignError
from twin.formats.text_file import read_text

COLUMNS = ("exits", "input_nodes", "output_nodes")


def exit_count(path: Path, shown: str) -> int:
    """Return how many exits the table lists; DesignError, in which it is called *shown*, if it is none."""
    try:
        text = read_text(path, error=DesignError)
    except DesignError as bad:
        raise DesignError(bad.message.replace(str(path), shown)) from None
    rows = [row for row in csv.reader(text.splitlines()) if any(cell.strip() for cell in row)]
    header = tuple(cell.strip() for cell in rows[0]) if rows else ()
    if header != COLUMNS:
        raise DesignError(f"{shown}: expected the header {','.join(COLUMNS)}, got {','.join(header) or 'nothing'}")
    short = [row[0] for row in rows[1:] if len(row) != len(COLUMNS)]
    if short or len(rows) < 2:
        what = f"line of {short[0]!r} has no {len(COLUMNS)} cells" if short else "lists no exit"
        raise DesignError(f"{shown}: {what}")
    return len(rows) - 1
