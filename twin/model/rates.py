"""Mean arrival rates: of a process, of a workload, and a workload brought to another one."""

from __future__ import annotations

import math

from twin.errors import Problem, ScenarioError
from twin.model.base import LARGEST
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

    A piecewise process without a period has the mean of its finite pieces (its last rate where these are 0);
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
    if not 0 < rate <= LARGEST:
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
    last = arrivals.rates[-1]
    if not spans:
        return last
    return math.fsum(r * span for r, span in zip(arrivals.rates, spans, strict=False)) / math.fsum(spans) or last


def _trace_rate(arrivals: Trace) -> float | None:
    span = arrivals.times[-1] - arrivals.times[0] if arrivals.times else 0.0
    return (len(arrivals.times) - 1) / span if span else None


def _scaled(arrivals: Arrivals, factor: float) -> Arrivals:
    """Return *arrivals* with *factor* times as many requests/s."""
    update: dict[str, object]
    if isinstance(arrivals, Renewal):
        update = {"gap": arrivals.gap.scaled(1 / factor)}
    elif isinstance(arrivals, Piecewise):
        update = {"rates": tuple(rate * factor for rate in arrivals.rates)}
    elif isinstance(arrivals, MarkovModulated):
        update = {"states": tuple(state.model_copy(update={"rate": state.rate * factor}) for state in arrivals.states)}
    elif isinstance(arrivals, Trace):
        update = {"times": tuple(time / factor for time in arrivals.times)}
    elif isinstance(arrivals, Closed):
        raise TypeError("a closed loop has no arrival rate")
    else:
        update = {"rate": arrivals.rate * factor}
    return arrivals.model_copy(update=update)
