"""Results of checks as Markdown, for the summary of a CI run or a pull request, and as one JSON document."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

from twin.checking import ScenarioCheck, overall
from twin.expectations import Answer

MARKS = {"holds": "✅ yes", "fails": "❌ no", "error": "⚠️ error", "skipped": "– skipped"}


def to_markdown(checks: Sequence[ScenarioCheck]) -> str:
    """Return a heading and a table as GitHub renders them."""
    rows = [row for check in checks for row in _rows(check)]
    return "\n".join(
        [
            f"## Scenarios: {_counts(checks)}",
            "",
            "| scenario | expectation | found | holds |",
            "| --- | --- | --- | --- |",
            *(f"| {' | '.join(row)} |" for row in rows),
            "",
        ]
    )


def to_json(checks: Sequence[ScenarioCheck]) -> str:
    """Return the results as one JSON document; equal results give equal text."""
    document = {
        "outcome": overall(checks),
        "scenarios": [
            {
                "file": check.file.as_posix(),
                "scenario": check.scenario or None,
                "outcome": check.outcome,
                "seed": check.seed,
                "engine": check.engine or None,
                "error": check.error or None,
                "expectations": [_expectation(answer) for answer in check.answers],
            }
            for check in checks
        ],
    }
    return json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False)


def counts(checks: Sequence[ScenarioCheck]) -> dict[str, int]:
    """Return how many scenarios there are of each outcome that occurs."""
    numbers = {outcome: sum(check.outcome == outcome for check in checks) for outcome in MARKS}
    return {outcome: number for outcome, number in numbers.items() if number}


def _counts(checks: Sequence[ScenarioCheck]) -> str:
    words = {"holds": "hold", "fails": "fail", "error": "with errors", "skipped": "skipped"}
    return ", ".join(f"{number} {words[outcome]}" for outcome, number in counts(checks).items())


def _expectation(answer: Answer) -> dict[str, Any]:
    return {
        "figure": answer.figure,
        "line": answer.line,
        "asked": answer.asked,
        "outcome": answer.status,
        "found": answer.found,
        "ci": list(answer.ci) if answer.ci else None,
        "why": answer.why or None,
    }


def _rows(check: ScenarioCheck) -> list[tuple[str, ...]]:
    name = escaped(check.scenario or check.file.as_posix())
    if check.outcome == "skipped":
        return [(name, "nothing expected", "", MARKS["skipped"])]
    if check.error:
        return [(name, "it runs", escaped(check.error), MARKS["error"])]
    return [
        (
            name,
            f"{code(answer.figure)} {escaped(answer.asked)}",
            escaped(answer.shown if answer.status != "error" else "") + _remark(answer),
            MARKS[answer.status],
        )
        for answer in check.answers
    ]


def _remark(answer: Answer) -> str:
    return f" ({escaped(answer.why)})" if answer.why else ""


def escaped(text: str) -> str:
    """Return *text* so that Markdown shows it as it is, within one cell of a table."""
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    text = re.sub(r"([\\`*_{}\[\]|~$#])", r"\\\1", text)
    return re.sub(r"\s*\n\s*", "<br>", text.strip())


def code(text: str) -> str:
    """Return *text* as code within a cell of a table."""
    text = " ".join(text.split()).replace("|", r"\|")
    ticks = "`" * (1 + max((len(run) for run in re.findall("`+", text)), default=0))
    return f"{ticks} {text} {ticks}" if "`" in text else f"`{text}`"
