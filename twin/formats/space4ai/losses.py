"""What SPACE4AI's files can hold of a scenario, and what they cannot: they know means, one rate, limits on means."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from twin.model.constraints import GlobalConstraint, LocalConstraint
from twin.model.continuum import CloudFunction, Resource
from twin.model.law import Law
from twin.model.scenario import Scenario
from twin.model.workload import Arrivals, MarkovModulated, Poisson, Renewal


def system_losses(scenario: Scenario) -> tuple[str, ...]:
    """Return what a SPACE4AI system file cannot hold of *scenario*, a sentence each."""
    continuum, components = scenario.continuum, scenario.application.components.values()
    resources, functions = continuum.resources.values(), continuum.functions.values()
    deployments = [deployment for component in components for deployment in component.deployments.values()]
    kept = [*_mean_limits(scenario)]
    checks: tuple[tuple[str, Iterable[str]], ...] = (
        ("several cores become one server", (r.name for r in resources if r.cores != 1)),
        ("first come, first served becomes sharing", (r.name for r in resources if _discipline(scenario, r) != "ps")),
        ("places to wait become unlimited", (r.name for r in resources if r.queue_capacity is not None)),
        ("nodes that run anyway are paid only while used", _provisioned(scenario)),
        ("service times keep only their mean", (name for name in scenario.profiles if _has_shape(scenario, name))),
        ("the price of a request is not charged by the tools", (f.name for f in functions if f.cost_per_request)),
        (
            "power is left out",
            (*(r.name for r in resources if r.power), *(f.name for f in functions if f.busy_w is not None)),
        ),
        (
            "transfers no longer disturb each other",
            (d.name for d in continuum.domains.values() if d.contention != "none"),
        ),
        ("limits on concurrency are left out", (f.name for f in functions if f.concurrency_limit)),
        ("joins of all inputs are left out", (c.name for c in components if c.join == "all")),
        ("own transition probabilities are left out", (d.name for d in deployments if d.transition_probabilities)),
        ("arrivals become Poisson", (s.name for s in scenario.workload.sources.values() if _not_poisson(s.arrivals))),
        ("data of requests is left out", (s.name for s in scenario.workload.sources.values() if s.data_mb)),
        ("constraints but mean response times are left out", (c.kind for c in scenario.constraints if c not in kept)),
        ("events are left out", (event.event for event in scenario.events)),
    )
    found = ((text, ", ".join(dict.fromkeys(names))) for text, names in checks)
    return tuple(f"{text}: {names}" for text, names in found if names)


def common_rate(scenario: Scenario) -> float | None:
    """Return the mean arrival rate that every root receives; None where there is no such rate."""
    rates: dict[str, float] = {}
    for name, source in scenario.workload.sources.items():
        rate = _mean_rate(source.arrivals)
        if rate is None:
            return None
        entry = scenario.entry(name)
        rates[entry] = rates.get(entry, 0.0) + rate
    same = set(rates) == set(scenario.application.roots()) and len(set(rates.values())) == 1
    return next(iter(rates.values())) if same else None


def local_limits(scenario: Scenario) -> dict[str, float]:
    """Return component → the tightest limit on its mean response time, seconds."""
    limits: dict[str, float] = {}
    for constraint in _mean_limits(scenario):
        if isinstance(constraint, LocalConstraint):
            limits[constraint.component] = min(constraint.limit, limits.get(constraint.component, constraint.limit))
    return limits


def global_constraints(scenario: Scenario) -> dict[str, GlobalConstraint]:
    """Return the limits on mean response times of paths by their names, or p1, p2, ... where they have none."""
    paths = [constraint for constraint in _mean_limits(scenario) if isinstance(constraint, GlobalConstraint)]
    taken = {constraint.name for constraint in paths}
    free = (f"p{i}" for i in range(1, 2 * len(paths) + 1) if f"p{i}" not in taken)
    return {constraint.name or next(free): constraint for constraint in paths}


def transition_cost(function: CloudFunction) -> float:
    """Return the price of a request as the file names it."""
    kept = function.properties.get("transition_cost")
    return float(kept) if isinstance(kept, int | float) else function.cost_per_request


def _mean_limits(scenario: Scenario) -> Iterator[LocalConstraint | GlobalConstraint]:
    for constraint in scenario.constraints:
        if isinstance(constraint, LocalConstraint | GlobalConstraint) and constraint.statistic == "mean":
            yield constraint


def _mean_rate(arrivals: Arrivals) -> float | None:
    if isinstance(arrivals, Renewal):
        gap = arrivals.gap.expectation
        return 1 / gap if gap else None
    if isinstance(arrivals, MarkovModulated):
        return sum(s.rate * s.sojourn for s in arrivals.states) / sum(s.sojourn for s in arrivals.states)
    rate = getattr(arrivals, "rate", None)
    return float(rate) if rate is not None else None


def _not_poisson(arrivals: Arrivals) -> bool:
    return not isinstance(arrivals, Poisson)


def _has_shape(scenario: Scenario, partition: str) -> bool:
    laws: list[Law] = [profile.service_time for profile in scenario.profiles[partition].values()]
    return any(law.samples is not None or law.law not in (None, "exponential") for law in laws)


def _discipline(scenario: Scenario, resource: Resource) -> str:
    return resource.discipline or scenario.run.discipline


def _provisioned(scenario: Scenario) -> Iterator[str]:
    for resource in scenario.continuum.resources.values():
        if scenario.continuum.layers[resource.layer].type == "PhysicalAlreadyProvisioned" and resource.cost_per_hour:
            yield resource.name
