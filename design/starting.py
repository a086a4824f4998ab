"""A new application folder: what ``ctwin new`` writes before it is designed."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from twin.errors import DesignError

STARTER = Path(__file__).resolve().parent / "starter"
"""The files that a new folder begins with."""

_COMPONENTS = ("extract", "classify")
_SHARED = ("inference.py", "requirements.txt")
"""Files under src/ that each component gets a copy of: its folder becomes a container image of its own."""


def start_application(folder: Path) -> list[str]:
    """Write a new application to *folder* in one step; return its files, relative to it.

    Raises DesignError if *folder* exists and is not an empty folder, or cannot be written.
    """
    if folder.is_symlink() or (folder.exists() and (not folder.is_dir() or any(folder.iterdir()))):
        raise DesignError(f"{folder} exists and is not an empty folder; name another one")
    from design.starter_models import classifier, extractor  # onnx is slow to import, and other commands do without

    unfinished = folder.with_name(f".{folder.resolve().name}.{os.getpid()}.part")
    try:
        shutil.copytree(STARTER, unfinished, ignore=shutil.ignore_patterns("__pycache__"))
        for name in _SHARED:
            for component in _COMPONENTS:
                shutil.copyfile(unfinished / "src" / name, unfinished / "src" / component / name)
            (unfinished / "src" / name).unlink()
        for component, model in zip(_COMPONENTS, (extractor(), classifier()), strict=True):
            (unfinished / "src" / component / "onnx").mkdir()
            (unfinished / "src" / component / "onnx" / f"{component}.onnx").write_bytes(model)
        written = sorted(path.relative_to(unfinished).as_posix() for path in unfinished.rglob("*") if path.is_file())
        os.replace(unfinished, folder)
    except OSError as bad:
        raise DesignError(f"{folder}: cannot be written: {bad.strerror or bad}") from None
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    return written
