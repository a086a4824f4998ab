"""Every method behind one front: how an exact search and a heuristic share the time, and what stops them."""

from __future__ import annotations

import time
from dataclasses import dataclass
from math import inf, isfinite
from typing import Literal

from design.exact import ExactSearch
from design.search.stops import First, Iterations, Progress, Stop

Method = Literal["auto", "exact", "descent", "lns", "random", "local", "tabu", "annealing", "genetic"]

EXACT_SHARE = 0.6
"""Share of a limited time that ``auto`` gives the proof before it turns to the large neighbourhoods."""

ITERATIONS = {"lns": 1_000, "random": 5_000}
"""Iterations without a time limit."""

MOVES = 200_000
"""The same for the heuristics that move step by step."""


@dataclass(frozen=True, slots=True)
class Deadline:
    """Stop when the time of *search* is over, or an interrupt has ended it."""

    search: ExactSearch

    def left(self, _progress: Progress) -> float:
        """Return infinity while there is time."""
        return inf if time.perf_counter() < self.search.deadline else 0


def run_method(search: ExactSearch, method: Method, seed: int) -> None:
    """Let *method* look for a plan; plan, bound and figures are in the outcome of *search* then."""
    if method in ("exact", "descent"):
        search.run(prove=method == "exact")
    elif method == "auto":
        _run_auto(search, seed)
    elif method == "lns":
        _run_large_neighbourhood(search, seed, _stop(search, method))
    else:
        _run_heuristic(search, method, seed)


def _stop(search: ExactSearch, method: str) -> Stop:
    """Return what stops a heuristic: the deadline, and without one a number of iterations."""
    timely = Deadline(search)
    return timely if isfinite(search.deadline) else First((timely, Iterations(ITERATIONS.get(method, MOVES))))


def _run_auto(search: ExactSearch, seed: int) -> None:
    """Search for the proof, then with what is left of the time for a better plan; the bound stays."""
    deadline = search.deadline
    if isfinite(deadline):
        now = time.perf_counter()
        search.deadline = now + EXACT_SHARE * (deadline - now)
    search.run()
    if search.outcome.finished or search.halted:
        return
    search.deadline = deadline
    _run_large_neighbourhood(search, seed, Deadline(search))


def _run_large_neighbourhood(search: ExactSearch, seed: int, stop: Stop) -> None:
    from design.search.large_neighbourhood import LargeNeighbourhood

    neighbourhood = LargeNeighbourhood(exact=search, seed=seed)
    neighbourhood.run(stop)
    search.outcome.evaluations += neighbourhood.progress.iterations


def _run_heuristic(search: ExactSearch, method: str, seed: int) -> None:
    from design.search.heuristics import Walker

    walker = Walker(
        problem=search.problem,
        seed=seed,
        on_plan=lambda found: search.accept(found.types, found.nodes, found.patterns),
    )
    walker.run(method, _stop(search, method))
    search.outcome.evaluations += walker.progress.iterations
