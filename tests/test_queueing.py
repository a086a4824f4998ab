"""Tests that the closed forms of queueing theory are right.

Their oracle is mostly the Markov chain of the model itself: its states are enumerated from a description of the
transitions and its balance equations are solved, without any formula of queueing theory.
"""

import doctest
import math
from collections.abc import Callable, Iterable
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.integrate import quad
from scipy.linalg import expm
from scipy.optimize import brentq

from twin.engines import queueing
from twin.engines.queueing import (
    erlang_b,
    erlang_c,
    faas_chain,
    kingman,
    limited_ps_mean_number,
    mg1_waiting_time,
    mgc_waiting_time,
    mmc_response_time,
    mmc_response_time_quantile,
    mmc_response_time_survival,
    mmc_waiting_time,
    mmck,
    mva,
    ps_response_times,
    traffic_equations,
)

State = tuple[int, ...]
Transitions = Callable[[State], Iterable[tuple[State, float]]]


def stationary_law(start: State, transitions: Transitions) -> dict[State, float]:
    """Return the stationary law of the Markov chain that *transitions* (next state, rate) spans from *start*."""
    states = [start]
    known = {start}
    for state in states:
        reached = {following for following, rate in transitions(state) if rate > 0.0} - known
        known |= reached
        states.extend(sorted(reached))
    index = {state: position for position, state in enumerate(states)}
    balance = np.zeros((len(states), len(states)))
    for state in states:
        for following, rate in transitions(state):
            if rate > 0.0:
                balance[index[following], index[state]] += rate
                balance[index[state], index[state]] -= rate
    balance[0, :] = 1.0
    right = np.zeros(len(states))
    right[0] = 1.0
    return dict(zip(states, np.linalg.solve(balance, right), strict=True))


def mean(law: dict[State, float], value: Callable[[State], float]) -> float:
    """Return the mean of *value* under *law*."""
    return math.fsum(share * value(state) for state, share in law.items())


def mean_numbers(law: dict[State, float]) -> NDArray[np.float64]:
    """Return the means of all the coordinates of the state."""
    return np.asarray(np.array(list(law.values())) @ np.array(list(law)))


def many_servers(arrival_rate: float, service_time: float, servers: int, capacity: int) -> dict[State, float]:
    """Return the law of the number of requests in M/M/c/K."""

    def transitions(state: State) -> Iterable[tuple[State, float]]:
        (number,) = state
        if number < capacity:
            yield (number + 1,), arrival_rate
        if number > 0:
            yield (number - 1,), min(number, servers) / service_time

    return stationary_law((0,), transitions)


# Several servers ------------------------------------------------------------------------------------------------------

loads = st.floats(0.01, 0.95)
server_counts = st.integers(1, 60)
times = st.floats(1e-3, 1e3)


@pytest.mark.parametrize(
    ("servers", "offered_load", "loss"),
    [(1, 1.0, 0.5), (2, 1.0, 0.2), (10, 5.0, 0.018385), (10, 4.461, 0.01), (100, 84.06, 0.01), (0, 3.0, 1.0)],
)
def test_erlang_b_gives_the_values_of_the_traffic_tables(servers: int, offered_load: float, loss: float) -> None:
    """The rows with 1 % are the classical entries 4.461 and 84.06 erlang for 10 and 100 trunks."""
    assert erlang_b(servers, offered_load) == pytest.approx(loss, rel=1e-3)


@given(servers=st.integers(0, 40), offered_load=st.floats(0.01, 60.0))
def test_erlang_b_is_the_last_term_of_the_truncated_poisson_law(servers: int, offered_load: float) -> None:
    """The direct sum, in exact fractions."""
    load = Fraction(offered_load)
    terms = [load**count / math.factorial(count) for count in range(servers + 1)]

    assert erlang_b(servers, offered_load) == pytest.approx(float(terms[-1] / sum(terms)), rel=1e-12)


def test_erlang_b_is_stable_for_thousands_of_servers() -> None:
    """In the limit of many servers under critical load the loss is that of the normal law, sqrt(2 / (pi c))."""
    assert erlang_b(1_000_000, 1e6) == pytest.approx(math.sqrt(2.0 / (math.pi * 1e6)), rel=2e-3)
    assert erlang_b(5000, 1.0) == 0.0
    assert erlang_b(2000, 4000.0) == pytest.approx(0.5, rel=1e-3)


@given(servers=server_counts, load=st.floats(0.01, 100.0), more=st.floats(0.01, 10.0))
def test_loss_and_delay_grow_with_the_load_and_shrink_with_the_servers(servers: int, load: float, more: float) -> None:
    """And a request that would be lost would have to wait."""
    for probability in (erlang_b, erlang_c):
        assert probability(servers, load) <= probability(servers, load + more) + 1e-15
        assert probability(servers + 1, load) <= probability(servers, load) + 1e-15
    assert erlang_b(servers, load) <= erlang_c(servers, load) + 1e-15 <= 1.0 + 1e-15


