"""Measuring models: with the real onnxruntime, and with one sentence for every reason why not."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from itertools import accumulate, chain, count, groupby, repeat
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from click.testing import CliRunner, Result
from onnx import TensorProto, helper, numpy_helper

from design import calibrate as calibrate_module
from design import calibration, onnx_models
from design.calibrate import calibrate, calibrate_all
from design.commands import calibrate_command
from design.example_inputs import example_inputs, parse_shape
from design.machine_facts import cpu_model, usable_cores
from design.onnx_models import load_model, resolve_model
from design.onnx_sessions import open_session, output_bytes, run_once
from design.profiles import segment_names
from design.steadiness import doubts
from design.stopwatch import UNTIMED, Clock
from tests.onnx_graphs import one_node, saved, value
from twin.errors import ProfileError
from twin.formats.profile_file import load_profile

ROOT = Path(__file__).parent.parent
SQUEEZENET = "onnx:light_squeezenet"


@pytest.fixture
def small(tmp_path: Path) -> str:
    """Write a dense layer over a batch of open size: 4 numbers in, 3 out."""
    node = helper.make_node("Gemm", ["x", "w"], ["y"])
    weights = {"w": np.ones((4, 3), np.float32)}
    return saved(tmp_path / "small.onnx", [node], [value("x", ["batch", 4])], [value("y", ["batch", 3])], weights)


def even_clock() -> Clock:
    """Return a clock by which every run takes 0.25 s and 0.2 s of CPU time."""
    wall, cpu = count(), count()
    return Clock(wall=lambda: next(wall) * 0.25, cpu=lambda: next(cpu) * 0.2)


def invoke(*arguments: str) -> Result:
    """Run the command; what it raises is in the result."""
    return CliRunner().invoke(calibrate_command, [str(argument) for argument in arguments])


def error_of(*arguments: str) -> str:
    """Return what the command complains about to the user."""
    result = invoke(*arguments)
    assert isinstance(result.exception, ProfileError), result.output
    assert result.stdout == ""
    return str(result.exception)


# Models


def test_a_model_is_described(small: str) -> None:
    """Names, types, shapes and sizes are the file's; weights are no inputs; no folder shows."""
    model = load_model(small)
    assert (model.name, model.reference, model.notes) == ("small", "small.onnx", ())
    (x,), (y,) = model.inputs, model.outputs
    assert (x.name, x.dtype, x.shape, x.size_mb) == ("x", "float32", ("batch", 4), 16e-6)
    assert (y.name, y.shape) == ("y", ("batch", 3))


def test_shipped_models_have_short_names_and_a_note() -> None:
    """Their weights are made while loading, which a reader of load times must know."""
    model = load_model(SQUEEZENET)
    assert (model.name, model.reference) == ("squeezenet", SQUEEZENET)
    assert [tensor.name for tensor in model.inputs] == ["data_0"]
    assert model.notes == ("4.9 MB of weights are made up while loading, so the load time leaves out reading them",)


def test_an_unknown_shipped_model_gets_a_suggestion() -> None:
    """The names are the package's own."""
    with pytest.raises(ProfileError, match="ships no model 'squeezenet'; did you mean 'light_squeezenet'"):
        resolve_model("onnx:squeezenet")


def test_missing_files_and_folders_are_refused(tmp_path: Path) -> None:
    """The message says what to give instead."""
    with pytest.raises(ProfileError, match=r"there is no model file .*give a file or onnx:"):
        load_model(str(tmp_path / "none.onnx"))
    with pytest.raises(ProfileError, match="is a folder"):
        load_model(str(tmp_path))


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.999])
def test_a_truncated_model_is_refused(tmp_path: Path, share: float) -> None:
    """Wherever it ends early, the message says so."""
    whole = resolve_model(SQUEEZENET).read_bytes()
    path = tmp_path / "cut.onnx"
    path.write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(ProfileError, match="truncated or damaged"):
        load_model(str(path))


