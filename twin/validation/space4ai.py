"""The twin against SPACE4AI's formula: under processor sharing it is exact, so the simulated means must meet it.

An instance of a resource is one processor-sharing server, the load is split at random over the instances, transfers
are plain delays: a product-form network (Baskett, Chandy, Muntz, Palacios 1975), whatever the law of the service
times. Components with a partition on a cloud function are left out, because SPACE4AI's chain for them is an
approximation; so are those whose mean could not be estimated well enough in the time given.

    python -m twin.validation.space4ai FOLDER [--arrival-rate 1.8] [--out TABLE.md]
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import click
import numpy as np
from rich.console import Console
from rich.progress import track

from twin.compilation import compile_network
from twin.engines.compiled import simulate_compiled
from twin.errors import TwinError
from twin.files import write_text
from twin.formats.space4ai import Dialect, load_solution, load_system, solution_figures
from twin.network import FunctionPool, Network, NodePool
from twin.statistics import Estimate, over_replications
from twin.validation.case import CONFIDENCE, PRECISION

SOLUTION = "best_sol_1.8.json"
WARM_UP = 0.05
DIALECT: Dialect = "d-pre2023"
"""Dialect of SPACE4AI-D's formula that made the published solutions."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """One component of one instance: SPACE4AI's mean response time beside the simulated one."""

    instance: str
    component: str
    formula: float
    simulated: Estimate
    utilisation: float
    """Of the busiest resource it runs on."""

    @property
    def is_narrow(self) -> bool:
        """Whether the interval is narrow enough to prove something."""
        return self.simulated.relative_half_width <= PRECISION

    @property
    def covers(self) -> bool:
        """Whether the interval holds the formula's value."""
        return self.simulated.low <= self.formula <= self.simulated.high


def compare(
    folder: Path, *, arrival_rate: float, requests: int = 100_000, batch: int = 8, most: int = 64, seed: int = 1
) -> list[Comparison]:
    """Return a comparison for each component of the instance in *folder* that the formula describes exactly.

    Replications are added, *batch* at a time and at most *most*, until all intervals are narrow enough.

    Raises:
        ScenarioError, PlanError: A file cannot be read.
    """
    scenario = load_system(folder / "system_description.json", dialect=DIALECT, arrival_rate=arrival_rate)
    solution = folder / SOLUTION
    plan = load_solution(solution, scenario)
    network = compile_network(scenario, plan)
    expected = solution_figures(solution, scenario).components
    samples: dict[str, list[float]] = {stage.name: [] for stage in network.stages}
    found: list[Comparison] = []
    while len(found) == 0 or (not all(each.is_narrow for each in found) and len(samples[found[0].component]) < most):
        first = len(next(iter(samples.values())))
        for replication in range(first, first + batch):
            for name, mean in _means(network, seed, replication, requests):
                samples[name].append(mean)
        found = [
            Comparison(
                instance="/".join(folder.parts[-3:]),
                component=name,
                formula=expected[name],
                simulated=over_replications(samples[name], CONFIDENCE),
                utilisation=_busiest(network, name, arrival_rate),
            )
            for name in _exact(network)
        ]
        if not found:
            break
    return found


def _means(network: Network, seed: int, replication: int, requests: int) -> Iterator[tuple[str, float]]:
    """Yield the mean response time of each component in one replication, its start left out."""
    run = simulate_compiled(network, seed=seed, replication=replication, requests=requests)
    first = WARM_UP * requests
    visits = run.visits[run.visits[:, 0] >= first]
    executions = run.executions[run.executions[:, 0] >= first]
    for index, stage in enumerate(network.stages):
        several = len(stage.steps) > 1
        rows = executions[executions[:, 1] == index] if several else visits[visits[:, 1] == stage.steps[0]]
        if len(rows):
            yield stage.name, float((rows[:, 3] - rows[:, 2]).mean())


def _exact(network: Network) -> list[str]:
    """Return the components that run on nodes alone, with equally many replicas of all partitions on a resource."""
    replicas: dict[int, set[int]] = {}
    for step in network.steps:
        replicas.setdefault(step.station, set()).add(step.replicas)
    return [
        stage.name
        for stage in network.stages
        if not any(
            isinstance(network.stations[network.steps[i].station], FunctionPool)
            or len(replicas[network.steps[i].station]) > 1
            for i in stage.steps
        )
    ]


def _busiest(network: Network, component: str, arrival_rate: float) -> float:
    from twin.traffic import step_rates

    rates = step_rates(network, np.full(len(network.entries), arrival_rate))
    loads = np.zeros(len(network.stations))
    for rate, step in zip(rates, network.steps, strict=True):
        station = network.stations[step.station]
        if isinstance(station, NodePool):
            loads[step.station] += rate * step.service_time.expectation / station.nodes
    stage = next(stage for stage in network.stages if stage.name == component)
    return float(max(loads[network.steps[i].station] for i in stage.steps))


def summary(found: list[Comparison]) -> dict[str, float]:
    """Return how many components were compared, and how well they agree."""
    narrow = [each for each in found if each.is_narrow]
    errors = [abs(each.simulated.value / each.formula - 1) for each in narrow]
    return {
        "instances": len({each.instance for each in found}),
        "components": len(found),
        "narrow": len(narrow),
        "covered": sum(each.covers for each in narrow),
        "largest_error": max(errors, default=float("nan")),
        "mean_error": float(np.mean(errors)) if errors else float("nan"),
        "highest_utilisation": max((each.utilisation for each in narrow), default=float("nan")),
    }


@click.command(help=__doc__.split("\n\n")[0])
@click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--arrival-rate", default=1.8, show_default=True)
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="Markdown file to write.")
def main(folder: Path, arrival_rate: float, out: Path | None) -> None:
    """Compare every instance below FOLDER and print or write the table."""
    folders = sorted(path.parent for path in folder.rglob(SOLUTION))
    if not folders:
        raise click.ClickException(f"no {SOLUTION} below {folder}")
    found = []
    try:
        for each in track(folders, description="instances", console=Console(stderr=True)):
            found += compare(each, arrival_rate=arrival_rate)
        text = to_markdown(found)
        if out:
            write_text(out, text)
        click.echo(text)
    except TwinError as error:
        raise click.ClickException(str(error)) from error


def to_markdown(found: list[Comparison]) -> str:
    """Return the summary and the components that deviate most."""
    figures = summary(found)
    lines = [
        f"{figures['instances']:.0f} instances, {figures['components']:.0f} components; "
        f"{figures['narrow']:.0f} with an interval narrower than ±{PRECISION:.0%}, of which {figures['covered']:.0f} "
        f"cover the formula ({figures['covered'] / max(figures['narrow'], 1):.1%}); mean deviation "
        f"{figures['mean_error']:.2%}, largest {figures['largest_error']:.2%}; utilisation up to "
        f"{figures['highest_utilisation']:.1%}.",
        "",
        "| instance | component | formula | simulated, 99 % interval | utilisation |",
        "| --- | --- | ---: | ---: | ---: |",
    ]
    worst = sorted(found, key=lambda each: -abs(each.simulated.value / each.formula - 1))[:12]
    lines += [
        f"| {each.instance} | {each.component} | {each.formula:.5g} | {each.simulated.value:.5g} ± "
        f"{each.simulated.half_width:.2g} | {each.utilisation:.1%} |"
        for each in worst
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
