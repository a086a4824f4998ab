"""Holt–Winters forecasts: level, damped trend and additive season, each smoothed exponentially.

R. J. Hyndman, G. Athanasopoulos, Forecasting: Principles and Practice, 3rd edition, 2021, sections 8.2 and 8.3; after
P. R. Winters, Forecasting sales by exponentially weighted moving averages, Management Science 6, 1960.
"""

from __future__ import annotations


class HoltWinters:
    """Forecasts one series from its values so far, one a step."""

    def __init__(
        self, *, alpha: float = 0.5, beta: float = 0.1, gamma: float = 0.3, damping: float = 0.95, season: int = 0
    ) -> None:
        """Take how much a new value counts.

        Args:
            alpha: For the level, between 0 and 1.
            beta: For the trend.
            gamma: For the season.
            damping: Share of the trend that is left a step later.
            season: Steps after which the series repeats itself; 0: it does not. The first season is learned.
        """
        self.alpha, self.beta, self.gamma, self.damping, self.season = alpha, beta, gamma, damping, season
        self.level: float | None = None
        self.trend = 0.0
        self._first: list[float] = []
        self._seasonal: list[float] = []
        self._step = 0

    def update(self, value: float | None) -> None:
        """Take the value of one more step; None: it was not measured, and is as it was forecast."""
        value = self.forecast(1) if value is None else value
        if value is None:
            return
        if self.level is None:
            self.level = value
        else:
            self._smooth(value)
        self._step += 1
        if self.season and not self._seasonal:
            self._learn(value)

    def forecast(self, steps: int) -> float | None:
        """Return the value so many steps after the last one; None before the first one."""
        if self.level is None:
            return None
        season = self._seasonal[(self._step + steps - 1) % self.season] if self._seasonal else 0.0
        return self.level + self.trend * sum(self.damping**i for i in range(1, steps + 1)) + season

    def _smooth(self, value: float) -> None:
        assert self.level is not None
        place = self._step % self.season if self._seasonal else 0
        season = self._seasonal[place] if self._seasonal else 0.0
        before = self.level
        expected = before + self.damping * self.trend
        self.level = self.alpha * (value - season) + (1.0 - self.alpha) * expected
        self.trend = self.beta * (self.level - before) + (1.0 - self.beta) * self.damping * self.trend
        if self._seasonal:
            self._seasonal[place] = self.gamma * (value - expected) + (1.0 - self.gamma) * season

    def _learn(self, value: float) -> None:
        """Begin with the seasons once one of them has been seen in full: deviations from its mean, and no trend."""
        self._first.append(value)
        if len(self._first) == self.season:
            self.level, self.trend = sum(self._first) / self.season, 0.0
            self._seasonal = [each - self.level for each in self._first]
