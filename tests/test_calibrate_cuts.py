"""Calibrating cut models and applications: segments, cuts, what a stop leaves, and what goes wrong."""

from __future__ import annotations

import errno
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result
from onnx import helper

from design import cut_groups, worker_file
from design.commands import calibrate_command
from design.journal import Finished, Journal
from design.onnx_models import load_model
from design.serialisation import FORMATS, format_costs
from tests.onnx_graphs import saved, value
from twin.errors import ProfileError, TwinError
from twin.formats.profile_file import load_profile
from twin.formats.profile_schema import Segment


@pytest.fixture(autouse=True)
def _no_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Measuring memory starts a process per segment; one test does that."""
    monkeypatch.setattr("design.calibration.peak_memory", lambda _model, _inputs: 12.5)


def chain(path: Path, layers: int = 3) -> str:
    """Write *layers* products of a vector of 8 numbers, each followed by Relu."""
    nodes, weights, last = [], {}, "x"
    for layer in range(layers):
        weights[f"w{layer}"] = np.random.default_rng(layer).standard_normal((8, 8)).astype(np.float32)
        nodes.append(helper.make_node("MatMul", [last, f"w{layer}"], [f"a{layer}"]))
        last = f"r{layer}" if layer < layers - 1 else "y"
        nodes.append(helper.make_node("Relu", [f"a{layer}"], [last]))
    return saved(path, nodes, [value("x", ["batch", 8])], [value("y", ["batch", 8])], weights)


def invoke(*arguments: object) -> Result:
    """Run the command; what it raises is in the result."""
    return CliRunner().invoke(calibrate_command, [str(argument) for argument in arguments])


def document(*arguments: object) -> dict[str, Any]:
    """Run the command and return the JSON it prints."""
    result = invoke(*arguments, "--json", "--samples", 2)
    assert result.exit_code == 0, (result.output, result.exception)
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def error_of(*arguments: object) -> str:
    """Return what the command complains about to the user."""
    result = invoke(*arguments, "--samples", 2)
    assert isinstance(result.exception, TwinError), result.output
    return str(result.exception)


# Cuts


def test_every_cut_has_a_head_and_a_tail(tmp_path: Path) -> None:
    """Names are AI-SPRINT's, times those of the segments, and all are proved."""
    found = document(chain(tmp_path / "net.onnx"), "--cuts", "all", "--shape", "x=5,8")
    assert [cut["tensor"] for cut in found["cuts"]] == ["a0", "r0", "a1", "r1", "a2"]
    for number, cut in enumerate(found["cuts"], start=1):
        head, tail = f"net_partition{number}_1", f"net_partition{number}_2"
        assert (cut["head"], cut["tail"], cut["proved"], cut["bytes"]) == ([head], [tail], True, 160)
        for side, name in (("head_seconds", head), ("tail_seconds", tail)):
            mean = np.mean(found["segments"][name]["service_seconds"])
            assert cut[side] == pytest.approx(mean, abs=1e-7)
        assert found["segments"][tail]["input_shapes"] == {cut["tensor"]: [5, 8]}
    assert set(found["segments"]) == {"net", *(f"net_partition{k}_{s}" for k in range(1, 6) for s in (1, 2))}


def test_a_chain_has_one_segment_more_than_cuts(tmp_path: Path) -> None:
    """Head and tail of each cut are all the segments on its sides."""
    found = document(chain(tmp_path / "net.onnx"), "--cuts", 2)
    names = ["net_partition1_1", "net_partition1_2", "net_partition1_3"]
    assert list(found["segments"]) == ["net", *names]
    assert [(cut["head"], cut["tail"]) for cut in found["cuts"]] == [(names[:1], names[1:]), (names[:2], names[2:])]
    means = [np.mean(found["segments"][name]["service_seconds"]) for name in names]
    assert found["cuts"][1]["head_seconds"] == pytest.approx(means[0] + means[1], abs=2e-7)


