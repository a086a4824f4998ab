"""Who is best: the cheapest policy that breaks limits seldom enough, and whether that is more than chance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf, isfinite

from runtime.comparison.comparing import Comparison, Result
from twin.differences import Difference
from twin.statistics import Estimate


@dataclass(frozen=True, slots=True, kw_only=True)
class Best:
    """The answer to the comparison."""

    policy: str | None
    """None: none stays within the limit."""

    runner_up: str | None = None
    """The next cheapest that stays within it."""

    saves: Difference | None = None
    """Cost of the runner-up minus that of the best."""

    closest: str | None = None
    """Where none stays within: the one that breaks limits least."""


def stays_within(violations: Estimate, limit: float) -> bool | None:
    """Say whether violations stay within *limit*; None where the interval does not tell.

    Where nothing can be broken, everything stays within.
    """
    if not isfinite(violations.value):
        return True
    if not isfinite(violations.low):
        return None
    return True if violations.high <= limit else False if violations.low > limit else None


def best(comparison: Comparison, limit: float) -> Best:
    """Return the cheapest of the policies whose mean violations are at most *limit*."""
    confidence = comparison.scenario.run.confidence
    found = {result.words: result.estimates(confidence) for result in comparison.results}

    def violations(result: Result) -> float:
        value = found[result.words]["violations"].value
        return value if isfinite(value) else 0.0

    def cost(result: Result) -> float:
        value = found[result.words]["cost"].value
        return value if isfinite(value) else inf

    able: Sequence[Result] = sorted((each for each in comparison.results if violations(each) <= limit), key=cost)
    if not able:
        return Best(policy=None, closest=min(comparison.results, key=violations).words)
    if len(able) == 1:
        return Best(policy=able[0].words)
    return Best(policy=able[0].words, runner_up=able[1].words, saves=able[1].minus(able[0], confidence)["cost"])
