"""Links: transmission through a network domain, then its access delay."""

from __future__ import annotations

from collections.abc import Callable
from heapq import heappop, heappush

from simpy import Environment, Event, Timeout

from twin.engines.simpy_engine.timers import cancel
from twin.engines.simpy_engine.token import Token
from twin.model.events import LinkChange
from twin.network import Link

Arrive = Callable[[Token], None]


class Timeline:
    """The bandwidth and extra delay of a link over time, as the scenario's events change them."""

    def __init__(self, link: Link, changes: list[LinkChange]) -> None:
        self.delay = link.access_delay
        self.changes = changes
        edges = sorted({0.0} | {t for c in changes for t in (c.at, c.at + c.duration)})
        self.times = edges
        self.rates = [link.bandwidth_mbit_per_s / 8 * self._factor(t) for t in edges]

    def _factor(self, time: float) -> float:
        factor = 1.0
        for change in self.changes:
            if change.at <= time < change.at + change.duration:
                factor *= change.bandwidth_factor
        return factor

    def delay_at(self, time: float) -> float:
        """Return the access delay in force at *time*, in seconds."""
        return self.delay + sum(c.extra_delay for c in self.changes if c.at <= time < c.at + c.duration)

    def sent_by(self, start: float, size_mb: float) -> float:
        """Return when *size_mb* megabytes are through that begin at *start* and have the whole bandwidth."""
        if not self.changes:
            return start + size_mb / self.rates[0]
        last = len(self.times) - 1
        for i, rate in enumerate(self.rates):
            end = self.times[i + 1] if i < last else float("inf")
            if end <= start:
                continue
            begin = max(start, self.times[i])
            if size_mb <= rate * (end - begin) and rate > 0:
                return begin + size_mb / rate
            size_mb -= rate * (end - begin)
        raise AssertionError("every change of a link ends")


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
