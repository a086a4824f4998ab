"""Parts of a cut model are timed with what the parts before them return."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from onnx import helper

from design.chained_inputs import chained_inputs
from design.commands import calibrate_command
from design.example_inputs import Inputs, example_inputs
from design.onnx_models import OnnxModel, load_model
from design.onnx_sessions import open_session, run_once
from tests.onnx_graphs import saved, value
from twin.errors import ProfileError


def part(folder: Path, name: str, operator: str, inputs: list[str], output: str, size: int = 4) -> OnnxModel:
    """Write a part of one node."""
    node = helper.make_node(operator, inputs, [output])
    ends = [value(each, ["n", size]) for each in inputs]
    return load_model(saved(folder / f"{name}.onnx", [node], ends, [value(output, ["n", size])]))


def negative(model: OnnxModel) -> Inputs:
    """Make up nothing but negative numbers, two rows of them."""
    return {tensor.name: np.full((2, 4), -3.0, np.float32) for tensor in model.inputs}


def test_a_part_gets_the_output_of_the_part_before(tmp_path: Path) -> None:
    """Whatever the order of the parts; an input of the whole goes to every part that reads it."""
    models = {
        "net_partition1_3": part(tmp_path, "c", "Mul", ["b", "x"], "y"),
        "net_partition1_2": part(tmp_path, "b", "Add", ["a", "x"], "b"),
        "net_partition1_1": part(tmp_path, "a", "Abs", ["x"], "a"),
        "net": part(tmp_path, "w", "Abs", ["x"], "y"),
    }
    found = chained_inputs(models, negative)
    assert list(found) == list(models)
    assert {name: {tensor: float(array[0, 0]) for tensor, array in own.items()} for name, own in found.items()} == {
        "net_partition1_3": {"b": 0.0, "x": -3.0},
        "net_partition1_2": {"a": 3.0, "x": -3.0},
        "net_partition1_1": {"x": -3.0},
        "net": {"x": -3.0},
    }
    assert all(array.shape == (2, 4) for own in found.values() for array in own.values())


def test_parts_of_other_cuts_and_models_have_nothing_to_do_with_it(tmp_path: Path) -> None:
    """What nothing before returns is made up."""
    models = {
        "net_partition1_1": part(tmp_path, "a", "Abs", ["x"], "a"),
        "net_partition2_2": part(tmp_path, "b", "Neg", ["a"], "y"),
        "other_partition1_2": part(tmp_path, "c", "Neg", ["a"], "y"),
        "net_partition1_3": part(tmp_path, "d", "Neg", ["a"], "y"),
    }
    found = chained_inputs(models, negative)
    assert all(float(array[0, 0]) == -3.0 for own in found.values() for array in own.values())


def test_parts_that_do_not_fit_together_are_named(tmp_path: Path) -> None:
    """As when one of them was exported again."""
    models = {
        "net_partition1_1": part(tmp_path, "first", "Abs", ["x"], "a"),
        "net_partition1_2": part(tmp_path, "second", "Neg", ["a"], "b", size=5),
        "net_partition1_3": part(tmp_path, "third", "Neg", ["b"], "y", size=5),
    }
    with pytest.raises(ProfileError, match=r"'second.onnx' does not run with inputs a 1x4"):
        chained_inputs(models, lambda model: example_inputs(model, seed=0))


def test_the_parts_of_an_application_are_a_chain(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sizes that only the first part's input says reach the last; its own are open and would be 1."""
    monkeypatch.setattr("design.calibration.peak_memory", lambda _model, _inputs: None)
    for place, model in enumerate((("Abs", "x", "a"), ("Neg", "a", "y")), start=1):
        folder = tmp_path / "aisprint" / "designs" / "net" / f"partition1_{place}"
        folder.mkdir(parents=True)
        part(folder, "m", model[0], [model[1]], model[2])
    arguments = [str(tmp_path), "--shape", "x=7,4", "--samples", "1", "--json"]
    result = CliRunner().invoke(calibrate_command, arguments)
    assert result.exit_code == 0, result.exception
    segments = json.loads(result.stdout)["segments"]
    assert segments["net_partition1_2"]["input_shapes"] == {"a": [7, 4]}


def test_the_chain_computes_what_the_whole_model_does(tmp_path: Path) -> None:
    """The last part, run on what it was given, returns the output of all."""
    models = {
        "net_partition1_1": part(tmp_path, "a", "Exp", ["x"], "a"),
        "net_partition1_2": part(tmp_path, "b", "Sqrt", ["a"], "y"),
    }
    found = chained_inputs(models, lambda model: example_inputs(model, seed=3))
    last = models["net_partition1_2"]
    (output,) = run_once(last, open_session(last), found["net_partition1_2"])
    np.testing.assert_allclose(output, np.exp(found["net_partition1_1"]["x"] / 2), rtol=1e-5)
