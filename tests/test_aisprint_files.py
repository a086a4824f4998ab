"""AI-SPRINT application folders are read as what they mean, refused with reasons, and written without loss."""

from __future__ import annotations

import copy
import tempfile
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from twin.errors import PlanError, ScenarioError
from twin.formats.aisprint import (
    ApplicationFolder,
    application_losses,
    dump_application,
    dump_production_deployment,
    load_application,
    load_production_deployment,
    save_application,
    save_production_deployment,
)
from twin.formats.aisprint.names import Part, fold, replaced_key
from twin.formats.aisprint.reading import natural
from twin.formats.aisprint.units import units_of, writing_units
from twin.formats.aisprint.written_names import written_layers
from twin.model.checks import scenario_problems
from twin.model.continuum import Continuum
from twin.model.plan import Plan
from twin.model.plan_checks import plan_problems
from twin.model.scenario import Scenario

CASES = Path(__file__).resolve().parents[2] / "shared" / "data" / "toscarizer_cases"
CASE_NAMES = (
    "app_test_base_aws",
    "app_test_optimal_aws",
    "x_cpu_int",
    "x_diamond",
    "x_early_exit",
    "x_gpu_sgx",
    "x_image_null",
    "x_single",
)
Documents = dict[str, Any]

DAG = "common_config/application_dag.yaml"
RESOURCES = "common_config/candidate_resources.yaml"
CANDIDATES = "common_config/candidate_deployments.yaml"
ANNOTATIONS = "common_config/annotations.yaml"
PARTITIONS = "aisprint/designs/component_partitions.yaml"
OPTIMAL = "aisprint/deployments/optimal_deployment"
PLAN = f"{OPTIMAL}/production_deployment.yaml"
QOS = "space4ai-d/qos_constraints.yaml"


def container(*resources: str, **facts: Any) -> Documents:
    """Return a container that may run on *resources*."""
    return {
        "image": None,
        "memorySize": 512,
        "computingUnits": 1,
        **facts,
        "candidateExecutionResources": list(resources),
    }


def candidate(name: str, *resources: str, **facts: Any) -> Documents:
    """Return an entry of candidate_deployments.yaml with one container."""
    return {
        "name": name,
        "candidateExecutionLayers": [1, 2],
        "Containers": {"container1": container(*resources, **facts)},
    }


def selected(name: str, resource: str, layer: int, key: str = "selectedExecutionResource") -> Documents:
    """Return an entry of production_deployment.yaml."""
    body = {"image": "there", "memorySize": 512, "computingUnits": 1, key: resource}
    return {"name": name, "executionLayer": layer, "Containers": {"container1": body}}


def virtual_machine(name: str, nodes: int = 3, units: float = 4) -> Documents:
    """Return a resource with one processor."""
    processor = {"name": "Xeon", "architecture": "amd64", "computingUnits": units, "SGXFlag": False}
    return {
        "name": name,
        "totalNodes": nodes,
        "description": "a machine",
        "cost": 0.5,
        "memorySize": 8192,
        "storageSize": 50,
        "processors": {"processor1": processor},
    }


def domains() -> Documents:
    """Return two domains, the outer one with a layer of functions."""
    edge = {"name": "Edge", "number": 1, "type": "PhysicalAlreadyProvisioned"}
    cloud = {"name": "Cloud", "number": 2, "type": "Virtual"}
    faas = {"name": "FaaS", "number": 3, "type": "NativeCloudFunction"}
    function = {
        "name": "F1",
        "architecture": "amd64",
        "cost": 0.06,
        "memorySize": 1024,
        "region": "eu",
        "idleTime": 300,
        "transitionCost": 0.00002,
    }
    return {
        "ND1": {
            "name": "Inner",
            "AccessDelay": 0.001,
            "Bandwidth": 40000,
            "subNetworkDomains": [],
            "ComputationalLayers": {
                "computationalLayer1": {**edge, "Resources": {"resource1": virtual_machine("Pi")}},
            },
        },
        "ND2": {
            "name": "Outer",
            "AccessDelay": 0.002,
            "Bandwidth": 20000,
            "subNetworkDomains": ["ND1"],
            "ComputationalLayers": {
                "computationalLayer2": {**cloud, "Resources": {"resource7": virtual_machine("VM")}},
                "computationalLayer3": {**faas, "Resources": {"resource1": function}},
            },
        },
    }


def dag(components: list[str], *edges: list[Any], **more: Any) -> Documents:
    """Return application_dag.yaml."""
    return {"System": {"name": "app", "components": components, "dependencies": list(edges), **more}}


def documents() -> Documents:
    """Return a small sound folder: a > b, a may be cut once, and a plan that cuts it."""
    return {
        DAG: dag(["a", "b"], ["a", "b", 0.5]),
        RESOURCES: {"System": {"name": "app", "NetworkDomains": domains()}},
        CANDIDATES: {
            "Components": {
                "component1": candidate("a", "Pi", "VM"),
                "component1_partitionX_1": candidate("a_partitionX_1", "Pi", image="reg/a_partitionX_1_amd64"),
                "component1_partitionX_2": candidate("a_partitionX_2", "VM"),
                "component2": candidate("b", "VM", "F1"),
            }
        },
        PARTITIONS: {
            "components": {"a": {"partitions": ["base", "partition1_2", "partition1_1"]}, "b": {"partitions": ["base"]}}
        },
        f"{OPTIMAL}/application_dag.yaml": dag(
            ["a_partition1_1", "a_partition1_2", "b"],
            ["a_partition1_1", "a_partition1_2", 1],
            ["a_partition1_2", "b", 0.5],
        ),
        PLAN: {
            "System": {
                "name": "app",
                "NetworkDomains": domains(),
                "Components": {
                    "component1_partition1_1": selected("a_partition1_1", "Pi", 1),
                    "component1_partition1_2": selected("a_partition1_2", "VM", 2),
                    "component2": selected("b", "F1", 3),
                },
                "DeploymentName": "optimal_deployment",
            }
        },
        QOS: {
            "system": {
                "name": "app",
                "local_constraints": {"local_constraint_1": {"component_name": "b", "threshold": 2}},
                "global_constraints": {"global_constraint_1": {"path_components": ["a", "b"], "threshold": 5}},
            }
        },
    }


PROFILES: dict[str, dict[str, float]] = {
    "a": {"Pi": 0.4, "VM": 0.1},
    "a_partition1_1": {"Pi": 0.2},
    "a_partition1_2": {"VM": 0.1},
    "b": {"VM": 0.2, "F1": 0.3},
}


def write(folder: Path, files: Documents) -> Path:
    """Write documents (or texts) under *folder*; None leaves one out."""
    for name, document in files.items():
        if document is not None:
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(document if isinstance(document, str) else yaml.safe_dump(document, sort_keys=False))
    return folder


def read(folder: Path, files: Documents, **options: Any) -> ApplicationFolder:
    """Write and read a folder; figures need not be complete unless asked for."""
    return load_application(write(folder, files), **{"require_profiles": False, **options})


def problems_of(folder: Path, files: Documents, **options: Any) -> list[str]:
    """Return the problems with which a folder is refused."""
    with pytest.raises(ScenarioError) as caught:
        read(folder, files, **options)
    return [str(problem) for problem in caught.value.problems]


