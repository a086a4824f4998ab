"""Pools: the replicas a request may choose from, and the instances of a cloud function."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from heapq import heappop, heappush

from simpy import Environment, Event, Timeout

from twin.engines.simpy_engine.nodes import Done, FifoNode, Leaves, SharingNode
from twin.engines.simpy_engine.token import Token
from twin.engines.trajectory import COLD, WARM
from twin.network import FunctionPool, NodePool

Node = FifoNode | SharingNode


class ReplicaPool:
    """The nodes of one resource and the rule by which a request finds its node."""

    def __init__(
        self, env: Environment, pool: NodePool, done: Done, lose: Done, coin: Callable[[Token], float], *, fails: bool
    ) -> None:
        self.nodes: list[Node] = [
            SharingNode(env, i, pool, done, lose)
            if pool.discipline == "ps"
            else FifoNode(env, i, pool, done, lose, fails=fails)
            for i in range(pool.nodes)
        ]
        self.fails = fails
        self.dispatch = pool.dispatch
        self.coin = coin
        self.turns: dict[int, int] = {}
        self.stranded: deque[Token] = deque()
        self.all_up = True

    def entrance(self, replicas: int) -> Done:
        """Return what accepts the requests of a step with so many *replicas*: its only node, where that is for ever."""
        return self.nodes[0].accept if replicas == 1 and not self.fails else self.accept

    def accept(self, token: Token) -> None:
        """Send *token* to a node, the one already chosen if it is still up."""
        node = token.pool_node
        if node is None or not node.up:
            node = self.choose(token)
        token.pool_node = None
        if node is None:
            self.stranded.append(token)
        else:
            node.accept(token)

    def choose(self, token: Token) -> Node | None:
        """Return the node for *token*, or None while all its replicas are down."""
        replicas = token.step.replicas
        nodes = self.nodes if replicas == len(self.nodes) else self.nodes[:replicas]
        if not self.all_up:
            nodes = [node for node in nodes if node.up]
        if len(nodes) < 2:
            return nodes[0] if nodes else None
        if self.dispatch == "random":
            return nodes[int(self.coin(token) * len(nodes))]
        if self.dispatch == "round_robin":
            turn = self.turns.get(token.step.index, 0)
            self.turns[token.step.index] = turn + 1
            return nodes[turn % len(nodes)]
        return min(nodes, key=_present)

    def crash(self, index: int) -> tuple[list[Token], list[Token]]:
        """Take node *index* down; return its running and its waiting requests."""
        self.all_up = False
        return self.nodes[index].crash()

    def repair(self, indices: Iterable[int]) -> None:
        """Bring nodes back and hand them the requests that found no node up."""
        for index in indices:
            self.nodes[index].up = True
        self.all_up = all(node.up for node in self.nodes)
        for _ in range(len(self.stranded)):
            self.accept(self.stranded.popleft())

    def present(self) -> int:
        """Return how many requests are here, those included that found no node up."""
        return len(self.stranded) + sum(node.present for node in self.nodes)

    def withdraw(self, leaves: Leaves, *, kill: bool) -> tuple[list[Token], list[Token], list[Token]]:
        """Return the requests that must look for another node: interrupted, waiting, and stranded."""
        pairs = [node.withdraw(leaves, kill=kill) for node in self.nodes]
        stranded = list(self.stranded)
        self.stranded.clear()
        running, waiting = ([token for pair in pairs for token in pair[i]] for i in (0, 1))
        return running, waiting, stranded


def _present(node: Node) -> int:
    return node.present


class InstancePool:
    """Instances of a function: the newest warm one serves, a new one starts when none is warm, idle ones expire.

    Serving from the newest instance lets the oldest ones expire, as in Mahmoudi and Khazaei, Performance modeling of
    serverless computing platforms (IEEE TCC 2020), whose chain is the closed form beside this simulation.
    """

    def __init__(self, env: Environment, pool: FunctionPool, done: Done, lose: Done, bill: Done) -> None:
        self.env = env
        self.pool = pool
        self.done = done
        self.lose = lose
        self.bill = bill
        self.warm: list[tuple[int, float]] = []
        self.born = 0
        self.busy = 0
        self.queue: deque[Token] = deque()

    def entrance(self, _replicas: int) -> Done:
        """Return what accepts the requests of a step."""
        return self.accept

    def present(self) -> int:
        """Return how many requests are here, waiting and running."""
        return self.busy + len(self.queue)

    def withdraw(self, leaves: Leaves, *, kill: bool) -> tuple[list[Token], list[Token], list[Token]]:  # noqa: ARG002
        """Return the requests that waited and must go elsewhere; the provider ends what it has begun."""
        waiting = [token for token in self.queue if leaves(token, 0.0)]
        gone = set(waiting)
        self.queue = deque(token for token in self.queue if token not in gone)
        return [], waiting, []

    def accept(self, token: Token) -> None:
        """Run *token* on an instance, or apply the concurrency limit."""
        limit = self.pool.concurrency_limit
        if limit is None or self.busy < limit:
            self._start(token)
        elif self.pool.on_limit == "queue":
            self.queue.append(token)
        else:
            self.lose(token)

    def _start(self, token: Token) -> None:
        self.busy += 1
        instance = self._warm_instance()
        if instance is None:
            self.born += 1
            instance = self.born
            token.node = COLD
            self.bill(token)
            token.service = token.step.cold(token)
        else:
            token.node = WARM
            self.bill(token)
        timer = Timeout(self.env, token.service, (token, instance))
        timer.callbacks.append(self._finish)

    def _warm_instance(self) -> int | None:
        """Take the newest instance that is idle and has not expired."""
        oldest_alive = self.env.now - self.pool.idle_time
        while self.warm:
            negative, idle_since = heappop(self.warm)
            if idle_since > oldest_alive:
                return -negative
        return None

    def _finish(self, event: Event) -> None:
        token, instance = event._value
        heappush(self.warm, (-instance, self.env.now))
        self.busy -= 1
        if self.queue:
            self._start(self.queue.popleft())
        self.done(token)
