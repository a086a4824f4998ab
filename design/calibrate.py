"""Measure how long models take on this machine, with the onnxruntime that would run them for real.

Load times are those of a session from a file the system has read before; a container's own start comes on top.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count

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
            bench.run_untimed()
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
        """Run *runs* times, or until a block of runs is hardly faster than the block before."""
        before = np.inf
        for done in count(0, _WARM_UP_BLOCK):
            self.warm_up_runs = done if runs is None else runs
            if runs is not None or done >= _LONGEST_WARM_UP:
                break
            now = np.median([self._run(clock)[0] for _ in range(_WARM_UP_BLOCK)])
            if now > 0.95 * before:
                self.warm_up_runs += _WARM_UP_BLOCK
                break
            before = now
        for _ in range(runs or 0):
            self._run(clock)
