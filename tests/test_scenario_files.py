"""Scenario and plan files: what loads, what is written, and each message for what does not load."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pyarrow
import pyarrow.parquet
import pytest
from hypothesis import HealthCheck, given, settings

from tests.strategies import scenarios
from twin.errors import PlanError, Problem, ScenarioError
from twin.formats.scenario.files import (
    dump_scenario,
    load_plan,
    load_scenario,
    override_names,
    save_scenario,
    scenario_schema,
)
from twin.formats.scenario.trace import read_times
from twin.formats.yaml_source import load_yaml, parse_yaml
from twin.model.checks import scenario_problems
from twin.model.law import Law
from twin.model.plan import Placement
from twin.model.plan_checks import plan_problems
from twin.model.profile import Profile
from twin.model.rates import mean_rate, scaled_to
from twin.model.scenario import Scenario
from twin.model.workload import Trace, Workload

MASKS = """\
name: mask detection
question: Does the Raspberry Pi keep up?
continuum:
  domains:
    home: {layers: [edge, cloud, faas], bandwidth_mbit_per_s: 100, access_delay: 0.01}
  layers:
    edge: {type: PhysicalAlreadyProvisioned}
    cloud: {type: Virtual}
    faas: {type: NativeCloudFunction}
  resources:
    Pi: {layer: edge, nodes: 2, cores: 4, device: raspberry}
    VM1:
      layer: cloud
      nodes: 3
      cost_per_hour: 0.5
  functions:
    Lambda: {layer: faas, memory_mb: 4096}
application:
  components:
    blur: {candidates: [Pi], data_mb: 0.5}
    detect:
      candidates: [Pi, VM1, Lambda]
      container: {memory_mb: 512, image: mask:1}
      accuracy: 0.9
  dependencies:
    - {from: blur, to: detect, probability: 0.8, data_mb: 2}
profiles:
  blur: {raspberry: 0.1}
  detect:
    raspberry: {mean: 0.5, law: lognormal, cv: 0.3, source: a guess}
    VM1: {service_time: 0.2, cold_start: 1}
    Lambda: {samples: [0.1, 0.2]}
workload:
  sources:
    camera: {arrivals: {process: poisson, rate: 2}, at: edge}
constraints:
  - {kind: local, component: detect, limit: 0.6}
  - {kind: global, path: [blur, detect], limit: 1, percentile: 95}
events:
  - {event: crash, resource: Pi, node: 1, at: 100, duration: 20}
run: {requests: 1000, seed: 7}
plan: {blur: Pi, detect: {resource: VM1, replicas: 2}}
expect:
  - {figure: response_time.mean, below: 1}
overrides:
  busy:
    workload: {sources: {camera: {arrivals: {rate: 8}}}}
  serverless:
    plan: {detect: Lambda}
    constraints: null
"""


def write(folder: Path, text: str = MASKS, name: str = "scenario.yaml") -> Path:
    """Write *text* to a file in *folder* and return its path."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def changed(*changes: tuple[str, str]) -> str:
    """Return the sample with pieces of its text replaced, each of which occurs once."""
    text = MASKS
    for old, new in changes:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    return text


def problems_of(path: Path, override: str | None = None) -> tuple[Problem, ...]:
    """Return what loading *path* complains of."""
    with pytest.raises(ScenarioError) as caught:
        load_scenario(path, override=override)
    assert str(path.name) in str(caught.value)
    assert "union" not in str(caught.value)
    assert "pydantic" not in str(caught.value)
    return caught.value.problems


def test_a_scenario_file_becomes_a_scenario(tmp_path: Path) -> None:
    """Short forms are filled in."""
    scenario = load_scenario(write(tmp_path))
    detect = scenario.application.components["detect"].deployments["base"]
    assert detect.accuracy == 0.9
    assert detect.partitions["detect"].candidates["Lambda"].memory_mb == 512
    assert scenario.profiles["detect"]["raspberry"].source == "a guess"
    assert scenario.profiles["detect"]["raspberry"].service_time == Law(mean=0.5, law="lognormal", cv=0.3)
    assert scenario.plan
    assert scenario.plan.placements["detect"] == Placement(resource="VM1", replicas=2)


