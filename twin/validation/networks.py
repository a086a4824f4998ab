"""Cases of several stations: product-form networks, forks, exits, links."""

from __future__ import annotations

import numpy as np

from twin.engines.queueing import mg1_waiting_time, mmc_response_time, mva, ps_response_times, traffic_equations
from twin.model.law import Law
from twin.model.workload import Closed
from twin.network import Link, Network, NodePool, Stage, Step
from twin.validation.build import INSTANT, entry, exponential, node, routed, transfers
from twin.validation.case import Case
from twin.validation.figures import mean_number, response_time, response_time_of, throughput, visits_share

_TIMES = np.array([1.0, 1.2])
_FEEDBACK = traffic_equations([0.3, 0.0], [[0.0, 0.8], [0.5, 0.0]])
_CLOSED = mva([0.5, 0.8 * 0.4, 0.2 * 1.5], 10, 4.0, [1, 1, 1])
_DETOUR = 0.4

_OPEN = (
    Case(
        name="tandem of three M/M/1",
        theory="sum of 1 / (mu_i - lambda); Burke 1956, Jackson 1957",
        network=lambda: _tandem([node()] * 3, [exponential(mean) for mean in (0.6, 0.5, 0.4)]),
        figure=response_time,
        expected=0.6 / 0.4 + 0.5 / 0.5 + 0.4 / 0.6,
        requests=14_000,
    ),
    Case(
        name="tandem of M/G/1-PS, M/M/2 and M/M/1",
        theory="product form: sum of the stations alone; Baskett et al. 1975",
        network=lambda: _tandem(
            [node(discipline="ps"), node(cores=2.0), node()],
            [Law(law="gamma", mean=0.5, cv=1.5), exponential(1.2), exponential(0.5)],
        ),
        figure=response_time,
        expected=0.5 / 0.5 + mmc_response_time(1.0, 1.2, 2) + 0.5 / 0.5,
        requests=12_000,
    ),
    Case(
        name="Jackson network with feedback",
        theory="traffic equations, then Little's law; Jackson 1957",
        network=lambda: routed([node(), node()], [exponential(1.0), exponential(1.2)], [[(1, 0.8)], [(0, 0.5)]], 0.3),
        figure=response_time,
        expected=float(np.sum(_FEEDBACK * _TIMES / (1 - _FEEDBACK * _TIMES)) / 0.3),
        requests=15_000,
    ),
    Case(
        name="closed network, 10 users: throughput",
        theory="exact mean value analysis; Reiser & Lavenberg 1980",
        network=lambda: _closed(),
        figure=throughput,
        expected=_CLOSED.throughput,
        requests=5_000,
    ),
    Case(
        name="closed network, 10 users: response time",
        theory="exact mean value analysis; Reiser & Lavenberg 1980",
        network=lambda: _closed(),
        figure=response_time,
        expected=_CLOSED.response_time,
        requests=7_000,
    ),
)

_FORKS = (
    Case(
        name="fork-join of two M/M/1",
        theory="(12 - rho) / 8 / (mu - lambda); Flatto & Hahn 1984, Nelson & Tantawi 1988",
        network=lambda: routed(
            [node(cores=1e6), node(), node(), node(cores=1e6)],
            [INSTANT, exponential(1.0), exponential(1.0), INSTANT],
            [[(1, 1.0), (2, 1.0)], [(3, 1.0)], [(3, 1.0)], []],
            0.6,
            independent=[0],
            joins=[3],
        ),
        figure=response_time,
        expected=(12 - 0.6) / 8 * 2.5,
        requests=12_000,
    ),
    Case(
        name="independent sends without queueing, joined",
        theory="p q E max + p (1 - q) E X + (1 - p) q E Y of two exponential times, p = 0.8, q = 0.5",
        network=lambda: routed(
            [node(cores=1e6)] * 4,
            [INSTANT, exponential(1.0), exponential(2.0), INSTANT],
            [[(1, 0.8), (2, 0.5)], [(3, 1.0)], [(3, 1.0)], []],
            1.0,
            independent=[0],
            joins=[3],
        ),
        figure=response_time,
        expected=0.4 * (1.0 + 2.0 - 1 / (1 + 0.5)) + 0.4 * 1.0 + 0.1 * 2.0,
        requests=5_000,
    ),
    Case(
        name="exclusive branches: share of the second",
        theory="its probability, 0.3",
        network=lambda: routed([node(cores=1e6)] * 3, [INSTANT] * 3, [[(1, 0.5), (2, 0.3)], [], []], 1.0),
        figure=visits_share(2, of=0),
        expected=0.3,
        requests=5_000,
    ),
    Case(
        name="early exit: share that goes on",
        theory="1 - exit probability = 0.6",
        network=lambda: _early_exit(),
        figure=visits_share(1, of=0),
        expected=1 - _DETOUR,
        requests=5_000,
    ),
    Case(
        name="early exit: response time",
        theory="M/M/1 in series, the second with rate lambda (1 - exit probability); Jackson 1957",
        network=lambda: _early_exit(),
        figure=response_time,
        expected=2.0 + (1 - _DETOUR) / (1 - 0.5 * (1 - _DETOUR)),
        requests=10_000,
    ),
)

