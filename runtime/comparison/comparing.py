"""The comparison: all policies through the same replications, spread over processes, kept as they come."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from runtime.comparison.tasks import Outcome, Task, made, outcome_from, run_task, task_key, to_json
from runtime.policies.loading import policy_choice
from twin.controlled_figures import estimates, samples
from twin.controlled_run import OnError
from twin.crew import Crew
from twin.differences import Difference, differences
from twin.engines.choice import Engine, make_ready
from twin.errors import PlanError, PolicyError, Problem, TwinError
from twin.experiment import Progress, engine_for
from twin.files import make_folder, write_text
from twin.model.checks import require_sound
from twin.model.plan import Plan
from twin.model.plan_checks import require_fitting
from twin.model.scenario import Scenario
from twin.policy_run import TIME_LIMIT
from twin.statistics import Estimate
from twin.sweep.engines import processes_for
from twin.universe import Universe

USUAL = 20
"""Replications of all policies together by which ``auto`` weighs whether compiled code pays."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """A policy and what became of each replication under it."""

    words: str

    outcomes: tuple[Outcome, ...]

    def estimates(self, confidence: float) -> dict[str, Estimate]:
        """Return mean and interval of every figure."""
        return estimates([outcome.figures for outcome in self.outcomes], confidence)

    def minus(self, first: Result, confidence: float) -> dict[str, Difference]:
        """Return what differs from *first* on the same days, by figure."""
        ours, theirs = (samples([outcome.figures for outcome in each.outcomes]) for each in (self, first))
        return differences(theirs, ours, confidence)


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """All policies with equally many replications."""

    scenario: Scenario

    plan: Plan
    """The first plan, the same for all."""

    engine: Engine

    results: tuple[Result, ...]

    wanted: int
    """Replications that were asked for; fewer are there if somebody pressed Ctrl-C."""

    resumed: int = 0
    """Outcomes that were there already."""

    @property
    def replications(self) -> int:
        """How many replications every policy has."""
        return len(self.results[0].outcomes)

    @property
    def is_whole(self) -> bool:
        """Whether nothing was interrupted."""
        return self.replications == self.wanted


class ComparisonInterrupted(KeyboardInterrupt):
    """Ctrl-C before a single replication was done by all policies."""


def compare(
    scenario: Scenario,
    policies: Sequence[str],
    *,
    plan: Plan | None = None,
    engine: str = "auto",
    replications: int | None = None,
    jobs: int = 0,
    folder: Path | None = None,
    on_error: OnError = "count",
    time_limit: float = TIME_LIMIT,
    progress: Progress | None = None,
    announce: Callable[[str], None] | None = None,
) -> Comparison:
    """Run *scenario* under each of *policies*, on the same days.

    Ctrl-C ends the comparison with the replications that all policies have done by then.

    Args:
        scenario: Its ``reconfiguration`` says when policies decide and what a change takes.
        policies: In the words of the command line: ``threshold,high=0.8`` or ``mine.py:MyPolicy``.
        plan: The first plan; absent: the scenario's own.
        engine: ``simpy``, ``compiled``, or ``auto``: the compiled one where it covers the scenario and pays.
        replications: How many; absent: as ``scenario.run`` says.
        jobs: Processes; 0: the length of the comparison decides.
        folder: Where outcomes are kept at once; those that are there already do not run again.
        on_error: Whether a policy that raises or hangs stops the comparison, or is counted.
        time_limit: Seconds of real time for one decision.
        progress: Called with the numbers of finished and of wanted outcomes.
        announce: Called with a sentence about what takes long before the first outcome.

    Raises:
        TwinError: Scenario, plan, a policy or the engine is not as it should be; all problems of policies at once.
        ComparisonInterrupted: Ctrl-C came too early.
    """
    require_sound(scenario)
    plan = plan or scenario.plan
    if plan is None:
        raise PlanError(f"scenario {scenario.name!r} has no plan to begin with; add one, or give --plan FILE")
    require_fitting(scenario, plan)
    _require_policies(policies, scenario, plan)
    wanted = replications or scenario.run.replications
    taken = _engine(scenario, plan, engine)
    tasks = [
        Task(
            scenario=scenario,
            plan=plan,
            words=words,
            replication=replication,
            engine=taken,
            on_error=on_error,
            time_limit=time_limit,
        )
        for replication in range(wanted)  # all policies of a day together, so that an early end leaves whole days
        for words in policies
    ]
    store = _Store(folder)
    outcomes = {i: found for i, found in enumerate(map(store.kept, tasks)) if found}
    resumed = len(outcomes)
    todo = [i for i in range(len(tasks)) if i not in outcomes]
    if todo:
        make_ready(taken, announce)
    processes = jobs or processes_for([(_repeated(scenario, plan, max(len(todo), 1)), taken)])
    try:
        for number, outcome in _run([tasks[i] for i in todo], processes):
            store.keep(tasks[todo[number]], outcome)
            outcomes[todo[number]] = outcome
            if progress:
                progress(len(outcomes), len(tasks))
    except KeyboardInterrupt:
        if _days(outcomes, len(policies)) == 0:
            raise ComparisonInterrupted("no replication was done by all policies") from None
    return Comparison(
        scenario=scenario,
        plan=plan,
        engine=taken,
        results=_results(outcomes, policies),
        wanted=wanted,
        resumed=resumed,
    )


def _require_policies(policies: Sequence[str], scenario: Scenario, plan: Plan) -> None:
    """Make each policy once, so that wrong words are heard of before anything runs."""
    problems = []
    for i, words in enumerate(policies):
        if words in policies[:i]:
            problems.append(Problem("", f"policy {words!r} is named twice; name it once"))
            continue
        try:
            made(policy_choice(words), scenario, plan)
        except TwinError as error:
            problems.append(Problem("", str(error)))
    if problems:
        raise PolicyError("the policies to compare", problems)


def _engine(scenario: Scenario, plan: Plan, choice: str) -> Engine:
    """Return the engine; how often the scenario runs plays no part, so that kept outcomes go with later ones."""
    usual = _repeated(scenario, plan, USUAL)
    return engine_for(usual, Universe(usual).network(plan), choice)


def _repeated(scenario: Scenario, plan: Plan, times: int) -> Scenario:
    run = scenario.run.model_copy(update={"replications": times})
    return scenario.model_copy(update={"plan": plan, "run": run})


def _run(tasks: Sequence[Task], processes: int) -> Iterator[tuple[int, Outcome]]:
    """Yield outcomes with the numbers of their tasks, as they come."""
    if processes < 2 or len(tasks) < 2:
        yield from enumerate(map(run_task, tasks))
        return
    with Crew(min(processes, len(tasks))) as crew:
        for number, result in crew.run(run_task, tasks):
            if isinstance(result, Exception):
                raise result
            yield number, result


def _days(outcomes: dict[int, Outcome], policies: int) -> int:
    """Return how many replications, from the first on, all policies have done."""
    day = 0
    while all(day * policies + i in outcomes for i in range(policies)):
        day += 1
    return day


def _results(outcomes: dict[int, Outcome], policies: Sequence[str]) -> tuple[Result, ...]:
    count, days = len(policies), _days(outcomes, len(policies))
    return tuple(
        Result(words=words, outcomes=tuple(outcomes[day * count + i] for day in range(days)))
        for i, words in enumerate(policies)
    )


class _Store:
    """A folder of outcomes, one file each; none at all where there is no folder."""

    def __init__(self, folder: Path | None) -> None:
        self.folder = folder
        if folder:
            make_folder(folder)

    def keep(self, task: Task, outcome: Outcome) -> None:
        if self.folder:
            key = task_key(task)
            write_text(self.folder / f"{key}.json", to_json(key, outcome) + "\n")

    def kept(self, task: Task) -> Outcome | None:
        if self.folder is None:
            return None
        key = task_key(task)
        path = self.folder / f"{key}.json"
        try:
            return outcome_from(path.read_text(encoding="utf-8"), key)
        except FileNotFoundError:
            return None
        except (OSError, UnicodeDecodeError) as error:
            raise TwinError(f"cannot read {path}: {error}") from error
