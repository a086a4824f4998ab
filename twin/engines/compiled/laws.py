"""The laws of a network as rows, and the numbers of those that are not plain arithmetic."""

from __future__ import annotations

import numpy as np

from twin.engines.compiled import world
from twin.engines.compiled.chance import CONSTANT, EMPIRICAL, EXPONENTIAL, PAGE, RING, SUPPLIED, UNIFORM
from twin.engines.compiled.world import NONE, Table
from twin.model.law import Law
from twin.streams import FloatArray, uniforms

MOST_DRAWN_AHEAD = 12
"""Steps of a network up to which the times of all of them are drawn ahead."""


class LawTable:
    """Laws by row; the columns of supplied ones come first for service times, which every request draws."""

    def __init__(self) -> None:
        self.laws: list[Law] = []
        self.keys: list[int] = []
        self.services: list[int] = []
        self.dense: list[int] = []
        self.sparse: list[int] = []

    def add(self, law: Law, key: int, *, dense: bool = False) -> int:
        """Return the row of *law*, drawn from the stream that starts at *key*."""
        self.laws.append(law)
        self.keys.append(key)
        row = len(self.laws) - 1
        if dense:
            self.services.append(row)
        if self.is_supplied(row):
            (self.dense if dense else self.sparse).append(row)
        return row

    def is_supplied(self, row: int) -> bool:
        """Say whether the kernel cannot compute the times of a law by itself."""
        return family(self.laws[row]) == SUPPLIED

    def tables(self) -> dict[str, Table]:
        """Return the tables ``laws`` and ``samples``."""
        rows = np.zeros(max(len(self.laws), 1), dtype=world.LAW)
        samples: list[FloatArray] = []
        place = 0
        rings = self._rings()
        columns = {row: column for column, row in enumerate(self.dense + self.sparse)}
        for i, (law, key) in enumerate(zip(self.laws, self.keys, strict=True)):
            values = np.sort(np.asarray(law.samples or (), dtype=np.float64))
            rows[i]["family"], rows[i]["key"], rows[i]["column"] = family(law), key, columns.get(i, NONE)
            rows[i]["ring"] = rings.get(i, NONE)
            rows[i]["mean"], rows[i]["scale"] = law.mean or 0.0, law.scale
            rows[i]["spread"] = 3**0.5 * (law.cv or 0.0)
            rows[i]["samples"], rows[i]["samples_count"] = place, len(values)
            place += len(values)
            samples.append(values)
        ring = np.zeros(max(len(rings), 1) * RING)
        return {"laws": rows, "samples": np.concatenate([*samples, np.zeros(1)]), "ring": ring}

    def _rings(self) -> dict[int, int]:
        """Return where the times are kept that are drawn ahead; for a request that sees few steps it does not pay."""
        if len(self.services) > MOST_DRAWN_AHEAD:
            return {}
        ahead = [row for row in self.services if family(self.laws[row]) == EXPONENTIAL]
        return {row: i * RING for i, row in enumerate(ahead)}

    def columns(self, first: int, count: int) -> FloatArray:
        """Return the first-visit times of requests *first* … *first + count - 1*, shape (dense laws, count)."""
        filled = np.empty((len(self.dense), count))
        for column, row in enumerate(self.dense):
            filled[column] = self.laws[row].quantiles(uniforms(self.keys[row], first, count))
        return filled

    def page(self, row: int, page: int) -> FloatArray:
        """Return the times of one page of a stream."""
        return self.laws[row].quantiles(uniforms(self.keys[row], page * PAGE, PAGE))


def family(law: Law) -> int:
    """Return how the kernel draws from *law*; the order of the questions is that of ``Law.quantiles``."""
    if law.samples is not None:
        return EMPIRICAL
    if law.law in (None, "exponential"):
        return EXPONENTIAL
    if law.law == "deterministic" or not law.cv or not law.mean:
        return CONSTANT
    return UNIFORM if law.law == "uniform" else SUPPLIED
