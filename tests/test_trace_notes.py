"""Traces that look incomplete run, and the report says what is odd about them; those that cannot be are refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from twin.errors import ScenarioError
from twin.formats.reading import Loaded, read_scenario

SCENARIO = """
name: door
continuum:
  layers: {cloud: {type: Virtual}}
  domains: {net: {layers: [cloud], bandwidth_mbit_per_s: 100}}
  resources: {vm: {layer: cloud}}
application: {components: {c: {candidates: [vm], container: {}}}}
profiles: {c: {vm: 0.1}}
workload: {sources: {door: {arrivals: {process: trace, file: times.csv}}}}
plan: {c: vm}
run: {horizon: 1000}
"""

Read = Callable[[object], Loaded]


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """Return what reads the scenario with these rows as its trace."""

    def load(rows: object) -> Loaded:
        assert isinstance(rows, list)
        (tmp_path / "scenario.yaml").write_text(SCENARIO)
        (tmp_path / "times.csv").write_text("\n".join(map(str, ["time", *rows])))
        return read_scenario(tmp_path)

    return load


def test_an_ordinary_trace_needs_no_word(read: Read) -> None:
    """Independent gaps, whatever the longest of them."""
    times = np.cumsum(np.random.default_rng(1).exponential(0.1, 10_000))
    assert read(list(times)).notes == ()


@pytest.mark.parametrize(
    ("rows", "note"),
    [
        ([*range(300), *range(700, 1000)], "nothing arrives for 401 s after 299 s, 401 usual gaps"),
        ([*range(500), 499, *range(500, 1000)], "arrivals at the time of the one before: 1; are rows doubled?"),
        ([*range(500)], "the last arrival is at 499 s, well before the end of the run at 1000 s"),
    ],
)
def test_what_is_odd_is_told(rows: list[int], note: str, read: Read) -> None:
    """A gap, doubled rows, an early end: the note names source and file."""
    (found,) = read(rows).notes
    assert note in found
    assert found.startswith("source door, times.csv: ")


def test_what_cannot_be_is_refused_at_once(read: Read) -> None:
    """Negative times, empty cells and words, each with its row."""
    with pytest.raises(ScenarioError) as caught:
        read([1, -2, ",b", "noon", 3])
    message = str(caught.value)
    for part in ("3 problems", "row 3: must be at least 0 seconds, got -2", "row 4: expected a number", "'noon'"):
        assert part in message
