"""Overload: what is said of a growing backlog is what the simulation shows."""

from __future__ import annotations

import numpy as np
import pytest

from twin.engines.closed_form import solve_network
from twin.engines.simpy_engine import simulate_network
from twin.model.law import Law
from twin.model.workload import Poisson, Source
from twin.network import Entry, Network, NodePool, Stage, Step
from twin.overload import growth_of
from twin.statistics import over_replications

LAWS = {
    "deterministic": Law(law="deterministic", mean=2.0),
    "exponential": Law(law="exponential", mean=2.0),
    "lognormal": Law(law="lognormal", mean=2.0, cv=2.0),
}


@pytest.mark.parametrize("discipline", ["ps", "fifo"])
@pytest.mark.parametrize("law", LAWS.values(), ids=LAWS.keys())
def test_the_backlog_grows_as_said(law: Law, discipline: str) -> None:
    """Under processor sharing the growth depends on the law: short requests get through, long ones stay."""
    network = Network(
        stations=(NodePool(name="node", nodes=1, discipline=discipline),),
        steps=(Step(name="work", component=0, station=0, service_time=law, exit_probability=1.0),),
        stages=(Stage(name="work", steps=(0,)),),
        entries=(Entry(source=Source(name="requests", arrivals=Poisson(rate=1.0)), step=0),),
    )
    growths = []
    for replication in range(8):
        run = simulate_network(network, seed=3, replication=replication, horizon=5000)
        growths.append(float(np.isnan(run.ends).sum()) / run.horizon)
    estimate = over_replications(growths, 0.999)
    assert estimate.low <= growth_of(network)["node"] <= estimate.high
    assert estimate.relative_half_width < 0.1


@pytest.mark.parametrize("visits", [2, 6, 20])
@pytest.mark.parametrize("discipline", ["ps", "fifo"])
def test_a_station_visited_several_times_is_seen_to_be_overloaded(discipline: str, visits: int) -> None:
    """What stays behind at the first visit is missing at the next ones, yet the whole does not fit."""
    last = visits - 1
    steps = tuple(
        Step(
            name=f"part {i}",
            component=0,
            station=0,
            service_time=Law(law="exponential", mean=1.08 / visits),
            exit_probability=1.0 if i == last else 0.0,
            next_step=None if i == last else i + 1,
        )
        for i in range(visits)
    )
    network = Network(
        stations=(NodePool(name="node", nodes=1, discipline=discipline),),
        steps=steps,
        stages=(Stage(name="work", steps=tuple(range(visits))),),
        entries=(Entry(source=Source(name="requests", arrivals=Poisson(rate=1.0)), step=0),),
    )
    form = solve_network(network)
    assert form.response_time == float("inf")
    assert [each.name for each in form.overloaded] == ["node"]
    assert form.overloaded[0].backlog_growth == pytest.approx(growth_of(network)["node"], rel=1e-6)
    assert 0.05 < growth_of(network)["node"] < 0.3
