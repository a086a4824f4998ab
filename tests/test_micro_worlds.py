"""Tests of the SimPy engine on worlds small enough to compute by hand: what happens at which second."""

from math import isnan, nan
from typing import Any

import numpy as np
import pytest

from twin.engines.billing import Billing
from twin.engines.simpy_engine import simulate_network
from twin.engines.trajectory import COLD, WARM, Trajectory
from twin.model.events import Crash, Failures, LinkChange, LoadStep
from twin.model.workload import Batch, Closed, Deterministic, Piecewise, Trace
from twin.network import Entry, FunctionPool, Hop, Link, Network, NodePool, Send, Stage, Step
from twin.validation.build import deterministic, entry, exponential, node, queue, routed, transfers


def trace(*times: float) -> Trace:
    """Return arrivals at these times."""
    return Trace(process="trace", file="", times=times)


def run(network: Network, *events: Any, horizon: float | None = None, requests: int | None = 10**9) -> Trajectory:
    """Run until nothing is left, or to the horizon."""
    return simulate_network(network, seed=1, requests=requests, horizon=horizon, events=events)


def several(station: NodePool, classes: list[tuple[float, float, float]]) -> Network:
    """Return one station with a request per class: (arrival, work, units)."""
    return Network(
        stations=(station,),
        steps=tuple(
            Step(
                name=f"p{i}",
                component=i,
                station=0,
                service_time=deterministic(work),
                computing_units=units,
                replicas=station.nodes,
            )
            for i, (_, work, units) in enumerate(classes)
        ),
        stages=tuple(Stage(name=f"c{i}", steps=(i,)) for i in range(len(classes))),
        entries=tuple(entry(f"s{i}", trace(at), i) for i, (at, _, _) in enumerate(classes)),
    )


def ends(records: Trajectory) -> list[float]:
    """Return when the requests ended, rounded past the rounding of sums."""
    return [round(float(end), 9) for end in records.ends]


# Disciplines ----------------------------------------------------------------------------------------------------------


def test_sharing_gives_a_small_container_its_fill_and_the_rest_to_the_large_one() -> None:
    """2.5 cores: one unit runs at full speed, two units on the 1.5 cores left at speed 0.75."""
    records = run(several(node(discipline="ps", cores=2.5), [(0, 3, 1), (1, 3, 2)]))
    assert ends(records) == [3.0, 4.5]


def test_sharing_below_all_fills_is_equal() -> None:
    """1.5 cores: 0.75 each is speed 0.75 for one unit and 0.375 for two."""
    records = run(several(node(discipline="ps", cores=1.5), [(0, 3, 1), (1, 3, 2)]))
    # The first has 2 s left at 1 s, ends at 1 + 2 / 0.75; the second has done 1 and goes on at speed 0.75.
    assert ends(records) == [round(1 + 2 / 0.75, 9), round(1 + 2 / 0.75 + 2 / 0.75, 9)]


def test_a_lone_request_does_not_exceed_its_container() -> None:
    """Four cores do not serve a one-unit request faster than one."""
    assert ends(run(several(node(discipline="ps", cores=4.0), [(0, 3, 1)]))) == [3.0]


def test_sharing_of_three_sizes() -> None:
    """4 cores for 1, 2 and 4 units: 1, 1.5 and 1.5 cores; then 2 and 2; then 4."""
    records = run(several(node(discipline="ps", cores=4.0), [(0, 1, 1), (0, 1, 2), (0, 1, 4)]))
    # After 1 s the second has 0.25 left (0.5 cores of 2 short), the third 0.625.
    assert ends(records) == [1.0, 1.25, 1.75]


def test_a_sharing_node_starts_afresh_after_it_was_empty() -> None:
    """Virtual time of an earlier busy period leaves nothing behind."""
    records = run(several(node(discipline="ps"), [(0, 2, 1), (1, 2, 1), (10, 2, 1), (11, 1, 1)]))
    assert ends(records) == [3.0, 4.0, 13.0, 13.0]


def test_first_in_line_blocks_smaller_ones_behind_it() -> None:
    """A free core stays free while the first in line needs two."""
    records = run(several(node(cores=2.0), [(0, 3, 1), (0.5, 1, 2), (1, 1, 1)]))
    assert ends(records) == [3.0, 4.0, 5.0]


def test_one_departure_may_start_several() -> None:
    """Two units that become free serve two requests of one unit."""
    assert ends(run(several(node(cores=2.0), [(0, 3, 2), (1, 1, 1), (1, 2, 1)]))) == [3.0, 4.0, 5.0]


