"""The continuum: network domains, execution layers, resources and cloud functions."""

from __future__ import annotations

from functools import cached_property
from typing import Literal

from pydantic import Field, JsonValue, model_validator

from twin.model.base import Count, Flag, Name, Named, NonNegative, Positive, Value, WholeNumber
from twin.model.law import Law

LayerType = Literal["PhysicalAlreadyProvisioned", "PhysicalToBeProvisioned", "Virtual", "NativeCloudFunction"]
Discipline = Literal["ps", "fifo"]


class Power(Value):
    """Electric power of one node; it grows linearly with its utilisation."""

    idle_w: NonNegative
    """Watt at utilisation 0."""

    busy_w: NonNegative
    """Watt at utilisation 1."""


class NetworkDomain(Value):
    """A network that joins the layers it holds, its own and those of the domains nested in it."""

    name: Name

    layers: tuple[Name, ...] = ()
    """Execution layers that belong to this domain itself."""

    contains: tuple[Name, ...] = ()
    """Nested domains (``subNetworkDomains``)."""

    access_delay: NonNegative = 0.0
    """Seconds every transfer takes beside its transmission."""

    bandwidth_mbit_per_s: Positive
    """Transmission rate."""

    contention: Literal["none", "fifo", "shared"] = "none"
    """What transfers in progress do to each other: nothing, wait their turn, or share the bandwidth equally."""


class Layer(Value):
    """An execution layer: resources of one kind at one place."""

    name: Name

    type: LayerType
    """AI-SPRINT's type of computational layer."""

    number: WholeNumber | None = None
    """AI-SPRINT's number of the layer, where it has one."""

    description: str = ""


class Accelerator(Value):
    """A GPU or a similar device in each node of a resource."""

    name: Name

    type: str = "GPU"

    model: str = ""

    count: Count = 1
    """How many of them one node has."""

    memory_mb: NonNegative = 0.0


class Resource(Value):
    """A pool of identical nodes on one execution layer."""

    name: Name

    layer: Name
    """Execution layer it lies on."""

    nodes: Count = 1
    """How many nodes there are at most; the plan says how many of them run."""

    cores: Positive = 1.0
    """Computing units of one node; a container with 1 unit takes one core of them."""

    memory_mb: Positive | None = None
    """Memory of one node; absent: never short."""

    architecture: str = "amd64"

    accelerators: Named[Accelerator] = Field(default_factory=dict)
    """GPUs and the like in each node."""

    sgx: Flag = False
    """Whether the processors offer trusted execution (SGX)."""

    device: Name | None = None
    """Device class whose profiles hold here; absent: the resource's own name."""

    cost_per_hour: NonNegative = 0.0
    """Euro an hour for one running node, busy or idle."""

    power: Power | None = None

    start_time: Law = Law(mean=0.0, law="deterministic")
    """Seconds from ordering another node until it runs; it is paid from the moment it is ordered."""

    discipline: Discipline | None = None
    """``ps``: requests share the cores; ``fifo``: they queue for them. Absent: the scenario's ``run.discipline``."""

    dispatch: Literal["random", "round_robin", "shortest_queue"] = "random"
    """How a request finds its node among the replicas."""

    queue_capacity: WholeNumber | None = None
    """Requests that may wait at one node beyond those in service; more are lost. Absent: unlimited."""

    description: str = ""

    properties: dict[str, JsonValue] = Field(default_factory=dict)
    """Further facts of the source format, kept for export; the twin does not read them."""


class CloudFunction(Value):
    """A cloud function of one memory size: instances appear on demand and expire when idle."""

    name: Name

    layer: Name

    memory_mb: Positive | None = None

    architecture: str = "amd64"

    device: Name | None = None
    """Device class whose profiles hold here; absent: the function's own name."""

    idle_time: Positive = 600.0
    """Seconds an idle instance stays warm before it expires."""

    cold_start: Law = Law(mean=0.0, law="deterministic")
    """Time a request that finds no warm instance waits before its service; a profile may say it per partition."""

    concurrency_limit: Count | None = None
    """Instances of one partition at the same time; absent: unlimited."""

    on_limit: Literal["reject", "queue"] = "reject"
    """What happens to a request that meets the concurrency limit."""

    cost_per_hour: NonNegative = 0.0
    """Euro for one hour of execution at this memory size."""

    cost_per_request: NonNegative = 0.0
    """Euro per invocation (AI-SPRINT's ``transitionCost``)."""

    bills_cold_start: Flag = False
    """Whether the time of a cold start is billed like execution."""

    billing_step: NonNegative = 0.0
    """Seconds to whose multiples the billed time of an invocation is rounded up; 0: not rounded."""

    busy_w: NonNegative | None = None
    """Watt that an instance draws while it starts or serves; absent: not known, and not counted."""

    description: str = ""

    properties: dict[str, JsonValue] = Field(default_factory=dict)
    """Further facts of the source format, kept for export; the twin does not read them."""


class Continuum(Value):
    """Network domains, layers and everything that can run a partition."""

    domains: Named[NetworkDomain]

    layers: Named[Layer]

    resources: Named[Resource] = Field(default_factory=dict)

    functions: Named[CloudFunction] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _names_differ(self) -> Continuum:
        both = sorted(set(self.resources) & set(self.functions))
        if both:
            raise ValueError(f"{', '.join(both)}: a resource and a cloud function cannot have the same name")
        return self

    def host(self, name: str) -> Resource | CloudFunction:
        """Return the resource or cloud function called *name*; KeyError if there is none."""
        return self.resources[name] if name in self.resources else self.functions[name]

    def layers_within(self, domain: str) -> frozenset[str]:
        """Return the layers of *domain* and of all domains nested in it."""
        seen: set[str] = set()
        layers: set[str] = set()
        stack = [domain]
        while stack:
            name = stack.pop()
            if name not in seen and name in self.domains:
                seen.add(name)
                layers.update(self.domains[name].layers)
                stack.extend(self.domains[name].contains)
        return frozenset(layers)

    def best_domain(self, origin: str, destination: str, size_mb: float) -> NetworkDomain | None:
        """Return the domain holding both layers through which *size_mb* passes fastest, or None.

        Without contention a transfer takes ``access_delay + 8 * size_mb / bandwidth``.
        """
        common = [domain for domain, layers in self._domains_of.get(origin, ()) if destination in layers]
        return min(common, key=lambda d: d.access_delay + 8 * size_mb / d.bandwidth_mbit_per_s, default=None)

    @cached_property
    def _domains_of(self) -> dict[str, list[tuple[NetworkDomain, frozenset[str]]]]:
        """For each layer the domains that hold it, each with all the layers it holds."""
        domains: dict[str, list[tuple[NetworkDomain, frozenset[str]]]] = {}
        for domain in self.domains.values():
            layers = self.layers_within(domain.name)
            for layer in layers:
                domains.setdefault(layer, []).append((domain, layers))
        return domains
