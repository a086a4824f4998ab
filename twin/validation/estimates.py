"""Closed forms that are estimates: not proofs of the twin, but measured by it."""

from __future__ import annotations

from functools import partial

from twin.engines.queueing import faas_chain, kingman, mgc_waiting_time
from twin.model.law import Law
from twin.model.workload import Renewal
from twin.network import FunctionPool
from twin.validation.build import deterministic, exponential, node, queue
from twin.validation.case import Case
from twin.validation.figures import cold_share, response_time
from twin.validation.stations import GAMMA

_SEVERAL_SERVERS = tuple(
    Case(
        name=f"M/G/4 response time, {name}",
        theory="wait of M/M/4 times (1 + c²) / 2; Lee & Longton 1959",
        network=partial(queue, node(cores=4.0), law, 2.8),
        figure=response_time,
        expected=1.0 + mgc_waiting_time(2.8, 1.0, law.scv, 4),
    )
    for name, law in (("deterministic", deterministic(1.0)), ("gamma with cv 1.5", GAMMA))
)

_ANY_GAPS = (
    Case(
        name="GI/G/1 response time, gamma gaps with cv 0.5, gamma service with cv 1.5",
        theory="wait of M/M/1 times (c_a² + c_s²) / 2; Kingman 1961",
        network=lambda: queue(node(), GAMMA, Renewal(process="renewal", gap=Law(law="gamma", mean=1 / 0.7, cv=0.5))),
        figure=response_time,
        expected=1.0 + kingman(0.7, 1.0, 0.25, 2.25),
    ),
)

_FUNCTIONS = tuple(
    Case(
        name=f"function, {rate:g} requests/s of {service:g} s, idle time {idle_time:g} s: cold starts",
        theory="chain of warm instances; Mahmoudi & Khazaei 2020",
        network=partial(
            queue,
            FunctionPool(name="function", function="function", idle_time=idle_time),
            exponential(service),
            rate,
            cold_service_time=exponential(cold),
        ),
        figure=cold_share,
        expected=faas_chain(rate, service, cold, idle_time).cold_probability,
        requests=requests,
    )
    for rate, service, cold, idle_time, requests in (
        (1.0, 1.0, 1.0, 30.0, 40_000),
        (0.01, 1.0, 2.0, 300.0, 20_000),
        (5.0, 1.0, 1.2, 20.0, 60_000),
        (0.1, 1.0, 1.5, 10.0, 10_000),
        (1.0, 1.0, 1.0, 10.0, 10_000),
    )
)

ESTIMATES: tuple[Case, ...] = (*_SEVERAL_SERVERS, *_ANY_GAPS, *_FUNCTIONS)
