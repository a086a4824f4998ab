"""Experiments: independent replications of a scenario under a plan, spread over the cores."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from math import inf, nan
from pathlib import Path

from twin.calibration import is_open, redrawn
from twin.compilation import compile_network
from twin.crew import Crew, cores
from twin.engines.billing import Billing
from twin.engines.choice import Decision, Engine, decide, make_ready
from twin.engines.simpy_engine import simulate_network
from twin.engines.trajectory import Several, Sink, Trajectory, whole
from twin.errors import EngineError, PlanError, Problem
from twin.figures import find_figure
from twin.kept import measure
from twin.measure import Measures
from twin.model.checks import require_sound
from twin.model.plan import Plan
from twin.model.rates import mean_rate
from twin.model.scenario import Scenario
from twin.network import FunctionPool, Network
from twin.overload import overloads
from twin.report import Report, report_from
from twin.statistics import Estimate, over_replications
from twin.tally import Tally
from twin.traffic import visits_per_request

REQUESTS = 20_000
"""Arrivals per replication where the scenario says nothing."""

WORTH_A_PROCESS = 600_000
"""Visits to stations from which on starting further processes pays."""

COMPILED_GAIN = 20
"""How many times faster the compiled engine and the evaluation of its records are together, at least."""

MOST_KEPT = 1 << 20
"""Records of requests and visits up to which a replication keeps them all, so that its quantiles are exact."""

Progress = Callable[[int, int], None]
"""Called with the number of finished and of wanted replications."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One replication: all a worker needs to run it."""

    scenario: Scenario
    plan: Plan
    replication: int
    engine: Engine = "simpy"

    records: Path | None = None
    """Folder for the records, if they are wanted."""


def simulate(
    scenario: Scenario,
    plan: Plan | None = None,
    *,
    engine: str = "simpy",
    jobs: int = 1,
    records: Path | None = None,
    progress: Progress | None = None,
) -> Report:
    """Run *scenario* under *plan* as ``scenario.run`` says, and report what happened.

    Args:
        scenario: What to run, on what, for how long, how often.
        plan: The production deployment; absent: the scenario's own.
        engine: ``simpy``, ``compiled``, or ``auto``: the compiled one where it covers the scenario and pays.
        jobs: Processes to use; 0: all cores where the run is long enough. More than one needs the usual
            ``if __name__ == "__main__"`` in the calling script.
        records: Folder for the records of each replication (Parquet).
        progress: Called after every replication.

    Raises:
        ScenarioError: The scenario contradicts itself.
        PlanError: There is no plan, or it does not fit the scenario.
        EngineError: The run cannot be carried out as asked.
    """
    require_sound(scenario)
    plan = plan or scenario.plan
    if plan is None:
        raise PlanError(f"scenario {scenario.name!r} has no plan; add one, or give --plan FILE")
    network = compile_network(scenario, plan)
    taken = engine_for(scenario, network, engine)
    make_ready(taken)
    measures: list[Measures] = []
    with Crew(_processes(scenario, network, taken, jobs)) as crew:
        for batch in _batches(scenario, plan, network, measures):
            tasks = [Job(scenario=scenario, plan=plan, replication=i, engine=taken, records=records) for i in batch]
            for result in _replicated(crew, tasks):
                measures.append(result)
                if progress:
                    progress(len(measures), batch[-1] + 1)
        again = [
            Job(scenario=each, plan=plan, replication=i, engine=taken) for i, each in _redrawn(scenario, plan, measures)
        ]
        others: list[Measures] = []
        for result in _replicated(crew, again):
            others.append(result)
            if progress:
                progress(len(measures) + len(others), len(measures) + len(again))
    return report_from(scenario, plan, network, measures, engine=taken, redrawn=others)


def engine_for(scenario: Scenario, network: Network, choice: str) -> Engine:
    """Return the engine that *choice* (``simpy``, ``compiled`` or ``auto``) means for *scenario*.

    Raises:
        EngineError: That engine does not exist, or does not cover the scenario.
    """
    return decision_for(scenario, network, choice).engine


def decision_for(scenario: Scenario, network: Network, choice: str) -> Decision:
    """Return the engine that *choice* means for *scenario*, and why; the length of the run decides under ``auto``.

    Raises:
        EngineError: That engine does not exist, or does not cover the scenario.
    """
    return decide(choice, network, scenario.events, visits=_visits(scenario, network))


def replicate(job: Job) -> Measures:
    """Run one replication and return its figures."""
    scenario = job.scenario
    network = compile_network(scenario, job.plan)
    run = scenario.run
    tally = Tally(scenario, job.plan, network) if is_long(scenario, network) else None
    with _writer(job, network) as writer:
        sinks = [sink for sink in (tally, writer) if sink]
        trajectory = _run(job.engine)(
            network,
            seed=run.seed,
            replication=job.replication,
            requests=run.requests if run.horizon or run.requests else REQUESTS,
            horizon=run.horizon,
            events=scenario.events,
            billing=billing_of(scenario, network),
            sink=Several(sinks) if tally else None,
        )
        if writer and not tally:
            writer.take(whole(trajectory))
    if not (tally.has_requests if tally else len(trajectory.arrivals)):
        raise EngineError(
            f"no request arrives within {trajectory.horizon:g} s; lengthen run.horizon or raise the arrival rate"
        )
    _require_time_after_warm_up(scenario, trajectory.horizon)
    return tally.measures(trajectory) if tally else measure(scenario, job.plan, network, trajectory)