@pytest.mark.parametrize(("servers", "utilisation"), [(1, 0.3), (1, 0.8), (2, 0.5), (3, 0.9), (8, 0.7)])
def test_a_queue_with_several_servers_is_its_markov_chain(servers: int, utilisation: float) -> None:
    """Delay probability, waiting time and response time of M/M/c against a chain cut where nothing is left."""
    service_time = 0.4
    arrival_rate = utilisation * servers / service_time
    law = many_servers(arrival_rate, service_time, servers, capacity=servers + 400)

    number = mean(law, lambda state: state[0])
    waiting = mean(law, lambda state: max(0, state[0] - servers))
    delayed = mean(law, lambda state: state[0] >= servers)

    assert erlang_c(servers, utilisation * servers) == pytest.approx(delayed, rel=1e-9)
    assert mmc_waiting_time(arrival_rate, service_time, servers) == pytest.approx(waiting / arrival_rate, rel=1e-9)
    assert mmc_response_time(arrival_rate, service_time, servers) == pytest.approx(number / arrival_rate, rel=1e-9)


def test_the_clinic_of_gross_and_harris() -> None:
    """M/M/3 with 6 patients an hour and 20 minutes each: C = 4/9, Lq = 8/9, L = 26/9 (1998, example 2.2)."""
    assert erlang_c(3, 2.0) == pytest.approx(4 / 9)
    assert 6.0 * mmc_waiting_time(6.0, 1 / 3, 3) == pytest.approx(8 / 9)
    assert 6.0 * mmc_response_time(6.0, 1 / 3, 3) == pytest.approx(26 / 9)


@given(utilisation=loads, service_time=times)
def test_one_server_gives_the_formulas_of_the_single_queue(utilisation: float, service_time: float) -> None:
    """R = S / (1 - U), and a quantile of an exponential law."""
    rate = utilisation / service_time
    response_time = service_time / (1.0 - utilisation)

    assert mmc_response_time(rate, service_time, 1) == pytest.approx(response_time)
    assert mmc_response_time_quantile(rate, service_time, 1, 0.99) == pytest.approx(response_time * math.log(100.0))


@given(load=st.floats(0.01, 20.0), service_time=times)
def test_with_many_servers_nobody_waits(load: float, service_time: float) -> None:
    """What is left of the response time is the service."""
    assert mmc_response_time(load / service_time, service_time, 100) == pytest.approx(service_time)


@given(utilisation=loads, servers=server_counts, service_time=times, growth=st.floats(1.0, 1.05))
def test_a_queue_gets_slower_with_its_load(
    utilisation: float, servers: int, service_time: float, growth: float
) -> None:
    """Mean and quantile alike."""
    rate = utilisation * servers / service_time
    busier = rate * growth
    mean_times = [mmc_response_time(load, service_time, servers) for load in (rate, busier)]
    quantiles = [mmc_response_time_quantile(load, service_time, servers, 0.9) for load in (rate, busier)]

    assert mean_times[0] <= mean_times[1] * (1.0 + 1e-12)
    assert quantiles[0] <= quantiles[1] * (1.0 + 1e-12)


def test_a_queue_without_requests_or_without_work_does_not_wait() -> None:
    """The ends of the ranges: no arrivals, or services of no length."""
    assert mmc_waiting_time(0.0, 2.0, 1) == 0.0
    assert mmc_response_time(5.0, 0.0, 1) == 0.0
    assert mmc_response_time_survival(5.0, 0.0, 1, 0.0) == 0.0
    assert mmc_response_time_quantile(5.0, 0.0, 1, 0.5) == 0.0
    assert mmc_response_time_quantile(5.0, 0.1, 1, 0.0) == 0.0
    assert mmc_response_time_quantile(0.0, 2.0, 3, 0.5) == pytest.approx(2.0 * math.log(2.0))


@pytest.mark.parametrize("rate", [2.0, 2.5, 1e9])
def test_a_queue_that_cannot_keep_up_is_infinitely_slow(rate: float) -> None:
    """Utilisation of 1 and more: never a negative time."""
    for time in (
        mmc_waiting_time(rate, 1.0, 2),
        mmc_response_time(rate, 1.0, 2),
        mmc_response_time_quantile(rate, 1.0, 2, 0.0),
        mg1_waiting_time(rate, 0.5, 0.0),
        mgc_waiting_time(rate, 1.0, 0.0, 2),
        kingman(rate, 1.0, 0.0, 0.0, 2),
        limited_ps_mean_number(rate, 2.0),
        *ps_response_times([rate / 2, rate / 2], [1.0, 1.0], 2.0),
    ):
        assert time == math.inf
    assert erlang_c(2, rate) == 1.0
    assert mmc_response_time_survival(rate, 1.0, 2, 1e6) == 1.0


# Quantiles ------------------------------------------------------------------------------------------------------------


