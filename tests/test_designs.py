"""Annotated applications become designs and deployments in AI-SPRINT's formats, and can be designed again."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result
from hypothesis import given, settings
from hypothesis import strategies as st

from design.commands_designs import designs_command
from design.designs.designing import Designs, plan_designs
from design.designs.output import CopyOf, LinkTo, write_files
from design.designs.segment_code import UncutCodeError, segment_code
from tests.annotated_apps import candidate, code, write_app
from twin.errors import DesignError, TwinError
from twin.formats.aisprint import load_application
from twin.formats.aisprint.drift import load_drift_config
from twin.formats.reading import read_scenario
from twin.theory import solve

CASES = Path(__file__).resolve().parents[2] / "shared" / "data" / "toscarizer_cases"
EXITS = "early_exits_model(onnx_file='m.onnx', condition_function='sure', transition_probabilities=[0.4, 0.25])"


def cut(count: int = 1) -> str:
    """Return the annotation of a model with so many cuts."""
    return f"partitionable_model(onnx_file='m.onnx', num_partitions={count})"


def write(app: Path, **options: Any) -> Designs:
    """Design an application and write what follows."""
    designed = plan_designs(app, **options)
    write_files(app, designed.files)
    return designed


def document(app: Path, name: str) -> Any:
    """Return what a YAML file of the application holds."""
    return yaml.safe_load((app / name).read_text())


def problems(app: Path) -> list[str]:
    """Return why an application is refused."""
    with pytest.raises(DesignError) as caught:
        plan_designs(app)
    return [str(problem) for problem in caught.value.problems]


def snapshot(app: Path) -> dict[str, str]:
    """Return every file under *app* with its content, links with their target."""
    return {
        path.relative_to(app).as_posix(): os.readlink(path) if path.is_symlink() else path.read_bytes().hex()
        for path in sorted(app.rglob("*"))
        if path.is_symlink() or path.is_file()
    }


@pytest.fixture
def masks(tmp_path: Path) -> Path:
    """Write two components of which the first may be cut in two ways, with limits on each and on both."""
    sources = {
        "blur": code("blur", "exec_time(local_time_thr=20)", "expected_throughput(rate=3)", cut(2)),
        "mask": code("mask", "exec_time(local_time_thr=10, global_time_thr=30, prev_components=['blur'])"),
    }
    entries = [
        candidate("blur", "Pi", "VM"),
        candidate("blur_partitionX_1", "Pi"),
        candidate("blur_partitionX_2", "VM"),
        candidate("mask", "VM"),
    ]
    profiles = {
        **{name: {"Pi": 0.4, "VM": 0.1} for name in ("blur",)},
        **{f"blur_partition{k}_1": {"Pi": 0.1} for k in (1, 2)},
        **{f"blur_partition{k}_2": {"VM": 0.1} for k in (1, 2)},
        "mask": {"VM": 0.1},
    }
    return write_app(tmp_path / "app", sources, [["blur", "mask", 1]], entries, profiles=profiles)


# --- what Studio writes ----------------------------------------------------------------------------------------------


def test_the_files_of_studio(masks: Path) -> None:
    """Annotations by path, designs in Studio's order, a folder for each deployment, links into the designs."""
    write(masks)
    annotations = document(masks, "common_config/annotations.yaml")
    assert annotations[f"{masks}/src/blur/main.py"] == {
        "component_name": {"name": "blur"},
        "exec_time": {"local_time_thr": 20},
        "expected_throughput": {"rate": 3},
        "partitionable_model": {"onnx_file": "m.onnx", "num_partitions": 2},
    }
    assert document(masks, "aisprint/designs/component_partitions.yaml") == {
        "components": {
            "blur": {"partitions": ["base", "partition1_2", "partition1_1", "partition2_2", "partition2_1"]},
            "mask": {"partitions": ["base"]},
        }
    }
    assert sorted(os.listdir(masks / "aisprint/deployments")) == [
        "base",
        "deployment1",
        "deployment2",
        "deployment3",
        "multi_cluster_qos_constraints.yaml",
        "optimal_deployment",
    ]
    assert os.listdir(masks / "aisprint/deployments/optimal_deployment") == ["production_deployment.yaml"]
    base, other = (masks / f"aisprint/deployments/{name}/src" for name in ("base", "deployment2"))
    assert sorted(os.listdir(base)) == ["blur", "mask"]
    assert sorted(os.listdir(other)) == ["blur_partition1_1", "blur_partition1_2", "mask_base"]
    assert (base / "blur/main.py").read_text() == (masks / "src/blur/main.py").read_text()
    assert (other / "blur_partition1_2").resolve() == masks / "aisprint/designs/blur/partition1_2"
    assert "pickle.load" in (other / "blur_partition1_2/main.py").read_text()