@pytest.mark.parametrize("content", [b"a story\n", b"\x89PNG\r\n\x1a\n", b"PK\x03\x04", b"{}", b"\x00" * 50])
def test_what_is_no_onnx_file_is_refused(tmp_path: Path, content: bytes) -> None:
    """Other formats are not called damaged."""
    path = tmp_path / "other.onnx"
    path.write_bytes(content)
    with pytest.raises(ProfileError, match="is not an ONNX model"):
        load_model(str(path))


def test_an_empty_file_is_refused(tmp_path: Path) -> None:
    """Nothing at all would be valid protobuf."""
    path = tmp_path / "empty.onnx"
    path.touch()
    with pytest.raises(ProfileError, match="is empty"):
        load_model(str(path))


def test_damaged_models_only_raise_profile_errors(tmp_path: Path) -> None:
    """Random bytes overwritten in a real model never end in another exception."""
    rng = np.random.default_rng(1)
    whole = np.frombuffer(resolve_model(SQUEEZENET).read_bytes(), np.uint8)
    path = tmp_path / "damaged.onnx"
    refused = 0
    for _ in range(200):
        damaged = whole.copy()
        damaged[rng.integers(0, len(whole), 5)] = rng.integers(0, 256, 5)
        path.write_bytes(damaged.tobytes())
        try:
            example_inputs(load_model(str(path)), seed=0)
        except ProfileError:
            refused += 1
    assert refused


