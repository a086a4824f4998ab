"""Measure as on a small device: each model in a container that gets a share of a processor and little memory.

The share is handed out in periods of 10 ms. With the 100 ms that engines choose by themselves, models run at full speed
for a while and then stall; with less than two ticks of the system's clock (4 ms each on many) they get less than their
share, at 2 ms a third of a processor instead of half. What a container cannot imitate is another kind of processor:
caches, memory bandwidth and instructions stay those of this machine.
"""

from __future__ import annotations

import importlib.util
import json
import math
import os
import re
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from design.example_inputs import Inputs
from design.onnx_models import OnnxModel
from design.worker_file import worker_source
from twin.errors import ProfileError
from twin.formats.profile_schema import Emulation, ProfileFile, Segment

PERIOD_US = 10_000
SHORTEST_QUOTA_US = 1000
"""What Linux accepts at least; very small shares get a longer period."""

SMALLEST_MEMORY_MB = 32
"""Less holds no Python."""

_SYSTEM = ("/usr", "/lib", "/lib64", "/bin")
_WORK, _MODELS = Path("/calibration"), Path("/models")
_MEMORY = re.compile(r"(\d+(?:\.\d+)?)([mg])b?", re.IGNORECASE)
_MB_PER = {"m": 1.0, "g": 1000.0}


@dataclass(frozen=True, slots=True, kw_only=True)
class SmallDevice:
    """What the container of a model may use."""

    cpus: float
    """Processors; 0.5 is half of the time of one."""

    memory_mb: float

    @property
    def period_us(self) -> int:
        """Microseconds after which the share is handed out anew."""
        return max(PERIOD_US, math.ceil(SHORTEST_QUOTA_US / self.cpus))

    @property
    def quota_us(self) -> int:
        """Microseconds of processor time in each period."""
        return round(self.period_us * self.cpus)


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One command in a container without a network, that can write nothing."""

    command: tuple[str, ...]

    folders: Mapping[Path, Path]
    """Folders of this machine it can read, by their places in the container."""

    environment: Mapping[str, str]

    device: SmallDevice


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How a job ended."""

    status: int

    out_of_memory: bool

    output: str

    errors: str


class Containers(Protocol):
    """An engine that runs containers on this machine."""

    @property
    def engine(self) -> str:
        """Name and version."""

    def run(self, job: Job) -> Ended:
        """Run *job* to its end; the container is gone afterwards, whatever happens.

        Raises ProfileError if the engine cannot run it.
        """

    def close(self) -> None:
        """Hang up."""


OpenContainers = Callable[[], Containers]
"""Finds the engine; raises ProfileError if there is none."""


def parse_device(text: str) -> SmallDevice:
    """Return the device that ``cpus=0.5,memory=512m`` describes; ProfileError if that is none of this machine."""
    given = dict(part.partition("=")[::2] for part in text.replace(" ", "").split(","))
    memory = _MEMORY.fullmatch(given.get("memory", ""))
    try:
        cpus = float(given.get("cpus", ""))
    except ValueError:
        cpus = -1.0
    if set(given) != {"cpus", "memory"} or memory is None or cpus < 0:
        raise ProfileError(f"cannot read device {text!r}; write cpus=0.5,memory=512m (or 1.5g)")
    most = os.cpu_count() or 1
    if not 0.01 <= cpus <= most:
        raise ProfileError(
            f"cpus={given['cpus']} cannot be emulated here; give 0.01 to {most}, the processors there are"
        )
    memory_mb = float(memory[1]) * _MB_PER[memory[2].lower()]
    if memory_mb < SMALLEST_MEMORY_MB:
        raise ProfileError(f"memory={given['memory']} does not hold Python itself; give at least {SMALLEST_MEMORY_MB}m")
    return SmallDevice(cpus=cpus, memory_mb=memory_mb)


def emulation_of(device: SmallDevice, containers: Containers) -> Emulation:
    """Return what a profile says of how the device was emulated."""
    return Emulation(
        cpus=device.cpus,
        memory_mb=device.memory_mb,
        period_seconds=device.period_us / 1e6,
        engine=containers.engine,
    )


def emulated_segment(
    model: OnnxModel, inputs: Inputs, device: SmallDevice, containers: Containers, *, samples: int, threads: int
) -> Segment | None:
    """Return what *model* costs in a container of its own, or None if it does not fit into the memory.

    Raises ProfileError if it cannot be run there for another reason.
    """
    path = model.path.resolve()
    with tempfile.TemporaryDirectory(prefix="ctwin-emulation-") as work:
        Path(work, "worker.py").write_text(worker_source(), encoding="utf-8")
        np.savez(Path(work, "inputs.npz"), **inputs)  # type: ignore[arg-type]
        options = {
            "--inputs": _WORK / "inputs.npz",
            "--samples": samples,
            "--threads": threads,
            "--cpus": device.cpus,
            "--at-once": device.quota_us / 1e6,
        }
        job = Job(
            command=(
                sys.executable,
                str(_WORK / "worker.py"),
                str(_MODELS / path.name),
                *(str(word) for option in options.items() for word in option),
            ),
            folders={_WORK: Path(work), _MODELS: path.parent, **{each: each for each in python_folders()}},
            environment={"PYTHONPATH": os.pathsep.join(map(str, _library_folders())), "PYTHONDONTWRITEBYTECODE": "1"},
            device=device,
        )
        ended = containers.run(job)
    if ended.out_of_memory:
        return None
    return _segment(model, ended)


def python_folders() -> list[Path]:
    """Return the folders that this Python with NumPy and onnxruntime needs, none of them inside another."""
    wanted = [Path(each) for each in (*_SYSTEM, sys.base_prefix, sys.prefix)]
    wanted += [Path(sys.executable).resolve().parent.parent, *_library_folders()]
    there = sorted({each for each in wanted if each.is_dir()})
    return [each for each in there if not any(other != each and each.is_relative_to(other) for other in there)]


def _library_folders() -> list[Path]:
    found = [importlib.util.find_spec(name) for name in ("numpy", "onnxruntime")]
    return sorted({Path(spec.origin).parent.parent for spec in found if spec is not None and spec.origin})


def _segment(model: OnnxModel, ended: Ended) -> Segment:
    if ended.status != 0:
        words = ended.errors.strip().splitlines()
        reason = words[-1].removeprefix("error: ")[:300] if words else f"status {ended.status}, without a word"
        raise ProfileError(f"model {model.reference!r} does not run in a container: {reason}")
    try:
        document = json.loads(ended.output)
        (found,) = ProfileFile.model_validate_json(json.dumps(document)).segments.values()
    except ValueError as error:
        raise ProfileError(f"model {model.reference!r}: the container answered with no profile") from error
    return found.model_copy(update={"model": model.reference, "notes": (*model.notes, *found.notes)})
