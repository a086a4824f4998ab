"""The arrows between the packages point left, and each heavy library has one door."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("twin", "design", "runtime")

FORBIDDEN = {
    "twin": {"design", "runtime", "streamlit", "docker", "onnx", "onnxruntime"},
    "design": {"runtime", "streamlit", "docker", "simpy"},
    "runtime": {"streamlit", "simpy", "onnx", "onnxruntime"},
}

DOORS = {
    "simpy": "twin/engines/simpy_engine/",
    "numba": ("twin/engines/compiled/", "design/kernels.py"),
    "yaml": "twin/formats/",
    "onnx": "design/",
    "onnxruntime": "design/",
    "docker": "runtime/",
    "river": "runtime/drift/river_detectors.py",
}


def imports(path: Path) -> Iterator[str]:
    """Yield the top-level package of every import in a file, at whatever depth."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert node.level == 0, f"{path}: relative import"
            yield node.module.split(".")[0]


def modules() -> list[Path]:
    """Return all source files of the packages."""
    return [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(ROOT)))
def test_arrows_point_left(path: Path) -> None:
    """Twin knows nothing of design, design nothing of runtime, and none of them of the page."""
    package = path.relative_to(ROOT).parts[0]
    assert not FORBIDDEN[package] & set(imports(path))


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(ROOT)))
def test_heavy_libraries_have_one_door(path: Path) -> None:
    """SimPy is imported by its engine alone, YAML by the formats, ONNX by design."""
    place = path.relative_to(ROOT).as_posix()
    for library in set(imports(path)) & set(DOORS):
        assert place.startswith(DOORS[library]), f"{place} imports {library}"


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(ROOT)))
def test_modules_say_what_they_are(path: Path) -> None:
    """Every module opens with a docstring, and none hides behind a name that says nothing."""
    assert ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
    assert not {"utils", "helpers", "misc", "common"} & set(path.with_suffix("").parts)


def test_help_imports_no_heavy_library() -> None:
    """``ctwin --help`` answers without waiting for the libraries of its commands."""
    code = (
        "import sys\n"
        "from runtime.cli import main\n"
        "try:\n    main(['--help'])\nexcept SystemExit:\n    pass\n"
        "print(sorted({'simpy', 'scipy', 'onnxruntime', 'pandas', 'pyarrow', 'numba', 'docker'} & set(sys.modules)))\n"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT).stdout
    assert out.splitlines()[-1] == "[]"
    assert "run" in out
