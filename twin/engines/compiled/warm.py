"""The kernel's machine code: compiled once for each installation and processor, then kept on disk."""

from __future__ import annotations

import platform
from functools import cache
from pathlib import Path
from typing import Any
from zlib import crc32

import llvmlite.binding
import numba
import numpy as np

from twin.engines.compiled.kernel import digested

PYTHON_SIDE = {
    "__init__",
    "controlled",
    "coverage",
    "first_rows",
    "laws",
    "layout",
    "memory",
    "outcome",
    "pieces",
    "places",
    "simulation",
    "supplies",
    "warm",
}
"""Modules that are not compiled."""


@cache
def digest() -> int:
    """Return a number that changes with the sources of the kernel; numba looks at one file only."""
    from twin.model import logarithm

    paths = [path for path in sorted(Path(__file__).parent.glob("*.py")) if path.stem not in PYTHON_SIDE]
    return crc32(b"".join(path.read_bytes() for path in [*paths, Path(logarithm.__file__)]))


@cache
def ready_kernel() -> Any:
    """Return the kernel; its first call compiles it, or loads it from the disk."""
    return digested(digest())


def is_warm() -> bool:
    """Say whether the kernel need not be compiled any more."""
    return bool(ready_kernel().signatures) or _marker().exists()


def note_warm() -> None:
    """Note that the machine code is on disk; called after the first run."""
    marker = _marker()
    if not marker.exists() and ready_kernel().stats.cache_path:
        try:
            marker.touch()
        except OSError:
            return  # a folder that cannot be written holds no cache either


def _marker() -> Path:
    system = "-".join(
        (numba.__version__, np.__version__, platform.python_version(), llvmlite.binding.get_host_cpu_name())
    )
    return Path(ready_kernel().stats.cache_path or ".") / f"kernel-{digest():08x}-{system}.warm"
