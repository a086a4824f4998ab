"""Choose where to cut: the chain whose slowest segment is fastest, the time on the link counted in.

The objective, in seconds, is that of the slowest segment (it limits the throughput of the pipeline) plus what all the
tensors that cross need on a link of stated bandwidth. Both parts pull: without the first a model would be cut at its
last and smallest tensor, without the second between the operators of one fused kernel.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from design.partition.cuts import Cut
from twin.errors import ProfileError

BANDWIDTH_MBIT_PER_S = 100.0
"""The link that is assumed unless another one is named."""


@dataclass(frozen=True, slots=True)
class _Way:
    """A way to have cut so far."""

    slowest: float
    sent: float
    cuts: tuple[int, ...]


def best_chain(
    cuts: Sequence[Cut],
    seconds: Sequence[float],
    total: float,
    *,
    segments: int,
    bandwidth_mbit_per_s: float = BANDWIDTH_MBIT_PER_S,
) -> tuple[Cut, ...]:
    """Return the cuts of the best chain of *segments* segments, by dynamic programming over *cuts*.

    *seconds* says how long the model takes up to each cut, *total* how long it takes as a whole. Cuts of several
    tensors are combined only where one lies before the other. Every way that is no worse than another in both parts of
    the objective is kept, so the result is the best one. Raises ProfileError if there is no chain that long.
    """
    if segments < 2:
        raise ValueError("a chain has at least two segments")
    order = sorted(range(len(cuts)), key=lambda index: len(cuts[index].before))
    link = [cut.bytes * 8 / (bandwidth_mbit_per_s * 1e6) for cut in cuts]
    reached = {index: [_Way(seconds[index], link[index], (index,))] for index in order}
    for _ in range(segments - 2):
        reached = {index: _best(_longer(cuts, seconds, link, reached, index)) for index in order}
    ends = [
        (max(way.slowest, total - seconds[index]) + way.sent, way.cuts) for index in order for way in reached[index]
    ]
    if not ends:
        raise ProfileError(f"there are not enough cuts for {segments} segments: {len(cuts)} found, not all in a row")
    return tuple(cuts[index] for index in min(ends)[1])


def _longer(
    cuts: Sequence[Cut], seconds: Sequence[float], link: Sequence[float], reached: dict[int, list[_Way]], last: int
) -> list[_Way]:
    """Return the ways that end at the cut *last* and have one cut more than those of *reached*."""
    return [
        _Way(max(way.slowest, seconds[last] - seconds[before]), way.sent + link[last], (*way.cuts, last))
        for before, ways in reached.items()
        if cuts[before].before < cuts[last].before
        for way in ways
    ]


def _best(ways: list[_Way]) -> list[_Way]:
    """Return the ways that no other beats in both the slowest segment and the seconds on the link."""
    kept: list[_Way] = []
    for way in sorted(ways, key=lambda each: (each.slowest, each.sent)):
        if not kept or way.sent < kept[-1].sent:
            kept.append(way)
    return kept
