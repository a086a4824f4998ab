"""The project's own scenario and plan files: YAML, or JSON of the same structure."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import ValidationError

from twin.errors import PlanError, Problem, ScenarioError
from twin.formats.place import Keys, Place
from twin.formats.scenario.faults import faults, problem_at, written
from twin.formats.scenario.layering import Layered, load_layers, override_names
from twin.formats.scenario.references import with_references
from twin.formats.scenario.repair import problems_beside
from twin.formats.scenario.schema import scenario_schema
from twin.formats.scenario.writing import dump_scenario
from twin.formats.text_file import write_text
from twin.formats.yaml_source import load_yaml
from twin.model.checks import scenario_problems
from twin.model.plan import Plan
from twin.model.plan_checks import plan_problems
from twin.model.scenario import Scenario

__all__ = ["dump_scenario", "load_plan", "load_scenario", "override_names", "save_scenario", "scenario_schema"]


def load_scenario(path: Path, *, override: str | None = None) -> Scenario:
    """Read a scenario file with whatever it extends and refers to, and check it.

    *override* names one of the file's ``overrides``, or several, separated by commas, applied in turn.
    Raises ScenarioError with all problems at once, each with its line.
    """
    layered = load_layers(path, override=override)
    data, problems = with_references(layered)
    scenario, further = _validated(data, layered)
    problems = _in_order([*problems, *further])
    if scenario is None or problems:
        raise ScenarioError(str(path), problems)
    return scenario


def save_scenario(scenario: Scenario, path: Path) -> None:
    """Write *scenario* to *path* in one step; ScenarioError where it cannot be written."""
    write_text(path, dump_scenario(scenario))


def load_plan(path: Path, scenario: Scenario) -> Plan:
    """Read a plan file: partition → placement, or ``name`` and ``placements``.

    Raises PlanError, with lines, for a file that is no plan or a plan that does not fit *scenario*.
    """
    try:
        source = load_yaml(path)
    except ScenarioError as error:
        raise PlanError(error.message, error.problems) from None
    short = "placements" not in source.data
    try:
        plan = Plan.model_validate({"name": path.stem, "placements": source.data} if short else source.data)
    except ValidationError as error:
        raise PlanError(str(path), [fault.problem for fault in faults(error, Plan, source.place)]) from None
    inner: Keys = () if short else ("placements",)
    problems = [
        _placed(problem, (*inner, *_keys(problem.where)[1:]), source.place) if _is_of_plan(problem) else problem
        for problem in plan_problems(scenario, plan)
    ]
    if problems:
        raise PlanError(f"{path} does not fit scenario {scenario.name!r}", problems)
    return plan


def _validated(data: dict[str, Any], layered: Layered) -> tuple[Scenario | None, list[Problem]]:
    """Return the scenario, unless it has problems, and those."""
    place = layered.place

    def check(scenario: Scenario) -> list[Problem]:
        found = scenario_problems(scenario)
        found += plan_problems(scenario, scenario.plan) if scenario.plan else []
        return [_located(problem, data, place) for problem in dict.fromkeys(found)]

    try:
        scenario = Scenario.model_validate(data)
    except ValidationError as error:
        found = faults(error, Scenario, place)
        return None, [*(fault.problem for fault in found), *problems_beside(data, found, check)]
    return scenario, check(scenario)


def _located(problem: Problem, data: dict[str, Any], place: Place) -> Problem:
    """Return a problem of the model with the line of the file."""
    keys = _keys(problem.where)
    plan = data.get("plan")
    if _is_of_plan(problem) and isinstance(plan, dict) and "placements" in plan:
        keys = ("plan", "placements", *keys[1:])
    return _placed(problem, keys, place)


def _placed(problem: Problem, keys: Keys, place: Place) -> Problem:
    found = written(place, keys)
    located = problem_at(place, found, problem.message)
    # A path that is not written down in full names something that is absent; then the model's words say more.
    where = located.where if found[-1:] == keys[-1:] else problem.where
    return Problem(where, located.message, located.line, located.column)


def _is_of_plan(problem: Problem) -> bool:
    return problem.where == "plan" or problem.where.startswith("plan.")


def _keys(where: str) -> Keys:
    return tuple(where.split(".")) if where else ()


def _in_order(problems: list[Problem]) -> list[Problem]:
    """Return the problems of the main file by line, then those of the files it extends."""
    return sorted(
        dict.fromkeys(problems),
        key=lambda one: (one.line is None, " (in " in one.message, one.line or 0, one.column or 0),
    )
