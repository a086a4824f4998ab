"""What the closed forms say about a network: means in the steady state, each exact or an estimate with its reasons."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from twin.engines.queueing import mmc_response_time_quantile


@dataclass(frozen=True, slots=True, kw_only=True)
class Overload:
    """A station or link that cannot keep up."""

    name: str

    kind: str
    """``station`` or ``link``."""

    index: int

    offered_load: float
    """Work that arrives per second over work that can be done per second; at least 1."""

    backlog_growth: float
    """Requests (or transfers) per second that stay behind."""

    utilisation: float = 1.0
    """Utilisation in the long run: less than 1 where only some of the nodes, or of the cores of a node, have work."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """Figures that are exact unless there are reasons why not."""

    reasons: tuple[str, ...] = ()
    """Why they are estimates, in words; empty where they are exact for the model."""

    @property
    def exact(self) -> bool:
        """Whether theory gives these figures exactly."""
        return not self.reasons


@dataclass(frozen=True, slots=True, kw_only=True)
class StepFigures(Figures):
    """A partition at its station. Times are means in seconds of requests that are not turned away."""

    name: str

    arrival_rate: float
    """Requests/s that reach the step."""

    response_time: float
    """Waiting and service; ``inf`` where the station cannot keep up."""

    waiting_time: float
    """What the response takes longer than the service alone."""

    service_time: float
    """Mean of a lone execution, cold starts included."""

    cold_probability: float = 0.0
    """Share of the executions that start an instance; always an estimate."""

    loss_probability: float = 0.0
    """Share of the requests that are turned away."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StationFigures(Figures):
    """The nodes of a resource, or the instances of a function. The reasons are those of the mean number."""

    name: str

    utilisation: float | None
    """Share of all cores of all nodes (of a function: of its concurrency limit) in use; None without a limit."""

    mean_number: float
    """Mean number of requests present at all its nodes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkFigures(Figures):
    """A network domain. The reasons are those of the transfer times."""

    name: str

    utilisation: float
    """Share of the bandwidth in use; above 1 where transfers do not disturb each other."""

    transfer_rate: float
    """Transfers/s."""

    transfer_time: float
    """Mean seconds of a transfer, access delay included."""

    transfer_times: Mapping[float, float]
    """The same by megabytes, for each size that occurs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StageFigures(Figures):
    """A component: its chain of partitions with the transfers between them, averaged over its exits."""

    name: str

    arrival_rate: float

    response_time: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PathFigures(Figures):
    """A measured path, from the start of its first to the end of its last component."""

    stages: tuple[str, ...]

    response_time: float | None
    """Mean seconds of the requests that follow the path; None where no closed form is known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SingleQueue:
    """An application that is one M/M/c queue, first come first served, perhaps behind a constant delay."""

    arrival_rate: float

    service_time: float

    servers: int

    delay: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ClosedForm(Figures):
    """The steady state of a network. Steps, stations, links, stages and paths stand in the network's order.

    The reasons are those of the application's response time.
    """

    steps: tuple[StepFigures, ...]

    stations: tuple[StationFigures, ...]

    links: tuple[LinkFigures, ...]

    stages: tuple[StageFigures, ...]

    paths: tuple[PathFigures, ...]

    response_time: float | None
    """Mean seconds from the arrival of a request to the end of its last part; None where no closed form is known."""

    response_time_bound: float | None
    """Lower bound of the same: it is at least what the slowest part of a request takes on average."""

    entry_response_times: tuple[float | None, ...]
    """The same as ``response_time`` for the requests of each entry."""

    throughput: float
    """Requests/s that are completed."""

    rate_reasons: tuple[str, ...] = ()
    """Why arrival rates, utilisations and throughput are estimates; empty where they are exact."""

    overloaded: tuple[Overload, ...] = ()
    """Stations and links that cannot keep up with what reaches them, and how fast their backlog grows."""

    single_queue: SingleQueue | None = None

    def response_time_quantile(self, probability: float) -> float | None:
        """Return the seconds within which a share *probability* of the responses arrives, or None.

        Only a single M/M/c queue, first come first served, has an exact law in closed form.

        Raises:
            ValueError: *probability* is not in [0, 1).
        """
        queue = self.single_queue
        if queue is None:
            return None
        own = mmc_response_time_quantile(queue.arrival_rate, queue.service_time, queue.servers, probability)
        return own + queue.delay
