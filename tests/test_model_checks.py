"""Contradictions that only the whole scenario shows, beyond those that the files' own tests provoke."""

from __future__ import annotations

import numpy as np
import pytest

from tests.samples import sample_data
from twin.model.checks import scenario_problems
from twin.model.law import Law
from twin.model.scenario import Scenario


@pytest.mark.parametrize(("think_time", "count"), [(0, 1), (0.1, 0)])
def test_users_who_do_not_think_need_to_be_let_in(think_time: float, count: int) -> None:
    """Where requests may be turned away, a think time of 0 would never let time go on."""
    data = sample_data({"continuum": {"resources": {"Edge": {"queue_capacity": 0}}}})
    arrivals = {"process": "closed", "users": 3, "think_time": think_time}
    scenario = Scenario.model_validate({**data, "workload": {"sources": {"users": {"arrivals": arrivals}}}})
    assert sum("think" in problem.message for problem in scenario_problems(scenario)) == count


def test_a_law_that_was_used_equals_one_that_was_not() -> None:
    """Looking at a value does not change it."""
    used, unused = (Law(samples=(0.2, 0.1, 0.3)) for _ in range(2))
    assert used.expectation == pytest.approx(0.2)
    assert used.quantiles(np.array([0.0, 0.5, 0.99])).tolist() == [0.1, 0.2, 0.3]
    assert used == unused
