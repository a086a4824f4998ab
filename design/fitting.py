"""From samples to a law, if one fits: lognormal, gamma, or a mixture of two lognormals, else the samples stay.

The distance is that of Kolmogorov and Smirnov. Its tables do not hold for a law whose parameters come from the same
samples (Lilliefors 1967), so its distribution is found by parametric bootstrap (Stute, Manteiga & Quindimil 1993):
samples are drawn from the fitted law, fitted anew, and their distances compared with the measured one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import special

from twin.formats.mixture import mixture_cdf
from twin.formats.profile_schema import FittedLaw, Segment
from twin.streams import stream

REJECTED_BELOW = 0.1
"""A law is rejected if fewer than this part of its own samples lie as far from it: strict, as samples are at hand."""

REDRAWN = 200
"""Samples drawn from each law."""

FEWEST = 50
"""Fewer samples would let almost any law pass."""

_STEPS = 60
_NARROWEST = 1e-4
"""Standard deviation of the logarithm below which a part of a mixture would collapse onto one sample."""

Family = Literal["lognormal", "gamma", "mixture"]
Array = NDArray[np.float64]
Parameters = dict[str, float]


@dataclass(frozen=True, slots=True)
class _Kind:
    """How to fit a family, and what its law is."""

    fit: Callable[[Array], Parameters]
    cdf: Callable[[Parameters, Array], Array]
    draw: Callable[[Parameters, int, np.random.Generator], Array]
    moments: Callable[[Parameters], tuple[float, float]]
    """Mean and mean of the square."""


def with_law(segment: Segment, *, seed: int) -> Segment:
    """Return *segment* with the first law that its samples do not reject, or with a note that none fits.

    Simple laws are tried before the mixture.
    """
    if len(segment.service_seconds) < FEWEST:
        return _noted(segment, f"no law was fitted: {len(segment.service_seconds)} samples, at least {FEWEST} needed")
    samples = np.asarray(segment.service_seconds)
    tried = []
    for family in _KINDS:
        law = fitted_law(samples, family, seed=seed)
        if law.p_value >= REJECTED_BELOW:
            return segment.model_copy(update={"fitted": law})
        tried.append(f"{family} p = {law.p_value:.2g}")
    return _noted(segment, f"no law fits, the samples stand for themselves ({', '.join(tried)})")


def fitted_law(samples: Array, family: Family, *, seed: int) -> FittedLaw:
    """Return the law of *family* that fits *samples* (seconds, positive) best, with its distance and p-value."""
    kind = _KINDS[family]
    parameters = kind.fit(samples)
    distance = _distance(kind, parameters, samples)
    rng = stream(seed, 0, f"fit {family}")
    redrawn = (kind.draw(parameters, len(samples), rng) for _ in range(REDRAWN))
    as_far = sum(_distance(kind, kind.fit(each), each) >= distance for each in redrawn)
    mean, square = kind.moments(parameters)
    return FittedLaw(
        family=family,
        mean=mean,
        cv=max(square / mean**2 - 1, 0.0) ** 0.5,
        parameters=parameters,
        distance=distance,
        p_value=(as_far + 1) / (REDRAWN + 1),
    )


def _noted(segment: Segment, note: str) -> Segment:
    return segment.model_copy(update={"notes": (*segment.notes, note)})


def _distance(kind: _Kind, parameters: Parameters, samples: Array) -> float:
    """Return the largest distance between the law and the steps of the samples."""
    ordered = np.sort(samples)
    count = len(ordered)
    law = kind.cdf(parameters, ordered)
    above, below = np.arange(1, count + 1) / count - law, law - np.arange(count) / count
    return float(max(above.max(), below.max()))


def _fit_lognormal(samples: Array) -> Parameters:
    logs = np.log(samples)
    return {"mu": float(logs.mean()), "sigma": max(float(logs.std()), _NARROWEST)}


def _fit_gamma(samples: Array) -> Parameters:
    """Maximum likelihood by Newton's method, from the start of Minka (2002)."""
    gap = max(float(np.log(samples.mean()) - np.log(samples).mean()), 1e-12)
    shape = (3 - gap + np.sqrt((gap - 3) ** 2 + 24 * gap)) / (12 * gap)
    for _ in range(8):
        slope = 1 / shape - special.polygamma(1, shape)
        shape = max(shape - (np.log(shape) - special.digamma(shape) - gap) / slope, shape / 2)
    return {"shape": float(shape), "scale": float(samples.mean() / shape)}


