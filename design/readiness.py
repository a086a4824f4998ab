"""Machine code of the exact search: compiled once after each installation, before any time limit counts."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from zlib import crc32

from design.component_search import search
from design.generator import generate
from design.kernels import code_folder
from design.optimise import optimise

MESSAGE = "compiling the search; this happens once after each installation and takes a minute or two"

SMALLEST = 4
"""Components of the smallest system that can be generated."""


def make_ready(announce: Callable[[str], None]) -> None:
    """Compile the search now, if it must be, and *announce* why that takes a while.

    What is compiled depends on the kinds of arrays alone, which a small system has like any other.
    """
    if not is_warm():
        announce(MESSAGE)
        optimise(generate(SMALLEST, 1), dialect="d")
        with suppress(OSError):  # a folder that cannot be written holds no machine code either
            _marker().touch()


def is_warm() -> bool:
    """Say whether the search has been compiled from these sources here."""
    return _marker().exists()


def _marker() -> Path:
    folder, system = code_folder(search)
    sources = [path.read_bytes() for path in sorted(Path(__file__).parent.glob("*.py"))]
    digest = crc32(b"".join(each for each in sources if b"@kernel" in each))
    return folder / f"search-{digest:08x}-{system}.warm"
