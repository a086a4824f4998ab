"""The picture of a Pareto front: cost against response time."""

from __future__ import annotations

from design.pareto import Front
from twin.chart import Chart, Line, Mark


def chart_of(front: Front, name: str) -> Chart:
    """Return the chart of *front*; lines lead the eye from plan to plan, there is nothing in between."""
    marks = tuple(Mark(x=point.cost, y=point.response_time) for point in front.points)
    unproved = sum(not point.optimal for point in front.points)
    return Chart(
        title=f"{name}: what quicker answers cost",
        x_label="cost (euro/hour)",
        y_label=f"mean response time of {front.target} (s)",
        lines=(Line(label="cheapest plans", marks=marks),),
        notes=(f"{unproved} points without a proof",) if unproved else (),
    )
