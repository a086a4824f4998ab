"""A new application can be designed, run in the twin, and executed, as it is."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import onnxruntime
import pytest
from click.testing import CliRunner, Result

from design.annotations.application import load_annotations
from design.commands_designs import designs_command, new_command
from design.starter_models import classifier, extractor
from design.starting import start_application
from runtime.cli import main
from twin.errors import DesignError
from twin.formats.reading import read_scenario
from twin.theory import solve

ROOT = Path(__file__).resolve().parents[1]


def new(*arguments: object) -> Result:
    """Run ``ctwin new``."""
    return CliRunner().invoke(new_command, [str(one) for one in arguments], catch_exceptions=False)


def test_a_new_application_runs_in_the_twin(tmp_path: Path) -> None:
    """It holds its limits, and designing it again changes nothing."""
    app = tmp_path / "app"
    assert f"next:  ctwin run {app}" in new(app).output
    loaded = read_scenario(app)
    assert solve(loaded.scenario).verdict == "pass"
    assert list(loaded.scenario.application.components) == ["extract", "classify"]
    assert len(loaded.scenario.application.components["extract"].deployments) == 3
    again = CliRunner().invoke(designs_command, [str(app), "--json"], catch_exceptions=False)
    assert json.loads(again.stdout)["written"] == []


def test_its_code_runs(tmp_path: Path) -> None:
    """One component after the other, from another folder."""
    app = tmp_path / "app"
    start_application(app)
    assert set(load_annotations(app)) == {"extract", "classify"}
    environment = {"PYTHONPATH": str(ROOT), "ORT_DISABLE_TELEMETRY": "1"}
    for arguments in (
        ["app/src/extract/main.py", "-o", "features.npy"],
        ["app/src/classify/main.py", "-i", "features.npy", "-o", "class.txt"],
    ):
        command = [sys.executable, *arguments]
        ran = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=environment)
        assert ran.returncode == 0, ran.stderr
    assert (tmp_path / "class.txt").read_text().startswith("class ")


def test_its_models_are_the_same_each_time() -> None:
    """Of weights drawn with a fixed seed; they can be loaded."""
    for model in (extractor, classifier):
        assert model() == model()
        session = onnxruntime.InferenceSession(model(), providers=["CPUExecutionProvider"])
        assert session.get_outputs()[0].shape[0] == 1


def test_nothing_is_overwritten(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A folder with anything in it, a file, a link: one message and status 2; an empty folder will do."""
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine").write_text("mine")
    (tmp_path / "file").write_text("mine")
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    for name in ("full", "file", "link"):
        with pytest.raises(DesignError, match="exists and is not an empty folder"):
            start_application(tmp_path / name)
    with pytest.raises(SystemExit) as status:
        main(["new", str(tmp_path / "full")])
    assert status.value.code == 2
    assert "exists and is not an empty folder" in capsys.readouterr().err
    assert [path.name for path in (tmp_path / "full").iterdir()] == ["mine"]
    (tmp_path / "empty").mkdir()
    written = json.loads(new(tmp_path / "empty", "--json").output)["written"]
    assert all((tmp_path / "empty" / name).is_file() or (tmp_path / "empty" / name).is_symlink() for name in written)
    with pytest.raises(DesignError, match="cannot be written"):
        start_application(tmp_path / "file" / "app")
    assert not [path for path in tmp_path.iterdir() if path.name.endswith(".part")]
