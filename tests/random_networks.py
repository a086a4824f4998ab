"""Random queueing networks with everything an engine knows, drawn directly: no scenario stands behind them."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from twin.engines.billing import Billing
from twin.model.events import Crash, Event, Failures, LinkChange, LoadStep
from twin.model.law import Law
from twin.model.workload import Source
from twin.network import Entry, FunctionPool, Hop, Link, Network, NodePool, Send, Stage, Step

Draw = Any  # what hypothesis hands to a composite strategy

SECONDS = st.one_of(st.sampled_from([0.02, 0.1, 0.25]), st.floats(0.001, 0.5))


def laws() -> st.SearchStrategy[Law]:
    """Return laws of all families."""
    return st.one_of(
        st.builds(Law, law=st.sampled_from(["deterministic", "exponential"]), mean=SECONDS, scale=st.floats(0.5, 2)),
        st.builds(Law, law=st.sampled_from(["lognormal", "gamma"]), mean=SECONDS, cv=st.sampled_from([0.5, 1.5])),
        st.builds(Law, law=st.just("uniform"), mean=SECONDS, cv=st.floats(0, 0.57)),
        st.builds(Law, law=st.just("empirical"), samples=st.lists(SECONDS, min_size=1, max_size=4).map(tuple)),
    )


def stations(names: list[str]) -> st.SearchStrategy[tuple[NodePool | FunctionPool, ...]]:
    """Return one pool for each name."""
    return st.tuples(*[_pools(name) for name in names])


def _pools(name: str) -> st.SearchStrategy[NodePool | FunctionPool]:
    nodes = st.builds(
        NodePool,
        name=st.just(name),
        nodes=st.integers(1, 3),
        cores=st.sampled_from([1.0, 1.5, 2.0, 4.0]),
        discipline=st.sampled_from(["ps", "fifo"]),
        dispatch=st.sampled_from(["random", "round_robin", "shortest_queue"]),
        queue_capacity=st.sampled_from([None, None, 0, 2]),
    )
    functions = st.builds(
        FunctionPool,
        name=st.just(name),
        function=st.just(name),
        idle_time=st.sampled_from([0.05, 1.0, 100.0]),
        concurrency_limit=st.sampled_from([None, 1, 3]),
        on_limit=st.sampled_from(["reject", "queue"]),
    )
    return st.one_of(nodes, nodes, functions)


def links(count: int) -> st.SearchStrategy[tuple[Link, ...]]:
    """Return *count* links."""
    return st.tuples(
        *[
            st.builds(
                Link,
                name=st.just(f"link {i}"),
                bandwidth_mbit_per_s=st.sampled_from([8.0, 20.0, 100.0]),
                access_delay=st.sampled_from([0.0, 0.01]),
                contention=st.sampled_from(["none", "fifo", "shared"]),
            )
            for i in range(count)
        ]
    )


def arrivals() -> st.SearchStrategy[dict[str, Any]]:
    """Return arrival processes of all kinds, a few requests each second."""
    rate = st.sampled_from([0.5, 3.0, 20.0])
    return st.one_of(
        st.fixed_dictionaries({"process": st.sampled_from(["poisson", "deterministic"]), "rate": rate}),
        st.just({"process": "renewal", "gap": {"mean": 0.2, "law": "gamma", "cv": 2.0}}),
        st.just({"process": "piecewise", "times": [0, 2, 4], "rates": [10, 0, 5], "period": 6}),
        st.just({"process": "piecewise", "times": [0, 2], "rates": [10, 0]}),
        st.just({"process": "sinusoid", "rate": 5.0, "amplitude": 0.9, "period": 3.0}),
        st.just({"process": "markov_modulated", "states": [{"rate": 20, "sojourn": 1}, {"rate": 0, "sojourn": 1}]}),
        st.fixed_dictionaries(
            {"process": st.just("batch"), "rate": rate, "size": st.integers(1, 9)},
            optional={"sizes": st.just("geometric")},
        ),
        st.just({"process": "trace", "file": "t.csv", "times": [0, 0, 0.5, 0.5, 1.25, 7]}),
        st.fixed_dictionaries(
            {"process": st.just("closed"), "users": st.integers(1, 9), "think_time": st.sampled_from([0.05, 0.5])}
        ),
    )


@st.composite
def hops(draw: Draw, network_links: int, *, within: bool) -> Hop | None:
    """Draw a transfer, or none."""
    if not network_links or draw(st.booleans()):
        return None
    size = draw(st.sampled_from([0.0, 0.1, 0.5]))
    return Hop(link=draw(st.integers(0, network_links - 1)), size_mb=size, within_pool=within and draw(st.booleans()))


@st.composite
def networks(draw: Draw) -> Network:
    """Draw a network of one to five stages, with or without ways back."""
    pools = draw(stations([f"station {i}" for i in range(draw(st.integers(1, 4)))]))
    network_links = draw(links(draw(st.integers(0, 2))))
    lengths = draw(st.lists(st.sampled_from([1, 1, 2, 3]), min_size=1, max_size=5))
    loops = draw(st.integers(0, 4)) == 0
    builder = _Builder(draw, pools, len(network_links), lengths)
    stages = [builder.stage(i, loops=loops) for i in range(len(lengths))]
    numbers = st.integers(0, len(lengths) - 1)
    return Network(
        stations=pools,
        links=network_links,
        steps=tuple(builder.steps),
        stages=tuple(stages),
        entries=tuple(builder.entry(i) for i in range(draw(st.integers(1, 2)))),
        paths=tuple(draw(st.lists(st.lists(numbers, min_size=1, max_size=3).map(tuple), max_size=2))),
        bare=draw(st.sampled_from(["exponential", "deterministic"])),
    )


class _Builder:
    """Draws stages whose sends point to the first steps of others."""

    def __init__(self, draw: Draw, pools: tuple[NodePool | FunctionPool, ...], links: int, lengths: list[int]) -> None:
        self.draw = draw
        self.pools = pools
        self.links = links
        self.firsts = [sum(lengths[:i]) for i in range(len(lengths))]
        self.lengths = lengths
        self.places = [draw(st.integers(0, len(pools) - 1)) for _ in range(sum(lengths))]
        self.steps: list[Step] = []

    def entry(self, number: int) -> Entry:
        """Draw a source."""
        source = Source.model_validate({"name": f"source {number}", "arrivals": self.draw(arrivals())})
        step = self.firsts[0] if self.draw(st.booleans()) else self.draw(st.sampled_from(self.firsts))
        return Entry(source=source, step=step, hop=self.draw(hops(self.links, within=False)))

    def stage(self, index: int, *, loops: bool) -> Stage:
        """Draw a stage with its steps."""
        draw = self.draw
        later = list(range(0 if loops else index + 1, len(self.lengths)))
        targets = [target for target in later if draw(st.booleans())]
        exclusive = draw(st.booleans())
        if targets and exclusive and not loops and draw(st.booleans()):
            shares = [1 / len(targets)] * len(targets)
        else:
            shares = [draw(st.floats(0, 0.8 / len(targets) if exclusive or loops else 1)) for _ in targets]
        first = self.firsts[index]
        for i in range(self.lengths[index]):
            self.steps.append(self._step(index, first + i, i + 1 == self.lengths[index], targets, shares))
        steps = tuple(range(first, first + self.lengths[index]))
        return Stage(name=f"stage {index}", steps=steps, exclusive=exclusive, join_all=draw(st.booleans()))

    def _step(self, stage: int, step: int, last: bool, targets: list[int], shares: list[float]) -> Step:
        draw = self.draw
        pool = self.pools[self.places[step]]
        is_function = isinstance(pool, FunctionPool)
        cores = 1.0 if isinstance(pool, FunctionPool) else pool.cores
        return Step(
            name=f"step {step}",
            component=stage,
            station=self.places[step],
            service_time=draw(laws()),
            replicas=draw(st.integers(1, 1 if isinstance(pool, FunctionPool) else pool.nodes)),
            computing_units=draw(st.sampled_from([units for units in (0.25, 1.0, 1.5, 2.0) if units <= cores])),
            cold_start=draw(st.one_of(st.none(), laws())) if is_function else None,
            cold_service_time=draw(st.one_of(st.none(), laws())) if is_function else None,
            exit_probability=1.0 if last else draw(st.sampled_from([0.0, 0.3, 1.0])),
            next_step=None if last else step + 1,
            next_hop=None if last else self._hop(step, step + 1),
            sends=tuple(
                Send(probability=share, step=self.firsts[target], hop=self._hop(step, self.firsts[target]))
                for target, share in zip(targets, shares, strict=True)
            ),
        )

    def _hop(self, origin: int, target: int) -> Hop | None:
        here, there = self.places[origin], self.places[target]
        within = here == there and isinstance(self.pools[here], NodePool)
        hop: Hop | None = self.draw(hops(self.links, within=within))
        return hop


@st.composite
def events(draw: Draw, network: Network) -> tuple[Event, ...]:
    """Draw what happens to *network* from outside."""
    names = st.sampled_from([pool.name for pool in network.stations])
    at = st.sampled_from([0.0, 0.5, 1.0, 2.5])
    duration = st.sampled_from([0.25, 1.0, 2.0])
    policy = {"requests": st.sampled_from(["retry", "lost"]), "retries": st.integers(0, 2)}
    kinds: list[st.SearchStrategy[Any]] = [
        st.builds(
            Crash,
            event=st.just("crash"),
            resource=names,
            at=at,
            duration=duration,
            node=st.sampled_from([None, 0, 1]),
            **policy,
        ),
        st.builds(
            Failures,
            event=st.just("failures"),
            resource=names,
            time_to_failure=st.sampled_from([0.5, 2.0]).map(lambda mean: Law(mean=mean)),
            time_to_repair=st.sampled_from([0.1, 0.5]).map(lambda mean: Law(mean=mean)),
            **policy,
        ),
        st.builds(LoadStep, event=st.just("load"), at=at, factor=st.sampled_from([0.5, 3.0])),
    ]
    if network.links:
        kinds.append(
            st.builds(
                LinkChange,
                event=st.just("link"),
                domain=st.sampled_from([link.name for link in network.links]),
                at=at,
                duration=duration,
                bandwidth_factor=st.sampled_from([0.0, 0.5, 2.0]),
                extra_delay=st.sampled_from([0.0, 0.1]),
            )
        )
    return tuple(draw(st.lists(st.one_of(kinds), max_size=3)))


@st.composite
def bills(draw: Draw, network: Network) -> Billing:
    """Draw a price list for each step."""
    rules = st.tuples(st.booleans(), st.sampled_from([0.0, 0.001, 0.1]))
    return Billing({i: draw(rules) for i, _ in enumerate(network.steps) if draw(st.booleans())})
