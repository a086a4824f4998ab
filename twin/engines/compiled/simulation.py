"""One replication of a network in compiled code; Python supplies what is missing and collects the records."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from twin.engines.billing import Billing
from twin.engines.compiled import kernel, operations, pieces, world
from twin.engines.compiled.coverage import require_covered
from twin.engines.compiled.first_rows import table
from twin.engines.compiled.layout import Layout, is_closed
from twin.engines.compiled.memory import Memory, record_tables
from twin.engines.compiled.outcome import trajectory_of
from twin.engines.compiled.pieces import Pieces
from twin.engines.compiled.places import most_paths
from twin.engines.compiled.special import addresses
from twin.engines.compiled.supplies import AT_LEAST, FailureRules, SourceTimes
from twin.engines.compiled.warm import note_warm, ready_kernel
from twin.engines.compiled.world import NONE
from twin.engines.trajectory import Sink, Trajectory
from twin.model.events import Crash, Event, Failures, LinkChange, LoadStep
from twin.model.law import Law
from twin.model.workload import Poisson, Source
from twin.network import Entry, Network, NodePool, Stage, Step
from twin.traffic import mean_rates, visits_per_request

FIRST_REQUESTS = 4096

MOST_AT_ONCE = 1 << 20
"""Requests for which room is made before they arrive."""

MOST_VISITS = 64
"""Visits of one request for which room is made before they happen."""


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
    sink: Sink | None = None,
) -> Trajectory:
    """Run *network* as ``simulate_network`` does, and return the same records.

    Without *keep_visits* the records of visits and executions stay empty, and memory grows with the requests alone.
    A *sink* gets all records piece by piece; those that are returned are empty, and memory does not grow.

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
    run = CompiledRun(network, seed, replication, events, (billing or Billing()).rules, sink)
    run.open(requests, horizon, keep_visits=keep_visits)
    return run.finished()


def warm_up() -> None:
    """Compile the kernel, or load it from the disk."""
    pool = NodePool(name="", nodes=1)
    step = Step(name="", component=0, station=0, service_time=Law(law="deterministic", mean=1.0))
    entry = Entry(source=Source(name="users", arrivals=Poisson(rate=1.0)), step=0)
    network = Network(stations=(pool,), steps=(step,), stages=(Stage(name="", steps=(0,)),), entries=(entry,))
    simulate_compiled(network, seed=0, requests=1)


def _expected(network: Network, horizon: float) -> int:
    """Return for how many requests to make room before they come."""
    known = float(np.nan_to_num(mean_rates(network)).sum())
    return int(min(1.02 * known * horizon, MOST_AT_ONCE)) + FIRST_REQUESTS