def test_the_documents_of_a_deployment(masks: Path) -> None:
    """A cut component's own limit spans its segments, and each limit stands on the layer of the last part it spans."""
    write(masks)
    place = "aisprint/deployments/deployment2"
    segments = ["blur_partition1_1", "blur_partition1_2"]
    assert document(masks, f"{place}/application_dag.yaml") == {
        "System": {
            "name": "app",
            "components": [*segments, "mask"],
            "dependencies": [[*segments, 1], ["blur_partition1_2", "mask", 1]],
        }
    }
    first = {"name": "app", "local_constraints": {}, "global_constraints": {}}
    assert document(masks, f"{place}/ams/qos_constraints_L1.yaml") == {
        "system": {**first, "throughput_component": "blur_partition1_1"}
    }
    second = {
        "name": "app",
        "local_constraints": {"local_constraint_1": {"component_name": "mask", "threshold": 10}},
        "global_constraints": {
            "global_constraint_1": {"path_components": segments, "threshold": 20},
            "global_constraint_2": {"path_components": [*segments, "mask"], "threshold": 30},
        },
    }
    assert document(masks, f"{place}/ams/qos_constraints_L2.yaml") == {"system": {**second, "throughput_component": {}}}
    assert document(masks, f"{place}/space4ai-d/qos_constraints.yaml") == {"system": second}
    clusters = document(masks, "aisprint/deployments/multi_cluster_qos_constraints.yaml")["System"]["Deployments"]
    assert list(clusters) == ["base", "deployment1", "deployment2", "deployment3"]
    assert clusters["deployment2"]["ExecutionLayers"][1]["components"] == ["blur_partition1_1"]
    assert clusters["deployment2"]["ExecutionLayers"][2]["components"] == ["blur_partition1_2", "mask"]
    assert clusters["base"]["ExecutionLayers"][1]["local_constraints"] == {
        "local_constraint_1": {"component_name": "blur", "threshold": 20}
    }
    whole = document(masks, "space4ai-d/qos_constraints.yaml")["system"]
    assert whole["global_constraints"] == {
        "global_constraint_1": {"path_components": ["blur", "mask"], "threshold": 30}
    }


def test_deployments_are_numbered_as_studio_does(masks: Path) -> None:
    """Choices of designs in order, for each the choices of layers; the first of all is the base."""
    assert [dict(deployment.layers) for deployment in plan_designs(masks).deployments] == [
        {"blur": 1, "mask": 2},
        {"blur": 2, "mask": 2},
        {"blur_partition1_1": 1, "blur_partition1_2": 2, "mask": 2},
        {"blur_partition2_1": 1, "blur_partition2_2": 2, "mask": 2},
    ]


def test_the_first_layer_that_candidates_list_is_preferred(tmp_path: Path) -> None:
    """The base runs there, whatever the order of the resources."""
    app = write_app(tmp_path, {"a": code("a")}, [], [candidate("a", "Pi", "VM", layers=[2, 1])])
    designed = write(app)
    assert [dict(deployment.layers) for deployment in designed.deployments] == [{"a": 2}, {"a": 1}]
    plan = document(app, "aisprint/deployments/optimal_deployment/production_deployment.yaml")["System"]["Components"]
    assert plan["component1"]["Containers"]["container1"]["selectedExecutionResource"] == "VM"


def test_a_designed_application_is_read_and_run(masks: Path) -> None:
    """What was written is a scenario with its base plan; the limits and the rate of the annotations hold in it."""
    write(masks)
    scenario = read_scenario(masks).scenario
    assert list(scenario.application.components["blur"].deployments) == ["base", "partition1", "partition2"]
    assert {(c.kind, c.target, getattr(c, "limit", None)) for c in scenario.constraints} == {
        ("local", "blur", 20),
        ("local", "mask", 10),
        ("global", "blur > mask", 30),
        ("throughput", "blur", None),
    }
    assert scenario.plan is not None
    assert {name: one.resource for name, one in scenario.plan.placements.items()} == {"blur": "Pi", "mask": "VM"}
    assert solve(scenario).verdict == "pass"


@pytest.mark.parametrize("name", ["app_test_base_aws", "app_test_optimal_aws"])
def test_the_public_case_is_designed_as_it_was(name: str, tmp_path: Path) -> None:
    """Partitions, base graph, base plan and limits are those of the Mask Detection folder."""
    if not CASES.is_dir():
        pytest.skip("../shared is absent")
    case, app = CASES / name / "input", tmp_path / "app"
    shutil.copytree(case / "common_config", app / "common_config")
    sources = {
        "blurry-faces-onnx": ("exec_time(local_time_thr=20)", cut(1)),
        "mask-detector": ("exec_time(local_time_thr=10)",),
    }
    for component, own in sources.items():
        (app / "src" / component).mkdir(parents=True)
        (app / "src" / component / "main.py").write_text(code(component, *own))
    write(app)
    partitions = "aisprint/designs/component_partitions.yaml"
    assert document(app, partitions) == document(case, partitions)
    base = case / "aisprint/deployments/base"
    if not base.is_dir():
        optimal = document(case, "aisprint/deployments/optimal_deployment/application_dag.yaml")
        written = [document(app, f"{path.relative_to(app)}/application_dag.yaml") for path in graphs(app)]
        assert optimal in written
        return
    assert document(app, "aisprint/deployments/base/application_dag.yaml") == document(base, "application_dag.yaml")
    ours = document(app, "aisprint/deployments/optimal_deployment/production_deployment.yaml")["System"]
    theirs = document(base, "production_deployment.yaml")["System"]
    assert ours["Components"] == theirs["Components"]
    assert ours["DeploymentName"] == "base"
    used = [r["name"] for d in ours["NetworkDomains"].values() for r in resources_of(d)]
    assert used == ["RaspPi", "AWS-FaaS"]
    limits = document(app, "space4ai-d/qos_constraints.yaml")["system"]
    assert limits["local_constraints"] == document(base, "ams/qos_constraints.yaml")["system"]["local_constraints"]