_LINKS = (
    Case(
        name="link without contention: transfers in progress",
        theory="lambda (8 size / bandwidth + delay), M/D/inf; Little 1961",
        network=lambda: transfers(Link(name="net", bandwidth_mbit_per_s=8.0, access_delay=0.5), [1.0], [2.0]),
        figure=mean_number,
        expected=2.0 * 1.5,
        requests=5_000,
    ),
    Case(
        name="fifo link: response time",
        theory="M/D/1 plus delay; Kleinrock 1975, §5.6",
        network=lambda: transfers(
            Link(name="net", bandwidth_mbit_per_s=8.0, access_delay=0.5, contention="fifo"), [1.0], [0.7]
        ),
        figure=response_time,
        expected=0.5 + 1.0 + mg1_waiting_time(0.7, 1.0, 0.0),
        requests=13_000,
    ),
    Case(
        name="shared link: response time",
        theory="M/D/1-PS plus delay: 1 / (1 - rho); Kleinrock 1976, §4.4",
        network=lambda: transfers(
            Link(name="net", bandwidth_mbit_per_s=8.0, access_delay=0.5, contention="shared"), [1.0], [0.6]
        ),
        figure=response_time,
        expected=0.5 + 2.5,
        requests=10_000,
    ),
    Case(
        name="shared link with two sizes: the larger one",
        theory="E S_k / (1 - rho); Kelly 1979, §3.3",
        network=lambda: transfers(
            Link(name="net", bandwidth_mbit_per_s=8.0, contention="shared"), [0.5, 2.0], [0.6, 0.15]
        ),
        figure=response_time_of(1),
        expected=float(ps_response_times([0.6, 0.15], [0.5, 2.0])[1]),
        requests=35_000,
    ),
)

NETWORK_CASES = (*_OPEN, *_FORKS, *_LINKS)


def _tandem(stations: list[NodePool], services: list[Law]) -> Network:
    last = len(stations) - 1
    return routed(stations, services, [[(i + 1, 1.0)] if i < last else [] for i in range(len(stations))], 1.0)


def _closed() -> Network:
    """Return ten users at a station that sends to one of two others."""
    return routed(
        [node(), node(), node(discipline="ps")],
        [exponential(0.5), exponential(0.4), Law(law="gamma", mean=1.5, cv=1.5)],
        [[(1, 0.8), (2, 0.2)], [], []],
        Closed(process="closed", users=10, think_time=Law(law="lognormal", mean=4.0, cv=1.0)),
    )


def _early_exit() -> Network:
    """Return a component of two partitions, each on a node of its own."""
    return Network(
        stations=(node(), node(name="second")),
        steps=(
            Step(
                name="first",
                component=0,
                station=0,
                service_time=exponential(1.0),
                exit_probability=_DETOUR,
                next_step=1,
            ),
            Step(name="second", component=0, station=1, service_time=exponential(1.0)),
        ),
        stages=(Stage(name="model", steps=(0, 1)),),
        entries=(entry("requests", 0.5, 0),),
    )
