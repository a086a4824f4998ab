"""Forecasts the load up to the moment at which a plan ordered now could be replaced, then decides as ``optimal``."""

from __future__ import annotations

from collections.abc import Mapping
from math import ceil
from typing import Any

from runtime.policies.holt_winters import HoltWinters
from runtime.policies.reoptimising import Reoptimising
from runtime.policies.switching import longest_start
from twin.control import Observation
from twin.errors import PolicyError
from twin.model.plan import Plan
from twin.model.scenario import Scenario


class Predictive(Reoptimising):
    """Reckons with the highest load that Holt–Winters forecasts from now until the lead time is over."""

    def __init__(
        self,
        scenario: Scenario,
        plan: Plan,
        *,
        lead: float | None = None,
        season: float = 0.0,
        alpha: float = 0.5,
        beta: float = 0.1,
        gamma: float = 0.3,
        damping: float = 0.95,
        **options: Any,
    ) -> None:
        """Take what to look for.

        Args:
            scenario: What there is; its period is the step of the forecasts.
            plan: The plan to begin with.
            lead: Seconds to look ahead; absent: the longest mean time until a container runs on a new node. A step is
                added, because an answer to what comes within it is given at the next decision.
            season: Seconds after which the load repeats itself, such as 86400; 0: it does not.
            alpha: Weight of a new value for the level.
            beta: Weight for the trend.
            gamma: Weight for the season.
            damping: Share of the trend that is left a step later.
            options: Those of :class:`~runtime.policies.reoptimising.Reoptimising`.

        Raises:
            PolicyError: An option makes no sense.
        """
        super().__init__(scenario, plan, **options)
        weights = {"alpha": alpha, "beta": beta, "gamma": gamma, "damping": damping}
        wrong = [f"{name} {value:g}" for name, value in weights.items() if not 0 <= value <= 1]
        wrong += [f"{n} {v:g}" for n, v in {"lead": lead or 0.0, "season": season}.items() if v < 0]
        if wrong:
            raise PolicyError(f"policy predictive: {', '.join(wrong)} makes no sense; weights lie between 0 and 1")
        period = scenario.reconfiguration.period
        self.steps = 1 + ceil((longest_start(scenario) if lead is None else lead) / period - 1e-9)
        self._series = {
            name: HoltWinters(**weights, season=round(season / period)) for name in scenario.workload.sources
        }

    def forecast(self, observation: Observation) -> Mapping[str, float] | None:
        """Take what was seen, and return the highest forecast; None as long as a source has never been seen."""
        rates: dict[str, float] = {}
        for name, series in self._series.items():
            series.update(observation.arrival_rates.get(name))
            ahead = [series.forecast(steps) for steps in range(1, self.steps + 1)]
            known = [rate for rate in ahead if rate is not None]
            if known:
                rates[name] = max(*known, 0.0)
        return rates if len(rates) == len(self._series) else None
