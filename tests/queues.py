"""Queues that need no engine: the recursion of waiting times (D. V. Lindley 1952), begun in the steady state."""

from __future__ import annotations

import numpy as np

from twin.statistics import FloatArray


def response_times(requests: int, load: float, rng: np.random.Generator) -> FloatArray:
    """Return the response times of an M/M/1 queue whose arrival rate is 1; their mean is load / (1 - load)."""
    services, gaps = rng.exponential(load, requests), rng.exponential(1.0, requests)
    first = rng.exponential(load / (1 - load)) if rng.random() < load else 0.0
    walk = first + np.concatenate([[0.0], np.cumsum(services - gaps)[:-1]])
    times: FloatArray = walk - np.minimum(np.minimum.accumulate(walk), 0.0) + services
    return times
