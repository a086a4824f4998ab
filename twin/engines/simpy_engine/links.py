"""Links: transmission through a network domain, then its access delay."""

from __future__ import annotations

from collections.abc import Callable
from heapq import heappop, heappush

from simpy import Environment, Event, Timeout

from twin.engines.simpy_engine.timers import cancel
from twin.engines.simpy_engine.token import Token
from twin.engines.timeline import Timeline
from twin.network import Link

Arrive = Callable[[Token], None]


class FreeLink:
    """Transfers do not disturb each other, or wait their turn (``fifo``)."""

    def __init__(self, env: Environment, link: Link, timeline: Timeline, arrive: Arrive) -> None:
        self.env = env
        self.timeline = timeline
        self.arrive = arrive
        self.fifo = link.contention == "fifo"
        self.free_at = 0.0
        self.carried_mb = 0.0
        self.steady = not timeline.changes

    def transfer(self, token: Token, size_mb: float) -> None:
        """Move *token* with *size_mb* megabytes; it arrives after transmission and delay."""
        now = self.env.now
        self.carried_mb += size_mb
        start = max(now, self.free_at) if self.fifo else now
        sent = self.timeline.sent_by(start, size_mb)
        if self.fifo:
            self.free_at = sent
        delay = self.timeline.delay if self.steady else self.timeline.delay_at(sent)
        timer = Timeout(self.env, sent - now + delay, token)
        timer.callbacks.append(self._arrived)

    def _arrived(self, event: Event) -> None:
        self.arrive(event._value)


class SharedLink:
    """Transfers in progress share the bandwidth equally (processor sharing, by virtual time)."""

    def __init__(self, env: Environment, timeline: Timeline, arrive: Arrive) -> None:
        self.env = env
        self.timeline = timeline
        self.arrive = arrive
        self.carried_mb = 0.0
        self.clock = 0.0
        self.since = 0.0
        self.number = 0
        self.rate = timeline.rates[0]
        self.heap: list[tuple[float, int, Token]] = []
        self.timer: Timeout | None = None
        for time, rate in zip(timeline.times[1:], timeline.rates[1:], strict=True):
            Timeout(env, time, rate).callbacks.append(self._change)

    def transfer(self, token: Token, size_mb: float) -> None:
        """Move *token* with *size_mb* megabytes; it arrives after transmission and delay."""
        self.carried_mb += size_mb
        self._advance()
        self.number += 1
        heappush(self.heap, (self.clock + size_mb, self.number, token))
        self._reschedule()

    def _advance(self) -> None:
        now = self.env.now
        self.clock = self.clock + (now - self.since) * self.rate / len(self.heap) if self.heap else 0.0
        self.since = now

    def _reschedule(self) -> None:
        cancel(self.timer)
        self.timer = None
        if self.heap and self.rate > 0:
            delay = (self.heap[0][0] - self.clock) * len(self.heap) / self.rate
            self.timer = Timeout(self.env, max(delay, 0.0))
            self.timer.callbacks.append(self._sent)

    def _sent(self, _event: Event) -> None:
        self._advance()
        self.clock, _, token = heappop(self.heap)
        self._reschedule()
        delay = self.timeline.delay_at(self.env.now)
        Timeout(self.env, delay, token).callbacks.append(self._arrived)

    def _arrived(self, event: Event) -> None:
        self.arrive(event._value)

    def _change(self, event: Event) -> None:
        self._advance()
        self.rate = event._value
        self._reschedule()