def survival_by_phases(utilisation: float, servers: int, seconds: float) -> float:
    """Return P(response > *seconds*) in M/M/c with unit services: a tagged request goes through phases."""
    places = 600
    law = many_servers(utilisation * servers, 1.0, servers, capacity=servers + places)
    generator = np.diag([-1.0] + [-float(servers)] * places) + np.diag([float(servers)] * places, -1)
    start = np.array([mean(law, lambda state: state[0] < servers)] + [law[servers + n,] for n in range(places)])
    return float((start @ expm(generator * seconds)).sum())


@pytest.mark.parametrize(("servers", "utilisation"), [(1, 0.7), (2, 0.5), (3, 0.9), (4, 0.75), (8, 0.6)])
@pytest.mark.parametrize("seconds", [0.1, 1.0, 4.0])
def test_the_tail_of_the_response_time_is_that_of_a_tagged_request(
    servers: int, utilisation: float, seconds: float
) -> None:
    """It waits for one departure per request ahead, then is served; (2, 0.5), (4, 0.75) have equal rates for both."""
    expected = survival_by_phases(utilisation, servers, seconds)

    assert mmc_response_time_survival(utilisation * servers, 1.0, servers, seconds) == pytest.approx(expected, rel=1e-8)


@given(
    utilisation=st.floats(0.0, 0.999), servers=server_counts, service_time=times, probability=st.floats(0.0, 0.999999)
)
def test_a_quantile_is_the_inverse_of_the_tail(
    utilisation: float, servers: int, service_time: float, probability: float
) -> None:
    """Also close to saturation and close to certainty."""
    rate = utilisation * servers / service_time
    seconds = mmc_response_time_quantile(rate, service_time, servers, probability)

    tail = mmc_response_time_survival(rate, service_time, servers, seconds)
    assert tail == pytest.approx(1.0 - probability, rel=1e-9)


@pytest.mark.parametrize(("servers", "utilisation"), [(1, 0.5), (2, 0.5), (4, 0.75), (5, 0.9), (50, 0.97)])
def test_the_tail_integrates_to_the_mean(servers: int, utilisation: float) -> None:
    """The mean of a time is the integral of its tail."""
    rate, service_time = utilisation * servers / 0.3, 0.3
    integral, _ = quad(lambda seconds: mmc_response_time_survival(rate, service_time, servers, seconds), 0.0, np.inf)

    assert integral == pytest.approx(mmc_response_time(rate, service_time, servers), rel=1e-7)


def test_the_tail_is_smooth_where_wait_and_service_have_the_same_rate() -> None:
    """The textbook formula divides zero by zero there; a step of 1e-9 in the load must not show."""
    at, beside = (mmc_response_time_survival(rate, 1.0, 2, 1.5) for rate in (1.0, 1.0 + 1e-9))

    assert at == pytest.approx(beside, rel=1e-8)


# Finite queues --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("servers", "capacity"), [(1, 1), (1, 5), (3, 3), (3, 10), (4, 4)])
@pytest.mark.parametrize("arrival_rate", [0.2, 3.0, 40.0])
def test_a_finite_queue_is_its_markov_chain(servers: int, capacity: int, arrival_rate: float) -> None:
    """Under light, critical and hopeless load."""
    law = many_servers(arrival_rate, 0.7, servers, capacity)
    number, blocking = mean(law, lambda state: state[0]), law[capacity,]

    queue = mmck(arrival_rate, 0.7, servers, capacity)

    assert queue.blocking_probability == pytest.approx(blocking, rel=1e-9)
    assert queue.mean_number == pytest.approx(number, rel=1e-9)
    assert queue.throughput == pytest.approx(mean(law, lambda state: min(state[0], servers)) / 0.7, rel=1e-9)
    assert queue.response_time == pytest.approx(number / (arrival_rate * (1.0 - blocking)), rel=1e-9)


@given(servers=st.integers(1, 30), load=st.floats(0.01, 90.0))
def test_a_queue_without_waiting_room_is_a_loss_system(servers: int, load: float) -> None:
    """M/M/c/c: blocking is Erlang B, and who is accepted is served at once."""
    queue = mmck(load / 2.0, 2.0, servers, servers)

    assert queue.blocking_probability == pytest.approx(erlang_b(servers, load), rel=1e-9)
    assert queue.response_time == pytest.approx(2.0, rel=1e-9)


@given(servers=st.integers(1, 30), utilisation=st.floats(0.01, 0.9))
def test_a_queue_with_a_large_room_is_one_with_an_unlimited_room(servers: int, utilisation: float) -> None:
    """M/M/c/1000 against M/M/c."""
    queue = mmck(utilisation * servers, 1.0, servers, 1000)

    assert queue.response_time == pytest.approx(mmc_response_time(utilisation * servers, 1.0, servers), rel=1e-9)


def test_a_finite_queue_survives_extreme_loads() -> None:
    """No arrivals at all, and thousands of times more than fit into thousands of places."""
    idle, flooded = mmck(0.0, 0.5, 2, 4), mmck(1e6, 1.0, 100, 3000)

    assert (idle.blocking_probability, idle.mean_number, idle.throughput, idle.response_time) == (0.0, 0.0, 0.0, 0.5)
    assert flooded.throughput == pytest.approx(100.0, rel=1e-9)
    assert flooded.mean_number == pytest.approx(3000.0, rel=1e-6)


