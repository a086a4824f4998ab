"""One replication under one policy: what a worker process needs to run it, and what comes back."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from math import isfinite, nan
from pathlib import Path
from typing import Literal

from runtime.policies.loading import PolicyChoice, policy_choice
from twin.control import Policy
from twin.controlled_figures import figures_of
from twin.controlled_run import OnError, Refusal, Timeline
from twin.engines.choice import Engine
from twin.errors import PolicyError, TwinError
from twin.model.plan import Plan
from twin.model.scenario import Scenario
from twin.policy_run import PolicyJob, replicate_policy, swing_of
from twin.report import fingerprint
from twin.sweep.points import program_versions

ROWS = 1
"""Number of the form in which results are kept; another form makes other keys."""

SHOWN = 0
"""The replication whose course is kept, for the picture."""

_WHEN = re.compile(r"^policy .*? at \S+ s: ")
"""How a failure begins: two of one kind differ in it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """A replication under a policy, which goes by its words so that any process can make it."""

    scenario: Scenario
    plan: Plan
    words: str
    replication: int
    engine: Engine
    on_error: OnError
    time_limit: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Complaint:
    """One reason why answers were not carried out, or why decisions did not come."""

    kind: Literal["refused", "failed"]

    reason: str

    count: int

    time: float
    """Second of the first one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of a task."""

    figures: Mapping[str, float]
    """By name, as in ``twin.controlled_figures``; NaN where there is none."""

    complaints: tuple[Complaint, ...] = ()

    horizon: float = nan

    changes: tuple[float, ...] = ()
    """Seconds at which another plan came into force."""

    timeline: Timeline | None = None
    """The course, of the replication that is shown."""


def run_task(task: Task) -> Outcome:
    """Run *task*; called in a worker process."""
    choice = policy_choice(task.words)
    measures = replicate_policy(
        PolicyJob(
            scenario=task.scenario,
            plan=task.plan,
            policy=partial(made, choice, task.scenario, task.plan),
            replication=task.replication,
            engine=task.engine,
            on_error=task.on_error,
            time_limit=task.time_limit,
        )
    )
    return Outcome(
        figures=figures_of(measures, swing=swing_of(task.scenario)),
        complaints=(*_complaints("refused", measures.refused), *_complaints("failed", measures.policy_errors)),
        horizon=measures.horizon,
        changes=tuple(time for time, _ in measures.plans[1:]),
        timeline=measures.timeline if task.replication == SHOWN else None,
    )


def _complaints(kind: Literal["refused", "failed"], refusals: Sequence[Refusal]) -> Iterator[Complaint]:
    """Yield each reason once, with how often it was given and when first."""
    first: dict[str, float] = {}
    counts: Counter[str] = Counter()
    for each in refusals:
        reason = _WHEN.sub("", each.reason)
        counts[reason] += 1
        first.setdefault(reason, each.time)
    for reason, count in counts.items():
        yield Complaint(kind=kind, reason=reason, count=count, time=first[reason])


def made(choice: PolicyChoice, scenario: Scenario, plan: Plan) -> Policy:
    """Return a fresh policy; PolicyError where its own code fails to make one."""
    try:
        return choice.make(scenario, plan)
    except TwinError:
        raise
    except Exception as error:  # whatever a user's own code may raise
        text = f"policy {choice.name!r} cannot be made from scenario and plan: {type(error).__name__}: {error}"
        raise PolicyError(text) from error


def task_key(task: Task) -> str:
    """Return a fingerprint of everything that the outcome of *task* depends on."""
    run = {"replications", "precision", "precision_of", "max_replications", "calibration_draws", "confidence"}
    facts = {
        "scenario": task.scenario.model_dump_json(
            exclude={"name": True, "question": True, "expect": True, "plan": True, "run": run}
        ),
        "plan": task.plan.model_dump_json(exclude={"name"}),
        "policy": task.words,
        "code": _code(task.words),
        "replication": task.replication,
        "engine": task.engine,
        "on_error": task.on_error,
        "time_limit": task.time_limit,
        "versions": program_versions(),
        "rows": ROWS,
    }
    return fingerprint(json.dumps(facts, sort_keys=True))[:32]


def _code(words: str) -> str:
    """Return what a user's own file holds: another text is another policy."""
    file, colon, _ = words.split(",")[0].rpartition(":")
    return fingerprint(Path(file).read_text(encoding="utf-8")) if colon else ""


def to_json(key: str, outcome: Outcome) -> str:
    """Return *outcome* as it is kept in a file."""
    line = outcome.timeline
    kept = {
        "key": key,
        "figures": {name: value if isfinite(value) else None for name, value in outcome.figures.items()},
        "complaints": [asdict(each) for each in outcome.complaints],
        "horizon": outcome.horizon,
        "changes": outcome.changes,
        "timeline": line and {name: getattr(line, name) for name in Timeline.__slots__},
    }
    return json.dumps(kept, ensure_ascii=False, allow_nan=False, indent=1)


def outcome_from(text: str, key: str) -> Outcome | None:
    """Return the outcome that *text* keeps under *key*; None where it is cut off, or another one."""
    try:
        kept = json.loads(text)
        outcome = Outcome(
            figures={name: nan if value is None else float(value) for name, value in kept["figures"].items()},
            complaints=tuple(Complaint(**each) for each in kept["complaints"]),
            horizon=float(kept["horizon"]),
            changes=tuple(kept["changes"]),
            timeline=Timeline(**kept["timeline"]) if kept["timeline"] else None,
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
    return outcome if kept["key"] == key else None
