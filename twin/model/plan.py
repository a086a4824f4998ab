"""The plan: which partition runs where, on how many nodes."""

from __future__ import annotations

from functools import cached_property

from pydantic import Field, model_validator

from twin.model.base import Count, Name, Value


class Placement(Value):
    """Where one partition runs. The name of a resource alone will do."""

    resource: Name
    """Resource or cloud function."""

    replicas: Count = 1
    """Replicas, each on a node of its own; the first node of a resource holds the first replica of all its partitions.

    A cloud function has no replicas: it scales by itself.
    """

    @model_validator(mode="before")
    @classmethod
    def _from_name(cls, data: object) -> object:
        return {"resource": data} if isinstance(data, str) else data


class Plan(Value):
    """A production deployment: one placement for each partition of the chosen deployments."""

    name: str = "plan"

    placements: dict[Name, Placement] = Field(min_length=1)
    """Partition → placement. The partitions that are placed say which deployment of a component is chosen."""

    def nodes(self, resource: str) -> int:
        """Return how many nodes of *resource* the plan keeps running."""
        return self._nodes.get(resource, 0)

    @cached_property
    def _nodes(self) -> dict[str, int]:
        nodes: dict[str, int] = {}
        for placement in self.placements.values():
            nodes[placement.resource] = max(placement.replicas, nodes.get(placement.resource, 0))
        return nodes

    def with_nodes(self, resource: str, nodes: int) -> Plan:
        """Return this plan with every partition on *resource* spread over so many nodes."""
        placements = {
            name: placement.model_copy(update={"replicas": nodes}) if placement.resource == resource else placement
            for name, placement in self.placements.items()
        }
        return self.model_copy(update={"placements": placements})

    def differs_from(self, other: Plan) -> dict[str, tuple[Placement | None, Placement | None]]:
        """Return what is placed differently: partition → (here, there)."""
        names = [*self.placements, *(name for name in other.placements if name not in self.placements)]
        pairs = {name: (self.placements.get(name), other.placements.get(name)) for name in names}
        return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}
