"""Tests that the closed forms of whole networks are right, and called exact only where they are.

Small networks are computed by hand; the oracles of larger ones are SPACE4AI's shipped solutions and the reference
engine.
"""

import math
from pathlib import Path

import numpy as np
import pytest

from twin.compilation import compile_network
from twin.engines.closed_form import ClosedForm, solve_network
from twin.engines.closed_form.classes import QueueClass, mixture
from twin.engines.queueing import erlang_b, faas_chain, mg1_waiting_time, mmc_response_time, mmck, mva
from twin.engines.simpy_engine import simulate_network
from twin.errors import EngineError
from twin.formats.space4ai import load_solution, load_system, solution_figures
from twin.model.law import Law
from twin.model.plan import Plan
from twin.model.workload import (
    Arrivals,
    Batch,
    Closed,
    Deterministic,
    Piecewise,
    Poisson,
    Renewal,
    Sinusoid,
    Source,
    Trace,
)
from twin.network import Entry, FunctionPool, Hop, Link, Network, NodePool, Send, Stage, Step

SHARED = Path(__file__).resolve().parents[2] / "shared"
SOLUTIONS = sorted((SHARED / "data" / "space4ai").glob("*/*/*/best_sol_1.8.json"))


def exponential(mean: float) -> Law:
    """Return an exponential law."""
    return Law(law="exponential", mean=mean)


def constant(mean: float) -> Law:
    """Return a deterministic law."""
    return Law(law="deterministic", mean=mean)


def entry(arrivals: Arrivals | float, step: int = 0, hop: Hop | None = None) -> Entry:
    """Return an entry; a number is the rate of a Poisson process."""
    process = Poisson(rate=arrivals) if isinstance(arrivals, float) else arrivals
    return Entry(source=Source(name=f"source{step}", arrivals=process), step=step, hop=hop)


def step(station: int, law: Law, *sends: Send, component: int = 0, **changes: object) -> Step:
    """Return a step that is a stage of its own unless *component* says otherwise."""
    values = {"name": f"p{component}", "component": component, "station": station, "service_time": law, "sends": sends}
    return Step(**{**values, **changes})  # type: ignore[arg-type]


def tandem(
    stations: tuple[NodePool | FunctionPool, ...],
    *laws: Law,
    arrivals: Arrivals | float = 1.0,
    links: tuple[Link, ...] = (),
    hop: Hop | None = None,
    **changes: object,
) -> Network:
    """Return stages in a row, stage i with law i at station i (the last station serves all that are left)."""
    steps = tuple(
        step(
            min(i, len(stations) - 1),
            law,
            *([Send(probability=1.0, step=i + 1, hop=hop)] if i + 1 < len(laws) else []),
            component=i,
            **changes,
        )
        for i, law in enumerate(laws)
    )
    stages = tuple(Stage(name=f"c{i}", steps=(i,)) for i in range(len(laws)))
    return Network(
        stations=stations,
        steps=steps,
        stages=stages,
        entries=(entry(arrivals),),
        links=links,
        paths=(tuple(range(len(laws))),),
    )


def fifo(servers: float = 1.0, **changes: object) -> NodePool:
    """Return one node with a queue."""
    return NodePool(**{"name": "line", "nodes": 1, "cores": servers, "discipline": "fifo", **changes})  # type: ignore[arg-type]


def sharing(cores: float = 1.0, **changes: object) -> NodePool:
    """Return one node with shared cores."""
    return NodePool(**{"name": "node", "nodes": 1, "cores": cores, **changes})  # type: ignore[arg-type]


def function(**changes: object) -> FunctionPool:
    """Return a cloud function."""
    return FunctionPool(**{"name": "function", "function": "function", "idle_time": 60.0, **changes})  # type: ignore[arg-type]


# One queue ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("law", [exponential(0.5), constant(0.5), Law(law="gamma", mean=0.5, cv=3.0)])
def test_processor_sharing_is_insensitive(law: Law) -> None:
    """S / (1 - U) for every law with the same mean: 0.5 / (1 - 0.6), with 1.5 present at 60 % utilisation."""
    form = solve_network(tandem((sharing(),), law, arrivals=1.2))
    assert form.response_time == pytest.approx(1.25)
    assert form.stations[0].utilisation == pytest.approx(0.6)
    assert form.stations[0].mean_number == pytest.approx(1.5)
    assert form.steps[0].waiting_time == pytest.approx(0.75)
    assert form.exact


def test_a_queue_with_several_servers_is_mmc() -> None:
    """Servers are the whole containers that fit the cores of a node; replicas split the flow."""
    network = tandem((fifo(7.0, nodes=2),), exponential(1.0), arrivals=4.0, replicas=2, computing_units=2.0)
    form = solve_network(network)
    assert form.response_time == pytest.approx(mmc_response_time(2.0, 1.0, 3))
    assert form.stations[0].utilisation == pytest.approx(2.0 * 4.0 / 14.0)
    assert form.exact


