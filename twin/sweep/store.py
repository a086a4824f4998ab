"""Results on disk, one small file a point: whatever ends a sweep, only the points in flight are lost."""

from __future__ import annotations

import json
from pathlib import Path

from twin.errors import TwinError
from twin.files import make_folder, write_text
from twin.sweep.rows import Outcome


class Store:
    """A folder of results by key."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def open(self) -> None:
        """Create the folder; TwinError where that is impossible."""
        make_folder(self.folder)

    def keep(self, key: str, outcome: Outcome) -> None:
        """Write what became of one point in one step."""
        kept = {"key": key, "figures": outcome.figures, "samples": outcome.samples}
        text = json.dumps(kept, ensure_ascii=False, allow_nan=False, indent=1)
        write_text(self._file(key), text + "\n")

    def kept(self, key: str) -> Outcome | None:
        """Return what became of one point, or None if that is not there whole."""
        try:
            found = json.loads(self._file(key).read_text(encoding="utf-8"))
            outcome = Outcome(figures=dict(found["figures"]), samples=dict(found["samples"]))
        except FileNotFoundError:
            return None
        except OSError as error:
            raise TwinError(f"cannot read {self._file(key)}: {error.strerror or error}") from error
        except (ValueError, KeyError, TypeError):  # cut off by a power failure, or not ours: it is made again
            return None
        return outcome if found["key"] == key else None

    def _file(self, key: str) -> Path:
        return self.folder / f"{key}.json"