def test_json_of_the_same_structure_loads_too(tmp_path: Path) -> None:
    """JSON is YAML; tabs may indent it."""
    data = load_yaml(write(tmp_path)).data
    path = write(tmp_path, json.dumps(data, indent="\t"), "scenario.json")
    assert load_scenario(path) == load_scenario(tmp_path / "scenario.yaml")


CASES = {
    "unknown key": (
        "cost_per_hour: 0.5",
        "cost_per_houre: 0.5",
        15,
        "unknown key 'cost_per_houre'; did you mean 'cost_per_hour'?",
    ),
    "unknown section": ("constraints:\n", "constrains:\n", 36, "unknown key 'constrains'; did you mean 'constraints'?"),
    "unknown key of a short component": (
        "accuracy: 0.9",
        "acuracy: 0.9",
        24,
        "unknown key 'acuracy'; did you mean 'accuracy'?",
    ),
    "unknown key of a container": ("image: mask:1", "imag: mask:1", 23, "unknown key 'imag'; did you mean 'image'?"),
    "unknown key of a law": ("cv: 0.3", "men: 1, cv: 0.3", 30, "unknown key 'men'; did you mean 'mean'?"),
    "missing key": ("layer: cloud\n", "description: x\n", 12, "missing key 'layer'"),
    "missing section": ("question: Does the Raspberry Pi keep up?", "", 1, "missing key 'profiles'"),
    "missing candidates": (
        "{candidates: [Pi], data_mb: 0.5}",
        "{data_mb: 0.5}",
        20,
        "missing key 'candidates' (or 'deployments')",
    ),
    "misspelt candidates": (
        "{candidates: [Pi],",
        "{candidate: [Pi],",
        20,
        "unknown key 'candidate'; did you mean 'candidates'?",
    ),
    "wrong type": ("nodes: 3", "nodes: four", 14, "expected a whole number, got 'four'"),
    "not whole": ("nodes: 3", "nodes: 2.5", 14, "expected a whole number, got 2.5"),
    "quoted number": (
        "cost_per_hour: 0.5",
        "cost_per_hour: '0.5'",
        15,
        "expected a number, got '0.5'; write it without quotes",
    ),
    "nothing": ("nodes: 3", "nodes:", 14, "expected a whole number, got nothing"),
    "too small": ("nodes: 3", "nodes: 0", 14, "must be at least 1, got 0"),
    "not positive": ("rate: 2", "rate: -1", 35, "must be greater than 0, got -1"),
    "too large": ("probability: 0.8", "probability: 1.5", 26, "must be at most 1, got 1.5"),
    "endless": ("cost_per_hour: 0.5", "cost_per_hour: .inf", 15, "must be a finite number, got inf"),
    "no number": ("cost_per_hour: 0.5", "cost_per_hour: .nan", 15, "must be a finite number, got nan"),
    "astronomic": ("cost_per_hour: 0.5", f"cost_per_hour: {'9' * 250}", 15, "must be at most 1e+15"),
    "unknown choice": ("type: Virtual", "type: Virtul", 8, "unknown value 'Virtul'; did you mean 'Virtual'?"),
    "unknown process": ("process: poisson", "process: poison", 35, "unknown process 'poison'; did you mean 'poisson'?"),
    "missing process": ("process: poisson, ", "", 35, "missing key 'process'; known: poisson"),
    "unknown kind": ("kind: local", "kind: locl", 37, "unknown kind 'locl'; did you mean 'local'?"),
    "unknown event": ("event: crash", "event: crush", 40, "unknown event 'crush'; did you mean 'crash'?"),
    "below a union": ("limit: 0.6", "limit: 0", 37, "must be greater than 0, got 0"),
    "several kinds of value": (
        "seed: 7",
        "seed: 7, warm_up: soon",
        41,
        "expected a number or 'auto' or 'none', got 'soon'",
    ),
    "several kinds, out of range": ("seed: 7", "seed: 7, warm_up: -3", 41, "must be at least 0, got -3"),
    "contradiction": ("seed: 7", "seed: 7, horizon: 5", 41, "give requests or horizon, not both"),
    "not a mapping": ("detect: {resource: VM1, replicas: 2}", "detect: [VM1]", 42, "expected a mapping, got a list"),
    "not a list": ("path: [blur, detect]", "path: blur", 38, "expected a list, got 'blur'"),
    "empty list": ("candidates: [Pi]", "candidates: []", 20, "needs at least 1 entries, has 0"),
    "law keys beside a service time": ("cold_start: 1", "cv: 1", 31, "'cv' belongs into service_time"),
    "partition keys beside deployments": (
        "{candidates: [Pi], data_mb: 0.5}",
        "{deployments: {base: {partitions: {blur: {candidates: [Pi]}}}}, data_mb: 0.5}",
        20,
        "key 'data_mb' belongs to a partition",
    ),
    "incomplete law": (", cv: 0.3", "", 30, "a lognormal law needs cv"),
    "two names": (
        "Pi: {layer: edge",
        "Pi: {name: Po, layer: edge",
        10,
        "entry 'Pi' is called 'Po' inside; leave out the inner name",
    ),
    "unknown layer": ("layer: cloud\n", "layer: cluod\n", 13, "unknown layer 'cluod'; did you mean 'cloud'?"),
    "unknown component": (
        "component: detect",
        "component: detekt",
        37,
        "unknown component 'detekt'; did you mean 'detect'?",
    ),
    "unknown candidate": (
        "candidates: [Pi]",
        "candidates: [Po, Pi]",
        20,
        "unknown resource or function 'Po'; known: Lambda, Pi, VM1",
    ),
    "plan that does not fit": ("replicas: 2", "replicas: 5", 42, "asks for 5 replicas; 'VM1' has 3 node(s)"),
    "plan with an unknown partition": (
        "plan: {blur: Pi,",
        "plan: {blurr: Pi, blur: Pi,",
        42,
        "unknown partition 'blurr'; did you mean 'blur'?",
    ),
    "override that is none": (
        "  serverless:\n",
        "  half: 5\n  serverless:\n",
        48,
        "expected a mapping, a part of a scenario",
    ),
    "override that extends": (
        "  serverless:\n",
        "  serverless:\n    extends: x\n",
        49,
        "an override cannot hold 'extends'",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_each_fault_is_told_with_its_line(tmp_path: Path, case: str) -> None:
    """The way out is in the message, the line is the value's, and nothing else is complained of."""
    old, new, line, message = CASES[case]
    text = changed((old, new))
    if case == "missing section":
        text = re.sub(r"profiles:\n(  .*\n)+", "", text)
    found = problems_of(write(tmp_path, text))
    assert [message in problem.message for problem in found] == [True]
    assert found[0].line == line
    assert not re.search(r"base|poisson|\blocal\b", found[0].where)


def test_all_problems_come_at_once_each_with_its_line(tmp_path: Path) -> None:
    """Wrong values do not hide wrong names, and no consequence of a wrong value is reported."""
    text = changed(
        ("nodes: 2", "nodes: two"),
        ("nodes: 3", "nodes: 0"),
        ("type: Virtual", "type: Virtul"),
        ("candidates: [Pi],", "candidate: [Pi],"),
        ("rate: 2", "rate: .nan"),
        ("kind: local, component: detect", "kind: local, component: detekt"),
        ("path: [blur, detect]", "path: [blur, blurr]"),
        ("resource: Pi, node: 1", "resource: Pa, node: 1"),
        ("process: poisson", "process: poison"),
    )
    found = [(problem.line, problem.where) for problem in problems_of(write(tmp_path, text))]
    assert found == [
        (8, "continuum.layers.cloud.type"),
        (11, "continuum.resources.Pi.nodes"),
        (14, "continuum.resources.VM1.nodes"),
        (20, "application.components.blur"),
        (35, "workload.sources.camera.arrivals"),
        (37, "constraints.0.component"),
        (38, "constraints.1.path.1"),
        (40, "events.0.resource"),
    ]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("  resources:\n", "  resorces:\n"),
        ("  layers:\n", "  layrs:\n"),
        ("from: blur, to: detect", "from: blur, to: 5"),
        ("layers: [edge, cloud, faas]", "layers: [edge, cloud, 5]"),
        ("nodes: 3\n", "nodes: three\n"),
        ("layer: cloud\n", "layer: [cloud]\n"),
        ("  blur: {raspberry: 0.1}\n", "  blur: 0.1\n"),
        ("plan: {blur", "plan: []\nplam: {blur"),
    ],
)
def test_consequences_of_a_fault_are_not_reported(tmp_path: Path, old: str, new: str) -> None:
    """A section with a misspelt name makes nothing unknown, a broken edge no second root."""
    found = problems_of(write(tmp_path, changed((old, new))))
    assert len(found) == 1 + new.count("plam")


