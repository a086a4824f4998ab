"""Places within the parts of a network: the state of a request has room for one part, however many there are."""

from __future__ import annotations

from collections import Counter

from twin.engines.compiled.first_rows import Row
from twin.network import Network


class Places:
    """Numbers of stages, steps and paths within their part, and the joins of each part."""

    def __init__(self, network: Network) -> None:
        self.network = network
        self.stages = [0] * len(network.stages)
        self.steps = [0] * len(network.steps)
        self.widest = [0, 0]
        """Most stages and most steps of a part."""
        for part in network.parts:
            steps = [step for stage in part for step in network.stages[stage].steps]
            self.widest = [max(self.widest[0], len(part)), max(self.widest[1], len(steps))]
            for numbered, members in ((self.stages, part), (self.steps, steps)):
                for place, member in enumerate(members):
                    numbered[member] = place
        self.paths = _path_places(network)
        self.joins = sorted(network.joins, key=network.part_of.__getitem__)
        """All joins, part by part, each part in topological order."""
        counts = Counter(network.part_of[join] for join in self.joins)
        self.joins_of: list[tuple[int, int]] = []
        """For each part, where its joins begin and how many there are."""
        first = 0
        for part_number in range(len(network.parts)):
            self.joins_of.append((first, counts[part_number]))
            first += counts[part_number]

    def entered(self, stage: int) -> list[Row]:
        """Return where *stage* stands on the paths of its part."""
        return [
            {"place": self.paths[path], "position": position}
            for path, position in self.network.path_places[stage]
            if self._is_within(path, stage)
        ]

    def final(self, stage: int) -> list[Row]:
        """Return the paths that end with *stage*."""
        return [
            {"path": path, "place": self.paths[path], "length": len(self.network.paths[path])}
            for path in self.network.final_paths[stage]
            if self._is_within(path, stage)
        ]

    def _is_within(self, path: int, stage: int) -> bool:
        """Say whether *path* begins in the part of *stage*; otherwise no request follows it there."""
        return self.network.part_of[self.network.paths[path][0]] == self.network.part_of[stage]


def most_paths(network: Network) -> int:
    """Return the most paths that begin in one part of *network*."""
    return max(_path_places(network), default=-1) + 1


def _path_places(network: Network) -> list[int]:
    """Return the number of each path among those that begin in its part."""
    begun: Counter[int] = Counter()
    places = []
    for chain in network.paths:
        part = network.part_of[chain[0]]
        places.append(begun[part])
        begun[part] += 1
    return places
