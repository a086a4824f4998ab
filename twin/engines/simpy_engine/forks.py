"""Several tokens of one request: they part at forks and meet at joins, and the request ends with the last of them."""

from __future__ import annotations

from twin.engines.simpy_engine.joins import JoinRules, merged
from twin.engines.simpy_engine.journeys import Journeys
from twin.engines.simpy_engine.routes import StepRoute
from twin.engines.simpy_engine.token import Token
from twin.network import Hop


class Forks(Journeys):
    """What the tokens of a request mean for each other."""

    _rules: JoinRules

    def lose(self, token: Token) -> None:
        """Let *token* leave for good; its request counts as lost."""
        request = token.request
        self.records.lost.add(request)
        if not self._tracks_tokens:
            self._complete(request, self.env.now)
            return
        whereabouts = self._whereabouts[request]
        whereabouts.active[token.step.stage.index] -= 1
        whereabouts.live -= 1
        self._settle(request)

    def _spread(self, token: Token, step: StepRoute) -> None:
        """Go on by every edge the coins choose; a request ends with its last token."""
        request, stage = token.request, step.stage
        whereabouts = self._whereabouts[request]
        chosen = self._chosen(token, step)
        whereabouts.active[stage.index] -= 1
        whereabouts.live += len(chosen) - 1
        for target, _ in chosen:
            whereabouts.active[target.stage.index] += 1
            whereabouts.inbound[target.stage.index] += 1
        copies = [token] + [token.twin() for _ in chosen[1:]]
        for copy in copies[1:]:
            copy.node = token.node
        for copy, (target, hop) in zip(copies, chosen, strict=False):
            self._travel(copy, target, hop)
        self._settle(request)

    def _chosen(self, token: Token, step: StepRoute) -> list[tuple[StepRoute, Hop | None]]:
        coins = [column.later(token.request, token.visit) for column in step.stage.coins]
        if not step.stage.exclusive:
            return [(target, hop) for coin, (p, target, hop) in zip(coins, step.sends, strict=True) if coin < p]
        coin = coins[0] if coins else 0.0
        for probability, target, hop in step.sends:
            coin -= probability
            if coin < 0:
                return [(target, hop)]
        return []

    def _settle(self, request: int) -> None:
        """Fire the joins that nothing more can reach, and end the request when no token is left."""
        whereabouts = self._whereabouts.get(request)
        if whereabouts is None:
            return
        if whereabouts.live == 0:
            self._complete(request, self.env.now)
        else:
            self._fire_joins(request)

    def _fire_joins(self, request: int) -> None:
        whereabouts = self._whereabouts[request]
        while (join := whereabouts.ready(self._rules)) is not None:
            tokens = whereabouts.waiting.pop(join)
            whereabouts.live -= len(tokens) - 1
            whereabouts.active[join] -= len(tokens) - 1
            token = merged(tokens)
            now = self.env.now
            self._begin(token, now)
            self._queue(token, now)
