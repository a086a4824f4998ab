"""What the profiles leave open shows in the report, and turns a verdict that rests on a guess."""

from __future__ import annotations

from math import inf, nan
from typing import Any

import numpy as np
import pytest

from tests.samples import sample_scenario
from twin.calibration import is_open, redrawn, widened
from twin.experiment import simulate
from twin.model.law import Law
from twin.model.plan import Plan
from twin.model.profile import Profile
from twin.model.scenario import Scenario
from twin.report import Report
from twin.statistics import Estimate


def scenario_with(profile: Any, limit: float = 10.0, **run: Any) -> Scenario:
    """Return one component on one node, five requests a second, with this profile and a limit on its mean."""
    return sample_scenario(
        {
            "profiles": {"detect": {"Edge": profile}},
            "constraints": [{"kind": "local", "component": "detect", "limit": limit}],
            "run": {"requests": 800, **run},
        }
    )


GUESS = {"service_time": {"law": "deterministic", "mean": 0.05}, "scale": 1.0, "scale_uncertainty": 0.2}


def calibrated(report: Report) -> tuple[float, float]:
    """Return the wider interval of the only limit."""
    low, high = report.figures["constraints"][0]["calibration_ci"]
    return low, high


def plan_of(scenario: Scenario) -> Plan:
    """Return the plan of a scenario that has one."""
    assert scenario.plan is not None
    return scenario.plan


def test_exact_profiles_leave_nothing_open() -> None:
    """A law without samples or uncertainty is taken at its word: the report does not change."""
    scenario = scenario_with({"law": "deterministic", "mean": 0.05})
    assert not is_open(scenario, plan_of(scenario))
    asked = simulate(scenario_with({"law": "deterministic", "mean": 0.05}, calibration_draws=5))
    assert "calibration" not in asked.figures
    assert asked.figures["response_time"] == simulate(scenario).figures["response_time"]


def test_factors_have_the_stated_mean_and_spread() -> None:
    """Over all draws, a guessed factor has mean 1 and the stated relative standard deviation."""
    scenario = scenario_with(GUESS)
    draws = 400
    factors = [
        redrawn(scenario, plan_of(scenario), i, draws=draws).profiles["detect"]["Edge"].scale for i in range(draws)
    ]
    assert np.mean(factors) == pytest.approx(1.0, abs=0.002)
    assert np.std(factors) == pytest.approx(0.2, rel=0.02)


def test_partitions_of_a_device_share_its_factor() -> None:
    """A device that is slower than guessed is so for every partition on it."""
    both = {"detect": {"Edge": GUESS}, "track": {"Edge": GUESS}}
    scenario = sample_scenario(
        {
            "application": {
                "components": {"track": {"candidates": ["Edge"]}},
                "dependencies": [{"from": "detect", "to": "track"}],
            },
            "profiles": both,
            "plan": {"track": "Edge"},
        }
    )
    for draw in range(4):
        profiles = redrawn(scenario, plan_of(scenario), draw, draws=4).profiles
        assert profiles["detect"]["Edge"].scale == profiles["track"]["Edge"].scale != 1.0


def test_resampled_means_spread_like_the_standard_error() -> None:
    """The bootstrap's spread of a mean is that of theory: standard deviation over the root of the count."""
    rng = np.random.default_rng(3)
    samples = rng.gamma(4.0, 0.01, 50)
    scenario = scenario_with({"service_time": {"samples": samples.tolist()}})
    means = [
        redrawn(scenario, plan_of(scenario), i, draws=600).profiles["detect"]["Edge"].service_time.expectation
        for i in range(600)
    ]
    assert np.std(means) == pytest.approx(samples.std() / 50**0.5, rel=0.1)


def test_the_interval_is_that_of_the_factor() -> None:
    """Without queues the response time is the service time: its interval is the factor's, whose law is known."""
    scenario = scenario_with(GUESS, calibration_draws=40)
    idle = scenario.model_copy(
        update={
            "workload": sample_scenario({"workload": {"sources": {"cameras": {"arrivals": {"rate": 0.01}}}}}).workload
        }
    )
    low, high = calibrated(simulate(idle))
    spread = np.log1p(0.2**2) ** 0.5
    edges = np.exp(np.array([-1.96, 1.96]) * spread - spread**2 / 2) * 0.05
    assert (low, high) == pytest.approx(tuple(edges), rel=0.08)


def test_a_verdict_on_a_guess_is_left_open() -> None:
    """A limit that only a slower device would break holds by the guess, and cannot be told once that is asked."""
    sure = simulate(scenario_with(GUESS, limit=0.07))
    assert sure.verdict == "pass"
    asked = simulate(scenario_with(GUESS, limit=0.07, calibration_draws=20))
    assert asked.verdict == "inconclusive"
    assert "calibrate more" in asked.verdicts[0].note
    assert asked.figures["calibration"]["draws"] == 20


def test_a_far_limit_stays_decided() -> None:
    """Where no draw comes near the limit, the verdict is as before."""
    assert simulate(scenario_with(GUESS, limit=1.0, calibration_draws=20)).verdict == "pass"
    assert simulate(scenario_with(GUESS, limit=0.01, calibration_draws=20)).verdict == "fail"


def test_equal_seeds_draw_equally() -> None:
    """The same scenario and seed give the same report, draws included; the draws leave the figures alone."""
    scenario = scenario_with(GUESS, calibration_draws=6)
    first, second = simulate(scenario), simulate(scenario)
    assert first.to_json() == second.to_json()
    assert first.figures["response_time"] == simulate(scenario_with(GUESS)).figures["response_time"]


def test_widening_never_narrows() -> None:
    """Differences of one sign move one end only; no interval, no difference: nothing changes."""
    estimate = Estimate(1.0, 0.9, 1.1)
    assert widened(estimate, [0.1, 0.2, 0.3], 0.95) == Estimate(1.0, 0.9, pytest.approx(1.4))
    assert widened(estimate, [-0.1, nan], 0.95) == Estimate(1.0, pytest.approx(0.8), 1.1)
    assert widened(estimate, [nan], 0.95) == estimate
    assert widened(Estimate(1.0, -inf, inf), [0.5], 0.95) == Estimate(1.0, -inf, inf)


def test_cold_starts_are_drawn_again_too() -> None:
    """Samples of a cold start are resampled like those of a service."""
    profile = Profile.model_validate({"service_time": 0.1, "cold_start": {"samples": [0.1, 0.2, 0.3, 0.4, 0.5]}})
    scenario = scenario_with(0.1).model_copy(update={"profiles": {"detect": {"Edge": profile}}})
    found = {redrawn(scenario, plan_of(scenario), i, draws=9).profiles["detect"]["Edge"].cold_start for i in range(9)}
    assert len(found) > 3
    assert all(isinstance(law, Law) for law in found)
