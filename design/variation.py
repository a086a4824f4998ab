"""The variance of times under a plan, from the closed forms of the twin; see :mod:`design.tails` for the formulas."""

from __future__ import annotations

import math
from collections.abc import Iterable
from itertools import pairwise

from twin.engines.closed_form import ClosedForm, StepFigures
from twin.engines.closed_form.functions import variance as execution_variance
from twin.engines.closed_form.nodes import servers_of
from twin.engines.closed_form.stations import StepState
from twin.engines.queueing import erlang_c
from twin.model.constraints import GlobalConstraint, LocalConstraint, TimeLimit
from twin.network import FunctionPool, Network, NodePool, Step
from twin.routing import Routing, Way


class Variation:
    """Means and variances of what limits look at, all requests that count making the same visits."""

    def __init__(self, network: Network, form: ClosedForm) -> None:
        self.network, self.form, self.routing = network, form, Routing(network)
        self.stages = {stage.name: i for i, stage in enumerate(network.stages)}

    def of(self, constraint: TimeLimit, components: dict[str, float]) -> tuple[float, float]:
        """Return mean and variance (s, s²) of the time that *constraint* limits; *components* → mean seconds."""
        if isinstance(constraint, LocalConstraint):
            names, ways = [constraint.component], []
        elif isinstance(constraint, GlobalConstraint):
            names = list(constraint.path)
            ways = [self._way(here, there) for here, there in pairwise(names)]
        else:
            names = [stage.name for stage in self.form.stages if stage.arrival_rate > 0.0]
            entrances = {self.network.stages[self.stages[name]].steps[0] for name in names}
            between = [way for ways in self.routing.leaving for way in ways if self.routing.is_entrance(way.target)]
            ways = [*self.routing.entering, *(way for way in between if way.probability > 0.0)]
            ways = [way for way in ways if way.target in entrances]
        mean = math.fsum([*(components[name] for name in names), *(self._travel(way)[0] for way in ways)])
        if not math.isfinite(mean):
            return math.inf, math.inf
        variance = [self._stage(name) for name in names] + [self._travel(way)[1] for way in ways]
        return mean, math.fsum(variance)

    def _way(self, here: str, there: str) -> Way:
        last = self.network.stages[self.stages[here]].steps[-1]
        entrance = self.network.stages[self.stages[there]].steps[0]
        return next(way for way in self.routing.leaving[last] if way.target == entrance)

    def _stage(self, name: str) -> float:
        steps = self.network.stages[self.stages[name]].steps
        inner: Iterable[Way] = (
            way for i in steps for way in self.routing.leaving[i] if not self.routing.is_entrance(way.target)
        )
        return math.fsum([*(self._visit(i) for i in steps), *(self._travel(way)[1] for way in inner)])

    # -- visits -------------------------------------------------------------------------------------------------

    def _visit(self, index: int) -> float:
        step, figures = self.network.steps[index], self.form.steps[index]
        station = self.network.stations[step.station]
        if isinstance(station, FunctionPool):
            state = StepState(
                response_time=figures.response_time,
                service_time=figures.service_time,
                cold_probability=figures.cold_probability,
            )
            return execution_variance(station, step, state, figures.arrival_rate)
        own = step.service_time.scv * step.service_time.expectation**2
        if station.discipline == "ps":
            return _sharing(step, figures, own)
        return own + self._waiting(station, step, figures)

    def _waiting(self, pool: NodePool, step: Step, figures: StepFigures) -> float:
        servers = max(1, servers_of(pool, step.computing_units))
        return _wait_variance(figures.waiting_time, erlang_c(servers, self._load(step.station)))

    def _load(self, station: int) -> float:
        """Return the offered load of the busiest node of a waiting line."""
        return math.fsum(
            figures.arrival_rate / step.replicas * step.service_time.expectation
            for step, figures in zip(self.network.steps, self.form.steps, strict=True)
            if step.station == station
        )

    # -- transfers ----------------------------------------------------------------------------------------------

    def _travel(self, way: Way) -> tuple[float, float]:
        """Return mean and variance of a transfer; whether one of a pool is needed at all is not counted as chance."""
        if way.hop is None or way.crossing == 0.0:
            return 0.0, 0.0
        link, form = self.network.links[way.hop.link], self.form.links[way.hop.link]
        time = form.transfer_times[way.hop.size_mb]
        if link.contention == "none" or not math.isfinite(time):
            return way.crossing * time, 0.0
        alone = 8.0 * way.hop.size_mb / link.bandwidth_mbit_per_s
        if link.contention == "shared":
            slow = 1.0 / (1.0 - form.utilisation)
            variance = alone**2 * (slow**2 - slow)
        else:
            variance = _wait_variance(max(time - link.access_delay - alone, 0.0), form.utilisation)
        return way.crossing * time, way.crossing * variance


def _sharing(step: Step, figures: StepFigures, own: float) -> float:
    mean = step.service_time.expectation
    slow = figures.response_time / mean if mean > 0.0 else 1.0
    return slow**2 * own + (own + mean**2) * (slow**2 - slow)


def _wait_variance(wait: float, waiting: float) -> float:
    """Return the variance of a wait that a share *waiting* of the requests has, and then an exponential one."""
    return wait**2 * (2.0 / waiting - 1.0) if wait > 0.0 and waiting > 0.0 else 0.0
