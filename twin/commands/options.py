"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any, TypeVar

import click

from twin.model.scenario import Run, Scenario

Command = TypeVar("Command", bound=Callable[..., object])


class Percentage(click.ParamType[float]):
    """A share given as ``2%`` or ``0.02``."""

    name = "percentage"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Return the share as a number."""
        text = str(value).strip()
        try:
            share = float(text.rstrip("%")) / (100 if text.endswith("%") else 1)
        except ValueError:
            share = -1.0
        if not 0 < share < 1:
            self.fail(f"expected a share such as 2% or 0.02, got {value!r}", param, ctx)
        return share


class Range(click.ParamType[tuple[float, float] | str]):
    """Two positive numbers, ``LOW:HIGH``, or one of a few words."""

    def __init__(self, *words: str) -> None:
        self.words = words
        self.name = "|".join(("low:high", *words))

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[float, float] | str:
        """Return the two ends, or the word."""
        if value in self.words:
            return str(value)
        try:
            low, high = (float(part) for part in str(value).split(":"))
        except ValueError:
            low, high = 0.0, -1.0
        if not 0 < low <= high < float("inf"):
            ways = " or ".join(("LOW:HIGH with 0 < LOW <= HIGH", *self.words))
            self.fail(f"expected {ways}, got {value!r}", param, ctx)
        return low, high


class WarmUp(click.ParamType[float | str]):
    """Seconds, ``auto`` or ``none``."""

    name = "seconds|auto|none"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float | str:
        """Return seconds or one of the words."""
        if value in ("auto", "none"):
            return str(value)
        try:
            seconds = float(value)
        except ValueError:
            seconds = -1.0
        if not 0 <= seconds < float("inf"):
            self.fail(f"expected seconds, auto or none, got {value!r}", param, ctx)
        return seconds


class Rate(click.ParamType[float]):
    """A positive, finite number."""

    name = "number"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Return the number."""
        try:
            number = float(value)
        except ValueError:
            number = -1.0
        if not 0 < number < float("inf"):
            self.fail(f"expected a positive number, got {value!r}", param, ctx)
        return number


PATH = click.Path(path_type=Path)


def scenario_options(*, engine: str, without: Collection[str] = ()) -> Callable[[Command], Command]:
    """Return the decorator that adds the options of every command that runs a scenario.

    *engine* is the usual one; *without* names what does not concern the command, and ``theory``.
    """
    engines = [each for each in ("auto", "simpy", "compiled", "theory") if each not in without]
    meanings = {
        "simpy": "events in Python",
        "compiled": "machine code",
        "auto": "that for long runs",
        "theory": "closed forms",
    }
    means = "; ".join(f"{name}: {meaning}" for name, meaning in meanings.items() if name in engines)
    options = {
        "engine": click.option(
            "--engine", type=click.Choice(engines), default=engine, show_default=True, help=f"{means}."
        ),
        "arrival_rate": click.option("--arrival-rate", type=Rate(), help="Requests/s of all sources together."),
        "requests": click.option("--requests", type=click.IntRange(min=1), help="Arrivals per replication."),
        "horizon": click.option(
            "--horizon", type=Rate(), help="Simulated seconds per replication, instead of --requests."
        ),
        "replications": click.option(
            "--replications", type=click.IntRange(1, 100_000), help="Independent repetitions."
        ),
        "precision": click.option(
            "--precision",
            type=Percentage(),
            help="Add replications until the mean response time, or --precision-of, is known to ± this.",
        ),
        "precision_of": click.option(
            "--precision-of",
            metavar="FIGURE",
            help="Figure by its name in the report, such as constraints.NAME.violation_probability.",
        ),
        "calibration_draws": click.option(
            "--calibration-draws",
            type=click.IntRange(0, 100_000),
            metavar="N",
            help="Also ask, by N more replications, what the profiles leave open: samples, guessed speeds.",
        ),
        "warm_up": click.option("--warm-up", type=WarmUp(), help="What to leave out at the start."),
        "seed": click.option(
            "--seed", type=click.IntRange(min=0), help="Equal seeds give equal reports: the same chance."
        ),
        "discipline": click.option("--discipline", type=click.Choice(["ps", "fifo"]), help="Discipline of all nodes."),
        "override": click.option("--override", help="Named overrides of the scenario file, separated by commas."),
        "dialect": click.option(
            "--dialect", default="auto", show_default=True, help="How to read files of other tools."
        ),
        "profiles": click.option(
            "--profiles",
            type=PATH,
            multiple=True,
            help="Service times for an AI-SPRINT folder: a YAML file, or a profile of ctwin calibrate; repeatable.",
        ),
    }

    def decorate(command: Command) -> Command:
        for name, option in reversed(options.items()):
            command = command if name in without else option(command)
        return command

    return decorate


def require_one_length(settings: Mapping[str, object]) -> None:
    """Refuse a length given twice, and a figure to be precise about without a precision."""
    if settings["requests"] is not None and settings["horizon"] is not None:
        raise click.UsageError("give --requests or --horizon, not both")
    if settings.get("precision_of") is not None and settings["precision"] is None:
        raise click.UsageError("--precision-of needs --precision SHARE")


def changed(scenario: Scenario, **settings: object) -> Scenario:
    """Return *scenario* with those settings of its run that are not None; a new length replaces the old one."""
    given = {key: value for key, value in settings.items() if value is not None}
    run = scenario.run.model_dump()
    if "requests" in given or "horizon" in given:
        run |= {"requests": None, "horizon": None}
    discipline = given.get("discipline")
    scenario = scenario.model_copy(update={"run": Run.model_validate(run | given)})
    return _with_one_discipline(scenario) if discipline else scenario


def _with_one_discipline(scenario: Scenario) -> Scenario:
    """Let every node follow the run's discipline, whatever the resource says."""
    resources = {
        name: resource.model_copy(update={"discipline": None})
        for name, resource in scenario.continuum.resources.items()
    }
    continuum = scenario.continuum.model_copy(update={"resources": resources})
    return scenario.model_copy(update={"continuum": continuum})
