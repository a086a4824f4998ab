"""A search that moves as SPACE4AI-D does, compiled as ours are: random greedy, then local search in fixed deployments.

Half of the time goes to random plans with all nodes running, shrunk while they hold; the other half to a descent from
the cheapest of them by moves of partitions, nodes and types, none of which changes a deployment. It is not the tool:
that looks at some hundred plans a second, this at some hundred thousand moves.
"""

from __future__ import annotations

import numpy as np

from design.candidates import cases
from design.exact import Solution
from design.problem import Problem
from design.problem_building import build_problem
from design.rules import rules_of
from design.search.figures import fresh
from design.search.heuristics import Walker
from design.search.stops import Progress, Seconds
from design.search.walks import keep, new_walk
from twin.model.scenario import Scenario


def peer_like_cost(scenario: Scenario, dialect: str, seconds: float, seed: int) -> float | None:
    """Return the euro an hour of the plan found; None where random greedy finds none."""
    rules = rules_of(dialect)
    whole = build_problem(scenario, rules, cases(scenario)[0])
    drawn = Walker(problem=whole, seed=seed).run("random", Seconds(seconds / 2))
    if drawn is None:
        return None
    deployments = [whole.deployments[pattern] for pattern in drawn.patterns]
    fixed = {name: [each] for name, each in zip(whole.components, deployments, strict=True)}
    problem = build_problem(scenario, rules, fixed)
    walker = Walker(problem=problem, seed=seed, progress=Progress())
    start = fresh(walker.tables, _renamed(whole, problem, drawn), *_pools(problem, drawn))
    walker.walk = new_walk(walker.tables, start, walker.best, walker.dice)
    keep(walker.tables, start, walker.walk.draft, walker.best, 0)
    found = walker.run_from("local", Seconds(seconds / 2))
    return min(drawn.cost, found.cost) if found else drawn.cost


def _renamed(whole: Problem, fixed: Problem, solution: Solution) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Return the patterns of *solution* as numbered where each component has its deployment only."""
    found = []
    for component, pattern in enumerate(solution.patterns):
        first = int(pattern)
        begin = whole.choices.pattern_ptr[component]
        while first > begin and whole.deployments[first - 1] is whole.deployments[pattern]:
            first -= 1
        found.append(fixed.choices.pattern_ptr[component] + pattern - first)
    return np.array(found, dtype=np.int64)


def _pools(
    problem: Problem, solution: Solution
) -> tuple[np.ndarray[tuple[int], np.dtype[np.int64]], np.ndarray[tuple[int], np.dtype[np.int64]]]:
    """Return a resource and nodes for each group, also for those that are closed."""
    first = np.array([members[0] for members in problem.groups], dtype=np.int64)
    return np.where(solution.types >= 0, solution.types, first), np.maximum(solution.nodes, 1)
