"""Joins: a component that waits until every input its request still sends has arrived."""

from __future__ import annotations

import networkx as nx

from twin.engines.simpy_engine.token import Token
from twin.network import Network


class JoinRules:
    """For each join of a network, the stages from which an input may still come."""

    def __init__(self, network: Network) -> None:
        self.order = network.joins
        self.ancestors = {join: tuple(nx.ancestors(network.graph, join)) for join in network.joins}
        self.stages = len(network.stages)


class Whereabouts:
    """Where the tokens of one request are."""

    __slots__ = ("active", "inbound", "live", "visits", "waiting")

    def __init__(self, stages: int) -> None:
        self.live = 1
        self.active = [0] * stages
        """Tokens bound for, waiting at or running in each stage."""
        self.inbound = [0] * stages
        """Those of them that have not arrived yet."""
        self.waiting: dict[int, list[Token]] = {}
        """Tokens that have arrived at a join."""
        self.visits: dict[int, int] = {}
        """How often each step has been visited."""

    def ready(self, rules: JoinRules) -> int | None:
        """Return the first join at which nothing more can arrive, or None."""
        for join in rules.order:
            if (
                self.waiting.get(join)
                and not self.inbound[join]
                and not any(self.active[stage] for stage in rules.ancestors[join])
            ):
                return join
        return None


def merged(tokens: list[Token]) -> Token:
    """Return the token that goes on for all *tokens*: the last to arrive, on every path any of them followed."""
    last = tokens[-1]
    paths: dict[int, tuple[int, float]] = {}
    for token in tokens:
        for path, (position, start) in token.paths.items():
            known = paths.get(path)
            if known is None or (-position, start) < (-known[0], known[1]):
                paths[path] = (position, start)
    last.paths = paths
    return last
