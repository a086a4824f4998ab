"""Tests of what holds for every run of the SimPy engine, request by request.

The oracles here are brute force: they recompute each response from the arrivals and the work in the records, with other
algorithms than the engine's (no virtual time, no event list).
"""

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from twin.arrivals import arrival_blocks
from twin.engines.simpy_engine import simulate_network
from twin.engines.simpy_engine.draws import Column
from twin.engines.trajectory import COLD, Trajectory
from twin.model.events import Crash, Event, Failures, LinkChange, LoadStep
from twin.model.law import Law
from twin.model.workload import (
    Arrivals,
    Batch,
    Closed,
    Deterministic,
    MarkovModulated,
    MarkovState,
    Piecewise,
    Poisson,
    Renewal,
    Sinusoid,
    Trace,
)
from twin.network import Entry, FunctionPool, Hop, Link, Network, NodePool, Send, Stage, Step
from twin.streams import VISIT_STRIDE, stream, stream_key, uniform, uniforms
from twin.validation.build import deterministic, entry, exponential, node, queue, routed, transfers

GAMMA = Law(law="gamma", mean=1.0, cv=1.2)
FAST = settings(max_examples=40, deadline=None)


def complete(network: Network, seed: int = 1, **fields: Any) -> Trajectory:
    """Run a world of traces until nothing is left."""
    return simulate_network(network, seed=seed, requests=10**9, **fields)


def trace(times: Sequence[float]) -> Trace:
    """Return arrivals at these times."""
    return Trace(process="trace", file="", times=tuple(times))


times = st.lists(st.floats(0, 20, allow_subnormal=False), min_size=1, max_size=40)
seeds = st.integers(0, 2**32)


def by_request(records: Trajectory, column: int) -> np.ndarray:
    """Return a column of the visits in the order of the requests (one visit each)."""
    return records.visits[np.argsort(records.visits[:, 0]), column]


# Brute force ----------------------------------------------------------------------------------------------------------


def line_ends(arrivals: Sequence[float], works: Sequence[float], units: Sequence[float], cores: float) -> list[float]:
    """Return the ends at cores that are taken in the order of arrival."""
    ends: list[float] = []
    start = 0.0
    for i, arrival in enumerate(arrivals):
        start = max(start, arrival)
        while sum(units[j] for j in range(i) if ends[j] > start) + units[i] > cores + 1e-9:
            start = min(ends[j] for j in range(i) if ends[j] > start)
        ends.append(start + works[i])
    return ends


def sharing_ends(
    arrivals: Sequence[float], works: Sequence[float], units: Sequence[float], cores: float
) -> list[float]:
    """Return the ends at cores that all share max-min fairly, by moving from event to event."""
    left = dict[int, float]()
    ends = [float("nan")] * len(arrivals)
    now, following = 0.0, 0
    while following < len(arrivals) or left:
        speeds = {j: granted / units[j] for j, granted in fair_shares({j: units[j] for j in left}, cores).items()}
        finish = min((now + left[j] / speeds[j] for j in left), default=float("inf"))
        arrival = arrivals[following] if following < len(arrivals) else float("inf")
        moment = min(finish, arrival)
        left = {j: work - speeds[j] * (moment - now) for j, work in left.items()}
        now = moment
        if arrival <= finish:
            left[following] = works[following]
            following += 1
        for j in [j for j, work in left.items() if work <= 1e-10]:
            ends[j] = now
            del left[j]
    return ends


def fair_shares(demands: dict[int, float], cores: float) -> dict[int, float]:
    """Return the max-min fair shares by filling up all demands at the same level (water filling)."""
    granted = dict.fromkeys(demands, 0.0)
    open_ = set(demands)
    while open_ and cores > 1e-12:
        level = min(cores / len(open_), min(demands[j] - granted[j] for j in open_))
        for j in open_:
            granted[j] += level
        cores -= level * len(open_)
        open_ = {j for j in open_ if demands[j] - granted[j] > 1e-12}
    return granted


def two_classes(
    station: NodePool, first: Sequence[float], second: Sequence[float], units: tuple[float, float]
) -> Network:
    """Return two traces with containers of different size on one station."""
    return Network(
        stations=(station,),
        steps=tuple(
            Step(name=f"p{i}", component=i, station=0, service_time=GAMMA, computing_units=units[i]) for i in range(2)
        ),
        stages=tuple(Stage(name=f"c{i}", steps=(i,)) for i in range(2)),
        entries=(entry("first", trace(first), 0), entry("second", trace(second), 1)),
    )