def test_a_file_full_of_faults_is_cut_short(tmp_path: Path) -> None:
    """Nobody reads a thousand lines."""
    samples = ", ".join(["x"] * 5000)
    found = problems_of(write(tmp_path, changed(("samples: [0.1, 0.2]", f"samples: [{samples}]"))))
    assert len(found) == 101
    assert any(re.fullmatch(r"and at least \d+ more", problem.message) for problem in found)


def test_names_with_dots_find_their_lines(tmp_path: Path) -> None:
    """A dot in a name is no step of the path."""
    text = MASKS.replace("VM1", "VM1.large").replace("nodes: 3", "nodes: three")
    assert [problem.line for problem in problems_of(write(tmp_path, text))] == [14]
    text = MASKS.replace("VM1", "VM1.large").replace("layer: cloud\n", "layer: cluod\n")
    assert [problem.line for problem in problems_of(write(tmp_path, text))] == [13]


def test_a_number_is_a_name_where_names_belong(tmp_path: Path) -> None:
    """Keys are texts, however they look."""
    text = MASKS.replace("VM1", "010")
    found = {problem.line: problem.message for problem in problems_of(write(tmp_path, text))}
    assert found == {22: "candidates in a list are names (texts), got 10", 42: "expected a text, got 10"}
    text = text.replace("resource: 010", "resource: '010'").replace("[Pi, 010,", "[Pi, '010',")
    assert "010" in load_scenario(write(tmp_path, text)).continuum.resources


