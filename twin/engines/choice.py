"""Which engine runs a network: the one asked for, or the one that suits the network and the length of the run.

Nothing else plays a part, least of all whether the compiled engine is compiled already: equal arguments have to give
equal reports on every machine, to the byte.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Literal, get_args

from twin.errors import EngineError, did_you_mean
from twin.model.events import Event
from twin.network import Network

Engine = Literal["simpy", "compiled"]

EngineChoice = Literal["auto", "simpy", "compiled"]

WORTH_COMPILING = 1_000_000
"""Visits to stations from which on it pays to compile an engine once: SimPy needs about ten seconds for them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """Which engine runs, and why."""

    engine: Engine

    reason: str


def decide(choice: str, network: Network, events: Iterable[Event], *, visits: float) -> Decision:
    """Return the engine for about so many *visits* to stations, with the reason.

    ``auto`` takes the compiled engine where it covers the network and the run is long enough to gain by it.

    Raises:
        EngineError: The engine asked for does not exist, or does not cover the network.
    """
    if choice not in get_args(EngineChoice):
        raise EngineError(f"there is no engine {choice!r}{did_you_mean(choice, get_args(EngineChoice))}")
    if choice == "simpy":
        return Decision(engine="simpy", reason="asked for")
    if choice == "auto" and visits < WORTH_COMPILING:
        return Decision(engine="simpy", reason=f"{_amount(visits)}; compiled code pays from {WORTH_COMPILING:,} on")
    lacks = "; ".join(_compiled().not_covered(network, tuple(events)))
    if lacks and choice == "compiled":
        raise EngineError(f"the compiled engine cannot run this: {lacks}; take engine simpy")
    if lacks:
        return Decision(engine="simpy", reason=f"the compiled engine cannot run this: {lacks}")
    return Decision(engine="compiled", reason="asked for" if choice == "compiled" else _amount(visits))


def chosen_engine(choice: str, network: Network, events: Iterable[Event], *, visits: float) -> Engine:
    """Return the engine alone, as ``decide`` does."""
    return decide(choice, network, events, visits=visits).engine


def make_ready(engine: str, announce: Callable[[str], None] | None = None) -> None:
    """Compile *engine* now, if it must be, and *announce* why that takes a while.

    Otherwise each of several processes would compile it on its own.
    """
    if engine != "compiled" or _compiled().is_warm():
        return
    if announce:
        announce("compiling the engine; this happens once after each installation and takes about half a minute")
    _compiled().warm_up()


def _amount(visits: float) -> str:
    return f"at most about {visits:,.0f} visits to stations"


def _compiled() -> Any:
    """Return the compiled engine; numba takes its time to load."""
    return import_module("twin.engines.compiled")
