"""The annotations of all components of an application folder, and what must hold between them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import pairwise
from pathlib import Path

from design.annotations.reading import AnnotatedCode, read_code
from design.annotations.rules import component_problems
from design.annotations.source_place import CodeProblem
from twin.errors import DesignError, Problem, did_you_mean
from twin.formats.aisprint.graph import DAG, Graph

SOURCES = "src"
MAIN_FILE = "main.py"
_GENERATED = "__pycache__"


def load_annotations(application: Path) -> dict[str, dict[str, dict[str, object]]]:
    """Return component → annotation → argument → value; DesignError with everything wrong in all main.py."""
    codes, problems = read_components(Path(application))
    if problems:
        raise DesignError(f"annotations of {application}", problems)
    return {str(code.value("component_name", "name")): annotations_of(code) for code in codes}


def annotations_of(code: AnnotatedCode) -> dict[str, dict[str, object]]:
    """Return the annotations of one component as plain values: annotation → argument → value."""
    return {
        name: {argument: _listed(found.value) for argument, found in use.arguments.items() if found.value is not None}
        for name, use in code.uses.items()
    }


def _listed(value: object) -> object:
    """Return *value* with lists in place of tuples, as files hold them."""
    if isinstance(value, dict):
        return {key: _listed(inner) for key, inner in value.items()}
    return [_listed(item) for item in value] if isinstance(value, list | tuple) else value


def read_components(application: Path) -> tuple[list[AnnotatedCode], list[Problem]]:
    """Return what each folder under src/ says, and everything wrong with it alone or because a name appears twice."""
    sources = application / SOURCES
    try:
        folders = sorted(path for path in sources.iterdir() if path.is_dir())
    except OSError as bad:
        return [], [Problem(f"{SOURCES}/", f"cannot be read: {bad.strerror or bad}; it holds a folder per component")]
    folders = [path for path in folders if not path.name.startswith(".") and path.name != _GENERATED]
    if not folders:
        return [], [Problem(f"{SOURCES}/", f"holds no folder; add one per component, with a {MAIN_FILE}")]
    codes: list[AnnotatedCode] = []
    problems: list[Problem] = []
    for folder in folders:
        code, faults = read_code(folder / MAIN_FILE, f"{SOURCES}/{folder.name}/{MAIN_FILE}")
        if code is not None:
            faults += component_problems(code)
            codes.append(code)
        problems += sorted(faults, key=lambda fault: (fault.line or 0, fault.column or 0))
    return codes, [*problems, *_repeated_names(codes)]


def _repeated_names(codes: list[AnnotatedCode]) -> Iterator[CodeProblem]:
    first: dict[object, str] = {}
    for code in codes:
        name = code.argument("component_name", "name")
        if name is None:
            continue
        known = first.setdefault(name.value, code.place.file)
        if known != code.place.file:
            yield name.place.problem("component_name.name", f"{name.value!r} is the name in {known} already")


def graph_problems(codes: Mapping[str, AnnotatedCode], graph: Graph) -> Iterator[Problem]:
    """Yield where annotations, by component, and the application's graph contradict each other."""
    names = [*graph.components, *graph.alternatives]
    for name, code in codes.items():
        place = code.uses["component_name"].place
        if name not in names:
            yield place.problem("component_name.name", f"{DAG} has no component {name!r}{did_you_mean(name, names)}")
        elif name in graph.alternatives and code.folder != name:
            yield place.problem("component_name.name", f"the folder of the alternative {name!r} must bear its name")
    for name in names:
        if name not in codes:
            yield Problem(f"{SOURCES}/", f"no {MAIN_FILE} has component_name {name!r}, which {DAG} names")
    for name, code in codes.items():
        yield from _path(name, code, codes, graph)


def _path(name: str, code: AnnotatedCode, codes: Mapping[str, AnnotatedCode], graph: Graph) -> Iterator[Problem]:
    """Check that the components of a limited path follow each other and carry exec_time."""
    argument = code.argument("exec_time", "prev_components")
    if argument is None or not isinstance(argument.value, list | tuple):
        return
    where = "exec_time.prev_components"
    path = [graph.alternatives.get(str(one), str(one)) for one in (*argument.value, name)]
    for one in argument.value:
        if one not in graph.components:
            yield argument.place.problem(where, f"unknown component {one!r}{did_you_mean(str(one), graph.components)}")
        elif one in codes and not codes[one].has("exec_time"):
            lacking = f"{one!r} lacks exec_time, which may be empty: add @exec_time() in {codes[one].place.file}"
            yield argument.place.problem(where, lacking)
    if all(one in graph.components for one in path):
        for before, after in pairwise(path):
            if (before, after) not in graph.probabilities:
                yield argument.place.problem(where, f"no dependency leads from {before!r} to {after!r}")
