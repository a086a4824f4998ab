"""Annotations are read from source as they are meant, refused with their place, and change nothing where they run."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import design.annotations as decorators
from design.annotations.application import load_annotations
from design.annotations.kinds import KINDS
from design.annotations.reading import read_code
from design.annotations.rules import component_problems
from twin.errors import DesignError

NAMED = "@component_name(name='c')\n"
MAIN = "def main(args): pass\n"
RIGHT = {
    "component_name": {"name": "c"},
    "exec_time": {"local_time_thr": 1, "global_time_thr": 2.5, "prev_components": ["a", "b"]},
    "expected_throughput": {"rate": 3},
    "partitionable_model": {"onnx_file": "m.onnx", "num_partitions": 12},
    "device_constraints": {"ram": 2, "vram": 0, "use_gpu_for": ["dnn", "pre"]},
    "early_exits_model": {
        "onnx_file": "m.onnx",
        "condition_function": "sure",
        "transition_probabilities": [0.5, 0.25],
    },
    "model_performance": {"metric": "average_f1", "metric_thr": 0.5, "filtered_class": "none"},
    "detect_metric_drift": {
        "metric": ["accuracy", "loss"],
        "field": [["score", "top"], ["value"]],
        "statistical_test": [["kolmogorov-smirnov", "chi-squared"], ["cramer-von-mises"]],
        "test_threshold": 0.05,
        "monitoring_period": [24, 48],
        "detection_interval": 1,
        "data_collection_period": 48,
    },
    "security": {"trustedExecution": True, "confProc": False},
}


def problems(text: str, folder: Path) -> list[str]:
    """Return everything that is wrong with a main.py, as it is shown."""
    path = folder / "main.py"
    path.write_text(text, encoding="utf-8")
    found, faults = read_code(path, "src/c/main.py")
    return [str(fault) for fault in [*faults, *(component_problems(found) if found else ())]]


def values(text: str, folder: Path) -> dict[str, dict[str, object]]:
    """Return annotation → argument → value of a sound main.py."""
    assert problems(text, folder) == []
    found, _ = read_code(folder / "main.py", "src/c/main.py")
    assert found is not None
    return {name: {key: one.value for key, one in use.arguments.items()} for name, use in found.uses.items()}


def used(*names: str) -> dict[str, dict[str, object]]:
    """Return right annotations, those of *names*."""
    return {name: dict(RIGHT[name]) for name in ("component_name", *names)}


def as_decorators(annotations: dict[str, dict[str, object]]) -> str:
    """Return source with a decorator for each annotation."""
    lines = [
        f"@{name}({', '.join(f'{key}={value!r}' for key, value in arguments.items())})\n"
        for name, arguments in annotations.items()
    ]
    return "def sure(result): return True\n" + "".join(lines) + MAIN


@pytest.mark.parametrize("name", RIGHT)
def test_each_annotation_is_read_in_both_notations(name: str, tmp_path: Path) -> None:
    """As a decorator, and as an entry of the one dict."""
    annotations = used(name)
    assert values(as_decorators(annotations), tmp_path) == annotations
    at_once = f"def sure(result): return True\n@annotation({annotations!r})\n{MAIN}"
    assert values(at_once, tmp_path) == annotations


@pytest.mark.parametrize("name", RIGHT)
def test_a_decorator_hands_the_function_back_unchanged(name: str) -> None:
    """The annotated function is the same object, with nothing added."""

    def main(args: int) -> int:
        return args + 1

    before = dict(vars(main))
    decorate = getattr(decorators, name)(**RIGHT[name])
    assert decorate(main) is main
    assert decorators.annotation({name: RIGHT[name]})(main) is main
    assert vars(main) == before
    assert main(1) == 2


@given(st.sampled_from(sorted(RIGHT)), st.functions(like=lambda _: None, returns=st.integers()))
def test_whatever_is_annotated_stays_the_same_object(name: str, function: object) -> None:
    """Whatever is called main."""
    assert getattr(decorators, name)(**RIGHT[name])(function) is function


def test_decorators_take_what_is_read() -> None:
    """Every argument that is known when reading is one of the decorator's, and the other way round."""
    for name, parameters in KINDS.items():
        known = set(getattr(decorators, name).__kwdefaults__ or {}) | set(getattr(decorators, name).__annotations__)
        assert set(parameters) == known - {"return"}


