"""The picture of a Pareto front: two objectives as axes, a third one as the colour of the marks."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from design.goals import Objective
from design.pareto import Front, Point
from twin.chart import Chart, Line, Mark
from twin.plot_scales import number

CLASSES = 6
"""Colours that can still be told apart."""

WORDS: dict[Objective, str] = {
    "cost": "cost (euro/hour)",
    "response_time": "mean response time (s)",
    "energy": "power (W)",
    "accuracy": "accuracy",
}


def chart_of(front: Front, name: str) -> Chart:
    """Return the chart of *front*; lines lead the eye from plan to plan, there is nothing in between."""
    x, y, *third = front.objectives
    unproved = sum(not point.nondominated for point in front.points)
    notes = (f"{unproved} of {len(front.points)} points without a proof",) if unproved else ()
    looked_at = (f"response time of: {front.target}",) if "response_time" in front.objectives else ()
    return Chart(
        title=f"{name}: plans of which none is better in everything",
        x_label=WORDS[x],
        y_label=WORDS[y],
        lines=_by_class(front, third[0]) if third else (_line("best plans", front.points, x, y, joined=True),),
        notes=(*looked_at, *notes),
    )


def _line(label: str, points: Sequence[Point], x: Objective, y: Objective, *, joined: bool) -> Line:
    marks = sorted((point.figures.of(x), point.figures.of(y)) for point in points)
    return Line(label=label, marks=tuple(Mark(x=a, y=b) for a, b in marks), joined=joined)


def _by_class(front: Front, third: Objective) -> tuple[Line, ...]:
    """Return a line for each level of the third objective, or for each of a few ranges of it."""
    x, y = front.objectives[:2]
    levels = sorted({point.figures.of(third) for point in front.points})
    if len(levels) <= CLASSES:
        ends = [*levels, levels[-1] + 1.0]
        labels = [f"{WORDS[third]} {number(level)}" for level in levels]
    else:
        ends = [levels[len(levels) * i // CLASSES] for i in range(CLASSES)] + [levels[-1] + 1.0]
        tops = [max(level for level in levels if level < end) for end in ends[1:]]
        labels = [f"{WORDS[third]} {a:.3g}–{b:.3g}" for a, b in zip(ends, tops, strict=False)]
    return tuple(
        _line(label, members, x, y, joined=len(levels) <= CLASSES)
        for label, (low, high) in zip(labels, pairwise(ends), strict=True)
        if (members := [point for point in front.points if low <= point.figures.of(third) < high])
    )
