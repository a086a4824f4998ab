"""Plans of one view of the scenario in rising cost, found when they are asked for and kept for the next decision."""

from __future__ import annotations

import time
from collections.abc import Iterator

from design.evaluate import evaluate
from design.plan_order import PlanOrder, RankedPlan
from twin.errors import PlanError
from twin.model.plan import Plan
from twin.model.scenario import Scenario


class Ranking:
    """What the exact search finds, one plan after the other.

    Raises:
        TwinError: The scenario cannot be searched.
    """

    def __init__(self, scenario: Scenario, dialect: str, *, one_type_per_layer: bool) -> None:
        self.order = PlanOrder(scenario, dialect=dialect, one_type_per_layer=one_type_per_layer)
        self.found: list[RankedPlan] = []

    def plans(self, most: int, deadline: float) -> Iterator[RankedPlan]:
        """Yield up to *most* plans, the cheapest first, until *deadline* on the clock of ``time.perf_counter``.

        A search that is cut short hands over the best plan it has, out of order and without a proof, as the last one.
        """
        for position in range(most):
            if position == len(self.found) and not self._look(deadline):
                if self.order.unproved is not None:
                    yield self.order.unproved
                return
            yield self.found[position]

    def _look(self, deadline: float) -> bool:
        if self.order.end == "exhausted" or time.perf_counter() > deadline:
            return False
        self.order.deadline, self.order.end, self.order.unproved = deadline, None, None
        following = next(iter(self.order), None)
        if self.order.end == "interrupted":
            raise KeyboardInterrupt
        if following is not None:
            self.found.append(following)
        return following is not None


def cost_if_it_holds(scenario: Scenario, plan: Plan, dialect: str) -> float | None:
    """Return euro an hour of *plan*; None where it breaks a limit, or does not fit what is there."""
    try:
        found = evaluate(scenario, plan, dialect=dialect)
    except PlanError:
        return None
    return found.cost if found.feasible else None
