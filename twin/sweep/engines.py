"""Which engine each point of a sweep runs on, chosen by the sweep alone, so that it is the same wherever it runs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from twin.compilation import compile_network
from twin.crew import cores
from twin.engines.choice import WORTH_COMPILING, chosen_engine
from twin.errors import TwinError
from twin.experiment import COMPILED_GAIN, REQUESTS, WORTH_A_PROCESS
from twin.model.rates import mean_rate
from twin.model.scenario import Scenario

_EFFORT = 1_000.0
"""Visits in whose time SimPy is as slow as the closed forms of one point."""


def engines_for(choice: str, scenarios: Sequence[Scenario]) -> list[str]:
    """Return the engine of each point; ``auto`` takes the compiled one where it covers a point and the sweep is long.

    What counts is the length of the whole sweep, so that its points are of one kind.
    """
    if choice != "auto":
        return [choice] * len(scenarios)
    if sum(map(_visits, scenarios)) < WORTH_COMPILING:
        return ["simpy"] * len(scenarios)
    return ["compiled" if _is_covered(scenario) else "simpy" for scenario in scenarios]


def processes_for(points: Iterable[tuple[Scenario, str]]) -> int:
    """Return how many processes a sweep is worth: one for each core where its points outweigh their start."""
    work = sum(_EFFORT if engine == "theory" else _visits(scenario) / _gain(engine) for scenario, engine in points)
    return cores() if work >= WORTH_A_PROCESS else 1


def _gain(engine: str) -> float:
    return COMPILED_GAIN if engine == "compiled" else 1.0


def _visits(scenario: Scenario) -> float:
    """Return about how many visits to stations all replications take."""
    run = scenario.run
    requests = float(run.requests or REQUESTS)
    if run.horizon:
        rates = [mean_rate(source.arrivals) for source in scenario.workload.sources.values()]
        requests = run.horizon * sum(rate or 0.0 for rate in rates)
    steps = len(scenario.plan.placements) if scenario.plan else 1
    return requests * steps * run.replications


def _is_covered(scenario: Scenario) -> bool:
    try:
        assert scenario.plan is not None
        chosen_engine("compiled", compile_network(scenario, scenario.plan), scenario.events, visits=0.0)
    except TwinError:  # whatever else is wrong shows when the point runs
        return False
    return True
