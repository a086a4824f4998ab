"""Long runs: records come in pieces, figures are those of all records, and memory does not grow."""

from __future__ import annotations

from dataclasses import fields
from math import isclose
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal

from tests.random_networks import bills, events, networks
from tests.samples import TANDEM, on_function, sample_scenario
from twin import experiment, tally
from twin.compilation import compile_network
from twin.engines.compiled import pieces, simulate_compiled
from twin.engines.compiled.simulation import CompiledRun
from twin.engines.simpy_engine import simulate_network
from twin.engines.simpy_engine import simulation as simpy_simulation
from twin.engines.trajectory import Piece, Trajectory
from twin.experiment import simulate
from twin.model.scenario import Scenario
from twin.network import Network

LIMITS = {
    "constraints": [
        {"kind": "response", "limit": 0.6, "share_above": 0.2},
        {"kind": "response", "limit": 0.9, "percentile": 95.0},
        {"kind": "response", "limit": 0.4},
        {"kind": "local", "component": "detect", "limit": 0.3, "share_above": 0.1},
    ]
}
ALONG = {
    "constraints": [
        *LIMITS["constraints"],
        {"kind": "global", "path": ["detect", "track"], "limit": 0.5, "percentile": 90.0},
        {"kind": "local", "component": "track", "limit": 0.2},
    ]
}


class Collected:
    """A sink that keeps everything."""

    def __init__(self) -> None:
        self.pieces: list[dict[str, np.ndarray]] = []
        self.following = 0

    def take(self, piece: Piece) -> None:
        """Copy a piece; requests must follow each other."""
        assert piece.first == self.following
        self.following += len(piece.ends)
        names = ("ends", "lost", "sources", "visits", "executions", "passages")
        copies = {name: getattr(piece, name).copy() for name in names}
        self.pieces.append({"arrivals": piece.arrivals[: len(piece.ends)].copy(), **copies})

    def column(self, name: str) -> np.ndarray:
        """Return a column of all pieces."""
        return np.concatenate([piece[name] for piece in self.pieces])


@pytest.fixture
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let pieces be so small that a short run has many."""
    monkeypatch.setattr(pieces, "REQUESTS", 16)
    monkeypatch.setattr(pieces, "ROWS", 24)
    monkeypatch.setattr(simpy_simulation, "FIRST_RESERVE", 16)
    monkeypatch.setattr(simpy_simulation, "PIECE", 16)
    monkeypatch.setattr(tally, "WARM_UP_REQUESTS", 200)


@pytest.fixture
def long_runs(small_pieces: None, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: ARG001
    """Let every run be measured while it runs."""
    monkeypatch.setattr(experiment, "MOST_KEPT", 0)


def assert_whole(sink: Collected, rest: Trajectory, reference: Trajectory) -> None:
    """Compare all pieces together with the records of a run that kept them."""
    for field in fields(Trajectory):
        expected = getattr(reference, field.name)
        if field.name in sink.pieces[0]:
            assert not len(getattr(rest, field.name))
            np.testing.assert_array_equal(sink.column(field.name), expected, err_msg=field.name)
        else:
            np.testing.assert_array_equal(getattr(rest, field.name), expected, err_msg=field.name)


@pytest.mark.usefixtures("small_pieces")
@settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_pieces_make_the_whole(data: st.DataObject) -> None:
    """Whatever the network holds and whatever happens to it, both engines hand over every record once, unchanged."""
    network = data.draw(networks())
    engine = data.draw(st.sampled_from([simulate_compiled, simulate_compiled, simulate_network]))
    arguments: dict[str, Any] = {
        "seed": data.draw(st.integers(0, 2**32)),
        "requests": data.draw(st.sampled_from([150, 400, None])),
        "events": data.draw(events(network)),
        "billing": data.draw(bills(network)),
    }
    if arguments["requests"] is None:
        arguments["horizon"] = 8.0
    sink = Collected()
    rest = engine(network, **arguments, sink=sink)
    assert_whole(sink, rest, engine(network, **arguments))


# -- figures --------------------------------------------------------------------------------------------------------

WORLDS: dict[str, tuple[dict[str, Any], ...]] = {
    "one": (LIMITS,),
    "tandem": (TANDEM, ALONG),
    "shared": ({"continuum": {"resources": {"Edge": {"discipline": "ps", "cores": 2}}}}, LIMITS),
    "function": (on_function(idle_time=0.5, cost_per_hour=1.0), LIMITS),
    "lossy": ({"continuum": {"resources": {"Edge": {"queue_capacity": 2}}}}, LIMITS),
    "overloaded": ({"profiles": {"detect": {"Edge": 0.3}}}, LIMITS),
    "horizon": ({"run": {"requests": None, "horizon": 300}}, LIMITS),
    "warm-up": ({"run": {"warm_up": 60.0}}, LIMITS),
    "found warm-up": ({"run": {"warm_up": "auto"}}, LIMITS),
    "split": (
        {
            "application": {
                "components": {
                    "detect": {
                        "deployments": {
                            "halves": {"partitions": {p: {"candidates": ["Edge"]} for p in ("one", "two")}}
                        },
                        "candidates": None,
                    }
                }
            },
            "profiles": {"detect": None, "one": {"Edge": 0.05}, "two": {"Edge": 0.05}},
            "plan": {"detect": None, "one": "Edge", "two": "Edge"},
        },
        LIMITS,
    ),
}


def world(name: str, requests: int = 1500) -> Scenario:
    """Return a scenario with that many requests."""
    return sample_scenario({"run": {"requests": requests, "replications": 1}}, *WORLDS[name])


def assert_close(ours: Any, theirs: Any, *, where: str) -> None:
    """Compare documents: quantiles to the error of sketches, the growth of a backlog roughly, all else exactly."""
    if isinstance(theirs, dict):
        assert set(ours) == set(theirs), where
        for key, value in theirs.items():
            assert_close(ours[key], value, where=f"{where}.{key}")
    elif isinstance(theirs, list):
        assert len(ours) == len(theirs), where
        for i, value in enumerate(theirs):
            assert_close(ours[i], value, where=f"{where}.{i}")
    elif isinstance(theirs, float) and isinstance(ours, float):
        quantile = any(f".p{level}" in where for level in (50, 95, 99)) or where.endswith(".value")
        tolerance = 0.2 if "backlog" in where else 2.0**-11 if quantile else 1e-9
        assert isclose(ours, theirs, rel_tol=tolerance, abs_tol=1e-9), (where, ours, theirs)
    else:
        assert ours == theirs, (where, ours, theirs)


@pytest.mark.usefixtures("small_pieces")
@pytest.mark.parametrize("name", WORLDS)
def test_figures_are_those_of_all_records(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A report measured in pieces is the report of kept records, quantiles apart; and it states their error."""
    monkeypatch.setattr(tally, "WARM_UP_REQUESTS", 10_000)
    scenario = world(name)
    kept = simulate(scenario, engine="compiled").document()
    monkeypatch.setattr(experiment, "MOST_KEPT", 0)
    for engine in ("compiled", "simpy"):
        streamed = simulate(scenario, engine=engine).document()
        assert streamed.pop("quantiles") == {"method": "sketch", "relative_error": 2.0**-12}
        assert "quantiles" not in kept
        assert_close(streamed, kept | {"engine": engine}, where="report")