def test_decorators_import_nothing_heavy() -> None:
    """A small device pays nothing for an annotation."""
    shown = "import sys, design.annotations; print(len([m for m in sys.modules if m.split('.')[0] in {heavy}]))"
    heavy = {"numpy", "onnx", "onnxruntime", "yaml", "pydantic", "networkx", "twin"}
    out = subprocess.run([sys.executable, "-c", shown.replace("{heavy}", repr(heavy))], capture_output=True, text=True)
    assert out.stdout.strip() == "0", out.stderr


@pytest.mark.parametrize(
    "source",
    [
        "from design.annotations import component_name as cn, exec_time as et\n@cn(name='c')\n@et(local_time_thr=1)\n",
        "import design.annotations\n@design.annotations.component_name(name='c')\n"
        "@design.annotations.exec_time(local_time_thr=1)\n",
        "import aisprint.annotations as a\n@a.component_name(name='c')\n@a.exec_time(local_time_thr=1)\n",
        "from aisprint import annotations as n\n@n.annotation({'component_name': {'name': 'c'}, "
        "'exec_time': {'local_time_thr': 1}})\n",
        "from aisprint.annotations import *\n@component_name(name='c')\n@exec_time(local_time_thr=1)\n",
    ],
)
def test_imports_under_other_names_are_followed(source: str, tmp_path: Path) -> None:
    """What a name was imported as counts, and the last part of a dotted one."""
    expected = {"component_name": {"name": "c"}, "exec_time": {"local_time_thr": 1}}
    assert values(source + MAIN, tmp_path) == expected


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("(0.5, 0.25)", (0.5, 0.25)),
        ("[+0.5]", [0.5]),
        ("PROBABILITIES", [0.1, 0.9]),
        ("(FIRST, 1.0)", (0.25, 1.0)),
    ],
)
def test_literals_and_constants_are_read(written: str, value: object, tmp_path: Path) -> None:
    """Tuples, signs, and names that the module assigns once."""
    source = f"""FIRST: float = 0.25
PROBABILITIES = [0.1, 0.9]
def sure(result): return FIRST
{NAMED}@early_exits_model(onnx_file='m.onnx', condition_function='sure', transition_probabilities={written})
{MAIN}"""
    assert values(source, tmp_path)["early_exits_model"]["transition_probabilities"] == value


def test_constants_may_hold_the_whole_dict(tmp_path: Path) -> None:
    """Of all annotations, or of one; constants may name others."""
    source = "N = 'c'\nNAME = {'name': N}\nALL = {'component_name': NAME, 'exec_time': {}}\n@annotation(ALL)\n" + MAIN
    assert values(source, tmp_path) == {"component_name": {"name": "c"}, "exec_time": {}}


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("f'{x}'", "7:27: exec_time.local_time_thr: an f-string is not read"),
        ("5 * 2", "an expression is not read"),
        ("-(1)", "a number above 0, got -1"),
        ("-'a'", "an expression is not read"),
        ("not True", "an expression is not read"),
        ("max(1, 2)", "a call is not read"),
        ("[x for x in y]", "a comprehension is not read"),
        ("[*y]", "a starred value is not read"),
        ("{1, 2}", "a set is not read"),
        ("lambda: 1", "a lambda is not read"),
        ("a.b", "an attribute is not read"),
        ("a[0]", "a subscript is not read"),
        ("1 if a else 2", "a conditional expression is not read"),
        ("1 < 2", "a comparison is not read"),
        ("b'1'", "a value of type bytes is not read"),
        ("1j", "a value of type complex is not read"),
        ("unknown", "'unknown' is no constant that the module assigns once"),
        ("TWICE", "'TWICE' is no constant"),
        ("LOOPED", "'LOOPED' is no constant"),
        ("GLOBAL", "'GLOBAL' is no constant"),
        ("COMPUTED", "'COMPUTED' stands for what is no literal: a call is not read"),
        ("ITSELF", "nested more than 50 levels deep"),
        ("{**a}", "** is not read"),
        ("{1: 2}", "a key must be a text, got 1"),
        ("{'a': 1, 'a': 2}", "the key 'a' appears twice"),
        ("[" * 60 + "]" * 60, "nested more than 50 levels deep"),
        ("(y := 1)", "an assignment is not read"),
        ("True", "expected a number above 0, got True"),
        ("'1'", "expected a number above 0, got '1'"),
        ("1e999", "expected a number above 0, got inf"),
        ("0", "expected a number above 0, got 0"),
    ],
)
def test_anything_else_is_refused_with_its_place(written: str, message: str, tmp_path: Path) -> None:
    """File, line, column and argument; one problem, not a chain of them."""
    source = (
        "def change():\n    global GLOBAL\nTWICE = 1; TWICE = 2; GLOBAL = 1; COMPUTED = max(1, 2); ITSELF = ITSELF\n"
        f"for LOOPED in (): pass\nLOOPED = 3\n{NAMED}@exec_time(local_time_thr={written})\n{MAIN}"
    )
    found = problems(source, tmp_path)
    assert len(found) == 1
    assert found[0].startswith("src/c/main.py:7:")
    assert "exec_time.local_time_thr: " in found[0]
    assert message in found[0]


