"""Mean arrival rates: of a process, of a workload, and a workload brought to another one."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from twin.errors import Problem, ScenarioError
from twin.model.law import Law
from twin.model.workload import (
    Arrivals,
    Batch,
    Closed,
    Deterministic,
    MarkovModulated,
    Piecewise,
    Poisson,
    Renewal,
    Sinusoid,
    Trace,
    Workload,
)


def mean_rate(arrivals: Arrivals) -> float | None:
    """Return the long-run arrival rate of a process in requests/s.

    A piecewise process without a period has the mean of its finite pieces (of its last rate, if it has one piece);
    a trace has its number of gaps per second of its span. None where there is no such rate: a closed loop, a trace
    with fewer than two different times.
    """
    if isinstance(arrivals, Poisson | Deterministic | Sinusoid | Batch):
        return arrivals.rate
    if isinstance(arrivals, Renewal):
        return 1 / arrivals.gap.expectation if arrivals.gap.expectation else None
    if isinstance(arrivals, Piecewise):
        return _piecewise_rate(arrivals)
    if isinstance(arrivals, MarkovModulated):
        spent = math.fsum(state.sojourn for state in arrivals.states)
        return math.fsum(state.rate * state.sojourn for state in arrivals.states) / spent
    if isinstance(arrivals, Trace):
        return _trace_rate(arrivals)
    return None


def scaled_to(workload: Workload, rate: float) -> Workload:
    """Return *workload* with all sources scaled alike so that together they have mean *rate* (requests/s).

    Rates are multiplied and times between arrivals divided; the axis of a trace is stretched.
    Raises ScenarioError where a source has no rate that could be scaled, or *rate* is not a positive number.
    """
    if not math.isfinite(rate) or rate <= 0:
        raise ScenarioError(f"the arrival rate must be a positive number of requests/s, got {rate:g}")
    rates = {name: mean_rate(source.arrivals) for name, source in workload.sources.items()}
    problems = [
        Problem(f"workload.sources.{name}.arrivals", _no_rate(workload.sources[name].arrivals))
        for name, value in rates.items()
        if value is None
    ]
    if problems:
        raise ScenarioError(f"the workload cannot be scaled to {rate:g} requests/s", problems)
    total = math.fsum(value for value in rates.values() if value is not None)
    if not total:
        raise ScenarioError(f"the workload cannot be scaled to {rate:g} requests/s: its mean rate is 0")
    sources = {
        name: source.model_copy(update={"arrivals": _scaled(source.arrivals, rate / total)})
        for name, source in workload.sources.items()
    }
    return Workload(sources=sources)


def _no_rate(arrivals: Arrivals) -> str:
    if isinstance(arrivals, Closed):
        return "a closed loop has no arrival rate of its own; change its users or think_time"
    return f"{arrivals.process} arrivals without two different times have no rate"


def _piecewise_rate(arrivals: Piecewise) -> float:
    ends = [*arrivals.times[1:], *([arrivals.period] if arrivals.period is not None else [])]
    spans = [end - start for start, end in zip(arrivals.times, ends, strict=False)]
    if not spans:
        return arrivals.rates[-1]
    return math.fsum(r * span for r, span in zip(arrivals.rates, spans, strict=False)) / math.fsum(spans)


def _trace_rate(arrivals: Trace) -> float | None:
    span = arrivals.times[-1] - arrivals.times[0] if arrivals.times else 0.0
    return (len(arrivals.times) - 1) / span if span else None


def _scaled(arrivals: Arrivals, factor: float) -> Arrivals:
    """Return *arrivals* with *factor* times as many requests/s."""
    change: Callable[[Any], dict[str, Any]] = _CHANGES[type(arrivals)]
    return type(arrivals).model_validate({**arrivals.model_dump(), **change(arrivals)}, by_name=True)


def _law(law: Law, factor: float) -> dict[str, Any]:
    return law.model_dump() | {"scale": law.scale / factor}
