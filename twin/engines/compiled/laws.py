"""The laws of a network as rows."""

from __future__ import annotations

import numpy as np

from twin.engines.compiled import world
from twin.engines.compiled.chance import CONSTANT, EMPIRICAL, EXPONENTIAL, GAMMA_LAW, LOGNORMAL, RING, UNIFORM
from twin.engines.compiled.world import NONE, Table
from twin.model.law import Law
from twin.streams import FloatArray

MOST_DRAWN_AHEAD = 12
"""Steps of a network up to which the times of all of them are drawn ahead."""


class LawTable:
    """Laws by row."""

    def __init__(self) -> None:
        self.laws: list[Law] = []
        self.keys: list[int] = []
        self.services: list[int] = []
        """The rows of service times, which every request draws."""

    def add(self, law: Law, key: int, *, is_service: bool = False) -> int:
        """Return the row of *law*, drawn from the stream that starts at *key*."""
        self.laws.append(law)
        self.keys.append(key)
        row = len(self.laws) - 1
        if is_service:
            self.services.append(row)
        return row

    def tables(self) -> dict[str, Table]:
        """Return the tables ``laws`` and ``samples``."""
        rows = np.zeros(max(len(self.laws), 1), dtype=world.LAW)
        samples: list[FloatArray] = []
        place = 0
        rings = self._rings()
        for i, (law, key) in enumerate(zip(self.laws, self.keys, strict=True)):
            values = np.sort(np.asarray(law.samples or (), dtype=np.float64))
            rows[i]["family"], rows[i]["key"], rows[i]["spread"] = family(law), key, _spread(law)
            rows[i]["ring"] = rings.get(i, NONE)
            rows[i]["mean"], rows[i]["scale"] = law.mean or 0.0, law.scale
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


def family(law: Law) -> int:
    """Return how the kernel draws from *law*; the order of the questions is that of ``Law.quantiles``."""
    if law.samples is not None:
        return EMPIRICAL
    if law.law in (None, "exponential"):
        return EXPONENTIAL
    if law.law == "deterministic" or not law.cv or not law.mean:
        return CONSTANT
    return {"uniform": UNIFORM, "lognormal": LOGNORMAL, "gamma": GAMMA_LAW}[str(law.law)]


def _spread(law: Law) -> float:
    """Return what the law's family needs beside its mean, as ``Law.quantiles`` computes it."""
    cv = law.cv or 0.0
    if law.law == "lognormal":
        return float(np.log1p(cv**2) ** 0.5)
    if law.law == "gamma":
        return 1 / cv**2 if cv else 0.0
    return float(3**0.5 * cv)