def test_quantiles_of_a_single_mm1_queue_are_exact() -> None:
    """The response time of M/M/1 is exponential with rate mu - lambda; a constant transfer shifts it."""
    network = tandem((fifo(),), exponential(0.5), arrivals=1.0)
    quantile = solve_network(network).response_time_quantile(0.95)
    assert quantile == pytest.approx(-math.log(0.05))
    link = Link(name="lan", bandwidth_mbit_per_s=8.0, access_delay=0.1)
    behind = Network(
        stations=network.stations,
        steps=network.steps,
        stages=network.stages,
        entries=(entry(1.0, hop=Hop(link=0, size_mb=2.0)),),
        links=(link,),
    )
    assert solve_network(behind).response_time_quantile(0.95) == pytest.approx(2.1 - math.log(0.05))


@pytest.mark.parametrize(
    "network",
    [
        tandem((sharing(),), exponential(0.5)),
        tandem((fifo(),), constant(0.5)),
        tandem((fifo(), fifo()), exponential(0.1), exponential(0.1)),
        tandem((fifo(),), exponential(0.5), arrivals=Deterministic(process="deterministic", rate=1.0)),
        tandem((fifo(queue_capacity=3),), exponential(0.5)),
        Network(
            stations=(fifo(),),
            steps=(step(0, exponential(0.5)),),
            stages=(Stage(name="a", steps=(0,)),),
            entries=(entry(1.0, hop=Hop(link=0, size_mb=1.0)),),
            links=(Link(name="wan", bandwidth_mbit_per_s=80.0, contention="shared"),),
        ),
    ],
)
def test_other_quantiles_are_not_invented(network: Network) -> None:
    """Without an exact law there is no quantile."""
    assert solve_network(network).response_time_quantile(0.5) is None


def test_one_server_mixes_its_classes() -> None:
    """Pollaczek-Khinchine by hand: 1.0/s of constant 0.5 s and 0.5/s of exponential 0.2 s."""
    network = Network(
        stations=(fifo(),),
        steps=(step(0, constant(0.5)), step(0, exponential(0.2), component=1)),
        stages=(Stage(name="a", steps=(0,)), Stage(name="b", steps=(1,))),
        entries=(entry(1.0), entry(0.5, 1)),
    )
    form = solve_network(network)
    wait = (1.0 * 0.25 + 0.5 * 0.08) / 2.0 / (1.0 - 0.6)
    assert [stage.response_time for stage in form.stages] == pytest.approx([wait + 0.5, wait + 0.2])
    assert form.entry_response_times == pytest.approx((wait + 0.5, wait + 0.2))
    assert form.response_time == pytest.approx(wait + (0.5 + 0.5 * 0.2) / 1.5)
    assert form.exact


def test_nodes_differ_where_steps_have_different_replicas() -> None:
    """The first node serves both steps, the second only the replicated one: 0.9 and 0.4 of one core."""
    network = Network(
        stations=(sharing(nodes=2),),
        steps=(step(0, exponential(0.4), replicas=2), step(0, exponential(1.0), component=1)),
        stages=(Stage(name="a", steps=(0,)), Stage(name="b", steps=(1,))),
        entries=(entry(2.0), entry(0.5, 1)),
    )
    form = solve_network(network)
    assert form.steps[0].response_time == pytest.approx((0.4 / 0.1 + 0.4 / 0.6) / 2.0)
    assert form.steps[1].response_time == pytest.approx(1.0 / 0.1)
    assert form.stations[0].utilisation == pytest.approx(0.65)
    assert form.stations[0].mean_number == pytest.approx(0.9 / 0.1 + 0.4 / 0.6)
    assert form.exact


def test_a_shared_node_with_several_cores_gives_none_more_than_its_units() -> None:
    """Two cores, one unit each: the mean number is that of M/M/2."""
    form = solve_network(tandem((sharing(2.0),), constant(1.0), arrivals=1.5))
    assert form.response_time == pytest.approx(mmc_response_time(1.5, 1.0, 2))
    assert form.exact


# Losses ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("pool", [fifo(3.0, queue_capacity=2), sharing(3.0, queue_capacity=2)])
def test_a_full_node_turns_requests_away(pool: NodePool) -> None:
    """M/M/3/5, and for shared cores the same chain; what is lost does not reach the next stage."""
    form = solve_network(tandem((pool, sharing()), exponential(1.0), exponential(0.1), arrivals=3.0))
    queue = mmck(3.0, 1.0, 3, 5)
    assert form.steps[0].response_time == pytest.approx(queue.response_time)
    assert form.steps[0].loss_probability == pytest.approx(queue.blocking_probability)
    assert form.steps[1].arrival_rate == pytest.approx(queue.throughput)
    assert form.response_time == pytest.approx(queue.response_time + 0.1 / (1.0 - 0.1 * queue.throughput))
    assert form.throughput == pytest.approx(queue.throughput)
    assert form.steps[0].exact
    assert "turns requests away" in form.steps[1].reasons[0]
    assert form.rate_reasons == ()


