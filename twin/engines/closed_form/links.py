"""Links: how long transfers take that meet, or do not meet, in one medium."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from twin.engines.closed_form.classes import QueueClass, mixture
from twin.engines.closed_form.queues import sharing_queue, waiting_line
from twin.model.law import Law
from twin.network import Link


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkState:
    """The steady state of a link."""

    transfer_times: dict[float, float]
    """Mean seconds of a transfer by megabytes, access delay included."""

    passed: dict[float, float]
    """Share of the transfers that end in the long run, by megabytes; not 1 only on an overloaded link."""

    utilisation: float

    transfer_rate: float

    estimate: str = ""

    departures: str = ""

    any_arrivals: bool = False

    @property
    def offered_load(self) -> float:
        """What is to be sent over what can be sent, where transfers disturb each other."""
        return 0.0 if self.any_arrivals else self.utilisation


def transmission_time(link: Link, size_mb: float) -> float:
    """Return the seconds *size_mb* megabytes need that have the whole bandwidth."""
    return 8.0 * size_mb / link.bandwidth_mbit_per_s


def solve_link(link: Link, sizes: Mapping[float, float]) -> LinkState:
    """Return the state of *link* when transfers of each size (megabytes) arrive at the given rates (1/s)."""
    times = {size: transmission_time(link, size) for size in sizes}
    load = math.fsum(rate * times[size] for size, rate in sizes.items())
    transfer_rate = math.fsum(sizes.values())
    if link.contention == "none" or not sizes:
        return LinkState(
            transfer_times={size: time + link.access_delay for size, time in times.items()},
            passed=dict.fromkeys(sizes, 1.0),
            utilisation=load,
            transfer_rate=transfer_rate,
            any_arrivals=True,
        )
    classes = [QueueClass(rate=rate, law=Law(law="deterministic", mean=times[size])) for size, rate in sizes.items()]
    queue = waiting_line(classes, 1.0, servers=1) if link.contention == "fifo" else sharing_queue(classes, 1.0)
    return LinkState(
        transfer_times={size: time + link.access_delay for size, time in zip(sizes, queue.response_times, strict=True)},
        passed=dict(zip(sizes, queue.passed, strict=True)),
        utilisation=load,
        transfer_rate=transfer_rate,
        estimate=queue.estimate,
        departures=queue.departures if mixture(classes).rate > 0.0 else "",
    )
