"""Confirmation in the twin: the cheapest plan by the formula that the simulation accepts as well.

Plans come in rising cost from the exact search. Each is simulated with the seeds of all others and judged as ``ctwin
run`` judges it, percentiles and shares above a limit included, which the formula only estimates. What the twin
rejects is cut off, and the next plan takes its turn. Where it rejects plan after plan for one busy resource, plans that
use that nearly as much are cut off unseen (:mod:`design.headroom`): the plan accepted is then the cheapest of those
that leave that headroom, and which headroom that is stands beside it. Where the verdict is open, replications are
added; each look at them takes its part of the risk. A plan that stays open is not accepted, nor one with a queue so
near saturation that the run was too short to see it settle.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from math import inf, isclose
from typing import Any, Literal

from design.evaluation import finite
from design.headroom import Headroom, Lessons
from design.plan_order import PlanOrder, RankedPlan
from design.rare_paths import RarePaths
from design.rules import Rules
from design.selection import Selection, select
from design.settling import unsettled
from twin.compilation import compile_network
from twin.errors import TwinError
from twin.experiment import Job, engine_for, replicate
from twin.measure import Measures
from twin.model.checks import require_sound
from twin.model.plan import Plan
from twin.model.scenario import Scenario
from twin.report import Report, report_from
from twin.verdict import Outcome

LOOKS = 3
"""Times that a verdict is looked at; the replications double from one to the next."""

SAME_COST = 1e-9
"""Relative difference below which two plans cost the same."""

End = Literal["confirmed", "exhausted", "limit", "time", "interrupted"]


@dataclass(frozen=True, kw_only=True)
class Trial:
    """One plan in the twin."""

    plan: Plan

    cost: float
    """Euro an hour by the formula."""

    verdict: Outcome

    reasons: tuple[str, ...]
    """Why it did not pass."""

    replications: int

    response_time: float | None
    """Mean of the application, seconds; None where it grows without bound."""

    p95: float | None

    cost_in_twin: float | None
    """Euro an hour."""

    busiest: tuple[str, float] | None
    """The resource with the highest utilisation."""

    rare_paths: tuple[str, ...] = ()
    """Limits on paths that too few requests took, judged by their components, see :mod:`design.rare_paths`."""

    constraints: tuple[dict[str, Any], ...] = field(default=(), repr=False)
    """The verdicts as the report has them."""

    def to_dict(self) -> dict[str, Any]:
        """Return the trial as JSON has it."""
        return asdict(self) | {"plan": self.plan.model_dump(mode="json")}


@dataclass(frozen=True, kw_only=True)
class Confirmation:
    """The cheapest plan that the twin accepts, and what was rejected on the way."""

    accepted: Trial | None

    passed: tuple[Trial, ...]
    """All that the twin accepts, the cheapest first."""

    rejected: tuple[Trial, ...]

    headroom: tuple[Headroom, ...]
    """Resources whose use was limited, so that plans were cut off unseen; with any, a cheaper plan that the twin would
    accept is not ruled out."""

    selection: Selection | None
    """How the accepted one was told from those that cost the same; None where there was nothing to choose."""

    simulations: int
    """Replications run."""

    end: End
    """``exhausted``: no further plan holds by the formula and leaves the headroom, proved; ``limit``: enough plans were
    tried."""

    seconds: float

    @property
    def plan(self) -> Plan | None:
        """The plan to take."""
        return self.accepted.plan if self.accepted else None

    @property
    def cost(self) -> float | None:
        """Euro an hour of that plan, by the formula."""
        return self.accepted.cost if self.accepted else None

    def to_dict(self) -> dict[str, Any]:
        """Return the confirmation as JSON has it."""
        chosen = None
        if self.selection is not None:
            chosen = asdict(self.selection) | {"margins": [finite(each) for each in self.selection.margins]}
        return {
            "end": self.end,
            "cost": self.cost,
            "accepted": self.accepted.to_dict() if self.accepted else None,
            "passed": [each.to_dict() for each in self.passed],
            "rejected": [each.to_dict() for each in self.rejected],
            "headroom": [asdict(each) for each in self.headroom],
            "selection": chosen,
            "simulations": self.simulations,
            "seconds": self.seconds,
        }


Progress = Callable[[Trial], None]
"""Told of every plan once it is judged."""


def confirm(
    scenario: Scenario,
    *,
    dialect: str | Rules = "twin",
    best_k: int = 3,
    most: int = 50,
    time_limit: float | None = None,
    one_type_per_layer: bool = True,
    engine: str = "auto",
    progress: Progress | None = None,
) -> Confirmation:
    """Return the cheapest plan by the formula of *dialect* that the twin accepts.

    The *best_k* cheapest plans are simulated, and then further ones until one passes. Among the cheapest that pass and
    cost the same, the one with the shortest mean response time is taken, see :mod:`design.selection`; others of that
    cost may exist beyond those tried.

    Args:
        scenario: What there is; ``scenario.run`` says how long a replication is, how many there are at first, and the
            confidence.
        dialect: Formulas and checks of the search.
        best_k: Plans to simulate at least.
        most: Plans to simulate at most.
        time_limit: Seconds for searching and simulating; the replication that runs then is finished.
        one_type_per_layer: As in :func:`design.optimise.optimise`.
        engine: ``simpy``, ``compiled`` or ``auto``, as in :func:`twin.experiment.simulate`.
        progress: Told of every plan.

    Raises:
        EngineError: The scenario holds what the search has no formula for, or what the engine cannot run.
        TwinError: An argument makes no sense.
    """
    if not 1 <= best_k <= most:
        raise TwinError(f"plans to simulate: at least 1 and at most {most}, got {best_k}; raise the limit, or ask less")
    require_sound(scenario)
    started = time.perf_counter()
    deadline = inf if time_limit is None else started + time_limit
    order = PlanOrder(scenario, dialect=dialect, time_limit=time_limit, one_type_per_layer=one_type_per_layer)
    benches: list[_Bench] = []
    lessons = Lessons()
    end: End = "limit"
    try:
        for bench in _benches(scenario, order, engine):
            bench.settle(deadline)
            benches.append(bench)
            if progress:
                progress(bench.trial)
            _learn(bench, lessons, order)
            if len(benches) >= best_k and any(each.passes for each in benches):
                break
            if len(benches) >= most or time.perf_counter() > deadline:
                break
        else:
            end = order.end or "exhausted"
        if time.perf_counter() > deadline:
            end = "time"
    except KeyboardInterrupt:
        end = "interrupted"
    return _confirmation(benches, tuple(lessons.learnt.values()), end, deadline, started)


def _learn(bench: _Bench, lessons: Lessons, order: PlanOrder) -> None:
    """Cut off what a rejection says more about than the plan itself, see :mod:`design.headroom`."""
    if not bench.passes and bench.ranked.busiest is not None:
        found = lessons.learn(*bench.ranked.busiest)
        if found is not None:
            order.allow(found.resource, found.most)


def _benches(scenario: Scenario, order: PlanOrder, engine: str) -> Iterator[_Bench]:
    for ranked in order:
        yield _Bench(scenario, ranked, engine, order.dialect)


def _confirmation(
    benches: list[_Bench], headroom: tuple[Headroom, ...], end: End, deadline: float, started: float
) -> Confirmation:
    passed = [bench for bench in benches if bench.passes]
    tied = [bench for bench in passed if isclose(bench.ranked.cost, passed[0].ranked.cost, rel_tol=SAME_COST)]
    selection = _choose(tied, deadline) if len(tied) > 1 else None
    chosen = tied[selection.best] if selection else (passed[0] if passed else None)
    return Confirmation(
        accepted=chosen.trial if chosen else None,
        passed=tuple(bench.trial for bench in passed),
        rejected=tuple(bench.trial for bench in benches if not bench.passes),
        headroom=headroom,
        selection=selection,
        simulations=sum(len(bench.measures) for bench in benches),
        end="confirmed" if chosen else end,
        seconds=time.perf_counter() - started,
    )


def _choose(tied: Sequence[_Bench], deadline: float) -> Selection:
    """Tell plans of one cost apart; replications are added until that succeeds, or there were enough."""
    for look in range(LOOKS):
        for bench in tied:
            bench.grow(look)
        selection = select([bench.means for bench in tied], tied[0].scenario.run.confidence, looks=LOOKS)
        if selection.confident or time.perf_counter() > deadline:
            break
    return selection


class _Bench:
    """One plan under test, and the replications run so far."""

    def __init__(self, scenario: Scenario, ranked: RankedPlan, engine: str, dialect: str | Rules) -> None:
        share = 1.0 - (1.0 - scenario.run.confidence) / LOOKS
        judged = scenario.run.model_copy(update={"confidence": share})
        self.scenario, self.ranked = scenario, ranked
        self.judging = scenario.model_copy(update={"run": judged})
        self.network = compile_network(scenario, ranked.plan)
        self.engine = engine_for(scenario, self.network, engine)
        self.first = max(scenario.run.replications, 2)
        self.measures: list[Measures] = []
        self.rare_paths = RarePaths(scenario, ranked.plan, dialect)

    def settle(self, deadline: float) -> None:
        """Run until the verdict is no longer open, or there were enough replications."""
        for look in range(LOOKS):
            self.grow(look)
            report = self._report()
            if report.verdict != "inconclusive" or time.perf_counter() > deadline:
                break
        doubts = tuple(unsettled(self.network, report.figures["horizon"])) if report.verdict == "pass" else ()
        trial = _trial(self.ranked, report, len(self.measures), doubts)
        self.trial = replace(trial, rare_paths=self.rare_paths.judged(self.measures)[1])

    @property
    def passes(self) -> bool:
        """Whether the twin accepts the plan."""
        return self.trial.verdict == "pass"

    @property
    def means(self) -> list[float]:
        """Mean response time of each replication, seconds."""
        return [each.response_time.mean for each in self.measures]

    def grow(self, look: int) -> None:
        """Run the replications that are missing at a look; the same number meets the same chance under any plan."""
        for i in range(len(self.measures), self.first * 2**look):
            job = Job(scenario=self.scenario, plan=self.ranked.plan, replication=i, engine=self.engine)
            self.measures.append(replicate(job))

    def _report(self) -> Report:
        measures, _ = self.rare_paths.judged(self.measures)
        return report_from(self.judging, self.ranked.plan, self.network, measures, engine=self.engine)


def _trial(ranked: RankedPlan, report: Report, replications: int, doubts: tuple[str, ...]) -> Trial:
    figures = report.document()
    used = {
        name: each.get("offered_load") or each["utilisation"]
        for name, each in figures["resources"].items()
        if each["utilisation"] is not None and each["nodes"]
    }
    busiest = max(used, key=lambda name: used[name], default=None)
    return Trial(
        plan=ranked.plan,
        cost=ranked.cost,
        verdict="inconclusive" if doubts else report.verdict,
        reasons=doubts or tuple(_reasons(figures)),
        replications=replications,
        response_time=figures["response_time"]["mean"],
        p95=figures["response_time"]["p95"],
        cost_in_twin=figures["cost_per_hour"],
        busiest=None if busiest is None else (busiest, used[busiest]),
        constraints=tuple(figures["constraints"]),
    )


def _reasons(figures: dict[str, Any]) -> Iterator[str]:
    """Say what breaks, and what stays open where nothing does."""
    yield from (each["message"] for each in figures["findings"])
    broken = [each for each in figures["constraints"] if each["satisfied"] is False]
    for each in broken or [each for each in figures["constraints"] if each["satisfied"] is None]:
        word = "breaks" if broken else "cannot tell"
        found = "no value" if each["value"] is None else f"{each['value']:.4g}"
        note = f" ({each['note']})" if each["note"] else ""
        yield f"{each['name']} {word}: {each['statistic']} {found}, limit {each['limit']:.4g}{note}"
