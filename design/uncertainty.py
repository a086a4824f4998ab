"""What is not known for sure: the load, and how long partitions really take; and the worlds that this leaves open."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from math import isfinite
from typing import Literal

import numpy as np

from design.space4ai_formula import warm_and_cold
from design.traffic_rates import entry_rates
from twin.errors import TwinError
from twin.model.profile import Profile
from twin.model.rates import scaled_to
from twin.model.scenario import Scenario

Interval = tuple[float, float]

SAFEST = 1e-3
"""A stated uncertainty of 100 % or more would let service times vanish; no factor is below this."""

LOADS = 9
"""Loads looked at where times on cloud functions change with the load."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Uncertainty:
    """Intervals that hold what is true; every load and, profile by profile, every factor in them is possible."""

    load: Interval | None = None
    """Requests/s of all sources together, which grow alike; None: as the scenario says."""

    profiles: Interval | Literal["stated"] | None = None
    """Factors on all service times, or each profile's own ``scale_uncertainty``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """One way things may be: all sources at one load, all profiles at one place of their intervals."""

    load: float
    """Requests/s."""

    place: float
    """-1 for the shortest service times, 0 for those of the scenario, 1 for the longest."""

    scenario: Scenario


def corners(scenario: Scenario, uncertainty: Uncertainty) -> tuple[World, ...]:
    """Return the worlds at the ends of the intervals, the one with most load and the longest times last."""
    loads = uncertainty.load or (_load(scenario),) * 2
    places = (0.0, 0.0) if uncertainty.profiles is None else (-1.0, 1.0)
    pairs = sorted(set(product(loads, places)))
    return tuple(_world(scenario, uncertainty, load, place) for load, place in pairs)


def further_worlds(scenario: Scenario, uncertainty: Uncertainty) -> tuple[World, ...]:
    """Return worlds between the corners, if any time changes in another way than growing with load and service times.

    Only times on functions with a cold start do: the more requests, the fewer of them start cold.
    """
    if not any(starts_cold(scenario, partition, host) for partition, host in _on_functions(scenario)):
        return ()
    loads = uncertainty.load or (_load(scenario),) * 2
    places = (0.0,) if uncertainty.profiles is None else (-1.0, 0.0, 1.0)
    known = {(each.load, each.place) for each in corners(scenario, uncertainty)}
    pairs = product(sorted({float(load) for load in np.linspace(*loads, LOADS)}), places)
    return tuple(_world(scenario, uncertainty, *pair) for pair in pairs if pair not in known)


def starts_cold(scenario: Scenario, partition: str, function: str) -> bool:
    """Say whether a partition on a function takes longer when it starts cold."""
    if scenario.profile(partition, function) is None:
        return False
    warm, cold = warm_and_cold(scenario, partition, scenario.continuum.functions[function])
    return cold != warm


def require_nominal(scenario: Scenario, uncertainty: Uncertainty) -> None:
    """Raise TwinError unless the intervals make sense and hold what the scenario says."""
    if uncertainty.load is not None:
        _require_interval("load interval", uncertainty.load, _load(scenario), "its load; give --arrival-rate")
    if isinstance(uncertainty.profiles, tuple):
        _require_interval("profile interval", uncertainty.profiles, 1.0, "the factor 1")
    stated = [each for by_device in scenario.profiles.values() for each in by_device.values() if each.scale_uncertainty]
    if uncertainty.profiles == "stated" and not stated:
        raise TwinError(f"no profile of scenario {scenario.name!r} states a scale_uncertainty; give an interval")


def _require_interval(name: str, interval: Interval, nominal: float, what: str) -> None:
    low, high = interval
    if not (0.0 < low <= high and isfinite(high)):
        raise TwinError(f"the {name} must be LOW:HIGH with 0 < LOW <= HIGH, got {low:g}:{high:g}")
    if not low <= nominal * (1 + 1e-12) or not nominal <= high * (1 + 1e-12):
        raise TwinError(f"the {name} {low:g}:{high:g} must hold what the scenario says, {nominal:g}: {what}")


def _load(scenario: Scenario) -> float:
    return sum(entry_rates(scenario).values())


def _on_functions(scenario: Scenario) -> Iterator[tuple[str, str]]:
    for component in scenario.application.components.values():
        for deployment in component.deployments.values():
            for partition in deployment.chain:
                for name in set(partition.candidates) & set(scenario.continuum.functions):
                    yield partition.name, name


def _world(scenario: Scenario, uncertainty: Uncertainty, load: float, place: float) -> World:
    profiles = {
        partition: {device: _stretched(each, _factor(uncertainty, each, place)) for device, each in by_device.items()}
        for partition, by_device in scenario.profiles.items()
    }
    update: dict[str, object] = {"profiles": profiles}
    if uncertainty.load is not None:
        update["workload"] = scaled_to(scenario.workload, load)
    return World(load=load, place=place, scenario=scenario.model_copy(update=update))


def _factor(uncertainty: Uncertainty, profile: Profile, place: float) -> float:
    if uncertainty.profiles is None or place == 0.0:
        return 1.0
    if uncertainty.profiles == "stated":
        return max(1.0 + place * profile.scale_uncertainty, SAFEST)
    return uncertainty.profiles[0 if place < 0.0 else 1]


def _stretched(profile: Profile, factor: float) -> Profile:
    return profile if factor == 1.0 else profile.model_copy(update={"scale": profile.scale * factor})