def case(name: str) -> Path:
    """Return the input folder of a public case."""
    if not CASES.is_dir():
        pytest.skip("../shared is absent")
    return CASES / name / "input"


# --- the public cases ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", CASE_NAMES)
def test_every_public_case_is_read_and_sound(name: str) -> None:
    """Each folder gives a scenario without contradictions, with a plan that fits but for its service times."""
    scenario = load_application(case(name), require_profiles=False).scenario
    assert scenario_problems(scenario) == []
    assert scenario.plan is not None
    assert {p.where.split(".")[0] for p in plan_problems(scenario, scenario.plan)} <= {"profiles"}


@pytest.mark.parametrize("name", CASE_NAMES)
def test_every_public_case_survives_writing(name: str, tmp_path: Path) -> None:
    """Reading what was written gives the same scenario."""
    before = load_application(case(name), require_profiles=False).scenario
    save_application(before, tmp_path / "app")
    assert load_application(tmp_path / "app", require_profiles=False).scenario == before


@pytest.mark.parametrize("name", CASE_NAMES)
def test_every_public_plan_is_reproduced(name: str) -> None:
    """A written production deployment selects, counts and describes as the original does, key by key."""
    folder = case(name)
    original = yaml.safe_load((folder / PLAN).read_text())["System"]
    scenario = load_application(folder, require_profiles=False).scenario
    assert scenario.plan is not None
    system = dump_production_deployment(scenario, scenario.plan)["System"]
    choices = [
        {
            entry["name"]: (entry["executionLayer"], *entry["Containers"]["container1"].values())
            for entry in one.values()
        }
        for one in (original["Components"], system["Components"])
    ]
    assert choices[0] == choices[1]
    if name.startswith("x_"):
        for domain in original["NetworkDomains"].values():
            domain["name"] = "ND1"
        assert system["NetworkDomains"] == original["NetworkDomains"]


@pytest.mark.parametrize("name", CASE_NAMES)
def test_every_public_graph_is_reproduced(name: str) -> None:
    """The graph written beside the plan has the segments, edges and exits of the original."""
    folder = case(name)
    original = yaml.safe_load((folder / OPTIMAL / "application_dag.yaml").read_text())
    scenario = load_application(folder, require_profiles=False).scenario
    assert dump_application(scenario)[f"{OPTIMAL}/application_dag.yaml"] == original


def test_public_early_exit_case() -> None:
    """Segments named as components are folded into one; its exit is what the inner edge leaves."""
    scenario = load_application(case("x_early_exit"), require_profiles=False).scenario
    assert list(scenario.application.components) == ["clf", "sink"]
    assert list(scenario.application.components["clf"].deployments) == ["partition1"]
    first, last = scenario.application.components["clf"].deployments["partition1"].chain
    assert (first.exit_probability, last.exit_probability) == (0.6, 0)
    edges = [(edge.origin, edge.to, edge.probability) for edge in scenario.application.dependencies]
    assert edges == [("clf", "sink", 1.0)]


def test_public_case_with_functions_and_cuts() -> None:
    """The Mask Detection folder: units, layers, nesting, constraints, credentials and plan are what its files say."""
    folder = load_application(case("app_test_optimal_aws"), require_profiles=False)
    scenario = folder.scenario
    assert scenario.name == "ai-sprint_mask_detection_app"
    assert scenario.continuum.domains["ND2"].bandwidth_mbit_per_s == 40
    assert scenario.continuum.domains["ND2"].contains == ("ND1",)
    pi = scenario.continuum.resources["RaspPi"]
    assert (pi.nodes, pi.cores, pi.memory_mb, pi.architecture, pi.cost_per_hour) == (3, 4, 4096, "arm64", 0.6)
    assert (pi.properties["key"], pi.properties["storageSize"]) == ("resource1", "64GB")
    assert scenario.continuum.layers["computationalLayer1"].description == "Edge Layer"
    assert scenario.continuum.functions["AWS-FaaS"].idle_time == 600
    assert [(c.target, c.limit) for c in scenario.constraints if c.kind == "local"] == [
        ("blurry-faces-onnx", 20),
        ("mask-detector", 10),
    ]
    assert scenario.plan is not None
    assert scenario.plan.placements["blurry-faces-onnx_partition1_2"].replicas == 4
    assert scenario.plan.placements["mask-detector"].replicas == 1
    assert "minio123" not in scenario.model_dump_json()
    assert "minio.graspi" in scenario.model_dump_json()
    assert any("kb/s" in note for note in folder.notes)
    assert any("second's price" in note for note in folder.notes)
    assert "common_config/physical_nodes.yaml" in folder.sources
    assert len(set(folder.sources)) == len(folder.sources)


def test_accelerators_and_trusted_execution() -> None:
    """GPUs and SGX come from the processors; the containers ask for them."""
    scenario = load_application(case("x_gpu_sgx"), require_profiles=False).scenario
    gpu = scenario.continuum.resources["VMG"].accelerators["accelerator1"]
    assert (gpu.type, gpu.model, gpu.count, gpu.memory_mb) == ("GPU", "NVIDIA A10G", 1, 24 * 1024)
    assert scenario.continuum.resources["VMS"].sgx
    assert scenario.application.partition("gpu-comp")[2].candidates["VMG"].gpu
    assert scenario.application.partition("sgx-comp")[2].candidates["VMS"].trusted_execution


CREDENTIALS = {
    "minio": {"endpoint": "kept", "access_key": "lost", "secret_key": "lost"},
    "oscar": {"name": "kept", "password": "lost"},
    "influx": {"endpoint": "kept", "token": "lost"},
    "fe_node": {"public_ip": "kept", "ssh_user": "kept", "ssh_key": "lost"},
    "wns": [{"private_ip": "kept", "ssh_key": "lost"}],
}


def test_credentials_do_not_travel(tmp_path: Path) -> None:
    """Addresses of physical nodes are kept and written, whatever opens them is not."""
    nodes = {
        "ComputationalLayers": {"computationalLayer1": {"number": 1, "Resources": {"r": {"name": "Pi", **CREDENTIALS}}}}
    }
    scenario = read(tmp_path / "x", {**documents(), "common_config/physical_nodes.yaml": nodes}).scenario
    text = scenario.model_dump_json() + str(dump_application(scenario))
    assert "lost" not in text
    assert text.count("kept") == 2 * str(CREDENTIALS).count("kept")
    save_application(scenario, tmp_path / "y")
    assert load_application(tmp_path / "y", require_profiles=False).scenario == scenario


# --- plans and their dialects ----------------------------------------------------------------------------------------


def test_small_folder(tmp_path: Path) -> None:
    """Templates become the segments of every cut, images included; constraints are folded."""
    scenario = read(tmp_path, documents()).scenario
    assert list(scenario.application.components["a"].deployments) == ["base", "partition1"]
    segment = scenario.application.partition("a_partition1_1")[2]
    assert segment.candidates["Pi"].image == "reg/a_partition1_1_amd64"
    assert [(c.kind, c.target, getattr(c, "limit", None)) for c in scenario.constraints] == [
        ("local", "b", 2),
        ("global", "a > b", 5),
    ]
    assert scenario.plan is not None
    assert {name: p.resource for name, p in scenario.plan.placements.items()} == {
        "a_partition1_1": "Pi",
        "a_partition1_2": "VM",
        "b": "F1",
    }