@FAST
@given(times, times, seeds, st.sampled_from([1.0, 1.5, 3.0]), st.sampled_from(["fifo", "ps"]))
def test_stations_are_what_brute_force_finds(
    first: list[float], second: list[float], seed: int, cores: float, discipline: str
) -> None:
    """Containers of 0.5 and 1 units in line for the cores, or sharing them."""
    units = (0.5, 1.0)
    records = complete(two_classes(node(discipline=discipline, cores=cores), first, second, units), seed)
    works = by_request(records, 4)
    oracle = line_ends if discipline == "fifo" else sharing_ends
    expected = oracle(records.arrivals, works, [units[source] for source in records.sources], cores)
    assert records.ends == pytest.approx(expected, abs=1e-7)


@FAST
@given(times, st.lists(st.floats(0.01, 5), min_size=2, max_size=2), st.sampled_from(["none", "fifo", "shared"]))
def test_links_are_what_brute_force_finds(arrivals: list[float], sizes: list[float], contention: str) -> None:
    """A link is a station of one core whose work is the transmission; without contention everybody has one."""
    link = Link(name="net", bandwidth_mbit_per_s=8.0, access_delay=0.25, contention=contention)  # type: ignore[arg-type]
    network = transfers(link, sizes, [1.0, 1.0])
    halves = (arrivals[::2], arrivals[1::2])
    entries = tuple(
        Entry(source=entry(f"s{i}", trace(halves[i]), 0).source, step=0, hop=Hop(link=0, size_mb=sizes[i]))
        for i in range(2)
    )
    records = complete(dataclasses.replace(network, entries=entries))
    works = [sizes[source] for source in records.sources]
    ones = [1.0] * len(works)
    expected = {
        "none": lambda: [a + w for a, w in zip(records.arrivals, works, strict=True)],
        "fifo": lambda: line_ends(records.arrivals, works, ones, 1.0),
        "shared": lambda: sharing_ends(records.arrivals, works, ones, 1.0),
    }[contention]()
    assert records.ends - 0.25 == pytest.approx(expected, abs=1e-7)
    assert records.link_mb[0] == pytest.approx(sum(works))


@FAST
@given(times, seeds)
def test_fork_and_join_are_lindleys_recursion(arrivals: list[float], seed: int) -> None:
    """Three branches, each a line of its own; the join ends with the slowest."""
    network = routed(
        [node(cores=1e6), node(), node(), node(), node(cores=1e6)],
        [deterministic(0.0), *[GAMMA] * 3, deterministic(0.5)],
        [[(1, 1.0), (2, 1.0), (3, 1.0)], [(4, 1.0)], [(4, 1.0)], [(4, 1.0)], []],
        trace(arrivals),
        independent=[0],
        joins=[4],
    )
    records = complete(network, seed)
    ones = [1.0] * len(arrivals)
    branches = []
    for step in (1, 2, 3):
        visits = records.visits[records.visits[:, 1] == step]
        works = visits[np.argsort(visits[:, 0]), 4]
        branches.append(line_ends(records.arrivals, works, ones, 1.0))
    assert records.ends - 0.5 == pytest.approx(np.max(branches, axis=0), abs=1e-7)
    assert np.sum(records.visits[:, 1] == 4) == len(arrivals)


@settings(max_examples=200, deadline=None)
@given(times, seeds, st.floats(0.1, 10), st.sampled_from([None, 1, 2]), st.sampled_from(["reject", "queue"]))
def test_functions_are_what_brute_force_finds(
    arrivals: list[float], seed: int, idle_time: float, limit: int | None, on_limit: str
) -> None:
    """Keep all instances in a list and look through it at each arrival."""
    station = FunctionPool(
        name="f",
        function="f",
        idle_time=idle_time,
        concurrency_limit=limit,
        on_limit=on_limit,  # type: ignore[arg-type]
    )
    records = complete(queue(station, GAMMA, trace(arrivals), cold_start=deterministic(0.7)), seed)
    warm = Column(seed, 0, "service/work", GAMMA)
    free_since: list[float] = []  # of each instance, in the order of birth; in the future while it is busy
    expected = []
    for request, arrival in enumerate(records.arrivals):
        start = arrival
        if limit is not None and sum(moment > start for moment in free_since) >= limit:
            if on_limit == "reject":
                expected.append(arrival)
                assert records.lost[request]
                continue
            start = sorted(free_since)[-limit]
        idle = [i for i, moment in enumerate(free_since) if moment <= start < moment + idle_time]
        work = warm.single(request, 0)
        if not idle:
            free_since.append(0.0)
            work += 0.7
        free_since[idle[-1] if idle else -1] = start + work
        expected.append(start + work)
    assert records.ends == pytest.approx(expected, abs=1e-7)