# General distributions ------------------------------------------------------------------------------------------------


def erlang_two_service(utilisation: float, servers: int, places: int) -> float:
    """Return the mean wait in M/E2/c (unit services of two phases) from its chain (waiting, in phase 1, in phase 2)."""

    def transitions(state: State) -> Iterable[tuple[State, float]]:
        waiting, first, second = state
        free = first + second < servers
        if free:
            yield (0, first + 1, second), utilisation * servers
        elif waiting < places:
            yield (waiting + 1, first, second), utilisation * servers
        yield (waiting, first - 1, second + 1), 2.0 * first
        next_request = (waiting - 1, first + 1, second - 1) if waiting else (0, first, second - 1)
        yield next_request, 2.0 * second

    return mean(stationary_law((0, 0, 0), transitions), lambda state: state[0]) / (utilisation * servers)


@pytest.mark.parametrize("utilisation", [0.2, 0.6, 0.85])
def test_pollaczek_and_khinchine_know_services_of_two_phases(utilisation: float) -> None:
    """M/E2/1: the squared coefficient of variation is 1/2."""
    expected = erlang_two_service(utilisation, servers=1, places=300)

    assert mg1_waiting_time(utilisation, 1.0, 0.5) == pytest.approx(expected, rel=1e-9)


@given(utilisation=loads, service_time=times, scv=st.floats(0.0, 50.0))
def test_the_estimates_are_exact_for_one_server_and_poisson_arrivals(
    utilisation: float, service_time: float, scv: float
) -> None:
    """Kingman, Lee and Longton reduce to Pollaczek and Khinchine, these to M/M/1; constant services wait half."""
    rate = utilisation / service_time
    exact = mg1_waiting_time(rate, service_time, scv)

    assert kingman(rate, service_time, 1.0, scv) == pytest.approx(exact)
    assert mgc_waiting_time(rate, service_time, scv, 1) == pytest.approx(exact)
    assert mg1_waiting_time(rate, service_time, 1.0) == pytest.approx(mmc_waiting_time(rate, service_time, 1))
    assert mg1_waiting_time(rate, service_time, 0.0) == pytest.approx(mmc_waiting_time(rate, service_time, 1) / 2.0)


@given(utilisation=loads, servers=server_counts)
def test_the_estimates_are_exact_for_exponential_times(utilisation: float, servers: int) -> None:
    """With all coefficients of variation 1 nothing is left to estimate."""
    exact = mmc_waiting_time(utilisation * servers, 1.0, servers)

    assert mgc_waiting_time(utilisation * servers, 1.0, 1.0, servers) == pytest.approx(exact)
    assert kingman(utilisation * servers, 1.0, 1.0, 1.0, servers) == pytest.approx(exact)


@pytest.mark.parametrize(("servers", "utilisation", "error"), [(2, 0.6, 0.05), (2, 0.85, 0.02), (3, 0.8, 0.04)])
def test_the_estimate_for_several_servers_is_close(servers: int, utilisation: float, error: float) -> None:
    """M/E2/c from its chain; the error shrinks as the load grows."""
    expected = erlang_two_service(utilisation, servers, places=200)

    assert mgc_waiting_time(utilisation * servers, 1.0, 0.5, servers) == pytest.approx(expected, rel=error)


def test_kingman_is_right_in_heavy_traffic() -> None:
    """E2/M/1, exact by the root of its functional equation: the relative error vanishes as the load approaches 1."""

    def exact(utilisation: float) -> float:
        root = float(
            brentq(lambda x: (2.0 / (2.0 + (1.0 - x) / utilisation)) ** 2 - x, 0.0, 1.0 - (1 - utilisation) / 2)
        )
        return root / (1.0 - root)

    errors = [abs(kingman(load, 1.0, 0.5, 1.0) / exact(load) - 1.0) for load in (0.8, 0.9, 0.98)]

    assert errors == sorted(errors, reverse=True)
    assert errors[-1] < 0.01


# Processor sharing ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("parallelism", [0.5, 1.0, 1.7, 2.0, 3.25, 8.0])
@pytest.mark.parametrize("utilisation", [0.1, 0.6, 0.9])
def test_a_shared_node_is_its_markov_chain(parallelism: float, utilisation: float) -> None:
    """Also where its speed is no whole number of requests, or less than one."""
    load = utilisation * parallelism

    def transitions(state: State) -> Iterable[tuple[State, float]]:
        (number,) = state
        if number < 500:
            yield (number + 1,), load
        if number > 0:
            yield (number - 1,), min(number, parallelism)

    expected = mean(stationary_law((0,), transitions), lambda state: state[0])
    assert limited_ps_mean_number(load, parallelism) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("parallelism", [1.0, 1.5, 2.0])
