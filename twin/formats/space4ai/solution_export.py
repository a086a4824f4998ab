"""Plan → SPACE4AI's solution file, as SPACE4AI-D or SPACE4AI-R writes it.

Both variants keep the level of the deployment everywhere, so that both tools read them; SPACE4AI-R itself leaves it out
for cloud functions and then cannot read its own file.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Literal

from twin.files import write_text
from twin.formats.space4ai.export import NEVER_SHORT_MB, Document
from twin.formats.space4ai.json import to_text
from twin.formats.space4ai.losses import common_rate, global_constraints, local_limits, transition_cost
from twin.formats.space4ai.names import Codes, codes_of
from twin.formats.space4ai.solution import SolutionFigures
from twin.model.application import Deployment
from twin.model.continuum import CloudFunction
from twin.model.plan import Plan
from twin.model.plan_checks import chosen_deployments, require_fitting
from twin.model.scenario import Scenario

Tool = Literal["d", "r"]


def save_solution(
    scenario: Scenario, plan: Plan, path: str | Path, *, figures: SolutionFigures | None = None, dialect: Tool = "d"
) -> None:
    """Write :func:`dump_solution` to *path*, all of it or nothing; TwinError where that fails."""
    write_text(Path(path), to_text(dump_solution(scenario, plan, figures, dialect=dialect)))


def dump_solution(
    scenario: Scenario, plan: Plan, figures: SolutionFigures | None = None, *, dialect: Tool = "d"
) -> Document:
    """Return *plan* with its *figures* as a solution file of SPACE4AI-D (``d``) or SPACE4AI-R (``r``).

    A figure that is absent is left out: SPACE4AI-D computes them anew when it reads a file. SPACE4AI-R cannot read one
    without, so ``r`` without figures is a ValueError. ``cost`` of a host is its price times the number of nodes, of a
    function its price for an hour of execution. Raises PlanError where *plan* does not fit *scenario*.
    """
    if dialect == "r" and figures is None:
        raise ValueError("SPACE4AI-R reads no solution without times; give figures")
    require_fitting(scenario, plan)
    known = figures or SolutionFigures()
    codes = codes_of(scenario)
    chosen = chosen_deployments(scenario, plan)
    rate = known.arrival_rate if known.arrival_rate is not None else common_rate(scenario)
    return {
        **({"Lambda": rate} if rate is not None else {}),
        "components": {
            codes.components[name]: _component(scenario, plan, known, dialect, codes, name, deployment)
            for name, deployment in chosen.items()
        },
        "global_constraints": _paths(scenario, known, dialect, codes),
        **({"total_cost": _cost(known.total_cost, dialect)} if known.total_cost is not None else {}),
        **({"feasible": known.feasible} if known.feasible is not None else {}),
    }


def _component(
    scenario: Scenario,
    plan: Plan,
    figures: SolutionFigures,
    dialect: Tool,
    codes: Codes,
    name: str,
    deployment: Deployment,
) -> Document:
    partitions: Document = {}
    for partition in deployment.partitions:
        layer, host = _host(scenario, plan, partition)
        # SPACE4AI-D takes the first key of a partition for its layer: the time comes after it.
        partitions[codes.partitions[partition]] = {
            codes.layers[layer]: host,
            **_time("response_time", figures.partitions.get(partition), dialect),
        }
    return {
        codes.deployments[name, deployment.name]: partitions,
        **_time("response_time", figures.components.get(name), dialect),
        "response_time_threshold": _seconds(local_limits(scenario).get(name, math.inf), dialect),
    }


def _host(scenario: Scenario, plan: Plan, partition: str) -> tuple[str, Document]:
    """Return the layer, and the host as the file describes it."""
    placement = plan.placements[partition]
    host = scenario.continuum.host(placement.resource)
    common: Document = {
        "description": host.description or "No description",
        "cost": host.cost_per_hour * placement.replicas,
        "memory": host.memory_mb or NEVER_SHORT_MB,
    }
    if isinstance(host, CloudFunction):
        own: Document = {"idle_time_before_kill": host.idle_time, "transition_cost": transition_cost(host)}
    else:
        own = {"number": placement.replicas}
    return host.layer, {host.name: {**common, **own}}


def _paths(scenario: Scenario, figures: SolutionFigures, dialect: Tool, codes: Codes) -> Document:
    limit = "global_res_time" if dialect == "d" else "path_response_time_threshold"
    return {
        name: {
            "components": [codes.components[component] for component in constraint.path],
            limit: constraint.limit,
            **_time("path_response_time", figures.paths.get(name), dialect),
        }
        for name, constraint in global_constraints(scenario).items()
    }


def _time(key: str, seconds: float | None, dialect: Tool) -> Document:
    return {} if seconds is None else {key: _seconds(seconds, dialect)}


def _seconds(seconds: float, dialect: Tool) -> float | str | None:
    """Return a time as the tool writes it: what is no finite positive number is ``inf`` to one, null to the other."""
    if math.isfinite(seconds) and seconds >= 0:
        return seconds
    return "inf" if dialect == "d" else None


def _cost(cost: float, dialect: Tool) -> str | float | None:
    """Return the cost, which SPACE4AI-D writes as text."""
    if dialect == "d":
        return str(cost)
    return cost if math.isfinite(cost) else None
