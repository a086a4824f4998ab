"""Machine code of the exact search: compiled once after each installation, before any time limit counts."""

from __future__ import annotations

from collections.abc import Callable

from design.component_search import search
from design.generator import generate
from design.kernels import kernel_files
from design.optimise import optimise

MESSAGE = "compiling the search; this happens once after each installation and takes a minute or two"


def make_ready(announce: Callable[[str], None]) -> None:
    """Compile the search now, if it must be, and *announce* why that takes a while.

    What is compiled depends on the kinds of arrays alone, which a small system has like any other.
    """
    if not is_warm():
        announce(MESSAGE)
        optimise(generate(2, 1), dialect="d")


def is_warm() -> bool:
    """Say whether there is machine code of the search on disk that is no older than its source."""
    source, files = kernel_files(search)
    written = source.stat().st_mtime
    return any(each.stat().st_mtime >= written for each in files)
