"""What contradicts itself in an application folder is refused, with the place of each problem."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.aisprint_folders import (
    ANNOTATIONS,
    CANDIDATES,
    DAG,
    OPTIMAL,
    PARTITIONS,
    PLAN,
    QOS,
    RESOURCES,
    Documents,
    alternatives,
    annotations,
    candidate,
    dag,
    documents,
    problems_of,
    read,
    selected,
    virtual_machine,
)
from twin.errors import ScenarioError
from twin.formats.aisprint import (
    load_application,
)


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