@pytest.mark.parametrize("law", [exponential(1.0), constant(1.0)])
def test_without_a_waiting_line_erlangs_formula_holds_for_every_law(law: Law) -> None:
    """M/G/c/c, on a node and on a function with a limit."""
    for pool in (fifo(4.0, queue_capacity=0), function(concurrency_limit=4)):
        form = solve_network(tandem((pool,), law, arrivals=3.0))
        assert form.steps[0].loss_probability == pytest.approx(erlang_b(4, 3.0))
        assert form.response_time == pytest.approx(1.0)
        assert form.stations[0].utilisation == pytest.approx(3.0 * (1.0 - erlang_b(4, 3.0)) / 4.0)
        assert form.exact


def test_the_mean_is_over_requests_that_are_not_lost() -> None:
    """Half of the requests take the branch that loses half of its own, so they weigh half."""
    network = Network(
        stations=(fifo(1.0, queue_capacity=0), function(), function(name="other")),
        steps=(
            step(1, constant(0.0), Send(probability=0.5, step=1), Send(probability=0.5, step=2)),
            step(0, constant(1.0), component=1),
            step(2, constant(4.0), component=2),
        ),
        stages=tuple(Stage(name=f"c{i}", steps=(i,)) for i in range(3)),
        entries=(entry(2.0),),
    )
    form = solve_network(network)
    assert form.steps[1].loss_probability == pytest.approx(0.5)
    assert form.response_time == pytest.approx((0.25 * 1.0 + 0.5 * 4.0) / 0.75)
    assert form.throughput == pytest.approx(1.5)


def test_an_estimated_loss_makes_the_rates_behind_it_estimates() -> None:
    """M/G/1/K has no closed form; for constant times the wait is taken as half of that of exponential ones."""
    form = solve_network(tandem((fifo(queue_capacity=3), sharing()), constant(0.9), constant(0.1)))
    assert form.steps[0].waiting_time == pytest.approx((mmck(1.0, 0.9, 1, 4).response_time - 0.9) / 2.0)
    assert not form.steps[0].exact
    assert "'line' turns away is an estimate" in form.rate_reasons[0]


# Links ----------------------------------------------------------------------------------------------------------------


def test_links_delay_queue_or_share() -> None:
    """2 MB over 16 Mbit/s take 1 s, plus 0.1 s of access delay; at 0.5 transfers/s half the bandwidth is used."""
    expected = {"none": 1.0, "fifo": 1.0 + mg1_waiting_time(0.5, 1.0, 0.0), "shared": 2.0}
    for contention, time in expected.items():
        link = Link(name="wan", bandwidth_mbit_per_s=16.0, access_delay=0.1, contention=contention)  # type: ignore[arg-type]
        network = tandem(
            (sharing(), function()),
            exponential(0.2),
            constant(0.3),
            arrivals=0.5,
            links=(link,),
            hop=Hop(link=0, size_mb=2.0),
        )
        form = solve_network(network)
        assert form.links[0].transfer_times == pytest.approx({2.0: time + 0.1})
        assert form.links[0].utilisation == pytest.approx(0.5)
        assert form.response_time == pytest.approx(0.2 / 0.9 + time + 0.1 + 0.3)
        assert form.paths[0].response_time == pytest.approx(form.response_time)
        assert form.exact


def test_a_queue_behind_a_queueing_link_is_an_estimate() -> None:
    """Transfers of constant length leave a link regularly; a queue of any kind behind it sees no Poisson arrivals."""
    link = Link(name="wan", bandwidth_mbit_per_s=16.0, contention="fifo")
    hop = Hop(link=0, size_mb=1.0)
    form = solve_network(tandem((sharing(), fifo()), exponential(0.2), exponential(0.2), links=(link,), hop=hop))
    assert [part.exact for part in form.steps] == [True, False]
    assert form.links[0].exact
    assert "'wan'" in form.steps[1].reasons[0]


def test_a_transfer_within_a_pool_is_free_on_the_same_node() -> None:
    """With two and three replicas two nodes drawn at random are the same one time in three."""
    network = Network(
        stations=(sharing(nodes=3),),
        steps=(
            step(
                0,
                exponential(0.3),
                Send(probability=1.0, step=1, hop=Hop(link=0, size_mb=5.0, within_pool=True)),
                replicas=2,
            ),
            step(0, exponential(0.3), component=1, replicas=3),
        ),
        stages=(Stage(name="a", steps=(0,)), Stage(name="b", steps=(1,))),
        entries=(entry(1.0),),
        links=(Link(name="lan", bandwidth_mbit_per_s=100.0, access_delay=0.2),),
        paths=((0, 1),),
    )
    form = solve_network(network)
    assert form.links[0].transfer_rate == pytest.approx(2.0 / 3.0)
    times = [part.response_time for part in form.steps]
    assert form.response_time == pytest.approx(sum(times) + 0.6 * 2.0 / 3.0)
    assert form.paths[0].response_time == pytest.approx(form.response_time)
    simulated = simulate_network(network, seed=3, requests=40_000)
    assert np.nanmean(simulated.ends - simulated.arrivals) == pytest.approx(form.response_time, rel=0.03)


# Components, paths, networks ------------------------------------------------------------------------------------------


