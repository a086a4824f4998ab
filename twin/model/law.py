"""Laws of random quantities: service times, cold starts, gaps between arrivals."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Literal

import numpy as np
from pydantic import Field, model_validator
from scipy import special

from twin.model.base import NonNegative, Positive, Value
from twin.model.logarithm import log_survival

LawName = Literal["deterministic", "exponential", "lognormal", "gamma", "uniform", "empirical"]
FloatArray = np.ndarray[Any, np.dtype[np.float64]]


class Law(Value):
    """The distribution of a non-negative random quantity, in seconds unless its place says otherwise.

    A bare number is a mean; its law is then the one that the scenario names for bare means (exponential by default).
    """

    law: LawName | None = None
    """Family; absent: the scenario's ``run.bare_mean``."""

    mean: NonNegative | None = None
    """Expectation. An empirical law takes it from its samples."""

    cv: NonNegative | None = None
    """Coefficient of variation (standard deviation / mean) of a lognormal, gamma or uniform law."""

    samples: tuple[NonNegative, ...] | None = Field(default=None, min_length=1)
    """Measured values of an empirical law; each is drawn with equal probability."""

    scale: Positive = 1.0
    """Factor on every value: a device twice as slow has 2."""

    @model_validator(mode="before")
    @classmethod
    def _from_number(cls, data: object) -> object:
        return {"mean": data} if isinstance(data, int | float) and not isinstance(data, bool) else data

    @model_validator(mode="after")
    def _is_complete(self) -> Law:
        if self.samples is not None:
            if self.law not in (None, "empirical") or self.mean is not None or self.cv is not None:
                raise ValueError("samples stand alone: give neither mean nor cv, and no law but 'empirical'")
            return self
        if self.mean is None:
            raise ValueError("a law needs a mean or samples")
        if self.law == "empirical":
            raise ValueError("an empirical law needs samples")
        needs_cv = self.law in ("lognormal", "gamma", "uniform")
        if needs_cv and self.cv is None:
            raise ValueError(f"a {self.law} law needs cv, its coefficient of variation")
        if not needs_cv and self.cv is not None:
            raise ValueError("cv belongs to a lognormal, gamma or uniform law; name one of them in 'law'")
        if self.law == "uniform" and self.cv is not None and self.cv > 3**-0.5:
            raise ValueError(f"cv of a uniform law is at most 0.577, got {self.cv}")
        return self

    def resolved(self, bare: LawName) -> Law:
        """Return this law with its family filled in: *bare* where only a mean was given."""
        if self.law is not None:
            return self
        return self.model_copy(update={"law": "empirical" if self.samples is not None else bare})

    def scaled(self, factor: float) -> Law:
        """Return the law of *factor* times this quantity."""
        return self.model_copy(update={"scale": self.scale * factor})

    @property
    def _sorted(self) -> FloatArray:
        return _in_order(self.samples or ())

    @property
    def expectation(self) -> float:
        """Mean, with the scale applied."""
        mean = float(self._sorted.mean()) if self.samples is not None else self.mean or 0.0
        return mean * self.scale

    @property
    def scv(self) -> float:
        """Squared coefficient of variation."""
        if self.samples is not None:
            mean = self.expectation / self.scale
            return float(self._sorted.var()) / mean**2 if mean else 0.0
        if self.law in (None, "exponential"):
            return 1.0
        return (self.cv or 0.0) ** 2

    def quantiles(self, u: FloatArray) -> FloatArray:
        """Return the quantiles at probabilities *u* in [0, 1), any shape: inversion, so that equal u stay coupled."""
        return np.asarray(self.scale * self._unscaled(u), dtype=np.float64)

    def _unscaled(self, u: FloatArray) -> Any:
        if self.samples is not None:
            return self._sorted[(u * len(self._sorted)).astype(np.int64)]
        mean, cv = self.mean or 0.0, self.cv or 0.0
        if self.law in (None, "exponential"):
            return -mean * log_survival(u)
        if self.law == "deterministic" or cv == 0 or mean == 0:
            return np.full_like(u, mean)
        if self.law == "uniform":
            return mean * (1 + 3**0.5 * cv * (2 * u - 1))
        if self.law == "lognormal":
            sigma = np.log1p(cv**2) ** 0.5
            return mean * np.exp(sigma * special.ndtri(np.maximum(u, 1e-300)) - sigma**2 / 2)
        shape = 1 / cv**2
        return mean / shape * special.gammaincinv(shape, u)


@lru_cache(maxsize=1024)
def _in_order(samples: tuple[float, ...]) -> FloatArray:
    """Return *samples* sorted; cached outside of the law, which would else no longer equal an unused one."""
    return np.sort(np.asarray(samples, dtype=np.float64))
