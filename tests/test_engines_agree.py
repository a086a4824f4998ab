"""The compiled engine against the reference engine: the same records, request by request and visit by visit."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from tests.random_networks import bills, events, networks
from twin.engines import compiled
from twin.engines.choice import WORTH_COMPILING, chosen_engine, decide, make_ready
from twin.engines.compiled import is_warm, not_covered, simulate_compiled, warm_up
from twin.engines.compiled.chance import log_survival as kernel_logarithm
from twin.engines.compiled.chance import uniform as kernel_uniform
from twin.engines.compiled.coverage import MOST_ENTRIES
from twin.engines.simpy_engine import simulate_network
from twin.engines.trajectory import Trajectory
from twin.errors import EngineError
from twin.experiment import simulate
from twin.model.events import Crash, Event, Failures, LinkChange, LoadStep
from twin.model.law import Law
from twin.model.logarithm import log_survival
from twin.model.scenario import Scenario
from twin.model.workload import Source
from twin.network import Entry, FunctionPool, Hop, Link, Network, NodePool, Send, Stage, Step
from twin.streams import VISIT_STRIDE, stream_key, uniforms

TOLERANCE = 1e-9


def assert_equal(compiled: Trajectory, reference: Trajectory) -> None:
    """Compare all columns."""
    for field in fields(Trajectory):
        ours, theirs = getattr(compiled, field.name), getattr(reference, field.name)
        np.testing.assert_allclose(ours, theirs, rtol=TOLERANCE, atol=TOLERANCE, equal_nan=True, err_msg=field.name)


def both(network: Network, **arguments: Any) -> tuple[Trajectory, Trajectory]:
    """Run both engines."""
    return simulate_compiled(network, **arguments), simulate_network(network, **arguments)


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_engines_agree_on_random_networks(data: st.DataObject) -> None:
    """Every record of every request is the same, whatever the network holds and whatever happens to it."""
    network = data.draw(networks())
    what_happens = data.draw(events(network))
    requests = data.draw(st.sampled_from([120, 40, 150, 1, None]))
    horizon = data.draw(st.sampled_from([8.0, 0.5, 3] if requests is None else [None, None, 3.0]))
    assert not not_covered(network, what_happens)
    ours, theirs = both(
        network,
        seed=data.draw(st.integers(0, 2**32)),
        replication=data.draw(st.integers(0, 3)),
        requests=requests,
        horizon=horizon,
        events=what_happens,
        billing=data.draw(bills(network)),
    )
    event(f"{len(theirs.arrivals) // 30 * 30} requests or more")
    assert_equal(ours, theirs)


# Worlds made by hand ------------------------------------------------------------------------------------------------

POISSON = {"process": "poisson", "rate": 4.0}


def exponential(mean: float) -> Law:
    """Return an exponential law."""
    return Law(law="exponential", mean=mean)


def constant(seconds: float) -> Law:
    """Return a law without chance."""
    return Law(law="deterministic", mean=seconds)


def step(index: int, station: int, law: Law, *sends: Send, **more: Any) -> Step:
    """Return the only step of component *index*."""
    settings: dict[str, Any] = {"exit_probability": 1.0, "component": index} | more
    return Step(name=f"step {index}", station=station, service_time=law, sends=sends, **settings)


def network(
    stations: list[NodePool | FunctionPool], steps: list[Step], arrivals: dict[str, Any] = POISSON, **more: Any
) -> Network:
    """Return a network of components with one step each, entered at the first."""
    stages = tuple(Stage(name=f"component {i}", steps=(i,), exclusive=True) for i in range(len(steps)))
    source = Source.model_validate({"name": "users", "arrivals": arrivals})
    settings: dict[str, Any] = {"stages": stages, "entries": (Entry(source=source, step=0),)} | more
    return Network(stations=tuple(stations), steps=tuple(steps), **settings)


def nodes(**settings: Any) -> NodePool:
    """Return a pool of FIFO nodes."""
    return NodePool(**({"name": "pool", "nodes": 1, "discipline": "fifo"} | settings))


def diamond(law: Law, *, join_all: bool, **last: Any) -> Network:
    """Return a fork into two branches that meet again."""
    stages = tuple(
        Stage(name=f"component {i}", steps=(i,), exclusive=False, join_all=join_all and i == 3) for i in range(4)
    )
    steps = [
        step(0, 0, law, Send(probability=1.0, step=1), Send(probability=0.7, step=2)),
        step(1, 0, law, Send(probability=1.0, step=3)),
        step(2, 1, law, Send(probability=0.9, step=3)),
        step(3, 1, law),
    ]
    pools: list[NodePool | FunctionPool] = [nodes(cores=2.0), nodes(name="other", **last)]
    return network(pools, steps, {"process": "poisson", "rate": 1.0}, stages=stages, paths=((0, 1, 3), (0, 2, 3)))


BATCHES = {"process": "batch", "rate": 20.0, "size": 5}

WORLDS: dict[str, tuple[Network, tuple[Event, ...]]] = {
    "ties everywhere": (
        network(
            [nodes(cores=2.0, nodes=2, dispatch="round_robin"), nodes(name="ps", discipline="ps")],
            [step(0, 0, constant(0.05), Send(probability=1.0, step=1), replicas=2), step(1, 1, constant(0.05))],
            BATCHES,
        ),
        (),
    ),
    "shares of different size": (
        network(
            [nodes(discipline="ps", cores=2.0, queue_capacity=3)],
            [
                step(0, 0, exponential(0.2), Send(probability=0.6, step=1), computing_units=0.5),
                step(1, 0, exponential(0.3), computing_units=2.0),
            ],
        ),
        (),
    ),
    "shortest queue of replicas, full": (
        network(
            [nodes(nodes=3, dispatch="shortest_queue", queue_capacity=1)], [step(0, 0, exponential(0.8), replicas=3)]
        ),
        (),
    ),
    "crashes and retries": (
        network(
            [nodes(nodes=3, discipline="ps")],
            [step(0, 0, exponential(0.4), replicas=3)],
        ),
        (
            Crash(event="crash", resource="pool", at=1.0, duration=2.0, retries=1),
            Failures(event="failures", resource="pool", time_to_failure=Law(mean=0.3), time_to_repair=Law(mean=0.2)),
        ),
    ),
    "crashes that lose": (
        diamond(exponential(0.2), join_all=True, nodes=2, dispatch="random"),
        (Crash(event="crash", resource="other", at=2.0, duration=30.0, requests="lost"),),
    ),
    "a transfer within a pool": (
        network(
            [nodes(nodes=3)],
            [
                step(
                    0,
                    0,
                    exponential(0.1),
                    Send(probability=1.0, step=1, hop=Hop(link=0, size_mb=0.1, within_pool=True)),
                    replicas=3,
                ),
                step(1, 0, exponential(0.1), replicas=2),
            ],
            links=(Link(name="net", bandwidth_mbit_per_s=20.0, access_delay=0.01),),
        ),
        (),
    ),
    "functions that expire, queue and start cold": (
        network(
            [FunctionPool(name="f", function="f", idle_time=0.3, concurrency_limit=2, on_limit="queue")],
            [
                step(
                    0, 0, exponential(0.2), Send(probability=0.5, step=1), cold_start=Law(law="gamma", mean=0.3, cv=2)
                ),
                step(1, 0, exponential(0.2), cold_service_time=Law(law="lognormal", mean=0.9, cv=0.5)),
            ],
        ),
        (),
    ),
    "a crash of a node with a line": (
        network([nodes(nodes=2)], [step(0, 0, exponential(0.48), replicas=2)]),
        tuple(Crash(event="crash", resource="pool", at=at, duration=3.0, node=0) for at in (50.0, 100.0, 150.0, 200.0)),
    ),
    "branches that meet in one line": (
        network(
            [nodes()],
            [
                step(0, 0, constant(0.01), Send(probability=1.0, step=1), Send(probability=1.0, step=2)),
                step(1, 0, constant(0.05)),
                step(2, 0, exponential(0.06)),
            ],
            stages=tuple(Stage(name=f"component {i}", steps=(i,), exclusive=False) for i in range(3)),
        ),
        (),
    ),
    "a join after a component that runs twice": (
        network(
            [nodes(cores=4.0)],
            [
                step(0, 0, constant(0.1), Send(probability=1.0, step=1), Send(probability=1.0, step=2)),
                step(1, 0, exponential(0.1), Send(probability=1.0, step=3)),
                step(2, 0, exponential(0.1), Send(probability=1.0, step=3)),
                step(3, 0, exponential(0.1), Send(probability=1.0, step=4)),
                step(4, 0, exponential(0.1)),
            ],
            stages=tuple(Stage(name=f"component {i}", steps=(i,), exclusive=False, join_all=i == 4) for i in range(5)),
            paths=((3, 4), (0, 1, 3, 4)),
        ),
        (),
    ),
    "a join that waits": (diamond(Law(law="lognormal", mean=0.2, cv=1.0), join_all=True), ()),
    "branches that do not wait": (diamond(Law(law="gamma", mean=0.2, cv=1.5), join_all=False), ()),
    "ways back": (
        network([nodes()], [step(0, 0, Law(law="lognormal", mean=0.05, cv=1.0), Send(probability=0.7, step=0))]),
        (),
    ),
    "users who wait for answers": (
        network(
            [nodes(queue_capacity=2)],
            [step(0, 0, exponential(0.1))],
            {"process": "closed", "users": 7, "think_time": 0.2},
        ),
        (),
    ),
    "a shared link, cut and widened": (
        network(
            [nodes()],
            [step(0, 0, exponential(0.1))],
            links=(Link(name="net", bandwidth_mbit_per_s=8.0, access_delay=0.01, contention="shared"),),
            entries=(
                Entry(
                    source=Source.model_validate({"name": "users", "arrivals": POISSON}),
                    step=0,
                    hop=Hop(link=0, size_mb=0.2),
                ),
            ),
        ),
        (
            LinkChange(event="link", domain="net", at=2.0, duration=3.0, bandwidth_factor=0.0),
            LinkChange(event="link", domain="net", at=4.0, duration=9.0, bandwidth_factor=3.0, extra_delay=0.2),
        ),
    ),
    "a trace that ends": (
        network(
            [nodes()],
            [step(0, 0, exponential(1.0))],
            {"process": "trace", "file": "t.csv", "times": [0.0, 0.0, 1.0, 1.5]},
        ),
        (LoadStep(event="load", at=0.5, factor=2.0),),
    ),
}
"""One world for each thing an engine must know."""


@pytest.mark.parametrize("name", WORLDS)
def test_engines_agree_on_worlds_made_by_hand(name: str) -> None:
    """Each feature alone, for long enough that all tables of the kernel grow."""
    world, what_happens = WORLDS[name]
    assert_equal(*both(world, seed=4, requests=6000, events=what_happens))


@pytest.mark.parametrize("horizon", [2000.0, 0.001])
def test_engines_agree_on_an_open_end(horizon: float) -> None:
    """Without a number of requests, room for them is made as they come, if any come."""
    world = network([nodes()], [step(0, 0, exponential(0.2))])
    assert_equal(*both(world, seed=1, horizon=horizon))


def test_engines_agree_where_everything_piles_up() -> None:
    """An overloaded network fills the tables of tokens and events."""
    world = network(
        [nodes(discipline="ps"), nodes(name="next")],
        [step(0, 0, exponential(0.1), Send(probability=1.0, step=1)), step(1, 1, exponential(9.0))],
        {"process": "poisson", "rate": 50.0},
    )
    assert_equal(*both(world, seed=2, requests=5000))


def test_visits_need_not_be_kept() -> None:
    """Without records of visits, everything else stays the same."""
    world, what_happens = WORLDS["a join that waits"]
    bare = simulate_compiled(world, seed=3, requests=500, events=what_happens, keep_visits=False)
    full = simulate_compiled(world, seed=3, requests=500, events=what_happens)
    assert not len(bare.visits)
    for name in ("arrivals", "ends", "passages", "lost"):
        np.testing.assert_array_equal(getattr(bare, name), getattr(full, name))


def test_numbers_are_those_of_the_streams() -> None:
    """Inside the kernel, chance is the same to the last bit: one digit decides between simultaneous events."""
    key = stream_key(5, 0, "service/x")
    for first in (0, 10**6, 3 * VISIT_STRIDE + 7):
        drawn = uniforms(key, first, 500)
        assert [kernel_uniform(np.uint64(key), first + i) for i in range(500)] == drawn.tolist()
        assert [kernel_logarithm(u) for u in drawn] == log_survival(drawn).tolist()


def test_the_logarithm_is_right() -> None:
    """The logarithm in arithmetic alone is that of the library, but for the last digits."""
    u = np.concatenate([np.random.default_rng(1).random(10_000), [0.0, 2**-53, 0.5, 1 - 2**-53]])
    np.testing.assert_allclose(log_survival(u), np.log1p(-u), rtol=1e-15)


# Which engine --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("lengths", [{}, {"requests": 0}, {"horizon": -1.0}])
def test_an_endless_or_empty_run_is_refused(lengths: dict[str, Any]) -> None:
    """Like the reference, the compiled engine wants to know when to stop."""
    with pytest.raises(ValueError, match="requests"):
        simulate_compiled(WORLDS["ways back"][0], seed=1, **lengths)


def test_what_is_not_covered_is_refused_by_name() -> None:
    """The compiled engine never approximates."""
    world = WORLDS["ways back"][0]
    crowd = network(list(world.stations), list(world.steps), entries=world.entries * (MOST_ENTRIES + 1))
    assert "sources" in not_covered(crowd)[0]
    with pytest.raises(EngineError, match=r"32768.*simpy"):
        simulate_compiled(crowd, seed=1, requests=1)
    with pytest.raises(EngineError, match="cannot run"):
        chosen_engine("compiled", crowd, (), visits=1)
    assert chosen_engine("auto", crowd, (), visits=1e9) == "simpy"


@pytest.mark.parametrize("warm", [True, False])
def test_auto_decides_by_the_network_and_the_length_alone(monkeypatch: pytest.MonkeyPatch, warm: bool) -> None:
    """A short run is not worth compiling, a long one is; what happens to be compiled does not count."""
    monkeypatch.setattr(compiled, "is_warm", lambda: warm)
    world = WORLDS["ways back"][0]
    assert chosen_engine("auto", world, (), visits=WORTH_COMPILING - 1) == "simpy"
    assert chosen_engine("auto", world, (), visits=WORTH_COMPILING) == "compiled"
    assert chosen_engine("simpy", world, (), visits=1e9) == "simpy"
    with pytest.raises(EngineError, match="did you mean 'compiled'"):
        chosen_engine("compild", world, (), visits=1)


def test_a_decision_says_why() -> None:
    """Whoever asks hears of the length of the run, or of what the engine lacks."""
    world = WORLDS["ways back"][0]
    assert "1,000 visits" in decide("auto", world, (), visits=1000).reason
    assert "asked for" in decide("compiled", world, (), visits=1000).reason
    crowd = network(list(world.stations), list(world.steps), entries=world.entries * (MOST_ENTRIES + 1))
    assert "32768" in decide("auto", crowd, (), visits=1e9).reason


def test_whoever_waits_for_the_compiler_hears_why(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first compiled run says what it waits for, and later ones say nothing."""
    said: list[str] = []
    warmed: list[bool] = []
    monkeypatch.setattr(compiled, "is_warm", lambda: bool(warmed))
    monkeypatch.setattr(compiled, "warm_up", lambda: warmed.append(True))
    for engine in ("simpy", "compiled", "compiled"):
        make_ready(engine, said.append)
    assert (len(said), len(warmed)) == (1, 1)
    assert "compiling" in said[0]


def test_the_compiler_runs_once() -> None:
    """After warming up, the machine code is there."""
    warm_up()
    assert is_warm()


def test_reports_differ_in_nothing_but_the_engine() -> None:
    """The report names the engine that was taken; all its figures are the same."""
    scenario = Scenario.model_validate(
        {
            "name": "s",
            "continuum": {
                "layers": {"edge": {"type": "PhysicalAlreadyProvisioned"}},
                "resources": {"node": {"layer": "edge", "nodes": 2}},
                "domains": {"net": {"bandwidth_mbit_per_s": 100, "layers": ["edge"]}},
            },
            "application": {"components": {"c": {"candidates": {"node": {}}}}},
            "profiles": {"c": {"node": 0.1}},
            "workload": {"sources": {"users": {"entry": "c", "arrivals": {"process": "poisson", "rate": 5}}}},
            "run": {"seed": 3, "requests": 500, "replications": 2},
            "plan": {"placements": {"c": {"resource": "node", "replicas": 2}}},
        }
    )
    reference, ours = (simulate(scenario, engine=engine).document() for engine in ("simpy", "compiled"))
    assert (reference.pop("engine"), ours.pop("engine")) == ("simpy", "compiled")
    assert ours == reference