def test_domains_under_resources(tmp_path: Path) -> None:
    """SPACE4AI-D puts the domains under System.Resources; their totalNodes are the replicas."""
    files = documents()
    system = files[PLAN]["System"]
    system["Resources"] = {"name": "app", "NetworkDomains": system.pop("NetworkDomains")}
    inner = system["Resources"]["NetworkDomains"]["ND1"]["ComputationalLayers"]["computationalLayer1"]
    inner["Resources"]["resource1"]["totalNodes"] = 2
    plan = read(tmp_path, files).scenario.plan
    assert plan is not None
    assert plan.placements["a_partition1_1"].replicas == 2


@pytest.mark.parametrize("value", ["Pi", ["Pi"]])
def test_selected_resources_in_plural(tmp_path: Path, value: object) -> None:
    """The plural spelling holds a name or a list of one."""
    files = documents()
    entry = selected("a_partition1_1", "Pi", 1, "selectedExecutionResources")
    entry["Containers"]["container1"]["selectedExecutionResources"] = value
    files[PLAN]["System"]["Components"]["component1_partition1_1"] = entry
    plan = read(tmp_path, files).scenario.plan
    assert plan is not None
    assert plan.placements["a_partition1_1"].resource == "Pi"


def test_several_selected_resources_are_refused(tmp_path: Path) -> None:
    """One partition runs on one resource."""
    files = documents()
    body = files[PLAN]["System"]["Components"]["component2"]["Containers"]["container1"]
    body["selectedExecutionResources"] = ["VM", "F1"]
    del body["selectedExecutionResource"]
    assert any("expected one resource, got 2" in problem for problem in problems_of(tmp_path, files))


def test_which_plan_counts(tmp_path: Path) -> None:
    """The current deployment comes before the optimal one, that before the base; a name or 'none' decides."""
    files = documents()
    base = {"component1": selected("a", "VM", 2), "component2": selected("b", "VM", 2)}
    whole = copy.deepcopy(files[PLAN])
    whole["System"].update(Components=base, DeploymentName="base")
    files["aisprint/deployments/base/production_deployment.yaml"] = whole
    names = []
    for extra in ({}, {"aisprint/deployments/current_deployment/production_deployment.yaml": whole}):
        plan = read(tmp_path, {**files, **extra}).scenario.plan
        names.append(plan.name if plan else None)
    assert names == ["optimal_deployment", "current_deployment"]
    chosen = load_application(tmp_path, deployment="base", require_profiles=False).scenario.plan
    assert chosen is not None
    assert set(chosen.placements) == {"a", "b"}
    assert load_application(tmp_path, deployment="none", require_profiles=False).scenario.plan is None
    with pytest.raises(ScenarioError, match="did you mean 'base'"):
        load_application(tmp_path, deployment="bases", require_profiles=False)


def test_continuum_from_the_plan(tmp_path: Path) -> None:
    """Without candidate_resources.yaml the resources are those of the plan; candidates elsewhere are left out."""
    files = documents()
    files[RESOURCES] = None
    layers = files[PLAN]["System"]["NetworkDomains"]["ND2"]["ComputationalLayers"]
    layers["computationalLayer2"]["Resources"]["resource7"]["name"] = "VM2"
    files[PLAN]["System"]["Components"]["component1_partition1_2"] = selected("a_partition1_2", "VM2", 2)
    files[CANDIDATES]["Components"]["component1_partitionX_2"] = candidate("a_partitionX_2", "VM2")
    folder = read(tmp_path, files)
    assert set(folder.scenario.continuum.resources) == {"Pi", "VM2"}
    assert list(folder.scenario.application.partition("a")[2].candidates) == ["Pi"]
    assert any("'VM' is not described" in note for note in folder.notes)


def test_candidates_from_the_plan(tmp_path: Path) -> None:
    """Without candidate_deployments.yaml the plan says where partitions run, and in which container."""
    scenario = read(tmp_path, {**documents(), CANDIDATES: None}).scenario
    assert list(scenario.application.components["a"].deployments) == ["partition1"]
    assert scenario.application.partition("b")[2].candidates["F1"].image == "there"


def test_plan_for_a_scenario(tmp_path: Path) -> None:
    """A production deployment can be read alone; one that does not fit is refused."""
    scenario = read(tmp_path, documents()).scenario
    assert load_production_deployment(tmp_path / PLAN, scenario) == scenario.plan
    files = documents()
    files[PLAN]["System"]["Components"]["component2"] = selected("b", "Pi", 1)
    write(tmp_path, files)
    with pytest.raises(PlanError, match="cannot run on 'Pi'; candidates are VM, F1"):
        load_production_deployment(tmp_path / PLAN, scenario)
    with pytest.raises(ScenarioError, match="absent"):
        load_production_deployment(tmp_path / "nothing.yaml", scenario)


def test_plan_that_does_not_fit_names_file_and_line(tmp_path: Path) -> None:
    """What keeps the plan from running stands at its line of production_deployment.yaml."""
    files = documents()
    files[PLAN]["System"]["Components"]["component2"] = selected("b", "Pi", 1)
    problems = problems_of(tmp_path, files)
    assert len(problems) == 1
    assert problems[0].startswith("line ")
    assert f"{PLAN}: System.Components.component2" in problems[0]


# --- partitions, exits, alternatives ---------------------------------------------------------------------------------


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


def alternatives() -> Documents:
    """Return a folder in which a can be replaced by a2."""
    files = documents()
    files[DAG]["System"]["alternative_components"] = {"a": ["a2"]}
    files[CANDIDATES]["Components"]["component1_alternative1"] = candidate("a2", "VM")
    ranking = [
        {"original_deployment": {"components": ["a", "b"], "dependencies": [["a", "b", 0.5]], "metric_value": 0.9}},
        {
            "alternative_deployment1": {
                "components": ["a2", "b"],
                "dependencies": [["a2", "b", 0.6]],
                "metric_value": 0.7,
            }
        },
    ]
    files["space4ai-r/deployments_performance.yaml"] = {
        "System": {"metric_name": "average_f1", "metric_thr": 0.5, "sorted_deployments_performance": ranking}
    }
    return files


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


# --- constraints -----------------------------------------------------------------------------------------------------


def limits(folder: ApplicationFolder) -> list[tuple[str, str, float]]:
    """Return kind, target and limit of the time constraints."""
    return [(c.kind, c.target, c.limit) for c in folder.scenario.constraints if c.kind in ("local", "global")]


@pytest.mark.parametrize("root", ["system", "System"])
@pytest.mark.parametrize("key", ["path_components", "components_path", "components"])
def test_spellings_of_constraints(tmp_path: Path, root: str, key: str) -> None:
    """The root and the path have several spellings."""
    path = {"global_constraint_1": {key: ["a", "b"], "threshold": 4}}
    files = {**documents(), QOS: {root: {"name": "app", "local_constraints": None, "global_constraints": path}}}
    assert limits(read(tmp_path, files)) == [("global", "a > b", 4)]