def test_an_unsound_long_plan_has_the_line_of_its_placement(tmp_path: Path) -> None:
    """Placements may be written below ``placements``."""
    text = changed(("plan: {blur", "plan:\n  name: mine\n  placements:\n    {blur"), ("replicas: 2", "replicas: 7"))
    (problem,) = problems_of(write(tmp_path, text))
    assert (problem.line, problem.where) == (45, "plan.placements.detect")


def test_a_scenario_may_extend_another_one(tmp_path: Path) -> None:
    """Mappings merge, lists and scalars replace, null removes; the chain may be longer than one."""
    write(tmp_path, name="base/masks.yaml")
    write(tmp_path, "extends: base/masks.yaml\nname: middle\nplan: {detect: Lambda}\nevents: null\n", "middle.yaml")
    text = "extends: middle.yaml\ncontinuum: {resources: {Pi: {nodes: 5}}}\nconstraints: []\nrun: {seed: null}\n"
    scenario = load_scenario(write(tmp_path, text))
    assert scenario.name == "middle"
    assert (scenario.continuum.resources["Pi"].nodes, scenario.continuum.resources["Pi"].cores) == (5, 4)
    assert (scenario.events, scenario.constraints, scenario.run.seed, scenario.run.requests) == ((), (), 0, 1000)
    assert scenario.plan
    assert {name: placed.resource for name, placed in scenario.plan.placements.items()} == {
        "blur": "Pi",
        "detect": "Lambda",
    }


def test_problems_of_the_extended_file_name_it(tmp_path: Path) -> None:
    """A line number alone would mislead."""
    write(tmp_path, changed(("nodes: 3", "nodes: four")), "base.yaml")
    found = problems_of(write(tmp_path, "extends: base.yaml\nname: ''\n\nrun: {sed: 1}\n"))
    assert [(problem.line, problem.where) for problem in found] == [
        (2, "name"),
        (4, "run"),
        (14, "continuum.resources.VM1.nodes"),
    ]
    assert "(in base.yaml)" in found[2].message
    assert not any("base.yaml" in problem.message for problem in found[:2])