WRONG = [
    ("exec_time(local_time_thr=-1)", "exec_time.local_time_thr: expected a number above 0, got -1"),
    ("exec_time(global_time_thr=2)", "exec_time.global_time_thr: needs prev_components"),
    ("exec_time(global_time_thr=2, prev_components=[])", "exec_time.global_time_thr: needs prev_components"),
    ("exec_time(global_time_thr=2, prev_components=['c'])", "prev_components: names the component itself"),
    ("exec_time(global_time_thr=2, prev_components='a')", "prev_components: expected a list of names, got 'a'"),
    ("exec_time(global_time_thr=2, prev_components=[['a']])", "prev_components: expected a list of names"),
    ("exec_time(local_time=1)", "no argument 'local_time'; did you mean 'local_time_thr'?"),
    ("exec_time(1)", "exec_time: arguments are read by name: write @exec_time(local_time_thr=...)"),
    ("exec_time(**a)", "exec_time: ** is not read"),
    ("exec_time", "@exec_time: lacks its parentheses: write @exec_time(...)"),
    ("exec_tim(local_time_thr=1)", "@exec_tim: is no annotation, and 'main' may carry nothing else; did you mean"),
    ("lru_cache()", "@lru_cache: is no annotation"),
    ("component_name(name='d')", "@component_name: stands twice, first on line 2; keep one"),
    ("annotation({})", "@annotation: stands beside @component_name; move them into its dict"),
    ("expected_throughput()", "expected_throughput.rate: is missing; add it"),
    ("expected_throughput(rate=None)", "rate: expected a number above 0, got nothing"),
    ("expected_throughput(rates=1)", "no argument 'rates'; did you mean 'rate'?"),
    ("partitionable_model(num_partitions=1)", "partitionable_model.onnx_file: is missing"),
    ("partitionable_model(onnx_file='a/b.onnx')", "expected the name of a file in the component's folder onnx"),
    ("partitionable_model(onnx_file='..')", "expected the name of a file in the component's folder onnx"),
    ("partitionable_model(onnx_file='m', num_partitions=0)", "expected a whole number from 1 to 99, got 0"),
    ("partitionable_model(onnx_file='m', num_partitions=1.5)", "expected a whole number from 1 to 99, got 1.5"),
    ("partitionable_model(onnx_filei='m')", "no argument 'onnx_filei'; did you mean 'onnx_file'?"),
    ("device_constraints(ram=-1, vram=0, use_gpu_for=[])", "ram: expected a number from 0 on, got -1"),
    ("device_constraints(ram=1, vram=0)", "device_constraints.use_gpu_for: is missing"),
    ("device_constraints(ram=1, vram=0, use_gpu_for=['gpu'])", "expected a list of dnn, pre, post, or an empty one"),
    (
        "early_exits_model(onnx_file='m', condition_function='suer', transition_probabilities=[1])",
        "main.py defines no function 'suer' at its top level; did you mean 'sure'?",
    ),
    (
        "early_exits_model(onnx_file='m', condition_function='s s', transition_probabilities=[1])",
        "expected the name of a function in main.py, got 's s'",
    ),
    (
        "early_exits_model(onnx_file='m', condition_function='sure', transition_probabilities=[1.2])",
        "expected a list of probabilities, numbers from 0 to 1, one for each exit, got [1.2]",
    ),
    (
        "early_exits_model(onnx_file='m', condition_function='sure')",
        "early_exits_model.transition_probabilities: is missing",
    ),
    ("model_performance()", "needs a metric (classifier) or a filtered_class (filter)"),
    ("model_performance(metric='avg_f1')", "expected one of average_f1, average_precision"),
    ("model_performance(metric='average_f2')", "got 'average_f2'; did you mean 'average_f1'?"),
    ("model_performance(metric_thr=0.5, filtered_class='x')", "metric_thr: needs a metric beside it"),
    ("model_performance(metric='average_f1', metric_thr=2)", "expected a number from 0 to 1, got 2"),
    ("security(trustedExecution=1)", "security.trustedExecution: expected True or False, got 1"),
    ("security(trusted=True)", "security has no argument 'trusted'"),
    ("component_names(name='d')", "did you mean 'component_name'?"),
]


