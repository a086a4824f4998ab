"""Keep still: what every other policy is compared with."""

from __future__ import annotations

from twin.control import Observation
from twin.model.plan import Plan
from twin.model.scenario import Scenario


class Static:
    """Never changes anything."""

    def __init__(self, scenario: Scenario, plan: Plan) -> None:
        pass

    def decide(self, observation: Observation) -> Plan | None:  # noqa: ARG002  the port says what is handed over
        """Leave everything as it is."""
        return None
