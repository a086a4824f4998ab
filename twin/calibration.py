"""What the profiles leave open: other profiles that the same measurements might as well have given.

Samples are drawn again from themselves (the bootstrap: B. Efron, Ann. Statist. 7, 1979), and a guessed speed of a
device is moved within its stated uncertainty. The difference such a draw makes to a figure, request by request on the
same arrivals, shows how far the figure rests on the calibration.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import exp, isfinite, isnan, log1p, sqrt

import numpy as np
from scipy.special import ndtri

from twin.model.law import Law
from twin.model.plan import Plan
from twin.model.profile import Profile
from twin.model.scenario import Scenario
from twin.statistics import Estimate
from twin.streams import stream


def is_open(scenario: Scenario, plan: Plan) -> bool:
    """Say whether *plan* rests on a profile that was sampled, or scaled by an uncertain factor."""
    return any(_is_open(profile) for _, _, profile in _used(scenario, plan))


def redrawn(scenario: Scenario, plan: Plan, draw: int, *, draws: int) -> Scenario:
    """Return *scenario* with the profiles that *plan* uses drawn again: number *draw* of *draws*.

    A device's factor is drawn once for all partitions on it: if it is slower than guessed, it is so for all of them.
    Its relative uncertainty is the standard deviation of a lognormal factor with mean 1. All draws together take
    each part of that law once (stratified sampling), so that a few of them tell its spread.
    """
    seed = scenario.run.seed
    profiles = {partition: dict(devices) for partition, devices in scenario.profiles.items()}
    for partition, device, profile in _used(scenario, plan):
        rng = stream(seed, draw, f"calibration/{partition}/{device}")
        part = int(stream(seed, 0, f"speed/{device}").permutation(draws)[draw])
        factor = _factor(profile.scale_uncertainty, float(ndtri((part + 0.5) / draws)))
        profiles[partition][device] = _redrawn(profile, rng, factor)
    return scenario.model_copy(update={"profiles": profiles})


def widened(estimate: Estimate, differences: Sequence[float], confidence: float) -> Estimate:
    """Return *estimate* with its interval widened by what other draws of the profiles changed.

    The interval of the simulation grows at each end by the quantile of the *differences* there: wider than the two
    doubts together would need, never narrower than either. NaN differences are left out.
    """
    known = [each for each in differences if not isnan(each)]
    if not known or not isfinite(estimate.low):
        return estimate
    tail = (1 - confidence) / 2
    lower, upper = np.quantile(known, [tail, 1 - tail], method="inverted_cdf")
    return Estimate(estimate.value, estimate.low + min(float(lower), 0.0), estimate.high + max(float(upper), 0.0))


def _used(scenario: Scenario, plan: Plan) -> Iterable[tuple[str, str, Profile]]:
    """Yield partition, device class and profile of every placement, each profile once."""
    for partition, placement in plan.placements.items():
        for device in (placement.resource, scenario.continuum.host(placement.resource).device):
            if device in scenario.profiles.get(partition, {}):
                yield partition, device, scenario.profiles[partition][device]
                break


def _is_open(profile: Profile) -> bool:
    laws = (profile.service_time, profile.cold_service_time, profile.cold_start)
    return profile.scale_uncertainty > 0 or any(law is not None and law.samples is not None for law in laws)


def _redrawn(profile: Profile, rng: np.random.Generator, factor: float) -> Profile:
    laws = {
        name: _resampled(law, rng)
        for name in ("service_time", "cold_service_time", "cold_start")
        if (law := getattr(profile, name)) is not None
    }
    return profile.model_copy(update={**laws, "scale": profile.scale * factor})


def _resampled(law: Law, rng: np.random.Generator) -> Law:
    if law.samples is None:
        return law
    return law.model_copy(update={"samples": tuple(rng.choice(law.samples, len(law.samples)).tolist())})


def _factor(uncertainty: float, normal: float) -> float:
    """Return the value of a lognormal factor, mean 1 and standard deviation *uncertainty*, at a standard normal."""
    variance = log1p(uncertainty**2)
    return exp(sqrt(variance) * normal - variance / 2)
