"""Production deployments are read in all their dialects, and refused where they do not fit."""

from __future__ import annotations

import copy
from pathlib import Path

import pytest

from tests.aisprint_folders import (
    CANDIDATES,
    PLAN,
    RESOURCES,
    candidate,
    documents,
    problems_of,
    read,
    selected,
    write,
)
from twin.errors import PlanError, ScenarioError
from twin.formats.aisprint import (
    load_application,
    load_production_deployment,
)


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
