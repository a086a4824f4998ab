"""The chance that requests bring along, laid out in arrays that grow with the number of requests."""

from __future__ import annotations

import numpy as np

from twin.model.law import Law
from twin.streams import VISIT_STRIDE, FloatArray, stream_key, uniform, uniforms

PAGE = 1024
"""Requests per page of second and later visits."""


class Column:
    """The numbers of one stream, one per request (and visit), optionally turned into times by a law."""

    def __init__(self, seed: int, replication: int, name: str, law: Law | None = None) -> None:
        self.key = stream_key(seed, replication, name)
        self.law = law
        self.first: memoryview = np.empty(0).data
        self.pages: dict[int, memoryview] = {}

    def reserve(self, capacity: int) -> None:
        """Hold the numbers of first visits for requests 0 … *capacity* - 1."""
        have = len(self.first)
        fresh = self._numbers(have, capacity - have)
        self.first = np.concatenate([np.asarray(self.first), fresh]).data

    def later(self, request: int, visit: int) -> float:
        """Return the number of *request* at its *visit* (0 is the first)."""
        if visit == 0:
            return float(self.first[request])
        index = request + visit * VISIT_STRIDE
        page, offset = divmod(index, PAGE)
        numbers = self.pages.get(page)
        if numbers is None:
            numbers = self.pages[page] = self._numbers(page * PAGE, PAGE).data
        return float(numbers[offset])

    def single(self, request: int, visit: int) -> float:
        """Return one number without keeping its neighbours: for rare draws."""
        u = uniform(self.key, request + visit * VISIT_STRIDE)
        return u if self.law is None else float(self.law.quantiles(np.array([u]))[0])

    def _numbers(self, first: int, count: int) -> FloatArray:
        u = uniforms(self.key, first, count)
        return u if self.law is None else self.law.quantiles(u)
