"""What a calibration shows while it runs and when it is done."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from twin.formats.profile_schema import ExitFigures, ProfileFile, Segment

_COLUMNS = ("mean", "p50", "p95", "p99", "load", "CV", "in MB", "out MB", "RAM MB")
_CUT_COLUMNS = ("kB", "head", "tail", "proved")
_REDRAW_EVERY = 20  # runs
_WIDTH_OF_A_LOG = 120


@dataclass(frozen=True, slots=True)
class Board:
    """A bar on the error stream, drawn between runs, never during one."""

    bar: Progress
    task: TaskID

    def stage(self, text: str) -> None:
        """Say what is measured now."""
        self.bar.update(self.task, description=text, completed=0, total=None, refresh=True)

    def show(self, done: int, total: int) -> None:
        """Draw how far it is."""
        if done % _REDRAW_EVERY == 0:
            self.bar.update(self.task, completed=done, total=total, refresh=True)


@contextmanager
def progress_bar() -> Iterator[Board]:
    """Show a bar on the error stream, if a person watches it."""
    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    with Progress(
        *columns, console=console, auto_refresh=False, disable=not console.is_terminal, transient=True
    ) as bar:
        yield Board(bar, bar.add_task("measuring", total=None))


def show_profile(profile: ProfileFile) -> None:
    """Print one row per segment on the output stream, one per cut, and the notes below."""
    console = Console()
    if not console.is_terminal:
        console.width = _WIDTH_OF_A_LOG
    origin = profile.provenance
    where = f"{profile.device}: {origin.cpu}, {origin.threads} of {origin.cores} cores, {origin.samples} samples"
    if origin.emulation is not None:
        where += f", emulated with {origin.emulation.cpus:g} CPUs and {origin.emulation.memory_mb:g} MB"
    table = _table(f"{where}; times in ms", "segment", _COLUMNS)
    for name, segment in profile.segments.items():
        table.add_row(Text(name), *_figures(segment))
    console.print(table)
    if profile.cuts:
        console.print(_cuts(profile))
    for sentence in _sentences(profile):
        console.print(Text(sentence), soft_wrap=True)


def _sentences(profile: ProfileFile) -> Iterator[str]:
    """Yield what stands below the tables."""
    for each in profile.exits:
        yield _exits(each)
    for pair in profile.interference:
        interval = f"{pair.low:.3g} to {pair.high:.3g}"
        yield f"{pair.segment} beside {pair.beside}: {pair.factor:.3g} times as long ({interval})"
    for name, segment in profile.segments.items():
        if segment.fitted is not None:
            law = segment.fitted
            yield f"{name}: {law.family}, mean {law.mean:.4g} s, cv {law.cv:.3g}, p = {law.p_value:.2g}"
        yield from (f"{name}: {note}" for note in segment.notes)


def _table(title: str, first: str, columns: tuple[str, ...]) -> Table:
    table = Table(title=Text(title), title_justify="left", box=SIMPLE_HEAD)
    table.add_column(first, overflow="fold")
    for column in columns:
        table.add_column(column, justify="right", no_wrap=True)
    return table


def _exits(figures: ExitFigures) -> str:
    shares = ", ".join(f"{share:.3g}" for share in figures.continue_probabilities)
    right = "" if figures.accuracy is None else f"; right answers: {figures.accuracy:.3g}"
    return f"{figures.model}: shares that go on behind the exits, {figures.condition}: {shares}{right}"


def _cuts(profile: ProfileFile) -> Table:
    table = _table("cuts; times in ms", "tensor", _CUT_COLUMNS)
    for cut in profile.cuts:
        times = (_milliseconds(cut.head_seconds), _milliseconds(cut.tail_seconds))
        where = f"{cut.model} at {cut.tensor}"
        table.add_row(Text(where), f"{cut.bytes / 1e3:.4g}", *times, "yes" if cut.proved else "no")
    return table


def _figures(segment: Segment) -> list[str]:
    times = np.asarray(segment.service_seconds)
    load = float(np.median(segment.load_seconds))
    quantiles = (float(each) for each in np.quantile(times, (0.5, 0.95, 0.99)))
    return [
        *(_milliseconds(seconds) for seconds in (float(times.mean()), *quantiles, load)),
        f"{times.std() / times.mean():.2f}",
        f"{segment.input_mb:.3g}",
        f"{segment.output_mb:.3g}",
        "" if segment.memory_mb is None else f"{segment.memory_mb:.0f}",
    ]


def _milliseconds(seconds: float) -> str:
    return f"{seconds * 1e3:.3g}" if seconds < 0.1 else f"{seconds * 1e3:.0f}"
