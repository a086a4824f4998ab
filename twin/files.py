"""Writing files so that a reader never sees half of one."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from twin.errors import TwinError


@contextmanager
def fresh_file(path: Path) -> Iterator[Path]:
    """Offer a temporary file beside *path* that replaces it once the block has ended well.

    Raises:
        TwinError: The folder does not exist or cannot be written.
    """
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        os.close(handle)
    except OSError as error:
        raise TwinError(f"cannot write {path}: {error.strerror or error}") from error
    temporary = Path(name)
    try:
        yield temporary
        temporary.chmod(0o644)
        temporary.replace(path)
    except OSError as error:
        raise TwinError(f"cannot write {path}: {error.strerror or error}") from error
    finally:
        temporary.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write *text* to *path* in one step."""

    def fill(temporary: Path) -> None:
        temporary.write_text(text, encoding="utf-8")

    write_with(path, fill)


def write_with(path: Path, fill: Callable[[Path], None]) -> None:
    """Let *fill* write a temporary file that then replaces *path*."""
    with fresh_file(path) as temporary:
        fill(temporary)


def make_folder(path: Path) -> None:
    """Create *path* and its parents.

    Raises:
        TwinError: It cannot be created.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise TwinError(f"cannot create the folder {path}: {error.strerror or error}") from error
