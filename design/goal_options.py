"""Options that say what a plan is to be best at, and what it may need of the rest."""

from __future__ import annotations

from collections.abc import Callable
from math import inf
from typing import Any, TypeVar

import click

from design.goals import Goal, Objective
from twin.commands.options import Rate

F = TypeVar("F", bound=Callable[..., Any])

_OPTIONS = (
    click.option("--budget", type=Rate(), metavar="EURO_PER_HOUR", help="The plan costs at most this."),
    click.option("--max-response-time", type=Rate(), metavar="SECONDS", help="It answers in this time on average."),
    click.option("--max-energy", type=Rate(), metavar="WATT", help="Its nodes and functions draw this on average."),
    click.option("--min-accuracy", type=Rate(), metavar="SHARE", help="Its components' accuracies multiply to this."),
)
"""Limits on what else can be an objective."""


def goal_limits(command: F) -> F:
    """Add the options of the limits to a command."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def goal_from(objective: Objective, target: str, stated: dict[str, float | None]) -> Goal:
    """Return the goal that options *stated*, by their names, make; they are taken out of the mapping."""
    budget, time = stated.pop("budget"), stated.pop("max_response_time")
    energy, accuracy = stated.pop("max_energy"), stated.pop("min_accuracy")
    return Goal(
        objective=objective,
        target=target,
        budget=inf if budget is None else budget,
        response_time=inf if time is None else time,
        energy=inf if energy is None else energy,
        accuracy=0.0 if accuracy is None else accuracy,
    )
