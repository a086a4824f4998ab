"""How a person sees what goes beyond the cheapest plan: the twin's word, largest loads, what limits cost, fronts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from math import isfinite
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from design.goals import OBJECTIVES, UNITS
from design.largest_load import LargestLoad
from design.pareto import Front
from design.plan_figures import PlanFigures
from design.robust import Robust
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
    if found.accepted is not None and found.accepted.rare_paths:
        named = ", ".join(found.accepted.rare_paths)
        console.print(f"note: too few requests came this way, judged by the components: {named}", style="dim")
    for each in found.headroom:
        console.print(f"note: {each.sentence()}; one of them might pass", style="dim", highlight=False)
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


@contextmanager
def point_lines(*, quiet: bool) -> Iterator[Callable[[PlanFigures], None]]:
    """Say on the error stream what was found, as soon as it is known, if a person watches."""
    console = Console(stderr=True)

    def show(figures: PlanFigures) -> None:
        if console.is_terminal and not quiet:
            known = ((each, getattr(figures, each)) for each in OBJECTIVES)
            console.print(", ".join(f"{value:.4g} {UNITS[each] or each}" for each, value in known if value is not None))

    yield show


def show_front(found: Front, out: Path, console: Console | None = None) -> None:
    """Print the points of a front."""
    console = console or Console()
    heads = (f"{each.replace('_', ' ')} ({UNITS[each]})" if UNITS[each] else each for each in found.objectives)
    table = Table(*heads, "proved", box=None)
    for point in found.points:
        figures = (f"{point.figures.of(each):.6g}" for each in found.objectives)
        table.add_row(*figures, "yes" if point.nondominated else "no")
    console.print(table if found.points else Text("no plan holds", style="bold red"))
    words = {"complete": "no other plan is better by more than the resolution (proved)"}
    words["points"] = "there may be other plans: --points is reached"
    console.print(words.get(found.end, f"there may be other plans: {_ENDS.get(found.end, '')}"), highlight=False)
    if found.points:
        console.print(f"wrote {out / 'pareto.csv'}, {out / 'pareto.svg'} and the plans", highlight=False)


def show_robust(found: Robust, console: Console | None = None) -> None:
    """Print what the plan holds for, how sure that is, and what it costs."""
    console = console or Console()
    if found.result.plan is not None:
        sure = "proved" if found.proved else f"seen in {found.looked_at} cases; between them cold starts may differ"
        console.print(Text(f"ROBUST  all limits hold for everything in the intervals ({sure})", style="bold green"))
        console.print(_corner_table(found))
    if found.price is not None:
        share = f" ({found.price / found.nominal.cost:.1%})" if found.nominal.cost else ""
        console.print(f"that costs {found.price:.4g} euro/hour{share} more than the nominal optimum", highlight=False)
    elif found.nominal.cost is not None:
        console.print(f"nominal optimum: {found.nominal.cost:.6g} euro/hour, both not proved", highlight=False)


def _corner_table(found: Robust) -> Table:
    table = Table("requests/s", "service times", "euro/hour", "tightest limit", "used up", box=None)
    words = {-1.0: "shortest", 0.0: "as stated", 1.0: "longest"}
    for corner in found.corners:
        used = f"{corner.used:.1%}" if corner.tightest else "–"
        name = corner.tightest or "–"
        table.add_row(f"{corner.load:.6g}", words[corner.place], f"{corner.cost:.6g}", name, used)
    return table


def _four(value: float | None) -> str:
    return "–" if value is None else f"{value:.4g}"
