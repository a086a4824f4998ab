"""Loads the compiled search before the first decision, whose time limit would else be over before it began."""

from __future__ import annotations

from functools import lru_cache
from itertools import islice

from design.evaluate import evaluate
from design.plan_order import PlanOrder
from twin.model.scenario import Scenario

TINY = {
    "name": "warm-up",
    "continuum": {
        "domains": {"net": {"layers": ["edge", "cloud", "faas"], "bandwidth_mbit_per_s": 100}},
        "layers": {
            "edge": {"type": "PhysicalAlreadyProvisioned"},
            "cloud": {"type": "Virtual"},
            "faas": {"type": "NativeCloudFunction"},
        },
        "resources": {
            "pi": {"layer": "edge", "nodes": 2, "cost_per_hour": 1.0},
            "vm": {"layer": "cloud", "nodes": 2, "cost_per_hour": 2.0},
        },
        "functions": {"function": {"layer": "faas", "cost_per_hour": 3.0}},
    },
    "application": {
        "components": {
            "a": {"candidates": ["pi", "vm"]},
            "b": {"candidates": ["pi", "vm", "function"]},
        },
        "dependencies": [{"from": "a", "to": "b", "data_mb": 0.1}],
    },
    "profiles": {"a": {"pi": 0.4, "vm": 0.2}, "b": {"pi": 0.4, "vm": 0.2, "function": 0.3}},
    "workload": {"sources": {"s": {"arrivals": {"process": "poisson", "rate": 2.0}}}},
    "constraints": [
        {"kind": "local", "component": "a", "limit": 2.0},
        {"kind": "global", "path": ["a", "b"], "limit": 3.0},
    ],
    "run": {"discipline": "ps"},
}


@lru_cache(maxsize=1)
def warm_up() -> None:
    """Search and evaluate a tiny scenario, once in a process."""
    scenario = Scenario.model_validate(TINY)
    for ranked in islice(PlanOrder(scenario), 3):
        evaluate(scenario, ranked.plan)
