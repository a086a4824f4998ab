"""The twin at the pace of the wall clock leads every request through real servers as the simulation would.

No test asserts on how long anything took: only on what happened, in which order, and to whom.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace

import numpy as np
import pytest

from design.tensor_frames import packed, unpacked
from runtime.live.calibration import ServedTimes, measured_times, with_times
from runtime.live.processes import NodeProcess, ProcessServant
from twin.engines.simpy_engine import simulate_network
from twin.engines.simpy_engine.live import Served, run_live
from twin.errors import EngineError, ProfileError
from twin.model.law import Law
from twin.model.workload import Poisson, Source
from twin.network import Entry, Link, Network, NodePool, Send, Stage, Step

SHORT = Law(law="deterministic", mean=0.0005)


class Waiter:
    """A servant that waits for the seconds it is told, one request of a node after another."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, int, str, int]] = []
        self.closed = False
        self.locks: dict[tuple[str, int], asyncio.Lock] = {}

    async def open(self) -> None:
        """Nothing to get ready."""

    async def serve(self, station: str, node: int, partition: str, request: int, seconds: float) -> Served:
        """Wait for *seconds*."""
        self.asked.append((station, node, partition, request))
        received = time.perf_counter()
        async with self.locks.setdefault((station, node), asyncio.Lock()):
            begun = time.perf_counter()
            await asyncio.sleep(seconds)
            return Served(received, begun, time.perf_counter())

    async def close(self) -> None:
        """Note the end."""
        self.closed = True


class Refuser(Waiter):
    """A servant that fails at its third request."""

    async def serve(self, station: str, node: int, partition: str, request: int, seconds: float) -> Served:
        """Serve, or fail."""
        if len(self.asked) == 2:
            raise EngineError("the node is gone")
        return await super().serve(station, node, partition, request, seconds)


def diamond(rate: float = 400.0) -> Network:
    """Return a fork into two components and a join behind them, on two stations."""
    pools = (NodePool(name="left", nodes=2, discipline="fifo"), NodePool(name="right", nodes=1, discipline="fifo"))

    def step(name: str, stage: int, station: int, sends: tuple[int, ...] = ()) -> Step:
        return Step(
            name=name,
            component=stage,
            station=station,
            service_time=SHORT,
            replicas=pools[station].nodes,
            sends=tuple(Send(probability=1.0, step=target) for target in sends),
        )

    steps = (step("a", 0, 0, (1, 2)), step("b", 1, 1, (3,)), step("c", 2, 0, (3,)), step("d", 3, 1))
    stages = tuple(Stage(name=each.name, steps=(i,), exclusive=i != 0, join_all=i == 3) for i, each in enumerate(steps))
    source = Source(name="users", arrivals=Poisson(rate=rate))
    return Network(stations=pools, steps=steps, stages=stages, entries=(Entry(source=source, step=0),))


def test_requests_take_the_ways_of_the_simulation() -> None:
    """Arrivals, forks and joins are those of the SimPy engine: every request is served once at every step."""
    network = diamond()
    waiter = Waiter()
    live = run_live(network, waiter, seed=3, horizon=0.4)
    simulated = simulate_network(network, seed=3, horizon=0.4)
    np.testing.assert_allclose(live.arrivals, simulated.arrivals)
    finished = np.flatnonzero(np.isfinite(live.ends))
    assert len(finished) > 10
    for step in range(4):
        served = live.visits[live.visits[:, 1] == step, 0]
        assert len(set(served)) == len(served)
        assert set(finished) <= set(served.astype(int))
    assert waiter.closed


def test_nodes_are_chosen_as_in_the_simulation() -> None:
    """The node of a request's first visit comes from its own coin, live and simulated alike."""
    network = diamond()
    live, simulated = run_live(network, Waiter(), seed=5, horizon=0.3), simulate_network(network, seed=5, horizon=0.3)

    def nodes(visits: np.ndarray) -> dict[int, float]:
        return {int(row[0]): row[5] for row in visits if row[1] == 0}

    there = nodes(simulated.visits)
    assert len(there) > 10
    assert all(there[request] == node for request, node in nodes(live.visits).items() if request in there)


def test_a_failing_servant_ends_the_run() -> None:
    """What a servant raises comes through, and everything is closed."""
    refuser = Refuser()
    with pytest.raises(EngineError, match="the node is gone"):
        run_live(diamond(), refuser, seed=0, horizon=5.0)
    assert refuser.closed


def test_processes_serve_a_model() -> None:
    """A real model under onnxruntime in a process of its own answers every request."""
    network = replace(diamond(rate=50.0), stages=diamond().stages)
    parts = {"model": "onnx:light_squeezenet"}
    servant = ProcessServant(
        {
            ("left", 0): NodeProcess(cores=1, parts={"a": parts, "c": {}}),
            ("left", 1): NodeProcess(cores=1, parts={"a": parts, "c": {}}),
            ("right", 0): NodeProcess(cores=1, sharing=True, parts={"b": {}, "d": {}}),
        }
    )
    times = measured_times(network, servant, requests=40, seed=0)
    assert set(times) == {"a", "b", "c", "d"}
    assert all(min(each.service_seconds) > 0 for each in times.values())
    assert all(process.returncode is not None for process in servant._processes.values()), "a process was left behind"


def test_a_process_that_cannot_start_says_why() -> None:
    """A wrong model reaches the user as the server's own sentence."""
    servant = ProcessServant({("left", 0): NodeProcess(cores=1, parts={"a": {"model": "absent.onnx"}})})
    with pytest.raises(EngineError, match=r"left/0 did not start: .*absent\.onnx"):
        run_live(diamond(), servant, seed=0, horizon=0.1)


def test_measured_times_stand_in_the_network() -> None:
    """Service times become empirical laws; latency is added to the links on the way, one link for each way."""
    link = Link(name="site", bandwidth_mbit_per_s=8.0, access_delay=0.1)
    network = replace(diamond(), links=(link,))
    times = {
        name: ServedTimes(service_seconds=(0.1 * (i + 1),), latency=0.01 * (i + 1), overhead=0.0)
        for i, name in enumerate("abcd")
    }
    timed = with_times(network, times)
    assert [step.service_time.expectation for step in timed.steps] == pytest.approx([0.1, 0.2, 0.3, 0.4])
    hop = timed.steps[0].sends[1].hop
    assert hop is not None
    assert timed.links[hop.link].access_delay == pytest.approx(0.03)
    first = simulate_network(timed, seed=0, requests=1, horizon=None)
    assert np.isnan(first.ends[0]) or first.ends[0] > first.arrivals[0] + 0.1


@pytest.mark.parametrize(
    "frame", [b"", b"\x00\x00", b"\x00\x00\x00\x02[]rest", b"\xff\xff\xff\xff", b"\x00\x00\x00\x02{}"]
)
def test_wrong_frames_are_refused(frame: bytes) -> None:
    """Bytes that are no tensors raise one clear error."""
    if frame == b"\x00\x00\x00\x02{}":
        assert unpacked(frame) == {}
    else:
        with pytest.raises(ProfileError, match="tensors"):
            unpacked(frame)


def test_tensors_survive_the_way() -> None:
    """What is packed is unpacked: names, kinds, shapes, values; scalars and empty tensors too."""
    rng = np.random.default_rng(0)
    tensors = {"x": rng.normal(size=(2, 3)).astype("f4"), "n": np.array(7), "none": np.zeros((0, 4), "i8")}
    found = unpacked(packed(tensors))
    assert list(found) == list(tensors)
    for name, array in tensors.items():
        np.testing.assert_array_equal(found[name], array)
        assert found[name].dtype == array.dtype
