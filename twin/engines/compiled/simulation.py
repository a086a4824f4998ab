"""One replication of a network in compiled code; Python supplies what is missing and collects the records."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from twin.engines.compiled import kernel, operations, world
from twin.engines.compiled.coverage import require_covered
from twin.engines.compiled.growth import empty_records, empty_tables, grown, more_rows, no_pages, with_page
from twin.engines.compiled.layout import Layout, table
from twin.engines.compiled.supplies import AT_LEAST, FailureRules, SourceTimes
from twin.engines.compiled.warm import note_warm, ready_kernel
from twin.engines.compiled.world import NONE, Table, World
from twin.engines.simpy_engine import Billing
from twin.engines.trajectory import FloatArray, Trajectory
from twin.model.events import Crash, Event, Failures, LinkChange, LoadStep
from twin.network import Network

FIRST_REQUESTS = 4096

MOST_AT_ONCE = 1 << 20
"""Requests for which room is made before they arrive."""


def simulate_compiled(
    network: Network,
    *,
    seed: int,
    replication: int = 0,
    requests: int | None = None,
    horizon: float | None = None,
    events: Iterable[Event] = (),
    billing: Billing | None = None,
    keep_visits: bool = True,
) -> Trajectory:
    """Run *network* as ``simulate_network`` does, and return the same records.

    Without *keep_visits* the records of visits and executions stay empty, and memory grows with the requests alone.

    Raises:
        EngineError: The kernel does not cover something of the network.
        ValueError: Neither *requests* nor *horizon* is given, or one of them is not positive.
    """
    if requests is None and horizon is None:
        raise ValueError("give requests or horizon")
    if (requests is not None and requests < 1) or (horizon is not None and horizon <= 0):
        raise ValueError(f"requests and horizon must be positive, not {requests} and {horizon}")
    events = tuple(events)
    require_covered(network, events)
    run = CompiledRun(network, seed, replication, events, (billing or Billing()).rules)
    run.open(requests, horizon, keep_visits)
    return run.finished()


class CompiledRun:
    """The tables of one replication, and what fills them."""

    def __init__(
        self,
        network: Network,
        seed: int,
        replication: int,
        events: tuple[Event, ...],
        billing: dict[int, tuple[bool, float]],
    ) -> None:
        self.network = network
        failures = [event for event in events if isinstance(event, Crash | Failures)]
        self.rules = FailureRules(network, failures, seed, replication, network.bare)
        self.layout = Layout(
            network,
            seed,
            replication,
            [event for event in events if isinstance(event, LinkChange)],
            frozenset(event.resource for event in failures),
            billing,
        )
        steps = tuple(event for event in events if isinstance(event, LoadStep))
        self.supplies = [
            SourceTimes(entry, seed, replication, network.bare, steps) for entry in network.entries
        ]
        self.pages = 0
        self.world: World

    # -- set-up -------------------------------------------------------------------------------------------------

    def open(self, requests: int | None, horizon: float | None, keep_visits: bool) -> None:
        """Make the tables that grow, and note what a run begins with."""
        network = self.network
        clock = np.zeros(1, dtype=world.CLOCK)
        clock["horizon"] = np.inf if horizon is None else horizon
        clock["limit"] = np.iinfo(np.int64).max if requests is None else requests
        clock["tracks"] = network.forks or network.has_loops
        clock["paths"], clock["joins"] = len(network.paths), len(network.joins)
        clock["closed_sources"] = int(self.layout.tables["sources"]["closed"][: len(network.entries)].sum())
        clock["open_sources"] = len(network.entries) - clock["closed_sources"]
        clock["fanout"] = max((len(step.sends) for step in network.steps), default=0) + 1
        clock["hungry"] = NONE
        clock["stop_listens"] = horizon is None
        clock["keeps_visits"] = keep_visits
        clock["free_token"] = clock["free_slot"] = clock["free_instance"] = NONE
        room = min(requests or FIRST_REQUESTS, MOST_AT_ONCE)
        tables: dict[str, Table] = {
            **self.layout.tables,
            **empty_tables(network, tracks=bool(clock["tracks"][0])),
            **empty_records(network, requests=room, visits=room * min(len(network.steps), 8) if keep_visits else 1),
            **no_pages(),
            "clock": clock,
            "columns": self.layout.laws.columns(0, room),
            "rules": table(world.RULE, self.rules.rows),
            "outages": self.rules.following(),
            "times": np.zeros((max(len(network.entries), 1), 1)),
            "operations": np.zeros(1, dtype=world.OPERATION),
        }
        self.world = World(**tables)
        for source in range(len(network.entries)):
            self._fetch_times(source)
        self._note_opening()
        self._make_room()

    def _note_opening(self) -> None:
        """Note, last first, what is planned before anything happens."""
        sources = self.world.sources
        shared = [i for i, link in enumerate(self.network.links) if link.contention == "shared"]
        opening: list[tuple[int, int, int]] = []
        for link in shared:
            first, count = (int(self.world.links[link][name]) for name in ("times", "times_count"))
            opening += [(operations.PLAN_CHANGE, first + i, 0) for i in range(1, count)]
        for row in range(len(self.rules.rows)):
            opening.append((operations.WEAR if row in self.rules.outages else operations.PLAN_CRASH, row, 0))
        for i, entry in enumerate(self.network.entries):
            users = getattr(entry.source.arrivals, "users", 0)
            opening.append((operations.THINK, i, users) if sources[i]["closed"] else (operations.WAIT, i, 0))
        opening.append((operations.OPENED, 0, 0))
        noted = np.zeros(len(opening), dtype=world.OPERATION)
        for name, values in zip(("kind", "a", "b"), zip(*reversed(opening), strict=True), strict=True):
            noted[name] = values
        self.world = self.world._replace(operations=noted)
        self.world.clock["operations"] = len(opening)

    # -- the run ------------------------------------------------------------------------------------------------

    def finished(self) -> Trajectory:
        """Run to the end and return the records."""
        run = ready_kernel()
        answers = {
            kernel.NEED_ROOM: self._make_room,
            kernel.NEED_REQUESTS: self._more_requests,
            kernel.NEED_TIMES: self._more_times,
            kernel.NEED_PAGE: self._more_numbers,
            kernel.NEED_OUTAGES: self._more_outages,
        }
        while (need := int(run(self.world))) in answers:
            answers[need]()
        note_warm()
        clock = self.world.clock[0]
        if need == kernel.DRAINED and np.isfinite(clock["horizon"]):
            clock["now"] = clock["horizon"]
        return self._trajectory()

    def _make_room(self) -> None:
        """Enlarge the tables that are full, or nearly."""
        here = self.world
        clock = here.clock[0]
        changes: dict[str, Table] = {}
        if clock["tokens_free"] < clock["fanout"]:
            changes |= more_rows(here, "tokens", ("positions", "starts"), "free_token", "tokens_free")
        if clock["slots_free"] < 1:
            beside = ("active", "inbound", "visited", "waiting", "waiting_last") if clock["tracks"] else ()
            changes |= more_rows(here, "slots", beside, "free_slot", "slots_free")
        if clock["instances_free"] < 2:
            changes |= more_rows(here, "instances", (), "free_instance", "instances_free")
        for name, count in (("visits", "visits"), ("executions", "executions")):
            if clock[count] >= len(getattr(here, name)):
                changes[name] = grown(getattr(here, name), 2 * len(getattr(here, name)))
        if clock["passages"] + clock["paths"] > len(here.passages):
            changes["passages"] = grown(here.passages, 2 * len(here.passages) + int(clock["paths"]))
        self.world = here._replace(**changes)
        self._make_room_for_events()

    def _make_room_for_events(self) -> None:
        here = self.world
        tokens, joins = len(here.tokens), len(self.network.joins)
        wanted = int(here.clock[0]["events"]) + tokens + kernel.MARGIN
        if wanted > len(here.due):
            self.world = here = here._replace(
                **{name: grown(getattr(here, name), 2 * wanted) for name in ("due", "order", "what")}
            )
        noted = int(here.clock[0]["operations"]) + 4 * tokens + 2 * joins + kernel.MARGIN
        if noted > len(here.operations):
            self.world = here._replace(operations=grown(here.operations, 2 * noted))

    def _more_requests(self) -> None:
        here = self.world
        have = len(here.arrivals)
        size = min(2 * have, int(here.clock[0]["limit"]))
        names = ("arrivals", "ends", "entries", "lost")
        changes = {name: grown(getattr(here, name), size) for name in names}
        if len(here.columns):
            changes["columns"] = np.concatenate(
                [here.columns, self.layout.laws.columns(have, size - have)], axis=1
            )
        self.world = here._replace(**changes)

    def _more_times(self) -> None:
        source = int(self.world.clock[0]["hungry"])
        self.world.clock["hungry"] = NONE
        self._fetch_times(source)

    def _fetch_times(self, source: int) -> None:
        """Hand the kernel the next arrivals or thinking times of *source*."""
        here = self.world
        limit = int(here.clock[0]["limit"])
        fresh = self.supplies[source].following(min(AT_LEAST // len(self.network.entries), limit))
        if len(fresh) > here.times.shape[1]:
            wider = np.zeros((len(here.times), len(fresh)))
            wider[:, : here.times.shape[1]] = here.times
            self.world = here = here._replace(times=wider)
        here.times[source, : len(fresh)] = fresh
        here.sources["position"][source] = 0
        here.sources["length"][source] = len(fresh)
        here.sources["final"][source] = not len(fresh)

    def _more_numbers(self) -> None:
        """Hand the kernel a page of a stream that is not plain arithmetic."""
        here = self.world
        row, page = int(here.clock[0]["need_law"]), int(here.clock[0]["need_page"])
        key = page * len(here.laws) + int(here.laws[row]["column"])
        self.world = with_page(here, key, self.pages, self.layout.laws.page(row, page))
        self.pages += 1

    def _more_outages(self) -> None:
        self.world = self.world._replace(
            outages=np.concatenate([self.world.outages, self.rules.following()], axis=1)
        )

    # -- the records --------------------------------------------------------------------------------------------

    def _trajectory(self) -> Trajectory:
        here = self.world
        clock = here.clock[0]
        count = int(clock["requests"])
        steps, stations = len(self.network.steps), len(self.network.stations)
        return Trajectory(
            horizon=float(clock["now"]),
            arrivals=here.arrivals[:count],
            ends=here.ends[:count],
            lost=here.lost[:count],
            sources=here.entries[:count],
            visits=here.visits[: clock["visits"]],
            executions=here.executions[: clock["executions"]],
            passages=here.passages[: clock["passages"]],
            link_mb=here.links["carried_mb"][: len(self.network.links)].copy(),
            billed_seconds=here.billed[:steps],
            invocations=here.invocations[:steps],
            retries=int(clock["retried"]),
            node_seconds_down=self._seconds_down()[:stations],
        )

    def _seconds_down(self) -> FloatArray:
        here = self.world
        seconds: FloatArray = here.stations["seconds_down"].copy()
        down = here.nodes["holders"] > 0
        still: Any = here.clock[0]["now"] - here.nodes["down_since"][down]
        np.add.at(seconds, here.nodes["station"][down], still)
        return seconds
