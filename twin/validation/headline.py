"""The short table of the README: the best-known oracles, taken from the page of all cases."""

from __future__ import annotations

import re
from pathlib import Path

from twin.errors import TwinError
from twin.files import write_text

BEGIN, END = "<!-- validation: begin -->", "<!-- validation: end -->"

HEADLINES = (
    "M/M/1 response time",
    "M/M/4 response time",
    "M/D/1 response time",
    "M/G/1 response time, gamma with cv 1.5",
    "M/G/1-PS response time, lognormal with cv 2",
    "M/M/2/5 blocking",
    "M/G/5/5 loss, lognormal with cv 1.5",
    "tandem of three M/M/1",
    "Jackson network with feedback",
    "closed network, 10 users: response time",
    "fork-join of two M/M/1",
    "piecewise Poisson arrivals from 10 s to 15 s of each period",
    "shared link: response time",
    "function of one instance that queues: cold starts",
    "M/D/1 whose server fails, work repeated: response time",
)


def headline(page: str) -> str:
    """Return the short table, its rows as they stand in *page*."""
    rows = {cells[0]: cells for cells in map(_cells, page.splitlines()) if len(cells) > 4}
    lines = ["| | theory | simulated, 99 % interval | formula |", "| --- | ---: | ---: | --- |"]
    for name in HEADLINES:
        _, theory, simulated, _, formula, *_ = rows[name]
        lines.append(f"| {name} | {theory} | {simulated} | {formula} |")
    return "\n".join(lines)


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]


def update_readme(readme: Path, page: str) -> None:
    """Put the short table between the marks of *readme*.

    Raises:
        TwinError: The marks are missing.
    """
    text = readme.read_text(encoding="utf-8")
    if BEGIN not in text or END not in text:
        raise TwinError(f"{readme} has no place for the table; write {BEGIN} and {END} where it shall stand")
    before, rest = text.split(BEGIN, 1)
    after = rest.split(END, 1)[1]
    write_text(readme, f"{before}{BEGIN}\n{headline(page)}\n{END}{after}")
