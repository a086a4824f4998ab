"""What rejections teach: a resource so near saturation that the twin says no needs more room than the formula asks.

To cut plans off one by one would take for ever where hundreds of them load one pool alike. So from the second plan on
that is rejected with the same resource as the busiest, plans that use it nearly as much are cut off unseen: its free
share must grow by half. That rests on an assumption, that what is rejected at some utilisation of a resource is
rejected at a higher one too. It is a rule and no proof: a plan that is cut off so may be one that the twin would take.
"""

from __future__ import annotations

from dataclasses import dataclass, field

GROWTH = 1.5
"""Factor on the free share."""

NEAR = 0.7
"""Utilisation from which on a rejection is put down to the queue of the busiest resource."""

TWICE = 2
"""Rejections with one resource as the busiest before anything is cut off unseen."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Headroom:
    """A resource that plans may use only so far."""

    resource: str

    most: float
    """Utilisation allowed."""

    rejected_at: float
    """Lowest utilisation at which a plan was rejected for it."""

    def sentence(self) -> str:
        """Say what was cut off, and why."""
        return (
            f"plans with {self.resource} busy for more than {self.most:.1%} were cut off unseen, after rejections "
            f"down to {self.rejected_at:.1%}"
        )


@dataclass(slots=True)
class Lessons:
    """The rejections so far."""

    rejected: dict[str, list[float]] = field(default_factory=dict)

    learnt: dict[str, Headroom] = field(default_factory=dict)

    def learn(self, resource: str, utilisation: float) -> Headroom | None:
        """Take note that a plan was rejected whose busiest resource was this; return what follows, if anything."""
        if utilisation < NEAR:
            return None
        seen = self.rejected.setdefault(resource, [])
        seen.append(utilisation)
        if len(seen) < TWICE:
            return None
        lowest = min(seen)
        most = 1.0 - GROWTH * (1.0 - lowest)
        self.learnt[resource] = Headroom(resource=resource, most=most, rejected_at=lowest)
        return self.learnt[resource]
