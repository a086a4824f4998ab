"""One component on one of a few hosts: systems whose answers can be written down."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from twin.model.scenario import Scenario


def one_component(
    hosts: Mapping[str, tuple[float, float]],
    *,
    rate: float = 1.0,
    constraints: tuple[dict[str, Any], ...] = (),
    nodes: int = 1,
    requests: int = 3000,
) -> Scenario:
    """Return a system whose component ``a`` runs on one of *hosts*: name → seconds, and euro an hour for a node."""
    return Scenario.model_validate(
        {
            "name": "one component",
            "continuum": {
                "layers": {"L": {"type": "Virtual"}},
                "resources": {
                    name: {"layer": "L", "nodes": nodes, "cost_per_hour": price} for name, (_, price) in hosts.items()
                },
                "domains": {"all": {"layers": ["L"], "bandwidth_mbit_per_s": 100}},
            },
            "application": {"components": {"a": {"candidates": list(hosts)}}},
            "profiles": {"a": {name: seconds for name, (seconds, _) in hosts.items()}},
            "workload": {"sources": {"s": {"arrivals": {"process": "poisson", "rate": rate}}}},
            "constraints": list(constraints),
            "run": {"requests": requests, "replications": 4},
        }
    )


def at_most(limit: float, **more: Any) -> dict[str, Any]:
    """Return a limit on the response time of the component."""
    return {"kind": "local", "component": "a", "limit": limit, **more}