def test_chains_of_files_that_close_or_end_nowhere_are_refused(tmp_path: Path) -> None:
    """Each with the line of ``extends``."""
    write(tmp_path, "name: a\nextends: b.yaml", "a.yaml")
    write(tmp_path, "extends: a.yaml", "b.yaml")
    for text, part in {
        "name: x\nextends: a.yaml": "a.yaml > b.yaml > a.yaml",
        "name: x\nextends: scenario.yaml": "scenario.yaml > scenario.yaml",
        "name: x\nextends: c.yaml": "no such file; did you mean",
        "name: x\nextends: [a]": "expected the name of another scenario file",
    }.items():
        with pytest.raises(ScenarioError) as caught:
            load_scenario(write(tmp_path, text))
        assert part in str(caught.value)
        assert caught.value.problems[0].line in (1, 2)


def test_overrides_are_chosen_by_name(tmp_path: Path) -> None:
    """Several are applied in turn; without a name none is."""
    path = write(tmp_path)
    assert override_names(path) == ("busy", "serverless")
    plain, both = load_scenario(path), load_scenario(path, override="busy, serverless")
    assert plain == load_scenario(path, override="")
    assert [mean_rate(s.workload.sources["camera"].arrivals) for s in (plain, both)] == [2, 8]
    assert both.plan
    assert both.plan.placements["detect"] == Placement(resource="Lambda")
    assert both.constraints == ()


def test_overrides_of_an_extended_file_can_be_chosen(tmp_path: Path) -> None:
    """What they remove is removed when they are applied, not before."""
    write(tmp_path, name="base.yaml")
    path = write(tmp_path, "extends: base.yaml\noverrides: {busy: {run: {seed: 9}, events: null}}\n")
    assert override_names(path) == ("busy", "serverless")
    scenario = load_scenario(path, override="busy")
    assert scenario.run.seed == 9
    assert scenario.events == ()
    assert mean_rate(scenario.workload.sources["camera"].arrivals) == 8
    assert load_scenario(path).events != ()


def test_unknown_overrides_are_refused(tmp_path: Path) -> None:
    """With the nearest name, or with the news that there are none."""
    (problem,) = problems_of(write(tmp_path), override="bussy")
    assert (problem.message, problem.line) == ("unknown override 'bussy'; did you mean 'busy'?", 45)
    path = write(tmp_path, MASKS[: MASKS.index("overrides:")])
    assert "the file has no overrides" in problems_of(path, override="busy")[0].message
    path = write(tmp_path, changed(("rate: 8", "rate: -8")))
    assert problems_of(path, override="busy")[0].line == 47


PROFILE: dict[str, Any] = {
    "format": "continuum-twin profile 1",
    "device": "laptop",
    "provenance": {
        "cpu": "Some CPU",
        "cores": 2,
        "operating_system": "Linux",
        "versions": {"onnxruntime": "1.20"},
        "threads": 1,
        "samples": 3,
        "seed": 1,
        "measured_on": "2025-01-02",
    },
    "segments": {
        name: {
            "model": f"{name}.onnx",
            "sha256": "0" * 64,
            "input_mb": 1.0,
            "output_mb": 0.1,
            "load_seconds": [0.5, 0.6],
            "service_seconds": [0.1, 0.2, 0.3],
            "cpu_seconds_mean": 0.2,
        }
        for name in ("squeezenet", "mobilenet")
    },
}


def test_profile_files_become_samples(tmp_path: Path) -> None:
    """The entry's own words stand; file names are relative to the file that holds them."""
    write(tmp_path, json.dumps(PROFILE), "base/profiles/laptop.json")
    entry = "{file: profiles/laptop.json, segment: squeezenet, scale: 4.0}"
    write(tmp_path, changed(("{service_time: 0.2, cold_start: 1}", entry)), "base/masks.yaml")
    profile = load_scenario(write(tmp_path, "extends: base/masks.yaml")).profiles["detect"]["VM1"]
    assert profile == Profile(
        service_time=Law(law="empirical", samples=(0.1, 0.2, 0.3)),
        cold_start=Law(law="empirical", samples=(0.5, 0.6)),
        file="profiles/laptop.json",
        segment="squeezenet",
        scale=4.0,
        source="measured on laptop (Some CPU), 2025-01-02: onnxruntime 1.20",
    )
    own = "{file: profiles/laptop.json, segment: squeezenet, cold_start: 2, source: me}"
    path = write(tmp_path, changed(("{service_time: 0.2, cold_start: 1}", own)), "base/masks.yaml")
    profile = load_scenario(path).profiles["detect"]["VM1"]
    assert (profile.cold_start, profile.source) == (Law(mean=2.0), "me")
    assert (
        load_scenario(write(tmp_path, dump_scenario(load_scenario(path)), "elsewhere.yaml")).profiles["detect"]["VM1"]
        == profile
    )


