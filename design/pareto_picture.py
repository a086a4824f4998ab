"""The picture of a Pareto front: two objectives as axes, a third one as the colour of the marks."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from design.goals import UNITS, Objective
from design.pareto import Front, Point
from twin.chart import Chart, Line, Mark

CLASSES = 6
"""Colours that can still be told apart."""

WORDS: dict[Objective, str] = {
    "cost": "cost",
    "response_time": "mean response time",
    "energy": "power",
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
        x_label=_axis(x),
        y_label=_axis(y),
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
    count = min(len(levels), CLASSES)
    bounds = [len(levels) * i // count for i in range(count + 1)]
    classes = [levels[a:b] for a, b in pairwise(bounds)]
    joined = max(map(len, classes)) == 1 and len(front.points) > len(levels)
    return tuple(
        _line(_label(third, members), [p for p in front.points if p.figures.of(third) in members], x, y, joined=joined)
        for members in classes
    )


def _axis(objective: Objective) -> str:
    return f"{WORDS[objective]} ({UNITS[objective]})" if UNITS[objective] else WORDS[objective]


def _label(objective: Objective, members: Sequence[float]) -> str:
    ends = " to ".join(dict.fromkeys(f"{each:.4g}" for each in (members[0], members[-1])))
    return f"{WORDS[objective]} {ends} {UNITS[objective]}".rstrip()
