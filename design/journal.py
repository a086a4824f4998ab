"""What a long calibration has finished, kept beside its profile, so that the same command can go on after a stop.

One line of JSON per finished group of segments. The first line says what was asked for: a journal of another question
is not taken up. A line that was cut off in the middle counts as not written.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from twin.errors import ProfileError
from twin.formats.profile_schema import CutFigures, Segment, Slowdown


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """What one group of segments brought."""

    segments: Mapping[str, Segment]

    cuts: tuple[CutFigures, ...] = ()

    does_not_fit: tuple[str, ...] = ()
    """Segments that there was too little memory for."""

    interference: tuple[Slowdown, ...] = ()


@dataclass(slots=True, kw_only=True)
class Journal:
    """Finished groups by their names; without a path they are kept in memory alone."""

    path: Path | None

    question: str
    """Whatever decides about the figures: models, options, machine."""

    found: dict[str, Finished] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.path is not None and self.path.is_file():
            self.found = dict(_groups(self.path, self.question))
            if not self.found:
                self.path.unlink()

    def add(self, group: str, finished: Finished) -> None:
        """Keep *finished*; ProfileError if the disk does not take it, the groups before stay."""
        self.found[group] = finished
        if self.path is None:
            return
        entry = {
            "group": group,
            "segments": {name: part.model_dump(mode="json") for name, part in finished.segments.items()},
            "cuts": [cut.model_dump(mode="json") for cut in finished.cuts],
            "does_not_fit": finished.does_not_fit,
            "interference": [pair.model_dump(mode="json") for pair in finished.interference],
        }
        first = not self.path.exists()
        try:
            with self.path.open("a", encoding="utf-8") as file:
                if first:
                    file.write(json.dumps({"question": self.question}) + "\n")
                file.write(json.dumps(entry) + "\n")
        except OSError as error:
            raise ProfileError(f"cannot write {self.path}: {error.strerror}; what was finished before stays") from error

    def close(self) -> None:
        """Remove the file: the profile holds everything now."""
        if self.path is not None:
            self.path.unlink(missing_ok=True)


def _groups(path: Path, question: str) -> Iterator[tuple[str, Finished]]:
    lines = path.read_text(encoding="utf-8", errors="replace").split("\n")
    if _entry(lines[0]).get("question") != question:
        return
    for line in lines[1:]:
        entry = _entry(line)
        try:
            yield (
                entry["group"],
                Finished(
                    segments={
                        name: Segment.model_validate_json(json.dumps(part)) for name, part in entry["segments"].items()
                    },
                    cuts=tuple(CutFigures.model_validate_json(json.dumps(cut)) for cut in entry["cuts"]),
                    does_not_fit=tuple(entry["does_not_fit"]),
                    interference=tuple(
                        Slowdown.model_validate_json(json.dumps(pair)) for pair in entry["interference"]
                    ),
                ),
            )
        except (KeyError, ValidationError):
            return


def _entry(line: str) -> dict[str, Any]:
    try:
        found = json.loads(line)
    except json.JSONDecodeError:
        return {}
    return found if isinstance(found, dict) else {}
