"""What providers of functions bill, as all engines count it."""

from __future__ import annotations

from math import ceil


class Billing:
    """What of an invocation is billed: per step whether cold starts count, and the rounding step in seconds."""

    def __init__(self, rules: dict[int, tuple[bool, float]] | None = None) -> None:
        self.rules = rules or {}

    def seconds(self, step: int, warm: float, total: float) -> float:
        """Return the billed seconds of an invocation that ran *total* seconds, *warm* without its cold start."""
        bills_cold, unit = self.rules.get(step, (False, 0.0))
        seconds = total if bills_cold else warm
        return ceil(seconds / unit - 1e-9) * unit if unit else seconds