def test_too_large_models_are_refused(small: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The limit is on the model with its weights."""
    monkeypatch.setattr(onnx_models, "LARGEST_MODEL_BYTES", 100)
    with pytest.raises(ProfileError, match="is too large"):
        load_model(small)


@pytest.mark.parametrize(
    ("location", "complaint"), [("w.bin", "put 'w.bin' beside it"), ("../w.bin", "outside its folder")]
)
def test_weights_in_other_files_are_checked(tmp_path: Path, location: str, complaint: str) -> None:
    """They must be there, and nowhere else."""
    path = Path(one_node(tmp_path / "m.onnx", "Relu", [1]))
    proto = onnx.load(path)
    weight = numpy_helper.from_array(np.ones(3, np.float32), "w")
    onnx.external_data_helper.set_external_data(weight, location)
    weight.ClearField("raw_data")
    weight.data_location = TensorProto.EXTERNAL
    proto.graph.initializer.append(weight)
    path.write_bytes(proto.SerializeToString())
    with pytest.raises(ProfileError, match=complaint):
        load_model(str(path))


def test_weights_beside_the_model_are_found(tmp_path: Path) -> None:
    """Exporters write them like this; the digest does not cover them, so a note says so."""
    node = helper.make_node("Gemm", ["x", "w"], ["y"])
    weights = {"w": np.ones((400, 300), np.float32)}
    reference = saved(tmp_path / "m.onnx", [node], [value("x", [1, 400])], [value("y", [1, 300])], weights)
    onnx.save(onnx.load(reference), reference, save_as_external_data=True, location="m.bin")
    measurement = calibrate(load_model(reference), samples=1)
    assert measurement.output_mb == 1200e-6
    assert "weights in m.bin, which the sha256 does not cover" in measurement.notes


@pytest.mark.parametrize(("domain", "operator"), [("", "Frobnicate"), ("com.acme", "Magic")])
def test_an_unknown_operator_is_named(tmp_path: Path, domain: str, operator: str) -> None:
    """The operator comes before onnxruntime's own words."""
    node = helper.make_node(operator, ["x"], ["y"], domain=domain)
    reference = saved(tmp_path / "m.onnx", [node], [value("x", [1])], [value("y", [1])], domain=domain)
    with pytest.raises(ProfileError, match=rf"does not know its operator \S*{operator} \("):
        open_session(load_model(reference))


@pytest.mark.parametrize("threads", [1, 2])
def test_sessions_use_the_threads_they_are_given_and_never_spin(small: str, threads: int) -> None:
    """Spinning threads would count as work."""
    options = open_session(load_model(small), threads=threads).get_session_options()
    assert (options.intra_op_num_threads, options.inter_op_num_threads) == (threads, 1)
    assert options.get_session_config_entry("session.intra_op.allow_spinning") == "0"


# Inputs


@pytest.mark.parametrize("kind", ["FLOAT", "FLOAT16", "DOUBLE", "INT8", "UINT8", "INT32", "INT64", "UINT64", "BOOL"])
def test_inputs_of_every_numeric_type_run(tmp_path: Path, kind: str) -> None:
    """The model is the judge: it runs with what is made up for it."""
    reference = one_node(tmp_path / "m.onnx", "Identity", [2, 3], getattr(TensorProto, kind))
    model = load_model(reference)
    inputs = example_inputs(model, seed=0)
    (output,) = run_once(model, open_session(model), inputs)
    np.testing.assert_array_equal(output, inputs["x"])
    assert output_bytes(output) == inputs["x"].nbytes == model.inputs[0].bytes_per_element * 6


@pytest.mark.parametrize(("kind", "values"), [("INT64", {0, 1}), ("UINT8", {0, 1}), ("BOOL", {False, True})])
def test_whole_numbers_are_valid_in_any_vocabulary(tmp_path: Path, kind: str, values: set[int]) -> None:
    """Both values occur: all zeros could take a short cut."""
    model = load_model(one_node(tmp_path / "m.onnx", "Identity", [100], getattr(TensorProto, kind)))
    assert set(example_inputs(model, seed=0)["x"].tolist()) == values


def test_inputs_follow_the_seed(small: str) -> None:
    """Equal seeds, equal inputs; other seeds, other inputs."""
    model = load_model(small)
    first, again, other = (example_inputs(model, seed=seed)["x"] for seed in (1, 1, 2))
    assert (first == again).all()
    assert (first != other).all()


def test_open_sizes_are_one_unless_given(small: str) -> None:
    """Fixed ones cannot be changed."""
    model = load_model(small)
    assert example_inputs(model, seed=0)["x"].shape == (1, 4)
    assert example_inputs(model, seed=0, shapes={"x": (8, 4)})["x"].shape == (8, 4)
    for wrong in ((8, 5), (8,), (8, 4, 1)):
        with pytest.raises(ProfileError, match=r"does not fit 'x' of 'small.onnx', which is batch,4"):
            example_inputs(model, seed=0, shapes={"x": wrong})


def test_an_input_without_any_shape_needs_one(tmp_path: Path) -> None:
    """The message shows the option that helps."""
    model = load_model(one_node(tmp_path / "m.onnx", "Relu", None))
    with pytest.raises(ProfileError, match=r"give one: --shape x=1,\.\.\."):
        example_inputs(model, seed=0)
    assert example_inputs(model, seed=0, shapes={"x": (2, 2)})["x"].shape == (2, 2)


@pytest.mark.parametrize("kind", ["STRING", "BFLOAT16", "COMPLEX64"])
def test_inputs_that_cannot_be_made_up_are_refused(tmp_path: Path, kind: str) -> None:
    """The message names the input and its type."""
    model = load_model(one_node(tmp_path / "m.onnx", "Identity", [1], getattr(TensorProto, kind)))
    with pytest.raises(ProfileError, match=f"input 'x' of 'm.onnx' is of type {kind.lower()}"):
        example_inputs(model, seed=0)


def test_inputs_that_fill_the_memory_are_refused(tmp_path: Path) -> None:
    """Before they are made."""
    model = load_model(one_node(tmp_path / "m.onnx", "Relu", [100_000, 100_000]))
    with pytest.raises(ProfileError, match="would take 40000 MB"):
        example_inputs(model, seed=0)


def test_a_model_that_refuses_its_inputs_says_so(tmp_path: Path) -> None:
    """Open sizes of 1 do not fit every model."""
    node = helper.make_node("MatMul", ["x", "w"], ["y"])
    weights = {"w": np.ones((4, 2), np.float32)}
    reference = saved(tmp_path / "m.onnx", [node], [value("x", ["a", "b"])], [value("y", None)], weights)
    with pytest.raises(ProfileError, match=r"does not run with inputs x 1x1; perhaps --shape helps"):
        calibrate(load_model(reference), samples=1)
    assert calibrate(load_model(reference), samples=1, shapes={"x": (1, 4)}).output_mb == 8e-6


def test_shapes_are_read_from_text() -> None:
    """Names may hold what paths hold; sizes are whole numbers from 1."""
    assert parse_shape("gpu_0/data=0=1,3,224,224") == ("gpu_0/data=0", (1, 3, 224, 224))
    assert parse_shape("x=") == ("x", ())
    for wrong in ("x", "=1", "x=1,a", "x=0", "x=-1", "x=1,,2", ""):
        with pytest.raises(ProfileError, match="cannot read shape"):
            parse_shape(wrong)


# Measuring


def test_a_measurement_holds_what_the_clock_said(small: str) -> None:
    """With a clock that ticks evenly every figure is known."""
    seen: list[tuple[int, int]] = []
    measurement = calibrate(
        load_model(small), samples=30, clock=even_clock(), progress=lambda done, total: seen.append((done, total))
    )
    assert measurement.service_seconds == (0.25,) * 30
    assert measurement.load_seconds == (0.25,) * 5
    assert measurement.cpu_seconds == pytest.approx([0.2] * 30)
    assert (measurement.mean, measurement.quantile(0.95), measurement.variation) == (0.25, 0.25, 0.0)
    assert (measurement.input_mb, measurement.output_mb) == (16e-6, 12e-6)
    assert measurement.warm_up_runs == 10
    assert seen == [(done, 30) for done in range(1, 31)]


def test_warm_up_lasts_until_runs_get_no_faster(small: str) -> None:
    """Three blocks of five get faster, the fourth does not: twenty runs are discarded, none of them counted."""
    loads, warm_up = [1.0] * 5, [9.0] * 5 + [5.0] * 5 + [2.0] * 5 + [2.0] * 5
    durations = chain(loads, warm_up, repeat(2.0))
    ticks = chain.from_iterable((0.0, duration) for duration in durations)  # the clock is read in pairs
    times = accumulate(ticks)
    measurement = calibrate(load_model(small), samples=3, clock=Clock(wall=lambda: next(times), cpu=lambda: 0.0))
    assert measurement.load_seconds == (1.0,) * 5
    assert measurement.warm_up_runs == 20
    assert measurement.service_seconds == (2.0, 2.0, 2.0)


@pytest.mark.parametrize("warm_up", [0, 3, 7])
def test_warm_up_can_be_fixed(small: str, warm_up: int) -> None:
    """A given number of runs is run, no more."""
    assert calibrate(load_model(small), samples=1, warm_up=warm_up, clock=even_clock()).warm_up_runs == warm_up


def test_models_take_turns(small: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each turn starts with untimed runs, and the last one is only as long as needed."""
    other = one_node(tmp_path / "other.onnx", "Relu", [1])
    order: list[str] = []

    def noted(model: onnx_models.OnnxModel, _session: object, _inputs: object) -> list[object]:
        order.append(model.name)
        return [np.zeros(1)]

    monkeypatch.setattr(calibrate_module, "run_once", noted)
    models = [load_model(small), load_model(other)]
    found = calibrate_all(models, samples=50, warm_up=0, clock=even_clock())
    turns = [(name, len(list(runs))) for name, runs in groupby(order[2:])]  # the first two check the models
    assert turns == [(name, UNTIMED + runs) for runs in (20, 20, 10) for name in ("small", "other")]
    assert [len(measurement.service_seconds) for measurement in found] == [50, 50]


def test_a_real_architecture_is_measured() -> None:
    """All times are positive and there are as many as asked for."""
    measurement = calibrate(load_model(SQUEEZENET), samples=3, warm_up=1)
    assert len(measurement.service_seconds) == 3
    assert min(measurement.service_seconds) > 0
    assert min(measurement.load_seconds) > 0
    assert (measurement.input_mb, measurement.output_mb) == (0.602112, 0.004)


def test_outputs_that_are_no_numbers_are_flagged(tmp_path: Path) -> None:
    """The logarithm of a negative number is none."""
    measurement = calibrate(load_model(one_node(tmp_path / "m.onnx", "Log", [50])), samples=1)
    assert any("not all finite numbers" in note for note in measurement.notes)


def test_a_model_that_cannot_run_is_known_before_any_is_timed(small: str, tmp_path: Path) -> None:
    """The clock is never read."""
    bad = one_node(tmp_path / "bad.onnx", "Frobnicate", [1])
    read: list[float] = []
    clock = Clock(wall=lambda: read.append(0.0) or 0.0, cpu=lambda: 0.0)  # type: ignore[func-returns-value]
    with pytest.raises(ProfileError, match="Frobnicate"):
        calibrate_all([load_model(small), load_model(bad)], clock=clock)
    assert read == []


@pytest.mark.parametrize("wrong", [{"samples": 0}, {"samples": 501}, {"threads": 0}, {"warm_up": -1}])
def test_numbers_out_of_range_are_the_callers_fault(small: str, wrong: dict[str, int]) -> None:
    """They are ValueErrors: the command line has checked before."""
    with pytest.raises(ValueError, match="samples must be 1 to 500"):
        calibrate(load_model(small), **wrong)  # type: ignore[arg-type]


# Doubts


@pytest.mark.parametrize(
    ("series", "doubt"),
    [
        (lambda rng: rng.normal(1, 0.02, 200), None),
        (lambda rng: rng.uniform(0.8, 1.2, 200), None),
        (lambda rng: rng.normal(1, 0.02, 200) + np.linspace(0, 0.3, 200), "drift"),
        (lambda rng: rng.normal(1, 0.02, 200) + np.linspace(0.3, 0, 200), "drift"),
        (lambda rng: rng.normal(1, 0.02, 200) + rng.choice([0, 1], 200, p=[0.7, 0.3]), "two groups"),
        (lambda rng: rng.normal(1, 0.02, 200) + np.where(np.arange(200) % 15 == 0, 2, 0), "spread"),
        (lambda rng: rng.normal(1, 0.001, 200) + rng.choice([0, 0.01], 200), None),
    ],
    ids=["steady", "uniform", "slower", "faster", "two groups", "outliers", "two groups too close to matter"],
)
def test_each_kind_of_unrest_raises_its_own_doubt(
    series: Callable[[np.random.Generator], np.ndarray[Any, Any]], doubt: str | None
) -> None:
    """For any seed a quiet series raises none."""
    for seed in range(20):
        times = list(series(np.random.default_rng(seed)))
        found = doubts(times, times, threads=1)
        assert (not found) if doubt is None else any(doubt in sentence for sentence in found)


def test_waiting_for_the_processor_is_noticed() -> None:
    """On one thread CPU time falls behind wall time only if others had the processor."""
    assert "the machine was busy: a run had its processor for 50%" in doubts([1.0] * 20, [0.5] * 20, threads=1)[0]
    assert doubts([1.0] * 20, [0.5] * 20, threads=2) == ()


def test_few_samples_are_a_doubt_of_their_own() -> None:
    """They cannot show any other."""
    assert doubts([1.0, 9.0], [1.0, 9.0], threads=1) == ("only 2 samples: too few to judge",)


# The machine


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("processor\t: 0\nmodel name\t: AMD EPYC: 7\n\nprocessor\t: 1\nmodel name\t: AMD EPYC: 7\n", "AMD EPYC: 7"),
        ("processor\t: 0\nBogoMIPS\t: 108.00\n\nHardware\t: BCM2835\nModel\t: Raspberry Pi 4\n", "Raspberry Pi 4"),
    ],
)
def test_the_processor_is_named(tmp_path: Path, text: str, name: str) -> None:
    """PCs and boards write it under different words."""
    (tmp_path / "cpuinfo").write_text(text, encoding="utf-8")
    assert cpu_model(tmp_path / "cpuinfo") == name


def test_a_system_without_cpuinfo_still_has_a_name(tmp_path: Path) -> None:
    """Python knows at least the architecture."""
    assert cpu_model(tmp_path / "none")
    assert 1 <= usable_cores() <= (os.cpu_count() or 1)


# The command


def test_the_command_writes_a_profile_and_shows_a_table(small: str, tmp_path: Path) -> None:
    """The table is on stdout, the rest on stderr, and no folder is in the file."""
    out = tmp_path / "profile.json"
    out.write_text("old", encoding="utf-8")
    result = invoke(small, SQUEEZENET, "--out", str(out), "--samples", "12", "--device", "x86-vm")
    assert result.exit_code == 0, result.output
    assert all(word in result.stdout for word in ("segment", "p95", "small", "squeezenet", "x86-vm"))
    assert result.stderr == f"wrote {out}\n"
    profile = load_profile(out)
    assert profile.device == "x86-vm"
    assert list(profile.segments) == ["small", "squeezenet"]
    assert profile.provenance.samples == 12
    assert set(profile.provenance.versions) == {"python", "numpy", "onnx", "onnxruntime"}
    assert str(tmp_path) not in out.read_text(encoding="utf-8")
    assert list(tmp_path.glob(".*")) == []


def test_json_is_one_document_and_nothing_else(small: str) -> None:
    """Its output can go straight into a file or another program."""
    result = invoke(small, "--json", "--samples", "2", "--name", "dense [1]", "--shape", "x=8,4")
    assert result.exit_code == 0, result.output
    assert result.stderr == ""
    segment = json.loads(result.stdout)["segments"]["dense [1]"]
    assert (segment["input_shapes"], segment["input_mb"]) == ({"x": [8, 4]}, 128e-6)
    assert all(round(seconds, 7) == seconds for seconds in segment["service_seconds"])


def test_all_options_reach_the_measurement(small: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """None is read and forgotten."""
    given: dict[str, Any] = {}

    def noted(models: list[onnx_models.OnnxModel], **options: Any) -> list[calibrate_module.Measurement]:
        given.update(options)
        return calibrate_all(models, **options)

    monkeypatch.setattr(calibration, "calibrate_all", noted)
    result = invoke(small, "--json", "--samples", "4", "--threads", "2", "--seed", "3", "--shape", "x=8,4")
    assert (given["samples"], given["threads"], given["provider"]) == (4, 2, "CPUExecutionProvider")
    np.testing.assert_array_equal(
        given["inputs"][0]["x"], example_inputs(load_model(small), seed=3, shapes={"x": (8, 4)})["x"]
    )
    origin = json.loads(result.stdout)["provenance"]
    assert (origin["samples"], origin["threads"], origin["seed"]) == (4, 2, 3)


def test_json_stays_clean_when_onnxruntime_complains(tmp_path: Path) -> None:
    """Its Python layer prints some errors on stdout unless told not to."""
    path = Path(one_node(tmp_path / "m.onnx", "Relu", [1]))
    path.write_bytes(path.read_bytes().replace(b"Relu", b"R\xfflu"))
    script = f"from design.commands import calibrate_command as run; run([{str(path)!r}, '--json'])"
    done = run_python(script)
    assert done.stdout == ""
    assert "ProfileError: cannot load 'm.onnx'" in done.stderr
    assert done.returncode == 1


def test_wrong_arguments_are_explained(small: str, tmp_path: Path) -> None:
    """Each in the user's words, before anything is measured."""
    assert "is not an ONNX model" in error_of(__file__)
    assert "2 names for 1 models" in error_of(small, "--name", "a", "--name", "b")
    assert "both be segment 'small'" in error_of(small, small)
    assert "cannot name a segment" in error_of(small, "--name", " ")
    assert "cannot name a class of device" in error_of(small, "--device", "")
    assert "no ordinary file" in error_of(small, "--out", str(tmp_path))
    assert "folder that does not exist" in error_of(small, "--out", str(tmp_path / "a" / "b.json"))
    assert "no model has an input 'z' to shape; known: x" in error_of(small, "--shape", "z=1")
    assert invoke(small, "--samples", "0").exit_code == 2
    assert invoke().exit_code == 2


def test_names_of_segments_are_the_models_own_or_given(small: str) -> None:
    """Names go by order."""
    models = [load_model(small), load_model(SQUEEZENET)]
    assert segment_names(models, ()) == ["small", "squeezenet"]
    assert segment_names(models, ("a", "b")) == ["a", "b"]


def test_an_interrupted_command_writes_nothing(small: str, tmp_path: Path) -> None:
    """Ctrl-C while measuring leaves an old profile as it was."""
    out = tmp_path / "out" / "profile.json"
    out.parent.mkdir()
    out.write_text("old", encoding="utf-8")
    script = (
        "import design.calibrate as c, os, signal\n"
        "from design.commands import calibrate_command\n"
        "once = c.run_once\n"
        "def interrupted(*a): os.kill(os.getpid(), signal.SIGINT); return once(*a)\n"
        "c.run_once = interrupted\n"
        f"calibrate_command([{small!r}, '--out', {str(out)!r}])\n"
    )
    done = run_python(script)
    assert done.returncode in (1, 130, -signal.SIGINT)
    assert "Traceback" not in done.stderr
    assert [file.name for file in out.parent.iterdir()] == ["profile.json"]
    assert out.read_text(encoding="utf-8") == "old"


# What happens on import


def run_python(script: str, **env: str) -> subprocess.CompletedProcess[str]:
    """Run *script* in a fresh Python in which nobody has forbidden telemetry."""
    clean = {key: text for key, text in os.environ.items() if key != "ORT_DISABLE_TELEMETRY"}
    return subprocess.run(
        [sys.executable, "-c", script],
        env=clean | {"PYTHONPATH": str(ROOT)} | env,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.mark.parametrize("module", ["calibrate", "onnx_sessions", "machine", "profiles"])
def test_telemetry_is_forbidden_before_onnxruntime_is_imported(module: str) -> None:
    """Afterwards would be too late: the first report leaves on import."""
    script = (
        "import os, sys\n"
        "class Witness:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name == 'onnxruntime': print('telemetry off:', os.environ.get('ORT_DISABLE_TELEMETRY'))\n"
        "sys.meta_path.insert(0, Witness())\n"
        f"import design.{module}\n"
        "import onnxruntime\n"
    )
    done = run_python(script)
    assert done.stdout == "telemetry off: 1\n", done.stderr


def test_nothing_is_left_in_the_home_folder(small: str, tmp_path: Path) -> None:
    """With telemetry on, onnxruntime keeps a device number and a queue of reports under .cache/Microsoft."""
    home = tmp_path / "home"
    home.mkdir()
    script = f"from design.commands import calibrate_command as run; run([{small!r}, '--samples', '50', '--json'])"
    done = run_python(script, HOME=str(home), XDG_CACHE_HOME=str(home / ".cache"))
    assert done.returncode == 0, done.stderr
    assert list(home.rglob("*Microsoft*")) == []


def test_the_command_line_does_not_wait_for_onnxruntime() -> None:
    """``ctwin --help`` imports the command, but neither onnx nor onnxruntime nor NumPy."""
    script = "import sys, design.commands; print([m for m in ('onnx', 'onnxruntime', 'numpy') if m in sys.modules])"
    assert run_python(script).stdout == "[]\n"
