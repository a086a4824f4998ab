"""How a person sees checks in a terminal: a line for each scenario, details only of what does not hold."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TypeAlias

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bars
from rich.table import Table
from rich.text import Text

from twin.check_summary import counts
from twin.checking import Checked, ScenarioCheck
from twin.expectations import Answer
from twin.experiment import Progress

OUTCOMES = {
    "holds": ("holds", "green"),
    "fails": ("FAILS", "bold red"),
    "error": ("ERROR", "bold red"),
    "skipped": ("nothing expected", "dim"),
}

Reports: TypeAlias = tuple[Checked, Progress]


def show_checks(checks: Sequence[ScenarioCheck], console: Console) -> None:
    """Print the table, then what does not hold, then the count."""
    console.print(_table(checks))
    for check in checks:
        if check.outcome in ("fails", "error"):
            _print_details(check, console)
    words = {"holds": "hold", "fails": "fail", "error": "with errors", "skipped": "without expectations"}
    numbers = [f"{number} {words[outcome]}" for outcome, number in counts(checks).items()]
    console.print()
    console.print(f"{len(checks)} scenario{'s' if len(checks) > 1 else ''}: {', '.join(numbers)}", highlight=False)


def _table(checks: Sequence[ScenarioCheck]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("scenario", "file", "expectations", "result"):
        table.add_column(name, overflow="fold")
    for check in checks:
        word, style = OUTCOMES[check.outcome]
        held = sum(each.status == "holds" for each in check.answers)
        asked = f"{held} of {len(check.answers)} hold" if check.answers else "–"
        table.add_row(Text(check.scenario or "–"), Text(str(check.file)), asked, Text(word, style=style))
    return table


def _print_details(check: ScenarioCheck, console: Console) -> None:
    console.print()
    seed = f" (seed {check.seed})" if check.seed is not None else ""
    console.print(Text.assemble((f"✗ {check.scenario or check.file}", "bold red"), seed), soft_wrap=True)
    if check.error:
        console.print(Text(check.error), soft_wrap=True)
    for answer in check.answers:
        if answer.status != "holds":
            console.print(Text(f"  {check.file}{_line(answer)}: {_sentence(answer)}"), soft_wrap=True)


def _line(answer: Answer) -> str:
    return f":{answer.line}" if answer.line is not None else ""


def _sentence(answer: Answer) -> str:
    if answer.status == "error":
        return f"{answer.figure}: {answer.why}"
    why = f" ({answer.why})" if answer.why else ""
    return f"{answer.figure} {answer.asked}: found {answer.shown}{why}"


@contextmanager
def progress_bars(*, hidden: bool) -> Iterator[Reports]:
    """Show on standard error how many scenarios, or replications of the only one, are done."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Bars(*columns, console=Console(stderr=True), transient=True, disable=hidden) as bars:
        task = bars.add_task("scenarios", total=None)

        def checked(done: int, wanted: int, check: ScenarioCheck) -> None:
            bars.update(task, description=f"scenarios (last: {check.file.name})", completed=done, total=wanted)

        def progress(done: int, wanted: int) -> None:
            bars.update(task, description="replications", completed=done, total=wanted)

        yield checked, progress