@pytest.mark.parametrize(("decorator", "message"), WRONG)
def test_wrong_annotations_are_refused(decorator: str, message: str, tmp_path: Path) -> None:
    """Each rule of the annotations, with the file and the line."""
    found = problems(f"def sure(result): return True\n{NAMED}@{decorator}\n{MAIN}", tmp_path)
    assert any(message in one for one in found), found
    assert all(one.startswith("src/c/main.py:") for one in found)


@pytest.mark.parametrize("name", ["'c_partition1_2'", "'.c'", "'a/b'", "''", "' c'", "1", "['c']", "'x' * 3"])
def test_names_that_cannot_be_a_components(name: str, tmp_path: Path) -> None:
    """They become names of folders, and those of segments mean something else."""
    found = problems(f"@component_name(name={name})\n{MAIN}", tmp_path)
    assert len(found) == 1
    assert "component_name.name" in found[0]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"metric": [["a"]]}, "detect_metric_drift.metric: expected a name or a list of names"),
        ({"metric": []}, "metric: expected a list that is not empty"),
        ({"field": [["score"]]}, "field: expected one entry for each of 2 metrics"),
        ({"field": "score"}, "field: expected one entry for each of 2 metrics"),
        ({"test_threshold": [[0.1], [0.2]]}, "test_threshold: expected one entry for each of 2 metrics"),
        ({"test_threshold": [0.1, 2]}, "test_threshold: expected a number from 0 to 1"),
        ({"statistical_test": "kolmogorov"}, "did you mean 'kolmogorov-smirnov'?"),
        ({"monitoring_period": 0}, "monitoring_period: expected a number above 0"),
        ({"field": [[["score"]], ["x"]]}, "field: expected a text"),
    ],
)
def test_lists_of_drift_must_match(changes: dict[str, object], message: str, tmp_path: Path) -> None:
    """One entry for each metric, and for each of its fields."""
    annotations = used("detect_metric_drift")
    annotations["detect_metric_drift"] |= changes
    found = problems(as_decorators(annotations), tmp_path)
    assert any(message in one for one in found), found


@pytest.mark.parametrize(
    ("field", "statistical_test"),
    [("s", "chi-squared"), (["s", "t"], ["chi-squared"] * 2), ([["s", "t"]], "chi-squared")],
)
def test_one_metric_needs_no_nesting(field: object, statistical_test: object, tmp_path: Path) -> None:
    """Its fields may stand in a flat list."""
    annotations = used("detect_metric_drift")
    own = {"metric": "m", "field": field, "statistical_test": statistical_test, "monitoring_period": 1}
    annotations["detect_metric_drift"] |= own
    assert problems(as_decorators(annotations), tmp_path) == []


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (
            "def mian(args): pass\n",
            "src/c/main.py: there is no 'def main(args)' at the top level; rename 'mian'",
        ),
        ("x = 1\n", "there is no 'def main(args)' at the top level; add it"),
        ("if 1:\n    def main(args): pass\n", "there is no 'def main(args)' at the top level"),
        (f"{NAMED}async {MAIN}", "src/c/main.py:2:1: main: is async"),
        (f"{NAMED}{MAIN}{MAIN}", "src/c/main.py:3:1: main: defined twice, first on line 2"),
        (f"{NAMED}def main(): pass\n", "main: must take one argument"),
        (f"{NAMED}def main(args, *, more): pass\n", "main: must take one argument"),
        (f"{NAMED}def main(args, more): pass\n", "main: must take one argument"),
        (MAIN, "src/c/main.py:1:1: main: lacks @component_name(name=...)"),
        ("def main(args) pass\n", "src/c/main.py:1:16: not Python"),
        ("x = " + "-" * 100_000 + "1\n", "not Python"),
        (f"@exec_time()\ndef other(): pass\n{NAMED}{MAIN}", "@exec_time: stands on 'other'; only the top-level"),
        (f"class A:\n    @exec_time()\n    def main(self): pass\n{NAMED}{MAIN}", "@exec_time: stands on 'main'"),
        (f"@annotation()\n{MAIN}", "@annotation: takes one dict"),
        (f"@annotation(1)\n{MAIN}", "@annotation: expected a dict"),
        (f"@annotation({{'component_name': 'c'}})\n{MAIN}", "component_name: expected a dict"),
        (f"@annotation({{'component_nam': {{}}}})\n{MAIN}", "is no annotation; did you mean 'component_name'?"),
        (f"@annotation({{'exec_time': {{}}, 'exec_time': {{}}}})\n{MAIN}", "'exec_time' appears twice"),
        (f"@annotation({{1: {{}}}})\n{MAIN}", "1 is no text"),
        (f"@annotation({{**a}})\n{MAIN}", "** is not read; write the entries"),
    ],
)
def test_code_that_cannot_carry_annotations(source: str, message: str, tmp_path: Path) -> None:
    """What the file itself must be like."""
    found = problems(source, tmp_path)
    assert any(message in one for one in found), found


