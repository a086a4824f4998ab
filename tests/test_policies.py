"""Policies decide as they say, and whoever names a wrong one hears why."""

from __future__ import annotations

from pathlib import Path

import pytest

from runtime.policies.loading import policy_choice
from runtime.policies.threshold import Threshold
from twin.control import Alarm, Observation, Policy, ResourceSeen, Times
from twin.errors import PolicyError
from twin.formats.reading import load_scenario
from twin.model.plan import Plan
from twin.model.scenario import Scenario

SCENARIO = Path(__file__).resolve().parents[1] / "scenarios" / "mask-detection" / "scenario.yaml"


@pytest.fixture(scope="module")
def scenario() -> Scenario:
    """Two resources: three Raspberry Pis at most, and four virtual machines."""
    return load_scenario(SCENARIO)


def plan_of(pis: int, machines: int) -> Plan:
    """Return the plan of the scenario with so many nodes."""
    plan = Plan.model_validate({"placements": {"blur": "RaspPi", "detect": "VM"}})
    return plan.with_nodes("RaspPi", pis).with_nodes("VM", machines)


def seen(plan: Plan, *, time: float = 0.0, alarms: tuple[Alarm, ...] = (), **utilisations: float | None) -> Observation:
    """Return an observation of these utilisations."""
    return Observation(
        time=time,
        window=60.0,
        plan=plan,
        arrival_rates={"cameras": 10.0},
        throughput=10.0,
        response_time=Times(count=0),
        components={},
        partitions={},
        paths={},
        resources={
            name: ResourceSeen(nodes=plan.nodes(name), down=0, utilisation=value, present=0)
            for name, value in utilisations.items()
        },
        bandwidths={},
        alarms=alarms,
    )


def test_static_never_moves(scenario: Scenario) -> None:
    """Whatever it sees, the plan stays."""
    policy = policy_choice("static").make(scenario, plan_of(2, 1))
    assert policy.decide(seen(plan_of(2, 1), RaspPi=0.99, VM=0.99)) is None


def test_threshold_adds_where_it_is_busy(scenario: Scenario) -> None:
    """One node more on the busy resource, none on the other."""
    found = Threshold(scenario, plan_of(2, 1)).decide(seen(plan_of(2, 1), RaspPi=0.9, VM=0.5))
    assert found == plan_of(3, 1)


def test_threshold_stops_at_the_last_node(scenario: Scenario) -> None:
    """What is not there cannot be added."""
    assert Threshold(scenario, plan_of(3, 4)).decide(seen(plan_of(3, 4), RaspPi=0.9, VM=0.9)) is None


def test_threshold_removes_after_the_cool_down(scenario: Scenario) -> None:
    """A node that has just been added stays for the cool-down, and the last one for ever."""
    policy = Threshold(scenario, plan_of(2, 1), cool_down=100)
    assert policy.decide(seen(plan_of(2, 1), time=0, RaspPi=0.9, VM=0.1)) == plan_of(3, 1)
    assert policy.decide(seen(plan_of(3, 1), time=60, RaspPi=0.1, VM=0.1)) is None
    assert policy.decide(seen(plan_of(3, 1), time=120, RaspPi=0.1, VM=0.1)) == plan_of(2, 1)


def test_threshold_does_not_swing(scenario: Scenario) -> None:
    """A node whose work would bring the others above the threshold stays."""
    policy = Threshold(scenario, plan_of(2, 1), high=0.5, low=0.3)
    assert policy.decide(seen(plan_of(2, 1), RaspPi=0.29, VM=0.4)) is None


def test_threshold_follows_an_alarm(scenario: Scenario) -> None:
    """An alarm on a component adds a node where that component runs, however idle it looks."""
    alarm = Alarm(constraint="local: detect", kind="local", target="detect", value=0.5, limit=0.4, since=0.0)
    found = Threshold(scenario, plan_of(2, 1)).decide(seen(plan_of(2, 1), alarms=(alarm,), RaspPi=0.6, VM=0.5))
    assert found == plan_of(2, 2)


def test_threshold_waits_for_figures(scenario: Scenario) -> None:
    """A monitor without data, and a change on its way, are no reasons to act."""
    policy = Threshold(scenario, plan_of(2, 1))
    assert policy.decide(seen(plan_of(2, 1), RaspPi=None)) is None


OWN = """
class Night:
    def __init__(self, scenario, plan, *, nodes=1):
        self.nodes = nodes

    def decide(self, seen):
        return seen.plan.with_nodes("VM", self.nodes) if seen.time > 100 else None

class Mute:
    pass
"""


def test_a_policy_of_ones_own(scenario: Scenario, tmp_path: Path) -> None:
    """A class in a file of the user is a policy, options included."""
    (tmp_path / "mine.py").write_text(OWN)
    policy = policy_choice(f"{tmp_path / 'mine.py'}:Night,nodes=3").make(scenario, plan_of(2, 1))
    assert isinstance(policy, Policy)
    assert policy.decide(seen(plan_of(2, 1), time=50)) is None
    assert policy.decide(seen(plan_of(2, 1), time=150)) == plan_of(2, 3)


@pytest.mark.parametrize(
    ("words", "answer"),
    [
        ("treshold", "did you mean 'threshold'"),
        ("threshold,hihg=0.9", "did you mean 'high'"),
        ("threshold,high", "has no option 'high'"),
        ("absent.py:Night", "no file 'absent.py'"),
        ("{folder}/mine.py:Nigth", "did you mean 'Night'"),
        ("{folder}/mine.py:Mute", "no method decide"),
        ("{folder}/broken.py:Night", "fails while it is read"),
    ],
)
def test_wrong_policies_are_named(words: str, answer: str, tmp_path: Path) -> None:
    """Each wrong name gets one sentence with a way out."""
    (tmp_path / "mine.py").write_text(OWN)
    (tmp_path / "broken.py").write_text("raise RuntimeError('no')")
    with pytest.raises(PolicyError, match=answer):
        policy_choice(words.format(folder=tmp_path))


def test_thresholds_must_fit(scenario: Scenario) -> None:
    """A low threshold above the high one is refused."""
    with pytest.raises(PolicyError, match="low < high"):
        policy_choice("threshold,low=0.9").make(scenario, plan_of(2, 1))