def _writer(job: Job, network: Network) -> AbstractContextManager[Sink | None]:
    """Return what writes the records of *job* to files, if they are wanted."""
    if job.records is None:
        return nullcontext()
    from twin.records import record_writer  # pyarrow takes its time to load

    return record_writer(network, job.records / f"replication-{job.replication:03d}")


def _run(engine: Engine) -> Callable[..., Trajectory]:
    if engine == "simpy":
        return simulate_network
    from twin.engines.compiled import simulate_compiled  # numba takes its time to load

    return simulate_compiled


def _require_time_after_warm_up(scenario: Scenario, horizon: float) -> None:
    warm_up = scenario.run.warm_up
    if not isinstance(warm_up, str) and warm_up >= horizon:
        raise EngineError(
            f"the warm-up of {warm_up:g} s leaves nothing of a run of {horizon:g} s; lengthen the run, or shorten it"
        )


def billing_of(scenario: Scenario, network: Network) -> Billing:
    """Return the price list of the steps on cloud functions."""
    rules = {}
    for i, step in enumerate(network.steps):
        station = network.stations[step.station]
        if isinstance(station, FunctionPool):
            function = scenario.continuum.functions[station.function]
            rules[i] = (function.bills_cold_start, function.billing_step)
    return Billing(rules)


def _batches(scenario: Scenario, plan: Plan, network: Network, measures: list[Measures]) -> Iterator[range]:
    """Yield the numbers of the replications to run, until the wanted precision is reached.

    Where something is overloaded there is nothing to be precise about.
    """
    run = scenario.run
    yield range(run.replications)
    if run.precision is None or overloads(scenario, network, horizon=measures[0].horizon, down={}):
        return
    while len(measures) < run.max_replications:
        estimate = _wanted(scenario, plan, network, measures)
        if estimate.relative_half_width <= run.precision:
            return
        # The half-width falls with the square root of the number of replications; grow by at most the double.
        ratio = min(2**0.5, estimate.relative_half_width / run.precision)
        more = max(int(len(measures) * ratio**2) + 1, len(measures) + 2)
        yield range(len(measures), min(more, run.max_replications))


def _wanted(scenario: Scenario, plan: Plan, network: Network, measures: list[Measures]) -> Estimate:
    """Return the figure whose precision is asked for.

    Raises:
        EngineError: There is no such figure, or it has no interval.
    """
    name = scenario.run.precision_of
    if name is None:
        return over_replications([each.response_time.mean for each in measures], scenario.run.confidence)
    found = find_figure(report_from(scenario, plan, network, measures).document(), name)
    if isinstance(found, Problem):
        raise EngineError(f"run.precision_of: {found}")
    if isinstance(found.value, str | bool) or (found.ci is None and len(measures) > 1):
        raise EngineError(f"run.precision_of: {name} is no figure with an interval")
    low, high = found.ci or (nan, nan)
    return Estimate(nan if found.value is None else found.value, low, high)


def _redrawn(scenario: Scenario, plan: Plan, measures: list[Measures]) -> Iterator[tuple[int, Scenario]]:
    """Yield the scenarios that the profiles leave open, with the replication each is to be compared with."""
    if is_open(scenario, plan):
        draws = scenario.run.calibration_draws
        for draw in range(draws):
            yield draw % len(measures), redrawn(scenario, plan, draw, draws=draws)


def _visits(scenario: Scenario, network: Network) -> float:
    """Return about how many visits to stations all replications take."""
    return _requests(scenario, network) * visits_per_request(network) * scenario.run.replications


def _requests(scenario: Scenario, network: Network) -> float:
    """Return about how many requests arrive in one replication."""
    run = scenario.run
    if run.horizon is None:
        return run.requests or REQUESTS
    rates = [mean_rate(entry.source.arrivals) for entry in network.entries]
    expected = run.horizon * sum(rate or 0.0 for rate in rates) or REQUESTS
    return min(expected, run.requests or inf)


def is_long(scenario: Scenario, network: Network) -> bool:
    """Say whether a replication is measured while it runs, because its records would need too much memory."""
    return _requests(scenario, network) * (1 + visits_per_request(network)) > MOST_KEPT


def _processes(scenario: Scenario, network: Network, engine: Engine, jobs: int) -> int:
    """Return how many processes to use; further ones only where the work is worth their start."""
    worth = WORTH_A_PROCESS if engine == "simpy" else WORTH_A_PROCESS * COMPILED_GAIN
    return jobs or (min(cores(), scenario.run.replications) if _visits(scenario, network) >= worth else 1)


def _replicated(crew: Crew, tasks: list[Job]) -> Iterator[Measures]:
    """Yield the figures of *tasks* in their order."""
    if crew.size < 2:
        yield from map(replicate, tasks)
        return
    results: dict[int, Measures] = {}
    following = 0
    for number, result in crew.run(replicate, tasks):
        if isinstance(result, Exception):
            raise result
        results[number] = result
        while following in results:
            yield results.pop(following)
            following += 1
