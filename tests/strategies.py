"""Random values of the model for property tests: ``scenarios()`` are small, sound and carry a plan that fits."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from twin.model.scenario import Scenario

AWKWARD = (
    "no",
    "12:30",
    "1e3",
    "010",
    "0x1F",
    "null",
    "~",
    "a.b",
    "<<",
    "=",
    "2020-01-01",
    "ключ",
    "x: y",
    "# z",
    "-",
    "'",
)
"""Names that are easily written or read wrongly."""

Draw = Any  # what hypothesis hands to a composite strategy


def names(prefix: str) -> st.SearchStrategy[str]:
    """Return names that begin with *prefix*, a few of them awkward; different prefixes never meet."""
    return st.sampled_from(["", " ", *AWKWARD]).map(lambda tail: f"{prefix}{tail}" if tail.strip() else prefix)


def seconds(largest: float = 10.0) -> st.SearchStrategy[float]:
    """Return positive durations with few significant digits and, now and then, with many."""
    return st.one_of(st.sampled_from([0.001, 0.02, 0.5, 1.0]), st.floats(1e-6, largest, allow_nan=False))


def laws() -> st.SearchStrategy[dict[str, Any] | float]:
    """Return laws in their long and short forms."""
    return st.one_of(
        seconds(),
        st.fixed_dictionaries({"mean": seconds(), "law": st.sampled_from(["deterministic", "exponential"])}),
        st.fixed_dictionaries(
            {"mean": seconds(), "law": st.sampled_from(["lognormal", "gamma", "uniform"]), "cv": st.floats(0, 0.57)}
        ),
        st.fixed_dictionaries({"samples": st.lists(seconds(), min_size=1, max_size=4)}, optional={"scale": seconds()}),
    )


@st.composite
def continua(draw: Draw) -> dict[str, Any]:
    """Draw a continuum in which data can travel between any two layers."""
    servers = draw(st.integers(1, 3))
    layers: dict[str, Any] = {
        f"L{i}": {"type": draw(st.sampled_from(["PhysicalAlreadyProvisioned", "PhysicalToBeProvisioned", "Virtual"]))}
        for i in range(servers)
    }
    resources = {draw(names(f"R{i}")): draw(_resources(f"L{i}")) for i in range(servers)}
    functions = {}
    if draw(st.booleans()):
        layers["LF"] = {"type": "NativeCloudFunction", "number": 4}
        functions = {draw(names("F")): draw(_functions())}
    nested = draw(st.booleans())
    domains: dict[str, Any] = {"ND": draw(_domains()) | ({"contains": ["inner"]} if nested else {})}
    if nested:
        domains["inner"] = draw(_domains())
    domains["inner" if nested else "ND"]["layers"] = list(layers)
    return {"layers": layers, "resources": resources, "functions": functions, "domains": domains}


def _domains() -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries(
        {"bandwidth_mbit_per_s": st.sampled_from([1, 100.0, 1e4])},
        optional={"access_delay": seconds(), "contention": st.sampled_from(["none", "fifo", "shared"])},
    )


def _resources(layer: str) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries(
        {"layer": st.just(layer), "nodes": st.integers(1, 4)},
        optional={
            "cores": st.sampled_from([1.0, 2, 4.0]),
            "memory_mb": st.sampled_from([4096, 65536.0]),
            "discipline": st.sampled_from(["ps", "fifo"]),
            "dispatch": st.sampled_from(["random", "round_robin", "shortest_queue"]),
            "cost_per_hour": st.floats(0, 10),
            "power": st.fixed_dictionaries({"idle_w": st.floats(0, 10), "busy_w": st.floats(0, 100)}),
            "accelerators": st.just({"gpu1": {"count": 2, "memory_mb": 8192}}),
            "description": st.sampled_from(["", "a: b # c", "two\nlines", " spaced "]),
            "properties": st.just({"yes": [1, "no", None, {"x": 1e-7}]}),
        },
    )


def _functions() -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries(
        {"layer": st.just("LF")},
        optional={
            "idle_time": seconds(900.0),
            "cold_start": laws(),
            "concurrency_limit": st.integers(1, 50),
            "on_limit": st.sampled_from(["reject", "queue"]),
            "cost_per_request": st.floats(0, 1e-3),
            "busy_w": st.floats(0, 100),
        },
    )


@st.composite
def applications(draw: Draw, hosts: list[str]) -> dict[str, Any]:
    """Draw one to five components on *hosts*, joined by random edges from earlier ones to later ones."""
    count = draw(st.integers(1, 5))
    chosen = [draw(st.sampled_from(AWKWARD) if i == 0 else names(f"C{i}")) for i in range(count)]
    components: dict[str, Any] = {}
    for name in chosen:
        if draw(st.booleans()):
            components[name] = draw(_partitions(hosts, last=True))
        else:
            components[name] = {"deployments": draw(_deployments(name, hosts))}
        modes = {"join": st.sampled_from(["each", "all"]), "sends": st.sampled_from(["exclusive", "independent"])}
        components[name] |= draw(st.fixed_dictionaries({}, optional=modes))
    edges = [
        {"from": origin, "to": to, "probability": draw(st.sampled_from([0.1, 0.2])), "data_mb": draw(st.floats(0, 9))}
        for i, origin in enumerate(chosen)
        for to in chosen[i + 1 :]
        if draw(st.booleans())
    ]
    return {"components": components, "dependencies": edges}


@st.composite
def _deployments(draw: Draw, component: str, hosts: list[str]) -> dict[str, Any]:
    found = {}
    for deployment in range(draw(st.integers(1, 2))):
        length = draw(st.integers(1, 3))
        chain = {f"{component}_{deployment}_{i}": draw(_partitions(hosts, last=i == length - 1)) for i in range(length)}
        extra = draw(st.fixed_dictionaries({}, optional={"accuracy": st.floats(0, 1)}))
        found[f"d{deployment}"] = {"partitions": chain, **extra}
    return found


@st.composite
def _partitions(draw: Draw, hosts: list[str], *, last: bool) -> dict[str, Any]:
    candidates = draw(st.lists(st.sampled_from(hosts), min_size=1, max_size=3, unique=True))
    container = st.fixed_dictionaries(
        {},
        optional={
            "memory_mb": st.sampled_from([1, 512.5]),
            "image": st.just("a/b:1"),
            "image_mb": st.sampled_from([0.0, 250.5]),
        },
    )
    body: dict[str, Any] = {"candidates": {name: draw(container) for name in candidates}}
    optional = {"data_mb": st.floats(0, 9)} | ({} if last else {"exit_probability": st.floats(0, 1)})
    return body | draw(st.fixed_dictionaries({}, optional=optional))


def profiles() -> st.SearchStrategy[Any]:
    """Return profiles in their long and short forms."""
    long = st.fixed_dictionaries(
        {"service_time": laws()},
        optional={
            "cold_start": laws(),
            "cold_service_time": laws(),
            "scale": seconds(),
            "source": st.sampled_from(["guess", "no: really"]),
        },
    )
    return st.one_of(laws(), long)


def arrivals() -> st.SearchStrategy[dict[str, Any]]:
    """Return arrival processes of all kinds."""
    rate = st.floats(0.01, 20)
    return st.one_of(
        st.fixed_dictionaries({"process": st.sampled_from(["poisson", "deterministic"]), "rate": rate}),
        st.fixed_dictionaries({"process": st.just("renewal"), "gap": laws()}),
        st.just({"process": "piecewise", "times": [0, 10.5, 20], "rates": [1, 0, 2.5], "period": 30}),
        st.fixed_dictionaries(
            {"process": st.just("sinusoid"), "rate": rate, "amplitude": st.floats(0, 1), "period": seconds()}
        ),
        st.just({"process": "markov_modulated", "states": [{"rate": 1, "sojourn": 10}, {"rate": 0, "sojourn": 5.5}]}),
        st.fixed_dictionaries({"process": st.just("batch"), "rate": rate, "size": st.integers(1, 9)}),
        st.fixed_dictionaries({"process": st.just("trace"), "file": st.just("t.csv"), "times": st.just([0, 1.25, 7])}),
        st.fixed_dictionaries({"process": st.just("closed"), "users": st.integers(1, 9), "think_time": laws()}),
    )


@st.composite
def scenarios(draw: Draw) -> Scenario:
    """Draw a sound scenario of one to five components with a plan that fits it."""
    continuum = draw(continua())
    hosts = [*continuum["resources"], *continuum["functions"]]
    application = draw(applications(hosts))
    chains = [_chains(name, body) for name, body in application["components"].items()]
    partitions = {name: body for options in chains for chain in options for name, body in chain.items()}
    placed = [name for options in chains for name in draw(st.sampled_from(options))]
    first = next(iter(application["components"]))
    data = {
        "name": draw(names("S")),
        "question": draw(st.sampled_from(["", "Does it hold?"])),
        "continuum": continuum,
        "application": application,
        "profiles": {
            name: {host: draw(profiles()) for host in body["candidates"]} for name, body in partitions.items()
        },
        "workload": {"sources": {"src": {"entry": first, "at": "L0", "data_mb": 0.5, "arrivals": draw(arrivals())}}},
        "constraints": draw(_constraints(first)),
        "events": draw(_events(next(iter(continuum["resources"])))),
        "run": draw(_runs()),
        "reconfiguration": draw(_reconfigurations(continuum)),
        "plan": {"placements": {name: draw(_placements(partitions[name], continuum)) for name in placed}},
        "expect": draw(st.sampled_from([[], [{"figure": "response_time.mean", "below": 2}]])),
    }
    return Scenario.model_validate(data)


def _chains(name: str, component: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the chain of partitions of each deployment."""
    if "deployments" not in component:
        return [{name: component}]
    return [deployment["partitions"] for deployment in component["deployments"].values()]


