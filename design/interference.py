"""How much segments slow each other down: one runs with and without another one on a neighbouring core.

The other one runs in a process of its own, without a pause, and is stopped and continued by signals, so that turns
with and without it alternate and a slow drift of the machine hits both alike.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from design.example_inputs import Inputs
from design.onnx_models import OnnxModel
from design.onnx_sessions import open_session, run_once
from design.stopwatch import TURN, UNTIMED, Clock
from design.worker_file import worker_source
from twin.errors import ProfileError
from twin.formats.profile_schema import Slowdown
from twin.streams import stream

_RESAMPLED = 1000
_READY = "ready"


def slowdowns(
    models: Mapping[str, OnnxModel],
    inputs: Mapping[str, Inputs],
    *,
    samples: int,
    seed: int,
    clock: Clock | None = None,
    say: Callable[[str], None] | None = None,
) -> tuple[Slowdown, ...]:
    """Measure every model beside every one, itself included, each pinned to a core of its own.

    Raises ProfileError where this process may not use two cores, or cannot choose them.
    """
    cores = require_two_cores()
    found = []
    os.sched_setaffinity(0, {cores[0]})
    try:
        for other in models:
            with _running(models[other], inputs[other], cores[1]) as neighbour:
                for name in models:
                    if say is not None:
                        say(f"{name} beside {other}")
                    times = _alternating(models[name], inputs[name], neighbour, samples, clock or Clock())
                    found.append(slowdown(name, other, *times, seed=seed))
    finally:
        os.sched_setaffinity(0, cores)
    return tuple(found)


def require_two_cores() -> list[int]:
    """Return the cores this process may use; ProfileError if these are fewer than two, or cannot be chosen."""
    cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    if len(cores) < 2:
        raise ProfileError("interference needs two cores, and a system that lets a process choose them")
    return cores


def slowdown(name: str, other: str, alone: NDArray[np.float64], beside: NDArray[np.float64], *, seed: int) -> Slowdown:
    """Return the ratio of the medians, with the percentile interval of a bootstrap (Efron 1979)."""
    rng = stream(seed, 0, f"slowdown of {name} beside {other}")
    draws = [np.median(rng.choice(times, (_RESAMPLED, len(times))), axis=1) for times in (alone, beside)]
    low, high = np.quantile(draws[1] / draws[0], (0.025, 0.975))
    return Slowdown(
        segment=name,
        beside=other,
        factor=round(float(np.median(beside) / np.median(alone)), 4),
        low=round(float(low), 4),
        high=round(float(high), 4),
        samples=len(alone),
    )


def _alternating(
    model: OnnxModel, inputs: Inputs, neighbour: subprocess.Popen[str], samples: int, clock: Clock
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return service times without and with the neighbour, turn by turn."""
    session = open_session(model)
    times: dict[int, list[float]] = {signal.SIGSTOP: [], signal.SIGCONT: []}
    for first in range(0, samples, TURN):
        for state, kept in times.items():
            neighbour.send_signal(state)
            for run in range(UNTIMED + min(TURN, samples - first)):
                start = clock.wall()
                run_once(model, session, inputs)
                if run >= UNTIMED:
                    kept.append(clock.wall() - start)
    return np.asarray(times[signal.SIGSTOP]), np.asarray(times[signal.SIGCONT])


@contextmanager
def _running(model: OnnxModel, inputs: Inputs, core: int) -> Iterator[subprocess.Popen[str]]:
    """Run *model* again and again on *core*, in a process that ends with the block."""
    with tempfile.TemporaryDirectory(prefix="ctwin-neighbour-") as folder:
        worker, arrays = Path(folder, "worker.py"), Path(folder, "inputs.npz")
        worker.write_text(worker_source(), encoding="utf-8")
        np.savez(arrays, **inputs)  # type: ignore[arg-type]
        command = [
            sys.executable,
            str(worker),
            "--repeat",
            str(model.path),
            "--core",
            str(core),
            "--inputs",
            str(arrays),
        ]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        try:
            if process.stdout is None or process.stdout.readline().strip() != _READY:
                raise ProfileError(f"model {model.reference!r} does not run in a process of its own")
            yield process
        finally:
            process.kill()
            process.wait()
            if process.stdout is not None:
                process.stdout.close()
