"""Measure how long models take on this machine, with the onnxruntime that would run them for real.

Load times are those of a session from a file the system has read before; a container's own start comes on top.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import onnxruntime

from design.example_inputs import Inputs, Shape, check_shape_names, example_inputs
from design.onnx_models import OnnxModel
from design.onnx_sessions import has_only_numbers, open_session, output_bytes, run_once
from design.steadiness import doubts

LOADS = 5
MOST_SAMPLES = 500
"""More would make a profile file long, and its quantiles hardly better."""

TURN = 20
"""Runs of one model in a row before the next model has its turn."""

UNTIMED = 2
"""Runs at the start of a turn that are not counted: the model before has taken its weights out of the caches."""

_WARM_UP_BLOCK = 5
_LONGEST_WARM_UP = 50

Progress = Callable[[int, int], None]
"""Told the number of timed runs done and to do; between runs, so that it costs nobody's time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Clock:
    """Where times come from, in seconds; tests bring their own."""

    wall: Callable[[], float] = time.perf_counter

    cpu: Callable[[], float] = time.process_time


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


def calibrate(
    model: OnnxModel,
    *,
    samples: int = 200,
    warm_up: int | None = None,
    threads: int = 1,
    seed: int = 0,
    shapes: Mapping[str, Shape] | None = None,
    progress: Progress | None = None,
    clock: Clock | None = None,
) -> Measurement:
    """Measure one model; see `calibrate_all`."""
    return calibrate_all(
        [model],
        samples=samples,
        warm_up=warm_up,
        threads=threads,
        seed=seed,
        shapes=shapes,
        progress=progress,
        clock=clock,
    )[0]


def calibrate_all(
    models: Sequence[OnnxModel],
    *,
    samples: int = 200,
    warm_up: int | None = None,
    threads: int = 1,
    seed: int = 0,
    shapes: Mapping[str, Shape] | None = None,
    progress: Progress | None = None,
    clock: Clock | None = None,
) -> list[Measurement]:
    """Measure *models* turn by turn, so that a noisy moment of the machine does not hit one of them alone.

    *samples* is the number of counted runs per model. *warm_up* is the number of runs before them; None lets each
    model run until its median falls no further. *shapes* sets sizes of inputs that a model leaves open. Raises
    ProfileError if a model cannot be run, before any is timed, and ValueError for numbers out of range.
    """
    if not 1 <= samples <= MOST_SAMPLES or threads < 1 or (warm_up is not None and warm_up < 0):
        raise ValueError(f"samples must be 1 to {MOST_SAMPLES}, threads at least 1, warm_up not negative")
    check_shape_names(list(models), shapes or {})
    watch = clock or Clock()
    benches = [_bench(model, example_inputs(model, seed=seed, shapes=shapes), threads) for model in models]
    for _ in range(LOADS):
        for bench in benches:
            bench.load(threads, watch)
    for bench in benches:
        bench.warm_up(warm_up, watch)
    _take_turns(benches, samples, watch, progress)
    return [bench.measurement(threads) for bench in benches]


def _take_turns(benches: list[_Bench], samples: int, clock: Clock, progress: Progress | None) -> None:
    done = 0
    for first in range(0, samples, TURN):
        for bench in benches:
            bench.run_untimed(clock)
            for _ in range(min(TURN, samples - first)):
                bench.run_timed(clock)
                done += 1
                if progress is not None:
                    progress(done, samples * len(benches))


def _bench(model: OnnxModel, inputs: Inputs, threads: int) -> _Bench:
    """Run *model* once, so that what cannot run is known at once, and the size of its outputs too."""
    session = open_session(model, threads=threads)
    return _Bench(model=model, inputs=inputs, session=session, outputs=run_once(model, session, inputs))


@dataclass(slots=True, kw_only=True)
class _Bench:
    """One model on the bench and the times taken so far."""

    model: OnnxModel
    inputs: Inputs
    session: onnxruntime.InferenceSession | None
    outputs: list[object]
    load_seconds: list[float] = field(default_factory=list)
    service_seconds: list[float] = field(default_factory=list)
    cpu_seconds: list[float] = field(default_factory=list)
    warm_up_runs: int = 0

    def load(self, threads: int, clock: Clock) -> None:
        self.session = None  # the memory of two sessions may be more than there is
        start = clock.wall()
        self.session = open_session(self.model, threads=threads)
        self.load_seconds.append(clock.wall() - start)

    def warm_up(self, runs: int | None, clock: Clock) -> None:
        """Run *runs* times; if None, until a block of runs is hardly faster than the block before."""
        most = _LONGEST_WARM_UP if runs is None else runs
        before = np.inf
        while self.warm_up_runs < most:
            times = [self._run(clock)[0] for _ in range(min(_WARM_UP_BLOCK, most - self.warm_up_runs))]
            self.warm_up_runs += len(times)
            now = float(np.median(times))
            if runs is None and now > 0.95 * before:
                return
            before = now

    def run_untimed(self, clock: Clock) -> None:
        for _ in range(UNTIMED):
            self._run(clock)

    def run_timed(self, clock: Clock) -> None:
        wall, cpu = self._run(clock)
        self.service_seconds.append(wall)
        self.cpu_seconds.append(cpu)

    def _run(self, clock: Clock) -> tuple[float, float]:
        """Return the wall and CPU seconds of one run."""
        wall, cpu = clock.wall(), clock.cpu()
        run_once(self.model, self.session, self.inputs)
        cpu_end, wall_end = clock.cpu(), clock.wall()
        return wall_end - wall, cpu_end - cpu

    def measurement(self, threads: int) -> Measurement:
        numbers = (
            () if has_only_numbers(self.outputs) else ("outputs are not all finite numbers; the input is made up",)
        )
        return Measurement(
            model=self.model,
            input_shapes={name: array.shape for name, array in self.inputs.items()},
            input_mb=sum(array.nbytes for array in self.inputs.values()) / 1e6,
            output_mb=output_bytes(self.outputs) / 1e6,
            load_seconds=tuple(self.load_seconds),
            service_seconds=tuple(self.service_seconds),
            cpu_seconds=tuple(self.cpu_seconds),
            warm_up_runs=self.warm_up_runs,
            notes=(*self.model.notes, *numbers, *doubts(self.service_seconds, self.cpu_seconds, threads=threads)),
        )
