"""The application: components, their deployments into partitions, and the edges between them."""

from __future__ import annotations

from functools import cached_property
from typing import Annotated, Any, Literal

from pydantic import AliasChoices, BeforeValidator, ConfigDict, Field, JsonValue, model_validator

from twin.model.base import Flag, Name, Named, NonNegative, Positive, Probability, Value

EPSILON = 1e-9
"""Rounding allowed where probabilities are summed."""


class Container(Value):
    """What one replica of a partition needs from its node."""

    memory_mb: NonNegative = 0.0

    computing_units: Positive = 1.0
    """Cores one request can use at most."""

    gpu: Flag = False
    """Whether it needs a GPU (``GPURequirement``)."""

    trusted_execution: Flag = False

    network_protection: Flag = False

    file_system_protection: Flag = False

    image: str | None = None
    """Container image."""

    image_mb: NonNegative = 0.0
    """Megabytes of the image, pulled from the registry where the partition starts on another node."""

    properties: dict[str, JsonValue] = Field(default_factory=dict)
    """Further facts of the source format, kept for export; the twin does not read them."""


def _listed(candidates: object) -> object:
    """Read a list of names, and names without a container, as candidates with default containers."""
    if isinstance(candidates, list | tuple) and all(isinstance(name, str) for name in candidates):
        return {name: {} for name in candidates}
    if isinstance(candidates, dict):
        return {name: {} if container is None else container for name, container in candidates.items()}
    return candidates


class Partition(Value):
    """The part of a component that runs in one container."""

    name: Name

    candidates: Annotated[dict[Name, Container], BeforeValidator(_listed)] = Field(min_length=1)
    """Resources and functions it may run on, each with the container it needs there; a list of names will do."""

    exit_probability: Probability = 0.0
    """Probability that a request leaves the component here (early exit) instead of going to the next partition."""

    data_mb: NonNegative = 0.0
    """Megabytes handed to the next partition of the same component."""

    @model_validator(mode="before")
    @classmethod
    def _spread_container(cls, data: Any) -> Any:
        """Let a ``container`` beside the candidates fill in what they leave open."""
        if not isinstance(data, dict) or "container" not in data:
            return data
        data = dict(data)
        common = data.pop("container")
        candidates = _listed(data.get("candidates"))
        if isinstance(common, dict) and isinstance(candidates, dict):
            data["candidates"] = {
                name: {**common, **(own or {})} if isinstance(own or {}, dict) else own
                for name, own in candidates.items()
            }
        return data


class Deployment(Value):
    """One way to run a component: whole, cut into partitions, or as another model."""

    name: Name

    partitions: Named[Partition] = Field(min_length=1)
    """The chain of partitions, in order."""

    accuracy: Probability | None = None
    """Quality of the answers (any metric between 0 and 1), where it is known."""

    transition_probabilities: dict[Name, Probability] = Field(default_factory=dict)
    """Probabilities of dependencies that this deployment changes, by successor."""

    dependency_data_mb: dict[Name, NonNegative] = Field(default_factory=dict)
    """Megabytes of dependencies that this deployment changes, by successor."""

    @property
    def chain(self) -> tuple[Partition, ...]:
        """The partitions in order."""
        return tuple(self.partitions.values())


class Component(Value):
    """One step of the application."""

    name: Name

    deployments: Named[Deployment] = Field(min_length=1)
    """The ways to run it; a plan chooses one by placing its partitions."""

    join: Literal["each", "all"] = "each"
    """``each``: it runs for every input that arrives; ``all``: once, when every input that comes has arrived."""

    sends: Literal["exclusive", "independent"] | None = None
    """``exclusive``: a request takes at most one of the dependencies; ``independent``: each with its own probability.

    Absent: exclusive when the probabilities of the dependencies sum to at most 1, independent otherwise.
    """

    @model_validator(mode="before")
    @classmethod
    def _whole(cls, data: Any) -> Any:
        """Read a component without deployments as one partition of its own name."""
        if not isinstance(data, dict) or "deployments" in data or "candidates" not in data:
            return data
        own = {key: data[key] for key in ("name", "join", "sends") if key in data}
        body = {key: value for key, value in data.items() if key not in own}
        base: dict[str, Any] = {"partitions": {data.get("name"): body}}
        for key in ("accuracy", "transition_probabilities", "dependency_data_mb"):
            if key in body:
                base[key] = body.pop(key)
        return {**own, "deployments": {"base": base}}


class Dependency(Value):
    """An edge of the application's graph."""

    model_config = ConfigDict(populate_by_name=True)

    origin: Name = Field(validation_alias=AliasChoices("from", "origin"), serialization_alias="from")
    """Component that sends."""

    to: Name
    """Component that receives."""

    probability: Probability = 1.0
    """Probability that a request takes this edge."""

    data_mb: NonNegative = 0.0
    """Megabytes that travel."""


class Application(Value):
    """Components and the directed acyclic graph between them."""

    components: Named[Component] = Field(min_length=1)

    dependencies: tuple[Dependency, ...] = ()

    def partition(self, name: str) -> tuple[Component, Deployment, Partition]:
        """Return where the partition called *name* belongs; KeyError if there is none."""
        return self._places[name]

    @cached_property
    def _places(self) -> dict[str, tuple[Component, Deployment, Partition]]:
        """Where each partition belongs; of two with one name, the first."""
        places: dict[str, tuple[Component, Deployment, Partition]] = {}
        for component in self.components.values():
            for deployment in component.deployments.values():
                for partition in deployment.partitions.values():
                    places.setdefault(partition.name, (component, deployment, partition))
        return places

    def dependencies_of(self, component: str) -> tuple[Dependency, ...]:
        """Return the edges that leave *component*, in the order of the file."""
        return self._leaving.get(component, ())

    @cached_property
    def _leaving(self) -> dict[str, tuple[Dependency, ...]]:
        """The edges that leave each component."""
        leaving: dict[str, list[Dependency]] = {}
        for edge in self.dependencies:
            leaving.setdefault(edge.origin, []).append(edge)
        return {origin: tuple(edges) for origin, edges in leaving.items()}

    def roots(self) -> tuple[str, ...]:
        """Return the components that no edge enters."""
        return self._roots

    @cached_property
    def _roots(self) -> tuple[str, ...]:
        entered = {edge.to for edge in self.dependencies}
        return tuple(name for name in self.components if name not in entered)

    def sends_exclusively(self, component: str, probabilities: tuple[float, ...]) -> bool:
        """Say whether requests choose one of the edges; the one place where this rule is stated."""
        explicit = self.components[component].sends
        return explicit == "exclusive" if explicit else sum(probabilities) <= 1 + EPSILON
