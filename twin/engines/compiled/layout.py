"""A network laid out as tables: what a run begins with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import networkx as nx

from twin.engines.compiled import world
from twin.engines.compiled.first_rows import Row, function_row, link_row, node_row, numbers, pool_row, table
from twin.engines.compiled.laws import LawTable
from twin.engines.compiled.places import Places
from twin.engines.compiled.world import NONE, Table
from twin.engines.micro_units import micro_units
from twin.engines.timeline import Timeline
from twin.model.events import LinkChange
from twin.network import Entry, FunctionPool, Hop, Network, Send, Stage, Step
from twin.streams import stream_key

BillingRules = Mapping[int, tuple[bool, float]]
"""For each step on a function: whether cold starts are billed, and the rounding step in seconds."""


class Layout:
    """The tables of a network that keep their size."""

    def __init__(
        self,
        network: Network,
        seed: int,
        replication: int,
        changes: Sequence[LinkChange],
        failing: frozenset[str],
        billing: BillingRules,
    ) -> None:
        self.network = network
        self.seed = seed
        self.replication = replication
        self.billing = billing
        self.laws = LawTable()
        self.counters: dict[str, int] = {}
        self.hops: dict[Hop | None, int] = {None: NONE}
        self.units = _units(network)
        self.places = Places(network)
        self.sends: list[Row] = []
        self.tables: dict[str, Table] = {}
        self._lay_stations(failing)
        self._lay_links(changes)
        self._lay_steps()
        self._lay_stages()
        self._lay_sources()
        self._lay_hops()
        self.tables |= self.laws.tables()

    def _key(self, name: str) -> int:
        return stream_key(self.seed, self.replication, name)

    def _hop(self, hop: Hop | None) -> int:
        """Return the row of *hop*; equal hops share one."""
        return self.hops.setdefault(hop, len(self.hops) - 1)

    # -- places -------------------------------------------------------------------------------------------------

    def _lay_stations(self, failing: frozenset[str]) -> None:
        stations: list[Row] = []
        places: list[Row] = []
        shares: list[Row] = []
        for index, pool in enumerate(self.network.stations):
            if isinstance(pool, FunctionPool):
                stations.append(function_row(pool))
                continue
            stations.append(pool_row(pool, len(places)))
            for number in range(pool.nodes):
                row = node_row(pool, number, index, len(shares), len(self.units[index]))
                places.append(row | {"fails": pool.name in failing})
                shares += [
                    {"computing_units": units, "rate": 1.0, "root": NONE, "clock": 0.0} for units in self.units[index]
                ]
        self.tables["stations"] = table(world.STATION, stations)
        self.tables["nodes"] = table(world.NODE, places)
        self.tables["shares"] = table(world.SHARE, shares)

    def _lay_links(self, changes: Sequence[LinkChange]) -> None:
        rows: list[Row] = []
        timeline: list[Row] = []
        extras: list[Row] = []
        for index, link in enumerate(self.network.links):
            mine = [change for change in changes if change.domain == link.name]
            course = Timeline(link, mine)
            rows.append(link_row(link, course, len(timeline), len(extras)))
            timeline += [
                {"time": time, "rate": rate, "link": index}
                for time, rate in zip(course.times, course.rates, strict=True)
            ]
            extras += [{"start": c.at, "end": c.at + c.duration, "delay": c.extra_delay} for c in mine]
        self.tables["links"] = table(world.LINK, rows)
        self.tables["timeline"] = table(world.TIMELINE, timeline)
        self.tables["extras"] = table(world.EXTRA, extras)

    # -- ways ---------------------------------------------------------------------------------------------------

    def _lay_steps(self) -> None:
        rows = [self._step(index, step) for index, step in enumerate(self.network.steps)]
        self.tables["steps"] = table(world.STEP, rows)
        self.tables["sends"] = table(world.SEND, self.sends)

    def _step(self, index: int, step: Step) -> Row:
        stage = self.network.stages[step.component]
        tossed = 0 < step.exit_probability < 1
        pool = self.network.stations[step.station]
        tosses = getattr(pool, "nodes", 1) > 1 and getattr(pool, "dispatch", "") == "random"
        bills_cold, unit = self.billing.get(index, (False, 0.0))
        row = {
            "component": step.component,
            "station": step.station,
            "computing_units": step.computing_units,
            "micro_units": micro_units(step.computing_units),
            "share": self.units[step.station].index(step.computing_units),
            "first": index in stage.first_steps,
            "last": step.next_step is None,
            "place": self.places.steps[self.counters.setdefault(step.name, index)],
            "exit_probability": step.exit_probability,
            "exit_tossed": tossed,
            "exit_key": self._key(f"exit/{step.name}") if tossed else 0,
            "dispatch_key": self._key(f"dispatch/{step.name}") if tosses else 0,
            "bills_cold": bills_cold,
            "bill_unit": unit,
            "sends": len(self.sends),
            "sends_count": len(step.sends),
        }
        keys = self._send_keys(stage)
        self.sends += [self._send(send) | {"key": keys[i]} for i, send in enumerate(step.sends)]
        return row | self._ways(index, step) | self._times(step)

    def _ways(self, index: int, step: Step) -> Row:
        """Return what of a step a plan decides."""
        return {
            "replicas": step.replicas,
            "next": NONE if step.next_step is None else step.next_step,
            "hop": self._hop(step.next_hop),
            "forward": index if step.forward is None else step.forward,
            "retired": step.retired,
        }

    def _send(self, send: Send) -> Row:
        return {"probability": send.probability, "step": send.step, "hop": self._hop(send.hop)}

    def rewire(self, network: Network) -> None:
        """Give the tables the routes of *network*, another network of the same universe."""
        self.network = network
        ways = [self._ways(index, step) for index, step in enumerate(network.steps)]
        _rewrite(self.tables["steps"], ways)
        _rewrite(self.tables["sends"], [self._send(send) for step in network.steps for send in step.sends])
        _rewrite(self.tables["sources"], [self._entry(entry) for entry in network.entries])
        self._lay_hops()

    def _lay_hops(self) -> None:
        self.tables["hops"] = table(
            world.HOP,
            [
                {"link": hop.link, "size_mb": hop.size_mb, "within": hop.within_pool}
                for hop in self.hops
                if hop is not None
            ],
        )

    def _send_keys(self, stage: Stage) -> list[int]:
        """Return the start of each send's own stream; requests that take one way at most need but one."""
        sends = self.network.steps[stage.steps[0]].sends
        if stage.exclusive:
            return [0] * len(sends)
        names = [self.network.stages[self.network.steps[send.step].component].name for send in sends]
        return [self._key(f"branch/{stage.name}/{name}") for name in names]

    def _times(self, step: Step) -> Row:
        """Return the rows of the laws of *step*; a whole cold time comes from the same numbers as a warm one."""
        key = self._key(f"service/{step.name}")
        row: Row = {"service": self.laws.add(step.service_time, key, is_service=True), "cold": NONE}
        if step.cold_service_time:
            row |= {"cold": self.laws.add(step.cold_service_time, key), "cold_is_whole": True}
        elif step.cold_start:
            row["cold"] = self.laws.add(step.cold_start, self._key(f"cold/{step.name}"))
        return row

    def _lay_stages(self) -> None:
        network, places = self.network, self.places
        entered: list[Row] = []
        final: list[Row] = []
        ancestors: list[int] = []
        rows: list[Row] = []
        for index, stage in enumerate(network.stages):
            here, ends = places.entered(index), places.final(index)
            before = sorted(nx.ancestors(network.graph, index)) if index in network.waiting_stages else []
            first_join, joins = places.joins_of[network.part_of[index]]
            rows.append(
                {
                    "place": places.stages[index],
                    "several_steps": len(stage.steps) > 1,
                    "exclusive": stage.exclusive,
                    "joins": index in network.waiting_stages,
                    "part_joins": first_join,
                    "part_joins_count": joins,
                    "entered": len(entered),
                    "entered_count": len(here),
                    "final": len(final),
                    "final_count": len(ends),
                    "ancestors": len(ancestors),
                    "ancestors_count": len(before),
                }
                | self._toss(stage)
            )
            entered += here
            final += ends
            ancestors += before
        self.tables["stages"] = table(world.STAGE, rows)
        self.tables["entered"] = table(world.ENTERED, entered)
        self.tables["final"] = table(world.FINAL, final)
        self.tables["ancestors"] = numbers(ancestors)
        self.tables["joins"] = numbers(places.joins)

    def _toss(self, stage: Stage) -> Row:
        sends = self.network.steps[stage.steps[0]].sends
        routes = [self.network.steps[i].sends for i in stage.steps]
        if not sends or (stage.exclusive and all(len(each) == 1 and each[0].probability >= 1 for each in routes)):
            return {"tossed": False, "key": 0}
        key = self._key(f"branch/{stage.name}") if stage.exclusive else self._send_keys(stage)[0]
        return {"tossed": True, "key": key}

    def _lay_sources(self) -> None:
        rows = [
            self._entry(entry) | {"entry": i, "closed": is_closed(entry.source.arrivals)}
            for i, entry in enumerate(self.network.entries)
        ]
        self.tables["sources"] = table(world.SOURCE, rows)

    def _entry(self, entry: Entry) -> Row:
        return {"step": entry.step, "hop": self._hop(entry.hop)}


def _rewrite(rows: Table, values: Sequence[Row]) -> None:
    """Write *values* into the first of *rows*; their other columns stay."""
    for name in values[0] if values else ():
        rows[name][: len(values)] = [value[name] for value in values]


def is_closed(arrivals: object) -> bool:
    """Say whether a source waits for its answers."""
    return getattr(arrivals, "process", "") == "closed"


def _units(network: Network) -> list[list[float]]:
    """Return, for each station, the numbers of cores that its requests can use, smallest first."""
    units: list[set[float]] = [set() for _ in network.stations]
    for step in network.steps:
        units[step.station].add(step.computing_units)
    return [sorted(each) for each in units]