def test_constraints_of_all_layers_and_segments_count_once(tmp_path: Path) -> None:
    """Per-layer files, the whole application's file and the file of all clusters say the same in different words."""
    files = documents()
    folder = f"{OPTIMAL}/ams/qos_constraints_L"
    over_segments = {"path_components": ["a_partition1_1", "a_partition1_2"], "threshold": 3}
    long_path = {"path_components": ["a_partition1_1", "a_partition1_2", "b"], "threshold": 5}
    files[f"{folder}1.yaml"] = {"system": {"global_constraints": {"global_constraint_1": over_segments}}}
    files[f"{folder}2.yaml"] = {
        "system": {
            "local_constraints": {"local_constraint_1": {"component_name": "b", "threshold": 2}},
            "global_constraints": {"global_constraint_1": long_path},
            "throughput_component": {},
        }
    }
    files["aisprint/deployments/multi_cluster_qos_constraints.yaml"] = {
        "System": {"Deployments": {"base": {"ExecutionLayers": {1: files[f"{folder}2.yaml"]["system"]}}}}
    }
    folder_read = read(tmp_path, files)
    assert limits(folder_read) == [("local", "a", 3), ("local", "b", 2), ("global", "a > b", 5)]


def test_limits_are_written_as_studio_writes_them(tmp_path: Path) -> None:
    """For the application in whole components; for AMS over segments, and with the component whose rate counts."""
    files = {**documents(), ANNOTATIONS: annotations()}
    files[QOS]["system"]["local_constraints"]["local_constraint_2"] = {"component_name": "a", "threshold": 3}
    written = dump_application(read(tmp_path, files).scenario)
    assert written[QOS]["system"]["local_constraints"] == {
        "local_constraint_1": {"component_name": "a", "threshold": 3},
        "local_constraint_2": {"component_name": "b", "threshold": 2},
    }
    monitored = written[f"{OPTIMAL}/ams/qos_constraints.yaml"]["system"]
    assert monitored["local_constraints"] == {"local_constraint_1": {"component_name": "b", "threshold": 2}}
    assert monitored["global_constraints"] == {
        "global_constraint_1": {"path_components": ["a_partition1_1", "a_partition1_2"], "threshold": 3},
        "global_constraint_2": {"path_components": ["a_partition1_1", "a_partition1_2", "b"], "threshold": 5},
    }
    assert monitored["throughput_component"] == "a_partition1_1"


def test_limits_that_differ_are_noted(tmp_path: Path) -> None:
    """The chosen deployment's own limit counts."""
    files = documents()
    local = {"local_constraint_1": {"component_name": "b", "threshold": 9}}
    files[f"{OPTIMAL}/ams/qos_constraints.yaml"] = {"system": {"local_constraints": local}}
    folder = read(tmp_path, files)
    assert ("local", "b", 9) in limits(folder)
    assert any("9 s; the latter counts" in note for note in folder.notes)


def annotations() -> Documents:
    """Return annotations.yaml of both components."""
    return {
        "app/src/a/main.py": {
            "component_name": {"name": "a"},
            "expected_throughput": {"rate": 2},
            "device_constraints": {"ram": 1.5, "vram": 2, "use_gpu_for": ["dnn"]},
            "exec_time": {"local_time_thr": 7},
        },
        "app/src/b/main.py": {
            "component_name": {"name": "b"},
            "exec_time": {"global_time_thr": 8, "prev_components": ["a"]},
        },
    }


def test_annotations(tmp_path: Path) -> None:
    """Throughput and device constraints come from the annotations; exec_time only where no QoS file says otherwise."""
    files = {**documents(), ANNOTATIONS: annotations()}
    with_file = read(tmp_path / "x", files)
    assert limits(with_file) == [("local", "b", 2), ("global", "a > b", 5)]
    kinds = {constraint.kind: constraint for constraint in with_file.scenario.constraints}
    assert kinds["throughput"].model_dump()["at_least"] == 2
    assert kinds["device"].model_dump(include={"memory_mb", "gpu_memory_mb", "gpu"}) == {
        "memory_mb": 1536,
        "gpu_memory_mb": 2048,
        "gpu": True,
    }
    save_application(with_file.scenario, tmp_path / "y")
    assert load_application(tmp_path / "y", require_profiles=False).scenario == with_file.scenario
    assert limits(read(tmp_path / "z", {**files, QOS: None})) == [("local", "a", 7), ("global", "a > b", 8)]


# --- units and figures -----------------------------------------------------------------------------------------------


def test_units_are_guessed_and_can_be_said(tmp_path: Path) -> None:
    """Large bandwidths are kb/s, small ones Mb/s; data sizes follow; a dialect overrules."""
    files = {**documents(), "oscarp/components_data_size.yaml": {"a": 500, "a_partition1_1": 1500}}
    guessed = read(tmp_path, files).scenario
    assert [d.bandwidth_mbit_per_s for d in guessed.continuum.domains.values()] == [40, 20]
    assert guessed.application.dependencies[0].data_mb == 0.5
    assert guessed.application.partition("a_partition1_1")[2].data_mb == 1.5
    said = load_application(tmp_path, dialect="mb,ms", require_profiles=False).scenario
    assert said.continuum.domains["ND1"].bandwidth_mbit_per_s == 40000
    assert said.application.dependencies[0].data_mb == 500
    assert [c.limit for c in said.constraints if c.kind in ("local", "global")] == [0.002, 0.005]
    for domain in files[RESOURCES]["System"]["NetworkDomains"].values():
        domain["Bandwidth"] = 100
    assert read(tmp_path, files).scenario.continuum.domains["ND1"].bandwidth_mbit_per_s == 100


@pytest.mark.parametrize(("dialect", "message"), [("kilo", "unknown dialect 'kilo'"), ("kb,mb", "asks for both")])
def test_unknown_dialects_are_refused(tmp_path: Path, dialect: str, message: str) -> None:
    """A dialect is made of known words that do not contradict each other."""
    with pytest.raises(ScenarioError, match=message):
        read(tmp_path, documents(), dialect=dialect)


@given(st.lists(st.floats(min_value=1e-6, max_value=1e7), min_size=1, max_size=3))
def test_written_bandwidths_are_read_as_what_they_were(rates: list[float]) -> None:
    """Whatever unit is chosen on writing, the guess on reading is the same and no digit is lost."""
    units = writing_units(rates)
    written = [units.from_mega(rate) for rate in rates]
    again, _ = units_of("auto", written)
    assert [again.mega(value) for value in written] == pytest.approx(rates, rel=1e-15)


def test_profiles_are_asked_for(tmp_path: Path) -> None:
    """Every partition and candidate without a service time is named, with the line that would give it."""
    problems = problems_of(tmp_path, documents(), require_profiles=True)
    assert any(
        "b.F1: no service time; add to profiles.yaml" in problem and "b: {F1: 0.35}" in problem for problem in problems
    )
    assert len(problems) == sum(len(by_host) for by_host in PROFILES.values()) + 1
    assert any("--arrival-rate" in problem for problem in problems)