def test_many_cuts_are_sampled_and_the_user_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """First and last are among them."""
    monkeypatch.setattr(cut_groups, "MOST_CUTS", 3)
    result = invoke(chain(tmp_path / "net.onnx"), "--cuts", "all", "--samples", 1, "--json")
    assert "net: 3 of 5 cuts are measured, spread evenly over the model" in result.stderr
    assert [cut["tensor"] for cut in json.loads(result.stdout)["cuts"]] == ["a0", "a1", "a2"]


def test_a_model_without_a_cut_says_what_would_help(tmp_path: Path) -> None:
    """One node has no inside; a second input can be forwarded."""
    one = saved(tmp_path / "one.onnx", [helper.make_node("Relu", ["x"], ["y"])], [value("x", [1])], [value("y", [1])])
    assert "model 'one.onnx' has no cut; all its work may be in one node" in error_of(one, "--cuts", "all")
    assert "model 'one.onnx' has no cut" in error_of(one, "--cuts", 1)
    assert "not enough cuts for 9 segments" in error_of(chain(tmp_path / "net.onnx"), "--cuts", 8)
    assert "has no input 'z' to forward" in error_of(one, "--cuts", "all", "--forward", "z")
    assert invoke(one, "--cuts", "some").exit_code == 2
    assert invoke(one, "--cuts", "0").exit_code == 2


def test_an_input_is_forwarded_where_that_is_asked_for(tmp_path: Path) -> None:
    """Its bytes cross, too."""
    nodes = [
        helper.make_node("Relu", ["x"], ["a"]),
        helper.make_node("Add", ["a", "m"], ["b"]),
        helper.make_node("Mul", ["b", "m"], ["y"]),
    ]
    masked = saved(tmp_path / "m.onnx", nodes, [value("x", [4]), value("m", [4])], [value("y", [4])])
    found = document(masked, "--cuts", "all", "--forward", "m")
    assert [(cut["tensor"], cut["bytes"]) for cut in found["cuts"]] == [("a + m", 32), ("b + m", 32)]


def test_where_no_single_tensor_cuts_several_do(tmp_path: Path) -> None:
    """Two branches from the input to the output, joined by the last node."""
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["a"]),
        helper.make_node("MatMul", ["a", "w"], ["c"]),
        helper.make_node("Sub", ["x", "c"], ["y"]),
    ]
    weights = {"w": np.random.default_rng(0).standard_normal((8, 8)).astype(np.float32)}
    skip = saved(tmp_path / "skip.onnx", nodes, [value("x", [1, 8])], [value("y", [1, 8])], weights)
    found = document(skip, "--cuts", "all")
    assert {"x" in cut["tensors"] and len(cut["tensors"]) for cut in found["cuts"]} == {2}
    assert {cut["bytes"] for cut in found["cuts"]} == {64}


def test_segments_are_kept_where_that_is_asked_for(tmp_path: Path) -> None:
    """They are models of their own."""
    document(chain(tmp_path / "net.onnx"), "--cuts", 1, "--keep", tmp_path / "kept")
    names = [path.name for path in sorted((tmp_path / "kept").iterdir())]
    assert names == ["net_partition1_1.onnx", "net_partition1_2.onnx"]
    assert load_model(str(tmp_path / "kept" / names[1])).outputs[0].name == "y"


def test_given_inputs_are_used_and_nan_outputs_refused(tmp_path: Path) -> None:
    """The logarithm of what is made up is no number; of what is given it is."""
    nodes = [helper.make_node("Log", ["x"], ["a"]), helper.make_node("Neg", ["a"], ["y"])]
    log = saved(tmp_path / "log.onnx", nodes, [value("x", [50])], [value("y", [50])])
    assert "returns values that are no finite numbers" in error_of(log, "--cuts", "all")
    np.savez(tmp_path / "in.npz", x=np.linspace(1, 2, 50, dtype=np.float32))
    found = document(log, "--cuts", "all", "--inputs", tmp_path / "in.npz")
    assert found["cuts"][0]["proved"] is True
    np.savez(tmp_path / "other.npz", z=np.zeros(3))
    assert "has no array 'x' for model 'log.onnx'" in error_of(log, "--inputs", tmp_path / "other.npz")
    assert "write them with numpy.savez" in error_of(log, "--inputs", log)


