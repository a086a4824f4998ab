"""What a partition takes and costs on a cloud function: independent of the plan, so computed once."""

from __future__ import annotations

import math

from design.rules import Rules
from design.space4ai_formula import function_time, warm_and_cold
from twin.engines.queueing import faas_chain
from twin.model.scenario import Scenario

HOUR = 3600.0

PLATFORM = 1000
"""Instances that a platform without a limit is assumed to keep at most, unless the load needs more."""


def function_figures(
    scenario: Scenario, rules: Rules, partition: str, name: str, component_rate: float, reach: float
) -> tuple[float, float]:
    """Return mean seconds and euro an hour of *partition* on the function called *name*.

    *component_rate* are the requests/s of its component, *reach* the share of them that gets to the partition.
    """
    function = scenario.continuum.functions[name]
    warm, cold = warm_and_cold(scenario, partition, function)
    rate = component_rate * reach
    if rules.dialect != "twin":
        seen = component_rate if rules.function_rate == "component" else rate
        return float(function_time(seen, warm, cold, function.idle_time)), function.cost_per_hour * warm * seen
    seconds = _twin_time(rate, warm, cold, function.idle_time)
    billed = (seconds if function.bills_cold_start else warm) + function.billing_step / 2
    return seconds, rate * (billed * function.cost_per_hour + HOUR * price_per_request(scenario, name))


def price_per_request(scenario: Scenario, function: str) -> float:
    """Return euro per invocation: the function's own price, or the one a SPACE4AI file names and its tools forget."""
    host = scenario.continuum.functions[function]
    named = host.properties.get("transition_cost")
    forgotten = float(named) if isinstance(named, int | float) else 0.0
    return host.cost_per_request or forgotten


def _twin_time(rate: float, warm: float, cold: float, idle_time: float) -> float:
    if cold == warm:
        return warm
    most = max(PLATFORM, 2 * math.ceil(rate * warm))
    share = faas_chain(rate, warm, cold, idle_time, maximum_concurrency=most).cold_probability
    return (1.0 - share) * warm + share * cold
