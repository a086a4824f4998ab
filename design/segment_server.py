"""One node of a plan as a process: models under onnxruntime behind a small HTTP server.

``python -m design.segment_server`` reads what to serve as JSON from standard input, writes its port to standard
output, and serves until that input ends: so no server outlives the program that started it. It binds to loopback.

The headings of an answer tell when the request was received, begun and ended, on the machine's monotonic clock, and
what processor time its thread and, since the start, the whole process have used; all in seconds.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import onnxruntime
from aiohttp import web
from pydantic import BaseModel, ConfigDict

from design.example_inputs import Inputs, example_inputs
from design.onnx_models import load_model
from design.onnx_sessions import open_session
from design.tensor_frames import packed, unpacked
from twin.errors import ProfileError

LARGEST_BODY = 1 << 30

SHARING_THREADS = 256
"""Requests that can be in service at once where all share the cores."""


FIRST_RUNS = 5
"""Runs before the port is told: the first ones are slower."""


class ServedPart(BaseModel):
    """What one partition is on this node."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    model: str | None = None
    """File of its model, or ``onnx:NAME``; absent: the time of each request comes with it, and the part only waits."""

    scale: float = 1.0
    """The node stands for a device this much slower: after each run it waits (scale - 1) times as long again."""

    seed: int = 0
    """Seed of the inputs it uses for requests that bring none."""


class ServedNode(BaseModel):
    """What the process serves, and with what."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    cores: int = 1
    """Requests in service at once (first come, first served)."""

    sharing: bool = False
    """Whether all requests present are in service and the operating system shares the cores among them."""

    processors: tuple[int, ...] = ()
    """Processors that the process may use; empty: any."""

    parts: dict[str, ServedPart]


class Part:
    """A partition ready to run."""

    def __init__(self, settings: ServedPart) -> None:
        self.scale = settings.scale
        self.session: onnxruntime.InferenceSession | None = None
        self.inputs: Inputs = {}
        if settings.model is not None:
            model = load_model(settings.model)
            self.session = open_session(model)
            self.inputs = example_inputs(model, seed=settings.seed)
            for _ in range(FIRST_RUNS):
                self.session.run(None, self.inputs)

    def run(self, body: bytes, seconds: float | None) -> tuple[bytes, dict[str, float]]:
        """Serve one request; return its answer, when it began and ended, and the processor seconds of this thread."""
        begun, used = time.perf_counter(), time.thread_time()
        answer = b""
        if self.session is None:
            time.sleep(seconds or 0.0)
        else:
            given = unpacked(body) if body[:1] == b"\x00" else {}
            names = [output.name for output in self.session.get_outputs()]
            outputs = self.session.run(names, {**self.inputs, **given})
            answer = packed(dict(zip(names, outputs, strict=True))) if given else b""
            if self.scale > 1:
                time.sleep((self.scale - 1) * (time.perf_counter() - begun))
        return answer, {"Begun": begun, "Ended": time.perf_counter(), "Thread-Seconds": time.thread_time() - used}


class SegmentServer:
    """Takes requests in the order of their arrival and hands them to the threads that serve."""

    def __init__(self, node: ServedNode) -> None:
        self.parts = {name: Part(part) for name, part in node.parts.items()}
        self.threads = ThreadPoolExecutor(SHARING_THREADS if node.sharing else node.cores)

    async def run(self, request: web.Request) -> web.Response:
        """Answer ``POST /run/PART``."""
        part = self.parts.get(request.match_info["part"])
        if part is None:
            raise web.HTTPNotFound(text=f"no part {request.match_info['part']!r} runs here")
        body = await request.read()
        received = time.perf_counter()
        stated = request.headers.get("X-Service-Seconds")
        loop = asyncio.get_running_loop()
        try:
            seconds = None if stated is None else float(stated)
            answer, times = await loop.run_in_executor(self.threads, part.run, body, seconds)
        except (ProfileError, ValueError) as error:
            raise web.HTTPBadRequest(text=str(error)) from error
        times |= {"Received": received, "Processor-Seconds": time.process_time()}
        return web.Response(body=answer, headers={f"X-{name}": repr(value) for name, value in times.items()})

    def application(self) -> web.Application:
        """Return the web application."""
        application = web.Application(client_max_size=LARGEST_BODY)
        application.router.add_post("/run/{part}", self.run)
        return application


async def serve(settings: Mapping[str, Any]) -> None:
    """Serve *settings* (a ``ServedNode``) until standard input ends."""
    node = ServedNode.model_validate(settings)
    if node.processors:
        os.sched_setaffinity(0, node.processors)
    server = SegmentServer(node)
    runner = web.AppRunner(server.application(), access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    print(runner.addresses[0][1], flush=True)  # noqa: T201  the port is what the parent waits for
    try:
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    finally:
        await runner.cleanup()
        server.threads.shutdown(wait=False, cancel_futures=True)


def main() -> None:
    """Serve what the first line of standard input asks for."""
    try:
        asyncio.run(serve(json.loads(sys.stdin.readline())))
    except ProfileError as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
