"""Layouts: all ways to place the partitions of one deployment at locations between which data can pass."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from design.candidates import Hosts
from design.function_figures import FunctionFigures
from design.problem import IntArray
from design.rules import Rules
from design.transfers import Transfers
from twin.errors import EngineError, Problem
from twin.model.application import Deployment, Partition

MOST_PATTERNS = 2_000_000
"""More than this many patterns do not fit into memory."""


@dataclass(frozen=True, slots=True)
class Layouts:
    """All ways to lay out one deployment, or the one way of a source, which places nothing."""

    deployment: Deployment | None

    locations: IntArray
    """Shape (ways, partitions)."""

    @property
    def chain(self) -> tuple[Partition, ...]:
        """The partitions in order."""
        return self.deployment.chain if self.deployment else ()

    def ends(self, side: int) -> IntArray:
        """Return the location of the first (0) or last (-1) partition of each way; 0 where there are none."""
        if self.locations.shape[1] == 0:
            return np.zeros(len(self.locations), dtype=np.int64)
        return self.locations[:, side]


def layouts_of(
    deployment: Deployment,
    hosts: Hosts,
    rules: Rules,
    transfers: Transfers,
    on_functions: Mapping[tuple[str, int], FunctionFigures],
) -> Layouts:
    """Return the ways on which data can pass: a network everywhere, and no way back to the edge if forbidden.

    Functions that cannot keep up with what they would get are left out.

    Raises:
        EngineError: There are too many ways.
    """
    candidates = [
        [
            location
            for location in hosts.locations[partition.name]
            if (partition.name, location) not in on_functions
            or math.isfinite(on_functions[partition.name, location].seconds)
        ]
        for partition in deployment.chain
    ]
    count = math.prod(map(len, candidates))
    if count > MOST_PATTERNS:
        message = f"{count:.3g} ways to lay it out; at most {MOST_PATTERNS} can be searched"
        raise EngineError("the scenario is too large", [Problem(f"deployment {deployment.name}", message)])
    grid = np.meshgrid(*(np.array(each, dtype=np.int64) for each in candidates), indexing="ij")
    locations = np.stack([axis.ravel() for axis in grid], axis=1)
    possible = np.ones(count, dtype=np.bool_)
    seconds, edges = transfers.of(0.0).seconds, hosts.edges()
    for i in range(locations.shape[1] - 1):
        before, after = locations[:, i], locations[:, i + 1]
        possible &= np.isfinite(seconds[before, after])
        if not rules.returns_to_edge:
            possible &= edges[before] | ~edges[after]
    return Layouts(deployment, locations[possible])
