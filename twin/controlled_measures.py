"""From a controlled replication to its figures: what it cost, broke and delivered, and how often it changed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from twin.breaches import Breach, breaches, share_in_breach
from twin.controlled_run import Course, Refusal, Timeline
from twin.engines.trajectory import FloatArray
from twin.kept import sample
from twin.measure import Sample
from twin.model.plan import Plan
from twin.model.scenario import Scenario
from twin.network import FunctionPool, NodePool
from twin.universe import Universe


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlledMeasures:
    """The figures of one replication under a policy."""

    horizon: float
    arrived: int
    completed: int
    unfinished: int
    lost: int
    retries: int
    response_time: Sample
    cost: float
    """Euro: nodes from order to release, and what the functions bill."""
    energy: float
    """Joule of the nodes that were paid."""
    in_breach: float | None
    """Share of requests that were lost or broke any time limit; None: there is none."""
    violations: dict[str, Breach]
    accuracy: float | None
    """Mean accuracy of the deployments over the executions they served; None: unknown."""
    reconfigurations: int
    refused: tuple[Refusal, ...]
    policy_errors: tuple[Refusal, ...]
    failed_actuations: int
    timeline: Timeline
    plans: tuple[tuple[float, Plan], ...]


def controlled_measures(universe: Universe, course: Course) -> ControlledMeasures:
    """Return the figures of *course*; the whole run counts, from its first second."""
    run = course.trajectory
    finished = np.isfinite(run.ends)
    completed = finished & ~run.lost
    node_seconds = _node_seconds(universe, course)
    return ControlledMeasures(
        horizon=run.horizon,
        arrived=len(run.arrivals),
        completed=int(completed.sum()),
        unfinished=int((~finished & ~run.lost).sum()),
        lost=int(run.lost.sum()),
        retries=run.retries,
        response_time=sample(run.ends[completed] - run.arrivals[completed]),
        cost=_cost_of_nodes(universe.scenario, node_seconds) + _cost_of_functions(universe, course),
        energy=_energy(universe, course, node_seconds),
        in_breach=share_in_breach(universe, course),
        violations=breaches(universe, course),
        accuracy=_accuracy(universe, run.visits),
        reconfigurations=course.reconfigurations,
        refused=course.refused,
        policy_errors=course.policy_errors,
        failed_actuations=course.failed_actuations,
        timeline=course.timeline,
        plans=course.plans,
    )


# -- cost -----------------------------------------------------------------------------------------------------------


def _node_seconds(universe: Universe, course: Course) -> dict[str, float]:
    """Return the seconds for which nodes of each resource were paid: while wanted, and then until they were empty."""
    seconds: dict[str, float] = {}
    first = 0
    for index, pool in enumerate(universe.stations.values()):
        if not isinstance(pool, NodePool):
            continue
        stays = _stays(course, index, queued=pool.discipline == "fifo")
        total = 0.0
        for number in range(pool.nodes):
            rents = sorted((r.begin, r.end) for r in course.rents if (r.resource, r.node) == (pool.name, number))
            busy_at_end = course.census.node_present[first + number] > 0
            total += sum(end - begin for begin, end in rents)
            total += _after_rents(rents, stays[stays[:, 2] == number], course.trajectory.horizon, busy_at_end)
        first += pool.nodes
        seconds[pool.name] = total
    return seconds


def _stays(course: Course, station: int, *, queued: bool) -> FloatArray:
    """Return begin, end and node of what was served at *station*, shape (visits, 3)."""
    visits = course.trajectory.visits
    here = [i for i, step in enumerate(course.network.steps) if step.station == station]
    rows = visits[np.isin(visits[:, 1], here)]
    begin = rows[:, 3] - rows[:, 4] if queued else rows[:, 2]
    return np.column_stack([begin, rows[:, 3], rows[:, 5]])


def _after_rents(rents: list[tuple[float, float]], stays: FloatArray, horizon: float, busy_at_end: bool) -> float:
    """Return the seconds for which a node was still busy after it was withdrawn."""
    total = 0.0
    for i, (_, gap) in enumerate(rents):
        end = rents[i + 1][0] if i + 1 < len(rents) else horizon
        if gap >= end:
            continue
        if end == horizon and busy_at_end:
            total += horizon - gap
            continue
        left = stays[(stays[:, 0] <= gap) & (stays[:, 1] > gap) & (stays[:, 1] <= end), 1]
        total += float(left.max() - gap) if len(left) else 0.0
    return total


def _cost_of_nodes(scenario: Scenario, node_seconds: dict[str, float]) -> float:
    resources = scenario.continuum.resources
    return sum(resources[name].cost_per_hour * seconds / 3600 for name, seconds in node_seconds.items())


def _cost_of_functions(universe: Universe, course: Course) -> float:
    total = 0.0
    for i, step in enumerate(course.network.steps):
        pool = course.network.stations[step.station]
        if isinstance(pool, FunctionPool):
            function = universe.scenario.continuum.functions[pool.function]
            total += float(course.trajectory.billed_seconds[i]) * function.cost_per_hour / 3600
            total += float(course.trajectory.invocations[i]) * function.cost_per_request
    return total


def _energy(universe: Universe, course: Course, node_seconds: dict[str, float]) -> float:
    total, first = 0.0, 0
    for pool in universe.stations.values():
        if not isinstance(pool, NodePool):
            continue
        busy = float(course.census.node_busy[first : first + pool.nodes].sum()) / pool.cores
        first += pool.nodes
        power = universe.scenario.continuum.resources[pool.name].power
        if power:
            total += power.idle_w * node_seconds[pool.name] + (power.busy_w - power.idle_w) * busy
    return total


# -- what was delivered ---------------------------------------------------------------------------------------------


def _accuracy(universe: Universe, visits: FloatArray) -> float | None:
    """Return the mean accuracy over the executions of the components of which some accuracy is known."""
    counts = np.bincount(visits[:, 1].astype(np.int64), minlength=len(universe.step_index))
    known = {
        component.name
        for component in universe.components
        if any(deployment.accuracy is not None for deployment in component.deployments.values())
    }
    total = weight = 0.0
    for step, count in enumerate(counts):
        component, deployment, partition, _ = universe.whereabouts(step)
        if not count or component.name not in known or partition is not deployment.chain[0]:
            continue
        if deployment.accuracy is None:
            return None
        total += count * deployment.accuracy
        weight += count
    return total / weight if weight else None