# Laws -----------------------------------------------------------------------------------------------------------------


STATIONS = (
    node(),
    node(cores=2.0),
    node(discipline="ps"),
    node(nodes=3, dispatch="round_robin", discipline="ps", cores=1.5),
    node(nodes=2, dispatch="shortest_queue", queue_capacity=2),
    node(nodes=2, dispatch="random", queue_capacity=1, discipline="ps"),
    FunctionPool(name="node", function="node", idle_time=2.0),
    FunctionPool(name="node", function="node", idle_time=2.0, concurrency_limit=2),
    FunctionPool(name="node", function="node", idle_time=2.0, concurrency_limit=1, on_limit="queue"),
)

ARRIVALS: tuple[Arrivals, ...] = (
    Poisson(rate=1.0),
    Deterministic(process="deterministic", rate=1.0),
    Renewal(process="renewal", gap=Law(law="uniform", mean=1.0, cv=0.5)),
    Piecewise(process="piecewise", times=(0.0, 5.0), rates=(1.0, 0.0), period=7.0),
    Sinusoid(process="sinusoid", rate=1.0, amplitude=1.0, period=5.0),
    MarkovModulated(
        process="markov_modulated", states=(MarkovState(rate=0.0, sojourn=1.0), MarkovState(rate=3.0, sojourn=1.0))
    ),
    Batch(process="batch", rate=1.0, size=3),
    Closed(process="closed", users=3, think_time=exponential(1.0)),
    trace([0.0, 0.0, 1.0, 2.5, 2.5, 9.0]),
)

EVENTS: tuple[Event, ...] = (
    Crash(event="crash", resource="s0", at=3.0, duration=4.0),
    Crash(event="crash", resource="s1", node=0, at=1.0, duration=9.0, requests="lost"),
    Failures(
        event="failures",
        resource="s1",
        time_to_failure=exponential(5.0),
        time_to_repair=exponential(1.0),
        retries=1,
    ),
    LinkChange(event="link", domain="l0", at=2.0, duration=5.0, bandwidth_factor=0.0),
    LinkChange(event="link", domain="l1", at=1.0, duration=8.0, bandwidth_factor=0.25, extra_delay=1.0),
    LoadStep(event="load", at=4.0, factor=2.0),
)

LINKS = (
    Link(name="l0", bandwidth_mbit_per_s=8.0, contention="shared"),
    Link(name="l1", bandwidth_mbit_per_s=8.0, contention="fifo", access_delay=0.1),
    Link(name="l2", bandwidth_mbit_per_s=8.0, access_delay=0.1),
)


@st.composite
def networks(draw: st.DrawFn) -> Network:
    """Draw a small acyclic network: every later stage may follow an earlier one."""
    count = draw(st.integers(1, 5))
    stations = tuple(
        dataclasses.replace(draw(st.sampled_from(STATIONS)), name=f"s{i}") for i in range(draw(st.integers(1, count)))
    )
    placed = [draw(st.integers(0, len(stations) - 1)) for _ in range(count)]
    steps = tuple(_step(draw, i, placed, stations[placed[i]]) for i in range(count))
    stages = tuple(
        Stage(
            name=f"c{i}",
            steps=(i,),
            exclusive=sum(send.probability for send in steps[i].sends) <= 1 and draw(st.booleans()),
            join_all=draw(st.booleans()),
        )
        for i in range(count)
    )
    entries = tuple(
        entry(f"source {i}", draw(st.sampled_from(ARRIVALS)), draw(st.integers(0, count - 1)), _hop(draw, within=False))
        for i in range(draw(st.integers(1, 2)))
    )
    paths = ((0,), (0, 1), (0, 2, 3))[: max(count - 1, 1)]
    return Network(
        stations=stations,
        steps=steps,
        stages=stages,
        entries=entries,
        links=LINKS,
        paths=paths if count > 3 else paths[:1],
    )


