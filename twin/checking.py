"""Checks: scenarios run against what they expect, side by side; a broken one does not keep the others from it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from math import inf
from pathlib import Path
from time import perf_counter
from typing import Literal

from twin.compilation import compile_network
from twin.crew import Crew, cores
from twin.engines.choice import chosen_engine, make_ready
from twin.errors import ScenarioError, TwinError
from twin.expectations import Answer, answer
from twin.experiment import Progress, simulate
from twin.formats.reading import read_scenario
from twin.formats.scenario.layering import load_layers
from twin.model.scenario import Scenario
from twin.scenario_files import ScenarioFile, find_scenarios

Outcome = Literal["holds", "fails", "error", "skipped"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ScenarioCheck:
    """What became of one scenario file."""

    file: Path

    outcome: Outcome
    """``error``: it cannot be run, or asks for figures that do not exist; ``skipped``: it expects nothing."""

    scenario: str = ""
    """Name of the scenario, where the file could be read."""

    seed: int | None = None

    engine: str = ""
    """The engine that ran it, where it ran."""

    answers: tuple[Answer, ...] = ()
    """One for each expectation, in the order of the file."""

    error: str = ""
    """Why it could not be run."""

    seconds: float = 0.0
    """Seconds the check took: it says something of the machine and is no part of a report."""


Checked = Callable[[int, int, ScenarioCheck], None]
"""Called with the numbers of finished and of all scenarios, and the one that has just been finished."""


def check_scenarios(
    paths: Iterable[Path],
    *,
    jobs: int = 0,
    engine: str = "auto",
    checked: Checked | None = None,
    progress: Progress | None = None,
    announce: Callable[[str], None] | None = None,
) -> tuple[ScenarioCheck, ...]:
    """Run all scenarios below *paths* against their own ``expect``; the results are in the order of the files.

    Args:
        paths: Scenario files, and folders that hold some.
        jobs: Processes to use; 0: one for each core. A single scenario uses them for its replications.
        engine: ``simpy``, ``compiled``, or ``auto``: the compiled one wherever it covers a scenario, however short it
            runs; for scenarios are checked again and again.
        checked: Called after every scenario.
        progress: Called after every replication, where there is only one scenario.
        announce: Called with the reason if there is something to wait for before the first scenario.

    Raises:
        ScenarioError: There is nothing to check.
    """
    files = find_scenarios(paths)
    make_ready("simpy" if engine == "simpy" else "compiled", announce)
    if len(files) == 1:
        results = [(0, check_file(files[0], jobs=jobs, engine=engine, progress=progress))]
        _tell(checked, results[0][1], 1, 1)
    else:
        results = _side_by_side(files, jobs or cores(), engine, checked)
    checks = tuple(check for _, check in sorted(results, key=lambda result: result[0]))
    if all(check.outcome == "skipped" for check in checks):
        raise ScenarioError(f"nothing to check: none of {len(checks)} scenarios has an 'expect' block")
    return checks


def overall(checks: Sequence[ScenarioCheck]) -> Outcome:
    """Return the worst outcome: an error, before a failure."""
    outcomes = {check.outcome for check in checks}
    return "error" if "error" in outcomes else "fails" if "fails" in outcomes else "holds"


def _side_by_side(
    files: Sequence[ScenarioFile], jobs: int, engine: str, checked: Checked | None
) -> list[tuple[int, ScenarioCheck]]:
    results: list[tuple[int, ScenarioCheck]] = []
    if jobs < 2:
        for number, file in enumerate(files):
            results.append((number, check_file(file, engine=engine)))
            _tell(checked, results[-1][1], len(results), len(files))
        return results
    with Crew(min(jobs, len(files))) as crew:
        for number, result in crew.run(partial(check_file, jobs=1, engine=engine), files):
            if isinstance(result, Exception):  # its process died
                result = ScenarioCheck(file=files[number].path, outcome="error", error=str(result))
            results.append((number, result))
            _tell(checked, result, len(results), len(files))
    return results


def _tell(checked: Checked | None, check: ScenarioCheck, done: int, wanted: int) -> None:
    if checked:
        checked(done, wanted, check)


def check_file(
    file: ScenarioFile, *, jobs: int = 1, engine: str = "auto", progress: Progress | None = None
) -> ScenarioCheck:
    """Run one scenario file against what it expects; whatever goes wrong is part of the result."""
    start = perf_counter()
    try:
        scenario = read_scenario(file.path).scenario
        if not scenario.expect and not file.is_named:
            return ScenarioCheck(file=file.path, outcome="skipped", scenario=scenario.name)
        if not scenario.expect:
            raise ScenarioError("the scenario has no 'expect' block; add one, or try it with: ctwin run")
        taken, answers = _answers(scenario, file.path, jobs, engine, progress)
    except TwinError as error:
        message = str(error)
    except Exception as error:  # a fault of the program itself must not cost the results of the other scenarios
        message = f"internal error: {type(error).__name__}: {error}"
    else:
        return ScenarioCheck(
            file=file.path,
            outcome=_worst(answers),
            scenario=scenario.name,
            seed=scenario.run.seed,
            engine=taken,
            answers=answers,
            seconds=perf_counter() - start,
        )
    return ScenarioCheck(file=file.path, outcome="error", error=message, seconds=perf_counter() - start)


def _answers(
    scenario: Scenario, file: Path, jobs: int, engine: str, progress: Progress | None
) -> tuple[str, tuple[Answer, ...]]:
    document = simulate(scenario, jobs=jobs, engine=_engine(scenario, engine), progress=progress).document()
    place = load_layers(file).place
    places = [place.at(("expect", i)) for i in range(len(scenario.expect))]
    lines = [spot.line if spot.file == place.file else None for spot in places]
    answers = tuple(answer(each, document, line=line) for each, line in zip(scenario.expect, lines, strict=True))
    return str(document["engine"]), answers


def _engine(scenario: Scenario, choice: str) -> str:
    """Return the engine for *scenario*, be its run long or short."""
    if choice != "auto" or scenario.plan is None:
        return choice
    return chosen_engine(choice, compile_network(scenario, scenario.plan), scenario.events, visits=inf)


def _worst(answers: Sequence[Answer]) -> Outcome:
    statuses = {each.status for each in answers}
    return "error" if "error" in statuses else "fails" if "fails" in statuses else "holds"
