"""A token: the place of a request in the network. A fork makes several of one request."""

from __future__ import annotations

from typing import Any

from simpy import Timeout


class Token:
    """Where a request is, and since when. Lives only as long as the request does."""

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
        "timer",
        "visit",
    )

    def __init__(self, request: int) -> None:
        self.request = request
        self.step: Any = None
        self.visit = 0
        self.entered = 0.0
        self.began = 0.0
        self.service = 0.0
        self.node = 0.0
        self.pool_node: Any = None
        self.timer: Timeout | None = None
        self.retries = 0
        self.paths: dict[int, tuple[int, float]] = {}

    def twin(self) -> Token:
        """Return another token of the same request at the same place."""
        other = Token(self.request)
        other.step = self.step
        other.paths = self.paths
        return other
