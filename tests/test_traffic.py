"""Tests that requests reach every step as often as its routes say."""

from collections.abc import Sequence
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from twin.errors import EngineError
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
    Source,
    Trace,
)
from twin.network import Entry, Hop, Network, NodePool, Send, Stage, Step
from twin.routing import Passing, Routing
from twin.traffic import mean_rates, route_traffic, stage_rates, step_rates

SECOND = Law(law="exponential", mean=1.0)

Edges = dict[int, dict[int, float]]
"""Stage → successor → probability."""


def graph_network(
    count: int,
    edges: Edges,
    *,
    independent: Sequence[int] = (),
    joins: Sequence[int] = (),
    entries: Sequence[int] = (0,),
    arrivals: Arrivals | None = None,
) -> Network:
    """Return a network of *count* stages of one step each, connected by *edges*."""
    return Network(
        stations=(NodePool(name="pool", nodes=1),),
        steps=tuple(
            Step(
                name=f"s{i}",
                component=i,
                station=0,
                service_time=SECOND,
                sends=tuple(Send(probability=p, step=j) for j, p in edges.get(i, {}).items()),
            )
            for i in range(count)
        ),
        stages=tuple(
            Stage(name=f"s{i}", steps=(i,), exclusive=i not in independent, join_all=i in joins) for i in range(count)
        ),
        entries=tuple(
            Entry(source=Source(name=f"source{i}", arrivals=arrivals or Poisson(rate=1.0)), step=i) for i in entries
        ),
    )


def enumerated_visits(
    count: int, edges: Edges, independent: Sequence[int], joins: Sequence[int], start: int
) -> list[float]:
    """Return the mean number of runs of each stage per request, by listing all that can happen to one request.

    Stages are in topological order. A state is how many parts of the request are bound for each stage.
    """
    states = {tuple(int(i == start) for i in range(count)): 1.0}
    visits = [0.0] * count
    for stage in range(count):
        following: dict[tuple[int, ...], float] = {}
        outcomes = list(choices(edges.get(stage, {}), stage in independent))
        for state, chance in states.items():
            runs = min(state[stage], 1) if stage in joins else state[stage]
            visits[stage] += chance * runs
            for picks in product(outcomes, repeat=runs):
                after, weight = list(state), chance
                for targets, probability in picks:
                    weight *= probability
                    for target in targets:
                        after[target] += 1
                following[tuple(after)] = following.get(tuple(after), 0.0) + weight
        states = following
    return visits


def choices(successors: dict[int, float], independent: bool) -> list[tuple[tuple[int, ...], float]]:
    """Return the sets of stages to which one run may send, with their probabilities."""
    if not independent:
        rest = max(1.0 - sum(successors.values()), 0.0)
        return [((target,), p) for target, p in successors.items()] + [((), rest)]
    found = []
    for taken in product((False, True), repeat=len(successors)):
        weight = 1.0
        for take, p in zip(taken, successors.values(), strict=True):
            weight *= p if take else 1.0 - p
        found.append((tuple(t for t, take in zip(successors, taken, strict=True) if take), weight))
    return found


def test_rates_follow_the_probabilities_of_the_sends() -> None:
    """Exclusive and independent sends thin the flow alike; flows that meet add up."""
    edges = {0: {1: 0.6, 2: 0.3}, 1: {3: 1.0}, 2: {3: 0.5}}
    for independent in ((), (0,)):
        rates = step_rates(graph_network(4, edges, independent=independent), [2.0])
        assert rates == pytest.approx([2.0, 1.2, 0.6, 1.5])


def test_early_exits_leave_the_component_but_not_the_application() -> None:
    """A chain loses its exits from step to step; all of them reach the next component, from their own step."""
    network = Network(
        stations=(NodePool(name="pool", nodes=1),),
        steps=(
            Step(
                name="head",
                component=0,
                station=0,
                service_time=SECOND,
                exit_probability=0.25,
                next_step=1,
                sends=(Send(probability=0.8, step=2),),
            ),
            Step(name="tail", component=0, station=0, service_time=SECOND, sends=(Send(probability=0.8, step=2),)),
            Step(name="next", component=1, station=0, service_time=SECOND),
        ),
        stages=(Stage(name="cut", steps=(0, 1)), Stage(name="next", steps=(2,))),
        entries=(Entry(source=Source(name="s", arrivals=Poisson(rate=4.0)), step=0),),
    )
    rates = step_rates(network, mean_rates(network))
    assert rates == pytest.approx([4.0, 3.0, 3.2])
    assert stage_rates(network, rates) == pytest.approx([4.0, 3.2])