@pytest.mark.parametrize(
    ("entry", "part", "where"),
    [
        ("{file: profiles/lapto.json, segment: squeezenet}", "lapto.json", "VM1.file"),
        ("{file: broken.json, segment: squeezenet}", "broken.json", "VM1.file"),
        (
            "{file: laptop.json, segment: squeezenot}",
            "no segment 'squeezenot' in laptop.json; did you mean 'squeezenet'?",
            "VM1.segment",
        ),
        ("{file: laptop.json}", "missing key 'segment'; laptop.json has squeezenet, mobilenet", "VM1"),
        ("{file: 5, segment: squeezenet}", "expected a text, got 5", "VM1.file"),
        ("{file: laptop.json, segment: squeezenet, scale: -1}", "must be greater than 0, got -1", "VM1.scale"),
    ],
)
def test_faults_of_profile_files_have_the_line_of_the_reference(
    tmp_path: Path, entry: str, part: str, where: str
) -> None:
    """And nothing is said of the service time that is therefore missing."""
    write(tmp_path, json.dumps(PROFILE), "laptop.json")
    write(tmp_path, "{", "broken.json")
    (problem,) = problems_of(write(tmp_path, changed(("{service_time: 0.2, cold_start: 1}", entry))))
    assert part in problem.message
    assert problem.where == f"profiles.detect.{where}"
    assert problem.line == 31


def with_trace(name: str, column: str = "") -> str:
    """Return the sample with arrivals from a file."""
    arrivals = f"{{process: trace, file: {name}{f', column: {column}' if column else ''}}}"
    return changed(("{process: poisson, rate: 2}", arrivals), ("{rate: 8}", "{column: t}"))


@pytest.mark.parametrize(
    ("text", "column"),
    [("0\n1.5\n2\n", ""), ("t\n0\n1.5\n2\n", ""), ("x,t\na,0\nb,1.5\n\nc,2\n", "t"), ("t;x\n", None)],
)
def test_traces_are_read_from_csv(tmp_path: Path, text: str, column: str | None) -> None:
    """With or without a header, from a named column or the first one."""
    write(tmp_path, text, "t.csv")
    path = write(tmp_path, with_trace("t.csv", column or ""))
    if column is None:
        assert "holds no arrivals" in problems_of(path)[0].message
        return
    arrivals = load_scenario(path).workload.sources["camera"].arrivals
    assert isinstance(arrivals, Trace)
    assert arrivals.times == (0, 1.5, 2)
    assert mean_rate(arrivals) == 1


def test_traces_are_read_from_parquet(tmp_path: Path) -> None:
    """The same table in Arrow's form."""
    table = pyarrow.table({"x": ["a", "b"], "t": [0.5, 2.0]})
    pyarrow.parquet.write_table(table, tmp_path / "t.parquet")
    assert read_times(tmp_path / "t.parquet", column="t") == (0.5, 2.0)
    with pytest.raises(ScenarioError, match="row 1: expected a number of seconds, got 'a'"):
        read_times(tmp_path / "t.parquet")
    with pytest.raises(ScenarioError, match="no column 'tt'"):
        read_times(tmp_path / "t.parquet", column="tt")
    write(tmp_path, "no parquet", "u.parquet")
    with pytest.raises(ScenarioError, match="not a Parquet file"):
        read_times(tmp_path / "u.parquet")


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("t\n1\n0.5\n", ["row 3", "0.5 comes before 1"]),
        (
            "t\n-1\nnan\ninf\nsoon\n\n",
            ["row 2: must be at least 0", "row 3: must be a finite", "row 4", "row 5: expected"],
        ),
        ("x,t\n1\n", ["row 2: expected a number of seconds, got nothing"]),
        ("a,b\n1,2\n", ["no column 't'; known: a, b"]),
    ],
)
def test_faults_of_a_trace_name_file_and_row(tmp_path: Path, text: str, parts: list[str]) -> None:
    """And the scenario's line that names the file."""
    write(tmp_path, text, "t.csv")
    found = problems_of(write(tmp_path, with_trace("t.csv", "t")))
    message = "\n".join(problem.message for problem in found)
    assert [part for part in ["t.csv", *parts] if part not in message] == []
    assert {problem.line for problem in found} == {35}
    assert {problem.where for problem in found} == {"workload.sources.camera.arrivals.file"}


