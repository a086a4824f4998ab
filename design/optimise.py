"""``optimise``: the plan that holds and is best at one thing, how sure that is, and if there is none, why."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from math import exp, inf, isfinite
from types import FrameType
from typing import Any, cast, get_args

from design.candidates import all_partitions, cases, service_time_on
from design.conflicts import Conflict, conflicts_of
from design.evaluation import Evaluation, finite
from design.exact import PROOF, ExactSearch, Solution
from design.goal_sums import with_limits, with_objective
from design.goals import CHEAPEST, Goal, Objective, require_sense
from design.plan_figures import PlanFigures, judge
from design.problem import Problem
from design.problem_building import build_problem
from design.rules import Rules, rules_of
from design.search.methods import Method, run_method
from design.support import require_support
from design.thresholds import ThresholdSearch, axis_of, doubt_of
from design.traffic_rates import component_rates
from design.worst_case import worst_of
from twin.errors import EngineError, ScenarioError, TwinError, did_you_mean
from twin.errors import Problem as Fault
from twin.model.constraints import ThroughputConstraint, constraint_name
from twin.model.plan import Placement, Plan
from twin.model.scenario import Scenario

EXPLAINING = 20.0
"""Seconds that the search for the reasons of a conflict may take when no time limit is given."""

NOWHERE = "no candidate has a profile and offers what its container asks for; add one, or a profile"

ABLE = ("auto", "exact", "descent", "lns")
"""Methods that know other objectives than the cost, and limits on them."""

MOST_CASES = 1_000
"""Selections of deployments that send differently, each a search of its own."""


@dataclass(frozen=True, kw_only=True)
class Result:
    """The best plan, and how sure it is that there is no better one."""

    plan: Plan | None = None

    evaluation: Evaluation | None = None

    objective: Objective = "cost"

    figures: PlanFigures | None = None

    optimal: bool = False
    """True only with a proof, about the exact formula of the dialect.

    To 1e-9 of a cost or an energy, to 1e-6 of a response time or an accuracy.
    """

    feasible: bool | None = None
    """False only with a proof; None where no plan was found in time."""

    bound: float = 0.0
    """What no plan can be better than, in the unit of the objective; infinite where there is no plan (accuracy: 0)."""

    seconds: float = 0.0

    first_feasible_after: float | None = None
    """Seconds to the first plan."""

    evaluations: int = 0
    """Partial and whole plans looked at."""

    method: str = "exact"

    interrupted: bool = False

    conflicts: tuple[Conflict, ...] = ()

    notes: tuple[str, ...] = ()

    @property
    def cost(self) -> float | None:
        """Euro an hour of the plan."""
        return self.evaluation.cost if self.evaluation else None

    @property
    def gap(self) -> float | None:
        """How far the plan may be from the optimum, relative to its own value."""
        if self.value is None:
            return None
        beyond = self.bound - self.value if self.objective == "accuracy" else self.value - self.bound
        return max(beyond, 0.0) / self.value if self.value > 0 else 0.0

    @property
    def value(self) -> float | None:
        """What the plan reaches in the objective, in its unit."""
        return self.figures.of(self.objective) if self.figures else None

    def to_dict(self) -> dict[str, Any]:
        """Return the result as JSON has it."""
        return {
            "objective": self.objective,
            "value": self.value,
            "cost": self.cost,
            "figures": asdict(self.figures) if self.figures else None,
            "feasible": self.feasible,
            "optimal": self.optimal,
            "bound": finite(self.bound),
            "gap": self.gap,
            "seconds": self.seconds,
            "first_feasible_after": self.first_feasible_after,
            "method": self.method,
            "evaluations": self.evaluations,
            "interrupted": self.interrupted,
            "plan": self.plan.model_dump(mode="json") if self.plan else None,
            "conflicts": [asdict(conflict) for conflict in self.conflicts],
            "notes": list(self.notes),
        }


def optimise(
    scenario: Scenario,
    *,
    dialect: str | Rules = "twin",
    time_limit: float | None = None,
    method: str = "auto",
    seed: int = 0,
    one_type_per_layer: bool = True,
    goal: Goal = CHEAPEST,
    worlds: tuple[Scenario, ...] = (),
) -> Result:
    """Return the cheapest plan for *scenario* by the mean formulas of *dialect*, or the best one by another *goal*.

    No plan overloads a device, whatever the dialect would accept. With *one_type_per_layer*, as in SPACE4AI, a plan
    uses at most one resource of each layer beside functions; that is part of the problem the proof is about. An
    interrupt ends the search with the best plan so far.

    Args:
        scenario: What there is, and the limits that must hold.
        dialect: Formulas and checks, see :mod:`design.rules`; a name, or rules with other parameters.
        time_limit: Seconds; absent: until the proof.
        method: ``exact`` ends with a proof; ``auto`` too, but searches large neighbourhoods of the best plan when the
            proof takes too much of the time limit; ``descent`` ends with the first plan that no change of one pool
            makes cheaper. The heuristics ``lns``, ``random``, ``local``, ``tabu``, ``annealing`` and ``genetic`` run
            for the time limit or, without one, for a number of iterations, and know no bound.
        seed: Of the heuristics. Without a time limit, equal seeds give equal plans.
        one_type_per_layer: False lets every resource run beside any other.
        goal: What the plan is to be best at, and limits on the rest. Of the quickest or most accurate plans it is the
            cheapest (with a limit on energy but no budget, the one that draws least).
        worlds: Scenarios that differ in load and service times alone. All limits must hold where each figure is as high
            as in any of them; the objective is that of *scenario*.

    Raises:
        EngineError: The scenario holds what the search has no formula for, or does not state what the goal needs.
        TwinError: An argument makes no sense.
    """
    require_sense(scenario, goal)
    rules = rules_for(scenario, dialect, time_limit, method)
    _require_times(scenario, goal, rules)
    if goal.concerned != {"cost"} and method not in ABLE:
        raise TwinError(f"method {method} knows the cost alone; take {', '.join(ABLE)}")
    run = _Run(scenario, rules, time_limit, method, one_type_per_layer, seed, goal, worlds)
    unreachable = tuple(conflict for each in worlds or (scenario,) for conflict in _unreachable(each, rules))
    if unreachable:
        bound = 0.0 if goal.objective == "accuracy" else inf
        return Result(feasible=False, objective=goal.objective, bound=bound, conflicts=unreachable, method=run.method)
    return run.result()


def rules_for(scenario: Scenario, dialect: str | Rules, time_limit: float | None = None, method: str = "auto") -> Rules:
    """Return the rules of *dialect* for a search on *scenario*.

    Raises:
        EngineError: The scenario holds what the search has no formula for.
        ScenarioError: A component can run nowhere.
        TwinError: An argument makes no sense.
    """
    rules = rules_of(dialect)
    if time_limit is not None and not (time_limit > 0 and isfinite(time_limit)):
        raise TwinError(f"the time limit must be a positive number of seconds, got {time_limit:g}")
    if method not in get_args(Method):
        raise TwinError(f"unknown method {method!r}{did_you_mean(method, get_args(Method))}")
    require_support(scenario, rules, method)
    missing = [
        Fault(f"application.components.{component}.partitions.{partition.name}", NOWHERE)
        for component, partition in all_partitions(scenario)
        if all(service_time_on(scenario, component, partition, host) is None for host in partition.candidates)
    ]
    whole = {
        component.name: [d for d in component.deployments.values() if not _names(missing) & set(d.partitions)]
        for component in scenario.application.components.values()
    }
    if any(not left for left in whole.values()):
        raise ScenarioError(f"scenario {scenario.name!r} has partitions that can run nowhere", missing)
    return rules


def _require_times(scenario: Scenario, goal: Goal, rules: Rules) -> None:
    """Raise EngineError where the search has no formula for the response time that *goal* looks at."""
    try:
        require_support(goal.limited(scenario), rules)
    except EngineError as error:
        way_out = "name a component or a path, such as 'a > b', as what it is of"
        reasons = [Fault("response time", fault.message) for fault in error.problems]
        raise EngineError(f"no formula for the response time of the whole application; {way_out}", reasons) from error


def _names(faults: list[Fault]) -> set[str]:
    return {fault.where.split(".partitions.", 1)[1] for fault in faults}


def _unreachable(scenario: Scenario, rules: Rules) -> Iterator[Conflict]:
    """Find throughputs that the workload does not even offer; no plan changes that."""
    if rules.dialect != "twin":
        return
    for constraint in scenario.constraints:
        if isinstance(constraint, ThroughputConstraint):
            offered = max(
                component_rates(scenario, {name: each[0] for name, each in case.items()})[constraint.component]
                for case in cases(scenario)
            )
            if offered < constraint.at_least:
                name = constraint_name(constraint)
                message = f"{name}: {constraint.at_least:g}/s are asked, the workload offers {offered:.4g}/s"
                yield Conflict(kind="limit", name=name, limit=constraint.at_least, needed=offered, message=message)


@dataclass(kw_only=True)
class _Progress:
    """What the searches of all cases have found together."""

    best: tuple[Problem, Solution] | None = None

    bounds: list[float] = field(default_factory=list)

    evaluations: int = 0

    finished: bool = True

    interrupted: bool = False

    first_after: float | None = None


class _Run:
    """One call of :func:`optimise`."""

    def __init__(
        self,
        scenario: Scenario,
        rules: Rules,
        time_limit: float | None,
        method: str,
        one_type_per_layer: bool,
        seed: int,
        goal: Goal,
        worlds: tuple[Scenario, ...],
    ) -> None:
        self.scenario, self.rules, self.seed, self.goal = scenario, rules, seed, goal
        self.worlds, self.is_certain = worlds or (scenario,), not worlds
        self.method = cast("Method", method)
        self.one_type_per_layer = one_type_per_layer
        self.started = time.perf_counter()
        self.time_limit = time_limit
        self.deadline = self.started + (time_limit if time_limit is not None else inf)
        self.progress = _Progress()
        self.selections: list[dict[str, Any]] = []

    def result(self) -> Result:
        """Search every case, and explain if nothing holds."""
        self.selections = selections = cases(self.scenario)
        if len(selections) > MOST_CASES:
            raise TwinError(
                f"{len(selections)} selections of deployments send differently; at most {MOST_CASES} can be searched"
            )
        try:
            if self.goal.objective in ("response_time", "accuracy"):
                self._search_thresholds(selections)
            else:
                for selection in selections:
                    self._search(selection)
        except KeyboardInterrupt:
            self.progress.finished, self.progress.interrupted = False, True
        if self.progress.best is None:
            return self._without_plan()
        return self._with_plan(*self.progress.best)

    def _search(self, selection: dict[str, Any]) -> None:
        progress = self.progress
        problem = self._problem(selection, self.goal)
        below = progress.best[1].cost if progress.best else inf
        search = ExactSearch(problem=problem, deadline=self.deadline, below=below)
        with on_interrupt(self._interrupt, search):
            try:
                run_method(search, self.method, self.seed)
            finally:
                self._gather(problem, search)
        if self.progress.interrupted:
            raise KeyboardInterrupt

    def _problem(self, selection: dict[str, Any], goal: Goal) -> Problem:
        def built(scenario: Scenario) -> Problem:
            limited = self.goal.limited(scenario)
            return build_problem(limited, self.rules, selection, one_type_per_layer=self.one_type_per_layer)

        worlds = [built(each) for each in self.worlds]
        nominal = worlds[0] if self.is_certain else built(self.scenario)
        worst = worst_of([with_limits(each, goal, self.rules) for each in worlds])
        return with_objective(worst, goal, self.rules, nominal)

    def _search_thresholds(self, selections: list[dict[str, Any]]) -> None:
        """Ask for better and better plans of all cases at once; what the engine makes small has no row of its own."""
        goal, enough = self.goal, inf
        if self.is_certain:  # elsewhere the objective is another sum than the limit
            goal, enough = replace(goal, budget=inf), goal.budget
        if self.is_certain and enough == inf and goal.energy < inf:
            goal, enough = replace(goal, objective="energy", energy=inf), goal.energy
        search = ThresholdSearch(
            problems=[self._problem(selection, goal) for selection in selections],
            axis=axis_of(self.goal),
            measure=self._measured,
            enough=enough * (1.0 + PROOF),
            deadline=self.deadline,
        )

        def watched(exact: ExactSearch) -> None:
            def react(halted: ExactSearch) -> None:
                search.interrupted = True
                halted.halt()

            with on_interrupt(react, exact):
                run_method(exact, self.method, self.seed)

        search.watched = watched
        try:
            search.run()
        finally:
            self.progress = _Progress(
                best=search.best,
                bounds=[exp(-search.bound) if self.goal.objective == "accuracy" else search.bound],
                evaluations=search.evaluations,
                finished=search.finished,
                interrupted=search.interrupted,
                first_after=search.first_after,
            )

    def _measured(self, problem: Problem, solution: Solution) -> float:
        _, figures = judge(self.scenario, plan_of(problem, solution), self.goal, self.rules)
        return doubt_of(figures.of("accuracy")) if self.goal.objective == "accuracy" else figures.of("response_time")

    def _interrupt(self, search: ExactSearch) -> None:
        self.progress.interrupted = True
        search.halt()

    def _gather(self, problem: Problem, search: ExactSearch) -> None:
        progress, outcome = self.progress, search.outcome
        if outcome.solution is not None:
            progress.best = problem, outcome.solution
        if outcome.first_after is not None and progress.first_after is None:
            progress.first_after = search.started - self.started + outcome.first_after
        progress.bounds.append(outcome.bound)
        progress.evaluations += outcome.evaluations
        progress.finished = progress.finished and outcome.finished

    def _with_plan(self, problem: Problem, solution: Solution) -> Result:
        plan = plan_of(problem, solution)
        evaluation, figures = judge(self.scenario, plan, self.goal, self.rules)
        value = figures.of(self.goal.objective)
        if self.goal.objective in ("cost", "energy"):
            _require_agreement(evaluation, solution.cost, value)
        progress = self.progress
        better = max if self.goal.objective == "accuracy" else min
        return Result(
            plan=plan,
            evaluation=evaluation,
            objective=self.goal.objective,
            figures=figures,
            optimal=progress.finished,
            feasible=True,
            bound=value if progress.finished else better(better(progress.bounds), value),
            seconds=time.perf_counter() - self.started,
            first_feasible_after=progress.first_after,
            evaluations=progress.evaluations,
            method=self.method,
            interrupted=progress.interrupted,
            notes=problem.notes,
        )

    def _without_plan(self) -> Result:
        progress = self.progress
        conflicts: tuple[Conflict, ...] = ()
        problem = self._problem(self.selections[0], self.goal)
        if progress.finished and len(self.selections) == 1:
            allowed = self.time_limit if self.time_limit is not None else EXPLAINING
            conflicts = conflicts_of(problem, time.perf_counter() + allowed)
        nothing, best = (0.0, 1.0) if self.goal.objective == "accuracy" else (inf, 0.0)
        return Result(
            objective=self.goal.objective,
            feasible=False if progress.finished else None,
            bound=nothing if progress.finished else min(progress.bounds, default=best),
            seconds=time.perf_counter() - self.started,
            evaluations=progress.evaluations,
            method=self.method,
            interrupted=progress.interrupted,
            conflicts=conflicts,
            notes=problem.notes,
        )


def _require_agreement(evaluation: Evaluation, searched: float, value: float) -> None:
    """Raise RuntimeError where the search saw another plan than the evaluation."""
    if not evaluation.feasible or abs(value - searched) > 1e-6 * (1 + abs(searched)):
        found = "; ".join(each.message for each in evaluation.violations) or f"value {value!r}"
        raise RuntimeError(f"search ({searched!r}) and evaluation disagree: {found}")


@contextmanager
def on_interrupt(react: Callable[[ExactSearch], None], search: ExactSearch) -> Iterator[None]:
    """Answer the first Ctrl-C with *react* instead of an exception, which compiled code could not pass on."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.getsignal(signal.SIGINT)

    def halt(_number: int, _frame: FrameType | None) -> None:
        signal.signal(signal.SIGINT, before)
        react(search)

    signal.signal(signal.SIGINT, halt)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def plan_of(problem: Problem, solution: Solution) -> Plan:
    """Return the plan that a solution stands for."""
    choices, groups = problem.choices, len(problem.groups)
    placements = {}
    for pattern in solution.patterns:
        for i in range(choices.part_ptr[pattern], choices.part_ptr[pattern + 1]):
            location = int(choices.location[i])
            if location >= groups:
                placement = Placement(resource=problem.functions[location - groups])
            else:
                resource = problem.resources[int(solution.types[location])]
                placement = Placement(resource=resource, replicas=int(solution.nodes[location]))
            placements[problem.partitions[int(choices.part[i])]] = placement
    return Plan(name="optimised", placements=placements)
