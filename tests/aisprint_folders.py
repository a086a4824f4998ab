"""Small application folders of AI-SPRINT for tests, as documents that each test changes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from twin.errors import ScenarioError
from twin.formats.aisprint import (
    ApplicationFolder,
    load_application,
)

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