def _step(draw: st.DrawFn, index: int, placed: list[int], pool: NodePool | FunctionPool) -> Step:
    sends = []
    for target in range(index + 1, len(placed)):
        if draw(st.booleans()):
            within = placed[target] == placed[index] and isinstance(pool, NodePool)
            probability = draw(st.sampled_from([0.0, 0.3, 0.5, 1.0]))
            sends.append(Send(probability=probability, step=target, hop=_hop(draw, within=within)))
    return Step(
        name=f"p{index}",
        component=index,
        station=placed[index],
        service_time=draw(st.sampled_from([exponential(0.5), deterministic(0.4), deterministic(0.0), GAMMA])),
        replicas=pool.nodes if isinstance(pool, NodePool) else 1,
        computing_units=draw(st.sampled_from([0.5, 1.0])),
        cold_start=exponential(0.5) if isinstance(pool, FunctionPool) else None,
        exit_probability=1.0,
        sends=tuple(sends),
    )


def _hop(draw: st.DrawFn, *, within: bool) -> Hop | None:
    if draw(st.booleans()):
        return None
    return Hop(link=draw(st.integers(0, 2)), size_mb=draw(st.sampled_from([0.0, 0.2, 1.0])), within_pool=within)


@settings(max_examples=150, deadline=None)
@given(networks(), st.lists(st.sampled_from(EVENTS), unique=True), seeds, st.sampled_from([None, 5.0, 40.0]))
def test_no_request_is_forgotten(network: Network, events: list[Event], seed: int, horizon: float | None) -> None:
    """In any network, whatever happens: times are in order and every request is done, lost or still there."""
    records = simulate_network(network, seed=seed, requests=60, horizon=horizon, events=events)
    ended = ~np.isnan(records.ends)
    assert len(records.arrivals) <= 60
    assert len(records.arrivals) == np.sum(ended & ~records.lost) + np.sum(ended & records.lost) + np.sum(~ended)
    assert np.all(np.diff(records.arrivals) >= 0)
    assert np.all(records.ends[ended] >= records.arrivals[ended] - 1e-12)
    assert np.all(records.ends[ended] <= records.horizon + 1e-9)
    _check_visits(network, records)
    assert np.all(records.passages[:, 2] <= records.passages[:, 3])
    assert np.all(records.node_seconds_down >= 0)


def _check_visits(network: Network, records: Trajectory) -> None:
    request, step, start, end, work, _ = records.visits.T
    requests = request.astype(int)
    assert np.all(end - start >= work - 1e-9), "a response is never shorter than its work"
    assert np.all(start >= records.arrivals[requests] - 1e-12)
    finished = ~np.isnan(records.ends[requests])
    assert np.all(end[finished] <= records.ends[requests][finished] + 1e-9)
    assert np.all(np.isin(step, range(len(network.steps))))


@settings(max_examples=100, deadline=None)
@given(networks(), st.lists(st.sampled_from(EVENTS[:5]), unique=True), seeds, times)
def test_every_request_ends(network: Network, events: list[Event], seed: int, arrivals: list[float]) -> None:
    """A finite world runs dry: no join waits for ever, no request stays stranded, no line is forgotten."""
    entries = (dataclasses.replace(network.entries[0], source=entry("trace", trace(arrivals), 0).source),)
    records = complete(dataclasses.replace(network, entries=entries), seed, events=events)
    assert len(records.arrivals) == len(arrivals)
    assert not np.isnan(records.ends).any()
    assert records.horizon == records.ends.max()


@FAST
@given(networks(), st.lists(st.sampled_from(EVENTS), unique=True), seeds)
def test_equal_arguments_give_equal_records(network: Network, events: list[Event], seed: int) -> None:
    """Byte for byte."""
    first, second = (simulate_network(network, seed=seed, requests=50, events=events) for _ in range(2))
    for field in dataclasses.fields(Trajectory):
        assert np.array(getattr(first, field.name)).tobytes() == np.array(getattr(second, field.name)).tobytes()


def test_replications_and_seeds_differ() -> None:
    """Each has arrivals and work of its own."""
    network = queue(node(), GAMMA, 0.5)
    runs = [
        simulate_network(network, seed=seed, replication=replication, requests=100)
        for seed, replication in ((1, 0), (1, 1), (2, 0))
    ]
    assert len({float(run.arrivals[0]) for run in runs}) == 3
    assert len({float(run.visits[0, 4]) for run in runs}) == 3


