"""Early exits: where a model is cut, how many answers leave there, and the classifier that is shipped for it."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from types import ModuleType

import numpy as np
import onnx
import pytest
from click.testing import CliRunner, Result
from onnx import helper

from design.commands import calibrate_command
from design.exit_conditions import ExitCondition, count_exits, parse_condition, probabilities
from design.onnx_models import load_model
from design.partition.exits import exits_at, read_exits, split_at_exits
from design.partition.graph import ModelGraph, read_graph
from design.partition.proof import prove
from tests.onnx_graphs import saved, value
from twin.errors import ProfileError
from twin.formats.profile_file import load_profile
from twin.formats.reading import read_scenario

FOLDER = Path(__file__).resolve().parents[1] / "scenarios" / "early-exit"
SHAPES = FOLDER / "shapes.onnx"


def training() -> ModuleType:
    """Import the script that made the classifier."""
    spec = importlib.util.spec_from_file_location("train_shapes", FOLDER / "train.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def invoke(*arguments: object) -> Result:
    """Run the command; what it raises is in the result."""
    return CliRunner().invoke(calibrate_command, [str(argument) for argument in arguments])


def echo(folder: Path) -> ModelGraph:
    """Return a model that hands its input to three outputs: two exits and the end."""
    nodes = [
        helper.make_node("Softmax", ["x"], ["early"]),
        helper.make_node("Identity", ["x"], ["middle"]),
        helper.make_node("Add", ["middle", "zero"], ["late"]),
        helper.make_node("Add", ["late", "zero"], ["end"]),
    ]
    outputs = [value(name, ["batch", 2]) for name in ("end", "early", "late")]
    weights = {"zero": np.zeros(2, np.float32)}
    return read_graph(load_model(saved(folder / "echo.onnx", nodes, [value("x", ["batch", 2])], outputs, weights)))


# Cutting


def test_exits_are_cut_in_the_order_of_the_model() -> None:
    """Each segment makes its exit and passes on the trunk; the chain gives every output of the whole."""
    graph = read_graph(load_model(str(SHAPES)))
    exits = exits_at(graph, ["exit2", "exit1"])
    assert [(each.name, each.passes_on) for each in exits] == [("exit1", ("relu1",)), ("exit2", ("relu2",))]
    parts = split_at_exits(graph, exits)
    assert [(segment.inputs, segment.outputs) for segment in parts.segments] == [
        (("picture",), ("relu1", "exit1")),
        (("relu1",), ("relu2", "exit2")),
        (("relu2",), ("final",)),
    ]
    proof = prove(parts)
    assert proof.holds, proof.reason
    assert proof.sensitive


def test_exits_are_read_from_ai_sprints_table(tmp_path: Path) -> None:
    """It names what is passed on and what may leave."""
    table = tmp_path / "early_exits.csv"
    table.write_text(
        "exits,input_nodes,output_nodes\nfirst,['relu1'],['exit1']\nsecond,['relu2'],['exit2']\n", encoding="utf-8"
    )
    graph = read_graph(load_model(str(SHAPES)))
    exits = read_exits(table, graph)
    assert [(each.name, each.passes_on, each.outputs) for each in exits] == [
        ("first", ("relu1",), ("exit1",)),
        ("second", ("relu2",), ("exit2",)),
    ]
    assert prove(split_at_exits(graph, exits)).holds


def test_a_wrong_table_is_explained_line_by_line(tmp_path: Path) -> None:
    """Everything at once, with suggestions."""
    graph = read_graph(load_model(str(SHAPES)))
    table = tmp_path / "early_exits.csv"
    table.write_text("exits,input_nodes,output_nodes\na,relu1,['exit1']\nb,['relu9'],['relu2']\n", encoding="utf-8")
    with pytest.raises(ProfileError) as caught:
        read_exits(table, graph)
    text = str(caught.value)
    assert "line 2: input_nodes must be a list of names" in text
    assert "line 3: input_nodes: the model has no 'relu9'; did you mean" in text
    assert "line 3: output_nodes: the model has no 'relu2'; known: exit1, exit2, final" in text
    table.write_text("exit,inputs\n", encoding="utf-8")
    with pytest.raises(ProfileError, match="the first line must be exits,input_nodes,output_nodes"):
        read_exits(table, graph)
    table.write_text("exits,input_nodes,output_nodes\n", encoding="utf-8")
    with pytest.raises(ProfileError, match="names no exit"):
        read_exits(table, graph)


def test_impossible_exits_are_refused() -> None:
    """Something must come after the last one."""
    graph = read_graph(load_model(str(SHAPES)))
    with pytest.raises(ProfileError, match="no output 'exit3' to exit at; did you mean 'exit"):
        exits_at(graph, ["exit3"])
    with pytest.raises(ProfileError, match="are exits; leave out the last one"):
        exits_at(graph, ["exit1", "exit2", "final"])


# Counting


def test_answers_leave_at_the_first_exit_that_is_sure(tmp_path: Path) -> None:
    """By hand: sure at once, and never; the second exit sees the same answer, so nobody leaves there."""
    graph = echo(tmp_path)
    exits = exits_at(graph, ["early", "late"])
    x = np.array([[9, 0], [0, 9], [2, 0], [0, 0]], np.float32)
    samples = {"x": x, "labels": np.array([0, 0, 0, 1])}
    found = count_exits("echo", graph, exits, samples, ExitCondition(measure="confidence", threshold=0.9))
    assert (found.exits, found.condition) == (("early", "late"), "confidence >= 0.9")
    assert found.continue_probabilities == (0.5, 1.0)
    assert (found.accuracies, found.accuracy, found.samples) == ((0.5, 0.0, 0.5), 0.5, 4)


def test_conditions_mean_what_they_say() -> None:
    """Even odds of two classes have an entropy of log 2; certainty has none."""
    rows = np.array([[0.5, 0.5], [1.0, 0.0], [0.9, 0.1]])
    assert parse_condition("entropy=0.69").leaves(rows).tolist() == [False, True, True]
    assert parse_condition("entropy=0.694").leaves(rows).tolist() == [True, True, True]
    assert parse_condition("confidence=0.95").leaves(rows).tolist() == [False, True, False]
    for wrong in ("confidence=2", "entropy=-1", "entropy=x", "entropy", "confidence=nan"):
        with pytest.raises(ProfileError, match="cannot read"):
            parse_condition(wrong)
    with pytest.raises(ProfileError, match="is no condition to leave; did you mean 'entropy'"):
        parse_condition("entrophy=1")


def test_what_is_no_probability_yet_becomes_one() -> None:
    """Logits go through softmax, probabilities stay; one number is no answer."""
    np.testing.assert_allclose(probabilities(np.log([0.2, 0.8]) + 5, "y"), [0.2, 0.8])
    np.testing.assert_allclose(probabilities(np.array([[0.2, 0.8]]), "y"), [0.2, 0.8])
    for wrong in (np.array([1.0]), np.array([np.nan, 1.0])):
        with pytest.raises(ProfileError, match="is no answer"):
            probabilities(wrong, "y")


def test_samples_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    """Names and numbers of samples."""
    graph = echo(tmp_path)
    exits = exits_at(graph, ["early"])
    condition = parse_condition("confidence=0.5")
    with pytest.raises(ProfileError, match="the samples have no array 'x'"):
        count_exits("echo", graph, exits, {"y": np.zeros((3, 2), np.float32)}, condition)
    with pytest.raises(ProfileError, match="same number of samples"):
        count_exits("echo", graph, exits, {"x": np.zeros((3, 2), np.float32), "labels": np.zeros(2)}, condition)


# The shipped classifier


def test_the_shipped_classifier_is_what_its_script_describes() -> None:
    """Small, valid, and of the shape that a training from scratch would give."""
    assert SHAPES.stat().st_size < 200_000
    shipped = onnx.load(SHAPES)
    onnx.checker.check_model(shipped)
    module = training()
    fresh = module.exported(module.fresh_parameters(np.random.default_rng(0)))
    assert [str(node) for node in shipped.graph.node] == [str(node) for node in fresh.graph.node]
    sizes = [{each.name: list(each.dims) for each in model.graph.initializer} for model in (shipped, fresh)]
    assert sizes[0] == sizes[1]


def test_training_learns() -> None:
    """The gradients are those of the losses: each agrees with a difference quotient."""
    module = training()
    p = module.fresh_parameters(np.random.default_rng(1))
    x, labels = module.pictures(4, noise=0.3, seed=1)
    found = module.gradients(p, x, labels)
    graph_input = {"picture": x}

    def loss(changed: dict[str, np.ndarray]) -> float:
        import onnxruntime

        content = module.exported(changed).SerializeToString()
        session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
        answers = dict(zip(module.HEADS, session.run(list(module.HEADS), graph_input), strict=True))
        return sum(
            -weight * float(np.log(answers[name][np.arange(4), labels].astype(np.float64)).mean())
            for name, weight in module.WEIGHTS.items()
        )

    for name in ("conv1_w", "conv2_w", "conv4_b", "exit1_w", "final_w"):
        direction = np.sign(found[name]).astype(np.float32)
        step = np.float32(1e-3 / np.sqrt(direction.size))
        up, down = (loss({**p, name: p[name] + side * step * direction}) for side in (1, -1))
        assert (up - down) / (2 * step) == pytest.approx(float(abs(found[name]).sum()), rel=0.05)


def test_the_shipped_classifier_is_right_and_exits_early_on_easy_pictures() -> None:
    """On pictures it has not seen; more noise makes more answers go on, and more of them wrong."""
    module = training()
    graph = read_graph(load_model(str(SHAPES)))
    exits = exits_at(graph, ["exit1", "exit2"])
    found = []
    for noise in (0.2, module.NOISE, 1.2):
        x, labels = module.pictures(400, noise=noise, seed=77)
        samples = {"picture": x, "labels": labels}
        found.append(count_exits("shapes", graph, exits, samples, parse_condition("confidence=0.9")))
    easy, usual, drifted = found
    assert usual.accuracy is not None
    assert usual.accuracy > 0.95
    assert drifted.accuracy is not None
    assert drifted.accuracy < usual.accuracy - 0.05
    assert easy.continue_probabilities[1] < usual.continue_probabilities[1] < drifted.continue_probabilities[1]


# The command and the scenario


def test_the_command_cuts_at_exits_and_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Segments, cuts and shares are in the profile; what is sent is what is passed on, without the answers."""
    monkeypatch.setattr("design.calibration.peak_memory", lambda _model, _inputs: None)
    x, labels = training().pictures(50, noise=0.4, seed=5)
    np.savez(tmp_path / "samples.npz", picture=x, labels=labels)
    samples = ("--exit-samples", tmp_path / "samples.npz")
    result = invoke(SHAPES, "--exits", "exit1,exit2", *samples, "--samples", 2, "--json")
    assert result.exit_code == 0, result.exception
    found = json.loads(result.stdout)
    assert list(found["segments"]) == ["shapes", *(f"shapes_partition1_{place}" for place in (1, 2, 3))]
    assert [cut["tensors"] for cut in found["cuts"]] == [["relu1"], ["relu2"]]
    assert all(cut["proved"] for cut in found["cuts"])
    assert found["exits"][0]["samples"] == 50
    assert found["segments"]["shapes"]["input_shapes"] == {"picture": [1, 1, 32, 32]}


def test_options_of_exits_that_contradict_each_other_are_refused() -> None:
    """They name what to leave out."""
    for arguments, complaint in (
        (("--exits", "exit1", "--cuts", "1"), "leave out --cuts"),
        (("--exit-samples", "x.npz"), "needs --exits"),
    ):
        result = invoke(SHAPES, *arguments)
        assert isinstance(result.exception, ProfileError)
        assert complaint in str(result.exception)


def test_the_scenario_uses_what_was_measured() -> None:
    """Its exit probabilities and megabytes are those of the profile beside it."""
    profile = load_profile(FOLDER / "profile.json")
    scenario = read_scenario(FOLDER).scenario
    partitions = scenario.application.components["recognise"].deployments["early-exits"].chain
    counted = profile.exits[0].continue_probabilities
    assert [part.exit_probability for part in partitions[:-1]] == pytest.approx([1 - each for each in counted])
    assert [part.data_mb for part in partitions[:-1]] == pytest.approx([cut.bytes / 1e6 for cut in profile.cuts])
    assert profile.exits[0].model == "shapes"
