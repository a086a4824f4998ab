"""The report: figures with intervals, a verdict for each limit, and all that is needed to repeat the run."""

from __future__ import annotations

import hashlib
import json
import platform
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from math import isfinite, nan
from typing import Any

from twin.calibration import widened
from twin.engines.closed_form import Overload
from twin.measure import PERCENTILES, Measures, Sample, within_run
from twin.model.constraints import GlobalConstraint, TimeLimit, constraint_name
from twin.model.plan import Plan
from twin.model.scenario import Scenario
from twin.network import FunctionPool, Network
from twin.overload import affected_times, overloads, stage_capacities
from twin.statistics import Estimate, over_replications
from twin.verdict import Outcome, Verdict, judge, left_open, overall, touched

VERSIONED = ("continuum-twin", "numpy", "scipy", "simpy")
"""Packages whose versions a report names, because they can change its digits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What a run found. ``figures`` is the JSON document, with numbers unrounded."""

    scenario: Scenario
    plan: Plan
    verdict: Outcome
    verdicts: tuple[Verdict, ...]
    overloads: tuple[Overload, ...]
    figures: dict[str, Any] = field(repr=False)
    series: tuple[dict[str, Any], ...] = field(default=(), repr=False)
    samples: Mapping[str, tuple[float, ...]] = field(default_factory=dict, repr=False)
    """Main figures by name, with one value for each replication; none of what an overload lets grow."""

    def to_json(self) -> str:
        """Return the report as one JSON document; what has no value is null."""
        return json.dumps(self.document(), indent=2, ensure_ascii=False, allow_nan=False)

    def document(self) -> dict[str, Any]:
        """Return the figures as JSON can hold them; what has no value is None."""
        return {str(key): _plain(item) for key, item in self.figures.items()}


