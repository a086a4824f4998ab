"""``evaluate``: what a plan costs and whether it holds, by the mean formulas of one dialect."""

from __future__ import annotations

from design.evaluation import Evaluation
from design.rules import Rules, rules_of
from design.space4ai_formula import evaluate_space4ai
from twin.model.plan import Plan
from twin.model.scenario import Scenario


def evaluate(scenario: Scenario, plan: Plan, *, dialect: str | Rules = "twin") -> Evaluation:
    """Return the cost (euro an hour), times, utilisations and violations of *plan*.

    *dialect* is a name, or rules made from one with other parameters, see :func:`design.rules.rules_of`. A limit counts
    as kept up to a relative excess of 1e-9.

    Raises:
        PlanError: The plan does not fit the scenario.
        EngineError: No closed form is known for such a network.
        TwinError: There is no such dialect.
    """
    rules = rules_of(dialect)
    if rules.dialect == "twin":
        from design.twin_formula import evaluate_twin  # scipy and networkx: slower to import than a peer's formula

        return evaluate_twin(scenario, plan, rules)
    return evaluate_space4ai(scenario, plan, rules)


__all__ = ["Evaluation", "evaluate"]
