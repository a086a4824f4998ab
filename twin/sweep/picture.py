"""The picture of a sweep: one figure over the first numeric axis, a line for each combination of the others."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from twin.chart import Chart, Line, Mark
from twin.errors import Problem, ScenarioError, did_you_mean
from twin.files import write_text
from twin.model.constraints import ResponseConstraint, constraint_name
from twin.plot_svg import draw
from twin.sweep.axes import Axis, Value, shown
from twin.sweep.points import Layout
from twin.sweep.rows import INTERVALS
from twin.sweep.sweeping import Row, Sweep
from twin.sweep.table import columns

SVG = "sweep.svg"

MOST_LINES = 12
"""Lines that a person tells apart."""

_WORDS = {
    "response_time.mean": "mean response time (s)",
    "response_time.p50": "median response time (s)",
    "response_time.p95": "response time of 95 % of the requests (s)",
    "response_time.p99": "response time of 99 % of the requests (s)",
    "throughput": "throughput (requests/s)",
    "cost_per_hour": "cost (euro/hour)",
    "energy": "energy (J)",
    "arrival_rate": "arrival rate (requests/s)",
    "bandwidth": "bandwidth (Mbit/s)",
    "access_delay": "access delay (s)",
}


def save_picture(sweep: Sweep, folder: Path, *, figure: str | None = None) -> None:
    """Write ``sweep.svg``: the column *figure* of the table, by default the response time that is limited.

    Raises ScenarioError where there is no such column.
    """
    write_text(folder / SVG, draw(chart_of(sweep, figure or default_figure(sweep))))


def default_figure(sweep: Sweep) -> str:
    """Return the statistic of the response time that the first limit on it names, else the mean.

    The analytic engine may know no percentiles; then it is the mean, too.
    """
    mean = "response_time.mean"
    limited = [f"response_time.{one.statistic}" for one in _response_limits(sweep.layout)]
    rows = sweep.rows()
    return next((name for name in limited if any(row.get(name) is not None for row in rows)), mean)


def chart_of(sweep: Sweep, figure: str) -> Chart:
    """Return what to draw of the column *figure*."""
    rows = sweep.rows()
    _require_numbers(rows, figure)
    axes = sweep.layout.axes
    across = next((axis for axis in axes if axis.is_numeric), axes[0])
    others = [axis for axis in axes if axis is not across]
    lines = [
        Line(label=_label(others, values), marks=tuple(_mark(row, across, figure) for row in members))
        for values, members in _grouped(rows, others)
    ]
    if across.is_numeric:
        lines = [Line(label=one.label, marks=tuple(sorted(one.marks, key=lambda mark: mark.x))) for one in lines]
    return Chart(
        title=f"{_scenario_name(sweep.layout)}: {_word(figure)}",
        x_label=_word(across.name),
        y_label=_word(figure),
        lines=tuple(lines[:MOST_LINES]),
        limits=tuple(_limits(sweep.layout, rows, figure)),
        categories=() if across.is_numeric else tuple(shown(value) for value in across.values),
        notes=tuple(_notes(sweep, rows, figure, len(lines))),
        beyond="overloaded: grows without bound",
    )


def _require_numbers(rows: Sequence[Row], figure: str) -> None:
    """Refuse columns that are not there or hold words."""
    known = [
        name
        for name in columns(rows)
        if all(not isinstance(row.get(name), str | bool) for row in rows) and name.split(".")[-1] not in ("low", "high")
    ]
    if figure not in known:
        hint = did_you_mean(figure, known)
        raise ScenarioError("the picture", [Problem("--figure", f"the table has no figure {figure!r}{hint}")])


def _grouped(rows: Sequence[Row], others: Sequence[Axis]) -> Iterator[tuple[tuple[Value, ...], list[Row]]]:
    """Yield the rows that have the same values of *others*, in the order of the table."""
    groups: dict[tuple[Value, ...], list[Row]] = {}
    for row in rows:
        groups.setdefault(tuple(row[axis.name] for axis in others), []).append(row)
    yield from groups.items()


def _label(axes: Sequence[Axis], values: Sequence[Value]) -> str:
    return ", ".join(f"{_brief(axis)} {axis.label(value)}" for axis, value in zip(axes, values, strict=True))


def _brief(axis: Axis) -> str:
    return axis.name.rsplit(".", 2)[-1] if axis.name.count(".") < 2 else ".".join(axis.name.split(".")[-2:])


def _mark(row: Row, across: Axis, figure: str) -> Mark:
    at = row[across.name]
    x = at if across.is_numeric and isinstance(at, int | float) else across.values.index(at)
    y, low, high = (_number(row.get(name)) for name in (figure, *_interval(figure)))
    beyond = y is None and bool(row.get("overloaded"))
    return Mark(x=float(x), y=y, low=low, high=high, beyond=beyond)


def _interval(figure: str) -> tuple[str, str]:
    before, _, last = figure.rpartition(".")
    key = INTERVALS.get(last, f"{last}_ci")
    full = f"{before}.{key}" if before else key
    return f"{full}.low", f"{full}.high"


def _number(value: Value) -> float | None:
    return float(value) if isinstance(value, int | float) else None


def _limits(layout: Layout, rows: Sequence[Row], figure: str) -> Iterator[tuple[str, float]]:
    """Yield the limits on *figure*, each height once."""
    found: dict[float, str] = {}
    for one in _response_limits(layout):
        if figure == f"response_time.{one.statistic}":
            found.setdefault(one.limit, one.name or "limit")
    if figure.startswith("constraints.") and figure.endswith(".value"):
        heights = (_number(row.get(figure.removesuffix("value") + "limit")) for row in rows)
        found.update({height: "limit" for height in heights if height is not None})
    yield from ((f"{name}: {shown(limit)} s", limit) for limit, name in found.items())


def _response_limits(layout: Layout) -> Iterator[ResponseConstraint]:
    seen: set[tuple[str, str, float]] = set()
    for point in layout.points:
        for one in point.scenario.constraints if point.scenario else ():
            if isinstance(one, ResponseConstraint):
                key = (constraint_name(one), one.statistic, one.limit)
                if key not in seen:
                    seen.add(key)
                    yield one


def _notes(sweep: Sweep, rows: Sequence[Row], figure: str, lines: int) -> Iterator[str]:
    has_intervals = any(row.get(_interval(figure)[0]) is not None for row in rows)
    confidence = next((point.scenario.run.confidence for point in sweep.layout.points if point.scenario), 0.95)
    if has_intervals:
        yield f"Bars and bands: {confidence:.0%} intervals over replications."
    if all(row.get(figure) is None for row in rows):
        yield "No point has a value of this figure."
    if lines > MOST_LINES:
        yield f"{MOST_LINES} of {lines} combinations are drawn; the table has all of them."
    if sweep.broken:
        yield f"{sweep.broken} of {len(rows)} points have no result; the table says why."


def _word(name: str) -> str:
    """Return the words for a column or an axis, with their unit."""
    short, _, target = name.partition(":")
    words = _WORDS.get(short, short)
    return f"{words} of {target}" if target else words


def _scenario_name(layout: Layout) -> str:
    return next((point.scenario.name for point in layout.points if point.scenario), "sweep")