@st.composite
def _placements(draw: Draw, partition: dict[str, Any], continuum: dict[str, Any]) -> dict[str, Any]:
    host = draw(st.sampled_from(list(partition["candidates"])))
    nodes = continuum["resources"].get(host, {"nodes": 1})["nodes"]
    return {"resource": host, "replicas": draw(st.integers(1, nodes))}


def _constraints(component: str) -> st.SearchStrategy[list[dict[str, Any]]]:
    one = st.one_of(
        st.fixed_dictionaries({"kind": st.just("local"), "component": st.just(component), "limit": seconds()}),
        st.fixed_dictionaries({"kind": st.just("global"), "path": st.just([component]), "limit": seconds()}),
        st.fixed_dictionaries({"kind": st.just("response"), "limit": seconds(), "percentile": st.floats(1, 99.9)}),
        st.fixed_dictionaries({"kind": st.just("throughput"), "component": st.just(component), "at_least": seconds()}),
    )
    return st.lists(one, max_size=2)


def _events(resource: str) -> st.SearchStrategy[list[dict[str, Any]]]:
    one = st.one_of(
        st.just({"event": "crash", "resource": resource, "at": 10, "duration": 2.5, "node": 0}),
        st.fixed_dictionaries(
            {
                "event": st.just("failures"),
                "resource": st.just(resource),
                "time_to_failure": laws(),
                "time_to_repair": laws(),
            }
        ),
        st.just({"event": "link", "domain": "ND", "at": 1.5, "duration": 3, "bandwidth_factor": 0}),
        st.fixed_dictionaries({"event": st.just("load"), "at": seconds(), "factor": seconds()}),
    )
    return st.lists(one, max_size=2)


def _runs() -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries(
        {"seed": st.integers(0, 10**9)},
        optional={
            "requests": st.integers(1, 10**6),
            "warm_up": st.sampled_from(["auto", "none", 0, 12.5]),
            "replications": st.integers(1, 9),
            "discipline": st.sampled_from(["ps", "fifo"]),
            "bare_mean": st.sampled_from(["exponential", "deterministic"]),
        },
    )


def _reconfigurations(continuum: dict[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    monitor = st.fixed_dictionaries(
        {}, optional={"window": seconds(), "delay": seconds(), "noise": st.floats(0, 1), "hold": seconds()}
    )
    return st.fixed_dictionaries(
        {},
        optional={
            "period": seconds(),
            "monitor": monitor,
            "removal": st.sampled_from(["drain", "kill"]),
            "registry": st.sampled_from([*continuum["layers"]]),
            "failure_probability": st.floats(0, 1),
            "late_probability": st.floats(0, 1),
            "late_factor": st.floats(1, 9),
            "fixed_resources": st.lists(st.sampled_from([*continuum["resources"]]), max_size=2),
        },
    )
