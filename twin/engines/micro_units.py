"""Cores in millionths: whole numbers, so that what is taken and given back adds up exactly."""

from __future__ import annotations

MICRO = 1_000_000
"""Millionths of a core in one core."""


def micro_units(cores: float) -> int:
    """Return *cores*, or the computing units that a request takes of them, in millionths."""
    return round(cores * MICRO)
