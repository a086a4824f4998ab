"""Alternatives ranked by the quality of the application's answers: deployments_performance.yaml."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise, product
from math import prod
from typing import Any

import networkx as nx

from design.designs.confusion import ChainQuality, Confusion, chain_quality, read_confusion
from design.designs.deployments import Models
from design.designs.inputs import Inputs
from twin.errors import DesignError, Problem, did_you_mean
from twin.formats.aisprint.graph import Edges
from twin.formats.aisprint.write_resources import plain

PERFORMANCE = "model_performance"
FOLDER = "classification_performance"
WEIGHTS = "src/class_weights.csv"
MOST_COMBINATIONS = 1000
NOTED_DIFFERENCE = 0.005
"""Difference of a probability in the graph from the one that follows from the matrix which a note tells of."""

Document = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranked:
    """One combination of alternatives and how good its answers are."""

    models: Models

    value: float

    probabilities: Edges
    """Those of the application, with what the filters in use let pass."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranking:
    """All combinations that reach the threshold, best first; the original one is always among them."""

    metric: str

    threshold: float

    entries: tuple[Ranked, ...]

    notes: tuple[str, ...]


def all_models(inputs: Inputs) -> list[Models]:
    """Return every combination of components and their alternatives, the original one first."""
    models = inputs.models
    count = prod(len(own) for own in models.values())
    if count > MOST_COMBINATIONS:
        raise DesignError(f"there are {count} combinations of alternatives; at most {MOST_COMBINATIONS} are ranked")
    return list(product(*models.values()))


def rank(inputs: Inputs) -> Ranking | None:
    """Return the ranking, or None where nothing carries model_performance; DesignError with what is wrong."""
    annotated = [name for name in inputs.graph.components if inputs.codes[name].has(PERFORMANCE)]
    if not annotated:
        return None
    chain = _chain(inputs, annotated)
    problems = list(_role_problems(inputs, chain))
    matrices: dict[str, Confusion] = {}
    for model in (model for name in chain for model in inputs.models[name]):
        shown = f"src/{inputs.codes[model].folder}/{FOLDER}"
        try:
            matrices[model] = read_confusion(inputs.source(model) / FOLDER, shown)
            problems += _class_problems(inputs, chain, model, matrices[model], shown)
        except DesignError as bad:
            problems.append(Problem("", bad.message))
    if problems:
        raise DesignError(f"alternatives of {inputs.folder}", problems)
    return _ranking(inputs, chain, matrices)


def ranking_document(ranking: Ranking, original: Models) -> Document:
    """Return deployments_performance.yaml."""
    entries: list[Document] = []
    for place in ranking.entries:
        others = sum("original_deployment" not in entry for entry in entries)
        key = "original_deployment" if place.models == original else f"alternative_deployment{others + 1}"
        called = dict(zip(original, place.models, strict=True))
        edges = [[called[origin], called[to], plain(p)] for (origin, to), p in place.probabilities.items()]
        entries.append({key: {"components": list(place.models), "dependencies": edges, "metric_value": place.value}})
    return {
        "System": {
            "metric_name": ranking.metric,
            "metric_thr": plain(ranking.threshold),
            "sorted_deployments_performance": entries,
        }
    }


def _chain(inputs: Inputs, annotated: Sequence[str]) -> list[str]:
    """Return the annotated components in the order of the graph: filters, then the classifier."""
    classifiers = [name for name in annotated if inputs.codes[name].argument(PERFORMANCE, "metric")]
    if len(classifiers) != 1:
        listed = ", ".join(classifiers) or "none"
        raise DesignError(f"model_performance: expected one component with a metric, the classifier; found {listed}")
    graph = nx.DiGraph(list(inputs.graph.probabilities))
    graph.add_nodes_from(inputs.graph.components)
    order = [name for name in nx.topological_sort(graph) if name in annotated]
    broken = [pair for pair in pairwise(order) if not nx.has_path(graph, *pair)]
    if broken or order[-1] != classifiers[0]:
        before, after = broken[0] if broken else (order[-1], classifiers[0])
        lead = f"no path leads from {before!r} to {after!r}"
        raise DesignError(f"model_performance: filters must follow each other up to the classifier; {lead}")
    return order


