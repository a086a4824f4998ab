"""The port between what runs and what decides: a policy sees an Observation and answers with a Plan, or with nothing.

The twin builds observations from the records of a run, a live system from its monitoring; a policy cannot tell them
apart. All figures cover the window that ends at ``Observation.time``; None means that nothing was measured in it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Protocol, runtime_checkable

from twin.model.plan import Plan


@dataclass(frozen=True, slots=True, kw_only=True)
class Times:
    """What was seen of a time during the window; seconds."""

    count: int
    """Executions (requests, passages) that ended within the window."""

    mean: float | None = None

    p95: float | None = None
    """95th percentile."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ComponentSeen:
    """A component: how often it ran, and how long that took."""

    throughput: float
    """Executions per second that ended within the window."""

    response_time: Times
    """From the arrival at the component to its end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PartitionSeen:
    """A partition where it runs now."""

    service_time: Times
    """Execution alone, without waiting."""

    response_time: Times


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceSeen:
    """A resource or cloud function with something on it."""

    nodes: int
    """Nodes that run and take requests; 0 for a cloud function."""

    down: int
    """How many of them are down."""

    utilisation: float | None
    """Busy share of the cores of these nodes over the window."""

    present: int
    """Requests there at the end of the window, waiting and in service."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """A constraint that is broken, as the monitoring tells it."""

    constraint: str
    """Its name."""

    kind: Literal["local", "global", "response", "throughput"]

    target: str

    value: float
    """What was measured: seconds, or requests/s."""

    limit: float

    since: float
    """Second at which the alarm was raised."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """What a policy may see."""

    time: float
    """Seconds since the start: the end of the window."""

    window: float
    """Seconds that the figures cover."""

    plan: Plan
    """The plan in force."""

    pending: Plan | None = None
    """The plan that is being brought about, if one is; another answer replaces it."""

    arrival_rates: Mapping[str, float]
    """Source → requests/s that arrived within the window."""

    throughput: float
    """Requests/s completed within the window."""

    lost: int = 0
    """Requests lost within the window."""

    unfinished: int = 0
    """Requests in the system at the end of the window."""

    response_time: Times

    components: Mapping[str, ComponentSeen]

    partitions: Mapping[str, PartitionSeen]

    paths: Mapping[str, Times]
    """Name of a global constraint → time along its path."""

    resources: Mapping[str, ResourceSeen]

    bandwidths: Mapping[str, float]
    """Network domain → bandwidth measured at the end of the window, Mbit/s; 0: cut off."""

    alarms: tuple[Alarm, ...] = ()
    """What is raised at the moment."""


@runtime_checkable
class Policy(Protocol):
    """Who decides, in the twin and live alike."""

    def decide(self, observation: Observation) -> Plan | None:
        """Return the plan to have from now on, or None to leave everything as it is."""
        ...