def test_a_shared_node_does_not_care_for_the_distribution_of_services(parallelism: float) -> None:
    """Services of two phases, each request at the same share of the speed: the mean number is as for one phase."""
    load = 0.6 * parallelism

    def transitions(state: State) -> Iterable[tuple[State, float]]:
        first, second = state
        number = first + second
        if number < 40:
            yield (first + 1, second), load
        if number:
            speed = min(1.0, parallelism / number)
            yield (first - 1, second + 1), 2.0 * first * speed
            yield (first, second - 1), 2.0 * second * speed

    expected = mean(stationary_law((0, 0), transitions), sum)
    assert limited_ps_mean_number(load, parallelism) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("parallelism", [0.8, 1.0, 2.5])
def test_classes_that_share_a_node_slow_each_other_down(parallelism: float) -> None:
    """Two classes of different length, from the chain of their numbers and Little's law."""
    rates, services = [0.3 * parallelism, 0.05 * parallelism], [1.0, 5.0]

    def transitions(state: State) -> Iterable[tuple[State, float]]:
        short, long = state
        if short + long < 40:
            yield (short + 1, long), rates[0]
            yield (short, long + 1), rates[1]
        if short + long:
            speed = min(1.0, parallelism / (short + long))
            yield (short - 1, long), short * speed / services[0]
            yield (short, long - 1), long * speed / services[1]

    law = stationary_law((0, 0), transitions)
    expected = mean_numbers(law) / rates

    assert ps_response_times(rates, services, parallelism) == pytest.approx(expected, rel=1e-5)


@given(utilisation=loads)
def test_a_node_of_speed_one_is_the_shared_processor_of_the_textbook(utilisation: float) -> None:
    """N = U / (1 - U), R = S / (1 - U)."""
    assert limited_ps_mean_number(utilisation) == pytest.approx(utilisation / (1.0 - utilisation))
    assert ps_response_times([utilisation / 3.0], [3.0]) == pytest.approx([3.0 / (1.0 - utilisation)])


@given(utilisation=loads, servers=server_counts)
def test_a_shared_node_of_whole_speed_holds_as_many_as_a_queue(utilisation: float, servers: int) -> None:
    """The chain of the numbers is that of M/M/c."""
    load = utilisation * servers

    assert limited_ps_mean_number(load, servers) == pytest.approx(load * mmc_response_time(load, 1.0, servers))


@given(load=st.floats(0.0, 30.0), parallelism=st.floats(0.1, 40.0), more=st.floats(0.0, 5.0))
def test_more_speed_never_hurts_and_more_load_never_helps(load: float, parallelism: float, more: float) -> None:
    """Nor does any speed do better than serving all at once."""
    number = limited_ps_mean_number(load, parallelism)

    assert limited_ps_mean_number(load, parallelism + more) <= number * (1.0 + 1e-12)
    assert limited_ps_mean_number(load + more, parallelism) >= number * (1.0 - 1e-12)
    assert number >= limited_ps_mean_number(load, math.inf) * (1.0 - 1e-12)
    assert limited_ps_mean_number(load, math.inf) == load


def test_a_lone_request_gets_what_the_node_can_give() -> None:
    """Without load a request runs at speed 1, or at that of a slower node; a node for thousands works too."""
    assert ps_response_times([0.0], [2.0], 4.0) == pytest.approx([2.0])
    assert ps_response_times([0.0, 0.0], [2.0, 1.0], 0.5) == pytest.approx([4.0, 2.0])
    assert ps_response_times([], []).size == 0
    assert limited_ps_mean_number(1000.0, 5000.5) == pytest.approx(1000.0)


# Open networks --------------------------------------------------------------------------------------------------------


def test_requests_are_counted_at_every_station_they_visit() -> None:
    """A loop of two stations: a request comes back with probability 1/4, so each is visited 4/3 times."""
    rates = traffic_equations([3.0, 0.0], [[0.0, 1.0], [0.25, 0.0]])

    assert rates == pytest.approx([4.0, 4.0])


@given(size=st.integers(1, 6), seed=st.integers(0, 2**32 - 1))
def test_visits_are_the_sum_of_all_ways_through_the_network(size: int, seed: int) -> None:
    """The series external @ (1 + P + P^2 + ...), and everything that enters also leaves."""
    rng = np.random.default_rng(seed)
    routing = rng.random((size, size)) * 0.8 / size
    external = rng.random(size)
    series, step = np.zeros(size), external
    for _ in range(400):
        series, step = series + step, step @ routing

    rates = traffic_equations(external, routing)

    assert rates == pytest.approx(series)
    assert rates @ (1.0 - routing.sum(axis=1)) == pytest.approx(external.sum())


def test_an_application_that_forks_without_loops_is_finite() -> None:
    """Rows may sum to more than 1; rounding must not invent a loop in a long shuffled chain of forks."""
    size = 60
    order = np.random.default_rng(7).permutation(size)
    routing = np.zeros((size, size))
    routing[order[:-1], order[1:]] = 1.5
    external = np.zeros(size)
    external[order[0]] = 1.0

    assert traffic_equations(external, routing)[order] == pytest.approx(1.5 ** np.arange(size))
    assert traffic_equations([], np.zeros((0, 0))).size == 0


