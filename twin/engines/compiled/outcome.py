"""The records that a run leaves behind, as the reference leaves them."""

from __future__ import annotations

import numpy as np

from twin.engines.compiled.memory import Memory
from twin.engines.trajectory import FloatArray, Trajectory
from twin.network import Network


def trajectory_of(memory: Memory, network: Network) -> Trajectory:
    """Return the records of a run that is over; they are views of its tables."""
    requests, steps = memory.count("requests") - memory.first, len(network.steps)
    return Trajectory(
        horizon=float(memory.clock["now"][0]),
        arrivals=memory.values("arrivals", requests),
        ends=memory.values("ends", requests),
        lost=memory.values("lost", requests),
        sources=memory.values("entries", requests),
        visits=records(memory, "visits", 6),
        executions=records(memory, "executions", 4),
        passages=records(memory, "passages", 4),
        link_mb=memory["links"]["carried_mb"][: len(network.links)].copy(),
        billed_seconds=memory.values("billed", steps),
        invocations=memory.values("invocations", steps),
        retries=memory.count("retried"),
        node_seconds_down=_seconds_down(memory)[: len(network.stations)],
    )


def records(memory: Memory, name: str, width: int) -> FloatArray:
    """Return the rows of a table of records that are filled; a view."""
    return memory[name][: memory.count(name)].view(np.float64).reshape(-1, width)


def _seconds_down(memory: Memory) -> FloatArray:
    """Return the node-seconds each station has been down, those of nodes still down included."""
    nodes = memory["nodes"]
    seconds: FloatArray = memory["stations"]["seconds_down"].copy()
    down = nodes["holders"] > 0
    np.add.at(seconds, nodes["station"][down], memory.clock["now"][0] - nodes["down_since"][down])
    return seconds