def test_fractional_units_leave_no_rounding_behind() -> None:
    """Ten containers of 0.1 units fit on one core again and again."""
    records = run(several(node(), [(float(i // 10), 1, 0.1) for i in range(40)]))
    assert ends(records) == [1.0 + i // 10 for i in range(40)]


def test_a_full_line_loses() -> None:
    """One in service, one in line, the third is lost at once."""
    records = run(queue(node(queue_capacity=1), deterministic(2.0), trace(0, 0.5, 1, 3)))
    assert records.lost.tolist() == [False, False, True, False]
    assert ends(records) == [2.0, 4.0, 1.0, 6.0]


def test_a_full_sharing_node_loses() -> None:
    """Two cores and one more place: the fourth is lost."""
    records = run(queue(node(discipline="ps", cores=2.0, queue_capacity=1), deterministic(3.0), trace(0, 0, 0, 1)))
    assert records.lost.tolist() == [False, False, False, True]


# Dispatch -------------------------------------------------------------------------------------------------------------


def test_round_robin_takes_turns_by_step() -> None:
    """Each step has its own turn."""
    records = run(queue(node(nodes=3, dispatch="round_robin"), deterministic(1.0), trace(0, 1, 2, 3, 4)))
    assert records.visits[:, 5].tolist() == [0, 1, 2, 0, 1]


def test_shortest_queue_counts_waiting_and_running() -> None:
    """Ties go to the first node, then the emptier one is chosen."""
    records = run(queue(node(nodes=2, dispatch="shortest_queue"), deterministic(5.0), trace(0, 1, 2, 3, 5.5)))
    by_request = dict(zip(records.visits[:, 0], records.visits[:, 5], strict=True))
    assert [by_request[i] for i in range(5)] == [0, 1, 0, 1, 0]


def test_a_partition_runs_only_on_the_nodes_of_its_replicas() -> None:
    """Two replicas on three nodes use the first two."""
    network = queue(node(nodes=3), deterministic(1.0), 1.0, replicas=2)
    assert set(simulate_network(network, seed=1, requests=200).visits[:, 5]) == {0.0, 1.0}


# Failures -------------------------------------------------------------------------------------------------------------


def crash(at: float, duration: float, **fields: Any) -> Crash:
    """Return a crash of the pool called node, or of another one."""
    return Crash(**{"event": "crash", "resource": "node", "at": at, "duration": duration, **fields})


@pytest.mark.parametrize("discipline", ["fifo", "ps"])
def test_an_interrupted_request_starts_again(discipline: str) -> None:
    """Its whole work is done again once the node is back."""
    records = run(queue(node(discipline=discipline), deterministic(2.0), trace(0)), crash(1.5, 1.0))
    assert ends(records) == [4.5]
    assert records.retries == 1
    assert records.node_seconds_down.tolist() == [1.0]
    assert records.visits[0, 2:5].tolist() == [0.0, 4.5, 2.0]


def test_waiting_requests_keep_their_turn_over_a_crash() -> None:
    """The one interrupted restarts first, the one in line follows, then the one that came while all was down."""
    records = run(queue(node(), deterministic(2.0), trace(0, 1, 2)), crash(1.5, 1.0))
    assert ends(records) == [4.5, 6.5, 8.5]
    assert records.retries == 1


def test_an_interrupted_request_may_be_lost() -> None:
    """Only the running one is; the one in line is not."""
    records = run(queue(node(), deterministic(2.0), trace(0, 1)), crash(1.5, 1.0, requests="lost"))
    assert records.lost.tolist() == [True, False]
    assert ends(records) == [1.5, 4.5]
    assert records.retries == 0


@pytest.mark.parametrize(("retries", "lost"), [(0, True), (1, True), (2, False)])
def test_retries_are_limited(retries: int, lost: bool) -> None:
    """Two interruptions need two retries."""
    events = [crash(1, 1, retries=retries), crash(3, 1, retries=retries)]
    records = run(queue(node(), deterministic(2.0), trace(0)), *events)
    assert records.lost.tolist() == [lost]
    assert ends(records) == [{0: 1.0, 1: 3.0, 2: 6.0}[retries]]


def test_retries_count_per_execution() -> None:
    """The second step of a request has retries of its own."""
    network = routed(
        [node(name="node"), node(name="other")], [deterministic(2.0), deterministic(2.0)], [[(1, 1.0)], []], trace(0)
    )
    other = Crash(event="crash", resource="other", at=5, duration=1, retries=1)
    records = run(network, crash(1, 1, retries=1), other)
    assert ends(records) == [8.0]
    assert not records.lost[0]


def test_waiting_requests_move_to_a_node_that_is_up() -> None:
    """Node 0 goes down: its running request is lost, the waiting one joins the line of node 1."""
    network = queue(node(nodes=2, dispatch="shortest_queue"), deterministic(4.0), trace(0, 1, 2))
    records = run(network, crash(3, 100, node=0, requests="lost"))
    assert records.lost.tolist() == [True, False, False]
    assert ends(records) == [3.0, 5.0, 9.0]
    assert records.node_seconds_down.tolist() == [6.0]


def test_nodes_that_crash_together_take_no_request_from_each_other() -> None:
    """A crash of all nodes interrupts each running request once and no waiting one."""
    network = queue(node(nodes=3, dispatch="round_robin"), deterministic(4.0), trace(0, 0, 0, 1, 1, 1))
    records = run(network, crash(2, 1, retries=1))
    assert records.retries == 3
    assert not records.lost.any()
    lost = run(network, crash(2, 1, requests="lost"))
    assert lost.lost.tolist() == [True] * 3 + [False] * 3


def test_nodes_that_come_back_together_share_the_stranded() -> None:
    """Stranded requests do not all fall on the first node."""
    network = queue(node(nodes=2, dispatch="shortest_queue"), deterministic(4.0), trace(1, 1, 1, 1))
    records = run(network, crash(0, 2))
    assert ends(records) == [6.0, 6.0, 10.0, 10.0]


@pytest.mark.parametrize("discipline", ["fifo", "ps"])
def test_a_repaired_node_counts_as_empty(discipline: str) -> None:
    """The shortest queue is then on the node that came back."""
    network = queue(
        node(nodes=2, dispatch="shortest_queue", discipline=discipline), deterministic(9.0), trace(0, 1, 4, 5)
    )
    records = run(network, crash(2, 1, node=0, requests="lost"))
    assert records.lost.tolist() == [True, False, False, False]
    by_request = dict(zip(records.visits[:, 0], records.visits[:, 5], strict=True))
    assert [by_request[i] for i in (1, 2, 3)] == [1, 0, 0]


def test_overlapping_crashes_end_with_the_last() -> None:
    """A node held down twice is up when both are over."""
    records = run(queue(node(), deterministic(1.0), trace(2.5)), crash(1, 2), crash(2, 3))
    assert ends(records) == [6.0]
    assert records.node_seconds_down.tolist() == [4.0]


def test_a_crash_of_a_node_that_the_plan_does_not_run_is_nothing() -> None:
    """Nodes are counted from 0."""
    records = run(queue(node(), deterministic(1.0), trace(0)), crash(0.5, 1, node=1))
    assert ends(records) == [1.0]


def test_time_down_counts_up_to_the_horizon() -> None:
    """A node still down at the end counts so far."""
    records = run(queue(node(nodes=2), deterministic(1.0), trace(0, 20)), crash(4, 100), horizon=10.0)
    assert records.node_seconds_down.tolist() == [12.0]


def test_random_failures_alternate() -> None:
    """Up 3 s, down 2 s, up 3 s …: the work of 2 s fits into the second span."""
    failures = Failures(
        event="failures", resource="node", time_to_failure=deterministic(3), time_to_repair=deterministic(2)
    )
    records = run(queue(node(), deterministic(2.0), trace(2)), failures)
    assert ends(records) == [7.0]


def test_two_causes_of_failure_are_independent() -> None:
    """Together they hold a node down longer than one of them alone."""
    failures = Failures(
        event="failures", resource="node", time_to_failure=exponential(10), time_to_repair=exponential(2)
    )
    network = queue(node(), deterministic(1.0), 0.1)
    one, two = (run(network, *[failures] * count, horizon=5000.0).node_seconds_down[0] for count in (1, 2))
    assert two > 1.5 * one


def test_a_repair_strands_those_that_need_another_node() -> None:
    """A replica on node 0 alone waits for node 0."""
    network = several(node(nodes=2), [(0, 2, 1)])
    steps = (Step(name="p0", component=0, station=0, service_time=deterministic(2.0), replicas=1),)
    network = Network(stations=network.stations, steps=steps, stages=network.stages, entries=network.entries)
    records = run(network, crash(1, 5, node=0), crash(1, 1, node=1))
    assert ends(records) == [8.0]


# Links ----------------------------------------------------------------------------------------------------------------


def net(contention: str, **fields: Any) -> Link:
    """Return a link of 1 MB/s."""
    return Link(name="net", bandwidth_mbit_per_s=8.0, contention=contention, **fields)  # type: ignore[arg-type]


def sending(link: Link, *transfers_: tuple[float, float]) -> Network:
    """Return transfers over *link*: (time, megabytes)."""
    sizes = [size for _, size in transfers_]
    network = transfers(link, sizes, [1.0] * len(sizes))
    entries = tuple(
        Entry(source=entry(f"s{i}", trace(at), 0).source, step=0, hop=Hop(link=0, size_mb=size))
        for i, (at, size) in enumerate(transfers_)
    )
    return Network(
        stations=network.stations, steps=network.steps, stages=network.stages, entries=entries, links=network.links
    )


def change(at: float, duration: float, **fields: Any) -> LinkChange:
    """Return a change of the link called net."""
    return LinkChange(event="link", domain="net", at=at, duration=duration, **fields)


@pytest.mark.parametrize(
    ("contention", "expected"), [("none", [2.5, 2.5, 2.5]), ("fifo", [2.5, 4.5, 5.5]), ("shared", [5.5, 5.5, 4.5])]
)
def test_transfers_on_a_link(contention: str, expected: list[float]) -> None:
    """2 MB at 0 s, 2 MB at 0 s and 1 MB at 1 s, half a second of delay each."""
    records = run(sending(net(contention, access_delay=0.5), (0, 2), (0, 2), (1, 1)))
    # Shared: all three advance at 1/3 MB/s from 1 s on; at 4 s the last is through, the others have 0.5 MB left.
    assert ends(records) == expected
    assert records.link_mb.tolist() == [5.0]


@pytest.mark.parametrize(
    ("contention", "expected"), [("none", [5.0, 5.5]), ("fifo", [5.0, 7.0]), ("shared", [6.5, 7.0])]
)
def test_a_link_cut_in_mid_transfer(contention: str, expected: list[float]) -> None:
    """2 MB begin at 0 s and at 0.5 s, nothing passes from 1 s to 4 s: what was through stays through."""
    records = run(sending(net(contention), (0, 2), (0.5, 2)), change(1, 3, bandwidth_factor=0.0))
    # Shared: 0.75 and 0.25 MB by 1 s; from 4 s at half speed: 1.25 takes 2.5 s, then 0.5 MB alone.
    assert ends(records) == expected


@pytest.mark.parametrize("contention", ["none", "fifo", "shared"])
def test_a_transfer_that_begins_during_a_cut_waits(contention: str) -> None:
    """It passes once the link is back."""
    records = run(sending(net(contention), (2, 2)), change(1, 3, bandwidth_factor=0.0))
    assert ends(records) == [6.0]


@pytest.mark.parametrize("contention", ["none", "fifo", "shared"])
def test_changes_of_a_link_multiply(contention: str) -> None:
    """A half of a half is a quarter: 4 MB need 1 + 2 + 4 s and the rest at full speed."""
    records = run(
        sending(net(contention), (0, 4)),
        change(1, 6, bandwidth_factor=0.5),
        change(3, 4, bandwidth_factor=0.5),
    )
    # 1 MB by 1 s, 2 MB by 3 s, 3 MB by 7 s, 4 MB by 8 s.
    assert ends(records) == [8.0]


@pytest.mark.parametrize("contention", ["none", "fifo", "shared"])
def test_extra_delay_counts_from_the_end_of_the_transmission(contention: str) -> None:
    """A transfer through at 2 s has the delay in force then; one through at 6 s no more."""
    records = run(sending(net(contention, access_delay=0.25), (0, 2), (5, 1)), change(1, 3, extra_delay=1.0))
    assert ends(records) == [3.25, 6.25]


def test_a_link_changed_from_the_start() -> None:
    """A change at 0 s holds for the first transfer."""
    for contention in ("none", "fifo", "shared"):
        assert ends(run(sending(net(contention), (0, 1)), change(0, 10, bandwidth_factor=0.5))) == [2.0]


def test_a_change_of_another_domain_is_nothing() -> None:
    """Events name their domain."""
    other = LinkChange(event="link", domain="other", at=0, duration=9, bandwidth_factor=0.1)
    assert ends(run(sending(net("none"), (0, 2)), other)) == [2.0]


def within_pool(dispatch: str) -> Network:
    """Return two stages on one pool of two nodes; the second one is on the first node only."""
    return Network(
        stations=(node(nodes=2, dispatch=dispatch),),
        steps=(
            Step(
                name="first",
                component=0,
                station=0,
                service_time=deterministic(1.0),
                replicas=2,
                sends=(Send(probability=1.0, step=1, hop=Hop(link=0, size_mb=2.0, within_pool=True)),),
            ),
            Step(name="second", component=1, station=0, service_time=deterministic(1.0)),
        ),
        stages=(Stage(name="a", steps=(0,)), Stage(name="b", steps=(1,))),
        entries=(entry("requests", trace(0, 10), 0),),
        links=(net("none"),),
    )


def test_a_hop_within_a_pool_is_free_on_the_same_node() -> None:
    """The first request meets its second step on its own node; the second one passes the network."""
    records = run(within_pool("round_robin"))
    assert ends(records) == [2.0, 14.0]
    assert records.link_mb.tolist() == [2.0]


def test_both_branches_of_a_fork_know_the_node_they_leave() -> None:
    """Of two requests the second one forks on the second node; both of its branches pay for leaving it."""
    plain = within_pool("round_robin")
    hop = Hop(link=0, size_mb=2.0, within_pool=True)
    first = Step(
        name="first",
        component=0,
        station=0,
        service_time=deterministic(1.0),
        replicas=2,
        sends=(Send(probability=1.0, step=1, hop=hop), Send(probability=1.0, step=2, hop=hop)),
    )
    third = Step(name="third", component=2, station=0, service_time=deterministic(1.0))
    network = Network(
        stations=plain.stations,
        steps=(first, plain.steps[1], third),
        stages=(Stage(name="a", steps=(0,), exclusive=False), Stage(name="b", steps=(1,)), Stage(name="c", steps=(2,))),
        entries=plain.entries,
        links=plain.links,
    )
    records = run(network)
    assert records.link_mb.tolist() == [4.0]
    assert ends(records) == [3.0, 15.0]


def test_a_node_chosen_before_a_transfer_may_be_down_after_it() -> None:
    """The request then waits for a node that is up."""
    records = run(within_pool("round_robin"), crash(12, 5, node=0))
    assert ends(records) == [2.0, 18.0]


# Routes ---------------------------------------------------------------------------------------------------------------


def wide() -> NodePool:
    """Return a node on which nobody waits."""
    return node(cores=1e6)


def fork(join: bool, probabilities: tuple[float, float] = (1.0, 1.0), station: NodePool | None = None) -> Network:
    """Return 0 → {1, 2} → 3 with works of 1, 2, 4 and 1 s."""
    return routed(
        [wide(), wide(), station or wide(), wide()],
        [deterministic(work) for work in (1.0, 2.0, 4.0, 1.0)],
        [[(1, probabilities[0]), (2, probabilities[1])], [(3, 1.0)], [(3, 1.0)], []],
        trace(0),
        independent=[0],
        joins=[3] if join else [],
    )


def steps_of(records: Trajectory) -> list[tuple[int, float, float]]:
    """Return the visits: step, arrival, end."""
    return [(int(row[1]), float(row[2]), float(row[3])) for row in records.visits]


def test_a_join_waits_for_the_last_branch() -> None:
    """It runs once, from 5 s to 6 s."""
    records = run(fork(join=True))
    assert steps_of(records) == [(0, 0, 1), (1, 1, 3), (2, 1, 5), (3, 5, 6)]
    assert ends(records) == [6.0]


def test_without_a_join_each_branch_goes_on() -> None:
    """The last component runs twice; the request ends with the later one."""
    records = run(fork(join=False))
    assert steps_of(records) == [(0, 0, 1), (1, 1, 3), (3, 3, 4), (2, 1, 5), (3, 5, 6)]
    assert ends(records) == [6.0]


def test_the_second_visit_of_a_request_draws_other_work() -> None:
    """Both are exponential, but not the same number."""
    network = routed(
        [wide()] * 4,
        [exponential(1.0)] * 4,
        [[(1, 1.0), (2, 1.0)], [(3, 1.0)], [(3, 1.0)], []],
        trace(0),
        independent=[0],
    )
    records = run(network)
    works = records.visits[records.visits[:, 1] == 3, 4]
    assert len(works) == 2
    assert works[0] != works[1]


@pytest.mark.parametrize(("probabilities", "end"), [((1.0, 0.0), 4.0), ((0.0, 1.0), 6.0), ((0.0, 0.0), 1.0)])
def test_a_join_does_not_wait_for_a_branch_that_is_not_taken(probabilities: tuple[float, float], end: float) -> None:
    """A branch of probability 0 is never taken; without any branch the request ends."""
    assert ends(run(fork(join=True, probabilities=probabilities))) == [end]


def test_a_join_does_not_wait_for_a_lost_branch() -> None:
    """The branch turned away is gone; the request goes on, ends, and counts as lost."""
    full = node(queue_capacity=0)
    network = fork(join=True, station=full)
    busy = Step(name="busy", component=4, station=2, service_time=deterministic(9.0))
    network = Network(
        stations=network.stations,
        steps=(*network.steps, busy),
        stages=(*network.stages, Stage(name="busy", steps=(4,))),
        entries=(*network.entries, entry("busy", trace(0), 4)),
    )
    records = run(network)
    assert records.lost.tolist() == [True, False]
    assert ends(records) == [4.0, 9.0]


def test_a_request_whose_last_branch_is_lost_ends_there() -> None:
    """It does not hang."""
    network = fork(join=True, probabilities=(0.0, 1.0), station=node(name="branch"))
    records = run(network, crash(2, 1, resource="branch", requests="lost"))
    assert records.lost.tolist() == [True]
    assert ends(records) == [2.0]


def test_nested_joins() -> None:
    """0 → {1, 2, 4}, {1, 2} → 3 joins, {3, 4} → 5 joins: 5 waits for 3 although 4 has long arrived."""
    network = routed(
        [wide()] * 6,
        [deterministic(work) for work in (1.0, 2.0, 4.0, 1.0, 1.0, 1.0)],
        [[(1, 1.0), (2, 1.0), (4, 1.0)], [(3, 1.0)], [(3, 1.0)], [(5, 1.0)], [(5, 1.0)], []],
        trace(0),
        independent=[0],
        joins=[3, 5],
    )
    records = run(network)
    assert steps_of(records)[-2:] == [(3, 5, 6), (5, 6, 7)]
    assert ends(records) == [7.0]


def test_a_join_with_one_edge_waits_for_a_component_that_runs_twice() -> None:
    """0 → {1, 2} → 3 fires on each → 4 joins: two inputs come over one edge, 4 runs once, after the second."""
    network = routed(
        [wide()] * 5,
        [deterministic(work) for work in (1.0, 2.0, 4.0, 1.0, 1.0)],
        [[(1, 1.0), (2, 1.0)], [(3, 1.0)], [(3, 1.0)], [(4, 1.0)], []],
        trace(0),
        independent=[0],
        joins=[4],
    )
    records = run(network)
    assert steps_of(records)[-1] == (4, 6, 7)
    assert sum(step == 4 for step, _, _ in steps_of(records)) == 1
    assert ends(records) == [7.0]


def test_a_join_after_a_join_that_gets_nothing() -> None:
    """Neither branch to the inner join is taken: the outer one does not wait for it."""
    network = routed(
        [wide()] * 6,
        [deterministic(work) for work in (1.0, 2.0, 4.0, 1.0, 1.0, 1.0)],
        [[(1, 0.0), (2, 0.0), (4, 1.0)], [(3, 1.0)], [(3, 1.0)], [(5, 1.0)], [(5, 1.0)], []],
        trace(0),
        independent=[0],
        joins=[3, 5],
    )
    assert ends(run(network)) == [3.0]


def test_a_join_waits_for_a_transfer_on_its_way() -> None:
    """A branch that travels has not arrived."""
    plain = fork(join=True)
    steps = list(plain.steps)
    steps[1] = Step(
        name="work 1",
        component=1,
        station=1,
        service_time=deterministic(2.0),
        sends=(Send(probability=1.0, step=3, hop=Hop(link=0, size_mb=10.0)),),
    )
    network = Network(
        stations=plain.stations, steps=tuple(steps), stages=plain.stages, entries=plain.entries, links=(net("none"),)
    )
    records = run(network)
    assert ends(records) == [14.0]
    assert steps_of(records)[-1] == (3, 13, 14)
    assert len(records.visits) == 4


def partitioned(exit_probability: float) -> Network:
    """Return a component of two partitions, 2 MB apart, before another component; paths over both and the second."""
    return Network(
        stations=(node(), node(name="second"), node(name="third")),
        steps=(
            Step(
                name="a1",
                component=0,
                station=0,
                service_time=deterministic(1.0),
                exit_probability=exit_probability,
                next_step=1,
                next_hop=Hop(link=0, size_mb=2.0),
                sends=(Send(probability=1.0, step=2),),
            ),
            Step(
                name="a2",
                component=0,
                station=1,
                service_time=deterministic(1.0),
                exit_probability=1.0,
                sends=(Send(probability=1.0, step=2, hop=Hop(link=0, size_mb=1.0)),),
            ),
            Step(name="b", component=1, station=2, service_time=deterministic(1.0), exit_probability=1.0),
        ),
        stages=(Stage(name="a", steps=(0, 1)), Stage(name="b", steps=(2,))),
        entries=(entry("requests", trace(0.5), 0),),
        links=(net("none"),),
        paths=((0, 1), (1,)),
    )


def test_a_request_passes_all_partitions() -> None:
    """1 s, 2 s of transfer, 1 s, 1 s of transfer, 1 s."""
    records = run(partitioned(0.0))
    assert steps_of(records) == [(0, 0.5, 1.5), (1, 3.5, 4.5), (2, 5.5, 6.5)]
    assert records.executions.tolist() == [[0, 0, 0.5, 4.5]]
    assert records.passages.tolist() == [[0, 0, 0.5, 6.5], [0, 1, 5.5, 6.5]]


def test_an_early_exit_skips_the_rest_of_the_component() -> None:
    """The next component follows at once."""
    records = run(partitioned(1.0))
    assert steps_of(records) == [(0, 0.5, 1.5), (2, 1.5, 2.5)]
    assert records.executions.tolist() == [[0, 0, 0.5, 1.5]]


@pytest.mark.parametrize("other_path", [(), ((1,),)])
def test_a_path_is_left_by_a_detour(other_path: tuple[tuple[int, ...], ...]) -> None:
    """0 → 1 → 2 is not a passage along 0 → 2, whether or not another path is measured."""
    records = run(shortcut((0, 2), *other_path, join=False))
    assert [row for row in records.passages.tolist() if row[1] == 0] == [[0, 0, 0, 2]]


def shortcut(*paths: tuple[int, ...], join: bool) -> Network:
    """Return 0 → 1 → 2 and 0 → 2, 1 s each, with these paths measured."""
    plain = routed(
        [wide()] * 3,
        [deterministic(1.0)] * 3,
        [[(1, 1.0), (2, 1.0)], [(2, 1.0)], []],
        trace(0),
        independent=[0],
        joins=[2] if join else [],
    )
    return Network(stations=plain.stations, steps=plain.steps, stages=plain.stages, entries=plain.entries, paths=paths)


def test_a_shortcut_is_not_a_passage_along_the_whole_path() -> None:
    """0 → 2 leaves out a stage of 0 → 1 → 2."""
    assert run(shortcut((0, 1, 2), join=False)).passages.tolist() == [[0, 0, 0, 3]]


def test_a_join_of_a_path_and_its_shortcut_ends_both() -> None:
    """The token that goes on is on the paths of both that met."""
    records = run(shortcut((0, 1, 2), (0, 2), join=True))
    assert sorted(records.passages.tolist()) == [[0, 0, 0, 3], [0, 1, 0, 3]]


def test_a_join_continues_the_path_of_each_branch() -> None:
    """Both paths through a fork end at the join, with the time of the later branch."""
    plain = fork(join=True)
    network = Network(
        stations=plain.stations,
        steps=plain.steps,
        stages=plain.stages,
        entries=plain.entries,
        paths=((0, 1, 3), (0, 2, 3), (1, 3), (2, 3)),
    )
    assert sorted(run(network).passages.tolist()) == [[0, 0, 0, 6], [0, 1, 0, 6], [0, 2, 1, 6], [0, 3, 1, 6]]


def test_a_loop_draws_a_new_coin_each_time() -> None:
    """A request that comes back with probability 0.5 comes back sometimes twice, and not for ever."""
    network = routed([wide()], [deterministic(1.0)], [[(0, 0.5)]], Deterministic(process="deterministic", rate=1.0))
    records = simulate_network(network, seed=1, requests=2000)
    rounds = np.bincount(records.visits[:, 0].astype(int))[:-50]
    shares = [np.mean(rounds == count) for count in (1, 2, 3)]
    assert shares == pytest.approx([0.5, 0.25, 0.125], abs=0.05)


# Functions ------------------------------------------------------------------------------------------------------------


def function(*times: float, idle_time: float = 10.0, cold: float | None = 2.0, **fields: Any) -> Network:
    """Return a function of 1 s of work and a cold start of 2 s."""
    station = FunctionPool(name="function", function="function", idle_time=idle_time, **fields)
    start = None if cold is None else deterministic(cold)
    return queue(station, deterministic(1.0), trace(*times), cold_start=start)


def kinds(records: Trajectory) -> list[float]:
    """Return COLD or WARM of the visits, by request."""
    return records.visits[np.argsort(records.visits[:, 0]), 5].tolist()


def test_the_first_request_is_cold_the_next_warm() -> None:
    """A cold start comes before the service; the record holds both."""
    records = run(function(0, 5))
    assert kinds(records) == [COLD, WARM]
    assert ends(records) == [3.0, 6.0]
    assert records.visits[:, 4].tolist() == [3.0, 1.0]
    assert records.invocations.tolist() == [2.0]


@pytest.mark.parametrize(("gap", "kind"), [(9.999, WARM), (10.0, COLD), (10.001, COLD)])
def test_an_instance_expires_exactly_at_its_idle_time(gap: float, kind: float) -> None:
    """It was idle from 3 s on."""
    assert kinds(run(function(0, 3 + gap))) == [COLD, kind]


def test_use_keeps_an_instance_warm() -> None:
    """Idle time counts from the last service, not from the birth."""
    assert kinds(run(function(0, 11, 20, 29))) == [COLD, WARM, WARM, WARM]


def test_the_newest_instance_serves() -> None:
    """Of two idle instances the younger serves, so that the older one expires."""
    # Born at 0 and 1 s, idle from 3 and 4 s. At 12.5 s the younger is taken; at 13.2 s the older has expired.
    assert kinds(run(function(0, 1, 12.5, 13.2))) == [COLD, COLD, WARM, COLD]


def test_a_cold_service_time_replaces_start_and_service() -> None:
    """It is the whole time."""
    station = FunctionPool(name="function", function="function", idle_time=10.0)
    network = queue(station, deterministic(1.0), trace(0, 9), cold_service_time=deterministic(5.0))
    assert ends(run(network)) == [5.0, 10.0]


def test_a_function_at_its_limit_rejects() -> None:
    """The second request finds the only instance busy."""
    records = run(function(0, 1, 3.5, concurrency_limit=1))
    assert records.lost.tolist() == [False, True, False]
    assert ends(records) == [3.0, 1.0, 4.5]
    assert kinds(records) == [COLD, WARM]


def test_a_function_at_its_limit_queues() -> None:
    """Requests wait their turn and then find the instance warm."""
    records = run(function(0, 1, 2, concurrency_limit=1, on_limit="queue"))
    assert ends(records) == [3.0, 4.0, 5.0]
    assert kinds(records) == [COLD, WARM, WARM]
    assert records.visits[:, 2].tolist() == [0.0, 1.0, 2.0]


@pytest.mark.parametrize(
    ("rules", "billed"),
    [({}, 2.0), ({0: (True, 0.0)}, 4.0), ({0: (False, 0.75)}, 3.0), ({0: (True, 0.75)}, 4.5), ({0: (True, 0.5)}, 4.0)],
)
def test_billing(rules: dict[int, tuple[bool, float]], billed: float) -> None:
    """3 s cold (1 s of them service) and 1 s warm, with and without cold starts, rounded up to the step."""
    records = simulate_network(function(0, 5), seed=1, requests=9, billing=Billing(rules))
    assert records.billed_seconds.tolist() == [billed]


# Sources and ends -----------------------------------------------------------------------------------------------------


def test_users_think_work_and_think_again() -> None:
    """Two users who think 3 s share one server of 1 s."""
    arrivals = Closed(process="closed", users=2, think_time=deterministic(3.0))
    records = run(queue(node(), deterministic(1.0), arrivals), horizon=9.5)
    assert records.arrivals.tolist() == [3.0, 3.0, 7.0, 8.0]
    assert ends(records) == [4.0, 5.0, 8.0, 9.0]


def test_a_user_turned_away_thinks_again() -> None:
    """The second of two users is rejected at 3 s and comes back at 6 s."""
    arrivals = Closed(process="closed", users=2, think_time=deterministic(3.0))
    records = run(queue(node(queue_capacity=0), deterministic(1.0), arrivals), horizon=6.5)
    assert records.arrivals.tolist() == [3.0, 3.0, 6.0]
    assert records.lost.tolist() == [False, True, False]


def test_a_user_waits_for_all_branches() -> None:
    """The request of a fork ends with its last part."""
    plain = fork(join=False)
    source = entry("users", Closed(process="closed", users=1, think_time=deterministic(1.0)), 0)
    network = Network(stations=plain.stations, steps=plain.steps, stages=plain.stages, entries=(source,))
    assert run(network, horizon=10.0).arrivals.tolist() == [1.0, 8.0]


def test_a_trace_that_ends_ends_the_run() -> None:
    """The run stops with the last request, before the number asked for; a horizon is kept, though."""
    assert run(queue(node(), deterministic(1.0), trace(0, 1.5))).horizon == 2.5
    assert run(queue(node(), deterministic(1.0), trace(0, 1.5)), horizon=100.0).horizon == 100.0
    assert run(queue(node(), deterministic(1.0), trace(0, 1.5))).ends.tolist() == [1.0, 2.5]


def test_two_traces_end_with_the_later_one() -> None:
    """A source that has run dry does not end the run while another goes on."""
    records = run(several(node(), [(0, 1, 1), (5, 1, 1)]))
    assert records.arrivals.tolist() == [0.0, 5.0]
    assert records.horizon == 6.0


def test_a_trace_out_of_order_is_sorted() -> None:
    """Arrival times come in order."""
    assert run(queue(node(), deterministic(0.1), trace(3, 1, 2))).arrivals.tolist() == [1.0, 2.0, 3.0]


def test_piecewise_arrivals_that_cease_end_the_run() -> None:
    """After the last rate of 0 nothing comes."""
    arrivals = Piecewise(process="piecewise", times=(0.0, 10.0), rates=(5.0, 0.0))
    records = run(queue(node(cores=100.0), deterministic(1.0), arrivals))
    assert 20 < len(records.arrivals) < 100
    assert records.arrivals.max() < 10
    assert not np.isnan(records.ends).any()


@pytest.mark.parametrize("horizon", [None, 7.0])
def test_a_world_without_requests(horizon: float | None) -> None:
    """It lasts as long as it was asked to, and its records are empty."""
    failures = Failures(
        event="failures", resource="node", time_to_failure=deterministic(3), time_to_repair=deterministic(2)
    )
    records = run(queue(node(), deterministic(1.0), trace()), failures, horizon=horizon)
    assert records.horizon == (horizon or 0.0)
    assert records.arrivals.shape == records.ends.shape == records.lost.shape == (0,)
    assert records.visits.shape == (0, 6)
    assert records.node_seconds_down.tolist() == [2.0 if horizon else 0.0]


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5])
def test_exactly_as_many_requests_arrive_as_asked_for(count: int) -> None:
    """Also where several come at the same moment."""
    batch = Batch(process="batch", rate=1.0, size=3)
    assert len(run(queue(node(), deterministic(1.0), batch), requests=count).arrivals) == count
    assert len(run(queue(node(), deterministic(1.0), trace(1, 1, 1, 1, 1, 1)), requests=count).arrivals) == count


def test_the_run_ends_with_the_last_arrival() -> None:
    """Requests still present are unfinished."""
    records = run(queue(node(), deterministic(1.0), trace(0, 0.5, 7)), requests=2)
    assert records.horizon == 0.5
    assert all(isnan(end) for end in records.ends)
    assert records.visits.shape == (0, 6)


def test_nothing_happens_at_the_horizon_itself() -> None:
    """A service that ends at the very second of the horizon is unfinished, an arrival at it does not count."""
    records = run(queue(node(), deterministic(1.0), trace(0, 2, 3, 4)), horizon=3.0)
    assert records.horizon == 3.0
    assert records.arrivals.tolist() == [0.0, 2.0]
    assert np.array_equal(records.ends, [1.0, nan], equal_nan=True)


@pytest.mark.parametrize("arguments", [{}, {"requests": 0}, {"horizon": 0.0}, {"requests": 5, "horizon": -1.0}])
def test_a_run_needs_an_end(arguments: dict[str, Any]) -> None:
    """Neither nothing nor a length of nothing will do."""
    with pytest.raises(ValueError, match="requests"):
        simulate_network(queue(node(), deterministic(1.0), 1.0), seed=1, **arguments)


def test_a_load_step_squeezes_arrivals() -> None:
    """Twice the load halves the gaps; a factor is relative to the workload, not to the step before."""
    arrivals = Deterministic(process="deterministic", rate=1.0)
    steps = [LoadStep(event="load", at=4.0, factor=0.5), LoadStep(event="load", at=2.0, factor=2.0)]
    records = run(queue(node(), deterministic(0.1), arrivals), *steps, requests=9)
    assert records.arrivals.tolist() == [1.0, 2.0, 2.5, 3.0, 3.5, 4.0, 6.0, 8.0, 10.0]


def test_a_load_step_from_the_start() -> None:
    """It holds for the first arrival."""
    arrivals = Deterministic(process="deterministic", rate=1.0)
    records = run(queue(node(), deterministic(0.1), arrivals), LoadStep(event="load", at=0.0, factor=4.0), requests=3)
    assert records.arrivals.tolist() == [0.25, 0.5, 0.75]


def test_a_load_step_leaves_the_start_where_it_is() -> None:
    """An arrival at 0 s stays there."""
    records = run(queue(node(), deterministic(0.1), trace(0, 2, 4)), LoadStep(event="load", at=2.0, factor=2.0))
    assert records.arrivals.tolist() == [0.0, 2.0, 3.0]


def test_requests_know_their_source() -> None:
    """Sources are numbered as they are listed."""
    records = run(several(node(), [(5, 1, 1), (0, 1, 1)]))
    assert records.sources.tolist() == [1, 0]
