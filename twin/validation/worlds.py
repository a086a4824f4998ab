"""Cases of arrivals that change, of functions that start cold and of nodes that fail."""

from __future__ import annotations

from math import exp, pi

from twin.model.events import Failures
from twin.model.law import Law
from twin.model.workload import MarkovModulated, MarkovState, Piecewise, Sinusoid
from twin.network import FunctionPool
from twin.validation import oracles
from twin.validation.build import INSTANT, deterministic, exponential, node, queue
from twin.validation.case import Case
from twin.validation.figures import (
    arrival_rate,
    cold_share,
    dispersion,
    down_share,
    lost_share,
    rate_between,
    response_time,
)

_PIECES = Piecewise(process="piecewise", times=(0.0, 10.0, 15.0), rates=(1.0, 4.0, 0.5), period=20.0)
_WAVE = Sinusoid(process="sinusoid", rate=2.0, amplitude=0.8, period=10.0, phase=0.25)
_MODULATED = MarkovModulated(
    process="markov_modulated", states=(MarkovState(rate=3.0, sojourn=1.0), MarkovState(rate=0.5, sojourn=2.0))
)
_WIDE = node(cores=1e6)

_ARRIVALS = (
    *(
        Case(
            name=f"piecewise Poisson arrivals from {start:g} s to {end:g} s of each period",
            theory=f"the rate of that piece, {rate:g}/s",
            network=lambda: queue(_WIDE, INSTANT, _PIECES),
            figure=rate_between(start, end, 20.0),
            expected=rate,
            requests=requests,
        )
        for start, end, rate, requests in (
            (0.0, 10.0, 1.0, 5_000),
            (10.0, 15.0, 4.0, 5_000),
            (15.0, 20.0, 0.5, 30_000),
        )
    ),
    *(
        Case(
            name=f"sinusoidal arrivals from {start:g} s to {end:g} s of each period",
            theory="integral of rate (1 + amplitude cos(2 pi t / period))",
            network=lambda: queue(_WIDE, INSTANT, _WAVE),
            figure=rate_between(start, end, 10.0),
            expected=expected,
            requests=requests,
        )
        for start, end, expected, requests in (
            (0.0, 2.5, 2.0 + 1.6 * 2 / pi, 5_000),
            (2.5, 5.0, 2.0 - 1.6 * 2 / pi, 15_000),
        )
    ),
    Case(
        name="Markov-modulated arrivals: rate",
        theory="rates weighed by sojourns; Fischer & Meier-Hellstern 1993",
        network=lambda: queue(_WIDE, INSTANT, _MODULATED),
        figure=arrival_rate,
        expected=4.0 / 3.0,
        requests=6_000,
    ),
    Case(
        name="Markov-modulated arrivals: index of dispersion over 5 s",
        theory="1 + covariance of the rate; Heffes & Lucantoni 1986",
        network=lambda: queue(_WIDE, INSTANT, _MODULATED),
        figure=dispersion(5.0),
        expected=oracles.modulated_dispersion((3.0, 0.5), (1.0, 2.0), 5.0),
        requests=12_000,
    ),
    Case(
        name="MMPP/M/1 response time",
        theory="balance equations of state and number",
        network=lambda: queue(node(), exponential(0.4), _MODULATED),
        figure=response_time,
        expected=oracles.modulated_response_time((3.0, 0.5), (1.0, 2.0), 0.4),
        requests=45_000,
    ),
)

_FUNCTIONS = (
    Case(
        name="function without service time: cold starts",
        theory="exp(-lambda idle_time): an exponential gap outlives the instance",
        network=lambda: queue(_function(2.0), INSTANT, 1.0, cold_start=INSTANT),
        figure=cold_share,
        expected=exp(-2.0),
        requests=18_000,
    ),
    Case(
        name="function of one instance that rejects: cold starts",
        theory="exp(-lambda idle_time) for every law of service, renewal argument",
        network=lambda: queue(
            _function(1.0, concurrency_limit=1),
            Law(law="lognormal", mean=0.8, cv=1.0),
            1.0,
            cold_start=deterministic(0.5),
        ),
        figure=cold_share,
        expected=exp(-1.0),
        requests=8_000,
    ),
    Case(
        name="function of one instance that rejects: rejections",
        theory="busy share of a cycle: 1 - 1 / (1 + lambda (E S + exp(-lambda idle_time) E C)), renewal argument",
        network=lambda: queue(
            _function(1.0, concurrency_limit=1),
            Law(law="lognormal", mean=0.8, cv=1.0),
            1.0,
            cold_start=deterministic(0.5),
        ),
        figure=lost_share,
        expected=1 - 1 / (1 + 0.8 + exp(-1.0) * 0.5),
        requests=5_000,
    ),
    Case(
        name="function of one instance that queues: cold starts",
        theory="M/G/1 with exceptional first service; Welch 1964",
        network=lambda: queue(
            _function(0.5, concurrency_limit=1, on_limit="queue"),
            exponential(0.4),
            1.0,
            cold_start=exponential(1.0),
        ),
        figure=cold_share,
        expected=oracles.cold_share_of_one_instance(1.0, 0.4, 1.0, 0.5),
        requests=8_000,
    ),
)

_FAILING = Failures(
    event="failures",
    resource="node",
    time_to_failure=exponential(10.0),
    time_to_repair=exponential(2.0),
    retries=10**9,
)

_FAILURES = (
    Case(
        name="availability of a node that fails",
        theory="1 - MTTF / (MTTF + MTTR) of the time down, alternating renewal; Ross 1996, §3.4",
        network=lambda: queue(node(), INSTANT, 1.0),
        figure=down_share,
        expected=2.0 / 12.0,
        events=(
            _FAILING.model_copy(
                update={"time_to_failure": Law(law="gamma", mean=10.0, cv=0.5), "time_to_repair": deterministic(2.0)}
            ),
        ),
        requests=15_000,
    ),
    Case(
        name="M/D/1 whose server fails, work repeated: response time",
        theory="completion times (Gaver 1962) in M/G/1 with set-up (Welch 1964)",
        network=lambda: queue(node(), deterministic(1.0), 0.3),
        figure=response_time,
        expected=oracles.repeated_service_response_time(0.3, 1.0, 10.0, 2.0),
        events=(_FAILING,),
        requests=20_000,
    ),
    Case(
        name="M/D/1 whose server fails: lost after one repetition",
        theory="(1 - exp(-E S / MTTF))², failures without memory",
        network=lambda: queue(node(), deterministic(2.0), 0.2),
        figure=lost_share,
        expected=(1 - exp(-0.5)) ** 2,
        events=(_FAILING.model_copy(update={"time_to_failure": exponential(4.0), "retries": 1}),),
        requests=12_000,
    ),
)

WORLD_CASES = (*_ARRIVALS, *_FUNCTIONS, *_FAILURES)


def _function(idle_time: float, **fields: object) -> FunctionPool:
    return FunctionPool(name="function", function="function", idle_time=idle_time, **fields)  # type: ignore[arg-type]
