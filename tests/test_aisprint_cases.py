"""The public cases of TOSCARIZER are read, survive writing, and their plans and graphs are reproduced."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from tests.aisprint_folders import (
    CASE_NAMES,
    OPTIMAL,
    PLAN,
    case,
    documents,
    read,
)
from twin.formats.aisprint import (
    dump_application,
    dump_production_deployment,
    load_application,
    save_application,
)
from twin.model.checks import scenario_problems
from twin.model.plan_checks import plan_problems


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
