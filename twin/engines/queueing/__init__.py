"""Closed forms of queueing theory: what the steady state of a queue is, without simulating it.

Times are in seconds, rates in 1/s; the offered load is ``arrival_rate * service_time`` in busy servers. A queue that
cannot keep up (utilisation >= 1) has no steady state: its waiting and response times are ``math.inf``, never negative.
Functions whose docstring says *estimate* are approximations; all others are exact for the model they name.

>>> mmc_response_time(arrival_rate=6.0, service_time=1 / 3, servers=3)  # doctest: +ELLIPSIS
0.481481481481...
>>> mmc_response_time(arrival_rate=9.0, service_time=1 / 3, servers=3)
inf
"""

from twin.engines.queueing.functions import FunctionChain, faas_chain
from twin.engines.queueing.general import kingman, mg1_waiting_time, mgc_waiting_time
from twin.engines.queueing.multi_server import (
    FiniteQueue,
    erlang_b,
    erlang_c,
    mmc_response_time,
    mmc_response_time_quantile,
    mmc_response_time_survival,
    mmc_waiting_time,
    mmck,
)
from twin.engines.queueing.networks import ClosedNetwork, mva, traffic_equations
from twin.engines.queueing.sharing import limited_ps_mean_number, ps_response_times

__all__ = [
    "ClosedNetwork",
    "FiniteQueue",
    "FunctionChain",
    "erlang_b",
    "erlang_c",
    "faas_chain",
    "kingman",
    "limited_ps_mean_number",
    "mg1_waiting_time",
    "mgc_waiting_time",
    "mmc_response_time",
    "mmc_response_time_quantile",
    "mmc_response_time_survival",
    "mmc_waiting_time",
    "mmck",
    "mva",
    "ps_response_times",
    "traffic_equations",
]
