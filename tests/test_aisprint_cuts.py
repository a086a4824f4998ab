"""Partitions, early exits and alternatives of an application folder are the ways to run a component."""

from __future__ import annotations

from pathlib import Path

from tests.aisprint_folders import (
    CANDIDATES,
    DAG,
    OPTIMAL,
    PARTITIONS,
    PLAN,
    alternatives,
    candidate,
    dag,
    documents,
    read,
    selected,
)
from twin.formats.aisprint import (
    load_application,
    save_application,
)


def test_ten_and_more_cuts(tmp_path: Path) -> None:
    """The number of a cut may have several digits and zeros; cuts stand in the order of their numbers."""
    files = documents()
    cuts = [f"partition{k}_{i}" for k in (10, 2, 1, 101) for i in (2, 1)]
    files[PARTITIONS]["components"]["a"]["partitions"] = ["base", *cuts]
    deployments = read(tmp_path, files).scenario.application.components["a"].deployments
    assert list(deployments) == ["base", "partition1", "partition2", "partition10", "partition101"]
    assert list(deployments["partition10"].partitions) == ["a_partition10_1", "a_partition10_2"]
    assert deployments["partition10"].chain[0].candidates["Pi"].image == "reg/a_partition10_1_amd64"


def test_cuts_that_only_a_graph_shows(tmp_path: Path) -> None:
    """Without component_partitions.yaml the graphs of deployments say how components are cut."""
    files = {**documents(), PARTITIONS: None}
    files["aisprint/deployments/deployment3/application_dag.yaml"] = dag(
        ["a_partition12_1", "a_partition12_2", "b"],
        ["a_partition12_1", "a_partition12_2", 1],
        ["a_partition12_2", "b", 0.5],
    )
    deployments = read(tmp_path, files).scenario.application.components["a"].deployments
    assert list(deployments) == ["base", "partition1", "partition12"]


def test_own_entry_of_a_segment_comes_before_its_template(tmp_path: Path) -> None:
    """A cut can differ from the others where its segment has an entry of its own."""
    files = documents()
    files[PARTITIONS]["components"]["a"]["partitions"] += ["partition2_1", "partition2_2"]
    files[CANDIDATES]["Components"]["component1_partition2_1"] = candidate("a_partition2_1", "VM")
    scenario = read(tmp_path / "x", files).scenario
    assert list(scenario.application.partition("a_partition2_1")[2].candidates) == ["VM"]
    assert list(scenario.application.partition("a_partition1_1")[2].candidates) == ["Pi"]
    save_application(scenario, tmp_path / "y")
    assert load_application(tmp_path / "y", require_profiles=False).scenario == scenario


def test_image_that_looks_like_a_template_survives(tmp_path: Path) -> None:
    """An image that no template could give is written with its segment."""
    files = documents()
    own = candidate("a_partition1_1", "Pi", image="reg/a_partitionX_1")
    files[CANDIDATES]["Components"]["component1_partition1_1"] = own
    scenario = read(tmp_path / "x", files).scenario
    assert scenario.application.partition("a_partition1_1")[2].candidates["Pi"].image == "reg/a_partitionX_1"
    save_application(scenario, tmp_path / "y")
    assert load_application(tmp_path / "y", require_profiles=False).scenario == scenario


def test_templates_that_nothing_uses_are_noted(tmp_path: Path) -> None:
    """A template without any partitioning is no deployment."""
    files = {**documents(), PARTITIONS: None, f"{OPTIMAL}/application_dag.yaml": None, PLAN: None}
    folder = read(tmp_path, files)
    assert list(folder.scenario.application.components["a"].deployments) == ["base"]
    assert any("a_partitionX_1" in note for note in folder.notes)


def test_early_exit_in_the_middle(tmp_path: Path) -> None:
    """Segment to segment with p, segment to successor with 1 - p."""
    files = documents()
    files[f"{OPTIMAL}/application_dag.yaml"] = dag(
        ["a_partition1_1", "a_partition1_2", "b"],
        ["a_partition1_1", "a_partition1_2", 0.3],
        ["a_partition1_1", "b", 0.7],
        ["a_partition1_2", "b", 0.5],
    )
    folder = read(tmp_path / "x", files)
    assert folder.scenario.application.partition("a_partition1_1")[2].exit_probability == 0.7
    assert not any("early" in note for note in folder.notes)
    save_application(folder.scenario, tmp_path / "y")
    assert load_application(tmp_path / "y", require_profiles=False).scenario == folder.scenario


def test_early_exit_of_the_last_component(tmp_path: Path) -> None:
    """Where no component follows there is only the edge between the segments."""
    files = documents()
    graph = dag(
        ["a", "b_partition1_1", "b_partition1_2"],
        ["a", "b_partition1_1", 0.5],
        ["b_partition1_1", "b_partition1_2", 0.4],
    )
    files["aisprint/deployments/deployment1/application_dag.yaml"] = graph
    files[CANDIDATES]["Components"] |= {
        "component2_partitionX_1": candidate("b_partitionX_1", "VM"),
        "component2_partitionX_2": candidate("b_partitionX_2", "F1"),
    }
    scenario = read(tmp_path / "x", files).scenario
    chain = scenario.application.components["b"].deployments["partition1"].chain
    assert [partition.exit_probability for partition in chain] == [0.6, 0]
    save_application(scenario, tmp_path / "y")
    assert load_application(tmp_path / "y", require_profiles=False).scenario == scenario


def test_exit_edges_that_contradict_each_other_are_noted(tmp_path: Path) -> None:
    """The edge between the segments counts."""
    files = documents()
    files[f"{OPTIMAL}/application_dag.yaml"] = dag(
        ["a_partition1_1", "a_partition1_2", "b"],
        ["a_partition1_1", "a_partition1_2", 0.3],
        ["a_partition1_1", "b", 0.2],
        ["a_partition1_2", "b", 0.5],
    )
    folder = read(tmp_path, files)
    assert folder.scenario.application.partition("a_partition1_1")[2].exit_probability == 0.7
    assert any("probability 0.2" in note for note in folder.notes)


def test_alternatives(tmp_path: Path) -> None:
    """An alternative is a deployment of what it replaces, with its own quality and probabilities; it can be placed."""
    files = alternatives()
    files["aisprint/deployments/deployment1/application_dag.yaml"] = dag(["a2", "b"], ["a2", "b", 0.5])
    files[PLAN]["System"]["Components"] = {"component1": selected("a2", "VM", 2), "component2": selected("b", "VM", 2)}
    scenario = read(tmp_path / "x", files).scenario
    deployments = scenario.application.components["a"].deployments
    assert list(deployments) == ["base", "partition1", "a2"]
    assert [d.accuracy for d in deployments.values()] == [0.9, None, 0.7]
    assert deployments["a2"].transition_probabilities == {"b": 0.6}
    assert deployments["base"].transition_probabilities == {}
    save_application(scenario, tmp_path / "y")
    assert load_application(tmp_path / "y", require_profiles=False).scenario == scenario


def test_alternatives_known_by_their_key_alone(tmp_path: Path) -> None:
    """The key component1_alternative1 says whose alternative it is."""
    files = alternatives()
    del files[DAG]["System"]["alternative_components"]
    assert "a2" in read(tmp_path, files).scenario.application.components["a"].deployments
