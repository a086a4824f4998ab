"""Scenarios are written as application folders without loss, or with a list of the losses."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.aisprint_folders import (
    RESOURCES,
    alternatives,
    documents,
    read,
)
from twin.errors import PlanError, ScenarioError
from twin.formats.aisprint import (
    application_losses,
    dump_application,
    dump_production_deployment,
    load_application,
    load_production_deployment,
    save_application,
    save_production_deployment,
)
from twin.formats.aisprint.written_names import written_layers
from twin.model.continuum import Continuum
from twin.model.plan import Plan
from twin.model.scenario import Scenario


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
