"""The dialects of evaluation: what the tools of the SPACE4AI family, and this project, count and check.

The units of a system file (factor 8 on data, order of partitions) are settled when it is read; what remains are the
differences named here.

========= ============================================================================================================
twin      this project: the closed forms of the twin. A device at or above its capacity is a violation whoever shares
          it, data between components travels from where a request leaves, functions see the requests that reach them,
          each node must hold its containers; a function bills execution, price per request and, where it says so, the
          cold start.
d         SPACE4AI-D since May 2023
d-pre2023 SPACE4AI-D before; it differs from ``d`` in units only
d-file    what SPACE4AI-D's heuristics and its ``-e`` evaluate: data between components is forgotten
r         SPACE4AI-R
r-orig    SPACE4AI-R with its error in the mean over early exits: an exit on the target's own resource takes no weight
========= ============================================================================================================
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, get_args

from twin.errors import TwinError, did_you_mean

Dialect = Literal["twin", "d", "d-pre2023", "d-file", "r", "r-orig"]

Tails = Literal["estimate", "cantelli", "simulation"]
"""How limits on percentiles and on shares above a limit are judged, see :mod:`design.tails`."""

TOLERANCE = 1e-9
"""Relative excess over a limit that still counts as rounding."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What one dialect counts and checks."""

    dialect: Dialect

    function_rate: Literal["component", "partition"]
    """Requests a function is taken to see: all of its component's, or those that reach the partition."""

    hops: Literal["last", "exits", "unbalanced exits"]
    """Where data between components travels from: the last partition, or wherever requests leave."""

    component_data: bool = True
    """Whether data between components is counted."""

    stability: Literal["always", "shared"]
    """Whether a device must be stable only if several partitions share it (and negative times may then appear)."""

    memory: Literal["node", "pool"]
    """What the containers of a pool must fit into together: one node, or all that run."""

    returns_to_edge: bool
    """Whether data that has left the edge may come back to it."""

    edge_share: float = 1.0
    """Share of the price of physical devices that counts (SPACE4AI-R's ``EnergyCostPct``): they have been bought."""

    tails: Tails = "estimate"
    """Of dialect ``twin`` only: the others know means alone."""


_D = {
    "function_rate": "component",
    "hops": "last",
    "stability": "shared",
    "memory": "node",
    "returns_to_edge": False,
}
_R = {
    "function_rate": "partition",
    "hops": "exits",
    "stability": "always",
    "memory": "pool",
    "returns_to_edge": False,
}

RULES: dict[str, Rules] = {
    "twin": Rules(
        dialect="twin",
        function_rate="partition",
        hops="exits",
        stability="always",
        memory="node",
        returns_to_edge=True,
    ),
    "d": Rules(dialect="d", **_D),  # type: ignore[arg-type]
    "d-pre2023": Rules(dialect="d-pre2023", **_D),  # type: ignore[arg-type]
    "d-file": Rules(dialect="d-file", component_data=False, **_D),  # type: ignore[arg-type]
    "r": Rules(dialect="r", **_R),  # type: ignore[arg-type]
    "r-orig": Rules(dialect="r-orig", **{**_R, "hops": "unbalanced exits"}),  # type: ignore[arg-type]
}


def rules_of(dialect: str | Rules, *, edge_share: float | None = None, tails: str | None = None) -> Rules:
    """Return the rules of *dialect* (or, given rules, these), with the parameters that are not None in place.

    Raises:
        TwinError: There is no such dialect or way to judge, or the share does not lie between 0 and 1.
    """
    if isinstance(dialect, Rules):
        rules = dialect
    elif dialect in RULES:
        rules = RULES[dialect]
    else:
        raise TwinError(f"unknown dialect {dialect!r} of evaluation{did_you_mean(dialect, get_args(Dialect))}")
    if edge_share is not None:
        if not 0.0 <= edge_share <= 1.0:
            raise TwinError(f"the share of the edge's price must lie between 0 and 1, got {edge_share:g}")
        rules = replace(rules, edge_share=edge_share)
    if tails is not None:
        if tails not in get_args(Tails):
            raise TwinError(f"unknown way {tails!r} to judge percentiles{did_you_mean(tails, get_args(Tails))}")
        rules = replace(rules, tails=tails)  # type: ignore[arg-type]
    return rules
