"""Sweeps: run what is not there yet, keep each result at once, and put all of them into one table."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from twin.crew import Crew
from twin.engines.choice import make_ready
from twin.sweep.against import plan_differences
from twin.sweep.hands import Alone, Hands
from twin.sweep.points import Layout, Point
from twin.sweep.rows import Figures, Job, Outcome, run_point
from twin.sweep.store import Store

Progress: TypeAlias = Callable[[int, int], None]
"""Called with the number of finished points and of those that had to run."""

Row: TypeAlias = dict[str, str | float | bool | None]


class SweepInterrupted(KeyboardInterrupt):
    """Ctrl-C: what was done is kept."""

    def __init__(self, done: int, points: int) -> None:
        super().__init__(f"{done} of {points} points are done and kept")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sweep:
    """All results, in the order of the points."""

    layout: Layout

    figures: tuple[Figures | None, ...]
    """None where a point has none."""

    errors: tuple[str, ...]
    """Why it has none; empty where it has some."""

    samples: tuple[Mapping[str, Sequence[float | None]], ...] = ()
    """What plans are compared by, for each point; empty where it has none."""

    resumed: int = 0
    """Points whose results were there already."""

    @property
    def broken(self) -> int:
        """How many points have no result."""
        return sum(bool(error) for error in self.errors)

    def rows(self) -> list[Row]:
        """Return one row a point: the values of the axes, what went wrong, the figures."""
        rows = []
        for number, (point, figures, error) in enumerate(
            zip(self.layout.points, self.figures, self.errors, strict=True)
        ):
            axes = {axis.name: value for axis, value in zip(self.layout.axes, point.values, strict=True)}
            found = {name: value for name, value in (figures or {}).items() if name not in axes}
            against = plan_differences(self.layout, self.samples, number)
            rows.append({"point": number, **axes, "error": error or None, **found, **against})
        return rows


def sweep(
    layout: Layout,
    store: Store,
    hands: Hands,
    *,
    fresh: bool = False,
    progress: Progress | None = None,
    announce: Callable[[str], None] | None = None,
) -> Sweep:
    """Run the points of *layout* whose results *store* does not have, and return all of them.

    Points with equal keys run once. A point that breaks is not kept, so that it gets another chance next time.

    Args:
        layout: The points.
        store: Where results are kept, the moment they are there.
        hands: What runs the points.
        fresh: Run points whose results are there, too.
        progress: Called at the start and after every point that ran.
        announce: Called with a sentence about what takes long before the first result.

    Raises:
        SweepInterrupted: Ctrl-C was pressed.
    """
    store.open()
    wanted = {point.key: point for point in layout.points if point.key}
    results: dict[str, Outcome] = {} if fresh else dict(_kept(store, wanted))
    resumed = len(results)
    todo = [point for key, point in wanted.items() if key not in results]
    if progress:
        progress(0, len(todo))
    try:
        for done, (key, outcome) in enumerate(_run(todo, hands, announce), start=1):
            results[key] = outcome
            if outcome.figures is not None:
                store.keep(key, outcome)
            if progress:
                progress(done, len(todo))
    except KeyboardInterrupt:
        whole = sum(outcome.figures is not None for outcome in results.values())
        raise SweepInterrupted(whole, len(wanted)) from None
    return Sweep(
        layout=layout,
        figures=tuple(results[point.key].figures if point.key else None for point in layout.points),
        samples=tuple(results[point.key].samples if point.key else {} for point in layout.points),
        errors=tuple(results[point.key].error if point.key else point.problem for point in layout.points),
        resumed=resumed,
    )


def _kept(store: Store, keys: Iterable[str]) -> Iterator[tuple[str, Outcome]]:
    for key in keys:
        outcome = store.kept(key)
        if outcome is not None:
            yield key, outcome


def _run(todo: Sequence[Point], hands: Hands, announce: Callable[[str], None] | None) -> Iterator[tuple[str, Outcome]]:
    if isinstance(hands, Crew | Alone):
        for engine in {point.engine for point in todo}:
            make_ready(engine, announce)  # once here, instead of in all processes at the same time
    for number, result in hands.run(run_point, map(_job, todo)):
        yield todo[number].key, Outcome(error=str(result)) if isinstance(result, Exception) else result


def _job(point: Point) -> Job:
    assert point.scenario is not None
    return Job(scenario=point.scenario, engine=point.engine)