def test_littles_law_and_the_utilisation_law() -> None:
    """Mean number = rate × mean response; busy cores = rate × mean work, within the noise of the ends of a run."""
    records = simulate_network(queue(node(cores=2.0), GAMMA, 1.4), seed=5, requests=100_000)
    ended = ~np.isnan(records.ends)
    rate = len(records.arrivals) / records.horizon
    moments = np.linspace(0, records.horizon, 200_001)
    number = np.searchsorted(records.arrivals, moments) - np.searchsorted(np.sort(records.ends[ended]), moments)
    response = float(np.mean((records.ends - records.arrivals)[ended]))
    assert number.mean() == pytest.approx(rate * response, rel=0.01)
    assert records.visits[:, 4].sum() / records.horizon == pytest.approx(rate * GAMMA.expectation, rel=0.01)


# Common random numbers ------------------------------------------------------------------------------------------------


@FAST
@given(times, seeds, st.sampled_from([1.0, 2.0]), st.sampled_from(["fifo", "ps"]))
def test_another_core_never_slows_a_request(arrivals: list[float], seed: int, cores: float, discipline: str) -> None:
    """With common random numbers this holds request by request (Kiefer and Wolfowitz 1955 for the line)."""
    few, more = (
        complete(queue(node(cores=count, discipline=discipline), GAMMA, trace(arrivals)), seed).ends
        for count in (cores, cores + 1)
    )
    assert np.all(more <= few + 1e-9)


@FAST
@given(times, seeds, st.floats(0.1, 1.0))
def test_a_faster_device_never_slows_a_request(arrivals: list[float], seed: int, factor: float) -> None:
    """Scaled work is the same draw, scaled; in a line and a tandem everybody ends earlier."""
    slow, fast = (
        complete(routed([node(), node()], [law, law], [[(1, 1.0)], []], trace(arrivals)), seed).ends
        for law in (GAMMA, GAMMA.scaled(factor))
    )
    assert np.all(fast <= slow + 1e-9)


def test_a_request_brings_the_same_work_to_any_plan() -> None:
    """Stations, dispatch and branches before it do not change what it draws at a step, or which branch it takes."""
    routing: list[list[tuple[int, float]]] = [[(1, 0.5), (2, 0.3)], [(2, 0.5)], []]
    plans = [
        [node(), node(), node()],
        [node(discipline="ps"), node(nodes=2), node(nodes=3, dispatch="shortest_queue")],
    ]
    fates = []
    for stations in plans:
        records = simulate_network(routed(stations, [GAMMA] * 3, routing, 0.4), seed=3, requests=2000)
        fates.append({(int(row[0]), int(row[1])): float(row[4]) for row in records.visits if row[0] < 1900})
    assert fates[0] == fates[1]


def test_work_and_coins_of_a_fork_are_those_of_a_chain() -> None:
    """A network that tracks its tokens draws the same numbers as one that need not."""
    chain = routed([node(cores=99.0)] * 2, [GAMMA] * 2, [[(1, 1.0)], []], 1.0)
    fork = routed([node(cores=99.0)] * 3, [GAMMA] * 3, [[(1, 1.0), (2, 1.0)], [], []], 1.0, independent=[0])
    works = []
    for network in (chain, fork):
        visits = simulate_network(network, seed=1, requests=500).visits
        works.append({(int(row[0]), int(row[1])): float(row[4]) for row in visits if row[1] < 2 and row[0] < 450})
    assert works[0] == works[1]


def test_random_dispatch_is_even_and_follows_the_request() -> None:
    """A third of the requests to each node; the same request to the same node whatever the discipline."""
    nodes = []
    for discipline in ("fifo", "ps"):
        records = simulate_network(queue(node(nodes=3, discipline=discipline), GAMMA, 1.0), seed=1, requests=6000)
        nodes.append({int(row[0]): int(row[5]) for row in records.visits if row[0] < 5900})
    assert nodes[0] == nodes[1]
    shares = np.bincount(list(nodes[0].values())) / len(nodes[0])
    assert shares == pytest.approx([1 / 3] * 3, abs=0.03)


@given(seeds, st.integers(0, 10**6), st.integers(0, 5000))
def test_streams_are_addressable(seed: int, request: int, visit: int) -> None:
    """One number alone is the one in its block, also for visits far out."""
    key = stream_key(seed, 0, "service/x")
    index = request + visit * VISIT_STRIDE
    block = uniforms(key, index, 3)
    assert block.tolist() == [uniform(key, index + i) for i in range(3)]
    assert np.all((block >= 0) & (block < 1))