def graphs(app: Path) -> list[Path]:
    """Return the deployments that have a graph."""
    return [path.parent for path in app.glob("aisprint/deployments/*/application_dag.yaml")]


def resources_of(domain: Any) -> list[Any]:
    """Return the resources of one domain of a plan."""
    return [r for layer in domain["ComputationalLayers"].values() for r in layer["Resources"].values()]


# --- where Studio fails ----------------------------------------------------------------------------------------------


@pytest.fixture
def exits(tmp_path: Path) -> Path:
    """Write a component with two early exits, and one after it."""
    entries = [candidate("clf", "Pi"), *(candidate(f"clf_partitionX_{s}", "VM") for s in (1, 2, 3))]
    sources = {"clf": code("clf", "exec_time(local_time_thr=2)", EXITS), "sink": code("sink")}
    return write_app(tmp_path / "app", sources, [["clf", "sink", 1]], [*entries, candidate("sink", "VM")])


def test_two_early_exits(exits: Path) -> None:
    """Three segments in a chain; each exit leads on with what does not go on, and is read as such."""
    write(exits)
    chain = ["clf_partition1_1", "clf_partition1_2", "clf_partition1_3"]
    system = document(exits, "aisprint/deployments/deployment1/application_dag.yaml")["System"]
    assert system["components"] == [*chain, "sink"]
    assert sorted(system["dependencies"]) == [
        ["clf_partition1_1", "clf_partition1_2", 0.4],
        ["clf_partition1_1", "sink", 0.6],
        ["clf_partition1_2", "clf_partition1_3", 0.25],
        ["clf_partition1_2", "sink", 0.75],
        ["clf_partition1_3", "sink", 1],
    ]
    scenario = load_application(exits, require_profiles=False).scenario
    parts = scenario.application.components["clf"].deployments["partition1"].chain
    assert [part.exit_probability for part in parts] == [0.6, 0.75, 0]
    limits = document(exits, "aisprint/deployments/deployment1/space4ai-d/qos_constraints.yaml")["system"]
    assert limits["global_constraints"] == {"global_constraint_1": {"path_components": chain, "threshold": 2}}


def test_the_last_component_may_have_exits(tmp_path: Path) -> None:
    """Then an exit leads nowhere."""
    entries = [candidate("clf", "Pi"), *(candidate(f"clf_partitionX_{s}", "VM") for s in (1, 2, 3))]
    app = write_app(tmp_path, {"clf": code("clf", EXITS)}, [], entries)
    write(app)
    system = document(app, "aisprint/deployments/deployment1/application_dag.yaml")["System"]
    assert [edge[2] for edge in system["dependencies"]] == [0.4, 0.25]


def test_probabilities_fit_the_table_of_exits(exits: Path) -> None:
    """One for each line of early_exits.csv, which must be a table."""
    table = exits / "src/clf/onnx/early_exits.csv"
    table.parent.mkdir()
    for text, message in (
        ("exits,input_nodes,output_nodes\ne1,['a'],['b']\n", "has 2 probabilities, but src/clf/onnx/early_exits.csv"),
        ("exits,nodes\n", "expected the header exits,input_nodes,output_nodes, got exits,nodes"),
        ("", "expected the header exits,input_nodes,output_nodes, got nothing"),
        ("exits,input_nodes,output_nodes\n", "lists no exit"),
        ("exits,input_nodes,output_nodes\ne1,x\n", "line of 'e1' has no 3 cells"),
    ):
        table.write_text(text)
        assert any(message in one for one in problems(exits)), problems(exits)
    table.write_text("exits,input_nodes,output_nodes\ne1,['a'],['b']\n\ne2,['c'],['d']\n")
    plan_designs(exits)


def test_ten_and_more_cuts(tmp_path: Path) -> None:
    """No digit is lost."""
    entries = [candidate("a", "Pi"), candidate("a_partitionX_1", "Pi"), candidate("a_partitionX_2", "VM")]
    app = write_app(tmp_path, {"a": code("a", cut(11))}, [], entries)
    write(app)
    deployments = load_application(app, require_profiles=False).scenario.application.components["a"].deployments
    assert list(deployments) == ["base", *(f"partition{k}" for k in range(1, 12))]
    assert (app / "aisprint/deployments/deployment10/src/a_partition10_1/main.py").is_file()


def test_candidates_say_how_many_segments_there_are(tmp_path: Path) -> None:
    """Two, or as many as have an entry: for all cuts, or for one of them."""
    entries = [candidate("a", "Pi"), *(candidate(f"a_partitionX_{s}", "Pi") for s in (1, 2, 3))]
    app = write_app(tmp_path, {"a": code("a", cut(2))}, [], [*entries, candidate("a_partition2_4", "VM")])
    assert [len(way.parts) for way in plan_designs(app).ways] == [1, 3, 4]