def _fit_mixture(samples: Array) -> Parameters:
    """Maximise the likelihood step by step (EM; Dempster, Laird & Rubin 1977), from the halves of the samples."""
    logs = np.log(samples)
    low, high = logs <= np.median(logs), logs > np.median(logs)
    if not high.any():
        low, high = logs <= logs[0], logs >= logs[0]
    share = np.array([0.5, 0.5])
    mu = np.array([logs[low].mean(), logs[high].mean()])
    sigma = np.maximum([logs[low].std(), logs[high].std()], _NARROWEST)
    for _ in range(_STEPS):
        density = share * np.exp(-(((logs[:, None] - mu) / sigma) ** 2) / 2) / sigma + 1e-300
        belongs = density / density.sum(axis=1, keepdims=True)
        weight = np.maximum(belongs.sum(axis=0), 1e-9)
        share, mu = weight / len(logs), (belongs * logs[:, None]).sum(axis=0) / weight
        sigma = np.maximum(np.sqrt((belongs * (logs[:, None] - mu) ** 2).sum(axis=0) / weight), _NARROWEST)
    first = float(share[0] / share.sum())
    names = ("mu_1", "sigma_1", "mu_2", "sigma_2")
    return {"share": first} | dict(zip(names, map(float, (mu[0], sigma[0], mu[1], sigma[1])), strict=True))


def _mixture_parts(p: Parameters) -> tuple[tuple[float, float, float], ...]:
    return ((p["share"], p["mu_1"], p["sigma_1"]), (1 - p["share"], p["mu_2"], p["sigma_2"]))


def _mixture_moments(p: Parameters) -> tuple[float, float]:
    parts = _mixture_parts(p)
    mean = sum(share * np.exp(mu + sigma**2 / 2) for share, mu, sigma in parts)
    return float(mean), float(sum(share * np.exp(2 * mu + 2 * sigma**2) for share, mu, sigma in parts))


def _draw_mixture(p: Parameters, count: int, rng: np.random.Generator) -> Array:
    first = rng.random(count) < p["share"]
    mu, sigma = np.where(first, p["mu_1"], p["mu_2"]), np.where(first, p["sigma_1"], p["sigma_2"])
    return np.asarray(np.exp(mu + sigma * rng.standard_normal(count)))


_KINDS: dict[Family, _Kind] = {
    "lognormal": _Kind(
        fit=_fit_lognormal,
        cdf=lambda p, x: np.asarray(special.ndtr((np.log(x) - p["mu"]) / p["sigma"])),
        draw=lambda p, count, rng: rng.lognormal(p["mu"], p["sigma"], count),
        moments=lambda p: (
            float(np.exp(p["mu"] + p["sigma"] ** 2 / 2)),
            float(np.exp(2 * p["mu"] + 2 * p["sigma"] ** 2)),
        ),
    ),
    "gamma": _Kind(
        fit=_fit_gamma,
        cdf=lambda p, x: np.asarray(special.gammainc(p["shape"], x / p["scale"])),
        draw=lambda p, count, rng: rng.gamma(p["shape"], p["scale"], count),
        moments=lambda p: (p["shape"] * p["scale"], p["shape"] * (p["shape"] + 1) * p["scale"] ** 2),
    ),
    "mixture": _Kind(fit=_fit_mixture, cdf=mixture_cdf, draw=_draw_mixture, moments=_mixture_moments),
}
