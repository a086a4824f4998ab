"""What the application must achieve."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from twin.model.base import Flag, Name, NonNegative, Positive, Value

Percentile = Annotated[float, Field(gt=0, lt=100, strict=True)]
Share = Annotated[float, Field(gt=0, lt=1, strict=True)]


class _TimeLimit(Value):
    """A limit on a response time: on its mean unless a percentile or a share says otherwise."""

    name: Name | None = None
    """Absent: made from kind and target."""

    limit: Positive
    """Seconds."""

    percentile: Percentile | None = None
    """The limit holds for this percentile: 95 means that 95 % of the requests answer within it."""

    share_above: Share | None = None
    """At most this share of the requests may take longer: 0.01 is one in a hundred."""

    @model_validator(mode="after")
    def _one_statistic(self) -> _TimeLimit:
        if self.percentile is not None and self.share_above is not None:
            raise ValueError("give percentile or share_above, not both")
        return self

    @property
    def statistic(self) -> str:
        """``mean``, ``p95`` or ``share``: what is compared."""
        if self.percentile is not None:
            return f"p{self.percentile:g}"
        return "share" if self.share_above is not None else "mean"


class LocalConstraint(_TimeLimit):
    """A limit on the response time of one component (``exec_time`` with ``local_time_thr``)."""

    kind: Literal["local"]

    component: Name

    @property
    def target(self) -> str:
        """What is limited."""
        return self.component


class GlobalConstraint(_TimeLimit):
    """A limit on the time from the start of the first to the end of the last component of a path."""

    kind: Literal["global"]

    path: tuple[Name, ...] = Field(min_length=1)
    """Components that follow each other along dependencies."""

    @property
    def target(self) -> str:
        """What is limited."""
        return " > ".join(self.path)


class ResponseConstraint(_TimeLimit):
    """A limit on the response time of the whole application, from arrival to the end of its last component."""

    kind: Literal["response"]

    @property
    def target(self) -> str:
        """What is limited."""
        return "application"


class ThroughputConstraint(Value):
    """A component must complete at least so many requests per second (``expected_throughput``)."""

    kind: Literal["throughput"]

    name: Name | None = None

    component: Name

    at_least: Positive
    """Requests/s."""

    @property
    def target(self) -> str:
        """What is limited."""
        return self.component


class DeviceConstraint(Value):
    """What the nodes that run a component must offer (``device_constraints``)."""

    kind: Literal["device"]

    name: Name | None = None

    component: Name

    memory_mb: NonNegative = 0.0
    """Memory of a node."""

    gpu_memory_mb: NonNegative = 0.0
    """Memory of its GPUs together (``vram``)."""

    gpu: Flag = False
    """Whether a GPU is needed (``use_gpu_for``)."""

    @property
    def target(self) -> str:
        """What is limited."""
        return self.component


TimeLimit = LocalConstraint | GlobalConstraint | ResponseConstraint
Constraint = Annotated[
    LocalConstraint | GlobalConstraint | ResponseConstraint | ThroughputConstraint | DeviceConstraint,
    Field(discriminator="kind"),
]


def constraint_name(constraint: Constraint) -> str:
    """Return the constraint's own name, or one made from what it limits."""
    return constraint.name or f"{constraint.kind}: {constraint.target}"
