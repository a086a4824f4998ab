"""What a partition takes and costs on a cloud function: independent of the plan, so computed once."""

from __future__ import annotations

from dataclasses import dataclass

from design.rules import Rules
from design.space4ai_formula import function_time, warm_and_cold
from twin.compilation import service_times
from twin.engines.closed_form.functions import solve_function
from twin.engines.closed_form.functions import variance as execution_variance
from twin.model.scenario import Scenario
from twin.network import FunctionPool, Step

HOUR = 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionFigures:
    """One partition on one function."""

    seconds: float
    """Mean response time; infinite where a limit on instances keeps it from keeping up."""

    variance: float
    """Of that time, s²; 0 in dialects that know means only."""

    cost: float
    """Euro an hour."""


def function_figures(
    scenario: Scenario, rules: Rules, partition: str, name: str, component_rate: float, reach: float
) -> FunctionFigures:
    """Return what *partition* takes and costs on the function called *name*.

    *component_rate* are the requests/s of its component, *reach* the share of them that gets to the partition.
    """
    function = scenario.continuum.functions[name]
    rate = component_rate * reach
    if rules.dialect != "twin":
        warm, cold = warm_and_cold(scenario, partition, function)
        seen = component_rate if rules.function_rate == "component" else rate
        seconds = float(function_time(seen, warm, cold, function.idle_time))
        return FunctionFigures(seconds=seconds, variance=0.0, cost=function.cost_per_hour * warm * seen)
    pool = FunctionPool(
        name=name,
        function=name,
        idle_time=function.idle_time,
        concurrency_limit=function.concurrency_limit,
        on_limit=function.on_limit,
    )
    service, cold_start, cold_service = service_times(scenario, partition, name)
    step = Step(
        name=partition,
        component=0,
        station=0,
        service_time=service,
        cold_start=cold_start,
        cold_service_time=cold_service,
    )
    own = solve_function(pool, [step], [rate]).steps[0]
    billed = (own.service_time if function.bills_cold_start else service.expectation) + function.billing_step / 2
    return FunctionFigures(
        seconds=own.response_time,
        variance=execution_variance(pool, step, own, rate),
        cost=rate * (billed * function.cost_per_hour + HOUR * price_per_request(scenario, name)),
    )


def price_per_request(scenario: Scenario, function: str) -> float:
    """Return euro per invocation: the function's own price, or the one a SPACE4AI file names and its tools forget."""
    host = scenario.continuum.functions[function]
    named = host.properties.get("transition_cost")
    forgotten = float(named) if isinstance(named, int | float) else 0.0
    return host.cost_per_request or forgotten
