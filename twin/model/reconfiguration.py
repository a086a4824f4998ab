"""What it takes to change the plan of a running application, and what its monitoring sees."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from twin.model.base import Name, NonNegative, Positive, Probability, Value


class Monitor(Value):
    """What a policy is told of the running application: never all, never at once."""

    window: Positive = 120.0
    """Seconds that the measured figures cover."""

    delay: NonNegative = 0.0
    """Seconds from the end of the window until its figures arrive."""

    noise: NonNegative = 0.0
    """Relative standard deviation of measured times."""

    hold: NonNegative = 0.0
    """Seconds a constraint must be broken, or kept again, until its alarm is raised, or cleared."""


class Reconfiguration(Value):
    """How often a policy decides, and how long, how dear and how risky a change of plan is."""

    period: Positive = 60.0
    """Seconds between two decisions."""

    monitor: Monitor = Monitor()

    removal: Literal["drain", "kill"] = "drain"
    """What becomes of requests in service where a plan withdraws: finished there, or started again elsewhere."""

    registry: Name | None = None
    """Execution layer that holds the container images; absent: images are everywhere at once."""

    failure_probability: Probability = 0.0
    """Probability that a change of plan fails; the old plan then stays, and the new nodes are paid until it shows."""

    late_probability: Probability = 0.0
    """Probability that a change of plan takes longer than it should."""

    late_factor: Annotated[float, Field(ge=1, le=1000, strict=True)] = 2.0
    """By which factor it takes longer then."""

    fixed_resources: tuple[Name, ...] = ()
    """Resources of which no more nodes can be had than the first plan uses (devices bought at design time)."""
