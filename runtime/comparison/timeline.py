"""The first day under every policy as a picture: load, nodes, response time, alarms and changes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from runtime.comparison.comparing import Comparison, Result
from runtime.comparison.tasks import SHOWN
from twin.controlled_run import Timeline
from twin.model.constraints import ResponseConstraint
from twin.panels_svg import Panel, Picture, Row, Strip, Trail, draw_panels

MOST = 600
"""Points of a course that have room; more are averaged."""

MOMENTS = 300
"""Changes that can be told apart; of more, some are left out of the picture."""


def timeline_svg(comparison: Comparison) -> str:
    """Return the picture of the first replication as SVG."""
    results = comparison.results
    lines = [_line(result) for result in results]
    horizon = max(result.outcomes[SHOWN].horizon for result in results)
    limits = [each.limit for each in comparison.scenario.constraints if isinstance(each, ResponseConstraint)]
    load = Trail(colour=6, points=tuple(_averaged(lines[0].time, lines[0].arrival_rate)))
    panels = [
        Panel(label="requests/s", trails=(load,)),
        *(
            Panel(label=f"nodes of {name}", trails=_nodes(lines, name, horizon), counts=True)
            for name in _resources(lines)
        ),
        Panel(
            label="response time (s)",
            trails=tuple(
                Trail(colour=i, points=tuple(_averaged(line.time, line.response_time))) for i, line in enumerate(lines)
            ),
            limits=tuple(limits),
        ),
    ]
    strip = Strip(label="alarms ▬  changes ▼", rows=tuple(_row(i, each, horizon) for i, each in enumerate(results)))
    return draw_panels(
        Picture(
            title=f"{comparison.scenario.name}: the first of {comparison.replications} replications",
            horizon=horizon,
            names=tuple(result.words for result in results),
            panels=tuple(panels),
            strip=strip,
        )
    )


def _line(result: Result) -> Timeline:
    line = result.outcomes[SHOWN].timeline
    assert line is not None  # that of the first replication is always kept
    return line


def _resources(lines: Sequence[Timeline]) -> list[str]:
    """Return the resources of which policies paid different numbers; where they did not, all that anyone paid."""
    paid = {name: {count for line in lines for count in line.nodes.get(name, ())} for name in lines[0].nodes}
    return [name for name, counts in paid.items() if len(counts) > 1] or [
        n for n, counts in paid.items() if any(counts)
    ]


def _nodes(lines: Sequence[Timeline], name: str, horizon: float) -> tuple[Trail, ...]:
    return tuple(
        Trail(colour=i, points=tuple(_steps(line.time, line.nodes.get(name, ()), horizon)), steps=True)
        for i, line in enumerate(lines)
    )


def _steps(times: Sequence[float], counts: Sequence[int], horizon: float) -> Iterator[tuple[float, float]]:
    """Yield where a number of nodes changes, and the end."""
    last = None
    for time, count in zip(times, counts, strict=False):
        if count != last:
            yield (0.0 if last is None else time), float(count)
            last = count
    if last is not None:
        yield horizon, float(last)


def _averaged(times: Sequence[float], values: Sequence[float | None]) -> Iterator[tuple[float, float | None]]:
    """Yield at most MOST points, each the mean of as many neighbours; None where none of them has a value."""
    size = -(-len(times) // MOST) or 1
    for first in range(0, len(times), size):
        known = [value for value in values[first : first + size] if value is not None]
        yield times[min(first + size, len(times)) - 1], sum(known) / len(known) if known else None


def _row(position: int, result: Result, horizon: float) -> Row:
    line, changes = _line(result), result.outcomes[SHOWN].changes
    return Row(
        label=result.words,
        colour=position,
        spans=tuple(_alarmed(line, horizon)),
        moments=tuple(changes[:: -(-len(changes) // MOMENTS) or 1]),
    )


def _alarmed(line: Timeline, horizon: float) -> Iterator[tuple[float, float]]:
    """Yield from when until when some alarm was raised, as the policy was told."""
    ends = [*line.time[1:], horizon]
    for is_raised, run in groupby(zip(line.time, ends, line.alarms, strict=True), lambda each: bool(each[2])):
        if is_raised:
            spell = list(run)
            yield spell[0][0], spell[-1][1]