# Stopping and going on


def stop_after(monkeypatch: pytest.MonkeyPatch, groups: int, error: BaseException) -> list[int]:
    """Let measuring fail with *error* after some groups; return a list that gets an item per group measured."""
    from design import calibration

    real, done = calibration.calibrate_all, list[int]()

    def failing(models: Any, **options: Any) -> Any:
        if len(done) == groups:
            raise error
        done.append(len(models))
        return real(models, **options)

    monkeypatch.setattr(calibration, "calibrate_all", failing)
    return done


def test_after_a_stop_the_same_command_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was finished is not measured again, and nothing is left beside the profile in the end."""
    command = (chain(tmp_path / "net.onnx"), "--cuts", "all", "--out", tmp_path / "p.json", "--samples", 2)
    with monkeypatch.context() as context:
        assert stop_after(context, 2, KeyboardInterrupt()) == []
        stopped = invoke(*command)
    assert stopped.exit_code != 0
    assert "what is finished stays in" in stopped.stderr
    journal = tmp_path / "p.json.journal"
    kept = [json.loads(line) for line in journal.read_text(encoding="utf-8").splitlines()]
    with monkeypatch.context() as context:
        measured = stop_after(context, 99, KeyboardInterrupt())
        assert invoke(*command).exit_code == 0
    assert measured == [2]  # the fifth cut alone: four and the whole model were there
    profile = load_profile(tmp_path / "p.json")
    first = kept[1]["segments"]["net"]["service_seconds"]
    assert list(profile.segments["net"].service_seconds) == first
    assert [path.name for path in sorted(tmp_path.iterdir())] == ["net.onnx", "p.json"]


def test_another_question_does_not_take_up_the_journal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Other samples, other times."""
    command = (chain(tmp_path / "net.onnx"), "--cuts", 1, "--out", tmp_path / "p.json", "--samples")
    with monkeypatch.context() as context:
        stop_after(context, 1, KeyboardInterrupt())
        invoke(*command, 2)
    measured = stop_after(monkeypatch, 99, KeyboardInterrupt())
    assert invoke(*command, 3).exit_code == 0
    assert measured == [1, 2]


def test_a_torn_journal_counts_up_to_the_tear(tmp_path: Path) -> None:
    """The process may have died while it wrote."""
    part = Segment(
        model="m.onnx",
        sha256="0" * 64,
        input_mb=1.0,
        output_mb=1.0,
        load_seconds=(1.0,),
        service_seconds=(1.0,),
        cpu_seconds_mean=1.0,
    )
    path = tmp_path / "journal"
    journal = Journal(path=path, question="q")
    for name in ("a", "b"):
        journal.add(name, Finished(segments={name: part}))
    path.write_text(path.read_text(encoding="utf-8")[:-20], encoding="utf-8")
    assert Journal(path=path, question="q").found == {"a": Finished(segments={"a": part})}
    assert Journal(path=path, question="other").found == {}