def test_alternatives_may_be_cut(tmp_path: Path) -> None:
    """Each is a deployment of what it replaces, whole and cut; its folder bears its name."""
    sources = {"a": code("a", "exec_time(local_time_thr=3)"), "b": code("b"), "a2": code("a2", cut())}
    entries = [candidate("a", "Pi"), candidate("b", "VM"), candidate("a2", "VM")]
    segments = [candidate("a2_partitionX_1", "Pi"), candidate("a2_partitionX_2", "VM")]
    app = write_app(tmp_path, sources, [["a", "b", 0.5]], [*entries, *segments], {"a": ["a2"]})
    write(app)
    scenario = load_application(app, require_profiles=False).scenario
    assert list(scenario.application.components["a"].deployments) == ["base", "a2_partition1", "a2"]
    assert document(app, "aisprint/deployments/deployment2/application_dag.yaml")["System"]["dependencies"] == [
        ["a2_partition1_1", "a2_partition1_2", 1],
        ["a2_partition1_2", "b", 0.5],
    ]
    limits = document(app, "aisprint/deployments/deployment2/space4ai-d/qos_constraints.yaml")["system"]
    spans = limits["global_constraints"]["global_constraint_1"]["path_components"]
    assert spans == ["a2_partition1_1", "a2_partition1_2"]
    assert [(c.target, c.limit) for c in scenario.constraints if c.kind == "local"] == [("a", 3)]
    assert sorted(os.listdir(app / "aisprint/designs/a2")) == ["base", "partition1_1", "partition1_2"]
    (app / "src/a2").rename(app / "src/other")
    assert any("the folder of the alternative 'a2' must bear its name" in one for one in problems(app))


def drift(metric: object, **changes: object) -> str:
    """Return an annotation that watches a metric."""
    arguments: dict[str, object] = {
        "metric": metric,
        "field": "score",
        "statistical_test": "chi-squared",
        "test_threshold": 0.05,
        "monitoring_period": 24,
        "detection_interval": 1,
        "data_collection_period": 48,
        **changes,
    }
    return f"detect_metric_drift({', '.join(f'{key}={value!r}' for key, value in arguments.items())})"


def test_several_drift_metrics(tmp_path: Path) -> None:
    """Of one component and of several, with one field or more each."""
    several = drift(["m", "n"], field=["s", ["t", "u"]], test_threshold=[0.1, [0.2, 0.3]])
    sources = {"a": code("a", several), "b": code("b", drift("m", monitoring_period=7))}
    app = write_app(tmp_path, sources, [["a", "b", 1]], [candidate("a", "Pi"), candidate("b", "VM")])
    write(app)

    def watched(threshold: float, period: float = 24) -> dict[str, Any]:
        return {"monitoring_period": period, "statistical_test": "chi-squared", "test_threshold": threshold}

    assert document(app, "common_config/drift_detector/drift_detector_config.yaml") == {
        "data_collection_period": 48,
        "detection_interval": 1,
        "metrics": {"m": {"s": watched(0.1), "score": watched(0.05, 7)}, "n": {"t": watched(0.2), "u": watched(0.3)}},
    }
    read = load_drift_config(app / "common_config/drift_detector/drift_detector_config.yaml")
    assert read.metrics["n"]["u"].test_threshold == 0.3
    sources["b"] = code("b", drift("m", field="s", detection_interval=2))
    write_app(tmp_path, sources, [["a", "b", 1]], [candidate("a", "Pi"), candidate("b", "VM")])
    assert any("detection_interval: is 2 here and 1 in another component" in one for one in problems(app))
    assert any("'s' of 'm' is watched in another way too" in one for one in problems(app))


# --- how many --------------------------------------------------------------------------------------------------------


def test_what_is_left_out_is_said(masks: Path) -> None:
    """First the choices of layers go, then the last choices of designs."""
    assert len(plan_designs(masks, most=4).deployments) == 4
    three = plan_designs(masks, most=3)
    assert [deployment.layers for deployment in three.deployments] == [
        deployment.layers for deployment in plan_designs(masks).deployments if deployment.layers.get("blur") != 2
    ]
    assert any("there are 4 deployments, more than 3; written: each of the 3 choices" in one for one in three.notes)
    assert any("written: the first 2 of the 3 choices of designs" in one for one in plan_designs(masks, most=2).notes)
    assert len(plan_designs(masks, most=2).deployments) == 2


def test_more_deployments_than_anybody_counts(tmp_path: Path) -> None:
    """Ten components of 21 designs each on two layers are counted, not made."""
    names = [f"c{i}" for i in range(10)]
    entries = [
        candidate(n, "Pi", "VM") for name in names for n in (name, f"{name}_partitionX_1", f"{name}_partitionX_2")
    ]
    edges = [[a, b, 1] for a, b in pairwise(names)]
    app = write_app(tmp_path, {name: code(name, cut(20)) for name in names}, edges, entries)
    designed = plan_designs(app, most=5)
    assert len(designed.deployments) == 5
    assert any(f"there are {(2 + 20 * 4) ** 10} deployments" in note for note in designed.notes)