def exiting(*, different_sizes: bool = False) -> Network:
    """Return a component cut in two, one request in four leaving early, and its successor."""
    link = Link(name="lan", bandwidth_mbit_per_s=8.0)
    sizes = (3.0, 1.0) if different_sizes else (1.0, 1.0)
    sends = [Send(probability=0.8, step=2, hop=Hop(link=0, size_mb=size)) for size in sizes]
    return Network(
        stations=(sharing(), sharing(name="far"), function()),
        steps=(
            step(0, exponential(0.5), sends[0], exit_probability=0.25, next_step=1, next_hop=Hop(link=0, size_mb=2.0)),
            step(1, exponential(0.4), sends[1]),
            step(2, constant(0.7), component=1),
        ),
        stages=(Stage(name="cut", steps=(0, 1)), Stage(name="next", steps=(2,))),
        entries=(entry(1.0),),
        links=(link,),
        paths=((0, 1),),
    )


def test_a_component_averages_over_its_exits() -> None:
    """R1 + reach * (transfer + R2), each at its own load: 1.0 + 0.75 * (2.0 + 0.4 / 0.7)."""
    form = solve_network(exiting())
    component = 1.0 + 0.75 * (2.0 + 0.4 / 0.7)
    assert form.stages[0].response_time == pytest.approx(component)
    assert form.stages[1].arrival_rate == pytest.approx(0.8)
    assert form.paths[0].response_time == pytest.approx(component + 1.0 + 0.7)
    assert form.response_time == pytest.approx(component + 0.8 * (1.0 + 0.7))
    assert form.exact


def test_a_path_averages_the_transfer_over_the_exits() -> None:
    """One request in four sends 3 MB, the others 1 MB."""
    here, there = solve_network(exiting()), solve_network(exiting(different_sizes=True))
    assert here.paths[0].response_time is not None
    assert there.paths[0].response_time == pytest.approx(here.paths[0].response_time + 0.25 * 2.0)


def test_a_path_that_nobody_takes_has_no_time() -> None:
    """The components of a path must follow each other."""
    network = tandem((function(),), constant(1.0), constant(1.0), constant(1.0))
    skipping = Network(
        stations=network.stations, steps=network.steps, stages=network.stages, entries=network.entries, paths=((0, 2),)
    )
    path = solve_network(skipping).paths[0]
    assert path.response_time is None
    assert path.reasons == ("no request goes from 'c0' to 'c2'",)


def test_a_jackson_network_with_loops_is_exact() -> None:
    """Two M/M/1 queues with feedback: 1 visit in 2 goes on to the second, 3 in 5 come back from there."""
    network = Network(
        stations=(fifo(), fifo(name="second")),
        steps=(
            step(0, exponential(0.3), Send(probability=0.5, step=1)),
            step(1, exponential(0.8), Send(probability=0.6, step=0), component=1),
        ),
        stages=(Stage(name="a", steps=(0,)), Stage(name="b", steps=(1,))),
        entries=(entry(1.0),),
    )
    form = solve_network(network)
    rates = (1.0 / 0.7, 0.5 / 0.7)
    numbers = [rate * time / (1.0 - rate * time) for rate, time in zip(rates, (0.3, 0.8), strict=True)]
    assert [each.mean_number for each in form.stations] == pytest.approx(numbers)
    assert form.response_time == pytest.approx(sum(numbers))
    assert form.exact


def test_coming_back_to_a_queue_with_general_times_is_an_estimate() -> None:
    """Feedback spoils Poisson arrivals unless the queue is quasi-reversible; splitting before it does not."""
    for law, exact in ((constant(0.3), False), (exponential(0.3), True)):
        form = solve_network(tandem((fifo(),), law, law))
        assert form.exact is exact
    assert "come back to 'line'" in solve_network(tandem((fifo(),), constant(0.3), constant(0.3))).reasons[0]


def test_the_first_queue_with_general_times_is_exact_the_next_is_not() -> None:
    """M/G/1 is exact behind sources and quasi-reversible queues, and spoils what follows."""
    pools = (sharing(), fifo(name="first"), fifo(name="second"))
    form = solve_network(tandem(pools, constant(0.3), constant(0.3), exponential(0.3)))
    assert [part.exact for part in form.steps] == [True, True, False]
    assert form.steps[2].reasons == (
        "'second': arrivals are taken as Poisson, but requests leave 'first' "
        "(its service times are not exponential with one mean)",
    )


