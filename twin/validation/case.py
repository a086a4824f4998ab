"""A case: a network whose steady state theory knows, and the test whether the twin meets it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from twin.engines.simpy_engine import simulate_network
from twin.engines.trajectory import Trajectory
from twin.model.events import Event
from twin.network import Network
from twin.statistics import over_replications

CONFIDENCE = 0.99
"""Level of the intervals."""

PRECISION = 0.02
"""Largest half-width of an interval that proves something, relative to its centre."""

WARM_UP = 0.05
"""Share of a replication that is left out at its start; every network here starts empty."""

Figure = Callable[[Trajectory, float], float]
"""Takes the records of a replication and the second at which its warm-up ends."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A question that theory and the twin can both answer."""

    name: str

    theory: str
    """Formula and source of the expected value."""

    network: Callable[[], Network]

    figure: Figure

    expected: float
    """What theory says the figure is in the long run."""

    requests: int = 30_000
    """Arrivals in one replication."""

    replications: int = 20

    events: tuple[Event, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What came of a case."""

    name: str

    theory: str

    expected: float

    simulated: float
    """Mean over the replications."""

    low: float
    """Lower end of the 99 % interval over replications (Student's t)."""

    high: float

    seed: int

    requests: int
    """Arrivals simulated, all replications together."""

    @property
    def relative_half_width(self) -> float:
        """Half the width of the interval, relative to its centre."""
        return (self.high - self.low) / 2 / abs(self.simulated)

    @property
    def covered(self) -> bool:
        """Whether the interval holds what theory expects."""
        return self.low <= self.expected <= self.high

    @property
    def passed(self) -> bool:
        """Whether the interval holds what theory expects and is narrow enough to mean it."""
        return self.covered and self.relative_half_width < PRECISION


def validate(case: Case, seed: int, scale: float = 1.0) -> Row:
    """Run *case* with *scale* times its requests and compare.

    Equal arguments return an equal row.
    """
    network = case.network()
    requests = max(int(case.requests * scale), 1)
    figures = []
    for replication in range(case.replications):
        records = simulate_network(network, seed=seed, replication=replication, requests=requests, events=case.events)
        figures.append(case.figure(records, WARM_UP * records.horizon))
    estimate = over_replications(figures, CONFIDENCE)
    return Row(
        name=case.name,
        theory=case.theory,
        expected=case.expected,
        simulated=estimate.value,
        low=estimate.low,
        high=estimate.high,
        seed=seed,
        requests=requests * case.replications,
    )
