"""Constraints of an application folder: the QoS files, and what only the annotations know.

Studio writes the same constraint several times: for the whole application, for each layer, for each deployment, and
over the segments of a component that is cut. Names are folded into their components, and each constraint counts once.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise

from twin.errors import did_you_mean
from twin.formats.aisprint.graph import DEPLOYMENTS, Graph, deployment_names
from twin.formats.aisprint.hosts import GIGABYTE_MB
from twin.formats.aisprint.names import BASE, fold
from twin.formats.aisprint.reading import LARGEST_NUMBER, Entry, Reading, natural
from twin.formats.aisprint.units import Units
from twin.model.constraints import (
    Constraint,
    DeviceConstraint,
    GlobalConstraint,
    LocalConstraint,
    ThroughputConstraint,
)

ANNOTATIONS = "common_config/annotations.yaml"
MULTI_CLUSTER = f"{DEPLOYMENTS}/multi_cluster_qos_constraints.yaml"

_PATHS = ("path_components", "components_path", "components")


@dataclass(slots=True)
class _Found:
    """Limits by what they limit: a path of components, of which a single one is local."""

    graph: Graph

    units: Units

    limits: dict[tuple[str, ...], tuple[float, str]] = field(default_factory=dict)

    def component(self, entry: Entry) -> str | None:
        """Return the component that a name in *entry* belongs to."""
        name = entry.as_text()
        component = fold(name, self.graph.alternatives).component
        if component in self.graph.components:
            return component
        if name != "?":
            entry.problem(f"unknown component {name!r}{did_you_mean(component, self.graph.components)}")
        return None

    def add(self, path: tuple[str, ...], threshold: Entry) -> None:
        """Keep the limit of *path*; where two differ, the first one counts."""
        limit = self.units.seconds(threshold.as_number(positive=True))
        known, where = self.limits.setdefault(path, (limit, threshold.source.name))
        if known != limit:
            what = f"the limit of {' > '.join(path)} is {limit:g} s"
            threshold.reading.note(f"{threshold.source.name}: {what}, in {where} {known:g} s; the latter counts")


def read_constraints(reading: Reading, graph: Graph, units: Units, chosen: str | None) -> tuple[Constraint, ...]:
    """Return all constraints of the folder: local, global, of throughput, of devices."""
    found = _Found(graph, units)
    roots = [entry for name in _files(reading, chosen) if (entry := reading.open(name))]
    systems = [system for root in roots for system in _systems(root)]
    for system in systems:
        _read_limits(system, found)
    annotations = _annotated(reading.open(ANNOTATIONS), found)
    if not systems:
        for component, entry in annotations:
            _exec_time(component, entry.at("exec_time"), found)
    _check_paths(reading, found)
    local = [
        LocalConstraint(kind="local", component=path[0], limit=limit) for path, limit in _limits(found, single=True)
    ]
    paths = [GlobalConstraint(kind="global", path=path, limit=limit) for path, limit in _limits(found, single=False)]
    return (*local, *paths, *_throughput(reading, annotations, systems), *_devices(annotations))


def expected_rate(root: Entry | None) -> float | None:
    """Return the largest rate that the annotations expect, or None; wrong ones are not this reader's."""
    bodies = root.value.values() if root else []
    expected = [body.get("expected_throughput") for body in bodies if isinstance(body, dict)]
    rates = [one.get("rate") for one in expected if isinstance(one, dict)]
    numbers = [float(rate) for rate in rates if isinstance(rate, int | float) and not isinstance(rate, bool)]
    return max((number for number in numbers if 0 < number <= LARGEST_NUMBER), default=None)


def _limits(found: _Found, *, single: bool) -> list[tuple[tuple[str, ...], float]]:
    """Return limits of single components or of paths, in the order of the components."""
    order = {name: i for i, name in enumerate(found.graph.components)}
    limits = [(path, limit) for path, (limit, _) in found.limits.items() if (len(path) == 1) == single]
    return sorted(limits, key=lambda one: [order[name] for name in one[0]])


def _files(reading: Reading, chosen: str | None) -> list[str]:
    """Return where QoS files may stand, those of the chosen deployment first."""
    first = [name for name in (chosen, BASE) if name]
    others = [name for name in deployment_names(reading) if name not in first]
    folders = [f"{DEPLOYMENTS}/{name}/" for name in [*first, *others]]
    folders.insert(len(first), "")
    places = [f"{folder}{inner}" for folder in folders for inner in ("space4ai-d", "ams")]
    files = [f"{place}/{name}" for place in dict.fromkeys(places) for name in _qos_names(reading, place)]
    return [*files, MULTI_CLUSTER]


