"""The application's own documents: its graph, candidates and partitionings, and the figures that belong to them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from twin.formats.aisprint.candidates import IMAGES
from twin.formats.aisprint.names import BASE, TEMPLATE
from twin.formats.aisprint.units import Units
from twin.formats.aisprint.write_plan import container_body, segment_suffix
from twin.formats.aisprint.write_resources import plain
from twin.formats.aisprint.written_names import WrittenNames, written_layers
from twin.model.application import Component, Container, Deployment, Partition
from twin.model.profile import Profile
from twin.model.scenario import Scenario

Document = dict[str, Any]


def graph_document(scenario: Scenario, names: WrittenNames, chosen: Mapping[str, Deployment]) -> Document:
    """Return application_dag.yaml; components in *chosen* appear as their segments, the others as a whole."""
    chains = {name: _chain(name, chosen.get(name), names) for name in scenario.application.components}
    edges: list[list[Any]] = []
    for name, chain in chains.items():
        leaving = [edge for edge in scenario.application.dependencies if edge.origin == name]
        exits = [partition.exit_probability for partition in chosen[name].chain] if name in chosen else [0.0]
        for i, part in enumerate(chain[:-1]):
            edges.append([part, chain[i + 1], plain(round(1 - exits[i], 12))])
            edges += [[part, chains[edge.to][0], plain(exits[i])] for edge in leaving if exits[i]]
        edges += [[chain[-1], chains[edge.to][0], plain(edge.probability)] for edge in leaving]
    alternatives = {name: list(own.values()) for name, own in names.alternatives.items() if own}
    return {
        "System": {
            "name": scenario.name,
            "components": [part for chain in chains.values() for part in chain],
            "dependencies": edges,
            **({"alternative_components": alternatives} if alternatives else {}),
        }
    }


def _chain(component: str, deployment: Deployment | None, names: WrittenNames) -> list[str]:
    return [names.partitions[p.name] for p in deployment.chain] if deployment else [component]


def candidates_document(scenario: Scenario, names: WrittenNames) -> Document:
    """Return candidate_deployments.yaml: one entry stands for a segment of all cuts that agree on it."""
    entries: Document = {}
    for number, component in enumerate(scenario.application.components.values(), 1):
        key = f"component{number}"
        if component.name in names.base:
            whole = component.deployments[names.base[component.name]].chain[0]
            entries[key] = _candidate(scenario, component.name, whole)
        entries.update(_segments(scenario, names, component, key))
        for i, (deployment, written) in enumerate(names.alternatives[component.name].items(), 1):
            entries[f"{key}_alternative{i}"] = _candidate(scenario, written, component.deployments[deployment].chain[0])
    return {"Components": entries}


def _segments(scenario: Scenario, names: WrittenNames, component: Component, key: str) -> Document:
    by_position: dict[int, list[tuple[str, Partition]]] = {}
    for deployment, k in names.cuts[component.name].items():
        for position, partition in enumerate(component.deployments[deployment].chain, 1):
            by_position.setdefault(position, []).append((k, partition))
    entries: Document = {}
    for position, segments in by_position.items():
        template = f"{component.name}_partition{TEMPLATE}_{position}"
        common = [_candidate(scenario, template, _templated(partition, k)) for k, partition in segments]
        if all(one == common[0] for one in common) and all(_fits_template(partition, k) for k, partition in segments):
            entries[f"{key}{segment_suffix(template)}"] = common[0]
            continue
        for _, partition in segments:
            written = names.partitions[partition.name]
            entries[f"{key}{segment_suffix(written)}"] = _candidate(scenario, written, partition)
    return entries


def _templated(partition: Partition, k: str) -> Partition:
    """Return *partition* with the k of its images replaced by the X of a template."""
    candidates = {name: _renamed(container, k, TEMPLATE) for name, container in partition.candidates.items()}
    return partition.model_copy(update={"candidates": candidates})


def _fits_template(partition: Partition, k: str) -> bool:
    """Say whether filling in *k* again gives the images of *partition*."""
    there = _templated(partition, k).candidates
    return all(_renamed(there[name], TEMPLATE, k) == own for name, own in partition.candidates.items())


def _renamed(container: Container, before: str, after: str) -> Container:
    def rename(image: Any) -> Any:
        return image.replace(f"_partition{before}_", f"_partition{after}_") if isinstance(image, str) else image

    images = container.properties.get(IMAGES)
    listed = {IMAGES: [rename(image) for image in images]} if isinstance(images, list) else {}
    return container.model_copy(
        update={"image": rename(container.image), "properties": {**container.properties, **listed}}
    )


def _candidate(scenario: Scenario, name: str, partition: Partition) -> Document:
    """Return one entry: equal containers are one, which lists all its resources."""
    layers = written_layers(scenario.continuum)
    numbers = [layers[scenario.continuum.host(resource).layer].number for resource in partition.candidates]
    grouped: list[tuple[Document, list[str]]] = []
    for resource, container in partition.candidates.items():
        body = container_body(container) | {"image": container.properties.get(IMAGES, container.image)}
        same = next((resources for other, resources in grouped if other == body), None)
        if same is None:
            grouped.append((body, [resource]))
        else:
            same.append(resource)
    return {
        "name": name,
        "candidateExecutionLayers": list(dict.fromkeys(numbers)),
        "Containers": {
            f"container{i}": {**body, "candidateExecutionResources": resources}
            for i, (body, resources) in enumerate(grouped, 1)
        },
    }


def partitions_document(scenario: Scenario, names: WrittenNames) -> Document:
    """Return component_partitions.yaml."""
    found: Document = {}
    for component in scenario.application.components.values():
        parts = [BASE] if component.name in names.base else []
        for deployment, k in names.cuts[component.name].items():
            parts += [f"partition{k}_{i}" for i in range(1, len(component.deployments[deployment].chain) + 1)]
        found[component.name] = {"partitions": parts}
    return {"components": found}


def sizes_document(scenario: Scenario, names: WrittenNames, units: Units) -> Document:
    """Return components_data_size.yaml; a component has one size, the largest of what it sends."""
    sizes: dict[str, float] = {}
    for component in scenario.application.components.values():
        sent = [edge.data_mb for edge in scenario.application.dependencies_of(component.name)]
        if any(sent):
            sizes[component.name] = max(sent)
        for deployment in component.deployments.values():
            sizes.update({names.partitions[p.name]: p.data_mb for p in deployment.chain[:-1] if p.data_mb})
    return {name: plain(units.from_mega(size)) for name, size in sizes.items()}


def profiles_document(scenario: Scenario, names: WrittenNames) -> Document:
    """Return profiles.yaml: the service times of each partition by resource, those of device classes spelt out."""
    hosts = [*scenario.continuum.resources, *scenario.continuum.functions]
    found: Document = {}
    for partition, written in names.partitions.items():
        profiles = {host: profile for host in hosts if (profile := scenario.profile(partition, host))}
        if profiles:
            found[written] = {host: _profile(profile) for host, profile in profiles.items()}
    return found


def _profile(profile: Profile) -> Any:
    body = profile.model_dump(mode="json", exclude_defaults=True)
    law = body["service_time"]
    return law["mean"] if body.keys() == {"service_time"} and law.keys() == {"mean"} else body


def performance_document(scenario: Scenario, names: WrittenNames) -> Document:
    """Return deployments_performance.yaml: the application with each alternative alone, best first; empty without."""
    components = scenario.application.components
    pairs = [(name, deployment) for name, own in names.alternatives.items() for deployment in own]
    if not any(_is_rated(components[name].deployments[d]) for name, d in [*pairs, *_bases(names)] if pairs):
        return {}
    entries = [{"original_deployment": _ranked(scenario, names, _bases(names))}]
    for i, pair in enumerate(pairs, 1):
        entries.append({f"alternative_deployment{i}": _ranked(scenario, names, [pair])})
    best_first = sorted(entries, key=lambda one: -next(iter(one.values())).get("metric_value", 0.0))
    return {
        "System": {"metric_name": "average_accuracy", "metric_thr": 0, "sorted_deployments_performance": best_first}
    }


def _bases(names: WrittenNames) -> list[tuple[str, str]]:
    """Return the base deployments of all components that have alternatives."""
    return [(name, names.base[name]) for name, own in names.alternatives.items() if own]


def _is_rated(deployment: Deployment) -> bool:
    return deployment.accuracy is not None or bool(deployment.transition_probabilities)


def _ranked(scenario: Scenario, names: WrittenNames, pairs: list[tuple[str, str]]) -> Document:
    """Return one entry of the ranking, in which the deployments of *pairs* are used."""
    application = scenario.application
    used = {name: application.components[name].deployments[deployment] for name, deployment in pairs}
    called = {
        name: names.partitions[used[name].chain[0].name] if name in used else name for name in application.components
    }
    edges = []
    for edge in application.dependencies:
        changed = used[edge.origin].transition_probabilities if edge.origin in used else {}
        edges.append([called[edge.origin], called[edge.to], plain(changed.get(edge.to, edge.probability))])
    rated = [deployment.accuracy for deployment in used.values() if deployment.accuracy is not None]
    metric = {"metric_value": plain(rated[0])} if rated else {}
    return {"components": list(called.values()), "dependencies": edges, **metric}
