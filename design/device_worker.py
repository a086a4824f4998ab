"""Measure ONNX models on a device that has Python 3.9, NumPy and onnxruntime, and nothing of this project.

``python calibrate_here.py MODEL.onnx... [--device NAME] [--samples N] [--threads N] [--seed N] [--shape INPUT=1,3]``
prints a profile as JSON; redirect it into a file and name that file in a scenario.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import platform
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # before the import: afterwards the first report has left

import numpy as np
import onnxruntime

from design.machine_facts import cpu_model, frequency_policy, operating_system, usable_cores
from design.steadiness import doubts
from design.stopwatch import Bench, time_all

NUMPY_TYPES = {"float": "float32", "double": "float64", "float16": "float16", "bool": "bool"}


def main(arguments: list[str]) -> int:
    """Print the profile; return 2 and one line on the error stream if a model cannot be measured."""
    asked = parser().parse_args(arguments)
    try:
        shapes = dict(shape_from(text) for text in asked.shape)
        if asked.repeat:
            repeat(asked, shapes)
        if asked.memory_of:
            answer: Any = peak_memory(asked.memory_of, asked, shapes)
        else:
            answer = profile(asked, shapes)
    except Exception as error:  # whatever onnxruntime raises has no common base
        sys.stderr.write("error: " + " ".join(str(error).split())[:500] + "\n")
        return 2
    sys.stdout.write(json.dumps(answer, indent=1) + "\n")
    return 0


def parser() -> argparse.ArgumentParser:
    """Return what reads the command line."""
    reader = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    reader.add_argument("models", nargs="*", metavar="MODEL.onnx")
    reader.add_argument("--device", default=platform.machine() or "device", help="class of device, for the profile")
    reader.add_argument("--samples", type=int, default=200)
    reader.add_argument("--threads", type=int, default=1)
    reader.add_argument("--seed", type=int, default=0)
    reader.add_argument("--shape", action="append", default=[], metavar="INPUT=1,3,224,224")
    reader.add_argument("--inputs", metavar="FILE.npz", help="arrays to run with, by name")
    reader.add_argument("--cpus", type=float, default=1.0, help=argparse.SUPPRESS)
    reader.add_argument("--at-once", type=float, default=0.0, help=argparse.SUPPRESS)
    reader.add_argument("--memory-of", metavar="MODEL.onnx", help=argparse.SUPPRESS)
    reader.add_argument("--repeat", metavar="MODEL.onnx", help=argparse.SUPPRESS)
    reader.add_argument("--core", type=int, help=argparse.SUPPRESS)
    return reader


def shape_from(text: str) -> tuple[str, list[int]]:
    """Return the name and sizes of ``name=1,2``."""
    name, equals, sizes = text.rpartition("=")
    if not equals:
        raise ValueError(f"cannot read shape {text!r}; write name=1,3,224,224")
    return name, [int(size) for size in sizes.split(",") if size]


def profile(asked: argparse.Namespace, shapes: dict[str, list[int]]) -> dict[str, Any]:
    """Measure all models turn by turn."""
    if not asked.models or not 1 <= asked.samples <= 500 or asked.threads < 1:
        raise ValueError("give at least one MODEL.onnx, 1 to 500 --samples, and --threads from 1")
    sessions = {path: open_session(path, asked.threads) for path in asked.models}
    inputs = {path: inputs_for(session, asked, shapes) for path, session in sessions.items()}
    outputs = {path: session.run(None, inputs[path]) for path, session in sessions.items()}
    sessions.clear()
    alone = len(asked.models) == 1  # then this process is the one whose memory is asked for
    memory = {path: None if alone else memory_in_own_process(path, asked) for path in asked.models}
    benches = {path: bench(path, inputs[path], asked.threads) for path in asked.models}
    time_all(list(benches.values()), samples=asked.samples)
    if alone:
        memory = {path: most_memory_held() for path in asked.models}
    return {
        "format": "continuum-twin profile 1",
        "device": asked.device,
        "provenance": provenance(asked),
        "segments": {
            Path(path).stem: segment(path, benches[path], inputs[path], outputs[path], memory[path], asked)
            for path in asked.models
        },
    }


def bench(path: str, inputs: dict[str, Any], threads: int) -> Bench:
    """Return the place of one model on the bench."""
    return Bench(open=lambda: open_session(path, threads), run=lambda session: session.run(None, inputs))


def open_session(path: str, threads: int) -> Any:
    """Return a session at full optimisation whose threads do not spin."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 4
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def inputs_for(session: Any, asked: argparse.Namespace, shapes: dict[str, list[int]]) -> dict[str, Any]:
    """Return given inputs, or random ones: open sizes are 1 unless *shapes* says otherwise."""
    if asked.inputs:
        with np.load(asked.inputs) as stored:
            return {each.name: stored[each.name] for each in session.get_inputs()}
    rng = np.random.default_rng(asked.seed)
    return {each.name: values(each, shapes, rng) for each in session.get_inputs()}