def test_forks_have_no_response_time_but_a_bound() -> None:
    """The slowest part of a request takes at least as long as the slower branch on average."""
    network = Network(
        stations=tuple(sharing(name=f"n{i}") for i in range(4)),
        steps=(
            step(0, exponential(0.5), Send(probability=1.0, step=1), Send(probability=0.5, step=2)),
            step(1, exponential(0.2), Send(probability=1.0, step=3), component=1),
            step(2, exponential(0.6), Send(probability=1.0, step=3), component=2),
            step(3, exponential(0.1), component=3),
        ),
        stages=(
            Stage(name="a", steps=(0,), exclusive=False),
            Stage(name="b", steps=(1,)),
            Stage(name="c", steps=(2,)),
            Stage(name="d", steps=(3,), join_all=True),
        ),
        entries=(entry(1.0),),
        paths=((0, 1), (0, 1, 3)),
    )
    form = solve_network(network)
    last = 0.1 / 0.9
    assert form.steps[3].arrival_rate == pytest.approx(1.0)
    assert form.response_time is None
    assert form.response_time_bound == pytest.approx(1.0 + max(0.25 + last, 0.5 * (0.6 / 0.7 + last)))
    assert form.throughput == pytest.approx(1.0)
    assert any("fork at 'a'" in reason for reason in form.reasons)
    assert [part.exact for part in form.steps] == [True, False, False, False]
    assert form.paths[0].response_time == pytest.approx(1.25)
    assert form.paths[1].response_time is None
    assert "'d' waits" in form.paths[1].reasons[0]
    simulated = simulate_network(network, seed=1, requests=5_000)
    assert np.nanmean(simulated.ends - simulated.arrivals) > form.response_time_bound


def test_a_request_that_forks_is_complete_only_with_all_its_parts() -> None:
    """One part is always sent and lost one time in two, the other sent one time in two and lost one time in three."""
    network = Network(
        stations=(function(), fifo(queue_capacity=0), fifo(name="other", queue_capacity=0)),
        steps=(
            step(0, constant(0.1), exit_probability=0.5, next_step=1),
            step(0, constant(0.1), Send(probability=1.0, step=2), Send(probability=0.5, step=3)),
            step(1, exponential(1.0), component=1),
            step(2, exponential(1.0), component=2),
        ),
        stages=(
            Stage(name="a", steps=(0, 1), exclusive=False),
            Stage(name="b", steps=(2,)),
            Stage(name="c", steps=(3,)),
        ),
        entries=(entry(2.0),),
    )
    form = solve_network(network)
    assert [part.loss_probability for part in form.steps] == pytest.approx([0.0, 0.0, 0.5, 1.0 / 3.0])
    assert form.throughput == pytest.approx(1.0 + 1.0 * 0.5 * (0.5 + 0.5 * 2.0 / 3.0))
    assert any("lost independently" in reason for reason in form.rate_reasons)
    assert form.response_time_bound is None


@pytest.mark.parametrize(
    ("arrivals", "exact"),
    [
        (Poisson(rate=1.0), True),
        (Renewal(process="renewal", gap=Law(mean=1.0)), True),
        (Renewal(process="renewal", gap=Law(law="gamma", mean=1.0, cv=2.0)), False),
        (Deterministic(process="deterministic", rate=1.0), False),
        (Batch(process="batch", rate=1.0, size=1), True),
        (Batch(process="batch", rate=1.0, size=4), False),
        (Sinusoid(process="sinusoid", rate=1.0, amplitude=0.3, period=60.0), False),
        (Piecewise(process="piecewise", times=(0.0, 5.0), rates=(1.0, 1.0)), True),
        (Piecewise(process="piecewise", times=(0.0, 5.0), rates=(0.5, 1.5), period=10.0), False),
        (Trace(process="trace", file="t.csv", times=(0.0, 0.5, 2.0)), False),
    ],
)
def test_only_poisson_arrivals_make_queues_exact(arrivals: Arrivals, exact: bool) -> None:
    """Everything else is treated as Poisson, and said to be; where nobody waits it does not matter."""
    form = solve_network(tandem((sharing(),), exponential(0.5), arrivals=arrivals))
    assert form.exact is exact
    assert form.response_time == pytest.approx(1.0)
    assert bool(form.rate_reasons) == isinstance(arrivals, Trace)
    assert solve_network(tandem((function(),), exponential(0.5), arrivals=arrivals)).exact


def test_estimates_are_exact_where_their_assumption_holds() -> None:
    """Mixed units and clever dispatch are estimates; with equal units and one replica they are not."""
    mixed = Network(
        stations=(sharing(4.0),),
        steps=(step(0, exponential(1.0)), step(0, exponential(1.0), component=1, computing_units=3.0)),
        stages=(Stage(name="a", steps=(0,)), Stage(name="b", steps=(1,))),
        entries=(entry(1.0), entry(0.5, 1)),
    )
    assert "different numbers of cores" in solve_network(mixed).reasons[0]
    for replicas, exact in ((1, True), (2, False)):
        pool = sharing(nodes=2, dispatch="shortest_queue")
        assert solve_network(tandem((pool,), exponential(0.3), replicas=replicas)).exact is exact


# Functions ------------------------------------------------------------------------------------------------------------


def test_cold_starts_are_estimated_by_the_chain() -> None:
    """As the chain of instances says; a cold start comes before the service, a cold service time replaces it."""
    start, whole = constant(1.5), constant(3.0)
    for change, cold in (
        ({"cold_start": start}, 2.0),
        ({"cold_service_time": whole}, 3.0),
        ({"cold_start": start, "cold_service_time": whole}, 3.0),
    ):
        form = solve_network(tandem((function(),), exponential(0.5), arrivals=0.1, **change))
        chain = faas_chain(0.1, 0.5, cold, 60.0)
        assert form.response_time == pytest.approx(chain.response_time)
        assert form.steps[0].cold_probability == pytest.approx(chain.cold_probability)
        assert form.steps[0].waiting_time == pytest.approx(0.0)
        assert "birth-death chain" in form.reasons[0]


