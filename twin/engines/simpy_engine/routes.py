"""Steps and stages with their chance beside them: what the simulation looks up for every request."""

from __future__ import annotations

from typing import Any

from twin.engines.micro_units import micro_units
from twin.engines.simpy_engine.draws import Column
from twin.engines.simpy_engine.nodes import Done
from twin.engines.simpy_engine.token import Token
from twin.network import Hop, Network, Stage, Step


class StageRoute:
    """A stage of the network while it runs."""

    def __init__(self, index: int, stage: Stage, network: Network, seed: int, replication: int) -> None:
        self.index = index
        self.several_steps = len(stage.steps) > 1
        self.exclusive = stage.exclusive
        self.joins = index in network.waiting_stages
        self.entered_paths = network.path_places[index]
        self.final_paths = network.final_paths[index]
        self.is_plain = not self.several_steps and not self.final_paths
        """Whether nothing but the visit is recorded when a request leaves."""
        targets = [
            network.stages[network.steps[send.step].component].name for send in network.steps[stage.steps[0]].sends
        ]
        certain = all(
            len(step.sends) == 1 and step.sends[0].probability >= 1 for step in (network.steps[i] for i in stage.steps)
        )
        if stage.exclusive:
            self.coins = [] if certain or not targets else [Column(seed, replication, f"branch/{stage.name}")]
        else:
            self.coins = [Column(seed, replication, f"branch/{stage.name}/{target}") for target in targets]


class StepRoute:
    """A step of the network while it runs."""

    def __init__(self, index: int, step: Step, network: Network, seed: int, replication: int) -> None:
        self.index = index
        self.name = step.name
        self.counter = index
        """Where the visits to its partition are counted, on whichever host it runs."""
        self.computing_units = step.computing_units
        self.micro_units = micro_units(step.computing_units)
        self.exit_probability = step.exit_probability
        self.last = step.next_step is None
        self.services = Column(seed, replication, f"service/{step.name}", step.service_time)
        exits = 0 < step.exit_probability < 1
        self.exits = Column(seed, replication, f"exit/{step.name}") if exits else None
        pool = network.stations[step.station]
        tosses = getattr(pool, "nodes", 1) > 1 and getattr(pool, "dispatch", "") == "random"
        self.dispatch = Column(seed, replication, f"dispatch/{step.name}") if tosses else None
        self._cold_service = step.cold_service_time
        self._cold = Column(seed, replication, f"cold/{step.name}", step.cold_start) if step.cold_start else None
        if step.cold_service_time:
            self._cold = Column(seed, replication, f"service/{step.name}", step.cold_service_time)
        self.stage: StageRoute
        self.pool: Any = None
        self.accept: Done
        self.first = index in network.stages[step.component].first_steps
        """Whether a component begins here."""
        self.replicas = 1
        self.next: StepRoute | None = None
        self.next_hop: Hop | None = None
        self.sends: list[tuple[float, StepRoute, Hop | None]] = []
        self.forward = self
        """The step that takes its requests, if it takes them no more itself."""
        self.retired = False
        """Whether what has begun here is finished here, another deployment being in force."""

    def cold(self, token: Token) -> float:
        """Return the whole service time of *token* on a fresh instance, its warm service time being set."""
        if self._cold is None:
            return token.service
        seconds = self._cold.single(token.request, token.visit)
        return seconds if self._cold_service else seconds + token.service

    @property
    def columns(self) -> list[Column]:
        """The streams read for every request."""
        dispatch = self.dispatch if self.replicas > 1 else None
        return [column for column in (self.services, self.exits, dispatch) if column is not None]


def lay_routes(network: Network, seed: int, replication: int) -> list[StepRoute]:
    """Return the steps of *network*, connected."""
    stages = [StageRoute(i, stage, network, seed, replication) for i, stage in enumerate(network.stages)]
    routes = [StepRoute(i, step, network, seed, replication) for i, step in enumerate(network.steps)]
    counters: dict[str, int] = {}
    for route, step in zip(routes, network.steps, strict=True):
        route.stage = stages[step.component]
        route.counter = counters.setdefault(step.name, route.index)
    wire(routes, network)
    return routes


def wire(routes: list[StepRoute], network: Network) -> None:
    """Give *routes* the ways of *network*, a network of the universe for which they were laid."""
    for route, step in zip(routes, network.steps, strict=True):
        route.replicas = step.replicas
        route.next = None if step.next_step is None else routes[step.next_step]
        route.next_hop = step.next_hop
        route.sends = [(send.probability, routes[send.step], send.hop) for send in step.sends]
        route.forward = route if step.forward is None else routes[step.forward]
        route.retired = step.retired
