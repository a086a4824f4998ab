"""What is kept of a point: the main figures of its report, flat, under the names by which ``expect`` asks for them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from math import isfinite
from typing import Any

from twin.errors import TwinError
from twin.model.scenario import Scenario
from twin.report import Report

Figures = dict[str, str | float | bool | None]

INTERVALS = {"mean": "ci", "value": "ci", "violation_probability": "violation_ci"}

COMPARED = ("response_time.mean", "response_time.p95", "throughput", "cost_per_hour", "energy")
"""Figures by which plans are compared, beside the violations of limits."""

_PLAIN = ("verdict", "engine", "seed", "replications")
_TIMES = ("mean", "p50", "p95", "p99")
_REQUESTS = ("arrived", "completed", "unfinished", "lost")


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One point to run, wherever."""

    scenario: Scenario

    engine: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of it: figures, or the reason why there are none."""

    figures: Figures | None = None

    error: str = ""

    samples: dict[str, list[float | None]] = field(default_factory=dict)
    """Figures that plans are compared by, with a value for each replication."""


def run_point(job: Job) -> Outcome:
    """Run one point; whatever goes wrong is part of the outcome."""
    try:
        report = _report(job)
        return Outcome(figures=figures_of(report), samples=_samples(report))
    except TwinError as error:
        return Outcome(error="; ".join(str(error).splitlines()))
    except Exception as error:  # a fault of the program itself must not cost the other points
        return Outcome(error=f"internal error: {type(error).__name__}: {error}")


def _report(job: Job) -> Report:
    if job.engine == "theory":
        from twin.theory import solve

        return solve(job.scenario)

    from twin.experiment import simulate

    return simulate(job.scenario, engine=job.engine)


def _samples(report: Report) -> dict[str, list[float | None]]:
    return {
        name: [value if isfinite(value) else None for value in values]
        for name, values in report.samples.items()
        if name in COMPARED or name.endswith(".violation_probability")
    }


def figures_of(report: Report) -> Figures:
    """Return the main figures of *report*, those of intervals as ``….low`` and ``….high``."""
    return dict(_figures(report.document()))


def _figures(document: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    yield from ((name, document[name]) for name in _PLAIN)
    yield "overloaded", ", ".join(finding["name"] for finding in document["findings"]) or None
    yield from _chosen("response_time.", document["response_time"], _TIMES)
    yield from _chosen("", document, ("throughput",))
    yield from ((name, document[name]) for name in ("cost_per_hour", "energy"))
    yield from ((f"requests.{name}", document["requests"][name]) for name in _REQUESTS)
    for name, resource in document["resources"].items():
        yield from _chosen(f"resources.{name}.", resource, ("utilisation",))
    times: Counter[str] = Counter()
    for constraint in document["constraints"]:
        name = constraint["name"]
        times[name] += 1
        prefix = f"constraints.{name}." if times[name] == 1 else f"constraints.{name} ({times[name]})."
        yield from ((f"{prefix}{key}", constraint[key]) for key in ("satisfied", "limit"))
        yield from _chosen(prefix, constraint, ("value", "violation_probability"))


def _chosen(prefix: str, holder: Mapping[str, Any], names: tuple[str, ...]) -> Iterator[tuple[str, Any]]:
    """Yield figures of *holder* with their intervals."""
    for name in names:
        yield f"{prefix}{name}", holder.get(name)
        key = INTERVALS.get(name, f"{name}_ci")
        low, high = holder.get(key) or (None, None)
        yield f"{prefix}{key}.low", low
        yield f"{prefix}{key}.high", high