def test_a_function_that_queues_at_its_limit_is_mmc() -> None:
    """Without cold starts exact; with them the wait is estimated for the longer executions."""
    warm = solve_network(tandem((function(concurrency_limit=3, on_limit="queue"),), exponential(1.0), arrivals=2.0))
    assert warm.response_time == pytest.approx(mmc_response_time(2.0, 1.0, 3))
    assert warm.stations[0].utilisation == pytest.approx(2.0 / 3.0)
    assert warm.exact
    pool = function(concurrency_limit=3, on_limit="queue", idle_time=5.0)
    cold = solve_network(tandem((pool,), exponential(1.0), arrivals=0.5, cold_start=constant(1.0)))
    assert cold.steps[0].service_time == pytest.approx(1.0 + cold.steps[0].cold_probability)
    assert cold.steps[0].cold_probability > 0.1
    assert cold.steps[0].waiting_time > mmc_response_time(0.5, 1.0, 3) - 1.0
    full = solve_network(tandem((pool,), exponential(1.0), arrivals=6.0, cold_start=constant(1.0)))
    assert full.response_time == math.inf


# Overload -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pool", "law", "growth"),
    [
        (fifo(), constant(1.0), 1.0),
        (fifo(), exponential(1.0), 1.0),
        (sharing(), exponential(1.0), 1.0),
        # growth = 2 (1 - exp(-growth)): long requests are overtaken by none, so fewer are ever done
        (sharing(), constant(1.0), 1.5936242600400401),
    ],
)
def test_an_overloaded_node_lets_through_what_it_can(pool: NodePool, law: Law, growth: float) -> None:
    """Two requests/s for one second each: one core falls behind, and the next station gets only what is done."""
    form = solve_network(tandem((pool, sharing(name="next")), law, exponential(0.2), arrivals=2.0))
    assert form.steps[0].response_time == math.inf
    assert form.response_time == math.inf
    assert form.stages[0].response_time == math.inf
    (overload,) = form.overloaded
    assert (overload.name, overload.offered_load) == (pool.name, pytest.approx(2.0))
    assert overload.backlog_growth == pytest.approx(growth)
    assert form.throughput == pytest.approx(2.0 - growth)
    assert form.steps[1].response_time == pytest.approx(0.2 / (1.0 - 0.2 * (2.0 - growth)))
    assert form.stations[0].utilisation == pytest.approx(1.0)


def test_short_requests_pass_long_ones_on_an_overloaded_shared_node() -> None:
    """In the long run of the reference engine each class falls behind as fast as the fluid limit says."""
    network = Network(
        stations=(sharing(), function()),
        steps=(
            step(0, constant(1.0), Send(probability=1.0, step=2)),
            step(0, exponential(0.2), Send(probability=1.0, step=3), component=1),
            step(1, constant(0.0), component=2),
            step(1, constant(0.0), component=3),
        ),
        stages=tuple(Stage(name=f"c{i}", steps=(i,)) for i in range(4)),
        entries=(entry(1.5), entry(2.0, 1)),
    )
    form = solve_network(network)
    simulated = simulate_network(network, seed=2, horizon=4000.0)
    for i in (2, 3):
        assert form.steps[i].arrival_rate == pytest.approx((simulated.visits[:, 1] == i).sum() / 4000.0, rel=0.1)


def test_an_overloaded_link_is_named() -> None:
    """3 MB/s for 2 MB/s: every third transfer stays behind."""
    link = Link(name="wan", bandwidth_mbit_per_s=16.0, contention="fifo")
    form = solve_network(
        tandem(
            (function(), function(name="far")),
            constant(1.0),
            constant(1.0),
            arrivals=3.0,
            links=(link,),
            hop=Hop(link=0, size_mb=1.0),
        )
    )
    assert [(each.name, each.kind) for each in form.overloaded] == [("wan", "link")]
    assert form.overloaded[0].backlog_growth == pytest.approx(1.0)
    assert form.throughput == pytest.approx(2.0)
    assert form.response_time == math.inf


def test_an_overloaded_link_in_a_loop_has_no_time() -> None:
    """What comes back over the link never arrives; the link gets 3 * 1/2 transfers/s and has room for one."""
    network = Network(
        stations=(function(),),
        steps=(step(0, constant(0.1), Send(probability=0.5, step=0, hop=Hop(link=0, size_mb=1.0))),),
        stages=(Stage(name="a", steps=(0,)),),
        entries=(entry(3.0),),
        links=(Link(name="wan", bandwidth_mbit_per_s=8.0, contention="shared"),),
    )
    form = solve_network(network)
    assert form.response_time == math.inf
    assert form.overloaded[0].name == "wan"
    share = form.steps[0].arrival_rate - 3.0
    assert share == pytest.approx(0.5 * form.steps[0].arrival_rate - form.overloaded[0].backlog_growth)