# --- again and again -------------------------------------------------------------------------------------------------


def test_designing_again_changes_nothing(masks: Path) -> None:
    """Not a byte, and no file is touched."""
    write(masks)
    before = snapshot(masks)
    times = {name: (masks / name).lstat().st_mtime_ns for name in before}
    designed = plan_designs(masks)
    done = write_files(masks, designed.files)
    assert (done.written, done.removed, done.kept) == ([], [], [])
    assert len(done.unchanged) == len(designed.files)
    assert snapshot(masks) == before
    assert {name: (masks / name).lstat().st_mtime_ns for name in before} == times


def test_what_is_no_longer_designed_is_removed(masks: Path) -> None:
    """Its folders with it; what somebody put there stays."""
    write(masks)
    extra = masks / "aisprint/designs/blur/partition2_1/mine.txt"
    extra.write_text("mine")
    main = masks / "src/blur/main.py"
    main.write_text(main.read_text().replace("num_partitions=2", "num_partitions=1"))
    done = write_files(masks, plan_designs(masks).files)
    assert "aisprint/deployments/deployment3/application_dag.yaml" in done.removed
    assert not (masks / "aisprint/deployments/deployment3").exists()
    assert not (masks / "aisprint/designs/blur/partition2_2").exists()
    assert os.listdir(extra.parent) == ["mine.txt"]
    fresh = write_app_copy(masks)
    write(fresh)
    extra.unlink()
    extra.parent.rmdir()
    theirs = {name: text for name, text in snapshot(fresh).items() if "annotations" not in name and ".json" not in name}
    assert theirs == {name: snapshot(masks)[name] for name in theirs}


def write_app_copy(app: Path) -> Path:
    """Return a copy of an application that has never been designed."""
    fresh = app.with_name("fresh")
    shutil.copytree(app / "common_config", fresh / "common_config", ignore=shutil.ignore_patterns("annotations.yaml"))
    shutil.copytree(app / "src", fresh / "src")
    return fresh


def test_nothing_of_the_users_is_lost(masks: Path) -> None:
    """Files that were there before, or changed since, are neither overwritten nor removed unless that is asked for."""
    theirs = masks / "common_config/annotations.yaml"
    theirs.write_text("of: somebody\n")
    designed = plan_designs(masks)
    with pytest.raises(DesignError, match="would be lost") as caught:
        write_files(masks, designed.files)
    assert [problem.where for problem in caught.value.problems] == ["common_config/annotations.yaml"]
    assert not (masks / "aisprint").exists()
    write_files(masks, designed.files, replace=True)
    assert "component_name" in theirs.read_text()
    changed = masks / "aisprint/designs/blur/partition2_1/main.py"
    changed.write_text("# mine\n")
    with pytest.raises(DesignError, match=r"partition2_1/main\.py"):
        write_files(masks, plan_designs(masks).files)
    main = masks / "src/blur/main.py"
    main.write_text(main.read_text().replace("num_partitions=2", "num_partitions=1"))
    done = write_files(masks, plan_designs(masks).files)
    assert done.kept == ["aisprint/designs/blur/partition2_1/main.py"]
    assert changed.read_text() == "# mine\n"


def test_a_plan_of_an_optimiser_stays(masks: Path) -> None:
    """Whatever else stands in optimal_deployment is kept without a word being asked."""
    run(masks)
    plan = masks / "aisprint/deployments/optimal_deployment/production_deployment.yaml"
    text = plan.read_text().replace("name: app", "name: optimised")
    plan.write_text(text)
    for _ in range(2):
        assert "kept: aisprint/deployments/optimal_deployment/production_deployment.yaml" in run(masks).output
        assert plan.read_text() == text


