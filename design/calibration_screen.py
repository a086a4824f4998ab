"""What a calibration shows while it runs and when it is done."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from design import calibrate
from design.calibrate import Measurement

_COLUMNS = ("mean", "p50", "p95", "p99", "load", "CV", "in MB", "out MB")
_REDRAW_EVERY = 20  # runs
_WIDTH_OF_A_LOG = 120


@contextmanager
def progress_bar() -> Iterator[calibrate.Progress]:
    """Show a bar on the error stream, if a person watches it; drawn between runs, never during one."""
    console = Console(stderr=True)
    columns = (TextColumn("measuring"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(
        *columns, console=console, auto_refresh=False, disable=not console.is_terminal, transient=True
    ) as bar:
        task = bar.add_task("measuring", total=None)

        def show(done: int, total: int) -> None:
            if done % _REDRAW_EVERY == 0:
                bar.update(task, completed=done, total=total, refresh=True)

        yield show


def show_table(measurements: Mapping[str, Measurement], *, title: str) -> None:
    """Print one row per measurement on the output stream, and the notes below."""
    console = Console()
    if not console.is_terminal:
        console.width = _WIDTH_OF_A_LOG
    table = Table(title=Text(f"{title}; times in ms"), title_justify="left", box=SIMPLE_HEAD)
    table.add_column("segment", overflow="fold")
    for column in _COLUMNS:
        table.add_column(column, justify="right", no_wrap=True)
    for name, measurement in measurements.items():
        table.add_row(Text(name), *_figures(measurement))
    console.print(table)
    for name, measurement in measurements.items():
        for note in measurement.notes:
            console.print(Text(f"{name}: {note}"), soft_wrap=True)


def _figures(measurement: Measurement) -> list[str]:
    load = sorted(measurement.load_seconds)[len(measurement.load_seconds) // 2]
    times = (measurement.mean, *(measurement.quantile(share) for share in (0.5, 0.95, 0.99)), load)
    return [
        *(f"{seconds * 1e3:.3g}" if seconds < 0.1 else f"{seconds * 1e3:.0f}" for seconds in times),
        f"{measurement.variation:.2f}",
        f"{measurement.input_mb:.3g}",
        f"{measurement.output_mb:.3g}",
    ]