def test_profiles_of_file_and_caller(tmp_path: Path) -> None:
    """profiles.yaml gives what the caller does not."""
    files = {
        **documents(),
        "profiles.yaml": {**PROFILES, "b": {"VM": {"mean": 0.2, "law": "deterministic"}, "F1": 0.3}},
    }
    given_by_caller = {"a": {"Pi": 9.0}}
    scenario = read(tmp_path, files, require_profiles=True, arrival_rate=3, profiles=given_by_caller).scenario
    assert scenario.profiles["a"]["Pi"].service_time.mean == 9
    assert scenario.profiles["a"]["VM"].service_time.mean == 0.1
    assert scenario.profiles["b"]["VM"].service_time.law == "deterministic"
    assert scenario.workload.sources["requests"].arrivals.model_dump()["rate"] == 3


def test_profiles_of_the_system_file(tmp_path: Path) -> None:
    """Codes count components and partitions in order; s1 is the base, s<k+1> the k-th cut; Lambda is the rate."""
    times = {
        "VM": {"model": "QTcloud", "demand": 0.2},
        "F1": {"model": "PACSLTK", "demandWarm": 0.3, "demandCold": 1.1},
    }
    system = {
        "Components": {"c1": {"s1": {"h1": {}}, "s2": {"h2": {}, "h3": {}}}, "c2": {"s1": {"h1": {}}}},
        "Performance": {
            "c1": {
                "h1": {"Pi": {"demand": 0.4}, "VM": {"demand": 0.1}},
                "h2": {"Pi": {"demand": 0.2}},
                "h3": {"VM": {"model": "CoreBasedPredictor", "regressor_file": "x", "meanTime": 0.15}},
            },
            "c2": {"h1": times},
        },
        "Lambda": 1.8,
    }
    files = {**documents(), "space4ai-d/SystemFile.json": system}
    scenario = read(tmp_path, files, require_profiles=True).scenario
    assert scenario.profiles["a_partition1_2"]["VM"].service_time.mean == 0.15
    assert scenario.profiles["a_partition1_1"]["Pi"].service_time.mean == 0.2
    cold = scenario.profiles["b"]["F1"].cold_service_time
    assert cold is not None
    assert cold.mean == 1.1
    assert scenario.workload.sources["requests"].arrivals.model_dump()["rate"] == 1.8


def test_profiles_of_oscarp_and_expected_rate(tmp_path: Path) -> None:
    """OSCAR-P's models count where they hold a time; the expected throughput is the rate of last resort."""
    measured = {name: {host: {"meanTime": t} for host, t in times.items()} for name, times in PROFILES.items()}
    models = {"a": {name: times for name, times in measured.items() if name != "b"}, "b": {"b": measured["b"]}}
    files = {**documents(), "oscarp/performance_models.json": models, ANNOTATIONS: annotations()}
    folder = read(tmp_path, files, require_profiles=True)
    assert folder.scenario.profiles["b"]["F1"].service_time.mean == 0.3
    assert folder.scenario.workload.sources["requests"].arrivals.model_dump()["rate"] == 2
    models["b"]["b"]["F1"] = {"model": "CoreBasedPredictor", "regressor_file": "x"}
    (problem,) = problems_of(tmp_path, files, require_profiles=True)
    assert "b.F1: no service time" in problem


def test_several_roots_receive_the_full_rate(tmp_path: Path) -> None:
    """As in SPACE4AI-R."""
    files = documents()
    files[DAG] = dag(["a", "b", "c"], ["a", "b", 0.5], ["c", "b", 1])
    files[CANDIDATES]["Components"]["component3"] = candidate("c", "VM")
    files[f"{OPTIMAL}/application_dag.yaml"] = files[PLAN] = None
    sources = read(tmp_path, files, arrival_rate=4).scenario.workload.sources
    assert {name: (s.entry, s.arrivals.model_dump()["rate"]) for name, s in sources.items()} == {
        "a": ("a", 4),
        "c": ("c", 4),
    }


# --- what is refused -------------------------------------------------------------------------------------------------


def test_all_problems_of_all_files_at_once(tmp_path: Path) -> None:
    """Nine mistakes in five files are nine problems, each with its file."""
    files = documents()
    system = files[RESOURCES]["System"]["NetworkDomains"]
    system["ND1"]["Bandwidth"] = "fast"
    del system["ND1"]["AccessDelay"]
    system["ND1"]["AcessDelay"] = 0.1
    system["ND2"]["ComputationalLayers"]["computationalLayer2"]["Resources"]["resource7"]["totalNodes"] = "3"
    system["ND2"]["ComputationalLayers"]["layer9"] = {"type": "Virtual", "Resources": {}}
    files[DAG]["System"]["dependencies"] = [["a", "b"], ["a", "c", 1]]
    files[CANDIDATES]["Components"]["component2"] = candidate("bb", "VMM")
    files[QOS]["system"]["local_constraints"]["local_constraint_1"]["threshold"] = -1
    files[PARTITIONS] = "components: {a: {partitions: [base]}, a: {}}"
    text = "\n".join(problems_of(tmp_path, files))
    for part in (
        f"{RESOURCES}: System.NetworkDomains.ND1.Bandwidth: expected a number above 0, got 'fast'",
        f"{RESOURCES}: System.NetworkDomains.ND1: 'AccessDelay' is missing; did you mean 'AcessDelay'?",
        "resource7.totalNodes: expected a whole number from 1 to 1000000000, got '3'; leave out the quotes",
        "layer9: the key of a layer must be 'computationalLayer' and a number",
        f"{DAG}: System.dependencies.0: expected [from, to, probability], got ['a', 'b']",
        "unknown component 'c'",
        "unknown component 'bb'; did you mean",
        "candidate resource 'VMM' does not exist; did you mean 'VM'?",
        f"{QOS}: system.local_constraints.local_constraint_1.threshold: expected a number above 0, got -1",
        f"{PARTITIONS}: key 'a' appears twice",
    ):
        assert part in text


def test_problems_name_their_line(tmp_path: Path) -> None:
    """The line is that of the value."""
    text = "System:\n  name: app\n  components: [a, b]\n  dependencies:\n  - [a, b, 1]\n  - [b, a, 1.5]\n"
    problems = problems_of(tmp_path, {**documents(), DAG: text})
    assert f"line 6: {DAG}: System.dependencies.1.2: expected a probability between 0 and 1, got 1.5" in problems
    assert any("the graph has a cycle: a > b > a" in problem for problem in problems)


def broken(path: str, keys: tuple[Any, ...], value: Any) -> Documents:
    """Return the sound folder with one value replaced."""
    files = documents()
    place = files[path]
    for key in keys[:-1]:
        place = place[key]
    place[keys[-1]] = value
    return files


LAYER2 = ("System", "NetworkDomains", "ND2", "ComputationalLayers", "computationalLayer2")
MACHINE = (*LAYER2, "Resources", "resource7")


