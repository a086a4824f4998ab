"""Knows the future: the bound of what a policy could reach that decides as ``optimal`` does."""

from __future__ import annotations

from collections.abc import Mapping
from math import ceil
from typing import Any

from runtime.policies.foresight import bandwidths_between, down_between, rate_between
from runtime.policies.reoptimising import Reoptimising
from runtime.policies.switching import longest_start
from twin.control import Observation
from twin.model.plan import Plan
from twin.model.scenario import Scenario


class Oracle(Reoptimising):
    """Reckons with the highest mean load of a period, the lowest bandwidth and all dated crashes of the coming time.

    What depends on chance it does not know: single arrivals, and failures without a date. In a live system there is
    no such policy.
    """

    def __init__(
        self,
        scenario: Scenario,
        plan: Plan,
        *,
        lead: float | None = None,
        margin: float = 0.0,
        **options: Any,
    ) -> None:
        """Take how far to see.

        Args:
            scenario: What there is, and what will happen.
            plan: The plan to begin with.
            lead: Seconds to look ahead beyond the next decision; absent: the longest mean time until a container runs
                on a new node.
            margin: Share by which the load is taken to be higher than it will be.
            options: Those of :class:`~runtime.policies.reoptimising.Reoptimising`.
        """
        super().__init__(scenario, plan, margin=margin, **options)
        self.period = scenario.reconfiguration.period
        self.lead = self.period + (longest_start(scenario) if lead is None else max(lead, 0.0))

    def forecast(self, observation: Observation) -> Mapping[str, float] | None:
        """Return the highest mean rates of a period within the coming time; a closed loop sends what is seen of it."""
        now = self._now(observation)
        count = ceil(self.lead / self.period - 1e-9)
        rates: dict[str, float] = {}
        for name in self.scenario.workload.sources:
            ahead = [
                rate_between(self.scenario, name, now + i * self.period, now + (i + 1) * self.period)
                for i in range(count)
            ]
            known = [rate for rate in (*ahead, observation.arrival_rates.get(name)) if rate is not None]
            if not known:
                return None
            rates[name] = max(known[:count])
        return rates

    def bandwidths(self, observation: Observation) -> Mapping[str, float]:
        """Return the lowest of the coming time, and of what is seen."""
        now = self._now(observation)
        return {
            name: min(value, observation.bandwidths.get(name, value))
            for name, value in bandwidths_between(self.scenario, now, now + self.lead).items()
        }

    def down(self, observation: Observation) -> Mapping[str, int]:
        """Return what is down, or will be."""
        now = self._now(observation)
        current = observation.pending or observation.plan
        coming = down_between(self.scenario, current, now, now + self.lead)
        seen = super().down(observation)
        return {name: max(coming.get(name, 0), seen.get(name, 0)) for name in {**seen, **coming}}

    def _now(self, observation: Observation) -> float:
        return observation.time + self.scenario.reconfiguration.monitor.delay
