"""Profiles of devices that are not this machine: the worker file, and times scaled by a stated factor."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml
from click.testing import CliRunner, Result
from onnx import helper

from design.commands import calibrate_command
from design.onnx_models import load_model
from design.worker_file import worker_source
from tests.onnx_graphs import saved, value
from tests.samples import BASE
from twin.errors import ProfileError
from twin.formats.mixture import mixture_cdf, mixture_quantiles
from twin.formats.profile_file import load_profile, save_profile
from twin.formats.profile_schema import FittedLaw
from twin.formats.reading import read_scenario
from twin.model.profile import Profile

SHIPPED = Path(__file__).resolve().parents[1] / "scenarios" / "profiles" / "edge-models-x86.json"


def invoke(*arguments: object) -> Result:
    """Run the command; what it raises is in the result."""
    return CliRunner().invoke(calibrate_command, [str(argument) for argument in arguments])


def run_worker(folder: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    """Run the worker as a device would: without this project in reach."""
    worker = folder / "calibrate_here.py"
    worker.write_text(invoke("--worker").stdout, encoding="utf-8")
    command = [sys.executable, "-I", str(worker), *(str(argument) for argument in arguments)]
    env = {key: text for key, text in os.environ.items() if key != "PYTHONPATH"}
    return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=120, check=False)


def dense(path: Path) -> str:
    """Write a dense layer over a batch of open size: 4 numbers in, 3 out."""
    node = helper.make_node("Gemm", ["x", "w"], ["y"])
    weights = {"w": np.ones((4, 3), np.float32)}
    return saved(path, [node], [value("x", ["batch", 4])], [value("y", ["batch", 3])], weights)


# The worker


def test_the_worker_prints_a_profile_this_project_reads(tmp_path: Path) -> None:
    """Digest, sizes and memory are those of the model; the number of samples is as asked for."""
    model = dense(tmp_path / "dense.onnx")
    arguments = ("--device", "board", "--samples", 15, "--shape", "x=8,4")
    done = run_worker(tmp_path, model, *arguments)
    assert done.returncode == 0, done.stderr
    (tmp_path / "p.json").write_text(done.stdout, encoding="utf-8")
    profile = load_profile(tmp_path / "p.json")
    part = profile.segments["dense"]
    assert (profile.device, profile.provenance.samples, part.sha256) == ("board", 15, load_model(model).sha256)
    assert (part.input_mb, part.output_mb, part.input_shapes) == (128e-6, 96e-6, {"x": (8, 4)})
    assert (len(part.service_seconds), len(part.load_seconds)) == (15, 5)
    assert part.memory_mb is not None
    assert part.memory_mb > 20


def test_the_worker_needs_numpy_and_onnxruntime_alone() -> None:
    """It imports nothing else that Python does not bring along, and names nothing of this project."""
    tree = ast.parse(worker_source())
    found = {
        name.split(".")[0]
        for node in ast.walk(tree)
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }
    assert found - sys.stdlib_module_names == {"numpy", "onnxruntime"}


def test_the_worker_says_in_a_line_what_is_wrong(tmp_path: Path) -> None:
    """A missing file, a file that is no model, a number out of range."""
    (tmp_path / "text.onnx").write_text("no model", encoding="utf-8")
    for arguments in (["none.onnx"], ["text.onnx"], ["text.onnx", "--samples", "0"], []):
        done = run_worker(tmp_path, *arguments)
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr.startswith("error: ")
        assert done.stderr.count("\n") == 1


# Scaling


def test_a_scaled_profile_is_marked_as_a_guess(tmp_path: Path) -> None:
    """Times are multiplied, sizes stay, and every segment says where it comes from."""
    out = tmp_path / "guess.json"
    arguments = ("--scale-from", SHIPPED, "--factor", 8, "--uncertainty", 0.3, "--target", "RaspPi", "--out", out)
    assert invoke(*arguments).exit_code == 0
    base, guess = load_profile(SHIPPED), load_profile(out)
    assert guess.device == "RaspPi"
    assert guess.scaled_from is not None
    assert (guess.scaled_from.device, guess.scaled_from.factor, guess.scaled_from.uncertainty) == ("x86-vm", 8, 0.3)
    for name, part in guess.segments.items():
        measured = base.segments[name]
        assert part.service_seconds == pytest.approx([8 * each for each in measured.service_seconds], abs=1e-8)
        assert part.load_seconds == pytest.approx([8 * each for each in measured.load_seconds], abs=1e-8)
        assert part.output_mb == measured.output_mb
        assert part.notes[0] == "a guess: the times of x86-vm, times 8 (give or take 30%)"
    again = invoke("--scale-from", out, "--factor", 2, "--uncertainty", 0, "--target", "slower")
    assert "is itself scaled, from 'x86-vm'" in str(again.exception)


def test_scenarios_take_the_uncertainty_of_a_guess(tmp_path: Path) -> None:
    """It stands where a hand-written scale would have put it, and the source says it is a guess."""
    out = tmp_path / "guess.json"
    invoke("--scale-from", SHIPPED, "--factor", 8, "--uncertainty", 0.3, "--target", "Edge", "--out", out)
    found = with_profile(tmp_path, "guess.json")
    assert found.scale_uncertainty == 0.3
    assert "a guess for Edge: 8 times (give or take 30%) what was measured on x86-vm" in found.source


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("--factor", 8, "--target", "a"), "needs --factor and --uncertainty"),
        (("--factor", 8, "--uncertainty", 0.3), "needs --target"),
        (("--factor", 8, "--uncertainty", 0.3, "--target", "x86-vm"), "needs --target"),
        (("--factor", 8, "--uncertainty", 0.3, "--target", " "), "cannot name a class of device"),
    ],
)
def test_incomplete_guesses_are_refused(arguments: tuple[object, ...], complaint: str) -> None:
    """A factor without an uncertainty would be taken for a measurement."""
    result = invoke("--scale-from", SHIPPED, *arguments)
    assert isinstance(result.exception, ProfileError)
    assert complaint in str(result.exception)


# Fitted laws in profiles


def with_profile(folder: Path, name: str) -> Profile:
    """Return the profile of a sample scenario whose times come from segment squeezenet of the file *name*."""
    data = {**BASE, "profiles": {"detect": {"Edge": {"file": name, "segment": "squeezenet"}}}}
    (folder / "scenario.yaml").write_text(yaml.safe_dump(data), encoding="utf-8")
    return read_scenario(folder).scenario.profiles["detect"]["Edge"]


@pytest.mark.parametrize("family", ["lognormal", "gamma", "mixture"])
def test_a_fitted_law_replaces_the_samples(tmp_path: Path, family: str) -> None:
    """Mean and variation are its own; a mixture stands as many quantiles."""
    parameters = {"share": 0.7, "mu_1": -5.0, "sigma_1": 0.1, "mu_2": -4.0, "sigma_2": 0.2}
    quantiles = np.array(mixture_quantiles(parameters))
    mean, cv = float(quantiles.mean()), float(quantiles.std() / quantiles.mean())
    fitted = FittedLaw(family=family, mean=mean, cv=cv, parameters=parameters, distance=0.02, p_value=0.4)  # type: ignore[arg-type]
    profile = load_profile(SHIPPED)
    part = profile.segments["squeezenet"].model_copy(update={"fitted": fitted})
    save_profile(profile.model_copy(update={"segments": {"squeezenet": part}}), tmp_path / "p.json")
    law = with_profile(tmp_path, "p.json").service_time
    assert law.expectation == pytest.approx(mean)
    assert law.scv == pytest.approx(cv**2)
    assert law.law == ("empirical" if family == "mixture" else family)


def test_quantiles_of_a_mixture_are_where_its_distribution_says() -> None:
    """Each lies in the middle of its share; the mean is that of the two laws."""
    parameters = {"share": 0.25, "mu_1": -5.0, "sigma_1": 0.1, "mu_2": -3.0, "sigma_2": 0.3}
    quantiles = np.array(mixture_quantiles(parameters))
    np.testing.assert_allclose(mixture_cdf(parameters, quantiles), (np.arange(1000) + 0.5) / 1000, atol=1e-9)
    mean = 0.25 * np.exp(-5 + 0.1**2 / 2) + 0.75 * np.exp(-3 + 0.3**2 / 2)
    assert quantiles.mean() == pytest.approx(mean, rel=1e-3)