@pytest.mark.parametrize(
    ("path", "keys", "value", "message"),
    [
        (DAG, ("System", "components"), [], "'components' names none"),
        (DAG, ("System", "components"), ["a", "b", "b"], "component 'b' appears twice"),
        (DAG, ("System", "components"), ["a", 5], "expected a name, got 5; put it in quotes"),
        (DAG, ("System", "components"), ["a", "x" * 201], "a name has at most 200 characters"),
        (DAG, ("System", "dependencies"), [["a", "b", 1], ["a", "b", 1]], "appears twice"),
        (DAG, ("System", "dependencies"), "a", "expected a list, got 'a'"),
        (DAG, ("System", "components"), ["a", "a_partition1_1", "b"], "appears in several forms"),
        (DAG, ("System", "components"), ["a_partition1_1", "a_partition1_3", "b"], "numbered from 1 on"),
        (DAG, ("System", "alternative_components"), {"z": ["a2"]}, "unknown component 'z'"),
        (RESOURCES, ("System", "NetworkDomains"), {}, "there are no network domains"),
        (RESOURCES, ("System", "NetworkDomains", "ND2", "subNetworkDomains"), ["ND7"], "unknown network domain 'ND7'"),
        (
            RESOURCES,
            ("System", "NetworkDomains", "ND1", "subNetworkDomains"),
            ["ND2"],
            "System.NetworkDomains: domains contain each other",
        ),
        (RESOURCES, ("System", "NetworkDomains", "ND1", "Bandwidth"), 1e300, "expected a number above 0"),
        (RESOURCES, (*LAYER2, "type"), "virtual", "unknown type of layer 'virtual'; did you mean 'Virtual'?"),
        (RESOURCES, (*LAYER2, "Resources", "resource8"), virtual_machine("Pi"), "'Pi' is already the name of"),
        (RESOURCES, (*MACHINE, "processors", "processor1", "SGXFlag"), "False", "expected true or false, got 'False'"),
        (RESOURCES, (*MACHINE, "processors", "processor1", "computingUnits"), 0, "expected a number above 0, got 0"),
        (
            RESOURCES,
            (*MACHINE, "accelerators"),
            {"g": {"processors": {"p": {"computingUnits": 0.5}}}},
            "number of devices",
        ),
        (RESOURCES, (*MACHINE, "name"), None, "'name' is missing"),
        (CANDIDATES, ("Components", "component2"), {"name": "b"}, "'Containers' is missing or empty"),
        (CANDIDATES, ("Components", "component9"), candidate("b", "VM"), "'b' appears twice"),
        (PARTITIONS, ("components", "z"), {"partitions": ["base"]}, "unknown component 'z'"),
        (PARTITIONS, ("components", "b", "partitions"), ["base", "part1"], "expected 'base' or 'partition<k>_<i>'"),
        (PLAN, ("System", "Components"), {}, "'Components' is missing or empty"),
        (
            PLAN,
            ("System", "Components", "component2"),
            selected("b", "VMM", 2),
            "selected resource 'VMM' does not exist",
        ),
        (PLAN, ("System", "Components", "component9"), selected("b", "VM", 2), "'b' is placed twice"),
        (PLAN, ("System", "Components", "component2"), {"name": "b"}, "'Containers' is missing or empty"),
        (PLAN, ("System", "Components", "component2"), selected("c", "VM", 2), "unknown partition 'c'"),
        (
            QOS,
            ("system", "global_constraints", "g"),
            {"path_components": ["b", "a"], "threshold": 1},
            "no dependency leads",
        ),
        (QOS, ("system", "global_constraints", "g"), {"threshold": 1}, "list the components of the path"),
        (QOS, ("system", "local_constraints", "l"), {"component_name": "B", "threshold": 1}, "unknown component 'B'"),
        (QOS, ("system",), None, "expected 'system'"),
    ],
)
def test_wrong_values_are_refused(tmp_path: Path, path: str, keys: tuple[Any, ...], value: Any, message: str) -> None:
    """One wrong value gives a problem that names the file and says what is wrong."""
    problems = problems_of(tmp_path, broken(path, keys, value))
    assert any(message in problem for problem in problems), problems


def test_component_that_may_run_nowhere(tmp_path: Path) -> None:
    """Neither the candidates nor a plan say where b may run."""
    files = broken(CANDIDATES, ("Components",), {"component1": candidate("a", "Pi")})
    (problem,) = problems_of(tmp_path, {**files, PLAN: None})
    assert "component 'b' has no entry that says where it may run" in problem


def test_graph_of_the_chosen_deployment_must_agree(tmp_path: Path) -> None:
    """Another component in the chosen deployment's graph is a problem; in a stale one it is only noted."""
    files = documents()
    files["aisprint/deployments/deployment4/application_dag.yaml"] = dag(["a", "z"], ["a", "z", 1])
    assert any("deployment4" in note and "'z'" in note for note in read(tmp_path / "x", files).notes)
    files[f"{OPTIMAL}/application_dag.yaml"] = dag(["a", "z"], ["a", "z", 1])
    assert any("unknown component 'z'" in problem for problem in problems_of(tmp_path / "y", files))


@pytest.mark.parametrize(
    ("edges", "message"),
    [
        ([["a_partition1_2", "b", 0.5]], "no edge leads from 'a_partition1_1' to its next segment"),
        ([["a_partition1_1", "a_partition1_2", 1], ["a_partition1_1", "b", 0]], "no edge leads from the last segment"),
        ([["a_partition1_2", "a_partition1_1", 1]], "does not lead to the next segment"),
        ([["a_partition1_1", "a_partition1_2", 1], ["b", "a_partition1_2", 1]], "enters 'a' in its middle"),
    ],
)
def test_broken_chains_of_segments(tmp_path: Path, edges: list[Any], message: str) -> None:
    """Segments follow each other, and whoever leaves early goes where the last one goes."""
    files = {**documents(), f"{OPTIMAL}/application_dag.yaml": dag(["a_partition1_1", "a_partition1_2", "b"], *edges)}
    assert any(message in problem for problem in problems_of(tmp_path, files))


def test_absent_and_empty_files(tmp_path: Path) -> None:
    """A new application holds empty files; what is lacking is said, file by file."""
    with pytest.raises(ScenarioError, match="is no folder"):
        load_application(tmp_path / "nowhere", require_profiles=False)
    files = {DAG: "", RESOURCES: "# nothing yet\n", CANDIDATES: ""}
    assert [problem.split(":")[0] for problem in problems_of(tmp_path, files)] == [DAG, RESOURCES]


def test_layer_in_two_domains(tmp_path: Path) -> None:
    """The same layer may appear in two domains word for word, not with other contents."""
    files = documents()
    every = files[RESOURCES]["System"]["NetworkDomains"]
    every["ND2"]["ComputationalLayers"]["computationalLayer1"] = every["ND1"]["ComputationalLayers"][
        "computationalLayer1"
    ]
    domain = read(tmp_path / "x", files).scenario.continuum.domains["ND2"]
    assert set(domain.layers) == {"computationalLayer1", "computationalLayer2", "computationalLayer3"}
    every["ND2"]["ComputationalLayers"]["computationalLayer1"] = {"type": "Virtual", "Resources": {}}
    assert any("other contents" in problem for problem in problems_of(tmp_path / "y", files))


