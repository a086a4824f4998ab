"""What a run leaves in memory: columns, and few bytes of them."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest

from twin.engines.simpy_engine import simulate_network
from twin.model.law import Law
from twin.model.workload import Poisson, Source
from twin.network import Entry, Network, NodePool, Send, Stage, Step


@pytest.mark.parametrize("stations", [1, 3, 10])
def test_records_cost_less_than_100_bytes_a_request_and_station(stations: int) -> None:
    """All columns together, whatever the number of stations a request passes."""
    last = stations - 1
    network = Network(
        stations=tuple(NodePool(name=f"node {i}", nodes=1) for i in range(stations)),
        steps=tuple(
            Step(
                name=f"part {i}",
                component=i,
                station=i,
                service_time=Law(law="exponential", mean=0.1),
                exit_probability=1.0,
                sends=(Send(probability=1.0, step=i + 1),) if i < last else (),
            )
            for i in range(stations)
        ),
        stages=tuple(Stage(name=f"part {i}", steps=(i,)) for i in range(stations)),
        entries=(Entry(source=Source(name="requests", arrivals=Poisson(rate=1.0)), step=0),),
    )
    run = simulate_network(network, seed=1, requests=5000)
    columns = [getattr(run, each.name) for each in fields(run)]
    used = sum(column.nbytes for column in columns if isinstance(column, np.ndarray))
    assert used < 100 * len(run.arrivals) * stations
