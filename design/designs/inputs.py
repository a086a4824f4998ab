"""What an application folder says before it is designed: annotated code, graph, resources and candidates."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from design.annotations.application import graph_problems, read_components
from design.annotations.reading import AnnotatedCode
from twin.errors import DesignError, Problem
from twin.formats.aisprint.candidates import CANDIDATES, read_alternatives, read_candidates
from twin.formats.aisprint.folder import read_resources
from twin.formats.aisprint.graph import DAG, Graph, read_own_graph
from twin.formats.aisprint.names import cut_of
from twin.formats.aisprint.reading import Entry, Reading
from twin.model.continuum import Continuum


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """A folder that is sound as far as its own files go."""

    folder: Path
    """As it was given: annotations.yaml names the code by it."""

    graph: Graph

    codes: Mapping[str, AnnotatedCode]
    """By component or alternative."""

    candidates: Mapping[str, Entry]
    """Entries of candidate_deployments.yaml by the name in them."""

    layers: Mapping[str, tuple[int, ...]]
    """By the same names: where each may run, the preferred layer first."""

    continuum: Continuum

    notes: tuple[str, ...]

    @property
    def models(self) -> dict[str, list[str]]:
        """Component → itself and its alternatives."""
        replaced = self.graph.alternatives
        return {name: [name, *(a for a in replaced if replaced[a] == name)] for name in self.graph.components}

    def source(self, model: str) -> Path:
        """Return the folder under src/ that holds a component or an alternative."""
        return self.folder / "src" / self.codes[model].folder


def read_inputs(folder: Path) -> Inputs:
    """Read an application folder; DesignError with every problem of its code and its files."""
    if not folder.is_dir():
        raise DesignError(f"{folder} is no folder")
    codes, problems = read_components(folder)
    reading, aside = Reading(folder=folder), Reading(folder=folder)
    root = reading.open(CANDIDATES)
    graph = read_own_graph(reading, _whole(read_alternatives(root)))
    continuum, _ = read_resources(aside, None, "auto")  # its notes on units concern a run, not the designs
    layers: dict[str, tuple[int, ...]] = {}
    if root is None:
        reading.problem(CANDIDATES, "the file is absent or empty; it says where each component may run")
    elif graph.components and continuum is not None:
        candidates = read_candidates(root, graph, continuum, reduced=False)
        layers = {name: _layers(entry, candidates, continuum) for name, entry in _entries(root).items()}
    by_name = {str(code.value("component_name", "name")): code for code in codes if code.has("component_name")}
    readable = not problems or len(by_name) == len(codes)
    across = graph_problems(by_name, graph) if readable and graph.components else ()
    problems = [*problems, *across, *reading.problems, *aside.problems]
    if problems or continuum is None:
        raise DesignError(f"application folder {folder}", dict.fromkeys(problems))
    return Inputs(
        folder=folder,
        graph=graph,
        codes=by_name,
        candidates=_entries(root),
        layers=layers,
        continuum=continuum,
        notes=(*reading.notes, *_isolated(graph)),
    )


def _whole(alternatives: Mapping[str, str]) -> dict[str, str]:
    """Return alternatives without their segments, whose keys begin like theirs."""
    return {name: component for name, component in alternatives.items() if cut_of(name) is None}


def _entries(root: Entry | None) -> dict[str, Entry]:
    entries = root.at("Components").children().values() if root else ()
    return {str(entry.at("name").value): entry for entry in entries}


def _layers(entry: Entry, candidates: Mapping[str, Mapping[str, object]], continuum: Continuum) -> tuple[int, ...]:
    """Return the layers an entry lists, or else those of its resources."""
    listed = [item.value for item in entry.at("candidateExecutionLayers").items() if isinstance(item.value, int)]
    hosts = candidates.get(str(entry.at("name").value), {})
    own = [number for host in hosts if (number := continuum.layers[continuum.host(host).layer].number) is not None]
    return tuple(dict.fromkeys(listed or own))


def _isolated(graph: Graph) -> list[str]:
    """Note components that no dependency names: Studio refuses a folder with them."""
    named = {name for edge in graph.probabilities for name in edge}
    alone = [name for name in graph.components if name not in named] if len(graph.components) > 1 else []
    return [f"{DAG}: no dependency names {', '.join(alone)}; AI-SPRINT's own tools refuse that"] if alone else []


def missing_candidates(part: str) -> Problem:
    """Return the problem that nothing says where *part* may run."""
    return Problem(CANDIDATES, f"no entry says where {part!r} may run; add one with that name")
