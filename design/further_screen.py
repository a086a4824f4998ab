"""How a person sees what goes beyond the cheapest plan: the twin's word, largest loads, what limits cost, fronts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from math import isfinite
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from design.largest_load import LargestLoad
from design.pareto import Front
from design.sensitivity import LimitWorth
from design.verify import Confirmation, Progress, Trial

_VERDICTS = {"pass": ("accepted", "green"), "fail": ("rejected", "red"), "inconclusive": ("left open", "yellow")}
_ENDS = {
    "exhausted": "no further plan holds by the formula (proved)",
    "limit": "enough plans were tried",
    "time": "the time is over",
    "interrupted": "interrupted",
}


@contextmanager
def trial_lines() -> Iterator[Progress]:
    """Say on the error stream what became of each plan, as soon as it is known, if a person watches."""
    console = Console(stderr=True)
    tried = 0

    def show(trial: Trial) -> None:
        nonlocal tried
        tried += 1
        if console.is_terminal:
            console.print(f"plan {tried}: {trial.cost:.6g} euro/hour, {_VERDICTS[trial.verdict][0]}", highlight=False)

    yield show


def show_confirmation(found: Confirmation, console: Console | None = None) -> None:
    """Print which plan the twin accepts, and all that were tried."""
    console = console or Console()
    if found.accepted is not None:
        headline = f"CONFIRMED  {found.accepted.cost:.6g} euro/hour: the cheapest plan tried that the twin accepts"
        console.print(Text(headline, style="bold green"))
    else:
        console.print(Text(f"NOT CONFIRMED  the twin accepts no plan tried; {_ENDS[found.end]}", style="bold red"))
    console.print(_trials(found))
    for trial in found.rejected:
        for reason in trial.reasons:
            console.print(Text(f"! {trial.cost:.6g} euro/hour: {reason}", style="red"), soft_wrap=True)
    if found.selection is not None:
        sure = f"with {found.selection.confidence:.0%} confidence" if found.selection.confident else "but not for sure"
        tied = len(found.selection.margins)
        console.print(f"of {tied} plans at this cost it answers soonest to 1 %, {sure}", highlight=False)
    console.print(f"{found.simulations} replications, {found.seconds:.2g} s", highlight=False)


def _trials(found: Confirmation) -> Table:
    table = Table("euro/hour", "in the twin", "mean (s)", "95 % (s)", "busiest", "used", "", box=None)
    for trial in sorted((*found.passed, *found.rejected), key=lambda each: each.cost):
        word, style = _VERDICTS[trial.verdict]
        name, used = (trial.busiest[0], f"{trial.busiest[1]:.1%}") if trial.busiest else ("–", "–")
        figures = (_four(each) for each in (trial.cost_in_twin, trial.response_time, trial.p95))
        mark = " *" if trial is found.accepted else ""
        table.add_row(f"{trial.cost:.6g}", *figures, name, used, Text(word + mark, style=style))
    return table


def show_load(found: LargestLoad, what: str, console: Console | None = None) -> None:
    """Print the largest load that *what* carries."""
    console = console or Console()
    if not found.carried:
        console.print(Text(f"{what} carries no load that was tried", style="bold red"))
        return
    more = "" if isfinite(found.not_carried) else " or more: nothing limits it"
    times = found.carried / found.asked
    headline = f"{what} carries {found.carried:.7g} requests/s{more}, {times:.4g} times the {found.asked:g} asked"
    console.print(Text(headline, style="bold"))
    for name in found.binding:
        console.print(f"above, this breaks: {name}", highlight=False)
    if not found.complete:
        console.print("the time ended before that was decided to 1e-6", style="dim", highlight=False)


def show_sensitivity(found: Sequence[LimitWorth], relax: float, console: Console | None = None) -> None:
    """Print what each limit costs."""
    console = console or Console()
    table = Table("limit", "at most (s)", "found", "binds", f"{relax:.0%} more saves (euro/hour)", box=None)
    for each in found:
        binds = {True: "yes", False: "no", None: "open"}[each.binds]
        table.add_row(each.name, f"{each.limit:.4g}", _four(each.value), binds, _four(each.saving))
    console.print(table if found else "there is no limit on a mean time")


def show_front(found: Front, out: Path, console: Console | None = None) -> None:
    """Print the points of a front."""
    console = console or Console()
    table = Table("euro/hour", "response time (s)", "proved", box=None)
    for point in found.points:
        table.add_row(f"{point.cost:.6g}", f"{point.response_time:.4g}", "yes" if point.optimal else "no")
    console.print(table if found.points else Text("no plan holds", style="bold red"))
    words = {"complete": "nothing quicker exists (proved)", "points": "there may be quicker plans: --points is reached"}
    console.print(words.get(found.end, f"there may be quicker plans: {_ENDS.get(found.end, '')}"), highlight=False)
    if found.points:
        console.print(f"wrote {out / 'pareto.csv'}, {out / 'pareto.svg'} and the plans", highlight=False)


def _four(value: float | None) -> str:
    return "–" if value is None else f"{value:.4g}"
