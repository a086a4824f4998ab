"""Cost, energy and accuracy as sums over running nodes and chosen patterns: the form in which the search adds them up.

    cost      price × nodes                 + what functions bill
    energy    idle watt × nodes             + busy watt × what instances and nodes are busy, beyond idling
    accuracy  (its negative logarithm)        - log accuracy of each chosen deployment

The last is a sum because accuracies multiply.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from design.function_figures import function_figures
from design.goals import Goal
from design.problem import FloatArray, IntArray, Problem, Row
from design.rules import Rules

WORST = 700.0
"""Negative logarithm that stands for an accuracy of 0."""


def with_limits(problem: Problem, goal: Goal, rules: Rules) -> Problem:
    """Return *problem* with rows for what *goal* limits beside times."""
    rows = []
    if goal.budget < math.inf:
        rows.append(_cost(problem, goal.budget))
    if goal.energy < math.inf:
        rows.append(_energy(problem, rules, goal.energy))
    if goal.accuracy > 0.0:
        rows.append(accuracy_row(problem, -math.log(goal.accuracy)))
    return replace(problem, rows=(*problem.rows, *rows))


def with_objective(problem: Problem, goal: Goal, rules: Rules, nominal: Problem) -> Problem:
    """Return *problem* with the objective of *goal*, or the cost where that is no sum, as it is in *nominal*."""
    aim = _energy(nominal, rules, math.inf) if goal.objective == "energy" else _cost(nominal, math.inf)
    choices = problem.choices._replace(cost=aim.pattern)
    return replace(problem, choices=choices, price=aim.node, part_price=aim.part)


def accuracy_row(problem: Problem, limit: float) -> Row:
    """Return the limit on the sum of negative logarithms of accuracies; what states none is taken as always right."""
    stated = [1.0 if each is None or each.accuracy is None else each.accuracy for each in problem.deployments]
    pattern = np.array([min(-math.log(each), WORST) if each > 0.0 else WORST for each in stated], dtype=np.float64)
    zero = np.zeros(problem.demand.shape)
    return Row(name="accuracy", node=np.zeros(len(problem.resources)), pattern=pattern, part=zero, limit=limit)


def _cost(problem: Problem, limit: float) -> Row:
    part = np.zeros(problem.demand.shape)
    return Row(name="cost", node=problem.price, pattern=problem.choices.cost, part=part, limit=limit)


def _energy(problem: Problem, rules: Rules, limit: float) -> Row:
    """Return the watt of nodes, and of the work of partitions on them; see :func:`design.plan_figures.energy_of`."""
    powers = [problem.scenario.continuum.resources[name].power for name in problem.resources]
    idle = np.array([each.idle_w if each else 0.0 for each in powers], dtype=np.float64)
    more = np.array([each.busy_w - each.idle_w if each else 0.0 for each in powers], dtype=np.float64)
    rates = _partition_rates(problem)
    busy = np.where(np.isfinite(problem.demand), problem.demand, 0.0) * rates[:, None] / problem.capacity
    return Row(name="energy", node=idle, pattern=_on_functions(problem, rules), part=busy * more, limit=limit)


def _owners(problem: Problem) -> IntArray:
    """Return the component of each partition."""
    position = {name: i for i, name in enumerate(problem.components)}
    application = problem.scenario.application
    return np.array([position[application.partition(name)[0].name] for name in problem.partitions], dtype=np.int64)


def _partition_rates(problem: Problem) -> FloatArray:
    """Return the requests/s that reach each partition."""
    return np.asarray(problem.choices.rate[_owners(problem)] * problem.choices.reach, dtype=np.float64)


def _on_functions(problem: Problem, rules: Rules) -> FloatArray:
    """Return the watt of functions by pattern."""
    choices, groups = problem.choices, len(problem.groups)
    table = np.zeros((len(problem.partitions), groups + len(problem.functions)))
    owners, functions = _owners(problem), problem.scenario.continuum.functions
    for part, location in sorted(set(zip(choices.part.tolist(), choices.location.tolist(), strict=True))):
        if location >= groups:
            name, rate = problem.functions[location - groups], float(choices.rate[owners[part]])
            reach, watt = float(choices.reach[part]), functions[problem.functions[location - groups]].busy_w or 0.0
            partition = problem.partitions[part]
            figures = function_figures(problem.scenario, rules, partition, name, rate, reach)
            table[part, location] = watt * rate * reach * figures.seconds
    count = len(problem.deployments)
    pattern = np.repeat(np.arange(count), np.diff(choices.part_ptr))
    found = np.bincount(pattern, weights=table[choices.part, choices.location], minlength=count)
    return np.asarray(found, dtype=np.float64)
