"""What the kernel covers, and what it refuses by name."""

from __future__ import annotations

from collections.abc import Iterable

from twin.errors import EngineError
from twin.model.events import Event
from twin.network import Network

MOST_ENTRIES = 32_767


def not_covered(network: Network, events: Iterable[Event] = ()) -> tuple[str, ...]:
    """Return the reasons why the kernel cannot run *network*; none if it can."""
    reasons = [
        f"event {event.event!r} is unknown to it"
        for event in events
        if event.event not in ("crash", "failures", "link", "load")
    ]
    if len(network.entries) > MOST_ENTRIES:
        reasons.append(f"it holds {MOST_ENTRIES} sources, not {len(network.entries)}")
    return tuple(reasons)


def require_covered(network: Network, events: Iterable[Event]) -> None:
    """Refuse what the kernel does not cover.

    Raises:
        EngineError: With all reasons.
    """
    reasons = not_covered(network, events)
    if reasons:
        raise EngineError(f"the compiled engine cannot run this: {'; '.join(reasons)}; use --engine simpy")