@pytest.mark.parametrize(
    "routing",
    [[[0.0, 1.0], [1.0, 0.0]], [[0.5, 0.6], [0.5, 0.4]], [[1.0, 0.0], [0.0, 0.0]], [[0.1] * 10] * 10],
)
def test_requests_that_never_leave_are_refused(routing: list[list[float]]) -> None:
    """Closed or growing loops have no rates; the last one is closed only up to rounding."""
    with pytest.raises(ValueError, match="never leave the network"):
        traffic_equations([1.0] * len(routing), routing)


# Closed networks ------------------------------------------------------------------------------------------------------


def closed_chain(
    demands: list[float], population: int, think_time: float, servers: list[float]
) -> tuple[float, NDArray[np.float64]]:
    """Return throughput and mean numbers of a closed cycle of stations, from its chain (numbers at the stations)."""

    def transitions(state: State) -> Iterable[tuple[State, float]]:
        if sum(state) < population:
            yield (state[0] + 1, *state[1:]), (population - sum(state)) / think_time
        for station, number in enumerate(state):
            following = list(state)
            following[station] -= 1
            if station + 1 < len(state):
                following[station + 1] += 1
            yield tuple(following), min(number, servers[station] or math.inf) / demands[station]

    law = stationary_law((0,) * len(demands), transitions)
    numbers = mean_numbers(law)
    return (population - numbers.sum()) / think_time, numbers


@pytest.mark.parametrize("population", [1, 2, 5, 8])
@pytest.mark.parametrize(
    ("demands", "servers"),
    [([0.5, 1.0], [1, 1]), ([0.5, 1.0], [1, 3]), ([0.7, 0.2, 1.5], [2, 1, 0]), ([2.0, 1.0, 0.4], [3, math.inf, 2])],
)
def test_a_closed_network_is_its_markov_chain(demands: list[float], servers: list[float], population: int) -> None:
    """Single and multiple servers, and stations without queueing."""
    throughput, numbers = closed_chain(demands, population, 2.5, servers)

    network = mva(demands, population, 2.5, servers)

    assert network.throughput == pytest.approx(throughput, rel=1e-9)
    assert network.mean_numbers == pytest.approx(numbers, rel=1e-9)
    assert network.response_times == pytest.approx(numbers / throughput, rel=1e-9)
    assert network.response_time == pytest.approx(population / throughput - 2.5, rel=1e-9)


def test_routing_matters_only_through_the_demands() -> None:
    """A central server with probabilistic visits to two disks, from its chain, and with visits times service time."""
    service_times, routing, population = (0.05, 0.2, 0.3), (0.1, 0.6, 0.3), 6

    def transitions(state: State) -> Iterable[tuple[State, float]]:
        cpu, fast, slow = state
        if cpu:
            yield (cpu - 1, fast + 1, slow), routing[1] / service_times[0]
            yield (cpu - 1, fast, slow + 1), routing[2] / service_times[0]
        if fast:
            yield (cpu + 1, fast - 1, slow), 1 / service_times[1]
        if slow:
            yield (cpu + 1, fast, slow - 1), min(slow, 2) / service_times[2]

    law = stationary_law((population, 0, 0), transitions)
    cycles = mean(law, lambda state: state[0] > 0) / service_times[0] * routing[0]

    network = mva([0.5, 0.2 * 6.0, 0.3 * 3.0], population, 0.0, [1, 1, 2])

    assert network.throughput == pytest.approx(cycles, rel=1e-9)
    assert network.mean_numbers == pytest.approx(mean_numbers(law), rel=1e-9)


@given(stations=st.integers(1, 6), population=st.integers(1, 60), demand=times)
@settings(deadline=None)
def test_a_balanced_network_has_a_closed_form(stations: int, population: int, demand: float) -> None:
    """Equal single servers: X = N / (D (N + K - 1))."""
    network = mva([demand] * stations, population, 0.0, [1] * stations)

    assert network.throughput == pytest.approx(population / demand / (population + stations - 1))
    assert network.mean_numbers == pytest.approx([population / stations] * stations)


def test_a_large_network_keeps_its_digits() -> None:
    """200 requests, stations of many servers, near the knee: against a convolution in exact fractions."""
    demands, servers, population = [0.5, 7.5, 0.25, 3.0], [1, 16, 0, 8], 200
    constants = [Fraction(1)] + [Fraction(0)] * population
    for demand, count in zip([*demands, 60.0], [*servers, 0], strict=True):
        weights = [Fraction(1)]
        for number in range(1, population + 1):
            weights.append(weights[-1] * Fraction(demand) / (min(number, count) if count else number))
        constants = [
            sum((constants[k] * weights[n - k] for k in range(n + 1)), Fraction(0)) for n in range(population + 1)
        ]

    network = mva(demands, population, 60.0, servers)

    assert network.throughput == pytest.approx(float(constants[-2] / constants[-1]), rel=1e-11)
    assert sum(network.mean_numbers) + network.throughput * 60.0 == pytest.approx(population, rel=1e-11)


