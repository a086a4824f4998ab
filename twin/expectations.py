"""What ``ctwin check`` asks of a report: find a figure by its name, and compare it with what is expected."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import isclose
from typing import Any, Literal

from twin.errors import Problem
from twin.figures import Figure, find_figure
from twin.model.scenario import Expectation

Status = Literal["holds", "fails", "error"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What became of one expectation."""

    figure: str

    asked: str
    """Such as ``below 0.5``."""

    status: Status
    """``error``: it asks for something that the report does not have."""

    found: float | str | bool | None = None

    ci: tuple[float, float] | None = None

    why: str = ""
    """Why it does not hold, where the figure alone does not say it."""

    line: int | None = None
    """Line of the scenario file."""

    @property
    def shown(self) -> str:
        """The figure as a person reads it."""
        if self.found is None:
            return "–"
        if isinstance(self.found, bool | str):
            return str(self.found).lower() if isinstance(self.found, bool) else self.found
        half = (self.ci[1] - self.ci[0]) / 2 if self.ci else 0.0
        return f"{self.found:.6g} ± {half:.2g}" if half else f"{self.found:.6g}"


def answer(expectation: Expectation, document: Mapping[str, Any], *, line: int | None = None) -> Answer:
    """Compare *expectation* with the report *document* (``Report.document()``)."""
    asked = asked_for(expectation)
    figure = find_figure(document, expectation.figure)
    if isinstance(figure, Problem):
        return Answer(figure=expectation.figure, asked=asked, status="error", why=figure.message, line=line)
    status, why = _compared(expectation, figure, document)
    return Answer(
        figure=expectation.figure,
        asked=asked,
        status=status,
        found=figure.value,
        ci=figure.ci,
        why=why,
        line=line,
    )


def asked_for(expectation: Expectation) -> str:
    """Return the bound in words."""
    if expectation.between is not None:
        bound = f"between {expectation.between[0]:g} and {expectation.between[1]:g}"
    elif expectation.below is not None:
        bound = f"below {expectation.below:g}"
    elif expectation.above is not None:
        bound = f"above {expectation.above:g}"
    else:
        value = expectation.equals
        bound = f"equals {str(value).lower() if isinstance(value, bool) else value}"
    return f"{bound}, with its whole interval" if expectation.confident else bound


def _compared(expectation: Expectation, figure: Figure, document: Mapping[str, Any]) -> tuple[Status, str]:
    value = figure.value
    if value is None:
        return "fails", _why_nothing(figure, document)
    if isinstance(value, bool | str):
        status, why = _equal(expectation, value)
        return status, why or (_blame(document) if status == "fails" and expectation.figure == "verdict" else "")
    if isinstance(expectation.equals, bool | str):
        return "error", f"is a number; {expectation.equals!r} cannot be asked of it"
    if not expectation.confident:
        return ("holds" if _lies_within(expectation, value, value) else "fails"), ""
    if figure.ci is None:
        only = document.get("replications") == 1
        return "fails", "it has no interval" + (": one replication gives none" if only else "")
    if _lies_within(expectation, *figure.ci):
        return "holds", ""
    is_near = _lies_within(expectation, value, value)
    return "fails", "the estimate does, but not its whole interval" if is_near else ""


def _equal(expectation: Expectation, value: bool | str) -> tuple[Status, str]:
    """Compare words: of those only ``equals`` can be asked."""
    shown = repr(value) if isinstance(value, str) else str(value).lower()
    if expectation.equals is None or type(expectation.equals) is not type(value):
        kind = "text" if isinstance(value, str) else "true or false"
        return "error", f"is {kind} ({shown}), not a number; ask what it 'equals'"
    if expectation.confident:
        return "error", f"is {shown} and has no interval; leave out 'confident'"
    return ("holds" if expectation.equals == value else "fails"), ""


def _lies_within(expectation: Expectation, low: float, high: float) -> bool:
    if expectation.below is not None:
        return high < expectation.below
    if expectation.above is not None:
        return low > expectation.above
    if expectation.between is not None:
        return expectation.between[0] <= low and high <= expectation.between[1]
    assert isinstance(expectation.equals, float | int)
    return all(isclose(bound, expectation.equals, rel_tol=1e-9, abs_tol=1e-12) for bound in (low, high))


def _blame(document: Mapping[str, Any]) -> str:
    """Say what the verdict on the plan rests on."""
    words = {False: "breaks", None: "cannot be told"}
    doubtful = [each for each in document.get("constraints", ()) if each["satisfied"] is not True]
    limits = [f"{each['name']} {words[each['satisfied']]}" for each in doubtful]
    return "; ".join([*_messages(document), *limits])


def _messages(document: Mapping[str, Any]) -> list[str]:
    return [finding["message"] for finding in document.get("findings", ())]


def _why_nothing(figure: Figure, document: Mapping[str, Any]) -> str:
    """Say why a figure has no value."""
    if figure.note:
        return f"it has no value: {figure.note}"
    return f"it has no value: {'; '.join(_messages(document)) or 'nothing was observed'}"
