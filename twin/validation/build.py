"""Small networks, built by hand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from twin.model.law import Law
from twin.model.workload import Arrivals, Poisson, Source
from twin.network import Entry, FunctionPool, Hop, Link, Network, NodePool, Send, Stage, Step

INSTANT = Law(law="deterministic", mean=0.0)


def exponential(mean: float) -> Law:
    """Return the exponential law."""
    return Law(law="exponential", mean=mean)


def deterministic(mean: float) -> Law:
    """Return the law of a constant."""
    return Law(law="deterministic", mean=mean)


def node(*, discipline: str = "fifo", **fields: Any) -> NodePool:
    """Return a pool of one node unless *fields* say otherwise."""
    return NodePool(**{"name": "node", "nodes": 1, "discipline": discipline, **fields})


def queue(station: NodePool | FunctionPool, service: Law, arrivals: Arrivals | float, **fields: Any) -> Network:
    """Return one station with one stream of requests; a number is a Poisson rate, *fields* are those of the step."""
    replicas = station.nodes if isinstance(station, NodePool) else 1
    step = Step(name="work", component=0, station=0, service_time=service, **{"replicas": replicas, **fields})
    return Network(
        stations=(station,),
        steps=(step,),
        stages=(Stage(name="work", steps=(0,)),),
        entries=(entry("requests", arrivals, 0),),
    )


def entry(name: str, arrivals: Arrivals | float, step: int, hop: Hop | None = None) -> Entry:
    """Return a source; a number is a Poisson rate."""
    process = Poisson(rate=arrivals) if isinstance(arrivals, int | float) else arrivals
    return Entry(source=Source(name=name, arrivals=process), step=step, hop=hop)


def routed(
    stations: Sequence[NodePool],
    services: Sequence[Law],
    routing: Sequence[Sequence[tuple[int, float]]],
    arrivals: Arrivals | float,
    *,
    independent: Sequence[int] = (),
    joins: Sequence[int] = (),
) -> Network:
    """Return a network with one stage per station; ``routing[i]`` lists where stage i sends, with probabilities.

    The stages in *independent* may send to several stages at once; those in *joins* wait for all inputs.
    """
    steps = tuple(
        Step(
            name=f"work {i}",
            component=i,
            station=i,
            service_time=service,
            replicas=stations[i].nodes,
            sends=tuple(Send(probability=probability, step=target) for target, probability in routing[i]),
        )
        for i, service in enumerate(services)
    )
    stages = tuple(
        Stage(name=f"stage {i}", steps=(i,), exclusive=i not in independent, join_all=i in joins)
        for i in range(len(services))
    )
    return Network(stations=tuple(stations), steps=steps, stages=stages, entries=(entry("requests", arrivals, 0),))


def transfers(link: Link, sizes: Sequence[float], rates: Sequence[float]) -> Network:
    """Return a link before a station that takes no time; source i sends *sizes[i]* megabytes at Poisson *rates[i]*."""
    sources = [
        entry(f"source {i}", rate, 0, Hop(link=0, size_mb=size))
        for i, (size, rate) in enumerate(zip(sizes, rates, strict=True))
    ]
    return Network(
        stations=(node(cores=1e6),),
        steps=(Step(name="receive", component=0, station=0, service_time=INSTANT),),
        stages=(Stage(name="receive", steps=(0,)),),
        entries=tuple(sources),
        links=(link,),
    )
