"""What goes wrong, or changes, while a scenario runs."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from twin.model.base import Name, NonNegative, Positive, Value, WholeNumber
from twin.model.law import Law


class _Interruption(Value):
    """What happens to the requests that a crash interrupts; waiting requests always move to another node."""

    requests: Literal["retry", "lost"] = "retry"
    """``retry``: they start again, on a node that is up; ``lost``: they leave."""

    retries: WholeNumber = 3
    """How often one execution may start again before its request is lost."""


class Crash(_Interruption):
    """A node goes down at a given time."""

    event: Literal["crash"]

    resource: Name

    node: WholeNumber | None = None
    """Number of the node, from 0; absent: all nodes of the resource."""

    at: NonNegative
    """Second at which it goes down."""

    duration: Positive
    """Seconds until it is up again."""


class Failures(_Interruption):
    """Each node of a resource goes down and is repaired at random."""

    event: Literal["failures"]

    resource: Name

    time_to_failure: Law
    """Seconds a node is up."""

    time_to_repair: Law
    """Seconds a node is down."""


class LinkChange(Value):
    """A network domain becomes slower for a while, or is cut."""

    event: Literal["link"]

    domain: Name

    at: NonNegative

    duration: Positive

    bandwidth_factor: Annotated[float, Field(ge=0, le=1000, strict=True)] = 1.0
    """Factor on the bandwidth; 0 cuts the domain: transfers wait until it is back."""

    extra_delay: NonNegative = 0.0
    """Seconds added to the access delay."""


class LoadStep(Value):
    """All arrival rates change by a factor from a given time on."""

    event: Literal["load"]

    at: NonNegative

    factor: Positive
    """Relative to the workload as written, not to an earlier step."""


Event = Annotated[Crash | Failures | LinkChange | LoadStep, Field(discriminator="event")]
