"""The cheapest plan at the load that is seen, the cost of changing included."""

from __future__ import annotations

from runtime.policies.reoptimising import Reoptimising


class Optimal(Reoptimising):
    """Looks for the best plan at each decision, and takes the load to stay as it was in the last window."""