def _plain(value: Any) -> Any:
    """Return *value* with numbers that JSON cannot hold replaced by null."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float):
        return float(value) if isfinite(value) else None
    return value


def report_from(
    scenario: Scenario,
    plan: Plan,
    network: Network,
    measures: Sequence[Measures],
    *,
    engine: str = "simpy",
    redrawn: Sequence[Measures] = (),
) -> Report:
    """Combine the figures of all replications, run by *engine*.

    *redrawn* are replications with other profiles, which the measurements might as well have given: the i-th repeats
    the i-th of *measures*, counted round and round.
    """
    return _Summary(scenario, plan, network, measures, engine, redrawn).report()


class _Summary:
    """Averages over replications, name by name."""

    def __init__(
        self,
        scenario: Scenario,
        plan: Plan,
        network: Network,
        measures: Sequence[Measures],
        engine: str,
        redrawn: Sequence[Measures],
    ) -> None:
        self.scenario, self.plan, self.network, self.measures = scenario, plan, network, measures
        self.engine = engine
        self.redrawn = redrawn
        self.confidence = scenario.run.confidence
        self.horizon = self._mean(each.horizon for each in measures).value
        self.down = {
            name: self._mean(each.resources[name]["down"] for each in measures).value
            for name in scenario.continuum.resources
            if name in measures[0].resources
        }
        self.overloads = overloads(scenario, network, horizon=self.horizon, down=self.down)
        self.doomed = affected_times(network, self.overloads)

    def _mean(self, values: Iterable[float]) -> Estimate:
        return over_replications(list(values), self.confidence)

    def _time(self, samples: Iterable[Sample], *, grows: bool) -> dict[str, Any]:
        """Return mean, interval and percentiles of a time; nothing but null where it grows without bound."""
        samples = list(samples)
        names = [f"p{level:g}" for level in PERCENTILES]
        if grows:
            return dict.fromkeys(["mean", "ci", *(key for name in names for key in (name, f"{name}_ci"))])
        mean = self._mean_time(samples)
        figures: dict[str, Any] = {"mean": mean.value, "ci": interval(mean)}
        for i, level in enumerate(PERCENTILES):
            estimate = self._mean(each.percentiles[i] for each in samples)
            figures[f"p{level:g}"] = estimate.value
            figures[f"p{level:g}_ci"] = interval(estimate)
        return figures

    def _mean_time(self, samples: Sequence[Sample]) -> Estimate:
        if len(samples) == 1:
            return within_run(samples[0], self.confidence)
        return self._mean(each.mean for each in samples)

    def report(self) -> Report:
        """Build the whole report."""
        capacities = stage_capacities(self.scenario, self.network, horizon=self.horizon, down=self.down)
        verdicts = judge(self.scenario, self.plan, self.measures, self.doomed, capacities)
        verdicts = [self._doubted(verdict, i) for i, verdict in enumerate(verdicts)]
        verdict = overall(verdicts, overloaded=bool(self.overloads))
        run = self.scenario.run
        throughput = self._mean(each.throughput for each in self.measures)
        cost = self._mean(each.cost for each in self.measures)
        figures = {
            "scenario": self.scenario.name,
            "engine": self.engine,
            "seed": run.seed,
            "replications": len(self.measures),
            "confidence": self.confidence,
            "horizon": self.horizon,
            "warm_up": {
                "method": _warm_up_method(run.warm_up),
                "mean": self._mean(m.warm_up for m in self.measures).value,
            },
            "verdict": verdict,
            "requests": self._requests(),
            "response_time": self._time((each.response_time for each in self.measures), grows=bool(self.doomed)),
            "throughput": throughput.value,
            "throughput_ci": interval(throughput),
            "components": self._components(),
            "paths": self._paths(),
            "resources": self._resources(),
            "links": self._links(),
            "cost": cost.value,
            "cost_per_hour": cost.value / self.horizon * 3600 if self.horizon else nan,
            "energy": self._mean(each.energy for each in self.measures).value,
            "constraints": [verdict_figures(each) for each in verdicts],
            "findings": [finding_figures(each, self._growth()) for each in self.overloads],
            "plan": plan_figures(self.plan),
            "repeat": repeat_figures(self.scenario, self.plan),
            **self._methods(),
            **self._calibration(),
        }
        return Report(
            scenario=self.scenario,
            plan=self.plan,
            verdict=verdict,
            verdicts=tuple(verdicts),
            overloads=tuple(self.overloads),
            figures=figures,
            series=tuple(each.series for each in self.measures),
            samples=dict(self._samples()),
        )

    def _differences(self, figure: Callable[[Measures], float]) -> list[float]:
        """Return what the profiles drawn again change about a figure."""
        count = len(self.measures)
        return [figure(other) - figure(self.measures[i % count]) for i, other in enumerate(self.redrawn)]

    def _doubted(self, verdict: Verdict, index: int) -> Verdict:
        """Return *verdict* open where the profiles leave it open."""
        if not self.redrawn or not isinstance(verdict.satisfied, bool):
            return verdict
        if index >= len(self.scenario.constraints) or not isinstance(self.scenario.constraints[index], TimeLimit):
            return verdict

        def statistic(measures: Measures) -> float:
            seen = measures.violations[index]
            return seen.statistic if seen else nan

        return left_open(verdict, widened(verdict.value, self._differences(statistic), self.confidence))

    def _calibration(self) -> dict[str, Any]:
        """Return how far the mean response time rests on the calibration."""
        if not self.redrawn or self.doomed:
            return {}
        mean = self._mean_time([each.response_time for each in self.measures])
        open_mean = widened(mean, self._differences(lambda each: each.response_time.mean), self.confidence)
        return {
            "calibration": {
                "draws": len(self.redrawn),
                "response_time": {"mean": mean.value, "ci": interval(open_mean)},
            }
        }

    def _samples(self) -> Iterator[tuple[str, tuple[float, ...]]]:
        """Yield the values of all replications, by the names that figures have in the report."""
        measures = self.measures
        if not self.doomed:
            yield "response_time.mean", tuple(each.response_time.mean for each in measures)
            for i, level in enumerate(PERCENTILES):
                yield f"response_time.p{level:g}", tuple(each.response_time.percentiles[i] for each in measures)
        yield "throughput", tuple(each.throughput for each in measures)
        yield "cost_per_hour", tuple(each.cost / each.horizon * 3600 for each in measures)
        yield "energy", tuple(each.energy for each in measures)
        for stage in self.network.stages:
            if stage.name not in self.doomed:
                means = tuple(each.components[stage.name].mean for each in measures)
                yield f"components.{stage.name}.response_time.mean", means
        for name in measures[0].resources:
            yield f"resources.{name}.utilisation", tuple(each.resources[name]["utilisation"] for each in measures)
        for i, constraint in enumerate(self.scenario.constraints):
            seen = [violation for each in measures if (violation := each.violations[i]) is not None]
            if seen:
                name = f"constraints.{constraint_name(constraint)}.violation_probability"
                yield name, tuple(violation.share for violation in seen)

    def _methods(self) -> dict[str, Any]:
        """Return how quantiles and intervals were found, where that is not the usual way."""
        methods: dict[str, Any] = {}
        error = max(each.quantile_error for each in self.measures)
        if error:
            methods["quantiles"] = {"method": "sketch", "relative_error": error}
        if len(self.measures) == 1:
            methods["intervals"] = {"method": "batch means"}
        return methods

    def _growth(self) -> Estimate:
        return self._mean(each.backlog_growth for each in self.measures)

    def _requests(self) -> dict[str, int]:
        return {
            name: sum(int(getattr(each, name)) for each in self.measures)
            for name in ("arrived", "completed", "unfinished", "lost", "retries")
        }

    def _components(self) -> dict[str, Any]:
        figures = {}
        for stage in self.network.stages:
            name = stage.name
            throughput = self._mean(each.component_throughput[name] for each in self.measures)
            figures[name] = {
                "response_time": self._time(
                    (each.components[name] for each in self.measures), grows=name in self.doomed
                ),
                "throughput": throughput.value,
                "throughput_ci": interval(throughput),
                "partitions": {self.network.steps[i].name: self._partition(i) for i in stage.steps},
            }
        return figures

    def _partition(self, index: int) -> dict[str, Any]:
        step = self.network.steps[index]
        grows = any(each.kind == "station" and each.index == step.station for each in self.overloads)
        means = {
            key: self._mean(each.partitions[step.name][key] for each in self.measures).value
            for key in self.measures[0].partitions[step.name]
            if key != "response_time"
        }
        if grows:
            means["waiting_time"] = nan
        return {
            "resource": host_name(self.network, step.station),
            "replicas": step.replicas,
            "response_time": self._time((each.partition_samples[step.name] for each in self.measures), grows=grows),
            **means,
        }

    def _paths(self) -> dict[str, Any]:
        figures = {}
        for constraint in self.scenario.constraints:
            if isinstance(constraint, GlobalConstraint):
                name = constraint_name(constraint)
                grows = bool(touched(constraint, self.doomed))
                figures[name] = {
                    "components": list(constraint.path),
                    "response_time": self._time((each.paths[name] for each in self.measures), grows=grows),
                }
        return figures

    def _resources(self) -> dict[str, Any]:
        over = {host_name(self.network, each.index): each for each in self.overloads if each.kind == "station"}
        figures = {}
        for name in self.measures[0].resources:
            utilisation = self._mean(each.resources[name]["utilisation"] for each in self.measures)
            entry: dict[str, Any] = {"utilisation": utilisation.value, "utilisation_ci": interval(utilisation)}
            for key in ("nodes", "queue_length", "requests_present", "cost", "energy", "down"):
                entry[key] = self._mean(each.resources[name][key] for each in self.measures).value
            entry["nodes"] = int(entry["nodes"])
            if name in over:
                entry |= {"utilisation": over[name].utilisation, "utilisation_ci": None}
                entry |= {"queue_length": None, "requests_present": None, "offered_load": over[name].offered_load}
            figures[name] = entry
        return figures

    def _links(self) -> dict[str, Any]:
        return {
            name: {
                key: self._mean(each.links[name][key] for each in self.measures).value
                for key in self.measures[0].links[name]
            }
            for name in self.measures[0].links
        }


def host_name(network: Network, station: int) -> str:
    """Return the resource or function that a station belongs to."""
    place = network.stations[station]
    return place.function if isinstance(place, FunctionPool) else place.name


def interval(estimate: Estimate) -> list[float] | None:
    """Return [low, high], or None where there is no interval."""
    return [estimate.low, estimate.high] if isfinite(estimate.low) else None


def verdict_figures(verdict: Verdict) -> dict[str, Any]:
    """Return a verdict as it stands in the report."""
    return {
        "name": verdict.name,
        "kind": verdict.kind,
        "target": verdict.target,
        "statistic": verdict.statistic,
        "limit": verdict.limit,
        "value": verdict.value.value,
        "ci": interval(verdict.value),
        "violation_probability": verdict.violation.value,
        "violation_ci": interval(verdict.violation),
        "satisfied": verdict.satisfied,
        "note": verdict.note,
        **({"calibration_ci": interval(verdict.calibrated)} if verdict.calibrated else {}),
    }


def plan_figures(plan: Plan) -> dict[str, Any]:
    """Return the plan as it stands in the report."""
    return {name: {"resource": p.resource, "replicas": p.replicas} for name, p in plan.placements.items()}


def repeat_figures(scenario: Scenario, plan: Plan) -> dict[str, Any]:
    """Return what is needed to run the same again: fingerprints, settings and versions."""
    return {
        "scenario_sha256": fingerprint(scenario.model_dump_json(exclude={"plan", "expect", "run"})),
        "plan_sha256": fingerprint(plan.model_dump_json(exclude={"name"})),
        "run": scenario.run.model_dump(mode="json", exclude_none=True),
        "python": platform.python_version(),
        "versions": {name: _version(name) for name in VERSIONED},
    }


def fingerprint(text: str) -> str:
    """Return the SHA-256 of *text* in hexadecimal."""
    return hashlib.sha256(text.encode()).hexdigest()


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "unknown"


def _warm_up_method(wish: float | str) -> str:
    return "MSER-5" if wish == "auto" else "none" if wish == "none" else "given"


def finding_figures(overload: Overload, growth: Estimate | None = None) -> dict[str, Any]:
    """Return an overload as it stands in the report, with the *growth* of its backlog where that was measured."""
    measured = (
        {"measured_backlog_growth": growth.value, "measured_backlog_growth_ci": interval(growth)} if growth else {}
    )
    return {
        "kind": "overload",
        "where": overload.kind,
        "name": overload.name,
        "offered_load": overload.offered_load,
        "backlog_growth": overload.backlog_growth,
        **measured,
        "message": (
            f"{overload.name} is offered {overload.offered_load:.3g} times what it can do; "
            f"its backlog grows by {overload.backlog_growth:.3g} requests/s"
        ),
    }
