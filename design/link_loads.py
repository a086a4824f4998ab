"""Loads of links in which transfers disturb each other: what a transfer brings depends on both of its ends.

So the load of a transfer is split in three: what its origin brings wherever it goes, what its target brings beyond that
wherever it comes from, and the rest, which only both together know. The first two count as the options' own.
"""

from __future__ import annotations

import numpy as np

from design.kernels import Options, Pools, add_legs, hop_row, kernel
from design.problem import Choices, FloatArray, IntArray


@kernel
def least_loads(
    choices: Choices, options: Options, pools: Pools, share: FloatArray, second: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Add to *share* and *second* what each option brings by its transfers whatever the other end; return both parts.

    Shapes (transfers, options, 2 × links) and (transfers, locations, 2 × links): loads, then Σ rate × seconds².
    """
    groups, links = pools.within.size, pools.nodes.size - pools.within.size
    transfers = choices.hop_origin.size if links else 0
    locations = 1 + choices.first.max() if choices.first.size else 1
    sent = np.zeros((transfers, options.pattern.size, 2 * links))
    received = np.full((transfers, locations, 2 * links), np.inf)
    for hop in range(transfers):
        origin, target = choices.hop_origin[hop], choices.hop_target[hop]
        ends = np.unique(choices.first[options.pattern[options.ptr[target] : options.ptr[target + 1]]])
        for o in range(options.ptr[origin], options.ptr[origin + 1]):
            loads = np.zeros((ends.size, 2 * links))
            for i in range(ends.size):
                _transfer_load(choices, pools, hop, options.pattern[o], ends[i], loads[i])
            for k in range(2 * links):
                sent[hop, o, k] = loads[:, k].min() if ends.size else 0.0
                for i in range(ends.size):
                    received[hop, ends[i], k] = min(received[hop, ends[i], k], loads[i, k] - sent[hop, o, k])
            _charge(share[o], second, o, groups, sent[hop, o])
        for o in range(options.ptr[target], options.ptr[target + 1]):
            if options.ptr[origin] < options.ptr[origin + 1]:
                _charge(share[o], second, o, groups, received[hop, choices.first[options.pattern[o]]])
    return sent, received


@kernel
def _charge(share: FloatArray, second: FloatArray, option: int, groups: int, loads: FloatArray) -> None:
    links = loads.size // 2
    share[groups:] += loads[:links]
    if second.shape[1] > 0:
        second[option, groups:] += loads[links:]


@kernel
def _transfer_load(choices: Choices, pools: Pools, hop: int, pattern: int, location: int, loads: FloatArray) -> None:
    """Add what a transfer brings to the links: loads, then Σ rate × seconds²."""
    links, groups = loads.size // 2, pools.within.size
    work, visits, square = np.zeros(groups + links), np.zeros(groups + links), np.zeros(groups + links)
    row = hop_row(choices, hop, pattern, location)
    add_legs(choices.between, row, pools.within, groups, work, visits, square)
    rate = choices.rate[choices.hop_origin[hop]] * choices.hop_share[hop]
    loads[:links] += rate * work[groups:]
    loads[links:] += rate * square[groups:]


@kernel
def add_rest(
    choices: Choices,
    options: Options,
    pools: Pools,
    sent: FloatArray,
    received: FloatArray,
    pick: IntArray,
    component: int,
    used: FloatArray,
    used_second: FloatArray,
) -> None:
    """Add what the transfers between *component* and what else is chosen bring beyond the options' own."""
    groups, links = pools.within.size, pools.nodes.size - pools.within.size
    for hop in range(sent.shape[0]):
        origin, target = choices.hop_origin[hop], choices.hop_target[hop]
        if component not in (origin, target) or pick[origin] < 0 or pick[target] < 0:
            continue
        loads, location = np.zeros(2 * links), choices.first[options.pattern[pick[target]]]
        _transfer_load(choices, pools, hop, options.pattern[pick[origin]], location, loads)
        loads -= sent[hop, pick[origin]] + received[hop, location]
        used[groups:] += loads[:links]
        used_second[groups:] += loads[links:]


@kernel
def link_loads(
    choices: Choices, options: Options, pools: Pools, pick: IntArray, utilisation: FloatArray, second: FloatArray
) -> None:
    """Add up the loads of the links, and Σ rate × seconds² there, under a whole plan."""
    groups, links = pools.within.size, pools.nodes.size - pools.within.size
    if links == 0:
        return
    for component in range(pick.size):
        utilisation[groups:] += choices.rate[component] * options.work[pick[component], groups:]
        second[groups:] += choices.rate[component] * options.square[pick[component], groups:]
    loads = np.zeros(2 * links)
    for hop in range(choices.hop_origin.size):
        origin, target = pick[choices.hop_origin[hop]], pick[choices.hop_target[hop]]
        location = choices.first[options.pattern[target]]
        _transfer_load(choices, pools, hop, options.pattern[origin], location, loads)
    utilisation[groups:] += loads[:links]
    second[groups:] += loads[links:]
