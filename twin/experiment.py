"""Experiments: independent replications of a scenario under a plan, spread over the cores."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from math import isfinite
from multiprocessing import get_context
from pathlib import Path

from twin.engines.simpy_engine import Billing, simulate_network
from twin.errors import EngineError, PlanError
from twin.measure import Measures, measure
from twin.model.checks import require_sound
from twin.model.plan import Plan
from twin.model.scenario import Scenario
from twin.network import FunctionPool, Network, compile_network
from twin.records import save_records
from twin.report import Report, report_from
from twin.statistics import over_replications

REQUESTS = 20_000
"""Arrivals per replication where the scenario says nothing."""

WORTH_A_PROCESS = 150_000
"""Visits to stations from which on starting further processes pays."""

Progress = Callable[[int, int], None]
"""Called with the number of finished and of wanted replications."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One replication: all a worker needs to run it."""

    scenario: Scenario
    plan: Plan
    replication: int
    records: Path | None = None
    """Folder for the records, if they are wanted."""


def simulate(
    scenario: Scenario,
    plan: Plan | None = None,
    *,
    jobs: int = 1,
    records: Path | None = None,
    progress: Progress | None = None,
) -> Report:
    """Run *scenario* under *plan* as ``scenario.run`` says, and report what happened.

    Args:
        scenario: What to run, on what, for how long, how often.
        plan: The production deployment; absent: the scenario's own.
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
    measures: list[Measures] = []
    with _workers(scenario, network, jobs) as executor:
        for batch in _batches(scenario, measures):
            tasks = [Job(scenario=scenario, plan=plan, replication=i, records=records) for i in batch]
            for result in executor.map(replicate, tasks) if executor else map(replicate, tasks):
                measures.append(result)
                if progress:
                    progress(len(measures), batch[-1] + 1)
    return report_from(scenario, plan, network, measures)


def replicate(job: Job) -> Measures:
    """Run one replication and return its figures."""
    scenario = job.scenario
    network = compile_network(scenario, job.plan)
    run = scenario.run
    trajectory = simulate_network(
        network,
        seed=run.seed,
        replication=job.replication,
        requests=run.requests if run.horizon or run.requests else REQUESTS,
        horizon=run.horizon,
        events=scenario.events,
        billing=_billing(scenario, network),
    )
    if not len(trajectory.arrivals):
        raise EngineError(
            f"no request arrives within {trajectory.horizon:g} s; lengthen run.horizon or raise the arrival rate"
        )
    if job.records:
        save_records(trajectory, network, job.records / f"replication-{job.replication:03d}")
    return measure(scenario, job.plan, network, trajectory)


def _billing(scenario: Scenario, network: Network) -> Billing:
    rules = {}
    for i, step in enumerate(network.steps):
        station = network.stations[step.station]
        if isinstance(station, FunctionPool):
            function = scenario.continuum.functions[station.function]
            rules[i] = (function.bills_cold_start, function.billing_step)
    return Billing(rules)


def _batches(scenario: Scenario, measures: list[Measures]) -> Iterator[range]:
    """Yield the numbers of the replications to run, until the wanted precision is reached."""
    run = scenario.run
    yield range(run.replications)
    if run.precision is None:
        return
    while len(measures) < run.max_replications:
        means = [each.response_time.mean for each in measures if isfinite(each.response_time.mean)]
        estimate = over_replications(means, run.confidence)
        if len(means) > 1 and estimate.relative_half_width <= run.precision:
            return
        # The half-width falls with the square root of the number of replications; grow by at most the double.
        wanted = len(measures) * max((estimate.relative_half_width / run.precision) ** 2, 1.0)
        more = min(max(int(wanted) + 1, len(measures) + 2), 2 * len(measures) + 1, run.max_replications)
        yield range(len(measures), more)


@contextmanager
def _workers(scenario: Scenario, network: Network, jobs: int) -> Iterator[Executor | None]:
    """Offer processes where the work is worth their start, else None."""
    length = (scenario.run.requests or REQUESTS) * max(len(network.steps), 1) * scenario.run.replications
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    count = jobs or (min(cores, scenario.run.replications) if length >= WORTH_A_PROCESS else 1)
    if count < 2:
        yield None
        return
    with ProcessPoolExecutor(count, mp_context=get_context("spawn")) as executor:
        try:
            yield executor
        except BaseException:
            executor.shutdown(cancel_futures=True)
            raise
