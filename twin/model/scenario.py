"""The scenario: everything that is known before a run, cross-checked."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from twin.model.application import Application
from twin.model.base import Count, Flag, Name, NonNegative, Number, Positive, Value, WholeNumber
from twin.model.constraints import Constraint
from twin.model.continuum import Continuum, Discipline
from twin.model.events import Event
from twin.model.law import LawName
from twin.model.plan import Placement, Plan
from twin.model.profile import Profile
from twin.model.reconfiguration import Reconfiguration
from twin.model.workload import Workload

Confidence = Annotated[float, Field(gt=0, lt=1, strict=True)]


class Run(Value):
    """How long, how often and under which defaults the twin runs."""

    requests: Count | None = None
    """Arrivals per replication; absent (with horizon absent too): 20000."""

    horizon: Positive | None = None
    """Simulated seconds per replication, instead of a number of requests."""

    replications: Annotated[int, Field(ge=1, le=100_000, strict=True)] = 5
    """Independent repetitions; the intervals come from their spread."""

    warm_up: NonNegative | Literal["auto", "none"] = "auto"
    """Seconds left out at the start; ``auto`` finds them (MSER-5)."""

    seed: WholeNumber = 0
    """Equal scenario, plan and seed give an equal report."""

    confidence: Confidence = 0.95
    """Level of the intervals."""

    precision: Positive | None = None
    """Replications are added until the half-width of a figure is this small, relative to it."""

    precision_of: str | None = None
    """The figure that ``precision`` is about, by its name in the report; absent: the mean response time."""

    max_replications: Count = 200
    """Where ``precision`` stops asking for more."""

    calibration_draws: Annotated[int, Field(ge=0, le=100_000, strict=True)] = 0
    """Further replications with profiles drawn again as their measurements leave them open; 0: profiles are exact."""

    discipline: Discipline = "ps"
    """Discipline of the nodes that do not name their own."""

    bare_mean: Literal["exponential", "deterministic"] = "exponential"
    """Law of a time that is given as a mean alone."""

    transfers_within_resource: Literal["network", "free"] = "network"
    """Whether data between two nodes of one resource passes its network, or is counted free as SPACE4AI does."""

    @model_validator(mode="after")
    def _one_length(self) -> Run:
        if self.requests is not None and self.horizon is not None:
            raise ValueError("give requests or horizon, not both")
        return self

    @property
    def law(self) -> LawName:
        """The law of bare means."""
        return self.bare_mean


class Expectation(Value):
    """One line of the ``expect`` block: what ``ctwin check`` asks of the report."""

    figure: str
    """Path in the report, such as ``response_time.p95`` or ``resources.VM1.utilisation``."""

    below: Number | None = None

    above: Number | None = None

    between: tuple[Number, Number] | None = None

    equals: str | Number | Flag | None = None

    confident: Flag = False
    """Whether the whole confidence interval must lie within the bounds, not only the estimate."""

    @model_validator(mode="after")
    def _asks_something(self) -> Expectation:
        bounds = (self.below, self.above, self.between, self.equals)
        if sum(bound is not None for bound in bounds) != 1:
            raise ValueError("give exactly one of below, above, between, equals")
        if self.between is not None and self.between[0] > self.between[1]:
            raise ValueError(f"between must be [low, high], got {list(self.between)}")
        return self


class Scenario(Value):
    """What there is, what is asked of it, and how it is run."""

    name: Name

    question: str = ""
    """The question this scenario answers, in a sentence."""

    continuum: Continuum

    application: Application

    profiles: dict[Name, dict[Name, Profile]]
    """Partition → device class → profile."""

    workload: Workload

    constraints: tuple[Constraint, ...] = ()

    events: tuple[Event, ...] = ()

    run: Run = Run()

    reconfiguration: Reconfiguration = Reconfiguration()
    """How the plan may change during the run, where a policy decides."""

    plan: Plan | None = None
    """The plan to run unless another is given: partition → placement."""

    expect: tuple[Expectation, ...] = ()

    @model_validator(mode="before")
    @classmethod
    def _short_plan(cls, data: Any) -> Any:
        """Read ``plan: {partition: resource}`` without the inner ``placements``."""
        plan = data.get("plan") if isinstance(data, dict) else None
        if isinstance(plan, dict) and "placements" not in plan:
            return {**data, "plan": {"placements": plan}}
        return data

    def profile(self, partition: str, host: str) -> Profile | None:
        """Return the profile of *partition* on resource or function *host*: by its device class, else by its name."""
        by_device = self.profiles.get(partition, {})
        device = self.continuum.host(host).device
        return by_device.get(host) or (by_device.get(device) if device else None)

    def entry(self, source: str) -> str:
        """Return the component that receives the requests of *source*."""
        return self.workload.sources[source].entry or self.application.roots()[0]


__all__ = ["Expectation", "Placement", "Run", "Scenario"]
