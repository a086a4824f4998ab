"""Sources of requests that have a place: their data travel from there, like those of a component without partitions."""

from __future__ import annotations

from dataclasses import dataclass

from twin.model.rates import mean_rate
from twin.model.scenario import Scenario


@dataclass(frozen=True, slots=True, kw_only=True)
class LocatedSource:
    """A source whose requests come from a layer."""

    layer: str

    entry: str
    """Component that receives them."""

    data_mb: float

    rate: float
    """Requests/s."""


def located_sources(scenario: Scenario) -> dict[str, LocatedSource]:
    """Return the sources with a place, by the names they have among the components."""
    return {
        name_among_components(scenario, name): LocatedSource(
            layer=source.at, entry=scenario.entry(name), data_mb=source.data_mb, rate=mean_rate(source.arrivals) or 0.0
        )
        for name, source in scenario.workload.sources.items()
        if source.at is not None
    }


def name_among_components(scenario: Scenario, source: str) -> str:
    """Return a name for *source* that no component has."""
    name = f"source {source}"
    while name in scenario.application.components:
        name = f"the {name}"
    return name
