"""Draw the README's picture: response time over load for the mask-detection scenario, simulated and in theory.

Run ``python docs/saturation.py`` (needs matplotlib, which the project itself does not) to draw it anew.
"""

from __future__ import annotations

import warnings
from pathlib import Path

import matplotlib as mpl
import numpy as np

from twin.commands.options import changed
from twin.experiment import simulate
from twin.formats.reading import read_scenario
from twin.theory import solve

mpl.use("svg")
mpl.rcParams["svg.hashsalt"] = "continuum-twin"

import matplotlib.pyplot as plt  # noqa: E402 (the backend must be chosen first)

ROOT = Path(__file__).resolve().parents[1]
SCENARIO = ROOT / "scenarios" / "mask-detection" / "scenario.yaml"
RATES = (2, 6, 10, 14, 18, 22, 25, 27, 29)
PLANS = (("blurring on 2 Raspberry Pis", 2, "#1f77b4"), ("on 3", 3, "#d95f02"))


def main() -> None:
    """Simulate both plans over the load and write the picture."""
    figure, axes = plt.subplots(figsize=(7.2, 3.9))
    for label, replicas, colour in PLANS:
        points = [figures(rate, replicas) for rate in RATES]
        known = [(rate, mean, ci, p95) for rate, (mean, ci, p95) in zip(RATES, points, strict=True) if mean is not None]
        rates, means, intervals, p95s = (np.array(column) for column in zip(*known, strict=True))
        axes.errorbar(
            rates, means, yerr=np.abs(intervals.T - means), fmt="o", color=colour, label=f"{label}: mean, 95 % interval"
        )
        axes.plot(rates, p95s, ":", color=colour, label=f"{label}: 95 % answer within")
        fine = np.linspace(RATES[0], RATES[-1], 60)
        axes.plot(fine, [theory(rate, replicas) for rate in fine], color=colour, alpha=0.6, label=f"{label}: theory")
    axes.axhline(0.6, color="grey", linestyle="--", linewidth=0.9)
    axes.text(2, 0.612, "limit 0.6 s", color="grey", fontsize=8)
    axes.set(xlabel="load (pictures per second)", ylabel="response time (seconds)", ylim=(0.2, 1.2))
    axes.legend(frameon=False, fontsize=8, loc="upper left")
    axes.spines[["top", "right"]].set_visible(False)
    figure.tight_layout()
    figure.savefig(ROOT / "docs" / "saturation.svg", metadata={"Date": None})


def figures(rate: float, replicas: int) -> tuple[float | None, tuple[float, float], float]:
    """Return mean, interval and 95th percentile of the simulated response time."""
    scenario = changed(read_scenario(SCENARIO, arrival_rate=float(rate)).scenario, requests=20_000)
    report = simulate(scenario, with_replicas(scenario, replicas))
    times = report.figures["response_time"]
    return times["mean"], tuple(times["ci"] or (0, 0)), times["p95"]


def theory(rate: float, replicas: int) -> float:
    """Return the mean response time in closed form; NaN beyond saturation."""
    scenario = read_scenario(SCENARIO, arrival_rate=float(rate)).scenario
    mean = solve(scenario, with_replicas(scenario, replicas)).figures["response_time"]["mean"]
    return mean if np.isfinite(mean) else np.nan


def with_replicas(scenario, replicas):  # type: ignore[no-untyped-def]
    """Return the scenario's plan with so many nodes for the blurring."""
    plan = scenario.plan
    blur = plan.placements["blur"].model_copy(update={"replicas": replicas})
    return plan.model_copy(update={"placements": {**plan.placements, "blur": blur}})


if __name__ == "__main__":
    warnings.filterwarnings("ignore")
    main()
