"""Answers only to losses: nodes that are down and links that are cut, until they are back."""

from __future__ import annotations

from typing import Any

from runtime.policies.ranking import cost_if_it_holds
from runtime.policies.reoptimising import Reoptimising, Situation
from runtime.policies.views import without_down
from twin.control import Observation
from twin.errors import PolicyError
from twin.model.plan import Plan
from twin.model.scenario import Scenario


class Failover(Reoptimising):
    """Keeps the first plan as long as nothing is lost, else the cheapest plan without what is.

    When everything has been back for *calm* seconds the first plan returns. A first plan that holds although nodes
    are down stays; where no plan holds without what is lost, the plan in force stays on all nodes of its resources.
    What is seen of resources that nothing runs on depends on the monitoring: after ``retry`` seconds they count as up.
    """

    def __init__(self, scenario: Scenario, plan: Plan, *, calm: float = 120.0, **options: Any) -> None:
        """Take when to return.

        Args:
            scenario: What there is.
            plan: The plan to return to.
            calm: Seconds for which nothing must have been lost.
            options: Those of :class:`~runtime.policies.reoptimising.Reoptimising`.

        Raises:
            PolicyError: An option makes no sense.
        """
        super().__init__(scenario, plan, **options)
        if calm < 0:
            raise PolicyError(f"policy failover: calm {calm:g} must be at least 0")
        self.home, self.calm = plan, calm
        self._lost_at: float | None = None

    def decide(self, observation: Observation) -> Plan | None:
        """Return the plan to have, or None where that is the one in force or on its way."""
        if self._is_lost(observation):
            self._lost_at = observation.time
            return super().decide(observation)
        if self._lost_at is None or observation.time - self._lost_at < self.calm:
            return None
        self._lost_at = None
        current = observation.pending or observation.plan
        return None if current.placements == self.home.placements else self.home

    def plan_for(self, situation: Situation) -> Plan:
        """Return the first plan if what is left of it holds, else the cheapest plan without what is lost."""
        left = without_down(self.home, situation.down)
        _, view = self._view(situation, 1.0, None)
        if left is not None and view is not None and cost_if_it_holds(view, left, self.dialect) is not None:
            return self.home
        return super().plan_for(situation)

    def _is_lost(self, observation: Observation) -> bool:
        return any(self.down(observation).values()) or any(not each for each in observation.bandwidths.values())
