"""Does the twin predict what real models do on real processes? The error in mean, 95th percentile and throughput.

Each configuration is a small deployment on this machine: nodes are processes pinned to processors, partitions are
real networks under onnxruntime, requests travel through sockets. It is timed once with a single request in the system
at a time; from these times alone the twin predicts what happens under Poisson load, and nothing is adjusted after.
Then the processes face that load, with the very arrivals of the prediction, at three utilisations of the busiest node.

    python -m benchmarks.validity [--seconds 60] [--only NAME ...] [--out docs/validity.md]

The machine should be quiet: whatever else runs takes time from the processes, of which the twin knows nothing.
"""

from __future__ import annotations

import argparse
import os
import platform
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from statistics import fmean, median
from typing import Final, Literal

import numpy as np

from design.machine import provenance
from design.onnx_models import load_model
from design.partition.cuts import cut_points
from design.partition.segments import split, write_segments
from runtime.live.calibration import ServedTimes, measured_times, with_times
from runtime.live.processes import NodeKey, NodeProcess, ProcessServant
from twin.engines.simpy_engine import simulate_network
from twin.engines.simpy_engine.live import run_live
from twin.engines.trajectory import Trajectory
from twin.files import write_text
from twin.formats.profile_schema import Provenance
from twin.model.law import Law
from twin.model.workload import Poisson, Source
from twin.network import Entry, Network, NodePool, Send, Stage, Step

UTILISATIONS: Final = (0.3, 0.6, 0.8)

SEED: Final = 11

CALIBRATION_REQUESTS: Final = 300

DRIVER, OTHER = 0, 1
"""Processors: the client runs on the first one, and so does the second node of a configuration, where there is one."""

FIRST_COUNTED = 10
"""Requests at the start of a run that do not count."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A partition of a configuration."""

    name: str

    model: str

    node: str

    exit_probability: float = 0.0

    hands_on: bool = False
    """Whether its outputs are the inputs of the next part."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Configuration:
    """A deployment: parts in a chain, on nodes."""

    name: str

    parts: tuple[Part, ...]

    nodes: dict[str, tuple[int, ...]]
    """Node → processor of each of its replicas."""

    discipline: Literal["fifo", "ps"] = "fifo"

    dispatch: Literal["random", "shortest_queue"] = "random"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What was predicted and measured at one utilisation; times in seconds."""

    configuration: str

    utilisation: float

    requests: int

    predicted: tuple[float, float, float]
    """Mean, 95th percentile, throughput."""

    measured: tuple[float, float, float]

    @property
    def errors(self) -> tuple[float, ...]:
        """Relative errors of the prediction."""
        return tuple(p / m - 1 for p, m in zip(self.predicted, self.measured, strict=True))