def _qos_names(reading: Reading, place: str) -> list[str]:
    folder = reading.folder / place
    return natural(path.name for path in folder.glob("qos_constraints*.yaml")) if folder.is_dir() else []


def _systems(root: Entry) -> Iterator[Entry]:
    """Yield what holds constraints: the root ``system`` or ``System``, or each layer of the file of all clusters."""
    system = root.at("System") if root.has("System") else root.at("system")
    if not isinstance(system.value, dict):
        root.problem("expected 'system' with local_constraints and global_constraints")
        return
    if not system.has("Deployments"):
        yield system
        return
    for deployment in system.at("Deployments").children().values():
        yield from deployment.at("ExecutionLayers").children().values()


def _read_limits(system: Entry, found: _Found) -> None:
    for entry in system.at("local_constraints").children().values():
        if entry.value is None:
            continue
        component = found.component(entry.at("component_name"))
        if component:
            found.add((component,), entry.at("threshold"))
            _note_segment(entry, component)
    for entry in system.at("global_constraints").children().values():
        if entry.value is None:
            continue
        key = next((key for key in _PATHS if entry.has(key)), _PATHS[0])
        names = entry.at(key).items()
        if not names:
            entry.problem(f"{key!r} is missing or empty; list the components of the path")
            continue
        path = _folded([found.component(name) for name in names])
        if path:
            found.add(path, entry.at("threshold"))


def _note_segment(entry: Entry, component: str) -> None:
    name = entry.at("component_name").value
    if str(name) != component:
        entry.reading.note(f"{entry.place}: the limit of {name!r} is read as that of the whole component {component!r}")


def _folded(names: list[str | None]) -> tuple[str, ...]:
    """Return the path of components, each once; empty if one of them is unknown."""
    if None in names:
        return ()
    path = [name for i, name in enumerate(names) if name and (i == 0 or names[i - 1] != name)]
    return tuple(path)


def _check_paths(reading: Reading, found: _Found) -> None:
    for path, (_, where) in found.limits.items():
        for before, after in pairwise(path):
            if (before, after) not in found.graph.probabilities:
                reading.problem(where, f"path {' > '.join(path)}: no dependency leads from {before!r} to {after!r}")


def _annotated(root: Entry | None, found: _Found) -> list[tuple[str, Entry]]:
    """Return the annotations by component; those of alternatives are left out."""
    annotated: list[tuple[str, Entry]] = []
    for entry in (root.children() if root else {}).values():
        name = entry.at("component_name").text("name")
        if name in found.graph.alternatives:
            entry.reading.note(f"{entry.place}: annotations of the alternative {name!r} are left out")
            continue
        component = found.component(entry.at("component_name").at("name")) if name != "?" else None
        if component:
            annotated.append((component, entry))
    return annotated


def _exec_time(component: str, entry: Entry, found: _Found) -> None:
    if entry.has("local_time_thr"):
        found.add((component,), entry.at("local_time_thr"))
    if entry.has("global_time_thr"):
        before = [found.component(name) for name in entry.at("prev_components").items()]
        path = _folded([*before, component])
        if path:
            found.add(path, entry.at("global_time_thr"))


def _throughput(
    reading: Reading, annotations: list[tuple[str, Entry]], systems: list[Entry]
) -> Iterator[ThroughputConstraint]:
    """Yield what the annotations expect; the QoS files name a component, but no rate."""
    rates: dict[str, float] = {}
    for component, entry in annotations:
        expected = entry.at("expected_throughput")
        if expected.value is not None:
            rates.setdefault(component, expected.number("rate", positive=True))
            reading.note(f"{expected.place}: the rate of {component!r} is taken as files per second")
    for system in systems:
        name = system.at("throughput_component").value
        if isinstance(name, str) and name and not rates:
            reading.note(f"{system.source.name}: throughput_component {name!r} without a rate; no constraint is made")
    for component, rate in rates.items():
        yield ThroughputConstraint(kind="throughput", component=component, at_least=rate)


def _devices(annotations: list[tuple[str, Entry]]) -> Iterator[DeviceConstraint]:
    for component, entry in annotations:
        needs = entry.at("device_constraints")
        if needs.value is None:
            continue
        video = needs.number("vram", 0.0) * GIGABYTE_MB
        uses = needs.at("use_gpu_for").names()
        memory = needs.number("ram", 0.0) * GIGABYTE_MB
        gpu = bool(uses) or video > 0
        yield DeviceConstraint(kind="device", component=component, memory_mb=memory, gpu_memory_mb=video, gpu=gpu)
