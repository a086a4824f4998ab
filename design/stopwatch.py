"""Time things turn by turn: load, warm up, run, so that a noisy moment of the machine does not hit one of them alone.

It knows nothing of models and needs NumPy alone: the file that measures on other devices carries a copy of it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

LOADS = 5

TURN = 20
"""Runs of one thing in a row before the next one has its turn."""

UNTIMED = 2
"""Runs at the start of a turn that are not counted: the one before has taken the caches."""

_WARM_UP_BLOCK = 5
_LONGEST_WARM_UP = 50

Progress = Callable[[int, int], None]
"""Told the number of timed runs done and to do; between runs, so that it costs nobody's time."""


@dataclass(frozen=True)
class Clock:
    """Where times come from, in seconds; tests bring their own."""

    wall: Callable[[], float] = time.perf_counter

    cpu: Callable[[], float] = time.process_time


@dataclass
class Bench:
    """One thing on the bench, and the times taken so far."""

    open: Callable[[], Any]
    """Makes it ready to run, such as a session of a model; what it returns goes to `run`."""

    run: Callable[[Any], Any]

    opened: Any = None

    load_seconds: list[float] = field(default_factory=list)

    service_seconds: list[float] = field(default_factory=list)
    """Wall time of every counted run, in the order they ran."""

    cpu_seconds: list[float] = field(default_factory=list)

    warm_up_runs: int = 0

    def load(self, clock: Clock) -> None:
        """Make it ready anew, and count the time that takes."""
        self.opened = None  # the memory of two sessions may be more than there is
        start = clock.wall()
        self.opened = self.open()
        self.load_seconds.append(clock.wall() - start)

    def warm_up(self, runs: int | None, clock: Clock) -> None:
        """Run *runs* times; if None, until a block of runs is hardly faster than the block before."""
        most = _LONGEST_WARM_UP if runs is None else runs
        before = np.inf
        while self.warm_up_runs < most:
            times = [self._timed(clock)[0] for _ in range(min(_WARM_UP_BLOCK, most - self.warm_up_runs))]
            self.warm_up_runs += len(times)
            now = float(np.median(times))
            if runs is None and now > 0.95 * before:
                return
            before = now

    def run_untimed(self, clock: Clock) -> None:
        """Run without counting."""
        for _ in range(UNTIMED):
            self._timed(clock)

    def run_timed(self, clock: Clock) -> None:
        """Run once and keep the times."""
        wall, cpu = self._timed(clock)
        self.service_seconds.append(wall)
        self.cpu_seconds.append(cpu)

    def _timed(self, clock: Clock) -> tuple[float, float]:
        """Return the wall and CPU seconds of one run."""
        wall, cpu = clock.wall(), clock.cpu()
        self.run(self.opened)
        cpu_end, wall_end = clock.cpu(), clock.wall()
        return wall_end - wall, cpu_end - cpu


def time_all(
    benches: Sequence[Bench],
    *,
    samples: int,
    warm_up: int | None = None,
    clock: Clock | None = None,
    progress: Progress | None = None,
) -> None:
    """Load, warm up and run each of *benches*, *samples* counted runs each; None detects the warm-up."""
    watch = clock or Clock()
    for _ in range(LOADS):
        for bench in benches:
            bench.load(watch)
    for bench in benches:
        bench.warm_up(warm_up, watch)
    done = 0
    for first in range(0, samples, TURN):
        for bench in benches:
            bench.run_untimed(watch)
            for _ in range(min(TURN, samples - first)):
                bench.run_timed(watch)
                done += 1
                if progress is not None:
                    progress(done, samples * len(benches))
