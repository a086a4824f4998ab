"""Cases of one station: disciplines, capacities, dispatch."""

from __future__ import annotations

from functools import partial
from math import exp

from twin.engines.queueing import (
    erlang_b,
    limited_ps_mean_number,
    mg1_waiting_time,
    mmc_response_time,
    mmc_response_time_survival,
    mmck,
    ps_response_times,
)
from twin.model.law import Law
from twin.model.workload import Batch, Deterministic, Renewal
from twin.network import Network, Stage, Step
from twin.validation import oracles
from twin.validation.build import deterministic, entry, exponential, node, queue
from twin.validation.case import Case
from twin.validation.figures import lost_share, response_time, response_time_of, share_slower_than

GAMMA = Law(law="gamma", mean=1.0, cv=1.5)
LOGNORMAL = Law(law="lognormal", mean=1.0, cv=1.5)

_QUEUES = (
    Case(
        name="M/M/1 response time",
        theory="1 / (mu - lambda); Kleinrock 1975, §3.2",
        network=lambda: queue(node(), exponential(1.0), 0.6),
        figure=response_time,
        expected=2.5,
        requests=30_000,
    ),
    Case(
        name="M/M/4 response time",
        theory="Erlang C; Kleinrock 1975, §3.5",
        network=lambda: queue(node(cores=4.0), exponential(1.0), 2.8),
        figure=response_time,
        expected=mmc_response_time(2.8, 1.0, 4),
        requests=20_000,
    ),
    Case(
        name="M/M/4 share of responses over 2 s",
        theory="tail of wait plus service; Gross & Harris 1998, §2.3",
        network=lambda: queue(node(cores=4.0), exponential(1.0), 2.4),
        figure=share_slower_than(2.0),
        expected=mmc_response_time_survival(2.4, 1.0, 4, 2.0),
        requests=30_000,
    ),
    Case(
        name="M/D/1 response time",
        theory="Pollaczek–Khinchine with c² = 0; Kleinrock 1975, §5.6",
        network=lambda: queue(node(), deterministic(1.0), 0.7),
        figure=response_time,
        expected=1.0 + mg1_waiting_time(0.7, 1.0, 0.0),
        requests=15_000,
    ),
    Case(
        name="M/G/1 response time, gamma with cv 1.5",
        theory="Pollaczek–Khinchine with c² = 2.25; Kleinrock 1975, §5.6",
        network=lambda: queue(node(), GAMMA, 0.5),
        figure=response_time,
        expected=1.0 + mg1_waiting_time(0.5, 1.0, 2.25),
        requests=35_000,
    ),
    Case(
        name="D/M/1 response time",
        theory="1 / (mu (1 - s)), s = exp(-(1 - s) mu / lambda); Kleinrock 1975, §6.4",
        network=lambda: queue(node(), exponential(1.0), Deterministic(process="deterministic", rate=0.7)),
        figure=response_time,
        expected=oracles.gim1_response_time(lambda s: exp(-s / 0.7), 1.0),
        requests=15_000,
    ),
    Case(
        name="GI/M/1 response time, gamma gaps with cv 1.5",
        theory="1 / (mu (1 - s)), s = A*(mu - mu s); Kleinrock 1975, §6.4",
        network=lambda: queue(
            node(), exponential(0.5), Renewal(process="renewal", gap=Law(law="gamma", mean=1.0, cv=1.5))
        ),
        figure=response_time,
        expected=oracles.gim1_response_time(lambda s: (1 + 2.25 * s) ** (-1 / 2.25), 0.5),
        requests=28_000,
    ),
    Case(
        name="M^[3]/M/1 response time, batches of 3",
        theory="(E X + E X²) / (2 E X) / (mu (1 - rho)); Gross & Harris 1998, §3.1",
        network=lambda: queue(node(), exponential(1.0), Batch(process="batch", rate=0.5, size=3)),
        figure=response_time,
        expected=oracles.batch_response_time(0.5, 1.0, 3.0, 9.0),
        requests=20_000,
    ),
    Case(
        name="M^[X]/M/1 response time, geometric batches of mean 2",
        theory="(E X + E X²) / (2 E X) / (mu (1 - rho)); Gross & Harris 1998, §3.1",
        network=lambda: queue(node(), exponential(1.0), Batch(process="batch", rate=0.5, size=2, sizes="geometric")),
        figure=response_time,
        expected=oracles.batch_response_time(0.5, 1.0, 2.0, 6.0),
        requests=50_000,
    ),
)

