"""How a person sees a report in a terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isfinite, nan
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from twin.report import Report

OUTCOMES = {
    "pass": ("PASS", "bold green"),
    "fail": ("FAIL", "bold red"),
    "inconclusive": ("INCONCLUSIVE", "bold yellow"),
}
SATISFIED = {True: ("holds", "green"), False: ("breaks", "red"), None: ("cannot tell", "yellow")}

REAL = {True: ("yes", "green"), False: ("may be chance", "dim"), None: ("cannot tell", "yellow")}


def show_report(report: Report, notes: Sequence[str], console: Console) -> None:
    """Print the verdict first, then what it rests on."""
    figures = report.figures
    word, style = OUTCOMES[report.verdict]
    console.print(Text.assemble((word, style), f"  {report.scenario.name}"))
    if report.scenario.question:
        console.print(report.scenario.question, style="italic", highlight=False)
    console.print()
    for finding in figures["findings"]:
        console.print(Text(f"! {finding['message']}", style="bold red"))
    if figures["constraints"]:
        _show_limits(figures, console)
    console.print(time_table(figures))
    console.print()
    console.print(resource_table(figures))
    for part in (difference_table(other, figures["confidence"]) for other in figures.get("differences", ())):
        console.print()
        console.print(part)
    for line in _footer(figures):
        console.print(line, highlight=False)
    for note in notes:
        console.print(f"note: {note}", style="dim", highlight=False)


def _show_limits(figures: Mapping[str, Any], console: Console) -> None:
    console.print(constraint_table(figures))
    for each in figures["constraints"]:
        if each["note"]:
            console.print(f"* {each['name']}: {each['note']}", style="dim", highlight=False)
    console.print()


def constraint_table(figures: Mapping[str, Any]) -> Table:
    """Return the limits with their verdicts."""
    table = _table("limit", "asked", "found", "above limit", "verdict")
    for each in figures["constraints"]:
        word, style = SATISFIED[each["satisfied"]]
        sign = "≥" if each["statistic"] in ("throughput", "device") else "≤"
        unit = {"throughput": "/s", "share": "", "device": " MB", "memory": " MB"}.get(each["statistic"], " s")
        found = plus_minus(each["value"], each["ci"])
        table.add_row(
            each["name"],
            f"{each['statistic']} {sign} {each['limit']:.4g}{unit}",
            found + (unit if found != "–" else ""),
            _share(each["violation_probability"], each["violation_ci"]),
            Text(word + ("*" if each["note"] else ""), style=style),
        )
    return table


def time_table(figures: Mapping[str, Any]) -> Table:
    """Return response times of the application, its paths and components."""
    table = _table("response time (s)", "mean", "median", "95 %", "99 %", "runs on")
    table.add_row("application", *_times(figures["response_time"]), "", style="bold")
    for name, path in figures["paths"].items():
        table.add_row(name, *_times(path["response_time"]), "")
    for name, component in figures["components"].items():
        hosts = " + ".join(dict.fromkeys(_placed(p) for p in component["partitions"].values()))
        table.add_row(name, *_times(component["response_time"]), hosts)
    return table


def resource_table(figures: Mapping[str, Any]) -> Table:
    """Return resources, functions and links with what they carry and cost."""
    table = _table("resource", "nodes", "utilisation", "waiting", "euro/hour")
    hours = (figures["horizon"] or 0) / 3600
    for name, each in figures["resources"].items():
        used = _percent(each["utilisation"])
        if "offered_load" in each:
            used = f"offered {each['offered_load']:.0%}"
        cost = f"{each['cost'] / hours:.4g}" if hours and _known(each["cost"]) else "–"
        table.add_row(name, str(each["nodes"] or "function"), used, _number(each["queue_length"], nothing=1e-9), cost)
    for name, link in figures["links"].items():
        table.add_row(f"{name} (link)", "", _percent(link["utilisation"]), "", "")
    return table


def difference_table(other: Mapping[str, Any], confidence: float) -> Table:
    """Return what changes under another plan, figure by figure; figures that are the same are left out."""
    table = _table("difference", "this plan", "that plan", f"difference ({confidence:.0%})", "real")
    table.title, table.title_justify, table.title_style = f"under {other['name']}: {other['verdict']}", "left", "bold"
    for name, each in other["figures"].items():
        if each["difference"] or each["real"]:
            word, style = REAL[each["real"]]
            low, high = each["ci"] or (nan, nan)
            rounding = high - low <= 1e-9 * abs(each["difference"])
            difference = plus_minus(each["difference"], None if rounding else each["ci"])
            name = name.removesuffix(".mean").replace("violation_probability", "violations")
            table.add_row(name, _number(each["first"]), _number(each["other"]), difference, Text(word, style=style))
    return table


def _footer(figures: Mapping[str, Any]) -> list[str]:
    requests = figures["requests"]
    lines = []
    if requests["arrived"]:
        parts = [f"{requests['arrived']:,} requests arrived", f"{requests['completed']:,} completed"]
        parts += [f"{requests[key]:,} {key}" for key in ("unfinished", "lost", "retries") if requests[key]]
        lines.append(", ".join(parts))
    cost = _number(figures["cost_per_hour"])
    throughput = _number(figures["throughput"])
    lines.append(f"cost {cost} euro/hour, throughput {throughput}/s, engine {figures['engine']}")
    if figures["engine"] != "theory":
        method = " (batch means)" if figures["replications"] == 1 else ""
        several = "s" if figures["replications"] > 1 else ""
        lines.append(
            f"{figures['replications']} replication{several} of {figures['horizon']:,.0f} s (seed {figures['seed']}), "
            f"{figures['confidence']:.0%} intervals{method}, warm-up {figures['warm_up']['mean']:.4g} s "
            f"({figures['warm_up']['method']})"
        )
    if "calibration" in figures:
        doubt = figures["calibration"]
        low, high = doubt["response_time"]["ci"] or (nan, nan)
        lines.append(f"profiles drawn again {doubt['draws']} times: mean response time {low:.4g} to {high:.4g} s")
    if "quantiles" in figures:
        error = figures["quantiles"]["relative_error"]
        lines.append(
            f"too many requests to keep: percentiles are known to ±{error:.2g} of their value, the rest exactly"
        )
    return lines


def _placed(partition: Mapping[str, Any]) -> str:
    replicas = partition["replicas"]
    return str(partition["resource"]) + (f" × {replicas}" if replicas > 1 else "")


def _table(first: str, *others: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column(first, overflow="fold")
    for other in others:
        table.add_column(other, justify="left" if other in ("verdict", "runs on") else "right", overflow="fold")
    return table


def _times(figures: Mapping[str, Any]) -> tuple[str, str, str, str]:
    if figures["mean"] is None:
        return ("grows", "–", "–", "–")
    return (
        plus_minus(figures["mean"], figures["ci"]),
        _number(figures["p50"]),
        _number(figures["p95"]),
        _number(figures["p99"]),
    )


def plus_minus(value: float | None, ci: Sequence[float] | None) -> str:
    """Return ``0.351 ± 0.002``; the value has as many digits as its interval supports."""
    if not _known(value):
        return "–"
    assert value is not None
    if ci is None or not isfinite(ci[0]):
        return f"{value:.4g}"
    half = (ci[1] - ci[0]) / 2
    return f"{value:.4g}" if half == 0 else f"{value:.4g} ± {half:.2g}"


def _known(value: float | None) -> bool:
    return value is not None and isfinite(value)


def _number(value: float | None, nothing: float = 0.0) -> str:
    """Return four digits; what is at most *nothing* is rounding and shown as 0."""
    if value is None or not isfinite(value):
        return "–"
    return "0" if abs(value) <= nothing else f"{value:.4g}"


def _share(value: float | None, ci: Sequence[float] | None) -> str:
    """Return a share; one of which nothing was seen is below its bound, not 0."""
    return f"< {ci[1]:.2g}" if value == 0 and ci is not None else _percent(value)


def _percent(value: float | None) -> str:
    if not _known(value):
        return "–"
    assert value is not None
    return f"{value:.2%}" if 0 < value < 0.01 else f"{value:.1%}"
