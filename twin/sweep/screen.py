"""How a person sees a sweep in a terminal: a line for each point, then what broke, then where the files are."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bars
from rich.table import Table
from rich.text import Text

from twin.present import OUTCOMES, REAL, plus_minus
from twin.sweep.sweeping import Row, Sweep

MOST = 60
"""Points that are listed; the files have all of them."""

_REASONS = 10


def show_sweep(sweep: Sweep, folder: Path, console: Console) -> None:
    """Print the table, what broke, and the names of the files in *folder*."""
    rows = sweep.rows()
    console.print(_table(sweep, rows[:MOST]))
    if len(rows) > MOST:
        console.print(f"… and {len(rows) - MOST} more", style="dim")
    console.print()
    reasons = [str(row["error"]) for row in rows if row["error"]]
    for reason in list(dict.fromkeys(reasons))[:_REASONS]:
        count = reasons.count(reason)
        console.print(Text(f"✗ {count} point{'s' if count > 1 else ''}: {reason}", style="red"), soft_wrap=True)
    for note in sweep.layout.notes:
        console.print(f"note: {note}", style="dim", highlight=False)
    again = f", {sweep.resumed} of them from before" if sweep.resumed else ""
    console.print(
        f"{len(rows) - len(reasons)} of {len(rows)} points{again}; {folder}/sweep.csv, sweep.parquet, sweep.svg",
        highlight=False,
        soft_wrap=True,
    )


def _table(sweep: Sweep, rows: list[Row]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for axis in sweep.layout.axes:
        table.add_column(axis.name, overflow="fold", justify="right" if axis.is_numeric else "left")
    compares = any(name.startswith("difference.") for row in rows for name in row)
    for name in (*_FIGURES, *(_DIFFERENCE if compares else ())):
        table.add_column(name, no_wrap=True, justify="left" if name in ("busiest", "verdict") else "right")
    for row in rows:
        compared = _difference(row) if compares else ()
        table.add_row(*(axis.label(row[axis.name]) for axis in sweep.layout.axes), *_figures(row), *compared)
    return table


_FIGURES = ("mean (s)", "95 % (s)", "euro/h", "busiest", "verdict")


_DIFFERENCE = ("change (s)", "real")


def _difference(row: Row) -> tuple[str | Text, ...]:
    """Return how much longer answers take than under the first plan, on the same chance."""
    name = "difference.response_time.mean"
    if name not in row:
        return "", ""
    low, high = _float(row[f"{name}.ci.low"]), _float(row[f"{name}.ci.high"])
    real = row[f"{name}.real"]
    word, style = REAL[real if isinstance(real, bool) else None]
    interval = [low, high] if low is not None and high is not None else None
    return plus_minus(_float(row[name]), interval), Text(word, style=style)


def _figures(row: Row) -> tuple[str | Text, ...]:
    if row["error"]:
        return "–", "–", "–", "–", Text("broken", style="red")
    low, high = row["response_time.ci.low"], row["response_time.ci.high"]
    interval = [float(low), float(high)] if low is not None and high is not None else None
    word, style = OUTCOMES[str(row["verdict"])]
    return (
        plus_minus(_float(row["response_time.mean"]), interval),
        plus_minus(_float(row["response_time.p95"]), None),
        plus_minus(_float(row["cost_per_hour"]), None),
        _busiest(row),
        Text(word.lower(), style=style),
    )


def _float(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) else None


def _busiest(row: Row) -> str:
    """Return what is overloaded, else the resource with the highest utilisation."""
    if row["overloaded"]:
        return f"{row['overloaded']} > 100%"
    shares = {
        name.removeprefix("resources.").removesuffix(".utilisation"): float(value)
        for name, value in row.items()
        if name.startswith("resources.") and name.endswith(".utilisation") and isinstance(value, int | float)
    }
    if not shares:
        return "–"
    name = max(shares, key=lambda one: shares[one])
    return f"{name} {shares[name]:.0%}"


@contextmanager
def point_bar(*, hidden: bool) -> Iterator[Callable[[int, int], None]]:
    """Show how many points are done and how long the rest will take, on standard error."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Bars(*columns, console=Console(stderr=True), transient=True, disable=hidden) as bar:
        task = bar.add_task("points", total=None)

        def advance(done: int, wanted: int) -> None:
            bar.update(task, completed=done, total=wanted)

        yield advance