def test_a_full_disk_keeps_what_was_finished(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The message says so, whether the segments or the journal did not fit."""
    command = (chain(tmp_path / "net.onnx"), "--cuts", "all", "--out", tmp_path / "p.json")
    with monkeypatch.context() as context:
        stop_after(context, 1, OSError(errno.ENOSPC, "No space left on device"))
        assert error_of(*command) == "cannot write the segments to measure: No space left on device"
    assert len((tmp_path / "p.json.journal").read_text(encoding="utf-8").splitlines()) == 2

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "open", full)
    journal = Journal(path=tmp_path / "other.journal", question="q")
    with pytest.raises(ProfileError, match=r"No space left on device; what was finished before stays"):
        journal.add("a", Finished(segments={}))


# Applications


def application(folder: Path) -> Path:
    """Make an application folder of two components; the second has two models, its folder another name."""
    for place, models in (("src/blur", ["net"]), ("src/second", ["face", "mask"])):
        (folder / place / "onnx").mkdir(parents=True)
        for model in models:
            chain(folder / place / "onnx" / f"{model}.onnx")
    (folder / "src" / "post").mkdir()
    (folder / "common_config").mkdir()
    (folder / "common_config" / "annotations.yaml").write_text(
        "app/src/second/main.py: {component_name: {name: detect}}\n", encoding="utf-8"
    )
    return folder


def test_the_components_of_an_application_name_the_segments(tmp_path: Path) -> None:
    """A component with several models has one segment each; one without a model has none."""
    assert list(document(application(tmp_path))["segments"]) == ["blur", "detect-face", "detect-mask"]


def test_designs_are_measured_where_there_are_some(tmp_path: Path) -> None:
    """Base and partitions; with --cuts the base alone, because cuts are about to be found."""
    folder = application(tmp_path)
    designs = folder / "aisprint" / "designs"
    for design in ("base", "partition1_1", "partition1_2"):
        (designs / "blur" / design / "onnx").mkdir(parents=True)
        chain(designs / "blur" / design / "onnx" / f"{design}.onnx", layers=1)
    (designs / "component_partitions.yaml").write_text(
        "components: {blur: {partitions: [base, partition1_2, partition1_1]}}\n", encoding="utf-8"
    )
    names = ["blur", "blur_partition1_1", "blur_partition1_2", "detect-face", "detect-mask"]
    assert list(document(folder)["segments"]) == names
    (designs / "component_partitions.yaml").unlink()
    assert list(document(folder)["segments"]) == names
    cut = document(folder, "--cuts", 1)
    assert [name for name in cut["segments"] if "_partition" not in name] == ["blur", "detect-face", "detect-mask"]
    assert cut["cuts"][0]["tensor"] in {"a0", "r0", "a1", "r1", "a2"}


def test_wrong_applications_are_explained(tmp_path: Path) -> None:
    """An empty folder, and one beside something else."""
    assert "there is no ONNX model in" in error_of(tmp_path)
    assert "stands alone" in error_of(tmp_path, chain(tmp_path / "net.onnx"))
    assert invoke().exit_code == 2


# What else is measured


def test_every_format_gives_back_what_it_was_given() -> None:
    """Bytes are those of the content, and never fewer than the numbers take."""
    arrays = [np.arange(6, dtype=np.float32).reshape(2, 3), np.array([True, False])]
    for write, read in FORMATS.values():
        for one, other in zip(arrays, read(write(arrays)), strict=True):
            np.testing.assert_array_equal(one, other)
    costs = format_costs(arrays)
    assert set(costs) == {"npz", "protobuf", "base64"}
    assert all(cost.bytes >= 26 for cost in costs.values())
    assert costs["base64"].bytes == pytest.approx(costs["npz"].bytes * 4 / 3, abs=3)
    assert format_costs([["text"]]) == {}


def test_memory_is_that_of_a_process_of_its_own(tmp_path: Path) -> None:
    """A model with 64 MB of weights needs at least that much more than one without."""
    small = load_model(chain(tmp_path / "small.onnx"))
    node = helper.make_node("MatMul", ["x", "w"], ["y"])
    weights = {"w": np.zeros((4000, 4000), np.float32)}
    large = load_model(
        saved(tmp_path / "large.onnx", [node], [value("x", [1, 4000])], [value("y", [1, 4000])], weights)
    )
    little = worker_file.peak_memory(small, {"x": np.zeros((1, 8), np.float32)})
    much = worker_file.peak_memory(large, {"x": np.zeros((1, 4000), np.float32)})
    assert little is not None
    assert much is not None
    assert 20 < little < much - 60


def test_an_unknown_provider_is_named() -> None:
    """GPUs are used where this onnxruntime has them."""
    message = error_of("onnx:light_squeezenet", "--provider", "CUDAExecutionProvidr")
    assert "this onnxruntime cannot run on 'CUDAExecutionProvidr'" in message
