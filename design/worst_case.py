"""Several worlds as one search problem: each load, service time, delay and bill as high as in any of them.

Whatever holds there holds in each of the worlds, for utilisations grow with loads and service times, and response
times with utilisations, service times and delays. With a single world that is all there is to it; with several, a plan
may hold in each and yet not where all are at their worst at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from design.problem import Problem, Row


def worst_of(problems: Sequence[Problem]) -> Problem:
    """Return the problem whose figures are the highest of all *problems*, which differ in their figures alone."""
    first, *others = problems
    if not others:
        return first
    choices = first.choices
    for other in others:
        choices = choices._replace(
            delay=np.maximum(choices.delay, other.choices.delay),
            cost=np.maximum(choices.cost, other.choices.cost),
            rate=np.maximum(choices.rate, other.choices.rate),
            variance=np.maximum(choices.variance, other.choices.variance),
        )
    demand = np.maximum.reduce([each.demand for each in problems])
    square = np.maximum.reduce([each.square for each in problems])
    rows = tuple(_worst_row(rows) for rows in zip(*(each.rows for each in problems), strict=True))
    return replace(first, choices=choices, demand=demand, square=square, rows=rows)


def _worst_row(rows: Sequence[Row]) -> Row:
    pattern = np.maximum.reduce([each.pattern for each in rows])
    part = np.maximum.reduce([each.part for each in rows])
    return replace(rows[0], pattern=pattern, part=part)