def test_a_join_runs_once_for_all_inputs_of_a_request() -> None:
    """Two certain inputs make one run with join all, two runs with join each."""
    edges = {0: {1: 1.0, 2: 1.0}, 1: {3: 1.0}, 2: {3: 1.0}}
    assert step_rates(graph_network(4, edges, independent=[0], joins=[3]), [3.0])[3] == pytest.approx(3.0)
    assert step_rates(graph_network(4, edges, independent=[0]), [3.0])[3] == pytest.approx(6.0)


def test_a_join_runs_when_any_of_its_independent_inputs_arrives() -> None:
    """With inputs of probability 1/2 and 2/5 that is 1 - 1/2 * 3/5."""
    traffic = route_traffic(
        Routing(graph_network(4, {0: {1: 0.5, 2: 0.4}, 1: {3: 1.0}, 2: {3: 1.0}}, independent=[0], joins=[3])), [1.0]
    )
    assert traffic.rates[3] == pytest.approx(0.7)
    assert traffic.reasons == ()


def test_a_join_adds_inputs_that_exclude_each_other() -> None:
    """Behind a choice a join gets every branch's requests, also where the application forks elsewhere."""
    edges = {0: {1: 0.5, 2: 0.4}, 1: {3: 1.0}, 2: {3: 0.5}, 3: {4: 1.0, 5: 1.0}}
    traffic = route_traffic(Routing(graph_network(6, edges, independent=[3], joins=[3])), [1.0])
    assert traffic.rates[3] == pytest.approx(0.7)
    assert traffic.reasons == ()


def test_a_join_behind_a_join_that_all_requests_pass_is_exact() -> None:
    """Fork and join in a row: the second pair starts afresh, for the requests of each entry."""
    edges = {0: {1: 0.9, 2: 1.0}, 1: {3: 1.0}, 2: {3: 1.0}, 3: {4: 0.5, 5: 0.5}, 4: {5: 0.4}}
    traffic = route_traffic(
        Routing(graph_network(6, edges, independent=[0, 3], joins=[3, 5], entries=[0, 4])), [2.0, 0.5]
    )
    assert traffic.reasons == ()
    # 1 - 0.5 * (1 - 0.5 * 0.4) of the requests that pass the first join, and 0.4 of those that enter behind it.
    assert traffic.rates[5] == pytest.approx(2.0 * 0.6 + 0.5 * 0.4)


def test_a_join_behind_a_stage_that_runs_twice_counts_both_runs() -> None:
    """All requests pass the stage before the second fork, but in two parts: the join must not take them for one."""
    edges = {0: {1: 1.0, 2: 1.0}, 1: {3: 1.0}, 2: {3: 0.5}, 3: {4: 0.5, 5: 0.5}, 4: {6: 0.5}, 5: {6: 0.5}}
    traffic = route_traffic(Routing(graph_network(7, edges, independent=[0, 3], joins=[6])), [1.0])
    assert traffic.rates == pytest.approx(enumerated_visits(7, edges, [0, 3], [6], 0))
    assert traffic.reasons == ()


def test_an_estimate_of_a_join_says_so() -> None:
    """A merged input that may still miss the join has no simple formula; the reason names the join that merges."""
    edges = {0: {1: 0.5, 2: 0.6}, 1: {3: 0.5, 4: 0.2}, 2: {3: 0.7}, 3: {5: 0.5}, 4: {5: 1.0}}
    traffic = route_traffic(Routing(graph_network(6, edges, independent=[0], joins=[3, 5])), [1.0])
    assert len(traffic.reasons) == 1
    assert "'s5'" in traffic.reasons[0]
    assert "'s3'" in traffic.reasons[0]
    exact = enumerated_visits(6, edges, [0], [3, 5], 0)
    assert traffic.rates[3] == pytest.approx(exact[3])
    assert traffic.rates[5] == pytest.approx(exact[5], rel=0.1)


@st.composite
def acyclic_graphs(draw: st.DrawFn) -> tuple[int, Edges, list[int], list[int]]:
    """Draw a graph of up to five stages in topological order: stages, edges, independent ones, joins."""
    count = draw(st.integers(2, 5))
    edges: Edges = {}
    for origin in range(count - 1):
        targets = draw(st.sets(st.integers(origin + 1, count - 1), max_size=2))
        share = 1.0 / max(len(targets), 1)
        edges[origin] = {t: share * draw(st.sampled_from([0.25, 0.5, 1.0])) for t in sorted(targets)}
    independent = draw(st.lists(st.integers(0, count - 1), unique=True))
    for stage in independent:
        edges[stage] = {t: draw(st.sampled_from([0.25, 0.75, 1.0])) for t in edges.get(stage, {})}
    return count, edges, independent, draw(st.lists(st.integers(1, count - 1), unique=True))


