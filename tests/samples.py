"""A small scenario that tests change to their needs: one component on one node, five requests a second."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from twin.measure import Measures, Sample, Violation
from twin.model.scenario import Scenario

BASE: dict[str, Any] = {
    "name": "sample",
    "continuum": {
        "domains": {"lan": {"layers": ["edge", "cloud"], "bandwidth_mbit_per_s": 1000}},
        "layers": {"edge": {"type": "PhysicalAlreadyProvisioned"}, "cloud": {"type": "NativeCloudFunction"}},
        "resources": {"Edge": {"layer": "edge", "nodes": 4, "cost_per_hour": 0.36, "discipline": "fifo"}},
    },
    "application": {"components": {"detect": {"candidates": ["Edge"]}}},
    "profiles": {"detect": {"Edge": 0.1}},
    "workload": {"sources": {"cameras": {"arrivals": {"process": "poisson", "rate": 5}}}},
    "plan": {"detect": "Edge"},
    "run": {"requests": 300, "replications": 3, "warm_up": "none", "seed": 1},
}

DETERMINISTIC: dict[str, Any] = {
    "workload": {"sources": {"cameras": {"arrivals": {"process": "deterministic", "rate": 1}}}},
    "run": {"bare_mean": "deterministic", "requests": None, "horizon": 100, "replications": 2},
}
"""A request each second, and no chance anywhere."""

TANDEM: dict[str, Any] = {
    "continuum": {"resources": {"Back": {"layer": "edge", "discipline": "fifo"}}},
    "application": {
        "components": {"track": {"candidates": ["Back"]}},
        "dependencies": [{"from": "detect", "to": "track", "data_mb": 0.1}],
    },
    "profiles": {"track": {"Back": 0.1}},
    "plan": {"track": "Back"},
}
"""A second component behind the first, on a node of its own."""


def sample_data(*changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return the scenario as it stands in a file, with *changes* laid over it one after the other."""
    data: dict[str, Any] = BASE
    for change in changes:
        data = _merged(data, change)
    return data


def sample_scenario(*changes: Mapping[str, Any]) -> Scenario:
    """Return the scenario with *changes* laid over it one after the other."""
    return Scenario.model_validate(sample_data(*changes))


def on_function(**function: Any) -> dict[str, Any]:
    """Return the change that runs the component on a cloud function instead."""
    return {
        "continuum": {"functions": {"Lambda": {"layer": "cloud", **function}}},
        "application": {"components": {"detect": {"candidates": ["Lambda"]}}},
        "profiles": {"detect": {"Lambda": 0.1, "Edge": None}},
        "plan": {"detect": "Lambda"},
    }


def write_scenario(path: Path, *changes: Mapping[str, Any]) -> Path:
    """Write the scenario with *changes* to *path* and return it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump(sample_data(*changes), sort_keys=False), encoding="utf-8")
    return path


def measures(*violations: Violation | None, **changes: Any) -> Measures:
    """Return the figures of one replication in which nothing remarkable happened."""
    times = Sample(count=100, mean=0.2, percentiles=(0.15, 0.5, 0.8))
    figures: dict[str, Any] = {
        "horizon": 60.0,
        "warm_up": 0.0,
        "arrived": 100,
        "completed": 100,
        "unfinished": 0,
        "lost": 0,
        "retries": 0,
        "backlog_growth": 0.0,
        "throughput": 5.0,
        "response_time": times,
        "components": {"detect": times},
        "component_throughput": {"detect": 5.0},
        "partitions": {},
        "partition_samples": {},
        "paths": {},
        "resources": {},
        "links": {},
        "violations": violations,
        "cost": 0.0,
        "energy": 0.0,
    }
    return Measures(**{**figures, **changes})


def _merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(below)
    for key, value in above.items():
        old = merged.get(key)
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = _merged(old, value) if isinstance(old, Mapping) and isinstance(value, Mapping) else value
    return merged
