"""Tables of transfers between components: from each pattern of the origin to each location of the target's start."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from design.layouts import Layouts
from design.limits import Hop
from design.problem import FloatArray, IntArray
from design.rules import Rules
from design.sources import LocatedSource
from design.transfers import LegList, Transfers
from twin.model.application import Dependency


@dataclass(frozen=True, slots=True, kw_only=True)
class HopTable:
    """One transfer; shapes (patterns of the origin, locations)."""

    ends: Hop

    seconds: FloatArray
    """Mean seconds that no other transfer can add to, infinite without a network."""

    inside: FloatArray
    """The same between nodes of one pool."""

    legs: LegList
    """What travels over links in which transfers disturb each other, by row: pattern times locations plus location."""

    kind: IntArray
    """Patterns with equal numbers have equal legs, shape (patterns,)."""

    share: float
    """Transfers for each request of the origin."""


def dependency_table(
    edge: Dependency,
    origins: Sequence[Layouts],
    starts: IntArray,
    rules: Rules,
    transfers: Transfers,
    share: float,
) -> HopTable:
    """Return the table of a dependency from layouts of its origin; *starts* are the locations its target may have."""
    parts = [_rows(layouts, edge, starts, rules, transfers) for layouts in origins]
    legs, first = LegList(), 0
    for seconds, _, own in parts:
        legs.parts += own.shifted(first).parts
        first += seconds.size
    seconds = np.concatenate([part[0] for part in parts])
    elsewhere = np.setdiff1d(np.arange(seconds.shape[1]), starts)
    seconds[:, elsewhere] = 0.0
    return HopTable(
        ends=(edge.origin, edge.to),
        seconds=seconds,
        inside=np.concatenate([part[1] for part in parts]),
        legs=legs,
        kind=_kinds(legs, *seconds.shape),
        share=share,
    )


def source_table(name: str, source: LocatedSource, starts: IntArray, transfers: Transfers) -> HopTable:
    """Return the table of what comes from a source to the locations that its entry may start at."""
    seconds, link, on_link = transfers.from_layer(source.layer, source.data_mb)
    elsewhere = np.setdiff1d(np.arange(seconds.size), starts)
    seconds[elsewhere] = 0.0
    legs = LegList()
    legs.add(starts, link[starts], on_link[starts], np.ones(starts.size), np.full(starts.size, -1))
    return HopTable(
        ends=(name, source.entry),
        seconds=seconds[None, :],
        inside=np.zeros((1, seconds.size)),
        legs=legs,
        kind=np.zeros(1, dtype=np.int64),
        share=1.0,
    )


def _rows(
    layouts: Layouts, edge: Dependency, starts: IntArray, rules: Rules, transfers: Transfers
) -> tuple[FloatArray, FloatArray, LegList]:
    """Average over the exits of one deployment, or take its last partition, as the rules have it."""
    assert layouts.deployment is not None, "sources have no dependencies"
    size = layouts.deployment.dependency_data_mb.get(edge.to, edge.data_mb) if rules.component_data else 0.0
    transfer = transfers.of(size)
    cut = ~np.isfinite(transfer.seconds)
    finite = np.where(cut, 0.0, transfer.seconds)
    shape = len(layouts.locations), len(finite)
    table, within, impossible = np.zeros(shape), np.zeros(shape), np.zeros(shape, dtype=np.bool_)
    reach, legs = np.ones(shape), LegList()
    for i, partition in enumerate(layouts.chain):
        here = layouts.locations[:, i]
        last = i == layouts.locations.shape[1] - 1
        leaving = partition.exit_probability if rules.hops != "last" else 0.0
        weight = reach if last else reach * leaving
        table += weight * finite[here]
        within += weight * transfer.inside[here]
        impossible |= cut[here]
        if transfers.links:
            _add_legs(legs, here, starts, weight, transfer.link, transfer.on_link)
        away = (here[:, None] != np.arange(shape[1])) | (rules.hops == "exits")
        reach = np.where(away, reach * (1.0 - leaving), reach)
    table[impossible] = np.inf
    return table, within, legs


def _add_legs(
    legs: LegList, here: IntArray, starts: IntArray, weight: FloatArray, link: IntArray, on_link: FloatArray
) -> None:
    """Add the legs from the locations *here*, one for each pattern, to each of *starts*."""
    origin, target = (each.ravel() for each in np.meshgrid(here, starts, indexing="ij"))
    pattern = np.repeat(np.arange(here.size), starts.size)
    group = np.where(origin == target, origin, -1)
    rows = pattern * link.shape[1] + target
    legs.add(rows, link[origin, target], on_link[origin, target], weight[pattern, target], group)


def _kinds(legs: LegList, patterns: int, locations: int) -> IntArray:
    """Return numbers of the patterns by what they send."""
    sent: list[list[tuple[float, ...]]] = [[] for _ in range(patterns)]
    for rows, *columns in legs.parts:
        for row, *leg in zip(rows.tolist(), *(column.tolist() for column in columns), strict=True):
            sent[row // locations].append((row % locations, *leg))
    numbers: dict[tuple[tuple[float, ...], ...], int] = {}
    found = [numbers.setdefault(tuple(sorted(each)), len(numbers)) for each in sent]
    return np.array(found, dtype=np.int64)