def test_overload_beyond_reach_leaves_other_entries_finite() -> None:
    """Requests that never meet the overloaded node have their time, also in a network with loops."""
    for loop in (0.0, 0.5):
        network = Network(
            stations=(fifo(), sharing()),
            steps=(step(0, exponential(1.0)), step(1, exponential(0.2), Send(probability=loop, step=1), component=1)),
            stages=(Stage(name="a", steps=(0,)), Stage(name="b", steps=(1,))),
            entries=(entry(2.0), entry(1.0, 1)),
        )
        visits = 1.0 / (1.0 - loop)
        form = solve_network(network)
        assert form.entry_response_times[0] == math.inf
        assert form.entry_response_times[1] == pytest.approx(visits * 0.2 / (1.0 - 0.2 * visits))


# Users ----------------------------------------------------------------------------------------------------------------


def users(count: int, think_time: float = 2.0) -> Closed:
    """Return users who think for a constant time."""
    return Closed(process="closed", users=count, think_time=constant(think_time))


def test_users_follow_mean_value_analysis() -> None:
    """A shared node, a two-core queue and a transfer, by the exact algorithm."""
    link = Link(name="lan", bandwidth_mbit_per_s=8.0, access_delay=0.25)
    network = tandem(
        (sharing(), fifo(2.0)),
        constant(0.5),
        exponential(0.8),
        arrivals=users(7),
        links=(link,),
        hop=Hop(link=0, size_mb=1.0),
    )
    form = solve_network(network)
    expected = mva([0.5, 0.8, 1.25], 7, 2.0, [1, 2, math.inf])
    assert form.response_time == pytest.approx(expected.response_time)
    assert form.throughput == pytest.approx(expected.throughput)
    assert [each.mean_number for each in form.stations] == pytest.approx(expected.mean_numbers[:2])
    assert form.stations[1].utilisation == pytest.approx(expected.throughput * 0.4)
    assert form.exact
    assert form.rate_reasons == ()


def test_users_are_split_among_the_nodes() -> None:
    """Two replicas drawn at random are two stations with half the demand each."""
    form = solve_network(tandem((sharing(nodes=2),), exponential(1.0), arrivals=users(5), replicas=2))
    expected = mva([0.5, 0.5], 5, 2.0, [1, 1])
    assert form.response_time == pytest.approx(expected.response_time)
    assert form.stations[0].mean_number == pytest.approx(sum(expected.mean_numbers))


def test_a_single_user_never_waits() -> None:
    """Then every discipline, law and limit gives the sum of the times."""
    pools = (fifo(queue_capacity=0), function(concurrency_limit=1), sharing())
    form = solve_network(tandem(pools, constant(0.5), constant(1.0), constant(0.25), arrivals=users(1)))
    assert form.response_time == pytest.approx(1.75)
    assert form.throughput == pytest.approx(1.0 / 3.75)


def test_users_at_a_queue_with_general_times_are_an_estimate() -> None:
    """No product form: every figure is an estimate, but that of a station where nobody waits."""
    form = solve_network(tandem((fifo(), function()), constant(0.5), constant(1.0), arrivals=users(3)))
    assert not form.exact
    assert form.rate_reasons
    assert form.steps[1].exact


def test_users_start_functions_cold_as_often_as_they_come() -> None:
    """Throughput and cold starts agree with each other."""
    form = solve_network(
        tandem((function(idle_time=1.0),), exponential(0.5), arrivals=users(2), cold_start=constant(2.0))
    )
    chain = faas_chain(form.throughput, 0.5, 2.5, 1.0)
    assert form.response_time == pytest.approx(chain.response_time)
    assert form.throughput == pytest.approx(2.0 / (2.0 + chain.response_time))


# What is refused ------------------------------------------------------------------------------------------------------


def test_what_has_no_closed_form_is_refused() -> None:
    """Each refusal says what is wrong and where."""
    both = Network(
        stations=(sharing(),),
        steps=(step(0, exponential(0.1)),),
        stages=(Stage(name="a", steps=(0,)),),
        entries=(entry(users(2)), entry(1.0)),
    )
    with pytest.raises(EngineError, match="only source"):
        solve_network(both)
    with pytest.raises(EngineError, match="'line' holds 2 requests and turns others away"):
        solve_network(tandem((fifo(queue_capacity=1),), exponential(1.0), arrivals=users(3)))
    with pytest.raises(EngineError, match="it would wait for ever"):
        solve_network(tandem((fifo(),), exponential(0.1), computing_units=2.0))
    with pytest.raises(EngineError, match="without end"):
        solve_network(tandem((sharing(),), constant(0.0), arrivals=users(3, 0.0)))


def test_a_fork_of_a_users_request_is_refused() -> None:
    """The user waits for the last of several parts."""
    network = Network(
        stations=(sharing(),),
        steps=(
            step(0, exponential(0.1), Send(probability=1.0, step=1), Send(probability=1.0, step=2)),
            step(0, exponential(0.1), component=1),
            step(0, exponential(0.1), component=2),
        ),
        stages=(Stage(name="a", steps=(0,), exclusive=False), Stage(name="b", steps=(1,)), Stage(name="c", steps=(2,))),
        entries=(entry(users(2)),),
    )
    with pytest.raises(EngineError, match="fork"):
        solve_network(network)


