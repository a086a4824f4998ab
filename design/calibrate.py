"""Measure how long models take on this machine, with the onnxruntime that would run them for real.

Load times are those of a session from a file the system has read before; a container's own start comes on top.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from design.example_inputs import Inputs, Shape, check_shape_names, example_inputs
from design.onnx_models import OnnxModel
from design.onnx_sessions import CPU_PROVIDER, has_only_numbers, open_session, output_bytes, run_once
from design.serialisation import FormatCost, format_costs
from design.steadiness import doubts
from design.stopwatch import Bench, Clock, Progress, time_all

MOST_SAMPLES = 500
"""More would make a profile file long, and its quantiles hardly better."""

MemoryProbe = Callable[[OnnxModel, Inputs], float | None]
"""Says the peak memory in MB of a process that runs a model alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """What one model cost."""

    model: OnnxModel

    input_shapes: dict[str, Shape]

    input_mb: float

    output_mb: float

    load_seconds: tuple[float, ...]

    service_seconds: tuple[float, ...]
    """Wall time of every counted run, in the order they ran."""

    cpu_seconds: tuple[float, ...]

    warm_up_runs: int

    memory_mb: float | None = None
    """Peak memory of a process that does nothing else; None if it was not measured."""

    serialisation: dict[str, FormatCost] = field(default_factory=dict)
    """What handing on the outputs costs, by format."""

    notes: tuple[str, ...]
    """What a reader should doubt or know."""

    @property
    def mean(self) -> float:
        """Mean service time in seconds."""
        return float(np.mean(self.service_seconds))

    @property
    def variation(self) -> float:
        """Coefficient of variation of the service time: standard deviation per mean."""
        return float(np.std(self.service_seconds)) / self.mean

    def quantile(self, share: float) -> float:
        """Return the service time in seconds that *share* (0–1) of the runs do not exceed."""
        return float(np.quantile(self.service_seconds, share))


def calibrate(model: OnnxModel, **options: Any) -> Measurement:
    """Measure one model; see `calibrate_all`."""
    return calibrate_all([model], **options)[0]


def calibrate_all(
    models: Sequence[OnnxModel],
    *,
    samples: int = 200,
    warm_up: int | None = None,
    threads: int = 1,
    seed: int = 0,
    shapes: Mapping[str, Shape] | None = None,
    inputs: Sequence[Inputs | None] | None = None,
    provider: str = CPU_PROVIDER,
    memory: MemoryProbe | None = None,
    progress: Progress | None = None,
    clock: Clock | None = None,
) -> list[Measurement]:
    """Measure *models* turn by turn, so that a noisy moment of the machine does not hit one of them alone.

    *samples* is the number of counted runs per model. *warm_up* is the number of runs before them; None lets each
    model run until its median falls no further. *shapes* sets sizes of inputs that a model leaves open; *inputs* are
    taken as they are where they are given. *memory* is asked for each model. Raises ProfileError if a model cannot be
    run, before any is timed, and ValueError for numbers out of range.
    """
    if not 1 <= samples <= MOST_SAMPLES or threads < 1 or (warm_up is not None and warm_up < 0):
        raise ValueError(f"samples must be 1 to {MOST_SAMPLES}, threads at least 1, warm_up not negative")
    check_shape_names(list(models), shapes or {})
    given = inputs or [None] * len(models)
    subjects = [
        _subject(model, example_inputs(model, seed=seed, shapes=shapes) if own is None else own, threads, provider)
        for model, own in zip(models, given, strict=True)
    ]
    peaks = [memory(subject.model, subject.inputs) if memory else None for subject in subjects]
    time_all([subject.bench for subject in subjects], samples=samples, warm_up=warm_up, clock=clock, progress=progress)
    return [_measurement(subject, peak, threads) for subject, peak in zip(subjects, peaks, strict=True)]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Subject:
    """A model, what goes in, what came out of its first run, and its place on the bench."""

    model: OnnxModel
    inputs: Inputs
    outputs: list[Any]
    bench: Bench


def _subject(model: OnnxModel, inputs: Inputs, threads: int, provider: str) -> _Subject:
    """Run *model* once, so that what cannot run is known at once, and the size of its outputs too."""
    outputs = run_once(model, open_session(model, threads=threads, provider=provider), inputs)
    bench = Bench(
        open=lambda: open_session(model, threads=threads, provider=provider),
        run=lambda session: run_once(model, session, inputs),
    )
    return _Subject(model=model, inputs=inputs, outputs=outputs, bench=bench)


def _measurement(subject: _Subject, memory_mb: float | None, threads: int) -> Measurement:
    bench, finite = subject.bench, has_only_numbers(subject.outputs)
    numbers = () if finite else ("outputs are not all finite numbers; the input is made up",)
    return Measurement(
        model=subject.model,
        input_shapes={name: array.shape for name, array in subject.inputs.items()},
        input_mb=sum(array.nbytes for array in subject.inputs.values()) / 1e6,
        output_mb=output_bytes(subject.outputs) / 1e6,
        load_seconds=tuple(bench.load_seconds),
        service_seconds=tuple(bench.service_seconds),
        cpu_seconds=tuple(bench.cpu_seconds),
        warm_up_runs=bench.warm_up_runs,
        memory_mb=memory_mb,
        serialisation=format_costs(subject.outputs),
        notes=(*subject.model.notes, *numbers, *doubts(bench.service_seconds, bench.cpu_seconds, threads=threads)),
    )