def test_a_trace_file_that_is_absent_is_told(tmp_path: Path) -> None:
    """Relative to the scenario."""
    assert "no such file" in problems_of(write(tmp_path, with_trace("nope.csv")))[0].message
    assert "no such file" in problems_of(write(tmp_path, with_trace("nope.parquet")))[0].message


VALIDATOR = jsonschema.Draft202012Validator(scenario_schema())


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(scenarios())
def test_what_is_written_loads_as_what_it_was(tmp_path_factory: pytest.TempPathFactory, scenario: Scenario) -> None:
    """Short forms lose nothing, the schema accepts them, and the strategy makes sound scenarios."""
    assert scenario.plan
    assert scenario_problems(scenario) + plan_problems(scenario, scenario.plan) == []
    path = tmp_path_factory.mktemp("written") / "scenario.yaml"
    save_scenario(scenario, path)
    assert load_scenario(path) == scenario
    VALIDATOR.validate(load_yaml(path).data)


def test_the_written_text_is_what_somebody_would_write(tmp_path: Path) -> None:
    """Bare means, plans and components in their short forms; no defaults, no inner names."""
    text = dump_scenario(load_scenario(write(tmp_path)))
    for line in (
        "plan:",
        "  blur: Pi",
        "  blur: {raspberry: 0.1}",
        "      samples: [0.1, 0.2]",
        "  - {from: blur, to: detect, probability: 0.8, data_mb: 2.0}",
        "      candidates: [Pi, VM1, Lambda]",
    ):
        assert line in text.splitlines()
    assert "exit_probability" not in text
    assert "  name:" not in text


def test_a_partition_may_be_called_placements(tmp_path: Path) -> None:
    """The short form of a plan could not hold it."""
    long = "plan: {placements: {blur: Pi, detect: VM1}}"
    text = changed(("plan: {blur: Pi, detect: {resource: VM1, replicas: 2}}", long)).replace("blur", "placements")
    scenario = load_scenario(write(tmp_path, text))
    assert load_scenario(write(tmp_path, dump_scenario(scenario), "again.yaml")) == scenario


def test_writing_replaces_a_file_in_one_step(tmp_path: Path) -> None:
    """No half-written file is left, and a folder that is absent is told."""
    path = write(tmp_path)
    scenario = load_scenario(path)
    save_scenario(scenario, path)
    assert load_scenario(path) == scenario
    assert [file.name for file in tmp_path.iterdir()] == ["scenario.yaml"]
    with pytest.raises(ScenarioError, match="cannot write"):
        save_scenario(scenario, tmp_path / "nowhere" / "x.yaml")


def test_the_schema_is_a_schema_and_accepts_the_short_forms() -> None:
    """Scenario files, files that extend others, lists of candidates and all."""
    jsonschema.Draft202012Validator.check_schema(scenario_schema())
    VALIDATOR.validate(parse_yaml(MASKS, "x").data)
    VALIDATOR.validate(parse_yaml("extends: x.yaml\nrun: {seed: 1}\nplan: {a: b}\nevents: null", "x").data)
    VALIDATOR.validate(parse_yaml("extends: x.yaml\ncontinuum: {resources: {Pi: {nodes: 4}, VM1: null}}", "x").data)
    file = parse_yaml(changed(("0.2, cold_start: 1", "{mean: 1}, file: x.json")), "x").data
    file["profiles"]["blur"] = {"raspberry": {"file": "x.json", "segment": "y"}}
    VALIDATOR.validate(file)