def test_a_name_that_is_not_read_is_not_missing(tmp_path: Path) -> None:
    """One fault is told once."""
    assert len(problems(f"@component_name(name=f'c')\n{MAIN}", tmp_path)) == 1
    assert problems("# -*- coding: latin-1 -*-\n" + NAMED + "def main(args='\\d'): pass\n", tmp_path) == []


def test_a_cut_model_has_no_early_exits(tmp_path: Path) -> None:
    """Each component is checked, not only the last one."""
    for name in ("a", "z"):
        own = used("partitionable_model", "early_exits_model")
        own["component_name"]["name"] = name
        (tmp_path / "src" / name).mkdir(parents=True)
        (tmp_path / "src" / name / "main.py").write_text(as_decorators(own))
    with pytest.raises(DesignError) as caught:
        load_annotations(tmp_path)
    assert [problem.message.split(";")[0] for problem in caught.value.problems] == [
        "stands beside partitionable_model"
    ] * 2


def test_annotations_of_a_folder(tmp_path: Path) -> None:
    """By component, tuples as lists; what is not there is told with its folder."""
    with pytest.raises(DesignError, match="src/: cannot be read"):
        load_annotations(tmp_path)
    (tmp_path / "src").mkdir()
    with pytest.raises(DesignError, match="holds no folder"):
        load_annotations(tmp_path)
    for folder in ("one", "two", ".git", "__pycache__"):
        (tmp_path / "src" / folder).mkdir()
    (tmp_path / "src" / "one" / "main.py").write_text(
        "@component_name(name='a')\n@exec_time(prev_components=('b',))\n" + MAIN
    )
    with pytest.raises(DesignError, match=r"src/two/main.py: no such file"):
        load_annotations(tmp_path)
    (tmp_path / "src" / "two" / "main.py").write_text("@component_name(name='a')\n" + MAIN)
    with pytest.raises(DesignError, match=r"'a' is the name in src/one/main.py already"):
        load_annotations(tmp_path)
    (tmp_path / "src" / "two" / "main.py").write_text("@component_name(name='b')\n" + MAIN)
    assert load_annotations(tmp_path) == {
        "a": {"component_name": {"name": "a"}, "exec_time": {"prev_components": ["b"]}},
        "b": {"component_name": {"name": "b"}},
    }


def test_code_that_says_aisprint_runs(tmp_path: Path) -> None:
    """With the shim, also where a folder is called aisprint; the real package comes first."""
    (tmp_path / "aisprint" / "designs").mkdir(parents=True)
    (tmp_path / "beside.py").write_text("VALUE = 7\n")
    main = tmp_path / "main.py"
    main.write_text(
        "import sys\nimport aisprint.annotations\nfrom aisprint.annotations import annotation, exec_time\n"
        "from beside import VALUE\n@annotation({'component_name': {'name': 'a'}})\n@exec_time()\n"
        "def main(args):\n    print(args, VALUE)\n\nif __name__ == '__main__':\n    main(sys.argv[1:])\n"
    )
    root = str(Path(__file__).resolve().parents[1])
    command = [sys.executable, "-m", "design.annotations.shim", "main.py", "x"]
    ran = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env={"PYTHONPATH": root})
    assert ran.stdout == "['x'] 7\n", ran.stderr
    (tmp_path / "real" / "aisprint").mkdir(parents=True)
    (tmp_path / "real" / "aisprint" / "__init__.py").write_text("")
    (tmp_path / "real" / "aisprint" / "annotations.py").write_text("def annotation(*a): print('real'); exit()\n")
    environment = {"PYTHONPATH": f"{tmp_path / 'real'}:{root}"}
    code = "from design.annotations.shim import install; print(install()); import aisprint.annotations"
    code += "; aisprint.annotations.annotation()"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment)
    assert ran.stdout == "False\nreal\n", ran.stderr
    usage = subprocess.run(command[:3], capture_output=True, text=True, cwd=tmp_path, env={"PYTHONPATH": root})
    assert "usage:" in usage.stderr