def _role_problems(inputs: Inputs, chain: Sequence[str]) -> Iterator[Problem]:
    """Yield filters that hold nothing back, and alternatives that contradict what they replace."""
    for name in chain[:-1]:
        if not inputs.codes[name].argument(PERFORMANCE, "filtered_class"):
            where = inputs.codes[name].uses[PERFORMANCE].place
            yield where.problem(PERFORMANCE, "comes before the classifier and needs a filtered_class")
    for name in chain:
        for model in inputs.models[name][1:]:
            for argument in ("metric", "metric_thr", "filtered_class"):
                own = inputs.codes[model].argument(PERFORMANCE, argument)
                wanted = inputs.codes[name].value(PERFORMANCE, argument)
                if own and own.value != wanted:
                    said = f"is {own.value!r} here and {wanted!r} for {name!r}, which it can replace; say the same"
                    yield own.place.problem(f"{PERFORMANCE}.{argument}", said)


def _class_problems(
    inputs: Inputs, chain: Sequence[str], model: str, confusion: Confusion, shown: str
) -> Iterator[Problem]:
    component = inputs.graph.alternatives.get(model, model)
    held = inputs.codes[component].argument(PERFORMANCE, "filtered_class")
    if held and str(held.value) not in confusion.classes:
        known = did_you_mean(str(held.value), confusion.classes)
        yield Problem(shown, f"has no class {held.value!r}, the filtered_class of {component!r}{known}")
    before = {inputs.codes[name].value(PERFORMANCE, "filtered_class") for name in chain[:-1]}
    if component == chain[-1] and set(confusion.classes) <= before:
        yield Problem(shown, "has only classes that are held back before the classifier")


def _ranking(inputs: Inputs, chain: Sequence[str], matrices: Mapping[str, Confusion]) -> Ranking:
    code = inputs.codes[chain[-1]]
    metric = str(code.value(PERFORMANCE, "metric"))
    threshold = code.value(PERFORMANCE, "metric_thr", 0.0)
    assert isinstance(threshold, int | float)
    ranked = [_ranked(inputs, chain, matrices, models, metric) for models in all_models(inputs)]
    original = ranked[0]
    kept = [one for one in ranked if one.value >= threshold or one is original]
    notes = []
    if (inputs.folder / WEIGHTS).exists():
        notes.append(f"{WEIGHTS} is not read; in averages every class counts the same")
    if len(kept) < len(ranked):
        notes.append(f"{len(ranked) - len(kept)} combinations of alternatives miss {metric} {threshold:g}; left out")
    if original.value < threshold:
        notes.append(f"the application without alternatives reaches {metric} {original.value:.4g}, not {threshold:g}")
    for edge, probability in original.probabilities.items():
        said = inputs.graph.probabilities[edge]
        if abs(said - probability) > NOTED_DIFFERENCE:
            follows = f"the confusion matrix of {edge[0]!r} gives {probability:.4g}, which is ranked with"
            notes.append(f"{edge[0]} > {edge[1]} has probability {said:g} in the graph; {follows}")
    best_first = sorted(kept, key=lambda one: -one.value)
    return Ranking(metric=metric, threshold=float(threshold), entries=tuple(best_first), notes=tuple(notes))


def _ranked(
    inputs: Inputs, chain: Sequence[str], matrices: Mapping[str, Confusion], models: Models, metric: str
) -> Ranked:
    used = dict(zip(inputs.graph.components, models, strict=True))
    filters = [
        (matrices[used[name]], str(inputs.codes[name].value(PERFORMANCE, "filtered_class"))) for name in chain[:-1]
    ]
    try:
        quality = chain_quality(filters, matrices[used[chain[-1]]])
    except ValueError as bad:
        raise DesignError(f"alternatives of {inputs.folder}: {bad}") from None
    return Ranked(
        models=models,
        value=round(quality.value(metric), 12),
        probabilities=_probabilities(inputs, chain, quality),
    )


def _probabilities(inputs: Inputs, chain: Sequence[str], quality: ChainQuality) -> Edges:
    """Return the probabilities of the graph, with those that leave a filter as it lets samples pass."""
    passing = dict(zip(chain[:-1], quality.passing, strict=True))
    return {
        (origin, to): round(passing.get(origin, probability), 12)
        for (origin, to), probability in inputs.graph.probabilities.items()
    }