@pytest.mark.parametrize(
    "case",
    [
        name
        for name in CASES
        if name.startswith(("unknown key", "missing", "wrong", "too", "unknown ch", "unknown pr", "not", "override"))
    ],
)
def test_the_schema_refuses_what_it_can_see(case: str) -> None:
    """Unknown and missing keys, wrong types, ranges and choices, as an editor would underline them."""
    text = changed(CASES[case][:2])
    if case == "missing section":
        text = re.sub(r"profiles:\n(  .*\n)+", "", text)
    assert not VALIDATOR.is_valid(parse_yaml(text, "x").data)


@pytest.mark.parametrize("text", ["extends: x\nrunn: {}", "extends: x\nrun: {sed: 1}", "extends: x\nrun: {seed: x}"])
def test_the_schema_checks_parts_of_scenarios_too(text: str) -> None:
    """What a file lays over another one has the same keys and types."""
    assert not VALIDATOR.is_valid(parse_yaml(text, "x").data)


@pytest.mark.parametrize(
    "text",
    [
        "blur: Pi\ndetect: {resource: VM1, replicas: 2}",
        "name: plan\nplacements: {blur: Pi, detect: {resource: VM1, replicas: 2}}",
        '{"blur": "Pi", "detect": {"resource": "VM1", "replicas": 2}}',
    ],
)
def test_a_plan_file_becomes_a_plan(tmp_path: Path, text: str) -> None:
    """Short or long, YAML or JSON; without a name it is called like its file."""
    scenario = load_scenario(write(tmp_path))
    assert load_plan(write(tmp_path, text, "plan.yaml"), scenario) == scenario.plan


@pytest.mark.parametrize(
    ("text", "line", "part"),
    [
        ("blur: Pi\ndetect: VM2", 2, "detect: cannot run on 'VM2'; candidates are Pi, VM1, Lambda"),
        ("blur: Pi\n\ndetekt: Pi", 3, "unknown partition 'detekt'; did you mean 'detect'?"),
        ("blur: Pi", 1, "component 'detect' is not placed in full; place detect"),
        ("blur: Pi\ndetect: {resource: VM1, replica: 2}", 2, "unknown key 'replica'; did you mean 'replicas'?"),
        ("placements:\n  blur: Pi\n  detect: {resource: Pi, replicas: 3}", 3, "placements.detect: asks for 3 replicas"),
        ("blur: Pi\ndetect: 5", 2, "expected a mapping, got 5"),
        ("blur: [", None, "not YAML"),
        ("", None, "the file is empty"),
    ],
)
def test_faults_of_a_plan_file_have_their_lines(tmp_path: Path, text: str, line: int | None, part: str) -> None:
    """They are PlanErrors, whatever is wrong."""
    scenario = load_scenario(write(tmp_path))
    with pytest.raises(PlanError) as caught:
        load_plan(write(tmp_path, text, "plan.yaml"), scenario)
    assert part in str(caught.value)
    assert line is None or line in [problem.line for problem in caught.value.problems]


@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(scenarios())
def test_scaling_gives_the_rate_that_is_asked_for(scenario: Scenario) -> None:
    """Whatever the process; a closed loop says that it has no rate."""
    (source,) = scenario.workload.sources.values()
    if mean_rate(source.arrivals) is None:
        with pytest.raises(ScenarioError, match=r"closed loop|two different times"):
            scaled_to(scenario.workload, 3.5)
        return
    (scaled,) = scaled_to(scenario.workload, 3.5).sources.values()
    assert mean_rate(scaled.arrivals) == pytest.approx(3.5)


def test_sources_are_scaled_alike() -> None:
    """Their shares of the load stay."""
    workload = Workload.model_validate(
        {
            "sources": {
                "a": {"arrivals": {"process": "piecewise", "times": [0, 10], "rates": [1, 2], "period": 20}},
                "b": {"arrivals": {"process": "trace", "file": "t.csv", "times": [1, 2, 3]}},
            }
        }
    )
    rates = {name: mean_rate(source.arrivals) for name, source in scaled_to(workload, 5).sources.items()}
    assert rates == pytest.approx({"a": 3, "b": 2})
    for rate in (0.0, -1.0, float("nan"), float("inf")):
        with pytest.raises(ScenarioError, match="positive number"):
            scaled_to(workload, rate)