def test_an_interrupted_design_goes_on(masks: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever was written counts as ours, the rest follows, and the result is that of one go."""
    once = write_app_copy(masks)
    write(once)
    designed = plan_designs(masks)
    from design.designs import output

    written: list[Path] = []
    original = output._write

    def full_disk(path: Path, content: output.Content) -> None:
        if len(written) == 9:
            raise DesignError("cannot write: no space left on device")
        written.append(path)
        original(path, content)

    monkeypatch.setattr(output, "_write", full_disk)
    with pytest.raises(TwinError, match="no space"):
        write_files(masks, designed.files)
    monkeypatch.undo()
    main = masks / "src/blur/main.py"
    main.write_text(main.read_text() + "# changed meanwhile\n")
    write_files(masks, plan_designs(masks).files)
    assert (masks / "aisprint/designs/blur/base/main.py").read_text().endswith("meanwhile\n")
    assert {name for name in snapshot(once) if "profiles" not in name} <= set(snapshot(masks))


def test_files_are_written_in_every_form(tmp_path: Path) -> None:
    """Texts, bytes, copies and links; a folder in the way, and a record that leads elsewhere, do no harm."""
    (tmp_path / "a").write_text("a")
    content = {"x/t": "text", "x/b": b"\0", "x/c": CopyOf(tmp_path / "a"), "x/l": LinkTo("t")}
    write_files(tmp_path, content)
    assert [(tmp_path / name).read_bytes() for name in content] == [b"text", b"\0", b"a", b"text"]
    write_files(tmp_path, {**content, "x/l": LinkTo("b"), "x/b": "other"})
    assert (tmp_path / "x/l").read_text() == "other"
    (tmp_path / "folder").mkdir()
    with pytest.raises(DesignError, match="would be lost"):
        write_files(tmp_path, {"folder": "text"})
    with pytest.raises(TwinError, match="is a folder"):
        write_files(tmp_path, {"folder": "text"}, replace=True)
    outside = tmp_path / "outside"
    outside.write_text("kept")
    app = tmp_path / "app"
    (app / "aisprint").mkdir(parents=True)
    record = app / "aisprint/.designs.json"
    digest = hashlib.sha256(b"kept").hexdigest()
    record.write_text(json.dumps({"files": {"../outside": [digest], str(outside): [digest]}}))
    write_files(app, {})
    assert outside.exists()
    record.write_text("{")
    write_files(app, {"y": "1"})
    assert (app / "y").read_text() == "1"


def test_copies_for_the_tools_hold_no_credentials(masks: Path) -> None:
    """What was prepared for them goes into each deployment, but never the access to a cloud."""
    for name in ("im/auth.dat", "im/template.yaml", "oscar/x/fdl.yaml"):
        (masks / name).parent.mkdir(parents=True, exist_ok=True)
        (masks / name).write_text(f"secret of {name}")
    designed = write(masks)
    for name in ("base", "deployment3"):
        assert (masks / f"aisprint/deployments/{name}/oscar/x/fdl.yaml").is_file()
        assert os.listdir(masks / f"aisprint/deployments/{name}/im") == ["template.yaml"]
    assert any("im/auth.dat holds credentials" in note for note in designed.notes)


FRAGMENTS = [
    "'",
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    ",",
    ":",
    "=",
    "-",
    "*",
    "@",
    "1",
    "1e999",
    "null",
    "x",
    " ",
    "\n",
    "\t",
]


@settings(max_examples=60)
@given(st.data())
def test_whatever_stands_in_the_files_is_designed_or_refused(data: st.DataObject) -> None:
    """Code and documents broken at random places: an error in words, or designs that a second time changes nothing."""
    with tempfile.TemporaryDirectory() as folder:
        sources = {"a": code("a", EXITS), "b": code("b", "exec_time(global_time_thr=1, prev_components=['a'])", cut())}
        names = ("a", "b", *(f"{name}_partitionX_{s}" for name in "ab" for s in (1, 2, 3)))
        sources["a"] = sources["a"].replace("@early", "@exec_time()\n@early")
        app = write_app(Path(folder), sources, [["a", "b", 1]], [candidate(name, "VM") for name in names])
        path = data.draw(st.sampled_from(sorted(path for path in app.rglob("*") if path.suffix in (".py", ".yaml"))))
        text = path.read_text()
        start = data.draw(st.integers(0, len(text)))
        end = data.draw(st.integers(start, min(len(text), start + 6)))
        path.write_text(text[:start] + data.draw(st.sampled_from(FRAGMENTS)) + text[end:])
        try:
            write(app)
        except TwinError as error:
            assert str(error)  # noqa: PT017  (either outcome is right; a traceback is not)
            return
        assert write_files(app, plan_designs(app).files).written == []


# --- the code and the models of segments -----------------------------------------------------------------------------


class Scissors:
    """Cuts a model of bytes into letters; it knows two cuts."""

    def cuts(self, model: Path, segments: Sequence[int]) -> Sequence[Sequence[bytes]]:
        """Return at most two cuts."""
        return [[f"{model.name} {k} {s}".encode() for s in range(n)] for k, n in enumerate(segments[:2])]

    def exits(self, model: Path, table: Path) -> Sequence[bytes]:
        """Return a segment for each of two exits, and the last one."""
        return [f"{model.name} {table.name} {s}".encode() for s in range(3)]


def test_models_are_cut_where_something_cuts_them(masks: Path) -> None:
    """Segments get their models in place of the whole one; cuts that a model does not have are left out and said."""
    app = masks
    main = app / "src/blur/main.py"
    main.write_text(main.read_text().replace("num_partitions=2", "num_partitions=3"))
    (app / "src/blur/onnx").mkdir()
    (app / "src/blur/onnx/m.onnx").write_bytes(b"whole")
    (app / "src/blur/onnx/other.txt").write_text("other")
    designed = write(app, cutting=Scissors())
    assert [way.design for way in designed.ways] == ["base", "partition1", "partition2", "base"]
    assert any("can be cut in 2 ways, not in 3" in note for note in designed.notes)
    onnx = app / "aisprint/designs/blur/partition2_2/onnx"
    assert (onnx / "partition2_2.onnx").read_text() == "m.onnx 1 1"
    assert sorted(os.listdir(onnx)) == ["other.txt", "partition2_2.onnx"]
    assert (app / "aisprint/designs/blur/base/onnx/m.onnx").read_bytes() == b"whole"
    assert any("m.onnx is not cut" in note for note in plan_designs(app).notes)


def test_models_are_cut_at_their_exits(exits: Path) -> None:
    """A segment for each exit and the last one."""
    (exits / "src/clf/onnx").mkdir()
    (exits / "src/clf/onnx/m.onnx").write_bytes(b"whole")
    write(exits, cutting=Scissors())
    assert (
        exits / "aisprint/designs/clf/partition1_3/onnx/partition1_3.onnx"
    ).read_text() == "m.onnx early_exits.csv 2"


COMPONENT = '''"""A component."""
import sys
from design.annotations import *

MODEL = "onnx/m.onnx"

def load_and_inference(onnx_file, inputs):
    print("runs", onnx_file)
    outputs = {**inputs, "x": inputs["x"] + 1}
    return outputs, outputs["x"]

def sure(result):
    return result > 2

@component_name(name="c")
@partitionable_model(onnx_file="m.onnx")
def main(args):
    """Do it."""
    input_dict = {"x": int(args["input"]), "kept": "text"}
    return_dict, result = load_and_inference(args["onnx_file"], input_dict)
    print("done", result, return_dict["kept"])
    with open(args["output"], "w") as out:
        out.write(str(result))


if __name__ == "__main__":
    main({"input": sys.argv[1], "output": sys.argv[2], "onnx_file": MODEL})
'''


def run_code(folder: Path, text: str, *arguments: object) -> list[str]:
    """Run a main.py; return what it prints."""
    (folder / "main.py").write_text(text)
    environment = {"PYTHONPATH": str(Path(__file__).resolve().parents[1])}
    command = [sys.executable, "-W", "error", "main.py", *map(str, arguments)]
    ran = subprocess.run(command, capture_output=True, text=True, cwd=folder, env=environment)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout.splitlines()


def test_segments_run_one_after_the_other(tmp_path: Path) -> None:
    """Each with its own model; the first one prepares, the last one finishes, a pickle travels between."""
    made = segment_code(COMPONENT, onnx_file="m.onnx", files=("p1.onnx", "p2.onnx", "p3.onnx"))
    assert made.lost == ()
    assert all('@partitionable_model(onnx_file="m.onnx")' in text for text in made.texts)
    assert run_code(tmp_path, made.texts[0], 1, "one") == ["runs onnx/p1.onnx"]
    assert run_code(tmp_path, made.texts[1], "one", "two") == ["runs onnx/p2.onnx"]
    assert run_code(tmp_path, made.texts[2], "two", "three") == ["runs onnx/p3.onnx", "done 4 text"]
    assert (tmp_path / "three").read_text() == "4"


@pytest.mark.parametrize(("start", "leaves"), [(1, False), (2, True)])
def test_a_request_leaves_where_the_condition_says_so(start: int, leaves: bool, tmp_path: Path) -> None:
    """Otherwise what travels on is named so that it can be told apart."""
    made = segment_code(COMPONENT, onnx_file="m.onnx", files=("p1.onnx", "p2.onnx"), condition="sure")
    printed = run_code(tmp_path, made.texts[0], start, "out")
    assert ("done 3 text" in printed) == leaves
    assert (tmp_path / "out").exists() == leaves
    assert (tmp_path / "out_NO_EARLYEXIT").exists() != leaves
    if not leaves:
        assert run_code(tmp_path, made.texts[1], "out_NO_EARLYEXIT", "end")[-1] == "done 3 text"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("return_dict, result = load_and_inference", "result = load_and_inference"),
        ("return_dict, result = load_and_inference", "x = 1; return_dict, result = load_and_inference"),
        ("input_dict)\n", "input_dict); x = 1\n"),
        ("args['onnx_file'], input_dict", "args['onnx_file']"),
        ("load_and_inference(args", "infer(args"),
    ],
)
def test_code_that_does_not_say_where_its_model_runs(before: str, after: str) -> None:
    """It is not cut, for nobody knows where."""
    text = COMPONENT.replace('"', "'").replace(before, after)
    with pytest.raises(UncutCodeError):
        segment_code(text, onnx_file="m.onnx", files=("p1.onnx", "p2.onnx"))


def test_code_that_cannot_be_cut_is_said(masks: Path) -> None:
    """The designs are written without it; names that would be lost between segments are named."""
    main = masks / "src/blur/main.py"
    text = main.read_text()
    main.write_text(text.replace("load_and_inference(", "infer("))
    designed = write(masks)
    assert any("the segments of 'blur' get no main.py" in note for note in designed.notes)
    assert not (masks / "aisprint/designs/blur/partition1_1/main.py").exists()
    main.write_text(text.replace("input_dict = dict(args)", "input_dict, y = {}, 1").replace("(result)", "(y)"))
    assert any("src/blur/main.py: y: bound before the model runs" in note for note in plan_designs(masks).notes)
    main.write_bytes(b"# coding: latin-1\n# \xe9\n" + text.encode())
    assert any("is written in iso-8859-1" in note for note in plan_designs(masks).notes)


# --- wrong input -----------------------------------------------------------------------------------------------------


def test_all_problems_of_all_files_at_once(masks: Path) -> None:
    """Code, graph, candidates and resources, each with its place."""
    main = masks / "src/mask/main.py"
    main.write_text(main.read_text().replace("['blur']", "['blurr']").replace("local_time_thr=10", "local_time_thr=x"))
    entries = masks / "common_config/candidate_deployments.yaml"
    entries.write_text(entries.read_text().replace("- VM", "- VN", 1))
    found = problems(masks)
    assert any("src/mask/main.py:6:" in one and "'x' is no constant" in one for one in found)
    assert any("unknown component 'blurr'; did you mean 'blur'?" in one for one in found)
    assert any("candidate resource 'VN' does not exist; known: Pi, VM" in one for one in found)
    assert all("Traceback" not in one for one in found)


@pytest.mark.parametrize(
    ("file", "before", "after", "message"),
    [
        ("src/blur/main.py", "name='blur'", "name='blurr'", "application_dag.yaml has no component 'blurr'; did you"),
        ("src/blur/main.py", "name='blur'", "name='blurr'", "no main.py has component_name 'blur'"),
        ("src/blur/main.py", "@exec_time(local_time_thr=20)\n", "", "'blur' lacks exec_time, which may be empty"),
        ("common_config/application_dag.yaml", "- 1", "- 2", "expected a probability between 0 and 1"),
        (
            "common_config/application_dag.yaml",
            "  dependencies:\n  - - blur\n    - mask",
            "  dependencies:\n  - - mask\n    - blur",
            "no dependency leads from 'blur' to 'mask'",
        ),
        ("common_config/candidate_deployments.yaml", "blur_partitionX_2", "blur_partitionX_3", "'blur_partitionX_2'"),
        ("common_config/candidate_deployments.yaml", "name: mask", "name: maks", "unknown component 'maks'"),
        ("common_config/candidate_resources.yaml", "number: 1", "number: one", "expected a whole number"),
    ],
)
def test_what_contradicts_itself_is_refused(masks: Path, file: str, before: str, after: str, message: str) -> None:
    """Between annotations, graph, candidates and resources."""
    path = masks / file
    assert before in path.read_text()
    path.write_text(path.read_text().replace(before, after))
    assert any(message in one for one in problems(masks)), problems(masks)


@pytest.mark.parametrize("name", ["application_dag", "candidate_resources", "candidate_deployments"])
def test_absent_files_are_named(masks: Path, name: str) -> None:
    """Absent and empty are the same."""
    path = masks / f"common_config/{name}.yaml"
    path.write_text("")
    assert any(f"{name}.yaml: the file is absent or empty" in one for one in problems(masks))
    path.unlink()
    assert any(f"{name}.yaml: the file is absent or empty" in one for one in problems(masks))


def test_components_that_nothing_names_are_noted(tmp_path: Path) -> None:
    """AI-SPRINT's tools refuse them; the twin does not."""
    app = write_app(tmp_path, {"a": code("a"), "b": code("b")}, [], [candidate("a", "Pi"), candidate("b", "VM")])
    assert any("no dependency names a, b" in note for note in plan_designs(app).notes)


def test_devices_too_small_for_their_annotation_are_noted(tmp_path: Path) -> None:
    """Before OSCAR-P refuses them."""
    sources = {
        "a": code("a", "device_constraints(ram=0.6, vram=1, use_gpu_for=['dnn'])"),
        "b": code("b", "device_constraints(ram=0.5, vram=0, use_gpu_for=[])"),
    }
    entries = [candidate("a", "Pi"), candidate("b", "VM")]
    app = write_app(tmp_path, sources, [["a", "b", 1]], entries)
    place = "common_config/candidate_deployments.yaml: container1 of 'a'"
    assert [note for note in plan_designs(app).notes if "device" in note] == [
        f"{place} has 512 MB; device_constraints ask for 614.4",
        f"{place} has no GPURequirement; device_constraints ask for memory of a GPU",
    ]


# --- the command -----------------------------------------------------------------------------------------------------


def run(*arguments: object) -> Result:
    """Run ``ctwin designs``."""
    return CliRunner().invoke(designs_command, [str(one) for one in arguments], catch_exceptions=False)


def test_a_dry_run_writes_nothing(masks: Path) -> None:
    """And says what would be written."""
    before = snapshot(masks)
    shown = run(masks, "--dry-run")
    assert "files would be written" in shown.output
    assert snapshot(masks) == before


def test_the_outcome_as_json(masks: Path) -> None:
    """Designs, deployments with their layers, and what happened to which file."""
    done = json.loads(run(masks, "--json").output)
    assert done["designs"]["blur"]["partition2"] == ["blur_partition2_1", "blur_partition2_2"]
    assert done["deployments"]["deployment1"] == {"blur": 2, "mask": 2}
    assert "common_config/annotations.yaml" in done["written"]
    again = json.loads(run(masks, "--json").output)
    assert again["written"] == []
    assert sorted(again["unchanged"]) == sorted(done["written"])


def test_a_folder_that_is_none(tmp_path: Path) -> None:
    """One message."""
    with pytest.raises(DesignError, match="is no folder"):
        run(tmp_path / "absent")
