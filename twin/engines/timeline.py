"""The bandwidth and delay of a link over time, as all engines see it."""

from __future__ import annotations

from twin.model.events import LinkChange
from twin.network import Link


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
