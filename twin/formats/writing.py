"""One door for everything that is written: the form follows from the name, and what a form cannot hold is said."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Literal, cast, get_args

from twin.errors import PlanError, ScenarioError
from twin.formats.aisprint.losses import application_losses
from twin.formats.aisprint.write_folder import save_application
from twin.formats.aisprint.write_plan import save_production_deployment
from twin.formats.scenario.files import save_scenario
from twin.formats.scenario.writing import dump_plan
from twin.formats.space4ai import Dialect, SolutionFigures, save_solution, save_system, system_losses
from twin.formats.space4ai.losses import common_rate
from twin.formats.text_file import write_text
from twin.model.plan import Plan
from twin.model.scenario import Scenario
from twin.theory import solve

Form = Literal["scenario", "aisprint", "space4ai-system", "space4ai-solution", "plan"]

_NAMES: tuple[tuple[re.Pattern[str], Form], ...] = (
    (re.compile(r"production_deployment.*\.ya?ml"), "plan"),
    (re.compile(r".*plan\.ya?ml"), "plan"),
    (re.compile(r".*\.ya?ml"), "scenario"),
    (re.compile(r".*solution.*\.json|best_sol.*\.json"), "space4ai-solution"),
    (re.compile(r"system.*\.json"), "space4ai-system"),
)


def form_of(path: Path) -> Form:
    """Return the form that the name of *path* asks for; ScenarioError where it says nothing."""
    for pattern, form in _NAMES:
        if pattern.fullmatch(path.name):
            return form
    if path.is_dir() or not path.suffix:
        return "aisprint"
    raise ScenarioError(
        f"{path}: the name does not say what to write; name it *.yaml, system*.json, *solution*.json or a folder, "
        f"or choose with --to {'|'.join(get_args(Form))}"
    )


def write_form(scenario: Scenario, path: Path, form: Form, *, dialect: str = "auto") -> tuple[str, ...]:
    """Write *scenario*, or its plan, to *path*; return what the form could not hold, a sentence each.

    A plan called ``production_deployment*.yaml`` is written as AI-SPRINT does, any other one as a plan of this
    project. *dialect* is that of a SPACE4AI system. Raises TwinError where the form has no place for the scenario.
    """
    return _WRITERS[form](scenario, path, dialect)


def _scenario(scenario: Scenario, path: Path, _dialect: str) -> tuple[str, ...]:
    save_scenario(scenario, path)
    return ()


def _application(scenario: Scenario, path: Path, _dialect: str) -> tuple[str, ...]:
    save_application(scenario, path)
    return application_losses(scenario)


def _system(scenario: Scenario, path: Path, dialect: str) -> tuple[str, ...]:
    chosen = cast("Dialect", dialect) if dialect in get_args(Dialect) else "d"
    save_system(scenario, path, dialect=chosen)
    return system_losses(scenario)


def _solution(scenario: Scenario, path: Path, dialect: str) -> tuple[str, ...]:
    """Write the plan with the figures of the closed forms; SPACE4AI-R reads no solution without times."""
    plan = _plan_of(scenario)
    found = solve(scenario, plan).figures
    figures = SolutionFigures(
        arrival_rate=common_rate(scenario),
        components={name: each["response_time"]["mean"] for name, each in found["components"].items()},
        partitions={
            name: part["response_time"]["mean"]
            for each in found["components"].values()
            for name, part in each["partitions"].items()
        },
        paths={
            name: each["response_time"]["mean"]
            for name, each in found["paths"].items()
            if each["response_time"]["mean"] is not None
        },
        total_cost=found["cost_per_hour"],
        feasible=found["verdict"] != "fail",
    )
    save_solution(scenario, plan, path, figures=figures, dialect="r" if dialect.startswith("r") else "d")
    return ()


def _plan(scenario: Scenario, path: Path, _dialect: str) -> tuple[str, ...]:
    if path.name.startswith("production_deployment"):
        save_production_deployment(path, scenario, _plan_of(scenario))
    else:
        write_text(path, dump_plan(_plan_of(scenario)), error=PlanError)
    return ()


def _plan_of(scenario: Scenario) -> Plan:
    if scenario.plan is None:
        raise PlanError(f"scenario {scenario.name!r} has no plan to write; give --plan FILE")
    return scenario.plan


_WRITERS: dict[Form, Callable[[Scenario, Path, str], tuple[str, ...]]] = {
    "scenario": _scenario,
    "aisprint": _application,
    "space4ai-system": _system,
    "space4ai-solution": _solution,
    "plan": _plan,
}
