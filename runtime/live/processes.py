"""The processes that stand for the nodes of a plan, and the conversation with them."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp

from twin.engines.simpy_engine.live import Served
from twin.errors import EngineError

START_TIMEOUT = 120.0
"""Seconds a process may take until it serves: it loads and tries its models first."""

ANSWER_TIMEOUT = 600.0

HEADINGS = ("Received", "Begun", "Ended", "Thread-Seconds", "Processor-Seconds")
"""What the headings of an answer tell (see ``design.segment_server``)."""

NodeKey = tuple[str, int]
"""Resource, and number of the node."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeProcess:
    """What one process is to serve (see ``design.segment_server``)."""

    cores: int

    parts: Mapping[str, Mapping[str, Any]]
    """Partition → model, scale and seed."""

    sharing: bool = False

    processors: tuple[int, ...] = ()

    def settings(self) -> str:
        """Return the line that tells a process what to serve."""
        return json.dumps(
            {
                "cores": self.cores,
                "parts": {name: dict(part) for name, part in self.parts.items()},
                "sharing": self.sharing,
                "processors": self.processors,
            }
        )


@dataclass(frozen=True, slots=True)
class Cost:
    """What one request cost the machine; seconds."""

    sent: float
    """When it was handed out, on the clock of ``time.perf_counter``."""

    answered: float
    """When its answer was back."""

    served: Served

    message_seconds: float
    """Processor time of its node since the answer before, without the service itself."""


class ProcessServant:
    """Serves the requests of a live run by processes on this machine, and keeps what each of them cost."""

    def __init__(self, nodes: Mapping[NodeKey, NodeProcess], *, hand_on: frozenset[str] = frozenset()) -> None:
        self.nodes = nodes
        self.hand_on = hand_on
        """Partitions whose outputs are the inputs of the next one."""
        self.costs: dict[str, list[Cost]] = {}
        """Partition → cost of each request, in the order of the answers."""
        self._processes: dict[NodeKey, asyncio.subprocess.Process] = {}
        self._addresses: dict[NodeKey, str] = {}
        self._handed: dict[int, bytes] = {}
        self._used: dict[NodeKey, float] = {}
        self._session: aiohttp.ClientSession

    async def open(self) -> None:
        """Start all processes and wait until each of them serves."""
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0), timeout=aiohttp.ClientTimeout(total=ANSWER_TIMEOUT)
        )
        for key, node in self.nodes.items():
            self._processes[key] = await _started(node)
        for key, process in self._processes.items():
            self._addresses[key] = f"http://127.0.0.1:{await _port(key, process)}/run/"

    async def serve(self, station: str, node: int, partition: str, request: int, seconds: float) -> Served:
        """Serve one request at its node.

        Raises:
            EngineError: The node refused it, or is gone.
        """
        key = (station, node)
        body = self._handed.pop(request, b"")
        headers = {"X-Service-Seconds": repr(seconds)}
        sent = time.perf_counter()
        try:
            async with self._session.post(self._addresses[key] + partition, data=body, headers=headers) as answer:
                content = await answer.read()
        except aiohttp.ClientError as error:
            raise EngineError(f"node {station}/{node} does not answer any more: {error}") from error
        answered = time.perf_counter()
        if answer.status != 200:
            raise EngineError(f"node {station}/{node} refused {partition!r}: {content[:200].decode(errors='replace')}")
        if partition in self.hand_on:
            self._handed[request] = content
        told = [float(answer.headers[f"X-{name}"]) for name in HEADINGS]
        served = Served(*told[:3])
        message_seconds = told[4] - self._used.get(key, 0.0) - told[3]
        self._used[key] = told[4]
        self.costs.setdefault(partition, []).append(Cost(sent, answered, served, message_seconds))
        return served

    async def close(self) -> None:
        """End all processes; they end by themselves when their input closes."""
        if hasattr(self, "_session"):
            await self._session.close()
        for process in self._processes.values():
            assert process.stdin is not None
            process.stdin.close()
        for process in self._processes.values():
            try:
                await asyncio.wait_for(process.wait(), 10)
            except TimeoutError:
                process.kill()
                await process.wait()


async def _started(node: NodeProcess) -> asyncio.subprocess.Process:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "design.segment_server",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stdin is not None
    process.stdin.write(node.settings().encode() + b"\n")
    await process.stdin.drain()
    return process


async def _port(key: NodeKey, process: asyncio.subprocess.Process) -> int:
    assert process.stdout is not None
    assert process.stderr is not None
    try:
        line = await asyncio.wait_for(process.stdout.readline(), START_TIMEOUT)
    except TimeoutError:
        raise EngineError(f"node {key[0]}/{key[1]} did not start within {START_TIMEOUT:g} s") from None
    if not line.strip().isdigit():
        words = (await process.stderr.read()).decode(errors="replace").strip().splitlines()
        raise EngineError(f"node {key[0]}/{key[1]} did not start: {words[-1] if words else 'it said nothing'}")
    return int(line)
