"""How a person sees an evaluation, or the result of a search, in a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from design.evaluation import Evaluation
from design.goals import OBJECTIVES, UNITS, Objective
from design.optimise import Result
from design.plan_figures import PlanFigures


def show_evaluation(evaluation: Evaluation, notes: Sequence[str] = (), console: Console | None = None) -> None:
    """Print whether the plan holds, then its figures."""
    console = console or Console()
    word, style = ("HOLDS", "bold green") if evaluation.feasible else ("BREAKS", "bold red")
    console.print(Text.assemble((word, style), f"  {evaluation.cost:.6g} euro/hour by dialect {evaluation.dialect}"))
    for violation in evaluation.violations:
        console.print(Text(f"! {violation.message}", style="red"))
    for table in (_limits(evaluation), _components(evaluation), _resources(evaluation)):
        if table.row_count:
            console.print(table)
    for note in (*evaluation.notes, *notes):
        console.print(f"note: {note}", style="dim", highlight=False)


def show_result(result: Result, out: Path, notes: Sequence[str] = (), console: Console | None = None) -> None:
    """Print how sure the plan is, then its figures; or why there is none."""
    console = console or Console()
    console.print(Text(_headline(result), style="bold green" if result.plan else "bold red"))
    for conflict in result.conflicts:
        console.print(Text(f"! {conflict.message}", style="red"))
    first = f", first plan after {result.first_feasible_after:.2g} s" if result.first_feasible_after else ""
    console.print(
        f"{result.seconds:.2g} s{first}, {result.evaluations} partial plans, method {result.method}", highlight=False
    )
    if result.figures is not None and (beside := list(_beside(result.figures, result.objective))):
        console.print(", ".join(beside), highlight=False)
    if result.evaluation is not None:
        console.print(f"wrote {out}", highlight=False)
        show_evaluation(result.evaluation, (*result.notes, *notes), console)


def _headline(result: Result) -> str:
    if result.value is None:
        return "INFEASIBLE  no plan holds (proved)" if result.feasible is False else "NO PLAN FOUND in time"
    reached = f"{result.value:.6g} {UNITS[result.objective] or result.objective}"
    if result.optimal:
        return f"OPTIMAL  {reached} (proved)"
    side = "at most" if result.objective == "accuracy" else "at least"
    return f"FEASIBLE  {reached}, {side} {result.bound:.6g} (gap {result.gap or 0:.2%})"


def _beside(figures: PlanFigures, objective: Objective) -> Iterator[str]:
    """Yield what the plan reaches beside its objective and the cost, which the evaluation shows."""
    for each in OBJECTIVES:
        value = getattr(figures, each)
        if each not in ("cost", objective) and value is not None:
            yield f"{each.replace('_', ' ')} {value:.4g} {UNITS[each]}".rstrip()


def _limits(evaluation: Evaluation) -> Table:
    table = Table("limit", "at most", "found", "", box=None, title_justify="left")
    for each in evaluation.constraints:
        word = {True: "holds", False: "breaks", None: "cannot tell"}[each.satisfied]
        table.add_row(each.name, f"{each.limit:.4g}", "–" if each.value is None else f"{each.value:.4g}", word)
    return table


def _components(evaluation: Evaluation) -> Table:
    table = Table("component", "response time (s)", box=None)
    for name, time in evaluation.components.items():
        table.add_row(name, f"{time:.4g}")
    return table


def _resources(evaluation: Evaluation) -> Table:
    table = Table("resource", "nodes", "utilisation", "euro/hour", box=None)
    for name, each in evaluation.resources.items():
        used = "–" if each.utilisation is None else f"{each.utilisation:.1%}"
        table.add_row(name, str(each.nodes or "function"), used, f"{each.cost:.4g}")
    return table
