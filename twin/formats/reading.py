"""One door for everything that is read: scenarios and plans in whatever form, told apart by what they hold."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from math import isclose
from pathlib import Path
from typing import Literal, cast, get_args

from twin.errors import ScenarioError, did_you_mean
from twin.formats.aisprint.folder import load_application
from twin.formats.aisprint.plan import load_production_deployment
from twin.formats.scenario.files import load_plan, load_scenario
from twin.formats.scenario.trace import trace_notes
from twin.formats.service_times import read_service_times
from twin.formats.space4ai import Dialect, load_solution, read_system, solution_figures
from twin.formats.text_file import read_text
from twin.model.plan import Plan
from twin.model.rates import mean_rate, scaled_to
from twin.model.scenario import Scenario

ScenarioForm = Literal["scenario", "aisprint", "space4ai-system"]
PlanForm = Literal["plan", "production-deployment", "space4ai-solution"]

_SCENARIO_IN_FOLDER = "scenario.yaml"
_SYSTEM_KEYS = re.compile(
    r'"(Components|DirectedAcyclicGraph|CompatibilityMatrix|EdgeResources|NetworkTechnology)"\s*:'
)
_SOLUTION_KEYS = re.compile(r'"(components|global_constraints|total_cost|feasible|Lambda|Resources)"\s*:')
_DEPLOYMENT_KEY = re.compile(r"""^\s*\{?\s*["']?System["']?\s*:""", re.MULTILINE)
_OWN_KEYS = re.compile(r"""^\s*\{?\s*["']?(continuum|application|extends)["']?\s*:""", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """A scenario and what its reader chose or put right, a sentence each."""

    scenario: Scenario

    notes: tuple[str, ...] = ()


def read_scenario(
    path: Path,
    *,
    override: str | None = None,
    dialect: str = "auto",
    arrival_rate: float | None = None,
    profiles: Sequence[Path] = (),
    plan: Path | None = None,
) -> Loaded:
    """Read a scenario file, an AI-SPRINT application folder or a SPACE4AI system file.

    *override* names overrides of a scenario file; *dialect* says how to read files of other tools; *arrival_rate*
    (requests/s) is that of all sources together; *profiles* are files of service times for an application folder,
    written or measured; *plan* is a plan file to take instead of the scenario's own. Raises ScenarioError or PlanError.
    """
    path = Path(path)
    form = scenario_form(path)
    _require_use(form, override, profiles)
    if form == "aisprint":
        loaded = _application(path, dialect, arrival_rate, profiles)
    elif form == "space4ai-system":
        loaded = _system(path, dialect, arrival_rate)
    else:
        loaded = _own(path / _SCENARIO_IN_FOLDER if path.is_dir() else path, override, arrival_rate)
    if plan is None:
        return loaded
    chosen = loaded.scenario.model_copy(update={"plan": read_plan(plan, loaded.scenario)})
    return Loaded(scenario=chosen, notes=loaded.notes)


def read_plan(path: Path, scenario: Scenario) -> Plan:
    """Read a plan file of this project, AI-SPRINT's production deployment, or a solution of SPACE4AI.

    Raises PlanError for one that does not fit *scenario*.
    """
    readers = {
        "plan": load_plan,
        "production-deployment": load_production_deployment,
        "space4ai-solution": load_solution,
    }
    return readers[plan_form(Path(path))](Path(path), scenario)


def plan_notes(path: Path, scenario: Scenario) -> tuple[str, ...]:
    """Return what a user should know of the plan at *path*: that it was made for another load than *scenario* runs."""
    if plan_form(path) != "space4ai-solution":
        return ()
    made_for = solution_figures(path).arrival_rate
    rates = [mean_rate(source.arrivals) for source in scenario.workload.sources.values()]
    offered = max((rate for rate in rates if rate is not None), default=None)
    if made_for is None or offered is None or isclose(made_for, offered, rel_tol=1e-6):
        return ()
    return (f"the plan was made for {made_for:g} requests/s, the scenario runs {offered:g}; see --arrival-rate",)


def scenario_form(path: Path) -> ScenarioForm:
    """Say what kind of scenario *path* holds; ScenarioError where it cannot be read."""
    if path.is_dir():
        return "scenario" if (path / _SCENARIO_IN_FOLDER).is_file() else "aisprint"
    text = read_text(path)
    wanted = 1 if path.suffix == ".json" else 2
    if not _OWN_KEYS.search(text) and len(set(_SYSTEM_KEYS.findall(text))) >= wanted:
        return "space4ai-system"
    return "scenario"


def plan_form(path: Path) -> PlanForm:
    """Say what kind of plan *path* holds; ScenarioError where it cannot be read."""
    text = read_text(path)
    if _DEPLOYMENT_KEY.search(text):
        return "production-deployment"
    if text.lstrip().startswith("{") and _SOLUTION_KEYS.search(text):
        return "space4ai-solution"
    if _OWN_KEYS.search(text):
        raise ScenarioError(f"{path} holds a scenario; a plan says partition: resource, or is a file of another tool")
    return "plan"


def _require_use(form: ScenarioForm, override: str | None, profiles: Sequence[Path]) -> None:
    """Refuse what would be ignored in silence."""
    if override and form != "scenario":
        raise ScenarioError(f"override {override!r}: only scenario files have overrides; convert this one first")
    if profiles and form != "aisprint":
        raise ScenarioError(f"{profiles[0]}: a file of service times goes with an AI-SPRINT folder; this has its own")


def _own(path: Path, override: str | None, arrival_rate: float | None) -> Loaded:
    scenario = load_scenario(path, override=override)
    if arrival_rate is None:
        return Loaded(scenario=scenario, notes=trace_notes(scenario))
    workload = scaled_to(scenario.workload, arrival_rate)
    return Loaded(scenario=scenario.model_copy(update={"workload": workload}), notes=trace_notes(scenario))


def _system(path: Path, dialect: str, arrival_rate: float | None) -> Loaded:
    known = ("auto", *get_args(Dialect))
    if dialect not in known:
        raise ScenarioError(f"unknown dialect {dialect!r} of SPACE4AI files{did_you_mean(dialect, known)}")
    found = read_system(path, dialect=cast("Dialect", dialect), arrival_rate=arrival_rate)
    return Loaded(scenario=found.scenario, notes=tuple(found.notes))


def _application(folder: Path, dialect: str, arrival_rate: float | None, profiles: Sequence[Path]) -> Loaded:
    given = read_service_times(profiles)
    found = load_application(
        folder, profiles=given.written, measured=given.measured, arrival_rate=arrival_rate, dialect=dialect
    )
    return Loaded(scenario=found.scenario, notes=tuple(found.notes))
