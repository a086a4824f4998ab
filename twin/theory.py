"""The report of the analytic engine: the same shape as a simulated one, with what is exact told apart.

There are no intervals, because nothing is random; percentiles only where their law is known; and no verdict on a
limit that closed forms cannot judge.
"""

from __future__ import annotations

from math import isfinite, nan
from typing import Any

from twin.compilation import compile_network
from twin.engines.closed_form import ClosedForm, StageFigures, StepFigures, solve_network
from twin.errors import PlanError
from twin.measure import PERCENTILES, watts
from twin.model.checks import require_sound
from twin.model.constraints import (
    Constraint,
    DeviceConstraint,
    GlobalConstraint,
    LocalConstraint,
    ThroughputConstraint,
    TimeLimit,
    constraint_name,
)
from twin.model.plan import Plan
from twin.model.scenario import Scenario
from twin.network import FunctionPool, Network
from twin.report import Report, finding_figures, host_name, plan_figures, repeat_figures, verdict_figures
from twin.statistics import Estimate
from twin.verdict import Verdict, device_verdict, memory_verdicts, overall

HOUR = 3600.0
"""Closed forms have no horizon; costs and energy are those of an hour."""


def solve(scenario: Scenario, plan: Plan | None = None) -> Report:
    """Return what theory says of *scenario* under *plan*, in milliseconds.

    Raises:
        ScenarioError: The scenario contradicts itself.
        PlanError: There is no plan, or it does not fit the scenario.
        EngineError: No closed form is known for such a network.
    """
    require_sound(scenario)
    plan = plan or scenario.plan
    if plan is None:
        raise PlanError(f"scenario {scenario.name!r} has no plan; add one, or give --plan FILE")
    network = compile_network(scenario, plan)
    return _TheoryReport(scenario, plan, network, solve_network(network)).report()