@given(
    stations=st.lists(st.tuples(st.floats(0.01, 10.0), st.integers(0, 5)), min_size=1, max_size=4),
    population=st.integers(1, 40),
    think_time=st.floats(0.0, 50.0),
)
@settings(deadline=None)
def test_a_closed_network_keeps_the_laws_of_operations(
    stations: list[tuple[float, int]], population: int, think_time: float
) -> None:
    """Little's law, the bounds of the bottleneck and of the lone request, and no gain from a second request."""
    demands, servers = [demand for demand, _ in stations], [count for _, count in stations]
    network = mva(demands, population, think_time, servers)
    bottleneck = min(((count or math.inf) / demand for demand, count in stations), default=math.inf)

    assert network.throughput * (network.response_time + think_time) == pytest.approx(population)
    assert network.throughput <= min(bottleneck, population / (sum(demands) + think_time)) * (1.0 + 1e-9)
    assert network.throughput <= mva(demands, population + 1, think_time, servers).throughput * (1.0 + 1e-9)
    assert all(time >= demand * (1.0 - 1e-9) for time, demand in zip(network.response_times, demands, strict=True))


def test_stations_without_work_hold_nobody() -> None:
    """And a network of nothing but thinking has no response time."""
    assert mva([0.0, 1.0], 3, 0.0, [1, 1]).mean_numbers == pytest.approx((0.0, 3.0))
    assert mva([], 4, 2.0, []).throughput == pytest.approx(2.0)
    assert mva([], 4, 2.0, []).response_time == 0.0


# Functions as a service -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "limit", "response_time", "cold_probability", "mean_instances"),
    [
        ((0.5, 2.5, 4.0, 600.0), 1000, 2.502971916303287, 0.0019812775355244625, 6.102800092695377),
        ((0.001, 1.0, 3.0, 60.0), 1000, 2.887026006966089, 0.9435130034830447, 0.05654517792768049),
        ((0.1, 2.0, 3.0, 600.0), 1000, 2.0074376986796083, 0.007437698679608352, 2.6057123629246512),
        ((10.0, 0.4, 1.9, 5.0), 1000, 0.45124556931139437, 0.034163712874262855, 8.124823656350268),
        ((50.0, 2.0, 3.0, 600.0), 1000, 2.00008840090926, 8.840090925976982e-05, 136.68883886963425),
        ((2.0, 1.0, 10.0, 0.5), 1000, 9.814142981510292, 0.9793492201678102, 0.06231810148629618),
        ((30.0, 0.5, 2.0, 30.0), 1000, 0.5026002075436007, 0.001733471695733692, 27.119168028313222),
        ((20.0, 1.5, 4.0, 60.0), 15, 1.5000000000000016, 7.084497610199325e-16, 14.999999999999998),
        ((900.0, 1.2, 3.0, 600.0), 1000, 1.2, 0.0, 1000.0),
    ],
)
def test_the_chain_of_functions_gives_the_figures_of_pacsltk(
    arguments: tuple[float, float, float, float],
    limit: int,
    response_time: float,
    cold_probability: float,
    mean_instances: float,
) -> None:
    """Golden values: get_sls_warm_count_dist of pacsltk 0.2.0 (avg_resp_time, cold_prob, avg_server_count)."""
    chain = faas_chain(*arguments, maximum_concurrency=limit)

    assert chain.response_time == pytest.approx(response_time, rel=1e-12)
    assert chain.cold_probability == pytest.approx(cold_probability, rel=1e-10, abs=1e-14)
    assert chain.mean_instances == pytest.approx(mean_instances, rel=1e-12)
    assert chain.mean_starting == pytest.approx(arguments[0] * cold_probability * arguments[2], rel=1e-10, abs=1e-12)


def test_the_chain_of_functions_rejects_beyond_its_limit() -> None:
    """Golden rejection probabilities of pacsltk 0.2.0; below the limit there are none."""
    assert faas_chain(20.0, 1.5, 4.0, 60.0, maximum_concurrency=15).rejection_probability == pytest.approx(
        0.5272441816291683, rel=1e-12
    )
    assert faas_chain(900.0, 1.2, 3.0, 600.0).rejection_probability == pytest.approx(0.08330935325370167, rel=1e-12)
    assert faas_chain(0.5, 2.5, 4.0, 600.0).rejection_probability == 0.0


