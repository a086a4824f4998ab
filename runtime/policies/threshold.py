"""React to thresholds: one node more where it is busy or an alarm points, one less where it idles."""

from __future__ import annotations

from math import inf

from twin.control import Alarm, Observation
from twin.errors import PolicyError
from twin.model.plan import Plan
from twin.model.scenario import Scenario


class Threshold:
    """Scales each resource by its utilisation, with hysteresis and a cool-down.

    An alarm on a time adds a node to the busiest resource that serves what the alarm is about, whatever its
    utilisation. While a change is on its way, nothing is decided.
    """

    def __init__(
        self,
        scenario: Scenario,
        plan: Plan,  # noqa: ARG002  every policy is made from both
        *,
        high: float = 0.75,
        low: float = 0.3,
        cool_down: float = 300.0,
    ) -> None:
        """Take what to react to.

        Args:
            scenario: Says how many nodes each resource has.
            plan: The plan to begin with.
            high: Utilisation above which a node is added.
            low: Utilisation below which one is removed; nothing happens in between.
            cool_down: Seconds after a change of a resource during which none of its nodes is removed.

        Raises:
            PolicyError: The thresholds do not fit together.
        """
        if not 0 <= low < high or cool_down < 0:
            raise PolicyError(
                f"threshold needs 0 <= low < high and cool_down >= 0, got {low:g}, {high:g}, {cool_down:g}"
            )
        self.scenario = scenario
        self.high, self.low, self.cool_down = high, low, cool_down
        self._changed: dict[str, float] = {}

    def decide(self, observation: Observation) -> Plan | None:
        """Return the plan with every resource scaled by at most one node."""
        if observation.pending is not None:
            return None
        plan = observation.plan
        wanted = {self._busiest(observation, alarm) for alarm in observation.alarms if alarm.kind != "throughput"}
        for name in sorted({placement.resource for placement in plan.placements.values()}):
            if name in self.scenario.continuum.resources:
                nodes = plan.nodes(name) + self._step(observation, name, alarmed=name in wanted)
                if nodes != plan.nodes(name):
                    plan = plan.with_nodes(name, nodes)
                    self._changed[name] = observation.time
        return None if plan == observation.plan else plan

    def _step(self, observation: Observation, name: str, *, alarmed: bool) -> int:
        seen = observation.resources.get(name)
        if seen is None or seen.utilisation is None:
            return 0
        nodes = observation.plan.nodes(name)
        if (seen.utilisation > self.high or alarmed) and nodes < self.scenario.continuum.resources[name].nodes:
            return 1
        rested = observation.time - self._changed.get(name, -inf) >= self.cool_down
        # One node less must not bring the others above the threshold at once.
        calm = seen.utilisation < self.low and seen.utilisation * nodes < self.high * (nodes - 1)
        return -1 if calm and rested and nodes > 1 and not alarmed else 0

    def _busiest(self, observation: Observation, alarm: Alarm) -> str | None:
        """Return the busiest resource among those that serve what *alarm* is about."""
        components = self.scenario.application.components
        about = set(alarm.target.split(" > ")) & set(components) or set(components)
        resources = {
            placement.resource
            for name, placement in observation.plan.placements.items()
            if self.scenario.application.partition(name)[0].name in about
        }
        busy = {name: seen.utilisation or 0.0 for name, seen in observation.resources.items() if name in resources}
        return max(busy, key=lambda name: busy[name], default=None)
