"""Experiments with policies: independent replications of a scenario whose plan a policy changes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from twin.control import Policy
from twin.controlled_figures import SWING_PERIODS, estimates, figures_of
from twin.controlled_measures import ControlledMeasures, controlled_measures
from twin.controlled_run import ControlledReplication, Course, OnError
from twin.engines.choice import Engine, make_ready
from twin.engines.controlled import ControlledEngine
from twin.engines.simpy_engine.controlled import ControlledSimulation
from twin.errors import PlanError
from twin.experiment import REQUESTS, Progress, billing_of, engine_for
from twin.model.checks import require_sound
from twin.model.plan import Plan
from twin.model.plan_checks import require_fitting
from twin.model.scenario import Scenario
from twin.statistics import Estimate
from twin.universe import Universe

TIME_LIMIT = 60.0
"""Seconds of real time that a policy may think about one decision."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlledRun:
    """What a policy did to a scenario."""

    policy: str

    engine: Engine

    replications: tuple[ControlledMeasures, ...]

    swing: float
    """Seconds within which a change that is taken back is a reversal."""

    def estimates(self, confidence: float) -> dict[str, Estimate]:
        """Return mean and interval of every figure (see ``twin.controlled_figures``)."""
        return estimates([figures_of(each, swing=self.swing) for each in self.replications], confidence)


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyJob:
    """One replication under a policy: all a worker needs to run it."""

    scenario: Scenario
    plan: Plan
    policy: Callable[[], Policy]
    """Makes a policy that has seen nothing yet."""
    replication: int
    engine: Engine = "compiled"
    on_error: OnError = "stop"
    time_limit: float | None = TIME_LIMIT


def simulate_policy(
    scenario: Scenario,
    plan: Plan | None,
    policy: Callable[[], Policy],
    *,
    name: str | None = None,
    engine: str = "auto",
    replications: int | None = None,
    on_error: OnError = "stop",
    time_limit: float | None = TIME_LIMIT,
    progress: Progress | None = None,
) -> ControlledRun:
    """Run *scenario* from *plan* on, under a fresh object of *policy* in each replication.

    Args:
        scenario: Its ``reconfiguration`` says when the policy decides and what a change takes.
        plan: The first plan; absent: the scenario's own.
        policy: A class, or whatever else makes policies.
        name: What to call the policy; absent: as the class is called.
        engine: ``simpy``, ``compiled`` or ``auto``.
        replications: How many; absent: as ``scenario.run`` says. The same days come in every call.
        on_error: Whether a policy that raises or hangs stops the run, or is counted.
        time_limit: Seconds of real time for one decision; None: unlimited, and a little faster.
        progress: Called after every replication.

    Raises:
        ScenarioError: The scenario contradicts itself.
        PlanError: There is no first plan, or it does not fit the scenario.
        EngineError: The run cannot be carried out as asked.
        PolicyError: The policy failed, and *on_error* is ``stop``.
    """
    require_sound(scenario)
    plan = plan or scenario.plan
    if plan is None:
        raise PlanError(f"scenario {scenario.name!r} has no plan to begin with; add one, or give one")
    require_fitting(scenario, plan)
    taken = engine_for(scenario, Universe(scenario).network(plan), engine)
    make_ready(taken)
    wanted = replications or scenario.run.replications
    job: dict[str, Any] = {"scenario": scenario, "plan": plan, "policy": policy, "engine": taken}
    measures = []
    for replication in range(wanted):
        task = PolicyJob(**job, replication=replication, on_error=on_error, time_limit=time_limit)
        measures.append(replicate_policy(task))
        if progress:
            progress(len(measures), wanted)
    called = name or str(getattr(policy, "name", getattr(policy, "__name__", type(policy).__name__)))
    return ControlledRun(policy=called, engine=taken, replications=tuple(measures), swing=swing_of(scenario))


def swing_of(scenario: Scenario) -> float:
    """Return the seconds within which a change that is taken back is a reversal."""
    return SWING_PERIODS * scenario.reconfiguration.period


def replicate_policy(job: PolicyJob) -> ControlledMeasures:
    """Run one replication and return its figures."""
    universe = Universe(job.scenario)
    return controlled_measures(universe, controlled_course(job, universe))


def controlled_course(job: PolicyJob, universe: Universe) -> Course:
    """Run one replication and return all its records."""
    run = job.scenario.run
    network = universe.network(job.plan)
    engine: ControlledEngine = _engine(job.engine)(
        network,
        seed=run.seed,
        replication=job.replication,
        requests=run.requests if run.horizon or run.requests else REQUESTS,
        horizon=run.horizon,
        events=job.scenario.events,
        billing=billing_of(job.scenario, network),
    )
    return ControlledReplication(
        job.scenario,
        job.plan,
        job.policy(),
        engine,
        universe,
        seed=run.seed,
        replication=job.replication,
        on_error=job.on_error,
        time_limit=job.time_limit,
    ).course()


def _engine(engine: Engine) -> Callable[..., ControlledEngine]:
    if engine == "simpy":
        return ControlledSimulation
    from twin.engines.compiled.controlled import ControlledCompiled  # numba takes its time to load

    return ControlledCompiled