class _TheoryReport:
    """Turns the figures of the closed forms into a report."""

    def __init__(self, scenario: Scenario, plan: Plan, network: Network, form: ClosedForm) -> None:
        self.scenario, self.plan, self.network, self.form = scenario, plan, network, form
        self.paths = {
            constraint_name(constraint): form.paths[i]
            for i, constraint in enumerate(c for c in scenario.constraints if isinstance(c, GlobalConstraint))
        }
        self.doubts = ("the scenario's events are left out",) if scenario.events else ()

    def report(self) -> Report:
        """Build the report."""
        verdicts = [self._verdict(constraint) for constraint in self.scenario.constraints]
        verdicts += memory_verdicts(self.scenario, self.plan)
        verdict = overall(verdicts, overloaded=bool(self.form.overloaded))
        resources = self._resources()
        cost = sum(each["cost"] for each in resources.values())
        figures = {
            "scenario": self.scenario.name,
            "engine": "theory",
            "seed": None,
            "replications": 0,
            "confidence": None,
            "horizon": HOUR,
            "warm_up": {"method": "steady state", "mean": 0.0},
            "verdict": verdict,
            "requests": {"arrived": 0, "completed": 0, "unfinished": 0, "lost": 0, "retries": 0},
            "response_time": self._application(),
            "throughput": self.form.throughput,
            "throughput_ci": None,
            "components": {stage.name: self._component(i, stage) for i, stage in enumerate(self.form.stages)},
            "paths": self._path_figures(),
            "resources": resources,
            "links": self._links(),
            "cost": cost,
            "cost_per_hour": cost,
            "energy": sum(each["energy"] for each in resources.values()),
            "constraints": [verdict_figures(each) for each in verdicts],
            "findings": [finding_figures(each) for each in self.form.overloaded],
            "plan": plan_figures(self.plan),
            "repeat": repeat_figures(self.scenario, self.plan),
        }
        return Report(
            scenario=self.scenario,
            plan=self.plan,
            verdict=verdict,
            verdicts=tuple(verdicts),
            overloads=self.form.overloaded,
            figures=figures,
        )

    def _time(self, mean: float | None, reasons: tuple[str, ...]) -> dict[str, Any]:
        reasons = reasons + self.doubts
        return {
            "mean": mean,
            "ci": None,
            **{f"p{level:g}": None for level in PERCENTILES},
            "exact": not reasons,
            "reasons": list(reasons),
        }

    def _application(self) -> dict[str, Any]:
        figures = self._time(self.form.response_time, self.form.reasons)
        for level in PERCENTILES:
            figures[f"p{level:g}"] = self.form.response_time_quantile(level / 100)
        if self.form.response_time is None:
            figures["lower_bound"] = self.form.response_time_bound
        return figures

    def _component(self, index: int, stage: StageFigures) -> dict[str, Any]:
        return {
            "response_time": self._time(stage.response_time, stage.reasons),
            "throughput": stage.arrival_rate,
            "throughput_ci": None,
            "partitions": {
                self.form.steps[i].name: self._partition(i, self.form.steps[i])
                for i in self.network.stages[index].steps
            },
        }

    def _partition(self, index: int, step: StepFigures) -> dict[str, Any]:
        station = self.network.stations[self.network.steps[index].station]
        figures: dict[str, Any] = {
            "resource": host_name(self.network, self.network.steps[index].station),
            "replicas": self.network.steps[index].replicas,
            "response_time": self._time(step.response_time, step.reasons),
            "waiting_time": step.waiting_time,
            "service_time": step.service_time,
            "arrival_rate": step.arrival_rate,
        }
        if isinstance(station, FunctionPool):
            figures["cold_share"] = step.cold_probability
        return figures

    def _path_figures(self) -> dict[str, Any]:
        return {
            name: {"components": list(path.stages), "response_time": self._time(path.response_time, path.reasons)}
            for name, path in self.paths.items()
        }

    # -- places -------------------------------------------------------------------------------------------------

    def _resources(self) -> dict[str, Any]:
        figures: dict[str, Any] = {}
        for index, station in enumerate(self.network.stations):
            if isinstance(station, FunctionPool):
                part = self._function(index, station)
                known = figures.setdefault(station.function, part)
                if known is not part:
                    for key in ("cost", "energy", "requests_present"):
                        known[key] += part[key]
            else:
                figures[station.name] = self._pool(index)
        for overload in self.form.overloaded:
            if overload.kind == "station" and overload.name in figures:
                figures[overload.name]["offered_load"] = overload.offered_load
        return figures

    def _pool(self, index: int) -> dict[str, Any]:
        form = self.form.stations[index]
        resource = self.scenario.continuum.resources[form.name]
        nodes = self.plan.nodes(form.name)
        used = form.utilisation if form.utilisation is not None else nan
        return {
            "utilisation": used,
            "utilisation_ci": None,
            "nodes": nodes,
            "queue_length": self._waiting(index),
            "requests_present": form.mean_number,
            "cost": nodes * resource.cost_per_hour,
            "energy": watts(resource, used) * nodes * HOUR,
            "down": 0.0,
            "exact": form.exact and not self.doubts,
            "reasons": [*form.reasons, *self.doubts],
        }

    def _waiting(self, index: int) -> float:
        """Return the mean number waiting, by Little's law."""
        return sum(
            form.arrival_rate * (1 - form.loss_probability) * form.waiting_time
            for form, step in zip(self.form.steps, self.network.steps, strict=True)
            if step.station == index
        )

    def _function(self, index: int, station: FunctionPool) -> dict[str, Any]:
        function = self.scenario.continuum.functions[station.function]
        cost = busy = 0.0
        for form, step in zip(self.form.steps, self.network.steps, strict=True):
            if step.station == index:
                # Closed forms know means only, so rounding up to the billing step is counted as half a step.
                warm = step.service_time.expectation
                seconds = (form.service_time if function.bills_cold_start else warm) + function.billing_step / 2
                rate = form.arrival_rate * (1 - form.loss_probability)
                cost += rate * (seconds * function.cost_per_hour + HOUR * function.cost_per_request)
                busy += rate * form.service_time
        form_station = self.form.stations[index]
        return {
            "utilisation": form_station.utilisation,
            "utilisation_ci": None,
            "nodes": 0,
            "queue_length": 0.0,
            "requests_present": form_station.mean_number,
            "cost": cost,
            "energy": (function.busy_w or 0.0) * busy * HOUR,
            "down": 0.0,
            "exact": False,
            "reasons": list(form_station.reasons),
        }

    def _links(self) -> dict[str, Any]:
        return {
            link.name: {
                "utilisation": link.utilisation,
                "transfer_time": link.transfer_time,
                "exact": link.exact,
                "reasons": list(link.reasons),
            }
            for link in self.form.links
            if link.transfer_rate
        }

    # -- judgement ----------------------------------------------------------------------------------------------

    def _verdict(self, constraint: Constraint) -> Verdict:
        if isinstance(constraint, DeviceConstraint):
            return device_verdict(self.scenario, self.plan, constraint)
        if isinstance(constraint, ThroughputConstraint):
            return self._throughput(constraint)
        value, reasons = self._limited(constraint)
        satisfied, note = _compared(constraint, value, reasons + self.doubts)
        share = constraint.share_above is not None
        return Verdict(
            name=constraint_name(constraint),
            kind=constraint.kind,
            target=constraint.target,
            statistic=constraint.statistic,
            limit=constraint.share_above if constraint.share_above is not None else constraint.limit,
            unit="" if share else "s",
            value=Estimate(nan if value is None else value),
            violation=Estimate(nan),
            satisfied=satisfied,
            note=note,
        )

    def _limited(self, constraint: TimeLimit) -> tuple[float | None, tuple[str, ...]]:
        """Return the limited figure and why it is an estimate; None where theory does not know it."""
        if constraint.statistic != "mean":
            whole = constraint.kind == "response" and constraint.percentile is not None
            if whole and constraint.percentile is not None:
                return self.form.response_time_quantile(constraint.percentile / 100), ()
            return None, ()
        if isinstance(constraint, LocalConstraint):
            stage = next(stage for stage in self.form.stages if stage.name == constraint.component)
            return stage.response_time, stage.reasons
        if isinstance(constraint, GlobalConstraint):
            path = self.paths[constraint_name(constraint)]
            return path.response_time, path.reasons
        return self.form.response_time, self.form.reasons

    def _throughput(self, constraint: ThroughputConstraint) -> Verdict:
        stage = next(stage for stage in self.form.stages if stage.name == constraint.component)
        rate = stage.arrival_rate
        return Verdict(
            name=constraint_name(constraint),
            kind=constraint.kind,
            target=constraint.target,
            statistic="throughput",
            limit=constraint.at_least,
            unit="1/s",
            value=Estimate(rate),
            violation=Estimate(nan),
            satisfied=rate >= constraint.at_least,
            note="" if rate >= constraint.at_least else f"the workload offers {rate:.4g}/s only",
        )


def _compared(constraint: TimeLimit, value: float | None, reasons: tuple[str, ...]) -> tuple[bool | None, str]:
    """Return the verdict on a limit, and a note where it rests on an estimate."""
    if value is None:
        return None, f"theory knows no {constraint.statistic} here; simulate"
    if not isfinite(value):
        return False, "overloaded, the time grows without bound"
    return value <= constraint.limit, f"by an estimate: {reasons[0]}" if reasons else ""
