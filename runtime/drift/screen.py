"""How a person sees an evaluation in a terminal: what was asked, a line for each detector, what to be careful about."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from math import isfinite

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from runtime.drift.allowance import allowance, chance_of_any
from runtime.drift.evaluate import Evaluation
from twin.model.drift import DriftSettings
from twin.statistics import Estimate


def show_evaluation(
    found: Sequence[Evaluation], settings: DriftSettings, *, title: str, notes: Sequence[str], console: Console
) -> None:
    """Print the table of *found* and the *notes* below it."""
    console.print(title, style="bold", highlight=False)
    console.print(asked(settings), style="italic", highlight=False)
    console.print()
    console.print(_table(found, settings))
    for note in notes:
        console.print(f"note: {note}", style="dim", highlight=False)


def asked(settings: DriftSettings) -> str:
    """Return in a sentence how often false alarms are allowed, and what that means for a look."""
    field = next(iter(next(iter(settings.metrics.values())).values()))
    level = allowance(settings, field, values_per_day=1).level
    looks = settings.looks_per_day
    if settings.false_alarms_per_day is None:
        rate = level * looks / settings.confirmations[0]
        return (
            f"{looks:g} looks a day, each at level {level:.2g}, uncorrected: up to {rate:.2g} false alarms a day; "
            f"50 independent looks raise one in {chance_of_any(level, 50):.0%} of the cases"
        )
    return (
        f"at most {settings.false_alarms_per_day:g} false alarms a day: "
        f"{looks:g} looks a day, each at level {level:.2g}"
    )


def _table(found: Sequence[Evaluation], settings: DriftSettings) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    has_drift = any(each.has_drift for each in found)
    kind = "false" if has_drift else "alarms"
    table.add_column("detector", no_wrap=True)
    for name in (kind, f"{kind}/day", *(("delay (h)", "missed") if has_drift else ())):
        table.add_column(name, justify="right", no_wrap=True)
    for each in found:
        rate = each.false_alarms_per_day
        stated = settings.false_alarms_per_day
        style = "red" if stated is not None and has_drift and isfinite(rate.low) and rate.low > stated else ""
        cells: list[str | Text] = [each.detector, str(each.false_alarms), Text(_ranged(rate), style=style)]
        if has_drift:
            cells += [_around(each.delay), _percent(each.missed)]
        table.add_row(*cells)
    return table


def _ranged(value: Estimate) -> str:
    return f"{value.value:.2g} [{value.low:.2g}, {value.high:.2g}]" if isfinite(value.value) else "–"


def _around(value: Estimate) -> str:
    if not isfinite(value.value):
        return "–"
    return f"{value.value:.1f} ± {value.half_width:.1f}" if isfinite(value.half_width) else f"{value.value:.1f}"


def _percent(value: Estimate) -> str:
    return f"{value.value:.0%} [{value.low:.0%}, {value.high:.0%}]" if isfinite(value.value) else "–"


@contextmanager
def watch_bar(total: int, *, hidden: bool) -> Iterator[Progress]:
    """Show on standard error how many watches are done; its only task counts them."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True, disable=hidden) as bar:
        bar.add_task("watching", total=total)
        yield bar
