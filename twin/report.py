"""The report: figures with intervals, a verdict for each limit, and all that is needed to repeat the run."""

from __future__ import annotations

import hashlib
import json
import platform
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from math import isfinite, nan
from typing import Any

from twin.measure import PERCENTILES, Measures, Sample
from twin.model.constraints import GlobalConstraint, constraint_name
from twin.model.plan import Plan
from twin.model.scenario import Scenario
from twin.network import FunctionPool, Network
from twin.overload import Overload, affected_stages, overloads
from twin.statistics import Estimate, over_replications
from twin.verdict import Outcome, Verdict, judge, overall

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

    def to_json(self) -> str:
        """Return the report as one JSON document; what has no value is null."""
        return json.dumps(_plain(self.figures), indent=2, ensure_ascii=False, allow_nan=False)


def _plain(value: Any) -> Any:
    """Return *value* with numbers that JSON cannot hold replaced by null."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float):
        return float(value) if isfinite(value) else None
    return value


def report_from(scenario: Scenario, plan: Plan, network: Network, measures: Sequence[Measures]) -> Report:
    """Combine the figures of all replications."""
    return _Summary(scenario, plan, network, measures).report()


class _Summary:
    """Averages over replications, name by name."""

    def __init__(self, scenario: Scenario, plan: Plan, network: Network, measures: Sequence[Measures]) -> None:
        self.scenario, self.plan, self.network, self.measures = scenario, plan, network, measures
        self.confidence = scenario.run.confidence
        self.horizon = self._mean(lambda each: each.horizon).value
        down = {
            name: self._mean(lambda each, name=name: each.resources[name]["down"]).value
            for name in scenario.continuum.resources
            if name in measures[0].resources
        }
        self.overloads = overloads(scenario, network, horizon=self.horizon, down=down)
        self.doomed = {network.stages[i].name for i in affected_stages(network, self.overloads)}
        if any(each.kind == "link" for each in self.overloads):
            self.doomed |= {stage.name for stage in network.stages}

    def _mean(self, figure: Callable[[Measures], float]) -> Estimate:
        return over_replications([figure(each) for each in self.measures], self.confidence)

    def _time(self, pick: Callable[[Measures], Sample], *, grows: bool) -> dict[str, Any]:
        """Return mean, interval and percentiles of a time; nothing but null where it grows without bound."""
        if grows:
            return {"mean": None, "ci": None, **{f"p{level:g}": None for level in PERCENTILES}}
        mean = self._mean(lambda each: pick(each).mean)
        figures: dict[str, Any] = {"mean": mean.value, "ci": interval(mean)}
        for i, level in enumerate(PERCENTILES):
            estimate = self._mean(lambda each, i=i: pick(each).percentiles[i])
            figures[f"p{level:g}"] = estimate.value
            figures[f"p{level:g}_ci"] = interval(estimate)
        return figures

    def report(self) -> Report:
        """Build the whole report."""
        verdicts = judge(self.scenario, self.plan, self.measures, self.doomed)
        verdict = overall(verdicts, overloaded=bool(self.overloads))
        run = self.scenario.run
        throughput = self._mean(lambda each: each.throughput)
        cost = self._mean(lambda each: each.cost)
        figures = {
            "scenario": self.scenario.name,
            "engine": "simpy",
            "seed": run.seed,
            "replications": len(self.measures),
            "confidence": self.confidence,
            "horizon": self.horizon,
            "warm_up": {"method": _warm_up_method(run.warm_up), "mean": self._mean(lambda m: m.warm_up).value},
            "verdict": verdict,
            "requests": self._requests(),
            "response_time": self._time(lambda each: each.response_time, grows=bool(self.doomed)),
            "throughput": throughput.value,
            "throughput_ci": interval(throughput),
            "components": self._components(),
            "paths": self._paths(),
            "resources": self._resources(),
            "links": self._links(),
            "cost": cost.value,
            "cost_per_hour": cost.value / self.horizon * 3600 if self.horizon else nan,
            "energy": self._mean(lambda each: each.energy).value,
            "constraints": [verdict_figures(each) for each in verdicts],
            "findings": [_finding(each, self._growth()) for each in self.overloads],
            "plan": plan_figures(self.plan),
            "repeat": repeat_figures(self.scenario, self.plan),
        }
        return Report(
            scenario=self.scenario,
            plan=self.plan,
            verdict=verdict,
            verdicts=tuple(verdicts),
            overloads=tuple(self.overloads),
            figures=figures,
            series=tuple(each.series for each in self.measures),
        )

    def _growth(self) -> Estimate:
        return self._mean(lambda each: each.backlog_growth)

    def _requests(self) -> dict[str, int]:
        return {
            name: sum(int(getattr(each, name)) for each in self.measures)
            for name in ("arrived", "completed", "unfinished", "lost", "retries")
        }

    def _components(self) -> dict[str, Any]:
        figures = {}
        for stage in self.network.stages:
            name = stage.name
            throughput = self._mean(lambda each, name=name: each.component_throughput[name])
            figures[name] = {
                "response_time": self._time(lambda each, name=name: each.components[name], grows=name in self.doomed),
                "throughput": throughput.value,
                "throughput_ci": interval(throughput),
                "partitions": {self.network.steps[i].name: self._partition(i) for i in stage.steps},
            }
        return figures

    def _partition(self, index: int) -> dict[str, Any]:
        step = self.network.steps[index]
        station = self.network.stations[step.station]
        grows = any(each.kind == "station" and each.index == step.station for each in self.overloads)
        means = {
            key: self._mean(lambda each, key=key: each.partitions[step.name][key]).value
            for key in self.measures[0].partitions[step.name]
            if key != "response_time"
        }
        if grows:
            means["waiting_time"] = nan
        return {
            "resource": station.function if isinstance(station, FunctionPool) else station.name,
            "replicas": step.replicas,
            "response_time": self._time(lambda each: each.partition_samples[step.name], grows=grows),
            **means,
        }

    def _paths(self) -> dict[str, Any]:
        figures = {}
        for constraint in self.scenario.constraints:
            if isinstance(constraint, GlobalConstraint):
                name = constraint_name(constraint)
                grows = bool(set(constraint.path) & self.doomed)
                figures[name] = {
                    "components": list(constraint.path),
                    "response_time": self._time(lambda each, name=name: each.paths[name], grows=grows),
                }
        return figures

    def _resources(self) -> dict[str, Any]:
        offered = {each.name: each.offered_load for each in self.overloads if each.kind == "station"}
        figures = {}
        for name in self.measures[0].resources:
            utilisation = self._mean(lambda each, name=name: each.resources[name]["utilisation"])
            entry: dict[str, Any] = {"utilisation": utilisation.value, "utilisation_ci": interval(utilisation)}
            for key in ("nodes", "queue_length", "requests_present", "cost", "energy", "down"):
                entry[key] = self._mean(lambda each, name=name, key=key: each.resources[name][key]).value
            entry["nodes"] = int(entry["nodes"])
            if name in offered:
                entry |= {"utilisation": 1.0, "utilisation_ci": None, "queue_length": None, "requests_present": None}
                entry["offered_load"] = offered[name]
            figures[name] = entry
        return figures

    def _links(self) -> dict[str, Any]:
        return {
            name: {
                key: self._mean(lambda each, name=name, key=key: each.links[name][key]).value
                for key in self.measures[0].links[name]
            }
            for name in self.measures[0].links
        }


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


def _finding(overload: Overload, growth: Estimate) -> dict[str, Any]:
    return {
        "kind": "overload",
        "where": overload.kind,
        "name": overload.name,
        "offered_load": overload.offered_load,
        "backlog_growth": overload.backlog_growth,
        "measured_backlog_growth": growth.value,
        "measured_backlog_growth_ci": interval(growth),
        "message": (
            f"{overload.name} is offered {overload.offered_load:.3g} times what it can do; "
            f"its backlog grows by {overload.backlog_growth:.3g} requests/s"
        ),
    }