@given(seeds, st.integers(0, 10_001), st.integers(0, 3))
def test_columns_hold_the_numbers_of_their_stream(seed: int, request: int, visit: int) -> None:
    """However they are read: reserved, by page, or one alone."""
    column = Column(seed, 0, "service/x", GAMMA)
    column.reserve(5001)
    column.reserve(10_002)
    expected = column.single(request, visit)
    assert column.later(request, visit) == pytest.approx(expected, rel=1e-12)


def test_streams_are_uniform_and_independent() -> None:
    """Chi-square over 64 classes and correlations between names, replications and neighbours."""
    columns = [uniforms(stream_key(1, r, name), 0, 100_000) for r, name in ((0, "a"), (0, "b"), (1, "a"))]
    for column in columns:
        counts = np.bincount((column * 64).astype(int), minlength=64)
        assert np.sum((counts - 100_000 / 64) ** 2) / (100_000 / 64) < 120
        assert abs(np.corrcoef(column[:-1], column[1:])[0, 1]) < 0.015
    assert np.all(np.abs(np.corrcoef(columns) - np.eye(3)) < 0.015)


# Arrivals -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("process", ARRIVALS[:7], ids=lambda process: str(process.process))
def test_arrivals_increase_at_the_mean_rate(process: Arrivals) -> None:
    """Over 20 blocks times never go back and come at the rate of the process."""
    blocks = arrival_blocks(process, stream(1, 0, "arrivals"))
    moments = np.concatenate([next(blocks) for _ in range(20)])
    assert np.all(np.diff(moments) >= 0)
    rate = 5 / 7 if process.process == "piecewise" else 1.5 if process.process == "markov_modulated" else 1.0
    assert len(moments) / moments[-1] == pytest.approx(rate, rel=0.05)


def test_piecewise_arrivals_keep_out_of_pieces_without_rate() -> None:
    """Also at the seams, and after many periods."""
    process = Piecewise(process="piecewise", times=(0.0, 1.0, 2.0, 3.0), rates=(0.0, 5.0, 0.0, 2.0), period=4.0)
    blocks = arrival_blocks(process, stream(1, 0, "arrivals"))
    phases = np.concatenate([next(blocks) for _ in range(20)]) % 4.0
    assert np.all(((phases >= 1 - 1e-6) & (phases < 2 + 1e-6)) | (phases >= 3 - 1e-6) | (phases < 1e-6))


def test_piecewise_arrivals_without_a_period_hold_their_last_rate() -> None:
    """The last piece goes on for ever."""
    process = Piecewise(process="piecewise", times=(0.0, 10.0), rates=(50.0, 2.0))
    blocks = arrival_blocks(process, stream(1, 0, "arrivals"))
    moments = np.concatenate([next(blocks) for _ in range(5)])
    assert np.sum(moments < 10) == pytest.approx(500, rel=0.15)
    late = moments[moments >= 10]
    assert len(late) / (late[-1] - 10) == pytest.approx(2.0, rel=0.05)


def test_modulation_begins_in_a_stationary_state() -> None:
    """A state of 99 % of the time is the first one 99 times in a hundred."""
    states = (MarkovState(rate=0.001, sojourn=1.0), MarkovState(rate=100.0, sojourn=99.0))
    process = MarkovModulated(process="markov_modulated", states=states)
    firsts = [float(next(arrival_blocks(process, stream(seed, 0, "a")))[0]) for seed in range(100)]
    assert np.mean(np.array(firsts) < 0.1) > 0.9


def test_geometric_batches_have_their_mean_and_come_together() -> None:
    """Requests of a batch share their moment."""
    blocks = arrival_blocks(Batch(process="batch", rate=1.0, size=4, sizes="geometric"), stream(1, 0, "arrivals"))
    _, sizes = np.unique(next(blocks), return_counts=True)
    assert sizes.mean() == pytest.approx(4.0, rel=0.1)
    assert np.mean(sizes == 1) == pytest.approx(0.25, abs=0.03)


def test_cold_starts_are_marked() -> None:
    """Each instance is born once: the first request is always cold."""
    records = simulate_network(queue(STATIONS[6], GAMMA, 1.0), seed=1, requests=100)
    assert records.visits[np.argmin(records.visits[:, 0]), 5] == COLD
