"""What a user asks for beyond the cheapest plan by the formula: the twin's word on it, and what each limit costs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from math import isclose
from typing import Any

from design.evaluate import evaluate
from design.further_screen import show_confirmation, show_robust, show_sensitivity, trial_lines
from design.optimise import Result, optimise
from design.robust import Robust, robust
from design.sensitivity import sensitivity, worth_figures
from design.uncertainty import Uncertainty
from design.verify import confirm
from twin.model.scenario import Scenario

RELAX = 0.1
"""Share by which each limit is relaxed."""


def searched(scenario: Scenario, arguments: dict[str, Any], uncertainty: Uncertainty | None) -> Beyond:
    """Search for the best plan, with *arguments* of ``optimise``; for one that is robust if anything is uncertain."""
    limits = {name: arguments[name] for name in ("dialect", "time_limit", "one_type_per_layer")}
    if uncertainty is None:
        return Beyond(scenario, optimise(scenario, **arguments), limits)
    found = robust(scenario, uncertainty, **arguments)
    after = Beyond(scenario, found.result, limits)
    after.harden(found)
    return after


class Beyond:
    """What a user asks for beyond the cheapest plan by the formula."""

    def __init__(self, scenario: Scenario, result: Result, limits: dict[str, Any]) -> None:
        self.scenario, self.result, self.limits = scenario, result, limits
        self.optimum = result
        self.figures: dict[str, Any] = {}
        self.screens: list[Callable[[], None]] = []

    def verify(self, best: int, most: int, quiet: bool) -> None:
        """Put the cheapest plan that the twin accepts in place of the cheapest by the formula."""
        with trial_lines() as show:
            found = confirm(self.scenario, best_k=best, most=most, progress=None if quiet else show, **self.limits)
        self.figures["verification"] = found.to_dict()
        self.screens.append(lambda: show_confirmation(found))
        if found.plan is None:
            self.result = replace(self.result, plan=None, evaluation=None, optimal=False)
            return
        evaluation = evaluate(self.scenario, found.plan, dialect=self.limits["dialect"])
        as_cheap = isclose(evaluation.cost, self.optimum.cost or 0.0, rel_tol=1e-9)
        self.result = replace(
            self.result, plan=found.plan, evaluation=evaluation, optimal=self.optimum.optimal and as_cheap
        )

    def harden(self, found: Robust) -> None:
        """Say what it costs that the plan holds for everything possible."""
        self.figures["robust"] = found.to_dict()
        self.screens.append(lambda: show_robust(found))

    def weigh(self) -> None:
        """Find out what each limit costs."""
        found = sensitivity(self.scenario, self.optimum, relax=RELAX, **self.limits)
        self.figures["sensitivity"] = worth_figures(found)
        self.screens.append(lambda: show_sensitivity(found, RELAX))

    def show(self) -> None:
        """Print all of it."""
        for screen in self.screens:
            screen()