def places(value: Any, keys: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the paths of all values within *value*."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path for key, one in inner for path in ((*keys, key), *places(one, (*keys, key)))]


GARBAGE: list[Any] = [None, 5, "x", [], {}, -1, True, float("inf"), [[]], {"a": None}, "", 10**30, "y" * 300]


@settings(deadline=None, max_examples=150)
@given(st.data())
def test_whatever_is_written_there_is_read_or_refused_with_places(data: st.DataObject) -> None:
    """No value anywhere in a folder leads to anything but a scenario or problems that name their file."""
    files = {**alternatives(), ANNOTATIONS: annotations(), "profiles.yaml": {"a": {"Pi": {"mean": 1.0}}}}
    name = data.draw(st.sampled_from(sorted(files)))
    keys = data.draw(st.sampled_from(places(files[name])))
    place = files[name]
    for key in keys[:-1]:
        place = place[key]
    place[keys[-1]] = data.draw(st.sampled_from(GARBAGE))
    wheres = [name]
    with tempfile.TemporaryDirectory() as folder:
        try:
            read(Path(folder), files)
        except ScenarioError as refused:
            wheres = [problem.where for problem in refused.problems]
    assert wheres
    assert all(any(known in where for known in files) for where in wheres)


# --- what is assumed -------------------------------------------------------------------------------------------------


def test_assumptions_are_noted(tmp_path: Path) -> None:
    """Whatever is absent and has a default is said."""
    files = documents()
    every = files[RESOURCES]["System"]["NetworkDomains"]["ND2"]["ComputationalLayers"]
    machine = every["computationalLayer2"]["Resources"]["resource7"]
    function = every["computationalLayer3"]["Resources"]["resource1"]
    for body, keys in ((machine, ("cost", "memorySize", "processors")), (function, ("idleTime",))):
        for key in keys:
            del body[key]
    every["computationalLayer2"]["number"] = 7
    files["space4ai-d/SPACE4AI-D.yaml"] = {"EdgeResources": ["computationalLayer8"]}
    files["oscarp/components_data_size.yaml"] = {"zz": 1}
    notes = "\n".join(read(tmp_path, files).notes)
    for part in ("no cost", "no memorySize", "no processors", "no idleTime", "number 7", "computationalLayer8", "'zz'"):
        assert part in notes
    assert "executionLayer is 2, but 'VM' lies on layer 7" in notes
    assert "candidateExecutionLayers are [1, 2]; the resources lie on 1, 7" in notes


def test_images_by_architecture(tmp_path: Path) -> None:
    """Of several images the one for the resource's architecture counts; all of them are written again."""
    images = ["reg/a_base_arm64", "reg/a_base_amd64"]
    files = documents()
    every = files[RESOURCES]["System"]["NetworkDomains"]["ND1"]["ComputationalLayers"]["computationalLayer1"]
    every["Resources"]["resource1"]["processors"]["processor1"]["architecture"] = "arm64"
    files[CANDIDATES]["Components"]["component1"] = candidate("a", "Pi", "VM", image=images)
    scenario = read(tmp_path, files).scenario
    found = {name: body.image for name, body in scenario.application.partition("a")[2].candidates.items()}
    assert found == {"Pi": "reg/a_base_arm64", "VM": "reg/a_base_amd64"}
    written = dump_application(scenario)[CANDIDATES]["Components"]["component1"]["Containers"]
    assert written["container1"]["image"] == images
    assert list(written) == ["container1"]


def test_image_that_only_the_plan_has(tmp_path: Path) -> None:
    """Studio fills images in after the candidates were written."""
    scenario = read(tmp_path, documents()).scenario
    candidates = scenario.application.partition("b")[2].candidates
    assert (candidates["F1"].image, candidates["VM"].image) == ("there", None)


def test_json_indented_with_tabs(tmp_path: Path) -> None:
    """JSON may be indented with tabs."""
    files = {**documents(), "space4ai-d/SystemFile.json": '{\n\t"Lambda": 2.5\n}\n'}
    folder = read(tmp_path, files)
    assert folder.scenario.workload.sources["requests"].arrivals.model_dump()["rate"] == 2.5


def test_names_of_parts() -> None:
    """Names are taken apart from the right; alternatives belong to what they replace."""
    assert fold("a_b", {}) == Part("a_b", "base", 1)
    assert fold("a_partition10_3", {}) == Part("a", "partition10", 3)
    assert fold("a_partition1_0", {}) == Part("a_partition1_0", "base", 1)
    assert fold("a2", {"a2": "a"}) == Part("a", "a2", 1)
    assert fold("a2_partition1_2", {"a2": "a"}) == Part("a", "a2_partition1", 2)
    assert replaced_key("component1_alternative2") == "component1"
    assert replaced_key("component1_partitionX_1") is None
    assert natural(["d10", "d2", "base", "d1"]) == ["base", "d1", "d2", "d10"]


# --- writing ---------------------------------------------------------------------------------------------------------


def by_hand() -> Scenario:
    """Return a scenario that was not read from AI-SPRINT files."""
    return Scenario.model_validate(
        {
            "name": "by hand",
            "continuum": {
                "domains": {
                    "lan": {"layers": ["edge"], "bandwidth_mbit_per_s": 0.07},
                    "wan": {"layers": ["edge", "cloud", "faas"], "bandwidth_mbit_per_s": 2, "access_delay": 0.03},
                },
                "layers": {
                    "edge": {"type": "PhysicalToBeProvisioned"},
                    "cloud": {"type": "Virtual", "number": 1},
                    "faas": {"type": "NativeCloudFunction", "description": "functions"},
                },
                "resources": {
                    "pi": {"layer": "edge", "nodes": 4, "cores": 4, "memory_mb": 4096, "device": "pi4", "sgx": True},
                    "gpu": {
                        "layer": "cloud",
                        "cores": 8,
                        "cost_per_hour": 1.5,
                        "accelerators": {"a10g": {"model": "A10G", "count": 2, "memory_mb": 24576}},
                    },
                },
                "functions": {"f": {"layer": "faas", "memory_mb": 512, "cost_per_hour": 0.03, "cold_start": 1.0}},
            },
            "application": {
                "components": {
                    "find": {
                        "deployments": {
                            "split": {
                                "partitions": {
                                    "front": {"candidates": ["pi"], "exit_probability": 0.25, "data_mb": 1.5},
                                    "back": {"candidates": ["gpu", "f"]},
                                }
                            },
                            "whole": {"partitions": {"all": {"candidates": ["pi", "gpu"]}}, "accuracy": 0.9},
                            "small": {"partitions": {"tiny": {"candidates": ["pi"]}}, "accuracy": 0.7},
                        }
                    },
                    "tell": {"candidates": ["f"], "container": {"memory_mb": 128}},
                },
                "dependencies": [{"from": "find", "to": "tell", "probability": 0.8, "data_mb": 0.2}],
            },
            "profiles": {
                "front": {"pi4": 0.2},
                "back": {
                    "gpu": {"mean": 0.05, "law": "gamma", "cv": 0.5},
                    "f": {"service_time": 0.1, "cold_service_time": 1},
                },
                "all": {"pi4": 0.5, "gpu": 0.1},
                "tiny": {"pi4": {"samples": [0.1, 0.125]}},
                "tell": {"f": 0.01},
            },
            "workload": {"sources": {"requests": {"arrivals": {"process": "poisson", "rate": 2}}}},
            "constraints": [
                {"kind": "local", "component": "find", "limit": 1.5},
                {"kind": "global", "path": ["find", "tell"], "limit": 2.5, "percentile": 95},
                {"kind": "throughput", "component": "find", "at_least": 1},
                {"kind": "device", "component": "tell", "memory_mb": 512},
                {"kind": "response", "limit": 3},
            ],
            "plan": {"front": {"resource": "pi", "replicas": 3}, "back": "gpu", "tell": "f"},
            "events": [{"event": "load", "at": 10, "factor": 2}],
        }
    )


def test_scenario_of_other_origin(tmp_path: Path) -> None:
    """What the format can carry comes back, under AI-SPRINT's names; the second time nothing changes any more."""
    before = by_hand()
    save_application(before, tmp_path / "x")
    after = load_application(tmp_path / "x", arrival_rate=2).scenario
    assert {name: list(d.partitions) for name, d in after.application.components["find"].deployments.items()} == {
        "base": ["find"],
        "partition1": ["find_partition1_1", "find_partition1_2"],
        "tiny": ["tiny"],
    }
    names = {"front": "find_partition1_1", "back": "find_partition1_2", "all": "find"}
    for name in ("front", "back", "all", "tiny", "tell"):
        old, new = before.application.partition(name)[2], after.application.partition(names.get(name, name))[2]
        assert old.model_dump(exclude={"name"}) == new.model_dump(exclude={"name"})
        for host in old.candidates:
            assert before.profile(name, host) == after.profile(new.name, host)
    assert after.application.dependencies == before.application.dependencies
    assert after.workload == before.workload
    assert [d.accuracy for d in after.application.components["find"].deployments.values()] == [0.9, None, 0.7]
    for name, old_host in before.continuum.resources.items():
        new_host = after.continuum.resources[name]
        left_out = {"layer", "device", "properties"}
        assert old_host.model_dump(exclude=left_out) == new_host.model_dump(exclude=left_out)
    assert [layer.number for layer in after.continuum.layers.values()] == [2, 1, 3]
    assert after.continuum.layers_within("wan") == set(after.continuum.layers)
    assert [d.bandwidth_mbit_per_s for d in after.continuum.domains.values()] == [0.07, 2]
    assert after.plan is not None
    assert after.plan.placements["find_partition1_1"].replicas == 3
    save_application(after, tmp_path / "y")
    assert load_application(tmp_path / "y", arrival_rate=2).scenario == after


def test_layers_get_numbers_of_their_own() -> None:
    """Numbers that layers share, or do not have, are replaced by free ones; keys are unique."""
    layers: dict[str, Any] = {
        "cloud": {"type": "Virtual", "number": 2},
        "edge": {"type": "Virtual", "number": 2},
        "computationalLayer1": {"type": "Virtual"},
        "far": {"type": "Virtual"},
        "computationalLayer4": {"type": "Virtual", "number": 9},
    }
    continuum = Continuum.model_validate({"domains": {}, "layers": layers})
    written = {name: (layer.key, layer.number) for name, layer in written_layers(continuum).items()}
    assert len({key for key, _ in written.values()}) == len({number for _, number in written.values()}) == len(layers)
    assert written["cloud"] == ("computationalLayer2", 2)
    assert written["computationalLayer1"] == ("computationalLayer1", 1)
    assert written["computationalLayer4"] == ("computationalLayer4", 9)


def test_losses_are_listed() -> None:
    """Whatever the folder cannot hold is said; a scenario from such a folder loses its arrival rate alone."""
    text = "\n".join(application_losses(by_hand()))
    for part in (
        "events",
        "pi (device)",
        "f (cold_start)",
        "edge becomes computationalLayer2",
        "front becomes",
        "wan",
        "2 req",
    ):
        assert part in text
    assert "limits on the whole application" in text
    assert "global: find > tell" in text


def test_losses_of_a_folder(tmp_path: Path) -> None:
    """What was read from AI-SPRINT files can be written to them."""
    (loss,) = application_losses(read(tmp_path, alternatives()).scenario)
    assert loss == "the arrival rate is to be given on reading: requests, 1 requests/s"


def test_folders_are_never_overwritten(tmp_path: Path) -> None:
    """An empty folder is filled; one with a file stays as it is, and nothing is left beside it."""
    scenario = by_hand()
    (tmp_path / "app").mkdir()
    save_application(scenario, tmp_path / "app")
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    with pytest.raises(ScenarioError, match="not an empty folder"):
        save_application(scenario, tmp_path / "app")
    with pytest.raises(ScenarioError, match="cannot be written"):
        save_application(scenario, next(iter(before)) / "below")
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before
    assert [path.name for path in tmp_path.iterdir()] == ["app"]


def test_production_deployment_in_both_dialects(tmp_path: Path) -> None:
    """Both hold the plan's nodes and only what it uses; both are read again."""
    scenario = read(tmp_path / "x", documents()).scenario
    plan = Plan.model_validate({"name": "mine", "placements": {"a": {"resource": "VM", "replicas": 2}, "b": "VM"}})
    studio = dump_production_deployment(scenario, plan)["System"]
    assert list(studio) == ["name", "NetworkDomains", "Components", "DeploymentName"]
    assert list(studio["Components"]) == ["component1", "component2"]
    assert list(studio["NetworkDomains"]) == ["ND2"]
    assert studio["NetworkDomains"]["ND2"]["subNetworkDomains"] == []
    layers = studio["NetworkDomains"]["ND2"]["ComputationalLayers"]
    assert list(layers) == ["computationalLayer2"]
    assert layers["computationalLayer2"]["Resources"]["resource7"]["totalNodes"] == 2
    chosen = dump_production_deployment(scenario, plan, dialect="space4ai-d", feasible=True)["System"]
    assert chosen["Resources"]["NetworkDomains"] == studio["NetworkDomains"]
    assert chosen["Feasible"] is True
    for dialect in ("studio", "space4ai-d"):
        save_production_deployment(tmp_path / "mine.yaml", scenario, plan, dialect=dialect)
        again = load_production_deployment(tmp_path / "mine.yaml", scenario)
        assert again.nodes("VM") == 2
        assert {name: p.resource for name, p in again.placements.items()} == {"a": "VM", "b": "VM"}
    unfit = Plan.model_validate({"placements": {"a": "F1", "b": "VM"}})
    with pytest.raises(PlanError, match="cannot run on 'F1'"):
        dump_production_deployment(scenario, unfit)


def test_changed_resource_is_written_as_it_is_now(tmp_path: Path) -> None:
    """Processors are those of the file only while they still say what the model says."""
    scenario = read(tmp_path, documents()).scenario
    machine = scenario.continuum.resources["VM"].model_copy(update={"cores": 16.0})
    continuum = scenario.continuum.model_copy(update={"resources": {**scenario.continuum.resources, "VM": machine}})
    written = dump_application(scenario.model_copy(update={"continuum": continuum}))[RESOURCES]
    resources = written["System"]["NetworkDomains"]["ND2"]["ComputationalLayers"]["computationalLayer2"]["Resources"]
    assert resources["resource7"]["processors"]["processor1"]["computingUnits"] == 16
    assert resources["resource7"]["storageSize"] == 50


def test_component_named_like_a_segment_cannot_be_written() -> None:
    """In the files its name would mean something else."""
    scenario = by_hand()
    named = {f"{name}_partition1_1": component for name, component in scenario.application.components.items()}
    application = scenario.application.model_copy(update={"components": named})
    scenario = scenario.model_copy(update={"application": application})
    with pytest.raises(ScenarioError, match="rename the component"):
        dump_application(scenario)
