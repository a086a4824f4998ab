"""Nodes: a queue for cores, or cores that all requests share."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from heapq import heapify, heappop, heappush

from simpy import Environment, Event, Timeout

from twin.engines.micro_units import MICRO, micro_units
from twin.engines.simpy_engine.timers import cancel
from twin.engines.simpy_engine.token import Token
from twin.network import NodePool

Done = Callable[[Token], None]

Leaves = Callable[[Token, float], bool]
"""Says whether a request must leave the node of this number."""


class FifoNode:
    """Requests wait their turn for the cores they need; the first in line is served first."""

    __slots__ = (
        "area",
        "capacity",
        "done",
        "env",
        "fails",
        "finished",
        "free",
        "index",
        "lose",
        "present",
        "queue",
        "running",
        "total",
        "up",
    )

    def __init__(self, env: Environment, index: int, pool: NodePool, done: Done, lose: Done, *, fails: bool) -> None:
        self.env = env
        self.index = float(index)
        self.total = self.free = micro_units(pool.cores)
        self.capacity = pool.queue_capacity
        self.area = 0.0
        """Integral of the cores given back, less that of those taken: with those taken now, the busy core-seconds."""
        self.fails = fails
        self.finished = self._finish
        self.queue: deque[Token] = deque()
        self.running: dict[Token, Timeout] = {}
        """Kept only where the node may fail: nobody else asks."""
        self.present = 0
        self.up = True
        self.done = done
        self.lose = lose

    def accept(self, token: Token) -> None:
        """Serve *token* at once, let it wait, or lose it where the line is full."""
        token.node = self.index
        units = token.step.micro_units
        if units <= self.free and not self.queue:
            self.present += 1
            self._start(token, units)
        elif self.capacity is None or len(self.queue) < self.capacity:
            self.present += 1
            self.queue.append(token)
        else:
            self.lose(token)

    def _start(self, token: Token, units: int) -> None:
        self.free -= units
        timer = Timeout(self.env, token.service, token)
        timer.callbacks.append(self.finished)
        if self.fails:
            self.running[token] = timer
            self.area -= self.env.now * units

    def _finish(self, event: Event) -> None:
        token: Token = event._value
        if self.fails:
            del self.running[token]
            self.area += self.env.now * token.step.micro_units
        self.present -= 1
        self.free += token.step.micro_units
        self._serve()
        self.done(token)

    def _serve(self) -> None:
        """Start those first in line for which there are cores."""
        queue = self.queue
        while queue and queue[0].step.micro_units <= self.free:
            waiting = queue.popleft()
            self._start(waiting, waiting.step.micro_units)

    def crash(self) -> tuple[list[Token], list[Token]]:
        """Go down; return the requests that were running and those that were waiting."""
        self.up = False
        running, waiting = list(self.running), list(self.queue)
        for timer in self.running.values():
            cancel(timer)
        self.area += self.env.now * (self.total - self.free)
        self.running.clear()
        self.queue.clear()
        self.free = self.total
        self.present = 0
        return running, waiting

    def withdraw(self, leaves: Leaves, *, kill: bool) -> tuple[list[Token], list[Token]]:
        """Return the requests that *leaves* picks: those interrupted (if *kill*) and those that waited."""
        running = [token for token in self.running if leaves(token, self.index)] if kill else []
        for token in running:
            cancel(self.running.pop(token))
            self.free += token.step.micro_units
            self.area += self.env.now * token.step.micro_units
        waiting = [token for token in self.queue if leaves(token, self.index)]
        if waiting:
            gone = set(waiting)
            self.queue = deque(token for token in self.queue if token not in gone)
        self.present -= len(running) + len(waiting)
        self._serve()
        return running, waiting

    def busy(self) -> float:
        """Return the core-seconds of service up to now; counted where the node may be interrupted."""
        return (self.area + self.env.now * (self.total - self.free)) / MICRO


class _Share:
    """The requests on one node that can use equally many cores; they all advance at one rate.

    ``clock`` is the work each of them has had done since the class was last empty (virtual time).
    """

    __slots__ = ("clock", "heap", "rate", "units")

    def __init__(self, units: float) -> None:
        self.units = units
        self.clock = 0.0
        self.rate = 1.0
        self.heap: list[tuple[float, int, Token]] = []


class SharingNode:
    """All requests present share the cores equally, none getting more than its container's units.

    Processor sharing by virtual time: an arrival or departure costs O(log n), not O(n).
    """

    __slots__ = (
        "area",
        "capacity",
        "cores",
        "done",
        "env",
        "index",
        "leading",
        "lose",
        "number",
        "present",
        "shares",
        "since",
        "timer",
        "up",
    )

    def __init__(self, env: Environment, index: int, pool: NodePool, done: Done, lose: Done) -> None:
        self.env = env
        self.index = float(index)
        self.cores = pool.cores
        self.capacity = pool.queue_capacity
        self.area = 0.0
        """Core-seconds of service up to the last change."""
        self.shares: list[_Share] = []
        self.leading: _Share | None = None
        self.timer: Timeout | None = None
        self.since = 0.0
        self.number = 0
        self.present = 0
        self.up = True
        self.done = done
        self.lose = lose

    def accept(self, token: Token) -> None:
        """Let *token* join those served, or lose it where the node is full."""
        token.node = self.index
        units = token.step.computing_units
        if self.capacity is not None and self.present >= int(self.cores / units + 1e-9) + self.capacity:
            self.lose(token)
            return
        self._advance()
        share = self._share(units)
        self.number += 1
        self.present += 1
        heappush(share.heap, (share.clock + token.service, self.number, token))
        self._reschedule()

    def _share(self, units: float) -> _Share:
        for share in self.shares:
            if share.units == units:
                return share
        share = _Share(units)
        self.shares.append(share)
        self.shares.sort(key=lambda each: each.units)
        return share

    def _advance(self) -> None:
        now = self.env.now
        elapsed = now - self.since
        self.since = now
        for share in self.shares:
            share.clock = share.clock + share.rate * elapsed if share.heap else 0.0
            self.area += share.rate * share.units * len(share.heap) * elapsed

    def _reschedule(self) -> None:
        """Fix the rates (max-min fair: small demands first) and set the timer for the next departure."""
        cancel(self.timer)
        self.timer = None
        cores, jobs, soonest = self.cores, self.present, float("inf")
        for share in self.shares:
            count = len(share.heap)
            if count:
                rate = min(1.0, cores / (jobs * share.units))
                cores -= rate * share.units * count
                jobs -= count
                share.rate = rate
                delay = (share.heap[0][0] - share.clock) / rate
                if delay < soonest:
                    soonest, self.leading = delay, share
        if self.present:
            self.timer = Timeout(self.env, max(soonest, 0.0))
            self.timer.callbacks.append(self._finish)

    def _finish(self, _event: Event) -> None:
        share = self.leading
        assert share is not None
        self._advance()
        share.clock, _, token = heappop(share.heap)
        self.present -= 1
        self._reschedule()
        self.done(token)

    def crash(self) -> tuple[list[Token], list[Token]]:
        """Go down; return the requests that were running (all of them)."""
        self.up = False
        self._advance()
        cancel(self.timer)
        self.timer = None
        running = [token for share in self.shares for _, _, token in sorted(share.heap)]
        for share in self.shares:
            share.heap.clear()
        self.present = 0
        return running, []

    def withdraw(self, leaves: Leaves, *, kill: bool) -> tuple[list[Token], list[Token]]:
        """Return the requests that *leaves* picks, if *kill*; none waits, all are in service."""
        running = [
            token for share in self.shares for _, _, token in sorted(share.heap) if kill and leaves(token, self.index)
        ]
        if running:
            gone = set(running)
            self._advance()
            for share in self.shares:
                share.heap = [entry for entry in share.heap if entry[2] not in gone]
                heapify(share.heap)
            self.present -= len(running)
            self._reschedule()
        return running, []

    def busy(self) -> float:
        """Return the core-seconds of service up to now."""
        rate = sum(share.rate * share.units * len(share.heap) for share in self.shares)
        return self.area + rate * (self.env.now - self.since)
