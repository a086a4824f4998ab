"""Timers that can be stopped."""

from __future__ import annotations

from simpy import Timeout


def cancel(timer: Timeout | None) -> None:
    """Let *timer* run out without effect; SimPy's events cannot be taken off the agenda."""
    if timer is not None and timer.callbacks is not None:
        timer.callbacks.clear()
