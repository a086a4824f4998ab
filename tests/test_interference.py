"""Segments that slow each other down: measured side by side, and stored as a factor with its interval."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from onnx import helper

from design import interference
from design.commands import calibrate_command
from design.interference import slowdown, slowdowns
from design.onnx_models import load_model
from design.stopwatch import Clock
from tests.onnx_graphs import one_node, saved, value
from twin.errors import ProfileError
from twin.formats.profile_file import load_profile, save_profile

SHIPPED = Path(__file__).resolve().parents[1] / "scenarios" / "profiles" / "edge-models-x86.json"

needs_two_cores = pytest.mark.skipif(
    not hasattr(os, "sched_getaffinity") or len(os.sched_getaffinity(0)) < 2, reason="this process may use one core"
)


def test_the_factor_is_the_ratio_of_the_medians() -> None:
    """Twice as slow is a factor of 2, inside an interval that gets narrower with more samples."""
    rng = np.random.default_rng(0)
    few, many = (
        slowdown("a", "b", rng.normal(1, 0.1, count), rng.normal(2, 0.2, count), seed=0) for count in (40, 400)
    )
    assert few.low < 2 < few.high
    assert many.low < 2 < many.high
    assert many.high - many.low < few.high - few.low
    assert (many.segment, many.beside, many.samples) == ("a", "b", 400)
    same = slowdown("a", "a", np.ones(10), np.ones(10), seed=0)
    assert (same.factor, same.low, same.high) == (1, 1, 1)


@needs_two_cores
def test_turns_with_and_without_the_neighbour_alternate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By a clock that runs three times as fast while the neighbour is allowed to run, the factor is 3."""
    model = load_model(one_node(tmp_path / "relu.onnx", "Relu", [4]))
    states: list[int] = []
    started = interference._running

    class Noted:
        def __init__(self, process: object) -> None:
            self.process = process

        def send_signal(self, state: int) -> None:
            states.append(state)
            self.process.send_signal(state)  # type: ignore[attr-defined]

    class Running:
        def __init__(self, *arguments: object) -> None:
            self.context = started(*arguments)  # type: ignore[arg-type]

        def __enter__(self) -> Noted:
            return Noted(self.context.__enter__())

        def __exit__(self, *error: object) -> None:
            self.context.__exit__(*error)  # type: ignore[arg-type]

    monkeypatch.setattr(interference, "_running", Running)
    now = [0.0]

    def tick() -> float:
        now[0] += 3.0 if states[-1] == interference.signal.SIGCONT else 1.0
        return now[0]

    cores = os.sched_getaffinity(0)
    inputs = {"relu": {"x": np.zeros(4, np.float32)}}
    (found,) = slowdowns({"relu": model}, inputs, samples=25, seed=0, clock=Clock(wall=tick))
    assert (found.factor, found.samples) == (3.0, 25)
    assert states == [interference.signal.SIGSTOP, interference.signal.SIGCONT] * 2
    assert os.sched_getaffinity(0) == cores


def test_one_core_is_not_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    """On it, two would take turns, which is no interference."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _process: {0}, raising=False)
    with pytest.raises(ProfileError, match="interference needs two cores"):
        slowdowns({}, {}, samples=1, seed=0)
    monkeypatch.setattr("design.calibration.calibrate_all", lambda *_, **__: pytest.fail("measured all the same"))
    refused = CliRunner().invoke(calibrate_command, ["onnx:light_squeezenet", "--interference"])
    assert "interference needs two cores" in str(refused.exception)


def test_factors_are_kept_in_the_profile(tmp_path: Path) -> None:
    """What is saved is what is loaded."""
    found = slowdown("squeezenet", "resnet50", np.ones(10), np.full(10, 1.25), seed=0)
    profile = load_profile(SHIPPED).model_copy(update={"interference": (found,)})
    save_profile(profile, tmp_path / "p.json")
    assert load_profile(tmp_path / "p.json").interference == (found,)


@needs_two_cores
def test_segments_of_a_chain_are_measured_beside_each_other(tmp_path: Path) -> None:
    """Every pair of them, in both directions; heads and tails of different cuts never run together, so they are not."""
    nodes = [helper.make_node("Relu", ["x"], ["a"]), helper.make_node("Neg", ["a"], ["y"])]
    net = saved(tmp_path / "net.onnx", nodes, [value("x", [4])], [value("y", [4])])
    command = [net, "--cuts", "1", "--interference", "--samples", "2", "--json"]
    result = CliRunner().invoke(calibrate_command, command)
    assert result.exit_code == 0, result.exception
    pairs = {(each["segment"], each["beside"]) for each in json.loads(result.stdout)["interference"]}
    parts = ("net_partition1_1", "net_partition1_2")
    assert pairs == {("net", "net"), *((one, other) for one in parts for other in parts)}
    every = CliRunner().invoke(calibrate_command, [net, "--cuts", "all", *command[3:]])
    assert [(each["segment"], each["beside"]) for each in json.loads(every.stdout)["interference"]] == [("net", "net")]
