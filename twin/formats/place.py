"""Where a value is written: file, line and column of everything a file holds."""

from __future__ import annotations

from typing import NamedTuple

Keys = tuple[str | int, ...]
"""The way to a value: keys of mappings, positions in lists."""


class Place(NamedTuple):
    """Where a value is written: at its key in a mapping, at its beginning in a list."""

    file: str

    line: int
    """Counted from 1, like the column."""

    column: int

    inside: dict[str, Place] | list[Place] | None = None
    """Places of what the value holds."""

    def at(self, keys: Keys) -> Place:
        """Return the place *keys* lead to, or that of the nearest ancestor that is written down."""
        place = self
        for key in keys:
            inner = place.inner(key)
            if inner is None:
                break
            place = inner
        return place

    def inner(self, key: str | int) -> Place | None:
        """Return the place of one entry or item, or None."""
        if isinstance(self.inside, dict):
            return self.inside.get(str(key))
        if isinstance(self.inside, list) and str(key).isdecimal() and int(key) < len(self.inside):
            item: Place = self.inside[int(key)]
            return item
        return None

    def written(self, keys: Keys) -> Keys:
        """Return those of *keys* that are written down, on the way to as many of them as possible.

        Short forms of a file leave out keys that the model has: ``deployments.base.partitions.blur.candidates`` may
        be written as ``candidates``. A name that holds dots counts as one key though *keys* has it in pieces.
        """
        for start in range(len(keys)):
            for end in range(start + 1, len(keys) + 1):
                key = keys[start] if end == start + 1 else ".".join(str(part) for part in keys[start:end])
                inner = self.inner(key)
                if inner is not None:
                    return (key, *inner.written(keys[end:]))
        return ()
