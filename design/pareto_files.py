"""What ``ctwin pareto`` leaves behind: a table, a picture, and each plan in a file of its own."""

from __future__ import annotations

import csv
import io
from dataclasses import asdict
from pathlib import Path
from typing import Any

from design.goals import Objective
from design.pareto import Front
from design.pareto_picture import chart_of
from twin.files import make_folder, write_text
from twin.formats.writing import write_form
from twin.model.scenario import Scenario
from twin.plot_svg import draw

COLUMNS: dict[Objective, str] = {
    "cost": "cost_per_hour",
    "response_time": "response_time",
    "energy": "power_w",
    "accuracy": "accuracy",
}


def save_front(found: Front, scenario: Scenario, out: Path) -> None:
    """Write ``pareto.csv``, ``pareto.svg`` and ``plan-001.yaml`` and so on into the folder *out*."""
    make_folder(out)
    for i, point in enumerate(found.points, 1):
        write_form(scenario.model_copy(update={"plan": point.plan}), out / _name(i), "plan")
    write_text(out / "pareto.csv", _table(found))
    write_text(out / "pareto.svg", draw(chart_of(found, scenario.name)))


def front_document(found: Front) -> dict[str, Any]:
    """Return a front as JSON has it."""
    points = [
        asdict(point.figures) | {"nondominated": point.nondominated, "plan": point.plan.model_dump(mode="json")}
        for point in found.points
    ]
    return {"objectives": list(found.objectives), "target": found.target, "end": found.end, "points": points}


def _name(position: int) -> str:
    return f"plan-{position:03d}.yaml"


def _table(found: Front) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("plan", *(COLUMNS[each] for each in found.objectives), "nondominated"))
    for i, point in enumerate(found.points, 1):
        figures = (repr(point.figures.of(each)) for each in found.objectives)
        writer.writerow((_name(i), *figures, str(point.nondominated).lower()))
    return text.getvalue()
