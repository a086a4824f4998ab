"""What a user can cause to go wrong.

TwinError
├── ScenarioError     the scenario cannot be read or contradicts itself
├── PlanError         the plan does not fit the scenario
├── ProfileError      a measured profile cannot be read or made
├── DesignError       annotated components, their models and the files beside them do not fit together
├── EngineError       the engine cannot run this scenario
├── PolicyError       a policy cannot be made, or fails while it decides
└── DriftError        a series cannot be watched for drift, or the settings do not fit it
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong, and where."""

    where: str
    """Path of keys in the file, such as ``continuum.resources.RaspPi.nodes``; may be empty."""

    message: str
    """Value and way out."""

    line: int | None = None
    """Line in the file, counted from 1, where it is known."""

    column: int | None = None

    def __str__(self) -> str:
        place = "" if self.line is None else f"line {self.line}: "
        return place + (f"{self.where}: {self.message}" if self.where else self.message)


class TwinError(Exception):
    """Base of every error a user can cause; carries all problems found at once."""

    def __init__(self, message: str, problems: Iterable[Problem] = ()) -> None:
        self.message = message
        self.problems = tuple(problems)
        super().__init__(message)

    def __str__(self) -> str:
        if not self.problems:
            return self.message
        lines = [f"  - {problem}" for problem in self.problems]
        count = len(self.problems)
        return "\n".join([f"{self.message}: {count} problem{'s' if count > 1 else ''}", *lines])


class ScenarioError(TwinError):
    """The scenario cannot be read or contradicts itself."""


class PlanError(TwinError):
    """The plan does not fit the scenario."""


class ProfileError(TwinError):
    """A profile of service times cannot be read or measured."""


class DesignError(TwinError):
    """The annotated components of an application, their models and the files beside them do not fit together."""


class EngineError(TwinError):
    """The chosen engine cannot run this scenario."""


class PolicyError(TwinError):
    """A policy cannot be made, or fails while it decides."""


class DriftError(TwinError):
    """A series cannot be watched for drift, or the settings do not fit it."""


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return ``"; did you mean 'x'?"`` for the closest of *known*, else the list of them."""
    names = sorted(set(known))
    close = get_close_matches(word, names, n=1, cutoff=0.6)
    if close:
        return f"; did you mean {close[0]!r}?"
    return f"; known: {', '.join(names[:12])}{', …' if len(names) > 12 else ''}" if names else ""
