"""The compiled engine against the reference engine: the same records, request by request and visit by visit."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import numpy as np
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from tests.random_networks import bills, events, networks
from twin.engines.compiled import not_covered, simulate_compiled
from twin.engines.simpy_engine import simulate_network
from twin.engines.trajectory import Trajectory
from twin.network import Network

TOLERANCE = 1e-9


def assert_equal(compiled: Trajectory, reference: Trajectory) -> None:
    """Compare all columns."""
    for field in fields(Trajectory):
        ours, theirs = getattr(compiled, field.name), getattr(reference, field.name)
        np.testing.assert_allclose(ours, theirs, rtol=TOLERANCE, atol=TOLERANCE, equal_nan=True, err_msg=field.name)


def both(network: Network, **arguments: Any) -> tuple[Trajectory, Trajectory]:
    """Run both engines."""
    return simulate_compiled(network, **arguments), simulate_network(network, **arguments)


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_engines_agree_on_random_networks(data: st.DataObject) -> None:
    """Every record of every request is the same, whatever the network holds and whatever happens to it."""
    network = data.draw(networks())
    what_happens = data.draw(events(network))
    requests = data.draw(st.one_of(st.none(), st.integers(1, 120)))
    horizon = data.draw(st.floats(0.1, 10)) if requests is None else data.draw(st.sampled_from([None, 3.0]))
    assert not not_covered(network, what_happens)
    ours, theirs = both(
        network,
        seed=data.draw(st.integers(0, 2**32)),
        replication=data.draw(st.integers(0, 3)),
        requests=requests,
        horizon=horizon,
        events=what_happens,
        billing=data.draw(bills(network)),
    )
    event(f"{len(theirs.arrivals) // 30 * 30} requests or more")
    assert_equal(ours, theirs)