def values(wanted: Any, shapes: dict[str, list[int]], rng: Any) -> Any:
    """Return an array for one input: normal floats, and whole numbers of 0 and 1."""
    shape = shapes.get(wanted.name) or [size if isinstance(size, int) and size > 0 else 1 for size in wanted.shape]
    kind = wanted.type[len("tensor(") : -1]
    numbers = rng.standard_normal(shape) if kind in ("float", "double", "float16") else rng.integers(0, 2, shape)
    return np.asarray(numbers, dtype=NUMPY_TYPES.get(kind, kind))


def segment(path: str, timed: Bench, inputs: Any, outputs: Any, memory_mb: Any, asked: Any) -> dict[str, Any]:
    """Return the costs of one model as the profile keeps them."""
    times, remarks = times_on_device(timed, asked)
    found = {
        "model": Path(path).name,
        "sha256": hashlib.sha256(Path(path).read_bytes()).hexdigest(),
        "input_shapes": {name: list(array.shape) for name, array in inputs.items()},
        "input_mb": sum(array.nbytes for array in inputs.values()) / 1e6,
        "output_mb": sum(np.asarray(output).nbytes for output in outputs) / 1e6,
        "load_seconds": [round(seconds, 7) for seconds in timed.load_seconds],
        "service_seconds": [max(round(seconds, 7), 1e-7) for seconds in times],
        "cpu_seconds_mean": round(float(np.mean(timed.cpu_seconds)), 7),
        "warm_up_runs": timed.warm_up_runs,
        "notes": list(remarks + doubts(times, timed.cpu_seconds, threads=asked.threads, cpus=asked.cpus)),
    }
    return found if memory_mb is None else {**found, "memory_mb": memory_mb}


def times_on_device(timed: Bench, asked: argparse.Namespace) -> tuple[list[float], tuple[str, ...]]:
    """Return the service times, and what is to be said of them.

    A container with a share of a processor gets the whole processor for *at_once* seconds, and then nothing: runs that
    are much shorter never meet their share, or wait for several shares. Their processor time tells more.
    """
    needed = float(np.mean(timed.cpu_seconds))
    if asked.cpus >= 1 or needed >= asked.at_once / 2:
        return timed.service_seconds, ()
    remark = f"short runs: times are processor times divided by {asked.cpus:g}, the share of the emulated device"
    return [seconds / asked.cpus for seconds in timed.cpu_seconds], (remark,)


def provenance(asked: argparse.Namespace) -> dict[str, Any]:
    """Describe this device."""
    found = {
        "cpu": cpu_model(),
        "cores": usable_cores(),
        "operating_system": operating_system(),
        "versions": {
            "python": platform.python_version(),
            "numpy": np.__version__,
            "onnxruntime": onnxruntime.__version__,
        },
        "options": "full optimisation, no spinning threads, CPUExecutionProvider",
        "threads": asked.threads,
        "samples": asked.samples,
        "seed": asked.seed,
        "measured_on": time.strftime("%Y-%m-%d", time.gmtime()),
    }
    policy = frequency_policy()
    return found if policy is None else {**found, "frequency_policy": policy}


def memory_in_own_process(path: str, asked: argparse.Namespace) -> Any:
    """Return the peak memory in MB of a process that runs one model alone; None where it cannot be told."""
    given = ["--inputs", asked.inputs] if asked.inputs else [f"--shape={text}" for text in asked.shape]
    command = [sys.executable, __file__, "--memory-of", path, "--threads", str(asked.threads), *given]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return json.loads(done.stdout) if done.returncode == 0 else None


def repeat(asked: argparse.Namespace, shapes: dict[str, list[int]]) -> None:
    """Run one model on one core until this process, or the one that started it, ends: a neighbour for others."""
    os.sched_setaffinity(0, {asked.core})
    session = open_session(asked.repeat, 1)
    inputs = inputs_for(session, asked, shapes)
    session.run(None, inputs)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    parent = os.getppid()
    while os.getppid() == parent:
        session.run(None, inputs)
    raise RuntimeError("nobody is left to be a neighbour of")


def peak_memory(path: str, asked: argparse.Namespace, shapes: dict[str, list[int]]) -> Any:
    """Load and run one model, and return the most memory that took, in MB."""
    session = open_session(path, asked.threads)
    for _ in range(3):
        session.run(None, inputs_for(session, asked, shapes))
    return most_memory_held()


def most_memory_held() -> Any:
    """Return the most memory this process ever held, in MB; None on other systems than Linux."""
    status = Path("/proc/self/status")
    if not status.is_file():
        return None
    fields = dict(line.split(":", 1) for line in status.read_text().splitlines() if ":" in line)
    return round(int(fields["VmHWM"].split()[0]) * 1024 / 1e6, 3)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
