"""A network whose times are those of the processes that serve it, measured with one request at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from runtime.live.processes import Cost, ProcessServant
from twin.engines.simpy_engine.live import run_live
from twin.errors import EngineError
from twin.model.law import Law
from twin.model.workload import Closed
from twin.network import Entry, Hop, Link, Network

LEFT_OUT = 5
"""First requests of each partition that do not count: caches and connections are still cold."""

FREE_MBIT_PER_S = 1e9


@dataclass(frozen=True, slots=True, kw_only=True)
class ServedTimes:
    """What a partition costs where it is served."""

    service_seconds: tuple[float, ...]
    """Seconds each request kept its node busy."""

    latency: float
    """Mean seconds between node and client in which the node is free for others."""

    overhead: float
    """The part of the service that is not the model: reading and writing messages."""


def measured_times(network: Network, servant: ProcessServant, *, requests: int, seed: int) -> dict[str, ServedTimes]:
    """Return the times of every partition of *network*, served by *servant* to one user who never waits.

    The partitions take turns, so that a noisy moment of the machine does not hit one of them alone.

    Raises:
        EngineError: A partition got too few requests to tell.
    """
    alone = replace(network, entries=tuple(_one_user(entry) for entry in network.entries))
    run_live(alone, servant, seed=seed, replication=1_000_000, requests=requests)
    times = {step.name: _times(servant.costs.get(step.name, [])) for step in network.steps}
    missing = [name for name, found in times.items() if found is None]
    if missing:
        raise EngineError(f"too few requests reach {', '.join(missing)} to time it; calibrate with more requests")
    return {name: found for name, found in times.items() if found is not None}


def _one_user(entry: Entry) -> Entry:
    arrivals = Closed(process="closed", users=1, think_time=Law(mean=0.001, law="deterministic"))
    return replace(entry, source=entry.source.model_copy(update={"arrivals": arrivals}))


def _times(costs: Sequence[Cost]) -> ServedTimes | None:
    counted = costs[LEFT_OUT:]
    if len(counted) < 2 * LEFT_OUT:
        return None
    inside = np.array([cost.served.ended - cost.served.begun for cost in counted])
    around = np.array([cost.answered - cost.sent for cost in counted]) - inside
    overhead = float(np.median([cost.message_seconds for cost in counted]))
    return ServedTimes(
        service_seconds=tuple(float(seconds) for seconds in inside + overhead),
        latency=max(float(np.median(around)) - overhead, 0.0),
        overhead=overhead,
    )


def with_times(network: Network, times: dict[str, ServedTimes]) -> Network:
    """Return *network* with measured service times, and the latency of each partition on the way to it.

    Where transfers contend for a link, its own delay stays as it is.
    """
    links: list[Link] = list(network.links)

    def delayed(hop: Hop | None, step: int) -> Hop:
        """Return the way to *step* with its latency: over a link of its own, which nothing contends for."""
        link = network.links[hop.link] if hop else Link(name="loopback", bandwidth_mbit_per_s=FREE_MBIT_PER_S)
        if hop and link.contention != "none":
            return hop
        latency = times[network.steps[step].name].latency
        links.append(replace(link, access_delay=link.access_delay + latency))
        return replace(hop, link=len(links) - 1) if hop else Hop(link=len(links) - 1, size_mb=0.0)

    steps = tuple(
        replace(
            step,
            service_time=Law(law="empirical", samples=times[step.name].service_seconds),
            next_hop=None if step.next_step is None else delayed(step.next_hop, step.next_step),
            sends=tuple(replace(send, hop=delayed(send.hop, send.step)) for send in step.sends),
        )
        for step in network.steps
    )
    entries = tuple(replace(entry, hop=delayed(entry.hop, entry.step)) for entry in network.entries)
    return replace(network, steps=steps, entries=entries, links=tuple(links))