def main() -> None:
    """Run the configurations asked for, and print or write the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60.0, help="Length of every run under load.")
    parser.add_argument("--only", nargs="*", help="Names of configurations.")
    parser.add_argument("--out", type=Path, help="Write the tables here.")
    asked = parser.parse_args()
    origin = provenance(threads=1, samples=CALIBRATION_REQUESTS, seed=SEED)
    os.sched_setaffinity(0, {DRIVER})
    outcomes: list[Outcome] = []
    with tempfile.TemporaryDirectory() as folder:
        for configuration in configurations(Path(folder)):
            if not asked.only or configuration.name in asked.only:
                for outcome in predicted_and_measured(configuration, asked.seconds):
                    outcomes.append(outcome)
                    print(_row(outcome), flush=True)
    text = _document(outcomes, asked.seconds, origin)
    if asked.out:
        write_text(asked.out, text)
    else:
        print(text)


def configurations(folder: Path) -> Iterator[Configuration]:
    """Yield the deployments; cut models are written into *folder*."""
    resnet, inception = "onnx:light_resnet50", "onnx:light_inception_v1"
    head, tail = _halves(resnet, folder)
    first = Part(name="head", model=head, node="near", hands_on=True)
    yield Configuration(
        name="one model, one node",
        parts=(Part(name="whole", model=resnet, node="near"),),
        nodes={"near": (OTHER,)},
    )
    yield Configuration(
        name="two models, one queue",
        parts=(Part(name="first", model=inception, node="near"), Part(name="second", model=resnet, node="near")),
        nodes={"near": (OTHER,)},
    )
    yield Configuration(
        name="cut in two, one node",
        parts=(first, Part(name="tail", model=tail, node="near")),
        nodes={"near": (OTHER,)},
    )
    yield Configuration(
        name="half leave early",
        parts=(replace(first, exit_probability=0.5), Part(name="tail", model=tail, node="near")),
        nodes={"near": (OTHER,)},
    )
    yield Configuration(
        name="shared processor",
        parts=(Part(name="first", model=inception, node="near"), Part(name="second", model=resnet, node="near")),
        nodes={"near": (OTHER,)},
        discipline="ps",
    )
    yield Configuration(
        name="cut in two, two nodes",
        parts=(first, Part(name="tail", model=tail, node="far")),
        nodes={"near": (OTHER,), "far": (DRIVER,)},
    )
    yield Configuration(
        name="two replicas at random",
        parts=(Part(name="whole", model=resnet, node="near"),),
        nodes={"near": (OTHER, DRIVER)},
    )
    yield Configuration(
        name="two replicas, shorter queue",
        parts=(Part(name="whole", model=resnet, node="near"),),
        nodes={"near": (OTHER, DRIVER)},
        dispatch="shortest_queue",
    )


def _halves(reference: str, folder: Path) -> tuple[str, str]:
    """Cut a model where its estimated time is halved best; return the files of both parts."""
    model = load_model(reference)
    cut = min(cut_points(model), key=lambda each: abs(each.share - 0.5))
    head, tail = write_segments(split(model, [cut.tensors]), folder)
    return str(head), str(tail)


def predicted_and_measured(configuration: Configuration, seconds: float) -> Iterator[Outcome]:
    """Calibrate once, then yield prediction and measurement at each utilisation."""
    network = _network(configuration, rate=1.0)
    times = measured_times(network, _servant(configuration), requests=CALIBRATION_REQUESTS, seed=SEED)
    busiest = max(_work(configuration, times).values())
    for utilisation in UTILISATIONS:
        rate = utilisation / busiest
        requests = max(round(rate * seconds), 100)
        loaded = _network(configuration, rate)
        predicted = simulate_network(with_times(loaded, times), seed=SEED, requests=requests)
        measured = run_live(loaded, _servant(configuration), seed=SEED, requests=requests)
        yield Outcome(
            configuration=configuration.name,
            utilisation=utilisation,
            requests=requests,
            predicted=_figures(predicted),
            measured=_figures(measured),
        )


def _network(configuration: Configuration, rate: float) -> Network:
    names = list(configuration.nodes)
    pools = tuple(
        NodePool(
            name=name,
            nodes=len(processors),
            discipline=configuration.discipline,
            dispatch=configuration.dispatch,
        )
        for name, processors in configuration.nodes.items()
    )
    steps = tuple(
        Step(
            name=part.name,
            component=i,
            station=names.index(part.node),
            replicas=len(configuration.nodes[part.node]),
            service_time=Law(law="deterministic", mean=0.02),
            sends=(Send(probability=1 - part.exit_probability, step=i + 1),)
            if i + 1 < len(configuration.parts)
            else (),
        )
        for i, part in enumerate(configuration.parts)
    )
    stages = tuple(Stage(name=step.name, steps=(i,)) for i, step in enumerate(steps))
    source = Source(name="users", arrivals=Poisson(rate=rate))
    return Network(stations=pools, steps=steps, stages=stages, entries=(Entry(source=source, step=0),))


def _servant(configuration: Configuration) -> ProcessServant:
    nodes: dict[NodeKey, NodeProcess] = {}
    for name, processors in configuration.nodes.items():
        parts = {part.name: {"model": part.model} for part in configuration.parts if part.node == name}
        for number, processor in enumerate(processors):
            nodes[name, number] = NodeProcess(
                cores=1, parts=parts, sharing=configuration.discipline == "ps", processors=(processor,)
            )
    return ProcessServant(nodes, hand_on=frozenset(part.name for part in configuration.parts if part.hands_on))


def _work(configuration: Configuration, times: dict[str, ServedTimes]) -> dict[str, float]:
    """Return the seconds of work that a request brings to each node."""
    work: dict[str, float] = dict.fromkeys(configuration.nodes, 0.0)
    reaching = 1.0
    for part in configuration.parts:
        work[part.node] += reaching * fmean(times[part.name].service_seconds) / len(configuration.nodes[part.node])
        reaching *= 1 - part.exit_probability
    return work


def _figures(run: Trajectory) -> tuple[float, float, float]:
    ends, arrivals = run.ends[FIRST_COUNTED:], run.arrivals[FIRST_COUNTED:]
    done = np.isfinite(ends)
    response = ends[done] - arrivals[done]
    span = run.horizon - arrivals[0]
    return float(response.mean()), float(np.percentile(response, 95)), float(done.sum() / span)


# -- tables -----------------------------------------------------------------------------------------------------


def _row(outcome: Outcome) -> str:
    predicted, measured = outcome.predicted, outcome.measured
    cells = [outcome.configuration, f"{outcome.utilisation:g}", str(outcome.requests)]
    for i, factor in enumerate((1e3, 1e3, 1.0)):
        cells.append(f"{predicted[i] * factor:.1f} / {measured[i] * factor:.1f}")
        cells.append(f"{outcome.errors[i]:+.1%}")
    return "| " + " | ".join(cells) + " |"


def _document(outcomes: list[Outcome], seconds: float, origin: Provenance) -> str:
    versions = ", ".join(f"{name} {version}" for name, version in origin.versions.items())
    return "\n".join(
        [
            "# Prediction and reality",
            "",
            f"Made by `python -m benchmarks.validity --seconds {seconds:g} --out docs/validity.md` on {date.today()}: "
            f"{origin.cpu}, {origin.cores} cores, {platform.system()}, {versions}.",
            "",
            "Real networks under onnxruntime in processes pinned to a core each, joined by HTTP over loopback, timed",
            "with one request at a time and then driven with Poisson load. Prediction and measurement meet the same",
            f"arrivals; each run lasts {seconds:g} s. Cells read predicted / measured.",
            "",
            _summary(outcomes),
            "",
            "| configuration | utilisation | requests | mean, ms | error | p95, ms | error | answers/s | error |",
            "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
            *map(_row, outcomes),
            "",
        ]
    )


def _summary(outcomes: list[Outcome]) -> str:
    lines = [
        "| utilisation | configurations | error of the mean: median, largest | of p95 | of throughput |",
        "| ---: | ---: | ---: | ---: | ---: |",
    ]
    for utilisation in UTILISATIONS:
        those = [outcome for outcome in outcomes if outcome.utilisation == utilisation]
        if those:
            cells = [_spread([abs(each.errors[i]) for each in those], max, median) for i in range(3)]
            lines.append(f"| {utilisation:g} | {len(those)} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _spread(errors: list[float], *figures: Callable[[list[float]], float]) -> str:
    return ", ".join(f"{figure(errors):.1%}" for figure in reversed(figures))


if __name__ == "__main__":
    main()