@settings(max_examples=150, deadline=None)
@given(graph=acyclic_graphs(), second=st.integers(0, 4))
def test_rates_are_those_of_all_that_can_happen(graph: tuple[int, Edges, list[int], list[int]], second: int) -> None:
    """Whatever is called exact agrees with the enumeration of all outcomes, for several entries together."""
    count, edges, independent, joins = graph
    start = min(second, count - 1)
    network = graph_network(count, edges, independent=independent, joins=joins, entries=[0, start])
    traffic = route_traffic(Routing(network), [2.0, 0.5])
    first, other = (enumerated_visits(count, edges, independent, network.joins, s) for s in (0, start))
    expected = 2.0 * np.array(first) + 0.5 * np.array(other)
    if not traffic.reasons:
        assert traffic.rates == pytest.approx(expected)
    assert traffic.rates[start] > 0.0


def test_loops_obey_the_traffic_equations() -> None:
    """A request that comes back with probability 3/10 visits 10/7 times on average."""
    rates = step_rates(graph_network(2, {0: {1: 0.5}, 1: {0: 0.6}}), [0.7])
    assert rates == pytest.approx([1.0, 0.5])


def test_requests_that_never_leave_are_an_error() -> None:
    """A certain loop has no steady state."""
    with pytest.raises(EngineError, match="no steady state: requests never leave"):
        step_rates(graph_network(2, {0: {1: 1.0}, 1: {0: 1.0}}), [1.0])


def test_what_is_lost_does_not_arrive_behind() -> None:
    """Shares of steps and of transfers thin the flows; a transfer that is not needed cannot get stuck."""
    network = Network(
        stations=(NodePool(name="pool", nodes=4),),
        steps=(
            Step(
                name="a",
                component=0,
                station=0,
                service_time=SECOND,
                replicas=4,
                sends=(Send(probability=1.0, step=1, hop=Hop(link=0, size_mb=2.0, within_pool=True)),),
            ),
            Step(name="b", component=1, station=0, service_time=SECOND, replicas=2),
        ),
        stages=(Stage(name="a", steps=(0,)), Stage(name="b", steps=(1,))),
        entries=(Entry(source=Source(name="s", arrivals=Poisson(rate=1.0)), step=0, hop=Hop(link=0, size_mb=1.0)),),
    )
    passing = Passing(steps=np.array([0.5, 1.0]), transfers={(0, 1.0): 0.8, (0, 2.0): 0.2})
    rates = route_traffic(Routing(network), [1.0], passing).rates
    assert rates == pytest.approx([0.8, 0.8 * 0.5 * (0.25 + 0.75 * 0.2)])


def test_a_chain_of_ten_thousand_steps_keeps_its_rate() -> None:
    """Long applications need no recursion."""
    count = 10_000
    network = graph_network(count, {i: {i + 1: 1.0} for i in range(count - 1)})
    assert step_rates(network, [2.0])[-1] == pytest.approx(2.0)


@pytest.mark.parametrize(
    ("arrivals", "rate"),
    [
        (Poisson(rate=2.0), 2.0),
        (Deterministic(process="deterministic", rate=3.0), 3.0),
        (Renewal(process="renewal", gap=Law(law="gamma", mean=0.5, cv=2.0)), 2.0),
        (Piecewise(process="piecewise", times=(0.0, 1.0), rates=(2.0, 6.0), period=4.0), 5.0),
        (Sinusoid(process="sinusoid", rate=1.5, amplitude=0.5, period=10.0), 1.5),
        (
            MarkovModulated(
                process="markov_modulated",
                states=(MarkovState(rate=1.0, sojourn=3.0), MarkovState(rate=5.0, sojourn=1.0)),
            ),
            2.0,
        ),
        (Batch(process="batch", rate=4.0, size=2), 4.0),
        (Trace(process="trace", file="t.csv", times=(1.0, 2.0, 5.0)), 0.5),
        (Trace(process="trace", file="t.csv", times=(1.0,)), 0.0),
    ],
)
def test_every_open_source_has_a_mean_rate(arrivals: Arrivals, rate: float) -> None:
    """The mean over the long run, whatever the process."""
    assert mean_rates(graph_network(1, {}, arrivals=arrivals)) == pytest.approx([rate])


def test_a_closed_source_has_no_rate_of_its_own() -> None:
    """How often users come depends on how fast they are answered."""
    users = Closed(process="closed", users=3, think_time=SECOND)
    assert np.isnan(mean_rates(graph_network(1, {}, arrivals=users))).all()