@pytest.mark.usefixtures("long_runs")
def test_the_warm_up_is_found_in_the_first_requests() -> None:
    """It ends before half of those in which it is looked for, and what comes before does not count."""
    report = simulate(world("found warm-up", 3000), engine="compiled").figures
    first = compile_network(world("found warm-up"), world("found warm-up").plan)
    arrivals = simulate_compiled(first, seed=1, requests=200).arrivals
    assert 0 <= report["warm_up"]["mean"] <= arrivals[130]


def test_only_long_runs_are_measured_in_pieces() -> None:
    """The length that decides is that of one replication, its visits included."""
    network = compile_network(world("tandem"), world("tandem").plan)
    assert not experiment.is_long(world("tandem", experiment.MOST_KEPT // 4), network)
    assert experiment.is_long(world("tandem", experiment.MOST_KEPT // 2), network)


# -- memory ---------------------------------------------------------------------------------------------------------


def bytes_after(network: Network, requests: int) -> int:
    """Return how large all tables of a run in pieces are at its end."""
    run = CompiledRun(network, 1, 0, (), {}, Collected())
    run.open(requests, None, keep_visits=True)
    run.finished()
    return sum(table.nbytes for table in run.memory.tables.values())


@pytest.mark.usefixtures("small_pieces")
@pytest.mark.parametrize("name", ["tandem", "shared", "function"])
def test_tables_do_not_grow_with_the_run(name: str) -> None:
    """Five times as many requests need no more room, numbers from outside the kernel included."""
    law = {"mean": 0.1, "law": "gamma", "cv": 1.5}
    change: dict[str, Any] = {"profiles": {"detect": {"Lambda": {"service_time": law, "cold_service_time": law}}}}
    scenario = sample_scenario(*WORLDS[name], *([change] if name == "function" else []))
    network = compile_network(scenario, scenario.plan)
    assert bytes_after(network, 100_000) <= bytes_after(network, 20_000) * 1.1


# -- files ----------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("small_pieces")
@pytest.mark.parametrize("engine", ["compiled", "simpy"])
def test_files_hold_the_records_of_long_runs(engine: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Written piece by piece they are the same as written at once."""
    scenario = world("tandem", 700)
    simulate(scenario, engine=engine, records=tmp_path / "kept")
    monkeypatch.setattr(experiment, "MOST_KEPT", 0)
    simulate(scenario, engine=engine, records=tmp_path / "pieces")
    for file in ("requests.parquet", "visits.parquet"):
        kept, streamed = (pq.read_table(tmp_path / way / "replication-000" / file) for way in ("kept", "pieces"))
        assert kept.num_rows >= 690
        assert_frame_equal(streamed.to_pandas(), kept.to_pandas())
