"""Tables that grow while a run goes on."""

from __future__ import annotations

from typing import Any

import numpy as np

from twin.engines.compiled import world
from twin.engines.compiled.chance import PAGE
from twin.engines.compiled.world import NONE, Table, World
from twin.network import Network

FIRST_PAGES = 64


def empty_tables(network: Network, *, tracks: bool) -> dict[str, Table]:
    """Return the tables of things that come and go, without rows; kernels see them only once they have some."""
    paths = max(len(network.paths), 1)
    stages, steps = (len(network.stages), len(network.steps)) if tracks else (1, 1)
    slots = 0 if tracks else 1
    return {
        "due": np.empty(0),
        "order": np.empty(0, dtype=np.int64),
        "what": np.empty(0, dtype=np.int64),
        "tokens": np.zeros(0, dtype=world.TOKEN),
        "positions": np.empty((0, paths), dtype=np.int64),
        "starts": np.empty((0, paths)),
        "instances": np.zeros(0, dtype=world.INSTANCE),
        "slots": np.zeros(0, dtype=world.SLOT),
        "active": np.zeros((slots, stages), dtype=np.int32),
        "inbound": np.zeros((slots, stages), dtype=np.int32),
        "visited": np.zeros((slots, steps), dtype=np.int32),
        "waiting": np.zeros((slots, stages), dtype=np.int64),
        "waiting_last": np.zeros((slots, stages), dtype=np.int64),
    }


def empty_records(network: Network, *, requests: int, visits: int) -> dict[str, Table]:
    """Return records with room for so many requests and visits."""
    steps = max(len(network.steps), 1)
    several = any(len(stage.steps) > 1 for stage in network.stages)
    return {
        "arrivals": np.empty(requests),
        "ends": np.empty(requests),
        "entries": np.empty(requests, dtype=np.int16),
        "lost": np.empty(requests, dtype=np.bool_),
        "visits": np.empty((visits, 6)),
        "executions": np.empty((visits if several else 1, 4)),
        "passages": np.empty((requests * len(network.paths) + 1, 4)),
        "billed": np.zeros(steps),
        "invocations": np.zeros(steps),
    }


def grown(rows: Table, length: int) -> Table:
    """Return *rows* with room for *length* of them."""
    larger = np.empty((length, *rows.shape[1:]), dtype=rows.dtype)
    larger[: len(rows)] = rows
    return larger


def more_rows(here: World, name: str, beside: tuple[str, ...], head: str, count: str) -> dict[str, Table]:
    """Return table *name*, and those *beside* it, with more rows; the new ones are free.

    ``clock[head]`` is the first of the list of free rows, ``clock[count]`` their number.
    """
    have = len(getattr(here, name))
    length = 2 * have + max(FIRST_PAGES, 2 * int(here.clock[0]["fanout"]))
    larger = {each: grown(getattr(here, each), length) for each in (name, *beside)}
    rows: Any = larger[name]
    rows[have:] = np.zeros(1, dtype=rows.dtype)
    rows["next"][have:] = np.arange(have + 1, length + 1)
    rows["next"][length - 1] = here.clock[0][head]
    here.clock[head] = have
    here.clock[count] += length - have
    return larger


def no_pages() -> dict[str, Table]:
    """Return the table of pages of numbers from outside, still empty."""
    return {
        "page_keys": np.full(2 * FIRST_PAGES + 1, NONE, dtype=np.int64),
        "page_rows": np.zeros(2 * FIRST_PAGES + 1, dtype=np.int64),
        "pages": np.empty((FIRST_PAGES, PAGE)),
    }


def with_page(here: World, key: int, row: int, values: Table) -> World:
    """Return the world with one page more, its number being *row*; the table of keys stays half empty."""
    if row >= len(here.pages):
        here = _with_more_pages(here)
    _place(here, key, row)
    here.pages[row] = values
    return here


def _with_more_pages(here: World) -> World:
    length = 2 * len(here.pages)
    taken = np.flatnonzero(here.page_keys != NONE)
    larger = here._replace(
        page_keys=np.full(2 * length + 1, NONE, dtype=np.int64),
        page_rows=np.zeros(2 * length + 1, dtype=np.int64),
        pages=grown(here.pages, length),
    )
    for key, row in zip(here.page_keys[taken].tolist(), here.page_rows[taken].tolist(), strict=True):
        _place(larger, key, row)
    return larger


def _place(here: World, key: int, row: int) -> None:
    slot = key % len(here.page_keys)
    while here.page_keys[slot] != NONE:
        slot = (slot + 1) % len(here.page_keys)
    here.page_keys[slot] = key
    here.page_rows[slot] = row
