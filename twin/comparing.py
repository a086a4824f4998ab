"""Plans compared: each runs on the chance of the first one, and what differs goes into its report."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from twin.differences import differences
from twin.experiment import Progress, simulate
from twin.model.plan import Plan
from twin.model.scenario import Scenario
from twin.report import Report


def compared(
    report: Report,
    others: Mapping[str, Plan],
    *,
    engine: str,
    jobs: int = 1,
    progress: Progress | None = None,
) -> Report:
    """Return *report* with what changes under *others*, plans by name: ``figures["differences"]``.

    Each of them has as many replications as the report, whatever precision it asks for.

    Raises:
        PlanError: A plan does not fit the scenario.
        EngineError: A plan cannot be run by this engine.
    """
    scenario = _as_long(report.scenario, report.figures["replications"])
    found = []
    for name, plan in others.items():
        other = simulate(scenario, plan, engine=engine, jobs=jobs, progress=progress)
        pairs = differences(report.samples, other.samples, scenario.run.confidence)
        found.append(
            {
                "name": name,
                "verdict": other.verdict,
                "plan": other.figures["plan"],
                "findings": other.figures["findings"],
                "figures": {figure: pair.to_dict() for figure, pair in pairs.items()},
            }
        )
    return replace(report, figures={**report.figures, "differences": found})


def _as_long(scenario: Scenario, replications: int) -> Scenario:
    run = scenario.run.model_copy(update={"replications": replications, "precision": None, "precision_of": None})
    return scenario.model_copy(update={"run": run})
