"""Constraints, units, service times and assumptions of an application folder."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.aisprint_folders import (
    ANNOTATIONS,
    CANDIDATES,
    DAG,
    OPTIMAL,
    PLAN,
    PROFILES,
    QOS,
    RESOURCES,
    annotations,
    candidate,
    dag,
    documents,
    problems_of,
    read,
)
from twin.errors import ScenarioError
from twin.formats.aisprint import (
    ApplicationFolder,
    dump_application,
    load_application,
    save_application,
)
from twin.formats.aisprint.names import Part, fold, replaced_key
from twin.formats.aisprint.reading import natural
from twin.formats.aisprint.units import units_of, writing_units

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