_LOSSES = (
    Case(
        name="M/M/2/5 blocking",
        theory="birth-death chain; Gross & Harris 1998, §2.4",
        network=lambda: queue(node(cores=2.0, queue_capacity=3), exponential(1.0), 1.8),
        figure=lost_share,
        expected=mmck(1.8, 1.0, 2, 5).blocking_probability,
        requests=38_000,
    ),
    Case(
        name="M/M/2/5 response time of the accepted",
        theory="birth-death chain and Little's law; Gross & Harris 1998, §2.4",
        network=lambda: queue(node(cores=2.0, queue_capacity=3), exponential(1.0), 1.8),
        figure=response_time,
        expected=mmck(1.8, 1.0, 2, 5).response_time,
        requests=10_000,
    ),
    Case(
        name="M/G/5/5 loss, lognormal with cv 1.5",
        theory="Erlang B, insensitive; Erlang 1917, Sevastyanov 1957",
        network=lambda: queue(node(cores=5.0, queue_capacity=0), LOGNORMAL, 4.0),
        figure=lost_share,
        expected=erlang_b(5, 4.0),
        requests=32_000,
    ),
    Case(
        name="M/D/1/4-PS blocking",
        theory="that of M/M/1/4, insensitive; Cohen 1979",
        network=lambda: queue(node(discipline="ps", queue_capacity=3), deterministic(1.0), 0.8),
        figure=lost_share,
        expected=mmck(0.8, 1.0, 1, 4).blocking_probability,
        requests=20_000,
    ),
)

_INSENSITIVE = tuple(
    Case(
        name=f"M/G/1-PS response time, {law.law}{f' with cv {law.cv:g}' if law.cv else ''}",
        theory="E S / (1 - rho) for every law; Kleinrock 1976, §4.4",
        network=partial(queue, node(discipline="ps"), law, 0.6),
        figure=response_time,
        expected=2.5,
        requests=requests,
    )
    for law, requests in (
        (deterministic(1.0), 10_000),
        (exponential(1.0), 26_000),
        (Law(law="lognormal", mean=1.0, cv=2.0), 50_000),
    )
)

_SHARING = (
    Case(
        name="M/G/1-PS with 4 cores, one each, gamma",
        theory="that of M/M/4 for every law; Cohen 1979",
        network=lambda: queue(node(discipline="ps", cores=4.0), GAMMA, 2.8),
        figure=response_time,
        expected=mmc_response_time(2.8, 1.0, 4),
        requests=35_000,
    ),
    Case(
        name="M/D/1-PS with 2.5 cores, one each",
        theory="total speed min(n, 2.5); Cohen 1979",
        network=lambda: queue(node(discipline="ps", cores=2.5), deterministic(1.0), 1.8),
        figure=response_time,
        expected=limited_ps_mean_number(1.8, 2.5) / 1.8,
        requests=15_000,
    ),
    Case(
        name="M/M/1-PS with two classes, the longer one",
        theory="E S_k / (1 - rho); Kelly 1979, §3.3",
        network=lambda: _two_classes((1.0, 1.0), 1.0),
        figure=response_time_of(1),
        expected=float(ps_response_times([0.25, 0.25], [0.5, 1.5])[1]),
        requests=50_000,
    ),
    Case(
        name="M/M/1-PS with unequal containers, the larger one",
        theory="max-min fair shares of 2.5 cores for 1 and 2 units: balance equations",
        network=lambda: _two_classes((1.0, 2.0), 2.5, rates=(0.7, 0.4), times=(1.0, 1.0)),
        figure=response_time_of(1),
        expected=oracles.unequal_sharing_response_time((0.7, 0.4), (1.0, 1.0), (1.0, 2.0), 2.5),
        requests=40_000,
    ),
)

_DISPATCH = (
    Case(
        name="2 nodes, random dispatch",
        theory="M/M/1 each; Kleinrock 1975, §3.2",
        network=lambda: queue(node(nodes=2, dispatch="random"), exponential(1.0), 1.2),
        figure=response_time,
        expected=2.5,
        requests=40_000,
    ),
    Case(
        name="3 nodes, round robin",
        theory="E_3/M/1 each: 1 / (mu (1 - s)); Kleinrock 1975, §6.4",
        network=lambda: queue(node(nodes=3, dispatch="round_robin"), exponential(1.0), 1.8),
        figure=response_time,
        expected=oracles.gim1_response_time(lambda s: (1.8 / (1.8 + s)) ** 3, 1.0),
        requests=28_000,
    ),
    Case(
        name="2 nodes, shortest queue",
        theory="balance equations of the two queue lengths (Haight 1958)",
        network=lambda: queue(node(nodes=2, dispatch="shortest_queue"), exponential(1.0), 1.4),
        figure=response_time,
        expected=oracles.shortest_queue_response_time(1.4, 1.0),
        requests=35_000,
    ),
)

STATION_CASES = (*_QUEUES, *_LOSSES, *_INSENSITIVE, *_SHARING, *_DISPATCH)


def _two_classes(
    units: tuple[float, float],
    cores: float,
    rates: tuple[float, float] = (0.25, 0.25),
    times: tuple[float, float] = (0.5, 1.5),
) -> Network:
    """Return two streams that share one node."""
    return Network(
        stations=(node(discipline="ps", cores=cores),),
        steps=tuple(
            Step(
                name=f"class {i}",
                component=i,
                station=0,
                service_time=exponential(times[i]),
                computing_units=units[i],
            )
            for i in range(2)
        ),
        stages=tuple(Stage(name=f"class {i}", steps=(i,)) for i in range(2)),
        entries=tuple(entry(f"class {i}", rates[i], i) for i in range(2)),
    )
