"""What a plan is worth in each objective, from its evaluation: cost, response time, energy, accuracy."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from design.evaluate import evaluate
from design.evaluation import Evaluation
from design.goals import LIMITED, Goal, Objective
from design.rules import Rules
from design.traffic_rates import component_rates, reaches
from twin.errors import TwinError
from twin.model.plan import Plan
from twin.model.plan_checks import chosen_deployments
from twin.model.scenario import Scenario


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanFigures:
    """One plan in all objectives; None for what the scenario does not say, or was not looked at."""

    cost: float
    """Euro an hour."""

    response_time: float | None
    """Mean seconds of what the goal looks at."""

    energy: float | None
    """Watt on average, transmissions left out: the model knows no power of networks."""

    accuracy: float | None
    """Product over the components that state one."""

    def of(self, objective: Objective) -> float:
        """Return one of them; TwinError where it is not known."""
        value: float | None = getattr(self, objective)
        if value is None:
            raise TwinError(f"the {objective.replace('_', ' ')} of the plan is not known")
        return value


def judge(scenario: Scenario, plan: Plan, goal: Goal, dialect: str | Rules) -> tuple[Evaluation, PlanFigures]:
    """Evaluate *plan*, and return its figures beside; the scenario's own limits alone decide whether it holds.

    Raises:
        TwinError: The formulas of the dialect do not know the response time of the goal's target.
    """
    evaluation = evaluate(scenario, plan, dialect=dialect)
    response_time = None
    if "response_time" in goal.concerned:
        looked_at = evaluate(goal.limited(scenario), plan, dialect=dialect)
        response_time = next((each.value for each in looked_at.constraints if each.name == LIMITED), None)
        if response_time is None:
            raise TwinError(f"the formulas of dialect {evaluation.dialect} do not know the time of {goal.target!r}")
    figures = PlanFigures(
        cost=evaluation.cost,
        response_time=response_time,
        energy=energy_of(scenario, plan, evaluation),
        accuracy=accuracy_of(scenario, plan),
    )
    return evaluation, figures


def energy_of(scenario: Scenario, plan: Plan, evaluation: Evaluation) -> float | None:
    """Return the mean watt of *plan*; None where a host that it uses states no power.

    A node draws ``idle_w`` and, linearly with its utilisation, up to ``busy_w``; a function ``busy_w`` for each
    instance while it is busy.
    """
    watt = 0.0
    busy = _busy_instances(scenario, plan, evaluation)
    for name, figures in evaluation.resources.items():
        if name in scenario.continuum.functions:
            drawn = scenario.continuum.functions[name].busy_w
            if drawn is None:
                return None
            watt += drawn * busy.get(name, 0.0)
            continue
        power = scenario.continuum.resources[name].power
        if power is None or figures.utilisation is None:
            return None
        watt += figures.nodes * (power.idle_w + (power.busy_w - power.idle_w) * min(figures.utilisation, 1.0))
    return watt


def _busy_instances(scenario: Scenario, plan: Plan, evaluation: Evaluation) -> Mapping[str, float]:
    """Return function → mean number of busy instances, by Little's law."""
    chosen = chosen_deployments(scenario, plan)
    rates = component_rates(scenario, chosen)
    busy: dict[str, float] = {}
    for component, deployment in chosen.items():
        for name, share in reaches(deployment).items():
            host = plan.placements[name].resource
            if host in scenario.continuum.functions:
                busy[host] = busy.get(host, 0.0) + rates[component] * share * evaluation.partitions[name]
    return busy


def accuracy_of(scenario: Scenario, plan: Plan) -> float | None:
    """Return the product of the accuracies of the chosen deployments; None where none of them states one.

    That is the chance that all answers a request needs are right, if they fail independently. Where accuracies come
    from AI-SPRINT's ``deployments_performance.yaml`` each is the metric of the whole application with one alternative
    replaced: the product then ranks plans alike, but lies below that metric when several components have alternatives.
    """
    known = [each.accuracy for each in chosen_deployments(scenario, plan).values() if each.accuracy is not None]
    return math.prod(known) if known else None
