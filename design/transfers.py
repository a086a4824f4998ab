"""Transfers between locations, as the search reads them: what depends on no load, and what travels over which link."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from design.candidates import Hosts
from design.problem import FloatArray, IntArray, Legs
from twin.model.continuum import NetworkDomain

NO_LINK = -1


@dataclass(frozen=True, slots=True, kw_only=True)
class Transfer:
    """A transfer of one size from each location to each; shapes (locations, locations).

    On the diagonal it stands for one to another node of the same pool, and is nothing where that is free.
    """

    seconds: FloatArray
    """Seconds that no other transfer can add to; infinite without a network, 0 on the diagonal."""

    inside: FloatArray
    """The same between nodes of one pool, on the diagonal."""

    link: IntArray
    """Link in which it meets others, or -1."""

    on_link: FloatArray
    """Seconds that the data need on that link when it is empty."""


class Transfers:
    """All transfers of a scenario; *contended*: whether links in which transfers disturb each other are modelled."""

    def __init__(self, hosts: Hosts, *, within: bool, contended: bool) -> None:
        self.hosts, self.within = hosts, within
        domains = hosts.scenario.continuum.domains.values()
        self.links = tuple(domain.name for domain in domains if contended and domain.contention != "none")
        self.known: dict[float, Transfer] = {}

    def of(self, size_mb: float) -> Transfer:
        """Return the transfers of *size_mb*."""
        if size_mb not in self.known:
            rows = [self._row(layer, size_mb) for layer in self.layers]
            seconds, link, on_link = (np.array([row[i] for row in rows]) for i in range(3))
            groups, free = len(self.hosts.groups), np.eye(len(rows), dtype=np.bool_)
            if self.within:
                free[:groups] = False
            own = np.diag(seconds).copy()
            own[~np.isfinite(own) | np.diag(free)] = 0.0
            np.fill_diagonal(seconds, 0.0)
            link[free], on_link[free] = NO_LINK, 0.0
            self.known[size_mb] = Transfer(seconds=seconds, inside=np.diag(own), link=link, on_link=on_link)
        return self.known[size_mb]

    @cached_property
    def layers(self) -> list[str]:
        """The layer of each location."""
        return self.hosts.layers()

    def from_layer(self, layer: str, size_mb: float) -> tuple[FloatArray, IntArray, FloatArray]:
        """Return seconds, links and seconds on these of *size_mb* from *layer* to each location."""
        seconds, link, on_link = self._row(layer, size_mb)
        return np.array(seconds), np.array(link, dtype=np.int64), np.array(on_link)

    def _row(self, layer: str, size_mb: float) -> tuple[list[float], list[int], list[float]]:
        found = {other: self._between(layer, other, size_mb) for other in dict.fromkeys(self.layers)}
        columns = [found[other] for other in self.layers]
        return [each[0] for each in columns], [each[1] for each in columns], [each[2] for each in columns]

    def _between(self, origin: str, target: str, size_mb: float) -> tuple[float, int, float]:
        domain = self.hosts.scenario.continuum.best_domain(origin, target, size_mb)
        if domain is None:
            return math.inf, NO_LINK, 0.0
        seconds = _transmission(domain, size_mb)
        if domain.name in self.links:
            return domain.access_delay, self.links.index(domain.name), seconds
        return domain.access_delay + seconds, NO_LINK, 0.0


def _transmission(domain: NetworkDomain, size_mb: float) -> float:
    return 8.0 * size_mb / domain.bandwidth_mbit_per_s


class LegList:
    """Legs as they are found, row by row or many rows at once."""

    def __init__(self) -> None:
        self.parts: list[tuple[IntArray, IntArray, FloatArray, FloatArray, IntArray]] = []

    def add(self, rows: IntArray, link: IntArray, seconds: FloatArray, weight: FloatArray, group: IntArray) -> None:
        """Add a leg to each of *rows*, all arrays of one length; those without a link or weight are none."""
        real = (link != NO_LINK) & (weight > 0.0)
        if real.any():
            self.parts.append((rows[real], link[real], seconds[real], weight[real], group[real]))

    def shifted(self, first: int) -> LegList:
        """Return the same legs with all rows moved up by *first*."""
        moved = LegList()
        moved.parts = [(rows + first, *rest) for rows, *rest in self.parts]  # type: ignore[misc]
        return moved


def gathered(lists: Iterable[LegList], rows: int, *, any_links: bool) -> Legs:
    """Return all legs in order of their rows; without any links, nothing at all."""
    parts = [part for each in lists for part in each.parts]
    row, link, seconds, weight, group = (
        np.concatenate([np.zeros(0, dtype=kind), *(part[i] for part in parts)])
        for i, kind in enumerate((np.int64, np.int64, np.float64, np.float64, np.int64))
    )
    order = np.argsort(row, kind="stable")
    ptr = np.searchsorted(row[order], np.arange(rows + 1)) if any_links else np.zeros(0)
    return Legs(ptr.astype(np.int64), link[order], seconds[order], weight[order], group[order])
