"""One replication under a policy: run to the next epoch, look, ask, bring the answer about, go on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Literal

from twin.actuation import Actuator, Rent
from twin.asking import Asked
from twin.control import Observation, Policy
from twin.engines.controlled import Census, ControlledEngine
from twin.engines.trajectory import Trajectory
from twin.errors import PolicyError
from twin.model.plan import Plan
from twin.model.scenario import Scenario
from twin.monitoring import Monitor
from twin.network import Network, NodePool
from twin.universe import Universe

OnError = Literal["stop", "count"]
"""What a policy that fails does to the run: end it with an error, or be counted while the plan stays as it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """An answer that was not carried out, or a decision that did not come."""

    time: float

    reason: str


@dataclass(slots=True, kw_only=True)
class Timeline:
    """The course of a replication as columns, one entry for each decision."""

    time: list[float] = field(default_factory=list)
    plan: list[str] = field(default_factory=list)
    """Name of the plan in force when the policy was asked."""
    nodes: dict[str, list[int]] = field(default_factory=dict)
    """Resource → nodes paid."""
    arrival_rate: list[float] = field(default_factory=list)
    response_time: list[float | None] = field(default_factory=list)
    """Mean over the window, as measured; None: no request ended."""
    unfinished: list[int] = field(default_factory=list)
    alarms: list[tuple[str, ...]] = field(default_factory=list)
    decision: list[str] = field(default_factory=list)
    """``none``, ``ordered``, ``unchanged``, ``cancelled``, ``refused`` or ``failed``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """What a controlled replication leaves behind."""

    network: Network
    trajectory: Trajectory
    rents: tuple[Rent, ...]
    census: Census
    """At the end."""
    reconfigurations: int
    refused: tuple[Refusal, ...]
    policy_errors: tuple[Refusal, ...]
    failed_actuations: int
    broken: dict[str, tuple[bool, ...]]
    """Constraint → window by window, whether it was broken."""
    timeline: Timeline
    plans: tuple[tuple[float, Plan], ...]
    """Second from which on, and plan in force."""


class ControlledReplication:
    """The loop."""

    def __init__(
        self,
        scenario: Scenario,
        plan: Plan,
        policy: Policy,
        engine: ControlledEngine,
        universe: Universe,
        *,
        seed: int,
        replication: int = 0,
        on_error: OnError = "stop",
        time_limit: float | None = None,
    ) -> None:
        self.scenario = scenario
        self.rules = scenario.reconfiguration
        self.engine = engine
        self.universe = universe
        self.asked = Asked(policy, time_limit=time_limit)
        self.on_error = on_error
        self.actuator = Actuator(scenario, plan, seed=seed, replication=replication)
        self.monitor = Monitor(universe, engine, plan, seed=seed, replication=replication)
        self.seats = universe.seats(plan)
        self.network = universe.network(plan, self.seats)
        self._first_node = dict(_first_nodes(universe))
        self.timeline = Timeline(nodes={name: [] for name in self._first_node})
        self.refused: list[Refusal] = []
        self.policy_errors: list[Refusal] = []
        self.plans = [(0.0, plan)]
        self._seen: dict[int, Observation] = {}

    def course(self) -> Course:
        """Run to the end."""
        try:
            self._run()
        finally:
            self.asked.close()
        return self._left_behind()

    def _run(self) -> None:
        looks, decisions = 1, 1
        while not self.engine.over:
            look, decision = looks * self.rules.period - self.rules.monitor.delay, decisions * self.rules.period
            if look <= 0:
                looks += 1
                continue
            now = min(look, decision, self.actuator.due)
            self.engine.advance(now)
            if self.engine.over:
                break
            if self.actuator.due <= now:
                self._progress(now)
            if look <= now:
                self._seen[looks] = self.monitor.look(self.actuator.in_force)
                looks += 1
            if decision <= now:
                self._decide(decisions, now)
                decisions += 1

    def _decide(self, epoch: int, now: float) -> None:
        """Show the policy what was seen, and begin to bring about what it answers."""
        observation = self._seen.pop(epoch, None)
        if observation is None:
            return  # nothing has been measured yet
        pending = self.actuator.pending
        observation = replace(observation, plan=self.actuator.in_force, pending=pending)
        decision = "failed"
        paid = self._paid()
        try:
            answer = self.asked.answer(observation)
        except PolicyError as error:
            if self.on_error == "stop":
                raise
            self.policy_errors.append(Refusal(time=now, reason=error.message))
        else:
            decision = "none" if answer is None else self._order(answer, now)
        self._note(observation, now, paid, decision)
        if decision in ("ordered", "cancelled"):
            self._progress(now)

    def _order(self, plan: Plan, now: float) -> str:
        problems = self.actuator.problems(plan)
        if problems:
            self.refused.append(Refusal(time=now, reason="; ".join(map(str, problems))))
            return "refused"
        return self.actuator.order(plan, now, self._is_occupied)

    def _progress(self, now: float) -> None:
        """Let the plan that is ready come into force."""
        if not self.actuator.progress(now):
            return
        plan = self.actuator.in_force
        self.seats = self.universe.seats(plan, self.seats)
        self.network = self.universe.network(plan, self.seats)
        self.monitor.change(plan)
        self.engine.switch(self.network, kill=self.rules.removal == "kill")
        self.plans.append((now, plan))

    # -- nodes --------------------------------------------------------------------------------------------------

    def _is_occupied(self, resource: str, node: int) -> bool:
        return bool(self.engine.census().node_present[self._first_node[resource] + node] > 0)

    def _paid(self) -> dict[str, int]:
        """Return how many nodes of each resource are paid now: ordered, wanted, or not empty yet."""
        rented, present = self.actuator.rented(), self.engine.census().node_present.tolist()
        counts = {}
        for pool in self.universe.stations.values():
            if isinstance(pool, NodePool):
                first = self._first_node[pool.name]
                counts[pool.name] = sum((pool.name, i) in rented or bool(present[first + i]) for i in range(pool.nodes))
        return counts

    def _note(self, observation: Observation, now: float, paid: dict[str, int], decision: str) -> None:
        line = self.timeline
        line.time.append(now)
        line.plan.append(observation.plan.name)
        for name, count in paid.items():
            line.nodes[name].append(count)
        line.arrival_rate.append(sum(observation.arrival_rates.values()))
        line.response_time.append(observation.response_time.mean)
        line.unfinished.append(observation.unfinished)
        line.alarms.append(tuple(alarm.constraint for alarm in observation.alarms))
        line.decision.append(decision)

    def _left_behind(self) -> Course:
        trajectory = self.engine.finished()
        return Course(
            network=self.network,
            trajectory=trajectory,
            rents=tuple(self.actuator.rents(trajectory.horizon)),
            census=self.engine.census(),
            reconfigurations=self.actuator.done,
            refused=tuple(self.refused),
            policy_errors=tuple(self.policy_errors),
            failed_actuations=self.actuator.failed,
            broken={name: tuple(values) for name, values in self.monitor.broken.items()},
            timeline=self.timeline,
            plans=tuple(self.plans),
        )


def _first_nodes(universe: Universe) -> Iterator[tuple[str, int]]:
    """Yield each resource with the number of its first node."""
    first = 0
    for pool in universe.stations.values():
        if isinstance(pool, NodePool):
            yield pool.name, first
            first += pool.nodes
