"""What was measured of an application beside its times: sizes of data (OSCAR-P), quality of alternatives (Studio)."""

from __future__ import annotations

from collections.abc import Mapping

from twin.formats.aisprint.graph import Graph
from twin.formats.aisprint.names import BASE, fold
from twin.formats.aisprint.reading import Entry, Reading, shown
from twin.formats.aisprint.units import Units
from twin.model.application import EPSILON, Application, Component, Dependency

SIZES = "oscarp/components_data_size.yaml"
PERFORMANCE = "space4ai-r/deployments_performance.yaml"


def with_sizes(
    reading: Reading, components: dict[str, Component], graph: Graph, units: Units
) -> tuple[dict[str, Component], tuple[Dependency, ...]]:
    """Return components and dependencies with the sizes that OSCAR-P measured."""
    root = reading.open(SIZES)
    sizes = {name: units.mega(entry.as_number()) for name, entry in (root.children() if root else {}).items()}
    if root is None:
        reading.note(f"there is no {SIZES}; transfers carry 0 MB")
    for name in sizes:
        if fold(name, graph.alternatives).component not in graph.components:
            reading.note(f"{SIZES}: {name!r} is no component; left out")
    sized = {name: _with_inner_sizes(component, sizes) for name, component in components.items()}
    dependencies = tuple(
        Dependency(origin=origin, to=to, probability=probability, data_mb=_size(components.get(origin), sizes))
        for (origin, to), probability in graph.probabilities.items()
    )
    return sized, dependencies


def _with_inner_sizes(component: Component, sizes: Mapping[str, float]) -> Component:
    deployments = {}
    for name, deployment in component.deployments.items():
        last = deployment.chain[-1].name
        partitions = {
            inner: partition if inner == last else partition.model_copy(update={"data_mb": sizes.get(inner, 0.0)})
            for inner, partition in deployment.partitions.items()
        }
        deployments[name] = deployment.model_copy(update={"partitions": partitions})
    return component.model_copy(update={"deployments": deployments})


def _size(component: Component | None, sizes: Mapping[str, float]) -> float:
    """Return what a component sends on: by its own name, else by the last segment of a deployment that has a size."""
    if component is None or component.name in sizes:
        return sizes.get(component.name, 0.0) if component else 0.0
    last = [deployment.chain[-1].name for deployment in component.deployments.values()]
    return next((sizes[name] for name in last if name in sizes), 0.0)


def with_performance(reading: Reading, application: Application, graph: Graph) -> Application:
    """Return *application* with the quality and the probabilities that deployments_performance.yaml gives alternatives.

    The metric is one of the whole application: an alternative gets that of the application in which it alone is used.
    """
    root = reading.open(PERFORMANCE)
    if root is None:
        return application
    system = root.at("System")
    ranked = [
        inner for item in system.at("sorted_deployments_performance").items() for inner in item.children().values()
    ]
    components = dict(application.components)
    for entry in ranked:
        parts = [fold(name, graph.alternatives) for name in entry.at("components").names()]
        if not parts:
            entry.problem("'components' is missing or empty; list what is used")
            continue
        replaced = list(dict.fromkeys((part.component, part.deployment) for part in parts if part.deployment != BASE))
        if len(replaced) > 1:
            reading.note(f"{entry.place}: several alternatives at once; its metric is left out")
            continue
        chosen = replaced or [(name, BASE) for name in dict.fromkeys(graph.alternatives.values())]
        for component, deployment in chosen:
            if deployment in getattr(components.get(component), "deployments", {}):
                components[component] = _rated(components[component], deployment, entry, application, graph)
    metric = system.at("metric_name").value or "the metric"
    reading.note(f"{root.source.name}: accuracy is {metric} of the whole application with that alternative alone")
    return application.model_copy(update={"components": components})


def _rated(component: Component, deployment: str, entry: Entry, application: Application, graph: Graph) -> Component:
    """Return *component* with what *entry* says of one of its deployments."""
    known = {edge.to: edge.probability for edge in application.dependencies_of(component.name)}
    changed: dict[str, float] = {}
    for item in entry.at("dependencies").items():
        if not isinstance(item.value, list) or len(item.value) != 3:
            item.problem(f"expected [from, to, probability], got {shown(item.value)}")
            continue
        origin, to = (fold(item.at(i).as_text(), graph.alternatives).component for i in (0, 1))
        probability = item.at(2).as_number()
        if probability > 1:
            item.at(2).problem(f"expected a probability between 0 and 1, got {probability:g}")
        elif origin == component.name and to in known and abs(known[to] - probability) > EPSILON:
            changed[to] = probability
    accuracy = entry.number("metric_value") if entry.has("metric_value") else None
    if accuracy is not None and accuracy > 1:
        entry.at("metric_value").problem(f"expected a metric between 0 and 1, got {accuracy:g}")
    rated = component.deployments[deployment].model_copy(
        update={"accuracy": accuracy, "transition_probabilities": changed}
    )
    return component.model_copy(update={"deployments": {**component.deployments, deployment: rated}})
