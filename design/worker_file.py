"""Make the one file that measures on other devices: the worker, with what it borrows from this project written in.

The same file, run here in a process of its own, tells how much memory a model needs.
"""

from __future__ import annotations

import ast
import json
import subprocess
import sys
import tempfile
from functools import lru_cache
from pathlib import Path

import numpy as np

from design.example_inputs import Inputs
from design.onnx_models import OnnxModel

_FOLDER = Path(__file__).parent
_FUTURE = "from __future__ import annotations"


@lru_cache(maxsize=1)
def worker_source() -> str:
    """Return the text of a Python file that needs NumPy and onnxruntime alone."""
    text = (_FOLDER / "device_worker.py").read_text(encoding="utf-8")
    for statement in [node for node in ast.parse(text).body if _is_ours(node)]:
        assert isinstance(statement, ast.ImportFrom)
        assert statement.module is not None
        borrowed = _FOLDER / f"{statement.module.removeprefix('design.')}.py"
        text = text.replace(ast.unparse(statement), _bare(borrowed.read_text(encoding="utf-8")))
    return text


def peak_memory(model: OnnxModel, inputs: Inputs) -> float | None:
    """Return the peak memory in MB of a process that loads and runs *model* alone; None where it cannot be told."""
    with tempfile.TemporaryDirectory(prefix="ctwin-memory-") as folder:
        worker, arrays = Path(folder, "worker.py"), Path(folder, "inputs.npz")
        worker.write_text(worker_source(), encoding="utf-8")
        np.savez(arrays, **inputs)  # type: ignore[arg-type]
        command = [sys.executable, str(worker), "--memory-of", str(model.path), "--inputs", str(arrays)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    found = json.loads(done.stdout) if done.returncode == 0 else None
    return None if found is None else float(found)


def _is_ours(node: ast.stmt) -> bool:
    return isinstance(node, ast.ImportFrom) and (node.module or "").startswith("design.")


def _bare(source: str) -> str:
    """Return a module without its docstring and its first import, to stand in the middle of another file."""
    body = ast.parse(source).body
    first = body[1] if ast.get_docstring(ast.parse(source)) else body[0]
    return "".join(source.splitlines(keepends=True)[first.lineno - 1 :]).replace(_FUTURE, "").strip()