def test_the_lifetime_of_an_instance_is_that_of_its_renewal_process() -> None:
    """At most one instance: a chain of two states, its death rate from an integral over the gaps between requests.

    An instance that serves *rate* requests/s lives through a geometric number of gaps, each shorter than the idle time
    with probability 1 - exp(-rate idle), and ends after one idle time.
    """
    rate, warm, cold, idle = 0.4, 1.5, 2.0, 3.0
    served = rate * (1.0 - erlang_b(1, rate * warm))
    gap, _ = quad(lambda t: t * served * math.exp(-served * t), 0.0, idle + warm)
    lifetime = idle + (math.exp(served * idle) - 1.0) * gap
    birth = 1.0 / (1.0 / rate + cold)

    chain = faas_chain(rate, warm, cold, idle, maximum_concurrency=1)

    assert chain.mean_instances == pytest.approx(birth / (birth + 1.0 / lifetime), rel=1e-12)


@given(
    rate=st.floats(1e-6, 100.0),
    warm=st.floats(0.01, 5.0),
    start=st.floats(0.0, 20.0),
    idle=st.floats(0.0, 1e5),
)
@settings(deadline=None)
def test_functions_are_between_always_warm_and_always_cold(rate: float, warm: float, start: float, idle: float) -> None:
    """The response time is the mix of both, and a longer idle time means fewer cold starts."""
    chain, patient = (faas_chain(rate, warm, warm + start, seconds) for seconds in (idle, idle * 1.5))

    assert 0.0 <= chain.cold_probability <= 1.0
    assert chain.response_time == pytest.approx(warm + chain.cold_probability * start)
    assert patient.cold_probability <= chain.cold_probability * (1.0 + 1e-9) + 1e-15


def test_functions_at_the_ends_of_the_ranges() -> None:
    """No requests, no patience, no work, and an instance that is never idle long enough."""
    assert faas_chain(0.0, 1.0, 3.0, 60.0).response_time == 3.0
    assert faas_chain(2.0, 1.0, 3.0, 0.0).cold_probability == 1.0
    assert faas_chain(2.0, 0.0, 3.0, 600.0).response_time == pytest.approx(0.0, abs=1e-9)
    assert faas_chain(500.0, 0.1, 3.0, 1e6).cold_probability < 1e-6
    assert faas_chain(1e-12, 1.0, 3.0, 1.0).mean_instances == pytest.approx(1e-12, rel=1e-6)


# Wrong input ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: erlang_b(-1, 1.0), "servers must be at least 0, not -1"),
        (lambda: erlang_b(1, -0.5), "offered_load must be finite and not negative, not -0.5"),
        (lambda: erlang_c(0, 1.0), "servers must be at least 1, not 0"),
        (lambda: mmc_waiting_time(math.nan, 1.0, 1), "arrival_rate must be finite and not negative, not nan"),
        (lambda: mmc_response_time(1.0, -1.0, 1), "service_time must be finite"),
        (lambda: mmc_response_time_survival(1.0, 0.5, 1, -1.0), "seconds must be finite"),
        (lambda: mmc_response_time_quantile(1.0, 0.5, 1, 1.0), r"probability must be in \[0, 1\), not 1.0"),
        (lambda: mmck(1.0, 1.0, 4, 3), "3 places cannot hold 4 servers"),
        (lambda: mg1_waiting_time(1.0, 0.5, -1.0), "service_time_scv must be finite"),
        (lambda: kingman(1.0, 0.5, -1.0, 1.0), "scv_arrival must be finite"),
        (lambda: limited_ps_mean_number(1.0, 0.0), "parallelism must be above 0, not 0.0"),
        (lambda: limited_ps_mean_number(math.inf, math.inf), "offered_load must be finite"),
        (lambda: ps_response_times([1.0], [1.0, 2.0]), "1 arrival rates do not match 2 service times"),
        (lambda: ps_response_times([-1.0], [1.0]), "rates and times must be finite and not negative"),
        (lambda: traffic_equations([1.0], [[0.0, 1.0]]), r"must have the shapes \(n,\) and \(n, n\)"),
        (lambda: traffic_equations([1.0], [[-0.5]]), "rates must be finite and not negative"),
        (lambda: mva([1.0], 3, 0.0, [1, 1]), "1 demands do not match 2 server counts"),
        (lambda: mva([1.0], 0, 0.0, [1]), "population must be at least 1, not 0"),
        (lambda: mva([1.0, -1.0], 3, 0.0, [1, 1]), r"demands\[1\] must be finite"),
        (lambda: mva([1.0], 3, 0.0, [-1]), "server counts must not be negative"),
        (lambda: mva([0.0], 3, 0.0, [1]), "takes no time"),
        (lambda: faas_chain(1.0, 1.0, 1.0, math.inf), "idle_time must be finite"),
        (lambda: faas_chain(1.0, 1.0, 1.0, 1.0, maximum_concurrency=0), "maximum_concurrency must be at least 1"),
    ],
)
def test_impossible_arguments_are_refused(call: Callable[[], object], message: str) -> None:
    """Each message names the argument and its value."""
    with pytest.raises(ValueError, match=message):
        call()


def test_the_examples_of_the_documentation_hold() -> None:
    """The module's doctests."""
    assert doctest.testmod(queueing).failed == 0
