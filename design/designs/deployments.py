"""All deployments of an application: every choice of a way for each component, on every choice of layers.

They are numbered as Studio does: components in their order, the last one varying fastest, and for each choice the
layers of all parts likewise. The first of all is ``base``, the others are ``deployment<N>``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice, product
from math import prod

from design.designs.ways import Way

Models = tuple[str, ...]
"""For each component, itself or the alternative in its place."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """One choice of ways and layers."""

    name: str

    ways: tuple[Way, ...]

    layers: Mapping[str, int]
    """Part → layer it runs on."""

    @property
    def models(self) -> Models:
        """What stands in the place of each component."""
        return tuple(way.model for way in self.ways)

    @property
    def numbers(self) -> list[int]:
        """The layers in use."""
        return sorted(set(self.layers.values()))


def enumerate_deployments(
    ways: Sequence[Sequence[Way]], layers_of: Callable[[str], tuple[int, ...]], allowed: Sequence[Models], most: int
) -> tuple[list[Deployment], str]:
    """Return at most *most* deployments, and a sentence on what was left out (or nothing).

    *allowed* are the combinations of alternatives that are good enough. Where there are more than *most*, each choice
    of ways is written on its first layers only; where these are still more, the first of them count.
    """
    chosen = set(allowed)
    combinations = (one for one in product(*ways) if tuple(way.model for way in one) in chosen)
    every = _count(ways, layers_of, allowed)
    if every <= most:
        placed = (pair for one in combinations for pair in _placed(one, layers_of))
        return _named(placed), ""
    choices = _count(ways, lambda part: layers_of(part)[:1], allowed)
    placed = ((one, next(_layers(one, layers_of))) for one in islice(combinations, most))
    left = (
        f"each of the {choices} choices of designs"
        if choices <= most
        else f"the first {most} of the {choices} choices of designs"
    )
    return _named(placed), f"there are {every} deployments, more than {most}; written: {left}, on their first layers"


def _placed(
    combination: tuple[Way, ...], layers_of: Callable[[str], tuple[int, ...]]
) -> Iterator[tuple[tuple[Way, ...], dict[str, int]]]:
    return ((combination, layers) for layers in _layers(combination, layers_of))


def _layers(combination: tuple[Way, ...], layers_of: Callable[[str], tuple[int, ...]]) -> Iterator[dict[str, int]]:
    parts = [part for way in combination for part in way.parts]
    return (dict(zip(parts, numbers, strict=True)) for numbers in product(*(layers_of(part) for part in parts)))


def _named(placed: Iterator[tuple[tuple[Way, ...], dict[str, int]]]) -> list[Deployment]:
    return [
        Deployment(name=f"deployment{number}" if number else "base", ways=ways, layers=layers)
        for number, (ways, layers) in enumerate(placed)
    ]


def _count(
    ways: Sequence[Sequence[Way]], layers_of: Callable[[str], tuple[int, ...]], allowed: Sequence[Models]
) -> int:
    """Return the number of deployments without making them."""

    def of_model(own: Sequence[Way], model: str) -> int:
        return sum(prod(len(layers_of(part)) for part in way.parts) for way in own if way.model == model)

    return sum(prod(of_model(own, model) for own, model in zip(ways, models, strict=True)) for models in allowed)