class CompiledRun:
    """One replication: its tables, and what fills them."""

    def __init__(
        self,
        network: Network,
        seed: int,
        replication: int,
        events: tuple[Event, ...],
        billing: dict[int, tuple[bool, float]],
        sink: Sink | None = None,
    ) -> None:
        self.network = network
        failures = [event for event in events if isinstance(event, Crash | Failures)]
        changes = [event for event in events if isinstance(event, LinkChange)]
        steps = tuple(event for event in events if isinstance(event, LoadStep))
        struck = frozenset(event.resource for event in failures)
        self.rules = FailureRules(network, failures, seed, replication, network.bare)
        self.layout = Layout(network, seed, replication, changes, struck, billing)
        self.supplies = [SourceTimes(entry, seed, replication, network.bare, steps) for entry in network.entries]
        self.memory = Memory()
        self.pieces = Pieces(self.memory, sink) if sink else None

    # -- set-up -------------------------------------------------------------------------------------------------

    def open(self, requests: int | None, horizon: float | None, *, keep_visits: bool) -> None:
        """Lay everything out, and note what a run begins with."""
        memory, network = self.memory, self.network
        most = pieces.REQUESTS if self.pieces else MOST_AT_ONCE
        room = min(requests or _expected(network, horizon or 0.0), most)
        memory.update(self.layout.tables)
        visits = int(room * min(visits_per_request(network), MOST_VISITS)) + FIRST_REQUESTS if keep_visits else 1
        visits = min(visits, pieces.ROWS) if self.pieces else visits
        memory.update(record_tables(network, requests=room, visits=visits))
        memory["rules"] = table(world.RULE, self.rules.rows)
        self._set_clock(requests, horizon, keep_visits=keep_visits)
        if self.rules.outages:
            self._more_outages()
        for source in range(len(network.entries)):
            self._fetch_times(source)
        self._note_opening()
        self._make_room()

    def _set_clock(self, requests: int | None, horizon: float | None, *, keep_visits: bool) -> None:
        network = self.network
        closed = sum(is_closed(entry.source.arrivals) for entry in network.entries)
        settings: dict[str, float] = {
            "horizon": np.inf if horizon is None else horizon,
            "bounded": horizon is not None,
            "limit": np.iinfo(np.int64).max if requests is None else requests,
            "tracks": network.forks or network.has_loops,
            "paths": most_paths(network),
            "stages": self.layout.places.widest[0],
            "steps": self.layout.places.widest[1],
            "stations_count": len(network.stations),
            "links_count": len(network.links),
            "laws": len(self.layout.laws.laws),
            "rings": bool((self.memory["laws"]["ring"] != NONE).any()),
            "closed_sources": closed,
            "open_sources": len(network.entries) - closed,
            "fanout": max((len(step.sends) for step in network.steps), default=0) + 1,
            "keeps_visits": keep_visits,
        }
        settings |= addresses()
        settings |= dict.fromkeys(("hungry", "free_token", "free_slot", "free_instance"), NONE)
        for name, value in settings.items():
            self.memory.clock[name] = value

    def _note_opening(self) -> None:
        """Note, last first, what is planned before anything happens."""
        links = self.memory["links"]
        opening: list[tuple[int, int, int]] = []
        for i, link in enumerate(self.network.links):
            if link.contention == "shared":
                first, count = int(links["times"][i]), int(links["times_count"][i])
                opening += [(operations.PLAN_CHANGE, first + j, 0) for j in range(1, count)]
        for row in range(len(self.rules.rows)):
            opening.append((operations.WEAR if row in self.rules.outages else operations.PLAN_CRASH, row, 0))
        for i, entry in enumerate(self.network.entries):
            users = getattr(entry.source.arrivals, "users", 0)
            opening.append((operations.THINK, i, users) if users else (operations.WAIT, i, 0))
        opening.append((operations.OPENED, 0, 0))
        noted = np.zeros(len(opening), dtype=world.OPERATION)
        for name, values in zip(("kind", "a", "b"), zip(*reversed(opening), strict=True), strict=True):
            noted[name] = values
        self.memory["noted"] = noted
        self.memory.clock["operations"] = len(opening)

    # -- the run ------------------------------------------------------------------------------------------------

    def finished(self) -> Trajectory:
        """Run to the end and return the records."""
        need = self.go_on()
        note_warm()
        clock = self.memory.clock
        if need == kernel.DRAINED and np.isfinite(clock["horizon"][0]):
            clock["now"] = clock["horizon"]
        if self.pieces:
            self.pieces.hand_over(over=True)
        return trajectory_of(self.memory, self.network)

    def go_on(self) -> int:
        """Let the kernel run, supplying what it lacks, until it stops for good; return why."""
        run = ready_kernel()
        answers = {
            kernel.NEED_ROOM: self._make_room,
            kernel.NEED_REQUESTS: self._more_requests,
            kernel.NEED_TIMES: self._more_times,
            kernel.NEED_OUTAGES: self._more_outages,
        }
        while (need := int(run(self.memory.address))) in answers:
            if self.pieces and self.pieces.is_due:
                self.pieces.hand_over()
            answers[need]()
        return need

    def _make_room(self) -> None:
        """Enlarge the tables that are full, or nearly."""
        memory = self.memory
        if memory.count("tokens_free") < memory.count("fanout"):
            memory.grow_free("tokens", "free_token", "tokens_free")
            memory.grow("places", len(memory["tokens"]) * memory.count("paths"))
        if memory.count("slots_free") < 1:
            memory.grow_free("slots", "free_slot", "slots_free")
            if memory.count("tracks"):
                memory.grow("spots", len(memory["slots"]) * memory.count("stages"))
                memory.grow("visited", len(memory["slots"]) * memory.count("steps"))
        if memory.count("instances_free") < 2:
            memory.grow_free("instances", "free_instance", "instances_free")
        for name in ("visits", "executions"):
            if memory.count(name) >= len(memory[name]):
                memory.grow(name, 2 * len(memory[name]))
        if memory.count("passages") + memory.count("paths") > len(memory["passages"]):
            memory.grow("passages", 2 * len(memory["passages"]) + memory.count("paths"))
        self._make_room_for_events()

    def _make_room_for_events(self) -> None:
        memory = self.memory
        tokens, joins = len(memory["tokens"]), len(self.network.joins)
        wanted = memory.count("events") + tokens + 16 * kernel.MARGIN
        if wanted > len(memory["agenda"]):
            memory.grow("agenda", 2 * wanted)
        noted = memory.count("operations") + 4 * tokens + 2 * joins + kernel.MARGIN
        if noted > len(memory["noted"]):
            memory.grow("noted", 2 * noted)

    def _more_requests(self) -> None:
        memory = self.memory
        if self.pieces:
            self.pieces.make_room()
            return
        have = len(memory["arrivals"])
        size = min(2 * have, memory.count("limit"))
        for name in ("arrivals", "ends", "entries", "lost"):
            memory.grow(name, size)

    def _more_times(self) -> None:
        source = self.memory.count("hungry")
        self.memory.clock["hungry"] = NONE
        self._fetch_times(source)

    def _fetch_times(self, source: int) -> None:
        """Hand the kernel the next arrivals or thinking times of *source*."""
        memory = self.memory
        sources = len(self.network.entries)
        fresh = self.supplies[source].following(min(AT_LEAST // sources, memory.count("limit")))
        width = memory.count("times_width")
        if len(fresh) > width:
            wider = np.zeros((sources, len(fresh)))
            if width:
                wider[:, :width] = memory["times"]["value"].reshape(sources, width)
            memory["times"] = wider
            memory.clock["times_width"] = width = len(fresh)
        memory["times"]["value"][source * width : source * width + len(fresh)] = fresh
        for name, value in (("position", 0), ("length", len(fresh)), ("final", not len(fresh))):
            memory["sources"][name][source] = value

    def _more_outages(self) -> None:
        rows, width = len(self.rules.rows), self.memory.count("outages_width")
        known = self.memory["outages"].view(np.float64).reshape(rows, width, 2)
        both = np.concatenate([known, self.rules.following()], axis=1)
        self.memory["outages"] = both
        self.memory.clock["outages_width"] = both.shape[1]