# The reference engine -------------------------------------------------------------------------------------------------


def test_the_reference_engine_agrees_where_the_closed_form_is_exact() -> None:
    """Shared nodes with different replicas, two kinds of links, exits and two entries, within sampling error."""
    network = Network(
        stations=(sharing(2.5, nodes=3), sharing(name="edge")),
        steps=(
            step(
                0,
                Law(law="gamma", mean=0.5, cv=1.5),
                Send(probability=0.6, step=1, hop=Hop(link=0, size_mb=1.0)),
                Send(probability=0.3, step=2),
                replicas=3,
            ),
            step(0, exponential(0.8), Send(probability=1.0, step=2, hop=Hop(link=0, size_mb=3.0)), component=1),
            step(1, constant(0.1), component=2, exit_probability=0.3, next_step=3, next_hop=Hop(link=1, size_mb=1.0)),
            step(0, exponential(0.2), component=2, replicas=2),
        ),
        stages=(Stage(name="a", steps=(0,)), Stage(name="b", steps=(1,)), Stage(name="c", steps=(2, 3))),
        entries=(entry(1.6, hop=Hop(link=1, size_mb=0.5)), entry(0.5, 2)),
        links=(
            Link(name="wan", bandwidth_mbit_per_s=60.0, access_delay=0.1, contention="shared"),
            Link(name="lan", bandwidth_mbit_per_s=40.0, access_delay=0.05),
        ),
        paths=((0, 1, 2), (0, 2)),
    )
    form = solve_network(network)
    assert form.exact
    times, means = [], []
    for replication in range(4):
        run = simulate_network(network, seed=7, replication=replication, requests=20_000)
        times.append(np.nanmean(run.ends - run.arrivals))
        passages = run.passages
        means.append([np.mean((passages[:, 3] - passages[:, 2])[passages[:, 1] == path]) for path in (0, 1)])
    assert form.response_time == pytest.approx(np.mean(times), rel=0.02)
    assert [path.response_time for path in form.paths] == pytest.approx(np.mean(means, axis=0), rel=0.02)


# SPACE4AI -------------------------------------------------------------------------------------------------------------


def counts_differ(plan: Plan) -> bool:
    """Say whether partitions on one resource have different numbers of replicas (one of the tool's moves errs)."""
    counts: dict[str, set[int]] = {}
    for placement in plan.placements.values():
        counts.setdefault(placement.resource, set()).add(placement.replicas)
    return any(len(found) > 1 for found in counts.values())


def early_exits(network: Network, stage: int) -> bool:
    """Say whether a request may leave a component before its last partition."""
    return any(network.steps[i].exit_probability > 0.0 for i in network.stages[stage].steps[:-1])


def runs_on_function(network: Network, stage: int) -> bool:
    """Say whether a component uses a cloud function."""
    return any(
        isinstance(network.stations[network.steps[i].station], FunctionPool) for i in network.stages[stage].steps
    )


def shipped(path: Path) -> tuple[Network, ClosedForm, dict[str, float], list[float]] | None:
    """Return network, closed form and SPACE4AI's own times of components and paths; None where counts differ."""
    system = path.with_name("system_description.json")
    scenario = load_system(system, dialect="d-pre2023", arrival_rate=solution_figures(path).arrival_rate)
    plan = load_solution(path, scenario)
    if counts_differ(plan):
        return None
    figures = solution_figures(path, scenario)
    network = compile_network(scenario, plan)
    return network, solve_network(network), figures.components, list(figures.paths.values())


def test_space4ai_solutions_have_the_times_that_space4ai_says() -> None:
    """All components and paths of the shipped solutions, except where the tool is known to compute something else.

    Left out: solutions that give one pool different numbers of nodes, which the tool mixes; functions behind an early
    exit, to which it sends the requests that have left; paths through components with early exits, whose transfer to
    the next component it takes from the last partition alone.
    """
    if not SOLUTIONS:
        pytest.skip("../shared is absent")
    components = paths = 0
    for file in SOLUTIONS:
        found = shipped(file)
        if found is None:
            continue
        network, form, times, path_times = found
        for i, stage in enumerate(form.stages):
            if not (early_exits(network, i) and runs_on_function(network, i)):
                assert stage.response_time == pytest.approx(times[stage.name], rel=1e-9), (file, stage.name)
                components += 1
        for path, own, expected in zip(network.paths, form.paths, path_times, strict=True):
            if not any(early_exits(network, i) for i in path):
                assert own.response_time == pytest.approx(expected, rel=1e-9), (file, own.stages)
                paths += 1
    assert components > 200
    assert paths > 30


def test_times_whose_squares_vanish_are_still_times() -> None:
    """A transfer of almost nothing takes almost no time, and divides nothing by zero."""
    mixed = mixture([QueueClass(rate=1.0, law=Law(law="deterministic", mean=1e-200))])
    assert mixed.scv == 0.0
    assert mixed.mean == 1e-200
