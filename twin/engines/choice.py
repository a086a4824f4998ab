"""Which engine runs a network: the one asked for, or the one that is done first."""

from __future__ import annotations

from collections.abc import Iterable
from importlib import import_module
from typing import Any, Literal, get_args

from twin.errors import EngineError, did_you_mean
from twin.model.events import Event
from twin.network import Network

Engine = Literal["simpy", "compiled"]

EngineChoice = Literal["auto", "simpy", "compiled"]

WORTH_LOADING = 200_000
"""Visits to stations from which on loading the compiled engine pays: about half a second."""

WORTH_COMPILING = 8_000_000
"""Visits from which on it pays even if it must be compiled first: about half a minute, once."""


def chosen_engine(choice: str, network: Network, events: Iterable[Event], *, visits: float) -> Engine:
    """Return the engine for about so many *visits* to stations.

    ``auto`` takes the compiled engine wherever it covers the network and the run is long enough to gain by it.

    Raises:
        EngineError: The engine asked for does not exist, or does not cover the network.
    """
    if choice not in get_args(EngineChoice):
        raise EngineError(f"there is no engine {choice!r}{did_you_mean(choice, get_args(EngineChoice))}")
    if choice == "simpy" or (choice == "auto" and visits < WORTH_LOADING):
        return "simpy"
    compiled = _compiled()
    reasons = compiled.not_covered(network, tuple(events))
    if choice == "compiled":
        if reasons:
            raise EngineError(f"the compiled engine cannot run this: {'; '.join(reasons)}; take engine simpy")
        return "compiled"
    return "compiled" if not reasons and (visits >= WORTH_COMPILING or compiled.is_warm()) else "simpy"


def waits_for_compiler(engine: Engine) -> bool:
    """Say whether *engine* has to be compiled before its first run."""
    return engine == "compiled" and not _compiled().is_warm()


def make_ready(engine: Engine) -> None:
    """Compile *engine* now, if it must be; otherwise each of several processes would."""
    if waits_for_compiler(engine):
        _compiled().warm_up()


def _compiled() -> Any:
    """Return the compiled engine; numba takes its time to load."""
    return import_module("twin.engines.compiled")
