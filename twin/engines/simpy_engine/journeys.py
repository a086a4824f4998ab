"""The life of a request: it travels to a step, enters it, is served, and goes on or ends."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable

from simpy import Environment

from twin.engines.simpy_engine.joins import Whereabouts
from twin.engines.simpy_engine.links import FreeLink, SharedLink
from twin.engines.simpy_engine.records import Records
from twin.engines.simpy_engine.routes import StepRoute
from twin.engines.simpy_engine.token import Token
from twin.network import Hop, Network


class Journeys(ABC):
    """What happens to a token, event by event; what several tokens of one request do is left to ``Forks``."""

    env: Environment
    network: Network
    records: Records
    links: list[FreeLink | SharedLink]
    live: int
    """Requests in the system."""
    _tracks_tokens: bool
    """Whether a request may have several tokens, or visit a step again."""
    _whereabouts: dict[int, Whereabouts]
    _on_end: Callable[[int], None]

    def _travel(self, token: Token, step: StepRoute, hop: Hop | None) -> None:
        token.step = step
        if hop is None:
            self._enter(token)
            return
        if hop.within_pool:
            self._draw_visit(token)
            node = step.pool.choose(token)
            token.pool_node = node if step.replicas > 1 else None
            if node is not None and node.index == token.node:
                self._enter(token)
                return
        self.links[hop.link].transfer(token, hop.size_mb)

    def _enter(self, token: Token) -> None:
        """Arrive at a step; at the first one of a stage, a component begins."""
        step = token.step
        now = self.env.now
        if step.first:
            stage = step.stage
            if self._tracks_tokens:
                whereabouts = self._whereabouts[token.request]
                whereabouts.inbound[stage.index] -= 1
                if stage.joins:
                    whereabouts.waiting.setdefault(stage.index, []).append(token)
                    self._fire_joins(token.request)
                    return
            token.began = now
            if stage.entered_paths or token.paths:
                token.paths = _advanced(token.paths, stage.entered_paths, now)
        if self._tracks_tokens:
            self._queue(token, now)
            return
        token.entered = now
        token.retries = 0
        token.service = step.services.first[token.request]
        step.accept(token)

    def _begin(self, token: Token, now: float) -> None:
        token.began = now
        stage = token.step.stage
        if stage.entered_paths or token.paths:
            token.paths = _advanced(token.paths, stage.entered_paths, now)

    def _queue(self, token: Token, now: float) -> None:
        """Enter the station of a step that the request may visit again."""
        token.entered = now
        token.retries = 0
        step = token.step
        self._draw_visit(token)
        self._whereabouts[token.request].visits[step.counter] = token.visit + 1
        token.service = step.services.later(token.request, token.visit)
        step.accept(token)

    def _draw_visit(self, token: Token) -> None:
        if self._tracks_tokens:
            token.visit = self._whereabouts[token.request].visits.get(token.step.counter, 0)

    def _done(self, token: Token) -> None:
        """Leave a station: record the visit, then go on within the component or leave it."""
        step = token.step
        now = self.env.now
        self.records.visits.extend((token.request, step.index, token.entered, now, token.service, token.node))
        if step.last:
            if step.stage.is_plain and not self._tracks_tokens:
                self._send_one(token, step, now)
            else:
                self._leave(token, step, now)
        elif step.exits is None:
            self._travel(token, step.next, step.next_hop) if step.exit_probability == 0 else self._leave(
                token, step, now
            )
        elif step.exits.later(token.request, token.visit) < step.exit_probability:
            self._leave(token, step, now)
        else:
            self._travel(token, step.next, step.next_hop)

    def _leave(self, token: Token, step: StepRoute, now: float) -> None:
        stage = step.stage
        if stage.several_steps:
            self.records.executions.extend((token.request, stage.index, token.began, now))
        for path in stage.final_paths:
            place = token.paths.get(path)
            if place is not None and place[0] == len(self.network.paths[path]) - 1:
                self.records.passages.extend((token.request, path, place[1], now))
        if self._tracks_tokens:
            self._spread(token, step)
        else:
            self._send_one(token, step, now)

    def _send_one(self, token: Token, step: StepRoute, now: float) -> None:
        """Go on by at most one edge: the only token of a request."""
        sends = step.sends
        if not sends:
            self._complete(token.request, now)
        elif not step.stage.coins:
            self._travel(token, sends[0][1], sends[0][2])
        else:
            coin: float = step.stage.coins[0].first[token.request]
            for probability, target, hop in sends:
                coin -= probability
                if coin < 0:
                    self._travel(token, target, hop)
                    return
            self._complete(token.request, now)

    def _complete(self, request: int, now: float) -> None:
        self.records.ends[request] = now
        self.live -= 1
        self._whereabouts.pop(request, None)
        self._on_end(request)

    @abstractmethod
    def _spread(self, token: Token, step: StepRoute) -> None:
        """Go on by every edge the coins choose."""

    @abstractmethod
    def _fire_joins(self, request: int) -> None:
        """Let the joins go on that nothing more can reach."""


def _advanced(
    paths: dict[int, tuple[int, float]], entered: tuple[tuple[int, int], ...], now: float
) -> dict[int, tuple[int, float]]:
    """Return the paths a token is on after entering a stage: begun, continued, or left behind."""
    following = {}
    for path, position in entered:
        if position == 0:
            following[path] = (0, now)
        else:
            place = paths.get(path)
            if place is not None and place[0] == position - 1:
                following[path] = (position, place[1])
    return following
