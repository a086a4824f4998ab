"""A token: the place of a request in the network. A fork makes several of one request."""

from __future__ import annotations

from typing import Any

NO_PATHS: dict[int, tuple[int, float]] = {}
"""The paths of a token that is on none; paths are replaced, never changed."""


class Token:
    """Where a request is, and since when. Lives only as long as the request does."""

    step: Any
    entered: float
    began: float
    service: float
    node: float
    switches: int

    __slots__ = (
        "began",
        "entered",
        "node",
        "paths",
        "pool_node",
        "request",
        "retries",
        "service",
        "step",
        "switches",
        "visit",
    )

    def __init__(self, request: int) -> None:
        self.request = request
        self.visit = 0
        self.pool_node: Any = None
        self.retries = 0
        self.paths = NO_PATHS

    def twin(self) -> Token:
        """Return another token of the same request at the same place."""
        other = Token(self.request)
        other.step = self.step
        other.paths = self.paths
        return other
