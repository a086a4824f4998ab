"""Contradictions that only the whole scenario shows, beyond those that the files' own tests provoke."""

from __future__ import annotations

import pytest

from tests.samples import sample_data
from twin.model.checks import scenario_problems
from twin.model.scenario import Scenario


@pytest.mark.parametrize(("think_time", "count"), [(0, 1), (0.1, 0)])
def test_users_who_do_not_think_need_to_be_let_in(think_time: float, count: int) -> None:
    """Where requests may be turned away, a think time of 0 would never let time go on."""
    data = sample_data({"continuum": {"resources": {"Edge": {"queue_capacity": 0}}}})
    arrivals = {"process": "closed", "users": 3, "think_time": think_time}
    scenario = Scenario.model_validate({**data, "workload": {"sources": {"users": {"arrivals": arrivals}}}})
    assert sum("think" in problem.message for problem in scenario_problems(scenario)) == count
